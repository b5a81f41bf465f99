// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/boot/device_tree_format.hpp>
#include <axhal/core/address.hpp>
#include <axhal/core/bytes.hpp>
#include <axhal/core/result.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>

namespace axhal::boot {

/// Why a device tree could not be written.
enum class tree_write_error : std::uint8_t {
  overflow,             ///< the buffer is too small
  bad_name,             ///< empty, has a zero or a '/', or the root has a name
  bad_order,            ///< a reservation after the first node, or a node after the root ended
  unbalanced,           ///< nodes end more or less often than they begin, or there is none
  property_after_node,  ///< properties come before the children of their node, and inside a node
  too_deep,             ///< deeper than `device_tree_format::max_depth`
  bad_reservation,      ///< a reservation of size zero would end the list
};

/// Writes a flattened device tree of version 17 into a buffer, in one pass, without other memory.
///
/// The first error sticks: what follows does nothing, and `finish` returns it. So a whole tree can be written without a
/// look at each step. The structure grows from the front of the buffer and the strings from its end, until `finish`
/// moves them together; each name is stored once.
class device_tree_writer {
 public:
  explicit constexpr device_tree_writer(mutable_bytes out) : out_{out}, strings_{out.size} {
    if (out.size > UINT32_MAX) out_.size = strings_ = UINT32_MAX;
    claim(structure_at());
  }

  /// Adds to the memory reservation block: memory that the reader of the tree must not use. Before the first node.
  constexpr void reserve(std::uint64_t address, std::uint64_t size) {
    if (depth_ != 0 || root_ended_) return refuse(tree_write_error::bad_order);
    if (size == 0) return refuse(tree_write_error::bad_reservation);
    std::size_t const at = structure_at() - device_tree_format::reservation_size;
    if (!claim(device_tree_format::reservation_size)) return;
    ++reservations_;
    device_tree_format::store_u64(out_, at, address);
    device_tree_format::store_u64(out_, at + 8, size);
  }

  /// Begins a node inside the open one. The first is the root, whose name is empty.
  constexpr void begin_node(text name) {
    if (root_ended_) return refuse(tree_write_error::bad_order);
    if (name.empty() != (depth_ == 0) || !is_name(name)) return refuse(tree_write_error::bad_name);
    if (depth_ == device_tree_format::max_depth) return refuse(tree_write_error::too_deep);
    std::size_t const at = used_;
    if (!claim(4 + device_tree_format::word_align(name.size + 1))) return;
    device_tree_format::store_u32(out_, at, device_tree_format::token::begin_node);
    put_text(at + 4, name);
    ++depth_;
    after_child_ = false;
  }

  /// Begins a node `name@address`, the address in hexadecimal without leading zeros.
  constexpr void begin_node(text name, std::uint64_t address) {
    constexpr std::size_t longest = 64;
    if (name.empty() || name.size > longest - 17) return refuse(tree_write_error::bad_name);
    char whole[longest]{};
    std::size_t size = 0;
    for (char const c : name) whole[size++] = c;
    whole[size++] = '@';
    bool leading = true;
    for (unsigned shift = 64; shift > 0; shift -= 4) {
      unsigned const digit = static_cast<unsigned>(address >> (shift - 4)) & 0xf;
      leading = leading && digit == 0 && shift > 4;
      if (!leading) whole[size++] = "0123456789abcdef"[digit];
    }
    begin_node(text{whole, size});
  }

  /// Ends the open node.
  constexpr void end_node() {
    if (depth_ == 0) return refuse(tree_write_error::unbalanced);
    std::size_t const at = used_;
    if (!claim(4)) return;
    device_tree_format::store_u32(out_, at, device_tree_format::token::end_node);
    --depth_;
    root_ended_ = depth_ == 0;
    after_child_ = true;
  }

  /// A property with these bytes.
  constexpr void property(text name, bytes value) {
    mutable_bytes const place = property_space(name, value.size);
    for (std::size_t i = 0; i < place.size; ++i) place[i] = value[i];
  }
  /// A property that says all by being there.
  constexpr void property_flag(text name) { static_cast<void>(property_space(name, 0)); }
  /// A property of 32-bit cells.
  template <std::convertible_to<std::uint32_t>... Cells>
  constexpr void property_cells(text name, Cells... cells) {
    mutable_bytes const place = property_space(name, sizeof...(cells) * 4);
    if (place.empty()) return;
    std::size_t at = 0;
    ((device_tree_format::store_u32(place, at, static_cast<std::uint32_t>(cells)), at += 4), ...);
  }
  /// A property of 64-bit numbers, two cells each (`reg` under two address cells and two size cells).
  template <std::convertible_to<std::uint64_t>... Numbers>
  constexpr void property_u64s(text name, Numbers... numbers) {
    mutable_bytes const place = property_space(name, sizeof...(numbers) * 8);
    if (place.empty()) return;
    std::size_t at = 0;
    ((device_tree_format::store_u64(place, at, static_cast<std::uint64_t>(numbers)), at += 8), ...);
  }
  /// A property of strings, one or several (`compatible`), each with its terminating zero.
  template <std::convertible_to<text>... Strings>
    requires(sizeof...(Strings) > 0)
  constexpr void property_strings(text name, Strings const&... strings) {
    text const all[] = {text{strings}...};
    std::size_t size = 0;
    for (text const s : all) size += s.size + 1;
    mutable_bytes const place = property_space(name, size);
    if (place.empty()) return;
    std::size_t at = 0;
    for (text const s : all) {
      for (char const c : s) place[at++] = static_cast<std::uint8_t>(c);
      place[at++] = 0;
    }
  }

