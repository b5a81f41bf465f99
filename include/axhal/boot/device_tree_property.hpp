// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/boot/device_tree_format.hpp>
#include <axhal/boot/device_tree_items.hpp>
#include <axhal/core/bytes.hpp>
#include <axhal/core/result.hpp>

#include <cstddef>
#include <cstdint>

namespace axhal::boot {

/// The strings of a property, one after another. A range for `for`; ends before a string that nothing terminates.
class tree_strings {
 public:
  constexpr explicit tree_strings(bytes value) : rest_{value} { settle(); }

  [[nodiscard]] constexpr tree_strings begin() const { return *this; }
  [[nodiscard]] constexpr tree_end end() const { return {}; }
  [[nodiscard]] text operator*() const { return tree_detail::as_text(rest_, 0, length_); }
  constexpr tree_strings& operator++() {
    rest_ = rest_.sub(std::size_t{length_} + 1);
    settle();
    return *this;
  }
  [[nodiscard]] friend constexpr bool operator==(tree_strings const& s, tree_end) { return s.rest_.empty(); }

 private:
  constexpr void settle() {
    std::uint64_t const length = tree_detail::string_length(rest_, 0);
    if (length == tree_detail::none) rest_ = {};
    length_ = rest_.empty() ? 0 : static_cast<std::uint32_t>(length);
  }

  bytes rest_;
  std::uint32_t length_{};
};

/// One property of a node. What its bytes mean is the asker's choice; a value of the wrong size is an error, never a
/// guess.
struct tree_property {
  text name{};
  bytes value{};
  std::uint32_t offset{};  ///< of the value, in the blob

  /// The value as one 32-bit number. Error: `wrong_size`.
  [[nodiscard]] constexpr result<std::uint32_t, tree_error> u32() const {
    if (value.size != 4) return refuse(tree_fault::wrong_size);
    return device_tree_format::load_u32(value, 0);
  }
  /// The value as one 64-bit number. Error: `wrong_size`.
  [[nodiscard]] constexpr result<std::uint64_t, tree_error> u64() const {
    if (value.size != 8) return refuse(tree_fault::wrong_size);
    return device_tree_format::load_u64(value, 0);
  }
  /// The value as a number of one or two cells, whichever it has (`linux,initrd-start`). Error: `wrong_size`.
  [[nodiscard]] constexpr result<std::uint64_t, tree_error> number() const {
    if (value.size == 4) return std::uint64_t{device_tree_format::load_u32(value, 0)};
    return u64();
  }
  /// Number of whole 32-bit cells.
  [[nodiscard]] constexpr std::size_t cell_count() const { return value.size / 4; }
  /// One 32-bit cell. Error: `wrong_size` when there are not so many.
  [[nodiscard]] constexpr result<std::uint32_t, tree_error> cell(std::size_t i) const {
    if (i >= cell_count()) return refuse(tree_fault::wrong_size);
    return device_tree_format::load_u32(value, i * 4);
  }
  /// The value as one string. Errors: `wrong_size` when something follows its end, `unterminated` when it has none.
  [[nodiscard]] result<text, tree_error> string() const {
    std::uint64_t const length = tree_detail::string_length(value, 0);
    if (length == tree_detail::none) return refuse(tree_fault::unterminated);
    if (length + 1 != value.size) return refuse(tree_fault::wrong_size);
    return tree_detail::as_text(value, 0, static_cast<std::uint32_t>(length));
  }
  /// The value as a list of strings.
  [[nodiscard]] constexpr tree_strings strings() const { return tree_strings{value}; }
  /// True when the list of strings has `wanted`.
  [[nodiscard]] bool contains(text wanted) const {
    for (text const s : strings()) {
      if (s == wanted) return true;
    }
    return false;
  }

 private:
  [[nodiscard]] constexpr failure<tree_error> refuse(tree_fault what) const {
    return failure{tree_error{what, offset}};
  }
};

}  // namespace axhal::boot
