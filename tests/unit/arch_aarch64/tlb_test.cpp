// SPDX-License-Identifier: BSL-1.0
// The exact sequences of instructions (ARM DDI 0487, "TLB maintenance instructions", D8.14).
#include <axhal/arch/aarch64/mmu.hpp>
#include <axhal/arch/aarch64/paging_stage1.hpp>
#include <axhal/arch/aarch64/paging_stage2.hpp>
#include <axhal/arch/aarch64/tlb.hpp>
#include <axhal/arch/host/counting_frames.hpp>
#include <axhal/paging/page_table.hpp>

#include <catch2/catch_test_macros.hpp>

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace {

using namespace axhal;
using aarch64::sysreg;

using step = std::pair<std::string, std::uint64_t>;
using steps = std::vector<step>;

/// A CPU that writes down what it is told.
struct recorder {
  static inline steps log;
  static inline std::map<sysreg, std::uint64_t> registers;

  static void dsb_ishst() { log.emplace_back("dsb ishst", 0); }
  static void dsb_ish() { log.emplace_back("dsb ish", 0); }
  static void isb() { log.emplace_back("isb", 0); }
  static void tlbi_ipas2e1is(std::uint64_t x) { log.emplace_back("tlbi ipas2e1is", x); }
  static void tlbi_ipas2le1is(std::uint64_t x) { log.emplace_back("tlbi ipas2le1is", x); }
  static void tlbi_vmalle1is() { log.emplace_back("tlbi vmalle1is", 0); }
  static void tlbi_vmalls12e1is() { log.emplace_back("tlbi vmalls12e1is", 0); }
  static void tlbi_alle1is() { log.emplace_back("tlbi alle1is", 0); }
  static void tlbi_vae1is(std::uint64_t x) { log.emplace_back("tlbi vae1is", x); }
  static void tlbi_vae2is(std::uint64_t x) { log.emplace_back("tlbi vae2is", x); }
  static void tlbi_vale2is(std::uint64_t x) { log.emplace_back("tlbi vale2is", x); }
  static void tlbi_alle2is() { log.emplace_back("tlbi alle2is", 0); }

  template <sysreg R>
  static std::uint64_t read() {
    return registers[R];
  }
  template <sysreg R>
  static void write(std::uint64_t v) {
    registers[R] = v;
    log.emplace_back(name(R), v);
  }
  static std::string name(sysreg r) {
    switch (r) {
      case sysreg::vttbr_el2: return "vttbr_el2";
      case sysreg::hcr_el2: return "hcr_el2";
      case sysreg::mair_el2: return "mair_el2";
      case sysreg::tcr_el2: return "tcr_el2";
      case sysreg::ttbr0_el2: return "ttbr0_el2";
      case sysreg::sctlr_el2: return "sctlr_el2";
      default: return "another register";
    }
  }
  static void reset() {
    log.clear();
    registers.clear();
  }
};
static_assert(aarch64::TlbInstructions<recorder> && aarch64::SysregAccess<recorder>);

using stage2_tlb = aarch64::stage2_tlb<recorder>;
using tagged = aarch64::tagged_stage2_tlb<recorder, recorder>;
using stage1_tlb = aarch64::stage1_el2_tlb<recorder>;
static_assert(TlbMaintenance<stage2_tlb, guest_phys> && TlbMaintenance<tagged, guest_phys> &&
              TlbMaintenance<stage1_tlb, host_virt>);

constexpr std::uint64_t tge = std::uint64_t{1} << 27;

}  // namespace

