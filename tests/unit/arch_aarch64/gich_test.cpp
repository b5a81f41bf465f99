// SPDX-License-Identifier: BSL-1.0
#include <axhal/arch/aarch64/gich.hpp>

#include <catch2/catch_test_macros.hpp>

#include "support/mmio_recorder.hpp"
#include "support/simulated_gic_v2.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace {

using namespace axhal;
using aarch64::lr_state;
using list_registers = aarch64::gich<test::hypervisor_window>;
std::vector<std::string> const none{};
constexpr std::uint32_t nothing = 1023;

struct fixture {
  explicit fixture(unsigned count = 4) : hardware{1, 2, count} {
    REQUIRE(lr.init());
    open();
  }
  void open() {
    hardware.write_guest(0x00, 1);
    hardware.write_guest(0x04, 0xff);
  }
  std::uint32_t take() { return hardware.read_guest(0x0c); }
  void finish(std::uint32_t irq) { hardware.write_guest(0x10, irq); }
  std::vector<std::uint32_t> reap() {
    std::vector<std::uint32_t> seen;
    lr.reap([&](virtual_irq const& irq) { seen.push_back(irq.irq.value); });
    return seen;
  }
  test::simulated_gic_v2 hardware;
  list_registers lr{{&hardware}};
};
using list = std::vector<std::uint32_t>;

}  // namespace

TEST_CASE("a window without list registers is refused") {
  for (std::uint32_t const type : {0U, ~0U}) {
    test::mmio_log log;
    log.answers[0x004] = {type};
    aarch64::gich<test::mmio_recorder> lr{{&log}};
    CHECK(lr.init() == failure{irq_error::unsupported});
    CHECK(log.accesses.size() == 1);
    CHECK(lr.capacity() == 0);
    CHECK(lr.present({.irq = {32}}) == failure{virt_irq_error::full});
  }
}

