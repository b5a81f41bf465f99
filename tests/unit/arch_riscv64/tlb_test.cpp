// SPDX-License-Identifier: BSL-1.0
// The exact sequences of fences (RISC-V Privileged Architecture, "Supervisor Memory-Management Fence Instruction",
// "Hypervisor Memory-Management Fence Instructions").
#include <axhal/arch/host/counting_frames.hpp>
#include <axhal/arch/riscv64/guest_translations.hpp>
#include <axhal/arch/riscv64/mmu.hpp>
#include <axhal/arch/riscv64/paging_stage1.hpp>
#include <axhal/arch/riscv64/paging_stage2.hpp>
#include <axhal/arch/riscv64/sbi_remote_fences.hpp>
#include <axhal/arch/riscv64/tlb.hpp>
#include <axhal/paging/page_table.hpp>

#include <catch2/catch_test_macros.hpp>

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <tuple>
#include <vector>

namespace {

using namespace axhal;
using riscv64::csr;
using riscv64::every_address;
using riscv64::sv39;
using riscv64::sv39x4;

using step = std::tuple<std::string, std::uint64_t, std::uint64_t, std::uint64_t>;
using steps = std::vector<step>;

/// A hart that writes down what it is told.
struct recorder {
  static inline steps log;
  static inline std::map<csr, std::uint64_t> registers;
  static inline unsigned widest_satp{10};

  static void note(char const* what, std::uint64_t a = 0, std::uint64_t b = 0, std::uint64_t c = 0) {
    log.emplace_back(what, a, b, c);
  }
  static void sfence_vma() { note("sfence.vma"); }
  static void sfence_vma(std::uint64_t address) { note("sfence.vma va", address); }
  static void sfence_vma_asid(std::uint64_t asid) { note("sfence.vma asid", asid); }
  static void sfence_vma(std::uint64_t address, std::uint64_t asid) { note("sfence.vma va, asid", address, asid); }
  static void hfence_gvma() { note("hfence.gvma"); }
  static void hfence_gvma(std::uint64_t shifted) { note("hfence.gvma gpa", shifted); }
  static void hfence_gvma_vmid(std::uint64_t vmid) { note("hfence.gvma vmid", vmid); }
  static void hfence_gvma(std::uint64_t shifted, std::uint64_t vmid) { note("hfence.gvma gpa, vmid", shifted, vmid); }
  static void hfence_vvma() { note("hfence.vvma"); }
  static void hfence_vvma(std::uint64_t address) { note("hfence.vvma va", address); }
  static void hfence_vvma_asid(std::uint64_t asid) { note("hfence.vvma asid", asid); }
  static void hfence_vvma(std::uint64_t address, std::uint64_t asid) { note("hfence.vvma va, asid", address, asid); }

