// SPDX-License-Identifier: BSL-1.0
// Values of control registers: every bit of each one, alone, in each mode; the transitions that are forbidden; what a
// write does beside the value.
#include <axhal/arch/x86_64/control_register_rules.hpp>

#include <catch2/catch_test_macros.hpp>

#include <cstdint>

using namespace axhal;
using namespace axhal::x86_64;

namespace {

constexpr std::uint64_t bit(unsigned n) { return std::uint64_t{1} << n; }

// Numbers, not the fields: the manual's.
constexpr std::uint64_t pe = bit(0);
constexpr std::uint64_t et = bit(4);
constexpr std::uint64_t wp = bit(16);
constexpr std::uint64_t nw = bit(29);
constexpr std::uint64_t cd = bit(30);
constexpr std::uint64_t pg = bit(31);
constexpr std::uint64_t pae = bit(5);
constexpr std::uint64_t pge = bit(7);
constexpr std::uint64_t la57 = bit(12);
constexpr std::uint64_t pcide = bit(17);
constexpr std::uint64_t smep = bit(20);
constexpr std::uint64_t cet = bit(23);
constexpr std::uint64_t lme = bit(8);
constexpr std::uint64_t lma = bit(10);
constexpr std::uint64_t nxe = bit(11);
constexpr std::uint64_t all = ~std::uint64_t{0};

constexpr control_state real_mode{.cr0 = et};
constexpr control_state protected_mode{.cr0 = et | pe};
constexpr control_state paging_32{.cr0 = et | pe | pg, .cr3 = 0x1000};
constexpr control_state paging_pae{.cr0 = et | pe | pg, .cr3 = 0x1000, .cr4 = pae};
constexpr control_state about_to_be_long{.cr0 = et | pe, .cr3 = 0x1000, .cr4 = pae, .efer = lme};
constexpr control_state compatibility{.cr0 = et | pe | pg, .cr3 = 0x1000, .cr4 = pae, .efer = lme | lma};
constexpr control_state long_64{.cr0 = et | pe | pg, .cr3 = 0x1000, .cr4 = pae, .efer = lme | lma, .cs_l = true};
constexpr control_state states[] = {real_mode,        protected_mode, paging_32, paging_pae,
                                    about_to_be_long, compatibility,  long_64};

constexpr auto is_refused(auto const& r) { return !r; }

/// A processor with nothing but what is switched on.
struct table {
  cpuid_result one{}, seven{}, extended{}, sizes{};
  constexpr cpuid_result operator()(std::uint32_t leaf, std::uint32_t) const {
    switch (leaf) {
      case 1: return one;
      case 7: return seven;
      case 0x8000'0001: return extended;
      case 0x8000'0008: return sizes;
      default: return {all & 0xffff'ffff, all & 0xffff'ffff, all & 0xffff'ffff, all & 0xffff'ffff};
    }
  }
};

}  // namespace

TEST_CASE("CR0: each bit alone, from each mode") {
  for (auto const& before : states) {
    for (unsigned n = 0; n < 64; ++n) {
      CAPTURE(n, before.cr0, before.cr4, before.efer);
      std::uint64_t const value = before.cr0 ^ bit(n);
      auto const r = after_cr0_write(before, value);
      bool const leaves_protection = n == 0 && (before.cr0 & pg) != 0;
      bool const starts_paging_too_early = n == 31 && (before.cr0 & pe) == 0;
      bool const ends_paging_in_64_bits = n == 31 && before.cs_l;
      bool const not_write_through = n == 29;  // while CD is clear
      bool const forbidden =
          n >= 32 || leaves_protection || starts_paging_too_early || ends_paging_in_64_bits || not_write_through;
      CHECK(is_refused(r) == forbidden);
      if (!r) continue;
      constexpr std::uint64_t writable = 0xe005'002f;  // PG CD NW AM WP NE TS EM MP PE
      CHECK(r->now.cr0 == ((value & writable) | et));
      CHECK(r->now.cr3 == before.cr3);
      CHECK(r->now.cr4 == before.cr4);
    }
  }
}

