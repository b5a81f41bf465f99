// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/boot/detail/little_endian.hpp>
#include <axhal/core/address.hpp>
#include <axhal/core/bytes.hpp>
#include <axhal/core/result.hpp>

#include <cstddef>
#include <cstdint>

namespace axhal::boot {

/// What a PC's firmware says of a run of memory (ACPI Specification 6.5, 15.1 "INT 15H, E820H - Query System Address
/// Map", table "Address Range Types"). Other values are to be treated as reserved.
enum class e820_type : std::uint32_t {
  usable = 1,
  reserved = 2,
  acpi_reclaimable = 3,  ///< holds tables; memory once nobody reads them any more
  acpi_nvs = 4,
  unusable = 5,  ///< memory with errors
  disabled = 6,
  persistent = 7,
};

/// One run of memory.
struct e820_entry {
  std::uint64_t base{};
  std::uint64_t length{};
  e820_type type{};

  static constexpr std::size_t size = 20;  ///< in firmware's, Multiboot's and Linux's tables

  [[nodiscard]] constexpr host_range range() const { return {{base}, length}; }
  /// The entry at `at`. Precondition: `at + size <= data.size`.
  [[nodiscard]] static constexpr e820_entry load(bytes data, std::size_t at) {
    return {detail::load_le<std::uint64_t>(data, at), detail::load_le<std::uint64_t>(data, at + 8),
            static_cast<e820_type>(detail::load_le<std::uint32_t>(data, at + 16))};
  }
  /// Writes it. Precondition: `at + size <= data.size`.
  constexpr void store(mutable_bytes data, std::size_t at) const {
    detail::store_le(data, at, base);
    detail::store_le(data, at + 8, length);
    detail::store_le(data, at + 16, static_cast<std::uint32_t>(type));
  }
  friend constexpr bool operator==(e820_entry const&, e820_entry const&) = default;
};

/// A packed table of entries, 20 bytes each (as in Linux's boot parameters). Bytes past the last whole entry are not
/// looked at. A range for `for`.
class e820_table {
 public:
  constexpr e820_table() = default;
  explicit constexpr e820_table(bytes table) : table_{table} {}

  class iterator {
   public:
    constexpr iterator(bytes table, std::size_t i) : table_{table}, i_{i} {}
    [[nodiscard]] constexpr e820_entry operator*() const { return e820_entry::load(table_, i_ * e820_entry::size); }
    constexpr iterator& operator++() {
      ++i_;
      return *this;
    }
    [[nodiscard]] friend constexpr bool operator==(iterator const& a, iterator const& b) { return a.i_ == b.i_; }

   private:
    bytes table_;
    std::size_t i_;
  };

  [[nodiscard]] constexpr std::size_t size() const { return table_.size / e820_entry::size; }
  /// Precondition: `i < size()`.
  [[nodiscard]] constexpr e820_entry operator[](std::size_t i) const {
    return e820_entry::load(table_, i * e820_entry::size);
  }
  [[nodiscard]] constexpr iterator begin() const { return {table_, 0}; }
  [[nodiscard]] constexpr iterator end() const { return {table_, size()}; }

 private:
  bytes table_{};
};

/// Adds to `map` (as `memory::memory_map`) what a list of entries says, in whatever order they come: usable memory is
/// RAM, everything else is reserved. Entries may overlap and repeat each other: RAM is the union of the usable ones,
/// and where another kind overlaps it, that one wins, since the map hands out only what is not reserved. Empty entries
/// say nothing.
///
/// Entries: a range of `e820_entry` (`e820_table`, `multiboot_memory_map`). Errors: those of the map (`full`, `wraps`);
/// it may then hold part of the list.
template <typename Map, typename Entries>
[[nodiscard]] constexpr auto add_e820(Map& map, Entries const& entries) -> decltype(map.add_ram(host_range{})) {
  for (e820_entry const entry : entries) {
    host_range rest = entry.range();
    if (rest.empty()) continue;
    if (entry.type != e820_type::usable) {
      if (auto const done = map.reserve(rest); !done) return done;
      continue;
    }
    // Piece by piece between what is RAM already, from the start of the entry to its end.
    while (!rest.empty()) {
      host_range piece = rest;
      if (rest.is_valid()) {
        for (host_range const& known : map.ram()) {
          if (!known.overlaps(rest)) continue;
          if (known.start <= rest.start) {
            std::uint64_t const covered = known.size - (rest.start - known.start);
            std::uint64_t const skipped = covered < rest.size ? covered : rest.size;
            rest = {rest.start + skipped, rest.size - skipped};
            piece = {};
          } else {
            piece.size = known.start - rest.start;
          }
          break;
        }
      }
      if (piece.empty()) continue;
      if (auto const done = map.add_ram(piece); !done) return done;
      rest = {rest.start + piece.size, rest.size - piece.size};
    }
  }
  return {};
}

}  // namespace axhal::boot
