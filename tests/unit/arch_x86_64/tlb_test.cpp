// SPDX-License-Identifier: BSL-1.0
// The exact sequences of invalidations (Intel SDM vol. 3A, "Invalidation of TLBs and Paging-Structure Caches"; vol. 3C,
// "Caching Translation Information"; AMD64 APM vol. 2, "TLB Control").
#include <axhal/arch/host/counting_frames.hpp>
#include <axhal/arch/x86_64/paging_ept.hpp>
#include <axhal/arch/x86_64/paging_host.hpp>
#include <axhal/arch/x86_64/paging_npt.hpp>
#include <axhal/arch/x86_64/tlb.hpp>
#include <axhal/paging/page_table.hpp>
#include <axhal/paging/vmid_allocator.hpp>

#include <catch2/catch_test_macros.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <tuple>
#include <vector>

namespace {

using namespace axhal;
using x86_64::ept;
using x86_64::every_address;
using x86_64::invept_type;
using x86_64::npt;
using x86_64::owed_flushes;
using x86_64::paging_4_level;
using x86_64::paging_5_level;
using x86_64::tlb_control;

using step = std::tuple<std::string, std::uint64_t, std::uint64_t, std::uint64_t>;
using steps = std::vector<step>;

/// A CPU that writes down what it is told.
struct recorder {
  static inline steps log;
  static inline std::uint64_t cr3;

  static void note(char const* what, std::uint64_t a = 0, std::uint64_t b = 0, std::uint64_t c = 0) {
    log.emplace_back(what, a, b, c);
  }
  static void invlpg(std::uint64_t address) { note("invlpg", address); }
  static std::uint64_t read_cr3() { return cr3; }
  static void write_cr3(std::uint64_t value) {
    note("cr3", value);
    cr3 = value;
  }
  static void invpcid(x86_64::invpcid_type type, std::uint64_t pcid, std::uint64_t address) {
    note("invpcid", static_cast<std::uint64_t>(type), pcid, address);
  }
  static void invept(invept_type type, std::uint64_t eptp) { note("invept", static_cast<std::uint64_t>(type), eptp); }
  static void invvpid(x86_64::invvpid_type type, std::uint64_t vpid, std::uint64_t address) {
    note("invvpid", static_cast<std::uint64_t>(type), vpid, address);
  }
  static void reset() {
    log.clear();
    cr3 = 0x8050'0000;
  }
};
static_assert(x86_64::HostTlbInstructions<recorder> && x86_64::PcidInstructions<recorder> &&
              x86_64::EptInstructions<recorder> && x86_64::VpidInstructions<recorder>);

/// Other CPUs, with a name, so that it shows that the object is used and not the type.
struct others {
  std::uint64_t set{};
  void remote_invlpg(std::uint64_t start, std::uint64_t size) const {
    recorder::note("remote invlpg", start, size, set);
  }
  void remote_invpcid(std::uint64_t start, std::uint64_t size, std::uint64_t pcid) const {
    recorder::note("remote invpcid", start, size, pcid);
  }
  void remote_invept(invept_type type, std::uint64_t eptp) const {
    recorder::note("remote invept", static_cast<std::uint64_t>(type), eptp, set);
  }
  void leave_guest() const { recorder::note("leave", set); }
};
static_assert(x86_64::RemoteHostFlushes<others> && x86_64::RemoteInvept<others> && x86_64::RemoteExits<others>);

using host_tlb = x86_64::host_tlb<paging_4_level, recorder>;
using host_tlb_all = x86_64::host_tlb<paging_4_level, recorder, others>;
using tagged = x86_64::tagged_host_tlb<paging_5_level, recorder>;
using tagged_all = x86_64::tagged_host_tlb<paging_4_level, recorder, others>;
using ept_tlb = x86_64::ept_tlb<recorder>;
using ept_tlb_all = x86_64::ept_tlb<recorder, others>;
using entry_tlb = x86_64::entry_flush_tlb<4>;
using entry_tlb_all = x86_64::entry_flush_tlb<4, others>;
static_assert(TlbMaintenance<host_tlb, host_virt> && TlbMaintenance<tagged_all, host_virt> &&
              TlbMaintenance<ept_tlb, guest_phys> && TlbMaintenance<ept_tlb_all, guest_phys> &&
              TlbMaintenance<entry_tlb, guest_phys> && TlbMaintenance<entry_tlb_all, guest_phys>);
static_assert(!TlbMaintenance<ept_tlb, host_virt> && !TlbMaintenance<host_tlb, guest_phys>);
static_assert(sizeof(host_tlb) <= 8 && sizeof(tagged) <= 16, "what has no state takes no room");

constexpr page_attributes rw{read_write, memory_type::normal};

}  // namespace

