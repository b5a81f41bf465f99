// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/boot/image_fault.hpp>
#include <axhal/core/bytes.hpp>
#include <axhal/core/result.hpp>

#include <cstddef>
#include <cstdint>

namespace axhal::boot {

/// Which files a reader knows: one for 64-bit files alone is half as large.
enum class elf_classes : std::uint8_t { elf64, both };

/// Which machines' files are taken: e_machine of 64-bit and of 32-bit files. Zero takes none of that class.
struct elf_machines {
  std::uint16_t elf64{};
  std::uint16_t elf32{};
};

/// A little-endian ELF executable of either class, as a loader sees it: what is to be in memory, and where it is
/// entered (System V ABI, "Object Files": "ELF Header", "Program Header", "Note Section").
///
/// `open` checks all that a loader will use, and looks at no byte outside of the file. The file must stay, and stay
/// unchanged, as long as the program is in use.
template <elf_classes Classes>
class basic_elf_program {
 public:
  /// A program without segments.
  constexpr basic_elf_program() = default;

  /// No kernel has nearly as many, and a forged count must not cost minutes: segments are compared pair by pair.
  static constexpr std::uint32_t max_program_headers = 128;

  /// True when the file begins as an ELF does.
  [[nodiscard]] static constexpr bool is_elf(bytes file) {
    return image_detail::has_magic(file, 0,
                                   "\x7f"
                                   "ELF");
  }
  /// Precondition: `is_elf(file)`. Errors: `outside_file`, `not_elf64`, `big_endian`, `not_executable`,
  /// `other_machine`, `bad_header`, `too_large`, `segments_overlap`, `no_segments`.
  [[nodiscard]] static constexpr result<basic_elf_program, image_error> open(bytes file, elf_machines wanted);

  [[nodiscard]] constexpr bool is_64() const { return Classes == elf_classes::elf64 || wide_; }
  /// True for a file that may be moved as a whole (ET_DYN).
  [[nodiscard]] constexpr bool is_position_independent() const { return position_independent_; }
  /// Where it says that it is entered, as it stands in the header.
  [[nodiscard]] constexpr std::uint64_t stated_entry() const { return word(24); }
  /// The byte in the file that holds `stated_entry()`.
  static constexpr std::uint64_t entry_offset = 24;

  /// The lowest physical address of its segments, and the bytes from there to the end of the last.
  [[nodiscard]] constexpr std::uint64_t start() const { return low_; }
  [[nodiscard]] constexpr std::uint64_t size() const { return high_ - low_; }

  /// How many segments are to be in memory; at least 1.
  [[nodiscard]] constexpr std::uint32_t segment_count() const { return segments_; }
  /// With its physical address. Precondition: `i < segment_count()`.
  [[nodiscard]] constexpr image_segment segment(std::uint32_t i) const {
    for (std::uint32_t header = 0; header < headers_; ++header) {
      if (is_load(header) && i-- == 0) return load_segment(header);
    }
    return {};
  }
  /// True when the `size` bytes at the physical address `at` lie in one segment.
  [[nodiscard]] constexpr bool has_physical(std::uint64_t at, std::uint64_t size) const {
    for (std::uint32_t i = 0; i < headers_; ++i) {
      if (!is_load(i)) continue;
      image_segment const s = load_segment(i);
      if (at >= s.address && at - s.address < s.memory_size && size <= s.memory_size - (at - s.address)) return true;
    }
    return false;
  }
  /// The physical address of the entry: the header has a virtual one, segments go to physical ones.
  /// Error: `bad_entry`, it lies in no segment.
  [[nodiscard]] constexpr result<std::uint64_t, image_error> physical_entry() const {
    for (std::uint32_t i = 0; i < headers_; ++i) {
      if (!is_load(i)) continue;
      image_segment const s = load_segment(i);
      std::uint64_t const from = stated_entry() - virtual_address(i);
      if (stated_entry() >= virtual_address(i) && from < s.memory_size) return s.address + from;
    }
    return refuse(image_fault::bad_entry, entry_offset);
  }

