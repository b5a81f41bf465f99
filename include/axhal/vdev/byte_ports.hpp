// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstdint>

namespace axhal::vdev::detail {

/// The answer of `count` registers of a byte each to a load of `bytes` bytes: a bus that is a byte wide makes one
/// access of each byte, from the lowest. Where nothing answers, the bus reads ones.
template <typename Read>
[[gnu::always_inline]] constexpr std::uint64_t read_bytes(std::uint64_t offset, unsigned bytes, unsigned count,
                                                          Read&& read) {
  if (bytes == 1 && offset < count) return read(static_cast<unsigned>(offset));
  std::uint64_t value = 0;
  for (unsigned i = 0; i < bytes && i < 8; ++i) {
    bool const answers = offset < count && offset + i < count;
    std::uint64_t const byte = answers ? read(static_cast<unsigned>(offset) + i) : 0xff;
    value |= byte << 8 * i;
  }
  return value;
}

/// The same for a store.
template <typename Write>
[[gnu::always_inline]] constexpr void write_bytes(std::uint64_t offset, unsigned bytes, unsigned count,
                                                  std::uint64_t value, Write&& write) {
  for (unsigned i = 0; i < bytes && i < 8 && offset < count && offset + i < count; ++i) {
    write(static_cast<unsigned>(offset) + i, static_cast<std::uint8_t>(value >> 8 * i));
  }
}

}  // namespace axhal::vdev::detail
