// SPDX-License-Identifier: BSL-1.0
// What compilers call to count or turn round bits where the processor has no instruction for it, as RISC-V without its
// bit-manipulation extensions has none. Written without loops, so that no compiler takes one for what it implements.

#include <cstdint>

extern "C" {

/// Zero bits above the highest one. Precondition: `v` is not 0.
int __clzdi2(std::uint64_t v) {
  int zeros = 0;
  if ((v >> 32) == 0) zeros += 32, v <<= 32;
  if ((v >> 48) == 0) zeros += 16, v <<= 16;
  if ((v >> 56) == 0) zeros += 8, v <<= 8;
  if ((v >> 60) == 0) zeros += 4, v <<= 4;
  if ((v >> 62) == 0) zeros += 2, v <<= 2;
  return zeros + ((v >> 63) == 0 ? 1 : 0);
}

/// Zero bits below the lowest one. Precondition: `v` is not 0. The lowest one times a de Bruijn sequence has a number
/// of its own in the upper six bits.
int __ctzdi2(std::uint64_t v) {
  static constexpr std::uint64_t sequence = 0x03f7'9d71'b4cb'0a89;
  static constexpr auto places = [] {
    struct {
      unsigned char of[64];
    } t{};
    for (unsigned i = 0; i < 64; ++i) t.of[(sequence << i) >> 58] = static_cast<unsigned char>(i);
    return t;
  }();
  return places.of[((v & (~v + 1)) * sequence) >> 58];
}

/// Bits that are one.
int __popcountdi2(std::uint64_t v) {
  v -= (v >> 1) & 0x5555'5555'5555'5555;
  v = (v & 0x3333'3333'3333'3333) + ((v >> 2) & 0x3333'3333'3333'3333);
  v = (v + (v >> 4)) & 0x0f0f'0f0f'0f0f'0f0f;
  return static_cast<int>((v * 0x0101'0101'0101'0101) >> 56);
}

/// The bytes of `v` in the opposite order.
std::uint32_t __bswapsi2(std::uint32_t v) {
  v = ((v & 0x00ff'00ff) << 8) | ((v >> 8) & 0x00ff'00ff);
  return (v << 16) | (v >> 16);
}

/// The bytes of `v` in the opposite order.
std::uint64_t __bswapdi2(std::uint64_t v) {
  return (std::uint64_t{__bswapsi2(static_cast<std::uint32_t>(v))} << 32) |
         __bswapsi2(static_cast<std::uint32_t>(v >> 32));
}

}  // extern "C"
