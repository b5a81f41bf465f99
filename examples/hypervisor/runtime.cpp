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
  // Four words at a time: a guest's memory is cleared before it begins.
  for (; size >= 32; size -= 32, d += 32) {
    auto* const w = reinterpret_cast<word*>(d);
    w[0] = pattern;
    w[1] = pattern;
    w[2] = pattern;
    w[3] = pattern;
  }
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
}
