// SPDX-License-Identifier: BSL-1.0
#include <axhal/arch/riscv64/scause.hpp>

#include <catch2/catch_test_macros.hpp>

#include <cstdint>

using namespace axhal::riscv64;

TEST_CASE("of htinst everything is believed, or faults of walks alone") {
  for (std::uint64_t const walk : {0x2000ULL, 0x2020ULL, 0x3000ULL, 0x3020ULL}) {
    CHECK(believed_htinst<htinst_use::whole>(walk) == walk);
    CHECK(believed_htinst<htinst_use::walks>(walk) == walk);
  }
  // lw a0, 0(a0) as it is transformed, compressed, a store, what looks like a walk, and nonsense.
  for (std::uint64_t const word :
       {0x0000'2503ULL, 0x0000'2501ULL, 0x00a0'2023ULL, 0x2001ULL, 0x1'0000'2000ULL, ~0ULL}) {
    CHECK(believed_htinst<htinst_use::whole>(word) == word);
    CHECK(believed_htinst<htinst_use::walks>(word) == 0);
  }
  CHECK(believed_htinst<htinst_use::whole>(0) == 0);
  CHECK(believed_htinst<htinst_use::walks>(0) == 0);
}

TEST_CASE("words of scause tell interrupts from exceptions of the same number") {
  for (unsigned n = 0; n < 64; ++n) {
    std::uint64_t const word = scause::of_interrupt(n);
    CHECK(scause::f_interrupt::get(word));
    CHECK(scause::f_code::get(word) == n);
    CHECK_FALSE(scause::f_interrupt::get(scause::of(static_cast<exception>(n))));
  }
}
