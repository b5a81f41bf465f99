// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>

namespace axhal::test {

/// Ends the fuzzer's run with a finding unless `holds`.
inline void require(bool holds) {
  if (!holds) std::abort();
}

/// Reads values from a fuzzer's bytes; zeros when they are used up.
struct fuzz_input {
  std::uint8_t const* data;
  std::size_t size;

  [[nodiscard]] bool empty() const { return size == 0; }
  /// The next bytes as a `T`, which any bytes make one of.
  template <typename T>
  T next() {
    T value{};
    std::size_t const n = size < sizeof value ? size : sizeof value;
    if (n != 0) std::memcpy(&value, data, n);
    data += n;
    size -= n;
    return value;
  }
};

}  // namespace axhal::test
