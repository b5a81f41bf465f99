// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/arch/riscv64/sbi.hpp>
#include <axhal/core/address.hpp>
#include <axhal/core/bytes.hpp>
#include <axhal/policy/console.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>

namespace axhal::riscv64 {

/// A guest's RAM as the host reaches it. `contains(range)`: every byte of it is RAM of this guest. `for_each(start,
/// size, f)`: calls `f(mutable_bytes)` for each piece of a range that is RAM, in order.
template <typename M>
concept SbiGuestMemory = requires(M& m, guest_range r, void (&f)(mutable_bytes)) {
  { m.contains(r) } -> std::same_as<bool>;
  { m.for_each(r.start, r.size, f) } -> std::same_as<void>;
};

/// The memory functions of the Debug Console Extension for a guest (SBI Specification 2.0, "Debug Console Extension").
/// Nothing is kept or allocated, and no byte outside the guest's RAM is touched.
///
/// One call moves `limit` bytes at most, and stops when the console would wait: the specification lets both functions
/// do a part of the work, and a guest cannot keep the host busy with a long range.
struct sbi_debug_console {
  static constexpr std::uint64_t limit = 256;

  /// Console Write: the bytes of `[low, low + size)` go to `console`; the value is how many did.
  template <SbiGuestMemory Memory, ConsolePolicy Console>
  static sbi_return write(std::uint64_t size, std::uint64_t low, std::uint64_t high, Memory& memory, Console& console) {
    if (!is_memory(size, low, high, memory)) return sbi_failure(sbi_error::invalid_param);
    std::uint64_t count = 0;
    bool more = true;
    if (size > 0) {
      memory.for_each(guest_phys{low}, size < limit ? size : limit, [&](mutable_bytes piece) {
        for (std::size_t i = 0; i < piece.size && more; ++i) {
          more = console.can_put();
          if (!more) return;
          console.put(piece[i]);
          ++count;
        }
      });
    }
    return sbi_success(count);
  }

  /// Console Read: bytes that came in go to `[low, low + size)`; the value is how many did.
  template <SbiGuestMemory Memory, ConsolePolicy Console>
  static sbi_return read(std::uint64_t size, std::uint64_t low, std::uint64_t high, Memory& memory, Console& console) {
    if (!is_memory(size, low, high, memory)) return sbi_failure(sbi_error::invalid_param);
    std::uint64_t count = 0;
    // Losses and damaged bytes are passed over, but not for ever.
    std::uint64_t attempts = 0;
    bool more = true;
    if (size > 0) {
      memory.for_each(guest_phys{low}, size < limit ? size : limit, [&](mutable_bytes piece) {
        for (std::size_t i = 0; i < piece.size && more;) {
          more = attempts++ < 2 * limit;
          if (!more) return;
          auto const byte = console.get();
          if (byte) {
            piece[i++] = *byte;
            ++count;
          } else if (byte.error() == console_error::empty) {
            more = false;
          }
        }
      });
    }
    return sbi_success(count);
  }

 private:
  /// An empty range has no address that could be wrong.
  template <typename Memory>
  [[nodiscard]] static bool is_memory(std::uint64_t size, std::uint64_t low, std::uint64_t high, Memory& memory) {
    if (size == 0) return true;
    guest_range const range{guest_phys{low}, size};
    return high == 0 && range.is_valid() && memory.contains(range);
  }
};

}  // namespace axhal::riscv64