TEST_CASE("CR0: paging switches long mode on and off") {
  auto const on = after_cr0_write(about_to_be_long, et | pe | pg);
  REQUIRE(on);
  CHECK(on->now.efer == (lme | lma));
  CHECK_FALSE(on->loads_pdptes);
  CHECK(on->forgets);
  auto const off = after_cr0_write(compatibility, et | pe);
  REQUIRE(off);
  CHECK(off->now.efer == lme);

  auto without_pae = about_to_be_long;
  without_pae.cr4 = 0;
  CHECK(is_refused(after_cr0_write(without_pae, et | pe | pg)));
  auto in_64_bit_code = about_to_be_long;
  in_64_bit_code.cs_l = true;
  CHECK(is_refused(after_cr0_write(in_64_bit_code, et | pe | pg)));
  auto with_pcids = compatibility;
  with_pcids.cr4 |= pcide;
  CHECK(is_refused(after_cr0_write(with_pcids, et | pe)));
  CHECK(is_refused(after_cr0_write(long_64, et | pe)));
}

TEST_CASE("CR0: CD, NW and CET") {
  CHECK(after_cr0_write(protected_mode, et | pe | cd | nw));
  CHECK(after_cr0_write(protected_mode, et | pe | cd));
  CHECK(is_refused(after_cr0_write(protected_mode, et | pe | nw)));
  auto with_cet = long_64;
  with_cet.cr0 |= wp;
  with_cet.cr4 |= cet;
  CHECK(is_refused(after_cr0_write(with_cet, with_cet.cr0 & ~wp)));
  CHECK(after_cr0_write(with_cet, with_cet.cr0));
}

TEST_CASE("CR0: with PAE paging PG, CD and NW load the four entries, and nothing else does") {
  CHECK(after_cr0_write(control_state{.cr0 = et | pe, .cr4 = pae}, et | pe | pg)->loads_pdptes);
  CHECK_FALSE(after_cr0_write(protected_mode, et | pe | pg)->loads_pdptes);
  CHECK(after_cr0_write(paging_pae, paging_pae.cr0 | cd)->loads_pdptes);
  CHECK(after_cr0_write(paging_pae, paging_pae.cr0 | cd | nw)->loads_pdptes);
  CHECK_FALSE(after_cr0_write(paging_pae, paging_pae.cr0 | wp)->loads_pdptes);
  CHECK_FALSE(after_cr0_write(paging_pae, paging_pae.cr0)->loads_pdptes);
  CHECK_FALSE(after_cr0_write(paging_pae, paging_pae.cr0 & ~pg)->loads_pdptes);
  CHECK_FALSE(after_cr0_write(long_64, long_64.cr0 | cd)->loads_pdptes);
  CHECK_FALSE(after_cr0_write(paging_pae, paging_pae.cr0 | bit(3))->forgets);
}

TEST_CASE("CR3: each bit alone; bit 63 is a request where there are PCIDs, and never kept") {
  for (unsigned width = 32; width <= 52; ++width) {
    for (unsigned n = 0; n < 64; ++n) {
      CAPTURE(width, n);
      auto const r = after_cr3_write(long_64, bit(n), width);
      CHECK(is_refused(r) == (n >= width));
      if (r) {
        CHECK(r->now.cr3 == bit(n));
        CHECK(r->forgets);
        CHECK_FALSE(r->loads_pdptes);
      }
      auto with_pcids = long_64;
      with_pcids.cr4 |= pcide;
      auto const tagged = after_cr3_write(with_pcids, bit(n), width);
      CHECK(is_refused(tagged) == (n >= width && n != 63));
      if (n == 63) {
        CHECK(tagged->now.cr3 == 0);
        CHECK_FALSE(tagged->forgets);
      }
    }
  }
  CHECK(after_cr3_write(paging_pae, 0x2020, 36)->loads_pdptes);
  CHECK_FALSE(after_cr3_write(paging_32, 0x2000, 36)->loads_pdptes);
  CHECK_FALSE(after_cr3_write(real_mode, 0x2000, 36)->loads_pdptes);
}

TEST_CASE("CR4: a bit can be set when it is offered") {
  for (unsigned offered = 0; offered < 64; ++offered) {
    for (unsigned n = 0; n < 64; ++n) {
      auto before = paging_32;
      before.cr0 |= wp;
      auto const r = after_cr4_write(before, bit(n), bit(offered));
      CAPTURE(offered, n);
      // PCIDs want long mode.
      CHECK(is_refused(r) == (n != offered || n == 17));
      if (r) CHECK(r->now.cr4 == bit(n));
    }
  }
}

