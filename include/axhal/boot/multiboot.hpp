// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/boot/detail/little_endian.hpp>
#include <axhal/boot/e820.hpp>
#include <axhal/boot/memory_reader.hpp>
#include <axhal/boot/multiboot_header.hpp>
#include <axhal/core/address.hpp>
#include <axhal/core/bytes.hpp>
#include <axhal/core/result.hpp>

#include <cstddef>
#include <cstdint>

namespace axhal::boot {

/// The memory map of a Multiboot loader: E820 entries, each behind a word with its size. A range for `for`, to be given
/// to `add_e820`.
class multiboot_memory_map {
 public:
  struct end_mark {};

  constexpr multiboot_memory_map() = default;
  /// The entries in `list`. Error: `bad_entry` when one is shorter than 20 bytes or reaches past the list, with its
  /// offset in the list.
  [[nodiscard]] static constexpr result<multiboot_memory_map, multiboot_error> open(bytes list) {
    for (std::size_t at = 0; at < list.size;) {
      std::size_t const size = whole_size(list, at);
      if (size == 0) return failure{multiboot_error{multiboot_fault::bad_entry, at}};
      at += size;
    }
    multiboot_memory_map map;
    map.list_ = list;
    return map;
  }

  class iterator {
   public:
    constexpr explicit iterator(bytes list) : list_{list}, size_{whole_size(list, 0)} {}
    [[nodiscard]] constexpr e820_entry operator*() const { return e820_entry::load(list_, at_ + 4); }
    constexpr iterator& operator++() {
      at_ += size_;
      size_ = whole_size(list_, at_);
      return *this;
    }
    [[nodiscard]] friend constexpr bool operator==(iterator const& i, end_mark) { return i.size_ == 0; }

   private:
    bytes list_;
    std::size_t at_{};
    std::size_t size_;
  };
  [[nodiscard]] constexpr iterator begin() const { return iterator{list_}; }
  [[nodiscard]] constexpr end_mark end() const { return {}; }

 private:
  /// Bytes of the entry at `at` with its size word, or 0 when there is no whole entry.
  [[nodiscard]] static constexpr std::size_t whole_size(bytes list, std::size_t at) {
    if (at >= list.size || list.size - at < 4 + e820_entry::size) return 0;
    std::size_t const size = detail::load_le<std::uint32_t>(list, at);
    return size < e820_entry::size || size > list.size - at - 4 ? 0 : size + 4;
  }

  bytes list_{};
};

/// A file that the loader put into memory.
struct multiboot_module {
  host_range where{};
  text arguments{};  ///< its command line, empty when it has none
};

/// What a Multiboot loader tells the image that it started (Multiboot Specification 0.6.96, 3.3 "Boot information
/// format"). Only fields that the flags announce are read, each when it is asked for.
///
/// Copies are cheap. The reader must outlive them, and the memory stay unchanged; were it changed all the same, answers
/// change, but nothing outside of what the reader gives is read.
template <MemoryReader Reader>
class multiboot_info {
 public:
  /// `magic` and `where` are EAX and EBX as they were at the image's entry.
  /// Errors: `bad_magic`, `unreadable`, with the address of the structure.
  [[nodiscard]] static constexpr result<multiboot_info, multiboot_error> open(Reader const& reader, std::uint32_t magic,
                                                                              std::uint32_t where) {
    if (magic != multiboot_format::loader_magic) return failure{multiboot_error{multiboot_fault::bad_magic, where}};
    bytes const flags = read_memory(reader, {{where}, 4});
    if (flags.empty()) return failure{multiboot_error{multiboot_fault::unreadable, where}};
    return multiboot_info{reader, where, detail::load_le<std::uint32_t>(flags, 0)};
  }

  /// Bits of `multiboot_format::info_flag`.
  [[nodiscard]] constexpr std::uint32_t flags() const { return flags_; }

  /// Memory from 0 on, in KiB (at most 640). Errors: `not_found`, `unreadable`.
  [[nodiscard]] constexpr result<std::uint32_t, multiboot_error> lower_memory_kib() const {
    return field(multiboot_format::has_memory, multiboot_format::i_mem_lower);
  }
  /// Memory from 1 MiB to the first hole, in KiB. Errors: `not_found`, `unreadable`.
  [[nodiscard]] constexpr result<std::uint32_t, multiboot_error> upper_memory_kib() const {
    return field(multiboot_format::has_memory, multiboot_format::i_mem_upper);
  }

