// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/core/address.hpp>
#include <axhal/core/bytes.hpp>

#include <algorithm>
#include <cstdint>
#include <vector>

namespace axhal::test {

/// A guest's RAM in pieces of `piece` bytes that are apart in host memory, with a guard around each: what `sbi_server`
/// is given as memory. `touched` counts the bytes that were handed out.
struct sbi_guest_memory {
  static constexpr std::uint8_t guard = 0xa5;
  static constexpr std::size_t guards = 16;

  sbi_guest_memory(guest_phys start, std::size_t pieces, std::size_t piece)
      : ram{start, pieces * piece}, piece_size{piece}, blocks(pieces) {
    for (auto& b : blocks) {
      b.assign(piece + 2 * guards, guard);
      std::fill_n(b.begin() + guards, piece, std::uint8_t{});
    }
  }

  [[nodiscard]] bool contains(guest_range r) const { return ram.contains(r); }
  template <typename F>
  void for_each(guest_phys start, std::uint64_t size, F&& f) {
    if (!ram.contains(guest_range{start, size})) return;
    for (std::uint64_t at = start - ram.start, rest = size; rest > 0;) {
      std::uint64_t const skip = at % piece_size;
      std::uint64_t const part = std::min<std::uint64_t>(rest, piece_size - skip);
      touched += part;
      f(mutable_bytes{blocks[at / piece_size].data() + guards + skip, part});
      at += part;
      rest -= part;
    }
  }

  [[nodiscard]] std::uint8_t& at(std::uint64_t address) {
    std::uint64_t const offset = address - ram.start.value;
    return blocks.at(offset / piece_size).at(guards + offset % piece_size);
  }
  [[nodiscard]] bool guards_hold() const {
    auto const is_guard = [](std::uint8_t b) { return b == guard; };
    return std::all_of(blocks.begin(), blocks.end(), [&](auto const& b) {
      return std::all_of(b.begin(), b.begin() + guards, is_guard) && std::all_of(b.end() - guards, b.end(), is_guard);
    });
  }

  guest_range ram;
  std::size_t piece_size;
  std::vector<std::vector<std::uint8_t>> blocks;
  std::uint64_t touched{};
};

}  // namespace axhal::test
