// SPDX-License-Identifier: BSL-1.0
#include <axhal/arch/riscv64/guest_files.hpp>
#include <axhal/arch/riscv64/hvip_lines.hpp>
#include <axhal/arch/riscv64/imsic.hpp>
#include <axhal/arch/riscv64/imsic_guest_file.hpp>

#include <catch2/catch_test_macros.hpp>

#include "support/simulated_harts.hpp"

#include <string>
#include <vector>

namespace {

using namespace axhal;
using riscv64::csr;
using test::test_hart;
using guest = riscv64::imsic_guest_file<test_hart, 127>;
using lines = riscv64::hvip_lines<test_hart>;
std::vector<std::string> const none{};
using list = std::vector<std::uint32_t>;

struct fixture {
  explicit fixture(unsigned guests = 5, unsigned identities = 127) {
    test_hart::machine = &harts;
    harts.self().has_imsic = true;
    harts.self().imsic = test::simulated_imsic{guests, identities};
    harts.self().hstatus = 2U << 12;
    harts.self().vsiselect = 0xc2;
  }
  test::simulated_file& file(unsigned n = 2) { return harts.self().imsic.files[n]; }
  void open(unsigned n = 2) {
    file(n).eidelivery = 1;
    for (auto& word : file(n).eie) word = ~std::uint64_t{0};
    file(n).settle();
  }
  std::uint32_t take(unsigned n = 2) { return file(n).claim() >> 16; }
  list reap() {
    list seen;
    shown.reap([&](virtual_irq const& irq) { seen.push_back(irq.irq.value); });
    return seen;
  }
  test::simulated_harts harts{1};
  guest shown{127};
};

}  // namespace

TEST_CASE("identities are counted up to what the machine says it has") {
  using file = riscv64::supervisor_file<test_hart>;
  for (unsigned const identities : {63U, 127U, 255U, 2047U}) {
    fixture f{0, identities};
    CHECK(file::count_identities(identities) == identities);
    CHECK(file::count_identities(~0U) == identities);
    CHECK(file::count_identities(40) == 40);
    for (auto const word : f.harts.self().imsic.files[0].eie) CHECK(word == 0);
    CHECK(f.harts.mistakes == none);
  }
}

TEST_CASE("one identity is one bit in the even registers") {
  using file = riscv64::supervisor_file<test_hart>;
  fixture f{0, 255};
  auto& hardware = f.file(0);
  file::enable(1);
  file::enable(200);
  CHECK(hardware.eie == std::vector<std::uint64_t>{2, 0, 0, 1U << 8});
  CHECK(file::is_enabled(200));
  CHECK_FALSE(file::is_enabled(199));
  file::set_pending(64);
  file::set_pending(200);
  CHECK(hardware.eip == std::vector<std::uint64_t>{0, 1, 0, 1U << 8});
  CHECK(file::is_pending(64));
  CHECK(file::top() == 200);
  CHECK(file::claim() == 200);
  CHECK(file::claim() == 0);
  file::clear_pending(64);
  file::disable(200);
  CHECK_FALSE(file::is_pending(64));
  CHECK_FALSE(file::is_enabled(200));
  hardware.eithreshold = 9;
  hardware.eidelivery = 1;
  hardware.eip[3] = 8;
  file::reset(255);
  CHECK(hardware.eithreshold == 0);
  CHECK(hardware.eidelivery == 0);
  CHECK(hardware.eip == std::vector<std::uint64_t>{0, 0, 0, 0});
  CHECK(hardware.eie == std::vector<std::uint64_t>{0, 0, 0, 0});
  CHECK(f.harts.mistakes == none);
}

TEST_CASE("guests' files are counted, given out once, and given back") {
  for (unsigned const count : {0U, 1U, 5U, 63U}) {
    fixture f{count, 63};
    f.harts.self().hgeie = ~std::uint64_t{0};
    riscv64::guest_files<test_hart> files;
    CHECK(files.count() == 0);
    files.init();
    CHECK(files.count() == count);
    CHECK(f.harts.self().hgeie == 0);
    for (unsigned n = 1; n <= count; ++n) CHECK(files.allocate() == n);
    CHECK(files.allocate() == failure{riscv64::guest_file_error::none_free});
    CHECK(files.free_count() == 0);
    for (unsigned const n : {0U, count + 1, 64U, 65U, ~0U}) {
      CHECK(files.release(n) == failure{riscv64::guest_file_error::out_of_range});
      CHECK(files.watch(n, true) == failure{riscv64::guest_file_error::out_of_range});
    }
    CHECK(f.harts.self().hgeie == 0);
    if (count == 0) continue;
    CHECK(files.watch(count, true));
    CHECK(f.harts.self().hgeie == std::uint64_t{1} << count);
    CHECK(files.release(count));
    CHECK(f.harts.self().hgeie == 0);
    CHECK(files.release(count) == failure{riscv64::guest_file_error::out_of_range});
    CHECK(files.watch(count, true) == failure{riscv64::guest_file_error::out_of_range});
    CHECK(files.allocate() == count);
    CHECK(f.harts.mistakes == none);
  }
}

TEST_CASE("the host learns that a vCPU which waits has an interrupt") {
  fixture f;
  riscv64::guest_files<test_hart> files;
  files.init();
  REQUIRE(files.allocate());
  REQUIRE(files.allocate());
  f.open();
  f.harts.message(0, 2, 40);
  CHECK(files.pending() == 4);
  CHECK((f.harts.hip() & 1U << 12) == 0);
  REQUIRE(files.watch(2, true));
  CHECK((f.harts.hip() & 1U << 12) != 0);
  REQUIRE(files.watch(2, false));
  CHECK((f.harts.hip() & 1U << 12) == 0);
}