TEST_CASE("CR4: in long mode PAE and LA57 stay") {
  for (auto const& before : {compatibility, long_64}) {
    CHECK(is_refused(after_cr4_write(before, 0, all)));
    CHECK(is_refused(after_cr4_write(before, pae | la57, all)));
    CHECK(after_cr4_write(before, pae | pge, all));
  }
  auto five = long_64;
  five.cr4 |= la57;
  CHECK(is_refused(after_cr4_write(five, pae, all)));
  CHECK(after_cr4_write(five, five.cr4, all));
  CHECK(after_cr4_write(about_to_be_long, pae | la57, all));
  CHECK(after_cr4_write(about_to_be_long, 0, all));
}

TEST_CASE("CR4: PCIDs begin in long mode, with none in CR3; CET with WP") {
  CHECK(after_cr4_write(long_64, pae | pcide, all));
  CHECK_FALSE(after_cr4_write(long_64, pae | pcide, all)->forgets);
  for (unsigned n = 0; n < 12; ++n) {
    auto before = long_64;
    before.cr3 |= bit(n);
    CHECK(is_refused(after_cr4_write(before, pae | pcide, all)));
    before.cr4 |= pcide;
    CHECK(after_cr4_write(before, pae | pcide | pge, all));
  }
  for (auto const& before : {real_mode, protected_mode, paging_32, paging_pae, about_to_be_long}) {
    CHECK(is_refused(after_cr4_write(before, pae | pcide, all)));
  }
  auto with_pcids = long_64;
  with_pcids.cr4 |= pcide;
  CHECK(after_cr4_write(with_pcids, pae, all)->forgets);
  CHECK(is_refused(after_cr4_write(long_64, pae | cet, all)));
}

TEST_CASE("CR4: what a change does beside the value") {
  for (unsigned n = 0; n < 32; ++n) {
    CAPTURE(n);
    auto const r = after_cr4_write(paging_pae, pae ^ bit(n), all);
    if (n == 17 || n == 23) {
      CHECK(is_refused(r));
      continue;
    }
    REQUIRE(r);
    CHECK(r->loads_pdptes == (n == 4 || n == 7 || n == 20));  // PSE, PGE, SMEP
    CHECK(r->forgets == (n == 4 || n == 5 || n == 7 || n == 12 || (n >= 20 && n <= 22) || n == 24));
  }
  CHECK(after_cr4_write(paging_32, pae, all)->loads_pdptes);
  CHECK_FALSE(after_cr4_write(paging_32, smep, all)->loads_pdptes);
  CHECK_FALSE(after_cr4_write(long_64, pae | pge, all)->loads_pdptes);
}

TEST_CASE("EFER: each bit alone; LME waits for paging to end; LMA is not the guest's to write") {
  for (auto const& before : states) {
    for (unsigned n = 0; n < 64; ++n) {
      CAPTURE(n, before.cr0, before.efer);
      auto const r = after_efer_write(before, before.efer ^ bit(n), 0xd01);  // NXE LMA LME SCE
      bool const offered = n == 0 || n == 8 || n == 10 || n == 11;
      bool const paging = (before.cr0 & pg) != 0;
      CHECK(is_refused(r) == (!offered || (n == 8 && paging)));
      if (!r) continue;
      CHECK((r->now.efer & lma) == (before.efer & lma));
      CHECK(r->now.efer == (n == 10 ? before.efer : before.efer ^ bit(n)));
      CHECK(r->forgets == (n == 11));
      CHECK_FALSE(r->loads_pdptes);
    }
    CHECK(is_refused(after_efer_write(before, before.efer | nxe, 0xd01 & ~nxe)));
  }
}

TEST_CASE("PDPTEs: reserved bits of present ones") {
  for (unsigned width = 32; width <= 52; ++width) {
    for (unsigned n = 1; n < 64; ++n) {
      CAPTURE(width, n);
      bool const reserved = n == 1 || n == 2 || (n >= 5 && n <= 8) || n >= width;
      CHECK(is_valid_pdpte(bit(n) | 1, width) == !reserved);
      CHECK(is_valid_pdpte(bit(n), width));
    }
  }
}

