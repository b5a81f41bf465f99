// SPDX-License-Identifier: BSL-1.0
// The functions that compilers call even in freestanding programs. The compiler's own library is not linked: it is
// built for programs with FP registers.

#include <cstddef>
#include <cstdint>

namespace {
using word [[gnu::may_alias]] = std::uint64_t;
}

extern "C" {

void* memcpy(void* __restrict to, void const* __restrict from, std::size_t size) {
  auto* d = static_cast<unsigned char*>(to);
  auto const* s = static_cast<unsigned char const*>(from);
  if (((reinterpret_cast<std::uintptr_t>(d) | reinterpret_cast<std::uintptr_t>(s)) & 7) == 0) {
    for (; size >= 8; size -= 8, d += 8, s += 8) {
      *reinterpret_cast<word*>(d) = *reinterpret_cast<word const*>(s);
    }
  }
  for (; size != 0; --size) *d++ = *s++;
  return to;
}

void* memmove(void* to, void const* from, std::size_t size) {
  auto* d = static_cast<unsigned char*>(to);
  auto const* s = static_cast<unsigned char const*>(from);
  if (d <= s || d >= s + size) {
    for (; size != 0; --size) *d++ = *s++;
  } else {
    while (size-- != 0) d[size] = s[size];
  }
  return to;
}

void* memset(void* to, int value, std::size_t size) {
  auto* d = static_cast<unsigned char*>(to);
  auto const byte = static_cast<unsigned char>(value);
  word const pattern = 0x0101'0101'0101'0101 * byte;
  for (; size != 0 && (reinterpret_cast<std::uintptr_t>(d) & 7) != 0; --size) *d++ = byte;
  for (; size >= 8; size -= 8, d += 8) *reinterpret_cast<word*>(d) = pattern;
  for (; size != 0; --size) *d++ = byte;
  return to;
}

int memcmp(void const* a, void const* b, std::size_t size) {
  auto const* x = static_cast<unsigned char const*>(a);
  auto const* y = static_cast<unsigned char const*>(b);
  for (; size != 0; --size, ++x, ++y) {
    if (*x != *y) return *x < *y ? -1 : 1;
  }
  return 0;
}

/// Number of zeros below the lowest one of `value`, which is not 0; what std::countr_zero becomes where the CPU has no
/// instruction for it. The lowest bit times a de Bruijn sequence has a number of its own in the upper six bits.
int __ctzdi2(std::uint64_t value) {
  static constexpr std::uint64_t sequence = 0x03f7'9d71'b4cb'0a89;
  static constexpr auto table = [] {
    struct {
      unsigned char of[64];
    } t{};
    for (unsigned i = 0; i < 64; ++i) t.of[(sequence << i) >> 58] = static_cast<unsigned char>(i);
    return t;
  }();
  return table.of[((value & (0 - value)) * sequence) >> 58];
}

/// Number of zeros above the highest one of `value`, which is not 0.
int __clzdi2(std::uint64_t value) {
  int zeros = 0;
  for (unsigned step = 32; step != 0; step /= 2) {
    if ((value >> (64 - step)) == 0) {
      zeros += static_cast<int>(step);
      value <<= step;
    }
  }
  return zeros;
}

/// Number of ones in `value`; what std::popcount becomes without SIMD registers.
int __popcountdi2(std::uint64_t value) {
  value -= (value >> 1) & 0x5555'5555'5555'5555;
  value = (value & 0x3333'3333'3333'3333) + ((value >> 2) & 0x3333'3333'3333'3333);
  value = (value + (value >> 4)) & 0x0f0f'0f0f'0f0f'0f0f;
  return static_cast<int>((value * 0x0101'0101'0101'0101) >> 56);
}
}