TEST_CASE("a guest's file is emptied, whatever was in it") {
  fixture f;
  f.open();
  f.file().eithreshold = 3;
  f.file().message(5);
  f.shown.init();
  CHECK(f.file().eidelivery == 0);
  CHECK(f.file().eithreshold == 0);
  CHECK(f.file().eip == std::vector<std::uint64_t>{0, 0});
  CHECK(f.file().eie == std::vector<std::uint64_t>{0, 0});
  CHECK(f.harts.self().vsiselect == 0xc2);
}

TEST_CASE("what a guest has taken is reported once, and what others sent is not") {
  fixture f;
  f.open();
  CHECK(f.shown.present({.irq = {100}}));
  CHECK(f.shown.present({.irq = {3}}));
  f.file().message(4);  // another vCPU
  CHECK(f.reap().empty());
  CHECK(f.take() == 3);
  CHECK(f.take() == 4);
  CHECK(f.reap() == list{3});
  CHECK(f.take() == 100);
  // Presented again before anybody looked: its report is not lost.
  CHECK(f.shown.present({.irq = {100}}));
  CHECK(f.reap() == list{100});
  CHECK(f.take() == 100);
  CHECK(f.reap() == list{100});
  CHECK(f.reap().empty());
  CHECK_FALSE(f.shown.withdraw({4}));
  CHECK(f.harts.self().vsiselect == 0xc2);
  CHECK(f.harts.mistakes == none);
}

TEST_CASE("withdrawing one that was taken leaves its report, and messages of others stay") {
  fixture f;
  f.open();
  CHECK(f.shown.present({.irq = {9}}));
  CHECK(f.take() == 9);
  CHECK_FALSE(f.shown.withdraw({9}));
  CHECK(f.reap() == list{9});
  f.file().message(9);
  CHECK_FALSE(f.shown.withdraw({9}));
  CHECK(f.take() == 9);
}

TEST_CASE("numbers that are no identity, and physical interrupts, are refused and nothing changes") {
  fixture f;
  f.open();
  for (std::uint32_t const n : {0U, 128U, 2047U, 2048U, 0x8000'0001U, ~0U}) {
    CHECK(f.shown.present({.irq = {n}}) == failure{virt_irq_error::out_of_range});
    CHECK_FALSE(f.shown.withdraw({n}));
  }
  CHECK(f.shown.present({.irq = {5}, .hardware = true}) == failure{virt_irq_error::unsupported});
  CHECK(f.file().eip == std::vector<std::uint64_t>{0, 0});
  guest small{63};
  CHECK(small.present({.irq = {64}}) == failure{virt_irq_error::out_of_range});
  CHECK(guest{~0U}.capacity() == 127);
  CHECK(f.harts.mistakes == none);
}

TEST_CASE("a vCPU takes all of its file along, and finds it in another one") {
  fixture f;
  f.open();
  f.file().eithreshold = 77;
  f.file().eie[1] = 0x55;
  f.file().message(127);
  CHECK(f.shown.present({.irq = {70}}));
  guest::state away{};
  f.shown.save(away);
  CHECK(f.file().eidelivery == 0);
  CHECK(f.file().eithreshold == 0);
  CHECK(f.file().eip == std::vector<std::uint64_t>{0, 0});
  CHECK(f.file().eie == std::vector<std::uint64_t>{0, 0});
  f.harts.self().hstatus = 4U << 12;
  f.shown.restore(away);
  CHECK(f.file(4).eidelivery == 1);
  CHECK(f.file(4).eithreshold == 77);
  CHECK(f.file(4).eie[1] == 0x55);
  CHECK(f.file(4).eip[1] == (std::uint64_t{1} << 63 | 1U << 6));
  CHECK(f.reap().empty());
  CHECK(f.take(4) == 70);
  CHECK(f.reap() == list{70});
  CHECK(f.harts.self().vsiselect == 0xc2);
  CHECK(f.harts.mistakes == none);
}

TEST_CASE("lines of hvip are the guest's numbers, of a vCPU on a hart and of one that is on none") {
  fixture f;
  lines::set_level(lines::external, true);
  CHECK(f.harts.self().hvip == 0x400);
  CHECK(lines::present({.irq = lines::timer}));
  CHECK(f.harts.self().hvip == 0x440);
  lines::set_level({2}, true);
  lines::set_level({10}, false);
  CHECK(f.harts.self().hvip == 0x440);
  lines::state s{};
  lines::save(s);
  CHECK(f.harts.self().hvip == 0);
  lines::set_level(s, lines::software, true);
  lines::set_level(s, lines::external, false);
  lines::set_level(s, {64 + 1}, true);
  lines::restore(s);
  CHECK(f.harts.self().hvip == 0x044);
  lines::restore({.hvip = ~std::uint64_t{0}});  // other bits of it are not the guest's
  CHECK(f.harts.self().hvip == 0x444);
  // The guest's own way to take its software interrupt down.
  test_hart::clear<csr::vsip>(2);
  CHECK(f.harts.self().hvip == 0x440);
  CHECK_FALSE(lines::withdraw(lines::software));
  lines::set_level(lines::external, false);
  CHECK(f.harts.self().hvip == 0x040);
  CHECK(lines::present({.irq = {1}, .hardware = true}) == failure{virt_irq_error::unsupported});
  CHECK(f.harts.mistakes == none);
}
