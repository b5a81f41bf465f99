// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/core/access.hpp>
#include <axhal/core/address.hpp>
#include <axhal/core/bytes.hpp>
#include <axhal/core/units.hpp>
#include <axhal/policy/frame_source.hpp>

#include <cstddef>
#include <cstdint>

namespace example {

/// A guest's RAM: one range of guest-physical addresses, backed by a few runs of host frames.
///
/// Runs are as long as the frame source can give, and whole multiples of `step`, so that large pages fit.
template <axhal::FrameSource Frames>
class guest_memory {
 public:
  static constexpr std::uint64_t step = 2 * axhal::mib;

  guest_memory(Frames& frames, axhal::guest_phys start) : frames_{frames}, ram_{start, 0} {}

  /// Takes `size` bytes, a multiple of `step`. False: there is not so much memory, and nothing is taken.
  [[nodiscard]] bool allocate(std::uint64_t size) {
    std::uint64_t run = size;
    while (ram_.size < size) {
      if (run > size - ram_.size) run = size - ram_.size;
      if (count_ == max_pieces) break;
      auto const got = frames_.allocate(run / axhal::frame_size, step / axhal::frame_size);
      if (got) {
        pieces_[count_++] = {ram_.size, {*got, run}};
        ram_.size += run;
      } else if (run > step) {
        run = (run / 2 + step - 1) / step * step;
      } else {
        break;
      }
    }
    if (ram_.size == size) return true;
    release();
    return false;
  }

  /// Gives everything back.
  void release() {
    for (std::size_t i = 0; i < count_; ++i) {
      static_cast<void>(frames_.release(pieces_[i].host.start, pieces_[i].host.size / axhal::frame_size));
    }
    count_ = 0;
    ram_.size = 0;
  }

  [[nodiscard]] axhal::guest_range range() const { return ram_; }

  /// True when every byte of the range is RAM of the guest's.
  [[nodiscard]] bool contains(axhal::guest_range range) const { return ram_.contains(range); }
  [[nodiscard]] bool contains(axhal::guest_phys at) const { return ram_.contains(at); }

  /// Maps all of it for the guest. False: no memory for tables.
  template <typename PageTable>
  [[nodiscard]] bool map(PageTable& tables) const {
    for (std::size_t i = 0; i < count_; ++i) {
      piece const& p = pieces_[i];
      if (!tables.map(ram_.start + p.offset, p.host.start, p.host.size,
                      {axhal::read_write_execute, axhal::memory_type::normal})) {
        return false;
      }
    }
    return true;
  }

  /// Where `size` bytes from `address`, all in one page, are on the host, or null when they are no RAM.
  [[nodiscard, gnu::always_inline]] std::uint8_t* at(axhal::guest_phys address, std::uint64_t size) {
    std::uint64_t const offset = address - ram_.start;
    // Most memory is one piece.
    bool const in_page = (address.value & (axhal::frame_size - 1)) + size <= axhal::frame_size;
    if (offset < pieces_[0].host.size && in_page) [[likely]] {
      auto* const found = static_cast<std::uint8_t*>(frames_.pointer(pieces_[0].host.start)) + offset;
      // What was allocated is never at address zero; callers need not ask again.
      if (found == nullptr) __builtin_unreachable();
      return found;
    }
    return at_later_piece(offset, size);
  }

  /// Calls `f(mutable_bytes)` for each piece of `[start, start + size)` that is RAM, in order.
  template <typename F>
  void for_each(axhal::guest_phys start, std::uint64_t size, F f) {
    if (!ram_.contains(axhal::guest_range{start, size})) return;
    std::uint64_t at = start - ram_.start;
    for (std::size_t i = 0; i < count_ && size != 0; ++i) {
      piece const& p = pieces_[i];
      if (at < p.offset || at - p.offset >= p.host.size) continue;
      std::uint64_t const skip = at - p.offset;
      std::uint64_t const part = size < p.host.size - skip ? size : p.host.size - skip;
      f(axhal::mutable_bytes{static_cast<std::uint8_t*>(frames_.pointer(p.host.start)) + skip, part});
      at += part;
      size -= part;
    }
  }

  /// Copies `from` to `to`, which lies in RAM.
  void copy(axhal::guest_phys to, axhal::bytes from) {
    for_each(to, from.size, [&](axhal::mutable_bytes out) {
      __builtin_memcpy(out.data, from.data, out.size);
      from = from.sub(out.size);
    });
  }
  /// Clears memory, which lies in RAM.
  void clear(axhal::guest_phys start, std::uint64_t size) {
    for_each(start, size, [](axhal::mutable_bytes out) { __builtin_memset(out.data, 0, out.size); });
  }

 private:
  [[nodiscard, gnu::noinline]] std::uint8_t* at_later_piece(std::uint64_t offset, std::uint64_t size) {
    for (std::size_t i = 1; i < count_; ++i) {
      piece const& p = pieces_[i];
      if (offset < p.offset || offset - p.offset >= p.host.size) continue;
      if (size > p.host.size - (offset - p.offset)) return nullptr;
      return static_cast<std::uint8_t*>(frames_.pointer(p.host.start)) + (offset - p.offset);
    }
    return nullptr;
  }

  static constexpr std::size_t max_pieces = 32;
  struct piece {
    std::uint64_t offset{};
    axhal::host_range host{};
  };
  Frames& frames_;
  axhal::guest_range ram_;
  piece pieces_[max_pieces]{};
  std::size_t count_{};
};

}  // namespace example