TEST_CASE("host by address: INVLPG for each step, canonical, whatever kind of entry changed") {
  recorder::reset();
  host_tlb t;
  t.invalidate({{0x8000'0000}, 0x2000, true, 0x1000});
  t.invalidate({{0x4000'0000}, 0x40'0000, true, 0x20'0000});
  t.invalidate({{0}, 0x20'0000, false, 0x20'0000});
  t.invalidate({{0xffff'ffff'f000}, 0x1000, true, 0x1000});
  CHECK(recorder::log == steps{{"invlpg", 0x8000'0000, 0, 0},
                               {"invlpg", 0x8000'1000, 0, 0},
                               {"invlpg", 0x4000'0000, 0, 0},
                               {"invlpg", 0x4020'0000, 0, 0},
                               {"invlpg", 0, 0, 0},
                               {"invlpg", 0xffff'ffff'ffff'f000, 0, 0}});
  recorder::reset();
  t.complete();
  CHECK(recorder::log.empty());
}

TEST_CASE("host, everything: CR3 is written with what it holds, once") {
  recorder::reset();
  recorder::cr3 = 0x1234'5018;
  host_tlb t;
  t.invalidate_all();
  CHECK(recorder::log.empty());
  t.invalidate({{0x8000'0000}, 0x2000, true, 0x1000});
  t.complete();
  t.complete();
  t.publish();
  CHECK(recorder::log == steps{{"cr3", 0x1234'5018, 0, 0}});
}

TEST_CASE("host on other CPUs: one call for a run of pages, one page of each large page") {
  recorder::reset();
  host_tlb_all t{others{9}};
  t.invalidate({{0x1000}, 0x2000, true, 0x1000});
  t.invalidate({{0x20'0000}, 0x40'0000, true, 0x20'0000});
  t.invalidate({{0x8000'0000'0000}, 0x1000, true, 0x1000});
  t.complete();
  CHECK(recorder::log == steps{{"invlpg", 0x1000, 0, 0},
                               {"invlpg", 0x2000, 0, 0},
                               {"remote invlpg", 0x1000, 0x2000, 9},
                               {"invlpg", 0x20'0000, 0, 0},
                               {"invlpg", 0x40'0000, 0, 0},
                               {"remote invlpg", 0x20'0000, 0x1000, 9},
                               {"remote invlpg", 0x40'0000, 0x1000, 9},
                               {"invlpg", 0xffff'8000'0000'0000, 0, 0},
                               {"remote invlpg", 0xffff'8000'0000'0000, 0x1000, 9}});
  recorder::reset();
  t.invalidate({{0x7fff'ffff'f000}, 0x2000, true, 0x1000});  // from the lower half into the upper: no run of addresses
  t.complete();
  CHECK(recorder::log == steps{{"cr3", 0x8050'0000, 0, 0}, {"remote invlpg", 0, every_address, 9}});
  recorder::reset();
  t.invalidate({{0x7fff'ffff'f000}, 0x1000, true, 0x1000});  // the end of the lower half alone
  t.complete();
  t.publish();
  CHECK(recorder::log == steps{{"invlpg", 0x7fff'ffff'f000, 0, 0}, {"remote invlpg", 0x7fff'ffff'f000, 0x1000, 9}});
}

TEST_CASE("host under a PCID: INVPCID, types 0 and 1") {
  recorder::reset();
  tagged t{0xabc};
  t.invalidate({{0x0100'0000'0000'0000}, 0x1000, true, 0x1000});
  t.invalidate_all();
  t.complete();
  CHECK(recorder::log == steps{{"invpcid", 0, 0xabc, 0xff00'0000'0000'0000}, {"invpcid", 1, 0xabc, 0}});
  recorder::reset();
  tagged_all all{5, others{1}};
  all.invalidate({{0x1000}, 0x2000, true, 0x1000});
  all.invalidate_all();
  all.complete();
  CHECK(recorder::log == steps{{"invpcid", 0, 5, 0x1000},
                               {"invpcid", 0, 5, 0x2000},
                               {"remote invpcid", 0x1000, 0x2000, 5},
                               {"invpcid", 1, 5, 0},
                               {"remote invpcid", 0, every_address, 5}});
}

TEST_CASE("EPT: one INVEPT for all that changed, on this CPU and on others") {
  recorder::reset();
  ept_tlb t{ept::eptp({0x9000'0000})};
  t.invalidate({{0x1000}, 0x2000, true, 0x1000});
  t.invalidate({{0}, 0x20'0000, false, 0x1000});
  CHECK(recorder::log.empty());
  t.complete();
  t.complete();
  CHECK(recorder::log == steps{{"invept", 1, 0x9000'001e, 0}});
  recorder::reset();
  t.publish();
  CHECK(recorder::log.empty());
  t.set_translation(ept::eptp({0x9000'1000}));
  t.invalidate_all();
  t.complete();
  CHECK(recorder::log == steps{{"invept", 1, 0x9000'101e, 0}});
  recorder::reset();
  ept_tlb_all all{ept::eptp({0x9000'0000}), invept_type::all_contexts, others{6}};
  all.invalidate({{0x1000}, 0x1000, true, 0x1000});
  all.complete();
  CHECK(recorder::log == steps{{"invept", 2, 0x9000'001e, 0}, {"remote invept", 2, 0x9000'001e, 6}});
}

TEST_CASE("flushes with the next entry: every CPU owes one, and settles it once") {
  recorder::reset();
  owed_flushes<4> owed;
  entry_tlb t{owed};
  for (std::uint32_t cpu = 0; cpu < 4; ++cpu) CHECK_FALSE(owed.settle({cpu}));
  t.publish();
  t.invalidate({{0x1000}, 0x1000, true, 0x1000});
  CHECK_FALSE(owed.settle({0}));  // nothing is promised before `complete`
  t.complete();
  CHECK(owed.settle({0}));
  CHECK_FALSE(owed.settle({0}));
  CHECK(owed.settle({3}));
  t.invalidate_all();
  t.complete();
  t.complete();
  CHECK(owed.settle({0}));
  CHECK(owed.settle({1}));  // two debts are one flush
  CHECK_FALSE(owed.settle({1}));
  CHECK(recorder::log.empty());
  entry_tlb_all all{owed, others{3}};
  all.publish();
  all.complete();
  CHECK(recorder::log.empty());
  all.invalidate_all();
  all.complete();
  CHECK(recorder::log == steps{{"leave", 3, 0, 0}});
  CHECK(owed.settle({2}));
}

TEST_CASE("what the entry writes to TLB_CONTROL") {
  using x86_64::entry_tlb_control;
  for (bool const by_asid : {false, true}) {
    CHECK(entry_tlb_control(false, false, by_asid) == tlb_control::nothing);
    CHECK(entry_tlb_control(true, false, by_asid) == tlb_control::everything);
    CHECK(entry_tlb_control(true, true, by_asid) == tlb_control::everything);
  }
  CHECK(entry_tlb_control(false, true, true) == tlb_control::guest);
  CHECK(entry_tlb_control(false, true, false) == tlb_control::everything);
}

TEST_CASE("sixteen ASIDs, of which the host has one") {
  paging::vmid_allocator<16, 4> asids{paging::vmid_count{16}};
  paging::vmid_tag tags[16]{};
  for (std::uint32_t i = 0; i < 15; ++i) {
    auto const grant = asids.load(tags[i], {i % 4});
    CHECK(x86_64::guest_asid(grant.id) == i + 1);
    CHECK_FALSE(grant.flush);
  }
  auto const grant = asids.load(tags[15], {0});
  CHECK(grant.flush);
  CHECK(x86_64::guest_asid(grant.id) < 16);
  // Too few for four CPUs: all have ASID 1, which VMRUN takes, and are flushed.
  paging::vmid_allocator<16, 4> few{paging::vmid_count{2}};
  paging::vmid_tag tag{};
  auto const shared = few.load(tag, {2});
  CHECK(shared.flush);
  CHECK(x86_64::guest_asid(shared.id) == 1);
}

TEST_CASE("linear addresses of guests under VPIDs") {
  recorder::reset();
  x86_64::forget_guest<recorder>(vmid{7});
  x86_64::forget_guest_address<recorder>(vmid{7}, {0x1234'5678});
  x86_64::forget_guest_address<recorder>(vmid{7}, {0xffff'8000'0000'0000});
  x86_64::forget_guest_address<recorder>(vmid{7}, {0x0000'8000'0000'0000});  // INVVPID would refuse it
  x86_64::forget_guest_address<recorder>(vmid{7}, {0xfff0'0000'0000'0000});
  x86_64::forget_guest_address<recorder, 57>(vmid{7}, {0x0000'8000'0000'0000});
  x86_64::forget_all_guests<recorder>();
  CHECK(recorder::log == steps{{"invvpid", 1, 7, 0},
                               {"invvpid", 0, 7, 0x1234'5678},
                               {"invvpid", 0, 7, 0xffff'8000'0000'0000},
                               {"invvpid", 0, 7, 0x0000'8000'0000'0000},
                               {"invvpid", 2, 0, 0}});
}

TEST_CASE("a page table of a guest under EPT gives the whole sequence") {
  recorder::reset();
  using frames = host::counting_frames<16>;
  auto const memory = std::make_unique<frames>();
  paging::page_table<ept, frames, ept_tlb> table{*memory};
  REQUIRE(table.create());
  table.tlb().set_translation(ept::eptp({0x9000'0000}));
  // What was absent is remembered by nobody.
  REQUIRE(table.map({0x4000'0000}, {0x8000'0000}, 0x1000, rw));
  REQUIRE(table.map({0x8000'0000}, {0x8000'0000}, 0x4000'0000, rw));
  CHECK(recorder::log.empty());
  REQUIRE(table.protect({0x4000'0000}, 0x1000, {axhal::access::read, memory_type::normal}));
  CHECK(recorder::log == steps{{"invept", 1, 0x9000'001e, 0}});
  recorder::reset();
  // A large page is broken before a table of other pages takes its place.
  REQUIRE(table.protect({0x8000'0000}, 0x1000, {axhal::access::read, memory_type::normal}));
  CHECK(recorder::log == steps{{"invept", 1, 0x9000'001e, 0}});
  recorder::reset();
  REQUIRE(table.unmap({0x8000'0000}, 0x4000'0000));
  CHECK(recorder::log == steps{{"invept", 1, 0x9000'001e, 0}});
  recorder::reset();
  table.destroy();
  CHECK(recorder::log == steps{{"invept", 1, 0x9000'001e, 0}});
}

TEST_CASE("a page table of the host gives the whole sequence") {
  recorder::reset();
  using frames = host::counting_frames<16>;
  auto const memory = std::make_unique<frames>();
  paging::page_table<paging_4_level, frames, host_tlb> table{*memory};
  REQUIRE(table.create());
  REQUIRE(table.map({0x4000'0000}, {0x8000'0000}, 0x2000, rw));
  CHECK(recorder::log.empty());
  REQUIRE(table.unmap({0x4000'0000}, 0x1000));
  CHECK(recorder::log == steps{{"invlpg", 0x4000'0000, 0, 0}});
  recorder::reset();
  // The last page of its tables: they go too, and what is cached of the way to them.
  REQUIRE(table.unmap({0x4000'1000}, 0x1000));
  CHECK(recorder::log == steps{{"invlpg", 0x4000'1000, 0, 0},
                               {"invlpg", 0x4000'0000, 0, 0},
                               {"invlpg", 0x4000'0000, 0, 0},
                               {"invlpg", 0, 0, 0}});
  recorder::reset();
  REQUIRE(table.map({0x4000'0000}, {0x4000'0000}, 0x4000'0000, rw));
  REQUIRE(table.unmap({0x4000'0000}, 0x20'0000));
  CHECK(recorder::log == steps{{"invlpg", 0x4000'0000, 0, 0}});
  recorder::reset();
  table.destroy();
  CHECK(recorder::log == steps{{"cr3", 0x8050'0000, 0, 0}});
}

TEST_CASE("a page table of a guest under nested paging leaves a debt behind") {
  recorder::reset();
  using frames = host::counting_frames<16>;
  auto const memory = std::make_unique<frames>();
  owed_flushes<4> owed;
  paging::page_table<npt, frames, entry_tlb_all> table{*memory, entry_tlb_all{owed, others{2}}};
  REQUIRE(table.create());
  REQUIRE(table.map({0x4000'0000}, {0x4000'0000}, 0x4000'0000, rw));
  CHECK_FALSE(owed.settle({0}));
  REQUIRE(table.unmap({0x4000'0000}, 0x1000));
  CHECK(recorder::log == steps{{"leave", 2, 0, 0}});
  CHECK(owed.settle({0}));
  CHECK(owed.settle({1}));
  table.destroy();
  CHECK(owed.settle({0}));
}

TEST_CASE("the debt is noted before a CPU is told to leave") {
  // A CPU that left in good time, and enters again at once: it must find what it owes.
  struct enters_again {
    owed_flushes<2>* owed;
    bool* found;
    void leave_guest() const { *found = owed->settle({1}); }
  };
  owed_flushes<2> owed;
  bool found = false;
  x86_64::entry_flush_tlb<2, enters_again> t{owed, enters_again{&owed, &found}};
  t.invalidate({{0}, 0x1000, true, 0x1000});
  CHECK_FALSE(found);
  t.complete();
  CHECK(found);
  CHECK_FALSE(owed.settle({1}));
  CHECK(owed.settle({0}));
}