  /// The command line, without what comes before it (some loaders put the image's path first, as a word of its own).
  /// Errors: `not_found`, `unreadable`, `unterminated`.
  [[nodiscard]] result<text, multiboot_error> command_line() const {
    return string_field(multiboot_format::has_command_line, multiboot_format::i_cmdline);
  }
  /// The loader's own name. Errors: as `command_line`.
  [[nodiscard]] result<text, multiboot_error> loader_name() const {
    return string_field(multiboot_format::has_loader_name, multiboot_format::i_boot_loader_name);
  }

  /// Firmware's memory map. Errors: `not_found`, `unreadable`, `bad_entry` with the entry's address.
  [[nodiscard]] constexpr result<multiboot_memory_map, multiboot_error> memory_map() const {
    using namespace multiboot_format;
    auto const length = field(has_memory_map, i_mmap_length);
    if (!length) return failure{length.error()};
    auto const where = field(has_memory_map, i_mmap_addr);
    if (!where) return failure{where.error()};
    if (*length == 0) return failure{multiboot_error{multiboot_fault::not_found, *where}};
    bytes const list = read_memory(*reader_, {{*where}, *length});
    if (list.empty()) return failure{multiboot_error{multiboot_fault::unreadable, *where}};
    auto const map = multiboot_memory_map::open(list);
    if (!map) return failure{multiboot_error{map.error().what, *where + map.error().where}};
    return map;
  }

  /// Number of modules, as the loader states it; zero when it gives none.
  [[nodiscard]] constexpr std::uint32_t module_count() const {
    return field(multiboot_format::has_modules, multiboot_format::i_mods_count).value_or(0);
  }
  /// The `i`-th module. Errors: `not_found` (there are not so many), `unreadable` (the list, or its command line),
  /// `bad_entry` (it ends before it begins), `unterminated`. The module's own bytes are not looked at.
  [[nodiscard]] result<multiboot_module, multiboot_error> module(std::uint32_t i) const {
    using namespace multiboot_format;
    if (i >= module_count()) return failure{multiboot_error{multiboot_fault::not_found, where_}};
    auto const list = field(has_modules, i_mods_addr);
    if (!list) return failure{list.error()};
    std::uint64_t const at = *list + std::uint64_t{i} * module_size;
    bytes const entry = read_memory(*reader_, {{at}, module_size});
    if (entry.empty()) return failure{multiboot_error{multiboot_fault::unreadable, at}};
    auto const start = detail::load_le<std::uint32_t>(entry, 0);
    auto const end = detail::load_le<std::uint32_t>(entry, 4);
    auto const line = detail::load_le<std::uint32_t>(entry, 8);
    if (end < start) return failure{multiboot_error{multiboot_fault::bad_entry, at}};
    multiboot_module found{{{start}, end - start}, {}};
    if (line != 0) {
      auto const arguments = string(line);
      if (!arguments) return failure{arguments.error()};
      found.arguments = *arguments;
    }
    return found;
  }

 private:
  constexpr multiboot_info(Reader const& reader, std::uint32_t where, std::uint32_t flags)
      : reader_{&reader}, where_{where}, flags_{flags} {}

  [[nodiscard]] constexpr result<std::uint32_t, multiboot_error> field(std::uint32_t flag, std::uint32_t offset) const {
    std::uint64_t const at = std::uint64_t{where_} + offset;
    if ((flags_ & flag) == 0) return failure{multiboot_error{multiboot_fault::not_found, at}};
    bytes const word = read_memory(*reader_, {{at}, 4});
    if (word.empty()) return failure{multiboot_error{multiboot_fault::unreadable, at}};
    return detail::load_le<std::uint32_t>(word, 0);
  }
  [[nodiscard]] result<text, multiboot_error> string_field(std::uint32_t flag, std::uint32_t offset) const {
    auto const where = field(flag, offset);
    if (!where) return failure{where.error()};
    return string(*where);
  }
  /// The zero-terminated string at `where`. Its end is looked for byte by byte: what follows may not be readable.
  [[nodiscard]] result<text, multiboot_error> string(std::uint32_t where) const {
    for (std::size_t size = 0; size <= multiboot_format::max_string; ++size) {
      bytes const next = read_memory(*reader_, {{std::uint64_t{where} + size}, 1});
      if (next.empty()) return failure{multiboot_error{multiboot_fault::unreadable, where + size}};
      if (next[0] != 0) continue;
      bytes const all = read_memory(*reader_, {{where}, size + 1});
      if (all.empty()) return failure{multiboot_error{multiboot_fault::unreadable, where}};
      return text{reinterpret_cast<char const*>(all.data), size};
    }
    return failure{multiboot_error{multiboot_fault::unterminated, where}};
  }

  Reader const* reader_;
  std::uint32_t where_;
  std::uint32_t flags_;
};

}  // namespace axhal::boot
