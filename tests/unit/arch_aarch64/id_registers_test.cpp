// SPDX-License-Identifier: BSL-1.0
#include <axhal/arch/aarch64/id_registers.hpp>
#include <axhal/arch/aarch64/trapped_registers.hpp>

#include <catch2/catch_test_macros.hpp>

using namespace axhal;
using namespace axhal::aarch64;

namespace {

/// A CPU whose every ID register reads the same.
template <std::uint64_t Value>
struct machine {
  template <sysreg>
  static std::uint64_t read() {
    return Value;
  }
  template <sysreg>
  static void write(std::uint64_t) {}
};
using has_everything = machine<~std::uint64_t{0}>;

constexpr std::uint32_t id(sysreg r) { return static_cast<std::uint32_t>(r); }
constexpr std::uint64_t field(std::uint64_t word, unsigned lsb) { return word >> lsb & 15; }

}  // namespace

TEST_CASE("a field is the machine's, up to its ceiling") {
  STATIC_CHECK(limited(0x0123'4567'89ab'cdef, ~std::uint64_t{0}) == 0x0123'4567'89ab'cdef);
  STATIC_CHECK(limited(0x0123'4567'89ab'cdef, 0) == 0);
  STATIC_CHECK(limited(0x2f01, 0x1f12) == 0x1f01);
}

TEST_CASE("what is not virtualised is not shown, even by a machine that has everything") {
  auto const pfr0 = shown_id_register<has_everything>(id(sysreg::id_aa64pfr0_el1));
  CHECK(field(pfr0, 0) == 1);   // EL0: AArch64 only
  CHECK(field(pfr0, 4) == 1);   // EL1: AArch64 only
  CHECK(field(pfr0, 8) == 0);   // EL2
  CHECK(field(pfr0, 12) == 0);  // EL3
  CHECK(field(pfr0, 24) == 0);  // GIC system registers
  CHECK(field(pfr0, 28) == 0);  // RAS
  CHECK(field(pfr0, 32) == 0);  // SVE
  CHECK(field(pfr0, 40) == 0);  // MPAM
  CHECK(field(pfr0, 44) == 0);  // AMU
  auto const pfr1 = shown_id_register<has_everything>(id(sysreg::id_aa64pfr1_el1));
  CHECK(field(pfr1, 8) == 0);   // MTE
  CHECK(field(pfr1, 24) == 0);  // SME
  CHECK(field(pfr1, 44) == 0);  // GCS
  auto const dfr0 = shown_id_register<has_everything>(id(sysreg::id_aa64dfr0_el1));
  CHECK(field(dfr0, 0) == 6);   // debug of ARMv8.0
  CHECK(field(dfr0, 4) == 0);   // trace
  CHECK(field(dfr0, 8) == 0);   // PMU
  CHECK(field(dfr0, 32) == 0);  // statistical profiling
  auto const isar1 = shown_id_register<has_everything>(id(sysreg::id_aa64isar1_el1));
  CHECK((isar1 & 0xff00'0ff0) == 0);  // APA, API, GPA, GPI
  CHECK(field(isar1, 60) == 0);       // LS64
  auto const isar2 = shown_id_register<has_everything>(id(sysreg::id_aa64isar2_el1));
  CHECK((isar2 & 0x0f00'ff0f) == 0);  // PAC_frac, APA3, GPA3, WFxT
  CHECK(field(isar2, 16) == 0);       // MOPS
  auto const mmfr1 = shown_id_register<has_everything>(id(sysreg::id_aa64mmfr1_el1));
  CHECK(field(mmfr1, 8) == 0);   // VHE
  CHECK(field(mmfr1, 16) == 0);  // LOR
  CHECK(field(mmfr1, 40) == 0);  // HCX
  auto const mmfr2 = shown_id_register<has_everything>(id(sysreg::id_aa64mmfr2_el1));
  CHECK(field(mmfr2, 24) == 0);  // nested virtualization
  auto const mmfr0 = shown_id_register<has_everything>(id(sysreg::id_aa64mmfr0_el1));
  CHECK(field(mmfr0, 0) == 5);   // 48 bits
  CHECK(field(mmfr0, 8) == 0);   // mixed endian
  CHECK(field(mmfr0, 56) == 0);  // FGT
  CHECK(field(mmfr0, 60) == 0);  // ECV
}

TEST_CASE("a machine without something does not get it from the table") {
  for (auto const& row : id_ceilings) CHECK(shown_id_register<machine<0>>(id(row.id)) == 0);
  // FP and SIMD absent is f, and stays f.
  CHECK((shown_id_register<has_everything>(id(sysreg::id_aa64pfr0_el1)) >> 16 & 0xff) == 0xff);
}

TEST_CASE("the whole group answers, and what is not in the table reads zero") {
  unsigned shown = 0;
  for (unsigned crm = 1; crm < 8; ++crm) {
    for (unsigned op2 = 0; op2 < 8; ++op2) {
      std::uint32_t const n = encode_sysreg(3, 0, 0, crm, op2);
      CHECK(is_id_register(n));
      auto const value = read_trapped_register<has_everything>(n);
      REQUIRE(value.has_value());
      if (*value != 0) ++shown;
      CHECK_FALSE(write_trapped_register(n).has_value());
    }
  }
  CHECK(shown == 9);
  CHECK_FALSE(is_id_register(id(sysreg::midr_el1)));
  CHECK_FALSE(is_id_register(id(sysreg::mpidr_el1)));
  CHECK_FALSE(is_id_register(encode_sysreg(3, 0, 1, 0, 0)));
}

TEST_CASE("registers that read zero and ignore writes") {
  for (auto const n : {id(sysreg::actlr_el1), id(sysreg::mdscr_el1), id(sysreg::osdlr_el1),
                       std::uint32_t{encode_sysreg(2, 0, 0, 0, 4)}, std::uint32_t{encode_sysreg(2, 0, 0, 15, 7)},
                       std::uint32_t{encode_sysreg(2, 0, 0, 2, 0)}, std::uint32_t{encode_sysreg(2, 0, 7, 8, 6)},
                       std::uint32_t{encode_sysreg(2, 3, 0, 1, 0)}, std::uint32_t{encode_sysreg(2, 3, 0, 4, 0)}}) {
    CHECK(read_trapped_register<has_everything>(n) == std::uint64_t{0});
    CHECK(write_trapped_register(n).has_value());
  }
}

TEST_CASE("the OS lock is there, open, and written to one register and read from another") {
  CHECK(read_trapped_register<has_everything>(id(sysreg::oslsr_el1)) == std::uint64_t{8});
  CHECK_FALSE(write_trapped_register(id(sysreg::oslsr_el1)).has_value());
  CHECK(write_trapped_register(id(sysreg::oslar_el1)).has_value());
  CHECK_FALSE(read_trapped_register<has_everything>(id(sysreg::oslar_el1)).has_value());
}

TEST_CASE("everything else is undefined") {
  constexpr std::uint16_t others[] = {
      encode_sysreg(3, 3, 9, 12, 0),   // PMCR_EL0
      encode_sysreg(3, 0, 9, 9, 0),    // PMSCR_EL1
      encode_sysreg(2, 1, 0, 1, 0),    // trace
      encode_sysreg(3, 0, 5, 3, 0),    // ERRIDR_EL1
      encode_sysreg(3, 0, 12, 12, 5),  // ICC_SRE_EL1
      encode_sysreg(3, 0, 2, 1, 0),    // APIAKeyLo_EL1
      encode_sysreg(3, 0, 10, 4, 0),   // LORSA_EL1
      encode_sysreg(3, 3, 13, 0, 7),   // SCXTNUM_EL0
      encode_sysreg(3, 0, 15, 2, 0),   // implementation defined
      encode_sysreg(3, 3, 14, 2, 1),   // CNTP_CTL_EL0, when no timer owns it
      encode_sysreg(1, 0, 7, 14, 2),   // DC CISW
      encode_sysreg(2, 0, 2, 0, 0),   encode_sysreg(2, 3, 0, 7, 0),
  };
  for (auto const n : others) {
    CHECK(read_trapped_register<has_everything>(n) == failure{guest_fault{}});
    CHECK(write_trapped_register(n) == failure{guest_fault{}});
  }
  // Whatever number: an answer.
  for (std::uint32_t n = 0; n < 0x1'0000; ++n) {
    auto const read = read_trapped_register<has_everything>(n);
    if (!read) CHECK(read.error() == guest_fault{});
  }
}