  /// What the first note of `type` by `owner` says; an empty view at the file's end where there is none.
  /// Errors: `outside_file`, a segment of notes, or a note in one, passes its end.
  [[nodiscard]] constexpr result<bytes, image_error> find_note(text owner, std::uint32_t type) const;

 private:
  static constexpr std::uint32_t pt_load = 1;
  static constexpr std::uint32_t pt_note = 4;
  static constexpr std::uint64_t note_header_size = 12;

  constexpr basic_elf_program(bytes file, bool wide) : file_{file}, wide_{wide} {}

  [[nodiscard]] static constexpr failure<image_error> refuse(image_fault what, std::uint64_t offset) {
    return failure{image_error{what, offset}};
  }
  // A program header has the same fields in both classes, elsewhere: offset, virtual and physical address, sizes.
  [[nodiscard]] constexpr unsigned word_size() const { return is_64() ? 8 : 4; }
  [[nodiscard]] constexpr std::uint64_t header_size() const { return is_64() ? 56 : 32; }
  [[nodiscard]] constexpr std::uint64_t header_at(std::uint32_t i) const { return table_ + i * header_size(); }
  /// The byte at which field `n` (0 offset, 1 virtual, 2 physical, 3 file size, 4 memory size) of a header stands.
  [[nodiscard]] constexpr std::uint64_t field_at(std::uint32_t i, unsigned n) const {
    return header_at(i) + (std::uint64_t{n} + 1) * word_size();
  }
  [[nodiscard]] constexpr std::uint64_t field(std::uint32_t i, unsigned n) const { return word(field_at(i, n)); }
  [[nodiscard]] constexpr std::uint64_t word(std::uint64_t at) const {
    return image_detail::load(file_, at, word_size());
  }
  [[nodiscard]] constexpr std::uint64_t virtual_address(std::uint32_t i) const { return field(i, 1); }
  [[nodiscard]] constexpr std::uint64_t type(std::uint32_t i) const {
    return image_detail::load(file_, header_at(i), 4);
  }
  /// PT_LOAD; with no memory it occupies nothing.
  [[nodiscard]] constexpr bool is_load(std::uint32_t i) const { return type(i) == pt_load && field(i, 4) != 0; }
  [[nodiscard]] constexpr image_segment load_segment(std::uint32_t i) const {
    return {field(i, 0), field(i, 3), field(i, 2), field(i, 4)};
  }
  [[nodiscard]] constexpr result<void, image_error> read(elf_machines wanted);
  [[nodiscard]] constexpr result<void, image_error> read_segments();

