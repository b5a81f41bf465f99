// SPDX-License-Identifier: BSL-1.0
// What compilers call to exchange a single byte atomically where the processor exchanges whole words only, as RISC-V
// without its byte atomics does. Each works on the aligned word that holds the byte, and always in sequential order,
// which is at least the order that was asked for.

#include <cstdint>

namespace {

using word [[gnu::may_alias]] = std::uint32_t;

/// Puts `change(byte)` in the place of the byte at `at`, unless it is the same. Returns the byte before.
template <typename F>
std::uint8_t update(void volatile* at, F change) {
  auto const address = reinterpret_cast<std::uintptr_t>(at);
  auto* const holder = reinterpret_cast<word*>(address & ~std::uintptr_t{3});
  auto const shift = static_cast<unsigned>(address & 3) * 8;
  std::uint32_t seen = __atomic_load_n(holder, __ATOMIC_SEQ_CST);
  for (;;) {
    auto const before = static_cast<std::uint8_t>(seen >> shift);
    std::uint32_t const now = (seen & ~(std::uint32_t{0xff} << shift)) | (std::uint32_t{change(before)} << shift);
    if (__atomic_compare_exchange_n(holder, &seen, now, true, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) return before;
  }
}

}  // namespace

extern "C" {

// Under other names than the compiler's own, which it would not let a program declare.
std::uint8_t byte_exchange(void volatile* at, std::uint8_t wanted, int order) __asm__("__atomic_exchange_1");
bool byte_compare_exchange(void volatile* at, void* expected, std::uint8_t wanted, int success,
                           int failure) __asm__("__atomic_compare_exchange_1");
std::uint8_t byte_fetch_or(void volatile* at, std::uint8_t bits, int order) __asm__("__atomic_fetch_or_1");
std::uint8_t byte_fetch_and(void volatile* at, std::uint8_t bits, int order) __asm__("__atomic_fetch_and_1");
std::uint8_t byte_fetch_add(void volatile* at, std::uint8_t amount, int order) __asm__("__atomic_fetch_add_1");

/// Puts `wanted` in the place of the byte and returns what was there.
std::uint8_t byte_exchange(void volatile* at, std::uint8_t wanted, int) {
  return update(at, [wanted](std::uint8_t) { return wanted; });
}

/// Puts `wanted` in the place of the byte if it is `expected`; else tells in `expected` what it is.
bool byte_compare_exchange(void volatile* at, void* expected, std::uint8_t wanted, int, int) {
  auto& hoped = *static_cast<std::uint8_t*>(expected);
  std::uint8_t const before = update(at, [&](std::uint8_t byte) { return byte == hoped ? wanted : byte; });
  bool const same = before == hoped;
  hoped = before;
  return same;
}

/// Sets bits of the byte and returns what was there.
std::uint8_t byte_fetch_or(void volatile* at, std::uint8_t bits, int) {
  return update(at, [bits](std::uint8_t byte) { return static_cast<std::uint8_t>(byte | bits); });
}

/// Keeps these bits of the byte alone and returns what was there.
std::uint8_t byte_fetch_and(void volatile* at, std::uint8_t bits, int) {
  return update(at, [bits](std::uint8_t byte) { return static_cast<std::uint8_t>(byte & bits); });
}

/// Adds to the byte, modulo 256, and returns what was there.
std::uint8_t byte_fetch_add(void volatile* at, std::uint8_t amount, int) {
  return update(at, [amount](std::uint8_t byte) { return static_cast<std::uint8_t>(byte + amount); });
}

}  // extern "C"