  template <csr R>
  static std::uint64_t read() {
    return registers[R];
  }
  template <csr R>
  static void write(std::uint64_t v) {
    note(R == csr::hgatp ? "hgatp" : R == csr::vsatp ? "vsatp" : R == csr::satp ? "satp" : "another register", v);
    if (R == csr::satp && v >> 60 > widest_satp) return;
    registers[R] = v;
  }
  template <csr R>
  static void set(std::uint64_t v) {
    registers[R] |= v;
  }
  template <csr R>
  static void clear(std::uint64_t v) {
    registers[R] &= ~v;
  }
  static riscv64::sbi_return sbi_call(std::uint64_t extension, std::uint64_t function, std::uint64_t mask,
                                      std::uint64_t base, std::uint64_t start, std::uint64_t size, std::uint64_t tag,
                                      std::uint64_t) {
    note(extension == 0x5246'4e43 ? "rfence" : "another extension", function, mask, base);
    note("of", start, size, tag);
    return {answer, 0};
  }
  static inline std::int64_t answer{};

  static void reset() {
    log.clear();
    registers.clear();
    widest_satp = 10;
    answer = 0;
  }
};

/// What a test does when a fence is refused.
struct give_up {
  static inline unsigned count{};
  void operator()(riscv64::sbi_error e) const { count += e == riscv64::sbi_error::not_supported ? 1 : 100; }
};
static_assert(riscv64::FenceInstructions<recorder> && riscv64::CsrAccess<recorder>);

/// Other harts, with a name, so that it shows that the object is used and not the type.
struct others {
  std::uint64_t set{};
  void remote_sfence_vma(std::uint64_t start, std::uint64_t size) const {
    recorder::note("remote s", start, size, set);
  }
  void remote_sfence_vma_asid(std::uint64_t start, std::uint64_t size, std::uint64_t asid) const {
    recorder::note("remote s asid", start, size, asid);
  }
  void remote_hfence_gvma_vmid(std::uint64_t start, std::uint64_t size, std::uint64_t vmid) const {
    recorder::note("remote g vmid", start, size, vmid);
  }
};
static_assert(riscv64::RemoteFences<others>);

using stage1_tlb = riscv64::stage1_tlb<sv39, recorder>;
using stage1_tlb_all = riscv64::stage1_tlb<sv39, recorder, others>;
using tagged_stage1_tlb = riscv64::tagged_stage1_tlb<sv39, recorder>;
using tagged_stage1_tlb_all = riscv64::tagged_stage1_tlb<sv39, recorder, others>;
using stage2_tlb = riscv64::stage2_tlb<recorder>;
using tagged = riscv64::tagged_stage2_tlb<recorder>;
using tagged_all = riscv64::tagged_stage2_tlb<recorder, others>;
static_assert(TlbMaintenance<stage1_tlb, host_virt> && TlbMaintenance<tagged_stage1_tlb_all, host_virt> &&
              TlbMaintenance<stage2_tlb, guest_phys> && TlbMaintenance<tagged_all, guest_phys>);
static_assert(sizeof(stage2_tlb) <= 8 && sizeof(tagged) <= 16, "what has no state takes no room");

}  // namespace

TEST_CASE("stage 2 by address: shifted right by two, with the VMID that hgatp holds") {
  recorder::reset();
  recorder::registers[csr::hgatp] = sv39x4::hgatp({0x9000'0000}, vmid{5});
  stage2_tlb t;
  t.invalidate({{0x1ff'ffff'e000}, 0x2000, true, 0x1000});
  t.complete();
  CHECK(recorder::log ==
        steps{{"hfence.gvma gpa, vmid", 0x7f'ffff'f800, 5, 0}, {"hfence.gvma gpa, vmid", 0x7f'ffff'fc00, 5, 0}});
  recorder::reset();
  recorder::registers[csr::hgatp] = sv39x4::hgatp({0x9000'0000}, vmid{6});
  t.invalidate({{0}, 0x40'0000, true, 0x20'0000});
  t.complete();
  CHECK(recorder::log == steps{{"hfence.gvma gpa, vmid", 0, 6, 0}, {"hfence.gvma gpa, vmid", 0x8'0000, 6, 0}});
}

TEST_CASE("a change of a table entry takes the fence of the whole VMID, once") {
  recorder::reset();
  tagged t{sv39x4::hgatp({0x9000'0000}, vmid{0x3fff})};
  t.invalidate({{0x1000}, 0x1000, true, 0x1000});
  t.invalidate({{0}, 0x20'0000, false, 0x1000});
  t.invalidate({{0x4000'0000}, 0x1000, true, 0x1000});
  t.invalidate({{0x20'0000}, 0x20'0000, false, 0x1000});
  t.complete();
  CHECK(recorder::log == steps{{"hfence.gvma gpa, vmid", 0x400, 0x3fff, 0}, {"hfence.gvma vmid", 0x3fff, 0, 0}});
  t.complete();
  CHECK(recorder::log.size() == 2);  // nothing is left
  t.invalidate({{0x1000}, 0x1000, true, 0x1000});
  t.complete();
  CHECK(recorder::log.size() == 3);
}

TEST_CASE("everything, publication, and another VMID") {
  recorder::reset();
  tagged t;
  t.set_translation(sv39x4::hgatp({0x9000'0000}, vmid{3}));
  t.invalidate_all();
  CHECK(recorder::log.empty());
  t.complete();
  t.publish();
  t.set_translation(sv39x4::hgatp({0x9000'0000}, vmid{0}));
  t.publish();
  CHECK(recorder::log ==
        steps{{"hfence.gvma vmid", 3, 0, 0}, {"hfence.gvma vmid", 3, 0, 0}, {"hfence.gvma vmid", 0, 0, 0}});
}

TEST_CASE("other harts: one call for a run of pages, one page of each large page") {
  recorder::reset();
  tagged_all t{sv39x4::hgatp({0x9000'0000}, vmid{7}), others{1}};
  t.invalidate({{0x1000}, 0x2000, true, 0x1000});
  t.invalidate({{0x20'0000}, 0x40'0000, true, 0x20'0000});
  t.complete();
  CHECK(recorder::log == steps{{"hfence.gvma gpa, vmid", 0x400, 7, 0},
                               {"hfence.gvma gpa, vmid", 0x800, 7, 0},
                               {"remote g vmid", 0x1000, 0x2000, 7},
                               {"hfence.gvma gpa, vmid", 0x8'0000, 7, 0},
                               {"hfence.gvma gpa, vmid", 0x10'0000, 7, 0},
                               {"remote g vmid", 0x20'0000, 0x1000, 7},
                               {"remote g vmid", 0x40'0000, 0x1000, 7}});
  recorder::reset();
  t.invalidate({{0}, 0x20'0000, false, 0x1000});
  t.complete();
  CHECK(recorder::log == steps{{"hfence.gvma vmid", 7, 0, 0}, {"remote g vmid", 0, every_address, 7}});
}

TEST_CASE("stage 1: every ASID, canonical addresses") {
  recorder::reset();
  stage1_tlb t;
  t.invalidate({{0x8000'0000}, 0x2000, true, 0x1000});
  t.invalidate({{0x7f'ffff'f000}, 0x1000, true, 0x1000});
  t.complete();
  t.invalidate_all();
  t.complete();
  CHECK(recorder::log == steps{{"sfence.vma va", 0x8000'0000, 0, 0},
                               {"sfence.vma va", 0x8000'1000, 0, 0},
                               {"sfence.vma va", 0xffff'ffff'ffff'f000, 0, 0},
                               {"sfence.vma", 0, 0, 0}});
  recorder::reset();
  stage1_tlb_all all{others{9}};
  all.invalidate({{0x40'0000'0000}, 0x1000, true, 0x1000});
  all.invalidate({{0x3f'ffff'f000}, 0x2000, true, 0x1000});  // from the lower half into the upper: no run of addresses
  all.complete();
  CHECK(recorder::log == steps{{"sfence.vma va", 0xffff'ffc0'0000'0000, 0, 0},
                               {"remote s", 0xffff'ffc0'0000'0000, 0x1000, 9},
                               {"sfence.vma", 0, 0, 0},
                               {"remote s", 0, every_address, 9}});
}

TEST_CASE("stage 1 of one ASID") {
  recorder::reset();
  tagged_stage1_tlb t{0};
  t.invalidate({{0x8000'0000}, 0x1000, true, 0x1000});
  t.invalidate({{0x8000'0000}, 0x20'0000, false, 0x1000});
  t.complete();
  CHECK(recorder::log == steps{{"sfence.vma va, asid", 0x8000'0000, 0, 0}, {"sfence.vma asid", 0, 0, 0}});
  recorder::reset();
  tagged_stage1_tlb_all all{4, others{1}};
  all.invalidate({{0x8000'0000}, 0x1000, true, 0x1000});
  all.publish();
  CHECK(recorder::log == steps{{"sfence.vma va, asid", 0x8000'0000, 4, 0},
                               {"remote s asid", 0x8000'0000, 0x1000, 4},
                               {"sfence.vma asid", 4, 0, 0},
                               {"remote s asid", 0, every_address, 4}});
}

TEST_CASE("a page table of a guest gives the whole sequence") {
  recorder::reset();
  using frames = host::counting_frames<16>;
  auto const memory = std::make_unique<frames>();
  paging::page_table<sv39x4, frames, tagged> table{*memory, tagged{sv39x4::hgatp({0}, vmid{2})}};
  constexpr page_attributes rw{read_write, memory_type::normal};
  REQUIRE(table.create());
  CHECK(recorder::log == steps{{"hfence.gvma vmid", 2, 0, 0}});
  recorder::reset();
  // The first page brings tables; the second is a leaf in a table that is there: harts may remember that it was not.
  REQUIRE(table.map({0x4000'0000}, {0x8000'0000}, 0x1000, rw));
  REQUIRE(table.map({0x4000'1000}, {0x8000'1000}, 0x1000, rw));
  CHECK(recorder::log == steps{{"hfence.gvma vmid", 2, 0, 0}, {"hfence.gvma gpa, vmid", 0x1000'0400, 2, 0}});
  recorder::reset();
  // Fewer rights: the leaf. The last page of its table: the table too.
  REQUIRE(table.protect({0x4000'0000}, 0x1000, {axhal::access::read, memory_type::normal}));
  REQUIRE(table.unmap({0x4000'1000}, 0x1000));
  CHECK(recorder::log ==
        steps{{"hfence.gvma gpa, vmid", 0x1000'0000, 2, 0}, {"hfence.gvma gpa, vmid", 0x1000'0400, 2, 0}});
  recorder::reset();
  REQUIRE(table.unmap({0x4000'0000}, 0x1000));
  CHECK(recorder::log.back() == step{"hfence.gvma vmid", 2, 0, 0});
  recorder::reset();
  // A large page is a leaf like any other; a part of it taken away puts a table in its place, without a break.
  REQUIRE(table.map({0x4000'0000}, {0x8000'0000}, 0x4000'0000, rw));
  CHECK(recorder::log == steps{{"hfence.gvma gpa, vmid", 0x1000'0000, 2, 0}});
  recorder::reset();
  REQUIRE(table.unmap({0x4000'0000}, 0x1000));
  CHECK(recorder::log == steps{{"hfence.gvma vmid", 2, 0, 0}});
  table.destroy();
}

TEST_CASE("one guest is forgotten, both stages") {
  recorder::reset();
  recorder::registers[csr::hgatp] = 0x8000'2000'0009'8000;
  recorder::registers[csr::vsatp] = 0x8000'0000'0008'0123;
  riscv64::forget_guest<recorder>(0x8000'1000'0009'0000);
  CHECK(recorder::log == steps{{"vsatp", 0, 0, 0},
                               {"hgatp", 0x8000'1000'0009'0000, 0, 0},
                               {"hfence.vvma", 0, 0, 0},
                               {"hgatp", 0x8000'2000'0009'8000, 0, 0},
                               {"hfence.gvma", 0, 0, 0},
                               {"vsatp", 0x8000'0000'0008'0123, 0, 0}});
}

TEST_CASE("all guests are forgotten: the guests' own stages one VMID after another") {
  for (unsigned const bits : {0U, 2U}) {
    recorder::reset();
    recorder::registers[csr::vsatp] = 7;
    riscv64::forget_all_guests<recorder>(0x8000'3000'0009'0000, bits);
    steps expected{{"vsatp", 0, 0, 0}};
    for (std::uint64_t id = 0; id < (1U << bits); ++id) {
      expected.emplace_back("hgatp", 0x8000'0000'0009'0000 | id << 44, 0, 0);
      expected.emplace_back("hfence.vvma", 0, 0, 0);
    }
    expected.emplace_back("hgatp", 0, 0, 0);
    expected.emplace_back("hfence.gvma", 0, 0, 0);
    expected.emplace_back("vsatp", 7, 0, 0);
    CHECK(recorder::log == expected);
  }
  recorder::reset();
  riscv64::forget_all_guests<recorder>(0x8000'0000'0009'0000, 64);  // no more than VMIDs can have
  CHECK(recorder::log.size() == 2 * 16384 + 4);
}

TEST_CASE("firmware reaches the other harts, and its refusal is not passed over") {
  recorder::reset();
  using firmware = riscv64::sbi_remote_fences<recorder, give_up>;
  riscv64::tagged_stage2_tlb<recorder, firmware> guest{sv39x4::hgatp({0}, vmid{2}), firmware{{0b1100, 0}}};
  guest.invalidate({{0x1000}, 0x2000, true, 0x1000});
  recorder::log.clear();
  guest.publish();
  riscv64::stage1_tlb<sv39, recorder, firmware> host{firmware{}};
  host.publish();
  riscv64::tagged_stage1_tlb<sv39, recorder, firmware> space{5, firmware{}};
  space.publish();
  // RFENCE is extension 0x52464e43: functions 3, 1 and 2.
  CHECK(recorder::log == steps{{"hfence.gvma vmid", 2, 0, 0},
                               {"rfence", 3, 0b1100, 0},
                               {"of", 0, every_address, 2},
                               {"sfence.vma", 0, 0, 0},
                               {"rfence", 1, 0, ~0ULL},
                               {"of", 0, every_address, 0},
                               {"sfence.vma asid", 5, 0, 0},
                               {"rfence", 2, 0, ~0ULL},
                               {"of", 0, every_address, 5}});
  CHECK(give_up::count == 0);
  recorder::answer = -2;
  guest.publish();
  host.publish();
  space.publish();
  CHECK(give_up::count == 3);
}

TEST_CASE("the MMU is turned on where the hart has the format") {
  recorder::reset();
  CHECK(riscv64::enable_mmu<sv39, recorder>({0x8050'0000}));
  CHECK(recorder::log ==
        steps{{"sfence.vma", 0, 0, 0}, {"satp", 0x8000'0000'0008'0500, 0, 0}, {"sfence.vma", 0, 0, 0}});
  recorder::reset();
  recorder::widest_satp = 8;
  recorder::registers[csr::satp] = 0x8000'0000'0008'0500;
  CHECK_FALSE(riscv64::enable_mmu<riscv64::sv48, recorder>({0x8060'0000}));
  CHECK(recorder::registers[csr::satp] == 0x8000'0000'0008'0500);
  CHECK_FALSE(riscv64::supports_stage1<riscv64::sv57, recorder>({0x8060'0000}));
  CHECK(riscv64::supports_stage1<sv39, recorder>({0x8060'0000}));
  CHECK(recorder::registers[csr::satp] == 0x8000'0000'0008'0500);
  CHECK(recorder::log.back() == step{"sfence.vma", 0, 0, 0});
}