  /// The first error so far, if any.
  [[nodiscard]] constexpr result<void, tree_write_error> state() const {
    if (failed_) return failure{error_};
    return {};
  }

  /// Closes the tree and returns it: the front of the buffer. The writer is spent afterwards.
  [[nodiscard]] constexpr result<bytes, tree_write_error> finish() {
    using namespace device_tree_format;
    if (!root_ended_) refuse(tree_write_error::unbalanced);
    std::size_t const end = used_;
    if (!claim(4)) return failure{error_};
    store_u32(out_, end, token::end);
    std::size_t const strings_size = out_.size - strings_;
    rebase_names(strings_size);
    for (std::size_t i = 0; i < strings_size; ++i) out_[used_ + i] = out_[strings_ + i];

    std::size_t const total = used_ + strings_size;
    auto const put = [&](std::uint32_t at, std::size_t value) {
      store_u32(out_, at, static_cast<std::uint32_t>(value));
    };
    put(h_magic, magic);
    put(h_totalsize, total);
    put(h_off_dt_struct, structure_at());
    put(h_off_dt_strings, used_);
    put(h_off_mem_rsvmap, header_size);
    put(h_version, version);
    put(h_last_comp_version, last_compatible_version);
    put(h_boot_cpuid_phys, boot_cpu_);
    put(h_size_dt_strings, strings_size);
    put(h_size_dt_struct, used_ - structure_at());
    refuse(tree_write_error::bad_order);
    return bytes{out_.data, total};
  }

  /// The hardware number of the CPU that boots; 0 unless set.
  constexpr void set_boot_cpu(std::uint32_t id) { boot_cpu_ = id; }

 private:
  /// The structure begins behind the header and the reservations with their terminator.
  [[nodiscard]] constexpr std::size_t structure_at() const {
    return device_tree_format::header_size + (reservations_ + 1) * std::size_t{device_tree_format::reservation_size};
  }

  constexpr void refuse(tree_write_error e) {
    if (!failed_) error_ = e;
    failed_ = true;
  }

  /// Takes `size` zeroed bytes from the front.
  constexpr bool claim(std::size_t size) {
    if (!failed_ && size > strings_ - used_) refuse(tree_write_error::overflow);
    if (failed_) return false;
    for (std::size_t i = 0; i < size; ++i) out_[used_ + i] = 0;
    used_ += size;
    return true;
  }

  constexpr void put_text(std::size_t at, text t) {
    for (std::size_t i = 0; i < t.size; ++i) out_[at + i] = static_cast<std::uint8_t>(t[i]);
  }

  [[nodiscard]] static constexpr bool is_name(text name) {
    for (char const c : name) {
      if (c == 0 || c == '/') return false;
    }
    return true;
  }

  /// Writes a property's head and returns the place of its value, empty when there is none or an error.
  constexpr mutable_bytes property_space(text name, std::size_t size) {
    if (failed_) return {};
    if (depth_ == 0 || after_child_) {
      refuse(tree_write_error::property_after_node);
      return {};
    }
    if (name.empty() || !is_name(name)) {
      refuse(tree_write_error::bad_name);
      return {};
    }
    if (size > out_.size) {
      refuse(tree_write_error::overflow);
      return {};
    }
    std::size_t const distance = intern(name);
    std::size_t const at = used_;
    if (!claim(12 + device_tree_format::word_align(size))) return {};
    device_tree_format::store_u32(out_, at, device_tree_format::token::property);
    device_tree_format::store_u32(out_, at + 4, static_cast<std::uint32_t>(size));
    device_tree_format::store_u32(out_, at + 8, static_cast<std::uint32_t>(distance));
    return {out_.data + at + 12, size};
  }

  /// How far from the end of the buffer `name` is stored, once for all who use it (or end alike).
  constexpr std::size_t intern(text name) {
    for (std::size_t at = strings_; at + name.size < out_.size; ++at) {
      std::size_t i = 0;
      while (i < name.size && out_[at + i] == static_cast<std::uint8_t>(name[i])) ++i;
      if (i == name.size && out_[at + i] == 0) return out_.size - at;
    }
    if (name.size >= strings_ - used_) {
      refuse(tree_write_error::overflow);
      return 0;
    }
    strings_ -= name.size + 1;
    put_text(strings_, name);
    out_[strings_ + name.size] = 0;
    return out_.size - strings_;
  }

  /// Names were noted by their distance from the end of the strings; readers want it from their start.
  constexpr void rebase_names(std::size_t strings_size) {
    using namespace device_tree_format;
    for (std::size_t at = structure_at(); at < used_;) {
      switch (load_u32(out_, at)) {
        case token::begin_node: {
          std::size_t end = at + 4;
          while (out_[end] != 0) ++end;
          at = word_align(end + 1);
          break;
        }
        case token::property:
          store_u32(out_, at + 8, static_cast<std::uint32_t>(strings_size - load_u32(out_, at + 8)));
          at += 12 + word_align(load_u32(out_, at + 4));
          break;
        default: at += 4;
      }
    }
  }

  mutable_bytes out_;
  std::size_t used_{};   ///< bytes taken from the front
  std::size_t strings_;  ///< where the strings begin
  std::uint32_t reservations_{};
  std::uint32_t boot_cpu_{};
  unsigned depth_{};
  bool root_ended_{};
  bool after_child_{};
  bool failed_{};
  tree_write_error error_{};
};

}  // namespace axhal::boot