TEST_CASE("stage 2 by address: last level only, then stage 1 of the VMID") {
  recorder::reset();
  stage2_tlb t;
  t.invalidate({{0xff'ffff'e000}, 0x2000, true, 0x1000});
  t.complete();
  CHECK(recorder::log == steps{{"dsb ishst", 0},
                               {"tlbi ipas2le1is", 0xfff'fffe},
                               {"tlbi ipas2le1is", 0xfff'ffff},
                               {"dsb ish", 0},
                               {"tlbi vmalle1is", 0},
                               {"dsb ish", 0},
                               {"isb", 0}});
}

TEST_CASE("stage 2 by address with tables gone: all levels; one request for a block") {
  recorder::reset();
  stage2_tlb t;
  t.invalidate({{0x4000'0000}, 0x20'0000, false, 0x20'0000});
  t.invalidate({{0x4020'0000}, 0x40'0000, true, 0x20'0000});
  t.complete();
  CHECK(recorder::log == steps{{"dsb ishst", 0},
                               {"tlbi ipas2e1is", 0x4'0000},
                               {"dsb ishst", 0},
                               {"tlbi ipas2le1is", 0x4'0200},
                               {"tlbi ipas2le1is", 0x4'0400},
                               {"dsb ish", 0},
                               {"tlbi vmalle1is", 0},
                               {"dsb ish", 0},
                               {"isb", 0}});
}

TEST_CASE("stage 2 of a whole VMID takes both stages at once") {
  recorder::reset();
  stage2_tlb t;
  t.invalidate_all();
  t.complete();
  CHECK(recorder::log == steps{{"dsb ishst", 0}, {"tlbi vmalls12e1is", 0}, {"dsb ish", 0}, {"isb", 0}});
  recorder::reset();
  t.invalidate({{0}, 0x1000, true, 0x1000});
  t.complete();
  recorder::reset();
  t.invalidate_all();
  t.complete();
  CHECK(recorder::log.size() == 4);  // nothing is left of the request before
}

TEST_CASE("publication orders stores before walks") {
  recorder::reset();
  stage2_tlb::publish();
  CHECK(recorder::log == steps{{"dsb ishst", 0}});
  recorder::reset();
  stage1_tlb::publish();
  CHECK(recorder::log == steps{{"dsb ishst", 0}, {"isb", 0}});
}

TEST_CASE("a tagged TLB puts its guest in and the other back") {
  recorder::reset();
  recorder::registers[sysreg::vttbr_el2] = 0x0002'0000'8000'0000;
  recorder::registers[sysreg::hcr_el2] = 0x8000'0000;
  tagged t{0x0001'0000'9000'0000};
  t.invalidate({{0x1000}, 0x1000, true, 0x1000});
  t.invalidate({{0x3000}, 0x1000, true, 0x1000});
  t.complete();
  CHECK(recorder::log == steps{{"vttbr_el2", 0x0001'0000'9000'0000},
                               {"isb", 0},
                               {"dsb ishst", 0},
                               {"tlbi ipas2le1is", 1},
                               {"dsb ishst", 0},
                               {"tlbi ipas2le1is", 3},
                               {"dsb ish", 0},
                               {"tlbi vmalle1is", 0},
                               {"dsb ish", 0},
                               {"isb", 0},
                               {"vttbr_el2", 0x0002'0000'8000'0000},
                               {"isb", 0}});
  CHECK(recorder::registers[sysreg::hcr_el2] == 0x8000'0000);
}

TEST_CASE("a tagged TLB whose guest is loaded writes no register") {
  recorder::reset();
  recorder::registers[sysreg::vttbr_el2] = 0x0001'0000'9000'0000;
  tagged t;
  t.set_translation(0x0001'0000'9000'0000);
  t.invalidate_all();
  t.complete();
  CHECK(recorder::log == steps{{"dsb ishst", 0}, {"tlbi vmalls12e1is", 0}, {"dsb ish", 0}, {"isb", 0}});
  recorder::reset();
  t.complete();
  CHECK(recorder::log == steps{{"dsb ish", 0}, {"isb", 0}});
}

TEST_CASE("a tagged TLB leaves the host's regime for as long as it takes") {
  recorder::reset();
  recorder::registers[sysreg::vttbr_el2] = 7;
  recorder::registers[sysreg::hcr_el2] = tge | 1;
  tagged t{9};
  t.invalidate_all();
  t.complete();
  CHECK(recorder::log == steps{{"vttbr_el2", 9},
                               {"hcr_el2", 1},
                               {"isb", 0},
                               {"dsb ishst", 0},
                               {"tlbi vmalls12e1is", 0},
                               {"dsb ish", 0},
                               {"isb", 0},
                               {"hcr_el2", tge | 1},
                               {"vttbr_el2", 7},
                               {"isb", 0}});
}

TEST_CASE("stage 1 of EL2") {
  recorder::reset();
  stage1_tlb t;
  t.invalidate({{0xffff'ffff'f000}, 0x1000, true, 0x1000});
  t.invalidate({{0x4000'0000}, 0x20'0000, false, 0x20'0000});
  t.complete();
  t.invalidate_all();
  t.complete();
  CHECK(recorder::log == steps{{"dsb ishst", 0},
                               {"tlbi vale2is", 0xf'ffff'ffff},
                               {"dsb ishst", 0},
                               {"tlbi vae2is", 0x4'0000},
                               {"dsb ish", 0},
                               {"isb", 0},
                               {"dsb ishst", 0},
                               {"tlbi alle2is", 0},
                               {"dsb ish", 0},
                               {"isb", 0}});
}

TEST_CASE("all guests are forgotten at once") {
  recorder::reset();
  aarch64::forget_all_guests<recorder>();
  CHECK(recorder::log == steps{{"dsb ishst", 0}, {"tlbi alle1is", 0}, {"dsb ish", 0}, {"isb", 0}});
}

TEST_CASE("the MMU is turned on last") {
  using format = aarch64::stage1_el2<aarch64::el2_mode::nvhe, 39>;
  recorder::reset();
  aarch64::enable_mmu<format, recorder, recorder>({0x4050'0000}, 40);
  CHECK(recorder::log == steps{{"mair_el2", 0x04'44ff},
                               {"tcr_el2", 0x8082'3519},
                               {"ttbr0_el2", 0x4050'0000},
                               {"dsb ishst", 0},
                               {"isb", 0},
                               {"tlbi alle2is", 0},
                               {"dsb ish", 0},
                               {"isb", 0},
                               {"sctlr_el2", 0x30cd'183d},
                               {"isb", 0}});
}

TEST_CASE("a page table of a guest gives the whole sequence") {
  recorder::reset();
  using frames = host::counting_frames<16>;
  auto const memory = std::make_unique<frames>();
  paging::page_table<aarch64::stage2<32>, frames, stage2_tlb> table{*memory};
  constexpr page_attributes rw{read_write, memory_type::normal};
  REQUIRE(table.create());
  REQUIRE(table.map({0x4000'0000}, {0x8000'0000}, 0x1000, rw));
  recorder::reset();
  // The last page of its table: the page goes, then the table that it leaves empty.
  REQUIRE(table.unmap({0x4000'0000}, 0x1000));
  CHECK(recorder::log == steps{{"dsb ishst", 0},
                               {"tlbi ipas2le1is", 0x4'0000},
                               {"dsb ishst", 0},
                               {"tlbi ipas2e1is", 0x4'0000},
                               {"dsb ish", 0},
                               {"tlbi vmalle1is", 0},
                               {"dsb ish", 0},
                               {"isb", 0}});
  REQUIRE(table.map({0x4000'0000}, {0x8000'0000}, 0x20'0000, rw));
  recorder::reset();
  // Part of a block: break, forget, make, publish.
  REQUIRE(table.unmap({0x4000'0000}, 0x1000));
  CHECK(recorder::log == steps{{"dsb ishst", 0},
                               {"tlbi ipas2le1is", 0x4'0000},
                               {"dsb ish", 0},
                               {"tlbi vmalle1is", 0},
                               {"dsb ish", 0},
                               {"isb", 0},
                               {"dsb ishst", 0}});
  table.destroy();
}