  bytes file_{};
  bool wide_{};
  bool position_independent_{};
  std::uint32_t headers_{};
  std::uint32_t segments_{};
  std::uint64_t table_{};
  std::uint64_t low_{~std::uint64_t{0}};
  std::uint64_t high_{};
};

template <elf_classes Classes>
constexpr result<basic_elf_program<Classes>, image_error> basic_elf_program<Classes>::open(bytes file,
                                                                                           elf_machines wanted) {
  // The two classes differ in byte 4, and the smaller header has 52 bytes.
  if (file.size < 52) return refuse(image_fault::outside_file, file.size);
  bool const wide = file[4] == 2;
  bool const takes_32 = Classes == elf_classes::both && wanted.elf32 != 0;
  if (!wide && !(takes_32 && file[4] == 1)) return refuse(image_fault::not_elf64, 4);
  if (wide && file.size < 64) return refuse(image_fault::outside_file, file.size);
  basic_elf_program program{file, wide};
  if (auto const read = program.read(wanted); !read) return failure{read.error()};
  return program;
}

template <elf_classes Classes>
constexpr result<void, image_error> basic_elf_program<Classes>::read(elf_machines wanted) {
  using image_detail::load;
  if (file_[5] != 1) return refuse(image_fault::big_endian, 5);
  std::uint64_t const type = load(file_, 16, 2);
  if (type != 2 && type != 3) return refuse(image_fault::not_executable, 16);
  position_independent_ = type == 3;
  std::uint16_t const machine = is_64() ? wanted.elf64 : wanted.elf32;
  if (machine == 0 || load(file_, 18, 2) != machine) return refuse(image_fault::other_machine, 18);
  std::uint64_t const at_table = is_64() ? 32 : 28;
  std::uint64_t const at_size = is_64() ? 54 : 42;
  table_ = word(at_table);
  if (load(file_, at_size, 2) != header_size()) return refuse(image_fault::bad_header, at_size);
  headers_ = static_cast<std::uint32_t>(load(file_, at_size + 2, 2));
  if (headers_ > max_program_headers) return refuse(image_fault::bad_header, at_size + 2);
  if (table_ > file_.size || headers_ * header_size() > file_.size - table_) {
    return refuse(image_fault::outside_file, at_table);
  }
  return read_segments();
}

template <elf_classes Classes>
constexpr result<void, image_error> basic_elf_program<Classes>::read_segments() {
  for (std::uint32_t i = 0; i < headers_; ++i) {
    if (!is_load(i)) continue;
    image_segment const s = load_segment(i);
    if (s.file_offset > file_.size || s.file_size > file_.size - s.file_offset) {
      return refuse(image_fault::outside_file, field_at(i, 0));
    }
    if (s.file_size > s.memory_size) return refuse(image_fault::bad_header, field_at(i, 3));
    if (s.address > ~std::uint64_t{0} - s.memory_size) return refuse(image_fault::too_large, field_at(i, 2));
    for (std::uint32_t j = 0; j < i; ++j) {
      if (!is_load(j)) continue;
      image_segment const other = load_segment(j);
      if (s.address < other.address + other.memory_size && other.address < s.address + s.memory_size) {
        return refuse(image_fault::segments_overlap, field_at(i, 2));
      }
    }
    low_ = s.address < low_ ? s.address : low_;
    high_ = s.address + s.memory_size > high_ ? s.address + s.memory_size : high_;
    ++segments_;
  }
  if (segments_ == 0) return refuse(image_fault::no_segments, is_64() ? 56 : 44);
  return {};
}

template <elf_classes Classes>
constexpr result<bytes, image_error> basic_elf_program<Classes>::find_note(text owner, std::uint32_t wanted) const {
  using image_detail::load;
  for (std::uint32_t i = 0; i < headers_; ++i) {
    if (type(i) != pt_note) continue;
    image_segment const s = load_segment(i);
    if (s.file_offset > file_.size || s.file_size > file_.size - s.file_offset) {
      return refuse(image_fault::outside_file, field_at(i, 0));
    }
    // Names and contents are padded to 4 bytes, in a segment that is aligned to 8 to that.
    std::uint64_t const alignment = is_64() && word(header_at(i) + 48) == 8 ? 8 : 4;
    auto const padded = [&](std::uint64_t size) { return (size + (alignment - 1)) & ~(alignment - 1); };
    std::uint64_t const end = s.file_offset + s.file_size;
    for (std::uint64_t at = s.file_offset; end - at >= note_header_size;) {
      std::uint64_t const name_size = load(file_, at, 4);
      std::uint64_t const content_size = load(file_, at + 4, 4);
      std::uint64_t const name_at = at + note_header_size;
      // Sizes have 32 bits: their sums stay far below 2^64.
      std::uint64_t const content_at = at + padded(note_header_size + name_size);
      if (content_at > end || content_size > end - content_at) return refuse(image_fault::outside_file, at);
      bool same = load(file_, at + 8, 4) == wanted && name_size == owner.size + 1;
      for (std::size_t c = 0; same && c < owner.size; ++c) {
        same = file_[static_cast<std::size_t>(name_at + c)] == static_cast<std::uint8_t>(owner[c]);
      }
      if (same) return file_.sub(static_cast<std::size_t>(content_at), static_cast<std::size_t>(content_size));
      std::uint64_t const next = content_at + padded(content_size);
      if (next >= end) break;
      at = next;
    }
  }
  return file_.sub(file_.size);
}

/// A reader of both classes.
using elf_program = basic_elf_program<elf_classes::both>;

}  // namespace axhal::boot