TEST_CASE("every list register there is gets emptied, also those that are not used") {
  test::mmio_log log;
  log.answers[0x004] = {0x9000'003f};
  aarch64::gich<test::mmio_recorder> lr{{&log}};
  REQUIRE(lr.init());
  CHECK(lr.capacity() == 16);
  unsigned emptied = 0;
  for (test::mmio_access const& a : log.accesses)
    emptied += a.direction == 'w' && a.offset >= 0x100 && a.value == 0 ? 1U : 0U;
  CHECK(emptied == 64);
}

TEST_CASE("words survive coding and decoding") {
  for (virtual_irq const irq :
       {virtual_irq{.irq = {27}, .priority = 0x80, .hardware = true, .physical = {1019}},
        virtual_irq{.irq = {5}, .priority = 0xf8, .source = 7},
        virtual_irq{.irq = {1019}, .notify_completion = true, .group = 1},
        virtual_irq{.irq = {33}, .priority = 8, .hardware = true, .physical = {48}, .group = 1}}) {
    CHECK(list_registers::decode(list_registers::encode(irq)) == irq);
  }
}

TEST_CASE("nothing is read or written while no list register is in use") {
  fixture f;
  unsigned const before = f.hardware.accesses;
  CHECK(f.reap().empty());
  CHECK_FALSE(f.lr.in_use());
  CHECK_FALSE(f.lr.withdraw({32}));
  f.lr.inspect([](virtual_irq const&, lr_state) { FAIL("there is none"); });
  f.lr.request_room_event(false);
  CHECK(f.hardware.accesses == before);
  CHECK(f.lr.present({.irq = {32}}));
  CHECK(f.hardware.accesses == before + 1);
  CHECK(f.lr.in_use());
  f.take();
  f.finish(32);
  CHECK(f.reap() == list{32});
  CHECK(f.hardware.accesses == before + 2);
  CHECK(f.reap().empty());
  CHECK(f.hardware.accesses == before + 2);
}

TEST_CASE("completion is told by an interrupt when it was asked for, and the interrupt ends with the report") {
  fixture f;
  CHECK(f.lr.present({.irq = {32}, .notify_completion = true}));
  CHECK(f.lr.present({.irq = {33}}));
  CHECK(f.take() == 32);
  f.finish(32);
  CHECK(f.hardware.maintenance());
  CHECK(f.take() == 33);
  f.finish(33);
  CHECK(f.reap() == list{32, 33});
  CHECK_FALSE(f.hardware.maintenance());
  CHECK(f.hardware.mistakes == none);
}

TEST_CASE("notification can be asked for later, but not of a physical interrupt, which has none") {
  fixture f;
  f.lr.notify_completion({32});
  CHECK(f.lr.present({.irq = {32}}));
  CHECK(f.take() == 32);
  f.lr.notify_completion({32});
  f.finish(32);
  CHECK(f.hardware.maintenance());
  CHECK(f.reap() == list{32});
  CHECK(f.lr.present({.irq = {33}, .hardware = true, .physical = {40}}));
  std::uint32_t const before = f.hardware.read_hypervisor(0x100);
  f.lr.notify_completion({33});
  CHECK(f.hardware.read_hypervisor(0x100) == before);
}

TEST_CASE("a physical interrupt is refused while it is active, and with a number no GIC can link") {
  fixture f;
  virtual_irq const timer{.irq = {27}, .hardware = true, .physical = {27}};
  CHECK(f.lr.present({.irq = {27}, .hardware = true, .physical = {15}}) == failure{virt_irq_error::out_of_range});
  CHECK(f.lr.present({.irq = {27}, .hardware = true, .physical = {1020}}) == failure{virt_irq_error::out_of_range});
  CHECK(f.lr.present(timer));
  CHECK(f.lr.present(timer));
  CHECK(f.take() == 27);
  CHECK(f.lr.present(timer) == failure{virt_irq_error::full});
  CHECK(f.lr.present({.irq = {27}}) == failure{virt_irq_error::full});
  CHECK(f.hardware.mistakes == none);
}

TEST_CASE("one that is completed and not reported keeps its report when it is presented again") {
  fixture f{3};
  CHECK(f.lr.present({.irq = {32}}));
  f.take();
  f.finish(32);
  CHECK(f.lr.present({.irq = {32}}));
  CHECK(f.lr.present({.irq = {32}}));
  CHECK(f.reap() == list{32});
  CHECK(f.take() == 32);
  f.finish(32);
  CHECK(f.reap() == list{32});
  CHECK(f.reap().empty());
  CHECK(f.hardware.mistakes == none);
}

TEST_CASE("states are seen, and any of them can be discarded") {
  fixture f;
  for (std::uint32_t irq = 32; irq < 36; ++irq)
    CHECK(f.lr.present({.irq = {irq}, .priority = static_cast<std::uint8_t>((irq - 31) * 8)}));
  f.take();
  CHECK(f.lr.present({.irq = {32}}));
  std::vector<std::pair<std::uint32_t, lr_state>> seen;
  f.lr.inspect([&](virtual_irq const& irq, lr_state s) {
    seen.emplace_back(irq.irq.value, s);
    if (irq.irq.value == 33) CHECK(f.lr.withdraw(irq.irq));
  });
  CHECK(seen == std::vector<std::pair<std::uint32_t, lr_state>>{{32, lr_state::pending_and_active},
                                                                {33, lr_state::pending},
                                                                {34, lr_state::pending},
                                                                {35, lr_state::pending}});
  CHECK_FALSE(f.lr.withdraw({32}));  // takes the second edge back, all the same
  f.finish(32);
  CHECK(f.lr.discard({34}));
  CHECK_FALSE(f.lr.discard({34}));
  CHECK_FALSE(f.lr.discard({32}));
  CHECK(f.reap() == list{32});
  CHECK(f.take() == 35);
  CHECK(f.lr.discard({35}));
  CHECK_FALSE(f.lr.in_use());
}

TEST_CASE("the event for room comes when all is taken or little is left, and never with only active ones") {
  fixture f;
  f.lr.request_room_event(true);
  CHECK(f.hardware.maintenance());  // empty: room now
  f.lr.request_room_event(false);
  CHECK_FALSE(f.hardware.maintenance());
  f.hardware.write_guest(0x00, 1 | 1U << 9);  // the guest drops priorities and deactivates later
  for (std::uint32_t irq = 32; irq < 36; ++irq) CHECK(f.lr.present({.irq = {irq}}));
  f.lr.request_room_event(true);
  for (std::uint32_t irq = 32; irq < 36; ++irq) {
    CHECK_FALSE(f.hardware.maintenance());
    CHECK(f.take() == irq);
    f.finish(irq);
  }
  CHECK(f.hardware.maintenance());  // all is taken
  CHECK(f.reap().empty());
  f.lr.inspect([](virtual_irq const&, lr_state s) { CHECK(s == lr_state::active); });
  f.lr.request_room_event(true);
  for (std::uint32_t irq = 32; irq < 35; ++irq) {
    CHECK_FALSE(f.hardware.maintenance());
    f.hardware.write_guest(0x1000, irq);
  }
  CHECK(f.hardware.maintenance());  // one is left
  CHECK(f.reap() == list{32, 33, 34});
  f.lr.request_room_event(false);
  CHECK_FALSE(f.hardware.maintenance());
  CHECK(f.hardware.mistakes == none);
}

TEST_CASE("switching writes only what is in use or different") {
  fixture f;
  list_registers::state a{};
  f.lr.save(a);
  f.lr.restore(a);
  unsigned before = f.hardware.accesses;
  f.lr.save(a);
  CHECK(f.hardware.accesses == before + 3);  // control off, VMCR, APR
  f.lr.restore(a);
  CHECK(f.hardware.accesses == before + 4);  // control on
  CHECK(f.lr.present({.irq = {32}}));
  before = f.hardware.accesses;
  f.lr.save(a);
  CHECK(f.hardware.accesses == before + 5);
  CHECK(f.take() == nothing);
  CHECK_FALSE(f.lr.in_use());
  list_registers::state other{};
  f.lr.restore(other);
  CHECK(f.hardware.read_guest(0x00) == 0);  // the reset state, not the other guest's
  CHECK(f.hardware.read_guest(0x04) == 0);
  f.lr.save(other);
  f.lr.restore(a);
  CHECK(f.hardware.read_guest(0x04) == 0xf8);
  CHECK(f.take() == 32);
  f.lr.save(a);
  f.lr.restore(a);
  CHECK(f.hardware.read_hypervisor(0xf0) != 0);
  f.finish(32);
  CHECK(f.reap() == list{32});
  CHECK(f.hardware.mistakes == none);
}

TEST_CASE("completion is told after a switch, too") {
  fixture f;
  CHECK(f.lr.present({.irq = {32}, .notify_completion = true}));
  list_registers::state s{};
  f.lr.save(s);
  f.lr.restore(s);
  CHECK(f.take() == 32);
  f.finish(32);
  CHECK(f.hardware.maintenance());
  CHECK(f.reap() == list{32});
  CHECK_FALSE(f.hardware.maintenance());
}