TEST_CASE("XCR0: all values of the low ten bits") {
  for (std::uint64_t v = 0; v < 1024; ++v) {
    CAPTURE(v);
    auto const has = [v](unsigned n) { return (v >> n & 1) != 0; };
    bool valid = has(0);
    if (has(2) && !has(1)) valid = false;
    if (has(3) != has(4)) valid = false;
    if (has(5) != has(6) || has(6) != has(7)) valid = false;
    if (has(5) && !has(2)) valid = false;
    CHECK(is_valid_xcr0(v, all) == valid);
    // What is not offered is refused, one bit at a time.
    for (unsigned n = 0; n < 10; ++n) {
      if (has(n)) CHECK_FALSE(is_valid_xcr0(v, all & ~bit(n)));
    }
  }
  CHECK(is_valid_xcr0(0x6'0001, all));
  CHECK_FALSE(is_valid_xcr0(0x2'0001, all));
  CHECK_FALSE(is_valid_xcr0(0x4'0001, all));
  CHECK_FALSE(is_valid_xcr0(bit(63) | 1, all & ~bit(63)));
}

TEST_CASE("what CPUID offers of CR4 and EFER, bit by bit") {
  auto const offered = [](table const& t) { return offered_control::of(t); };
  CHECK(offered({}).cr4 == 0x100);  // PCE
  CHECK(offered({}).efer == 0);
  CHECK(offered({}).physical_bits == 36);
  struct expectation {
    table t;
    std::uint64_t cr4;
    std::uint64_t efer;
  };
  expectation const expected[] = {
      {{.one = {.edx = 1U << 1}}, 0x3, 0},            // VME: PVI too
      {{.one = {.edx = 1U << 2}}, 0x8, 0},            // DE
      {{.one = {.edx = 1U << 3}}, 0x10, 0},           // PSE
      {{.one = {.edx = 1U << 4}}, 0x4, 0},            // TSC
      {{.one = {.edx = 1U << 6}}, 0x20, 0},           // PAE
      {{.one = {.edx = 1U << 7}}, 0x40, 0},           // MCE
      {{.one = {.edx = 1U << 13}}, 0x80, 0},          // PGE
      {{.one = {.edx = 1U << 24}}, 0x200, 0},         // FXSR
      {{.one = {.edx = 1U << 25}}, 0x400, 0},         // SSE
      {{.one = {.ecx = 1U << 5}}, 0x2000, 0},         // VMX
      {{.one = {.ecx = 1U << 6}}, 0x4000, 0},         // SMX
      {{.one = {.ecx = 1U << 17}}, 0x2'0000, 0},      // PCID
      {{.one = {.ecx = 1U << 26}}, 0x4'0000, 0},      // XSAVE
      {{.seven = {.ebx = 1U << 0}}, 0x1'0000, 0},     // FSGSBASE
      {{.seven = {.ebx = 1U << 7}}, 0x10'0000, 0},    // SMEP
      {{.seven = {.ebx = 1U << 20}}, 0x20'0000, 0},   // SMAP
      {{.seven = {.ecx = 1U << 2}}, 0x800, 0},        // UMIP
      {{.seven = {.ecx = 1U << 3}}, 0x40'0000, 0},    // PKU
      {{.seven = {.ecx = 1U << 7}}, 0x80'0000, 0},    // CET_SS
      {{.seven = {.edx = 1U << 20}}, 0x80'0000, 0},   // CET_IBT
      {{.seven = {.ecx = 1U << 16}}, 0x1000, 0},      // LA57
      {{.seven = {.ecx = 1U << 31}}, 0x100'0000, 0},  // PKS
      {{.extended = {.edx = 1U << 11}}, 0, 0x1},      // SYSCALL
      {{.extended = {.edx = 1U << 29}}, 0, 0x500},    // LM
      {{.extended = {.edx = 1U << 20}}, 0, 0x800},    // NX
      {{.extended = {.ecx = 1U << 2}}, 0, 0x1000},    // SVM
      {{.extended = {.edx = 1U << 25}}, 0, 0x4000},   // FFXSR
      {{.extended = {.ecx = 1U << 17}}, 0, 0x8000},   // TCE
  };
  for (auto const& e : expected) {
    CHECK(offered(e.t).cr4 == (e.cr4 | 0x100));
    CHECK(offered(e.t).efer == e.efer);
  }
  CHECK(offered({.sizes = {.eax = 0x3030}}).physical_bits == 48);
  CHECK(offered({.sizes = {.eax = 53}}).physical_bits == 36);
  CHECK(offered({.sizes = {.eax = 31}}).physical_bits == 36);
}
