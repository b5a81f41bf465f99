// SPDX-License-Identifier: BSL-1.0
// The way of messages between the local APICs of a machine.
#include <axhal/arch/x86_64/vlapics.hpp>

#include <catch2/catch_test_macros.hpp>

#include <atomic>
#include <cstdint>
#include <thread>
#include <vector>

namespace {
using namespace axhal;
using namespace axhal::x86_64;

template <unsigned Vcpus>
struct bench {
  vlapics<Vcpus> apics;
  std::uint64_t woken{};
  std::vector<unsigned> completed{};

  explicit bench(unsigned vcpus = Vcpus) : apics{{.tsc = {1}, .bus = {1}}, vcpus} {
    for (unsigned v = 0; v < apics.vcpus(); ++v) wr(v, 0xf0, 0x1ff);
  }
  void wake(std::uint64_t vcpus) { woken |= vcpus; }
  void end_of_interrupt(std::uint8_t vector) { completed.push_back(vector); }
  void deadline_changed() {}

  std::uint64_t rd(unsigned v, std::uint64_t offset) { return apics.read({v}, offset, 4, {}); }
  void wr(unsigned v, std::uint64_t offset, std::uint64_t value) { apics.write({v}, offset, 4, value, {}, *this); }
  bool wrmsr(unsigned v, std::uint32_t n, std::uint64_t value) {
    return apics.write_msr({v}, n, value, {}, *this).has_value();
  }
  void to_x2apic() {
    for (unsigned v = 0; v < apics.vcpus(); ++v) REQUIRE(wrmsr(v, 0x1b, 0xfee0'0c00));
  }
  /// Who has something deliverable, one bit each; it is taken and completed.
  std::uint64_t take() {
    std::uint64_t set = 0;
    for (unsigned v = 0; v < apics.vcpus(); ++v) {
      vlapic& apic = apics[{v}];
      for (vlapic_vector h = apic.highest(); h; h = apic.highest()) {
        set |= std::uint64_t{1} << v;
        REQUIRE(apic.accept(*h));
        if (apic.is_x2apic()) {
          REQUIRE(wrmsr(v, 0x80b, 0));
        } else {
          wr(v, 0xb0, 0);
        }
      }
    }
    return set;
  }
  /// What a command of `from` in xAPIC mode reaches. All but the sender must be woken.
  std::uint64_t command(unsigned from, std::uint32_t destination, std::uint32_t low) {
    woken = 0;
    wr(from, 0x310, destination << 24);
    wr(from, 0x300, low);
    std::uint64_t const reached = take();
    CHECK(woken == (reached & ~(std::uint64_t{1} << from)));
    return reached;
  }
  std::uint64_t command_x2apic(unsigned from, std::uint64_t icr) {
    woken = 0;
    REQUIRE(wrmsr(from, 0x830, icr));
    std::uint64_t const reached = take();
    CHECK(woken == (reached & ~(std::uint64_t{1} << from)));
    return reached;
  }
};

TEST_CASE("physical destinations and shorthands", "[x86_64][vlapic]") {
  bench<4> b;
  for (std::uint32_t d = 0; d < 4; ++d) CHECK(b.command(0, d, 0x41) == 1U << d);
  for (std::uint32_t d : {4U, 0x40U, 0xfeU}) CHECK(b.command(0, d, 0x41) == 0);
  CHECK(b.command(1, 0xff, 0x41) == 0b1111);
  CHECK(b.command(2, 0, 0x4'0041) == 0b0100);
  CHECK(b.command(2, 0, 0x8'0041) == 0b1111);
  CHECK(b.command(2, 0, 0xc'0041) == 0b1011);
  // Neither those without a local APIC nor those that software has disabled.
  REQUIRE(b.wrmsr(1, 0x1b, 0));
  b.wr(3, 0xf0, 0xff);
  CHECK(b.command(2, 0, 0x8'0041) == 0b0101);
  CHECK(b.command(2, 1, 0x41) == 0);
  CHECK(b.command(2, 3, 0x41) == 0);
}

TEST_CASE("fewer vCPUs than there could be", "[x86_64][vlapic]") {
  bench<4> b{2};
  CHECK(b.apics.vcpus() == 2);
  CHECK(b.command(0, 2, 0x41) == 0);
  CHECK(b.command(0, 0xff, 0x41) == 0b11);
  CHECK(b.command(0, 0, 0xc'0041) == 0b10);
  bench<4> none{0};
  CHECK(none.apics.vcpus() == 1);
  bench<4> many{9};
  CHECK(many.apics.vcpus() == 4);
}

TEST_CASE("logical destinations: flat", "[x86_64][vlapic]") {
  bench<4> b;
  for (unsigned v = 0; v < 4; ++v) b.wr(v, 0xd0, 1U << (24 + v));
  for (std::uint32_t d = 0; d < 0xff; ++d) CHECK(b.command(0, d, 0x841) == (d & 15));
  CHECK(b.command(0, 0xff, 0x841) == 15);
  b.wr(2, 0xd0, 0);
  CHECK(b.command(0, 0x0f, 0x841) == 0b1011);
}

TEST_CASE("logical destinations: clusters of four", "[x86_64][vlapic]") {
  bench<6> b;
  for (unsigned v = 0; v < 6; ++v) {
    b.wr(v, 0xe0, 0x0fff'ffff);
    CHECK(b.rd(v, 0xe0) == 0x0fff'ffff);
    b.wr(v, 0xd0, (v / 4) << 28 | 1U << (24 + v % 4));
  }
  CHECK(b.command(0, 0x05, 0x841) == 0b000101);
  CHECK(b.command(0, 0x13, 0x841) == 0b110000);
  CHECK(b.command(0, 0x1c, 0x841) == 0);
  CHECK(b.command(0, 0x2f, 0x841) == 0);
  CHECK(b.command(0, 0xf2, 0x841) == 0b100010);
  CHECK(b.command(0, 0xff, 0x841) == 0b111111);
}

TEST_CASE("x2APIC: physical, clusters of sixteen, everyone", "[x86_64][vlapic]") {
  bench<40> b;
  b.to_x2apic();
  for (std::uint64_t d = 0; d < 40; ++d) CHECK(b.command_x2apic(3, d << 32 | 0x41) == std::uint64_t{1} << d);
  for (std::uint64_t d : {40ULL, 255ULL, 0xffff'fffeULL}) CHECK(b.command_x2apic(3, d << 32 | 0x41) == 0);
  CHECK(b.command_x2apic(3, 0xffff'ffff'0000'0041) == 0xff'ffff'ffff);
  CHECK(b.command_x2apic(3, 0xffff'ffff'0000'0841) == 0xff'ffff'ffff);
  CHECK(b.command_x2apic(3, 0x0000'8001'0000'0841) == 0x8001);
  CHECK(b.command_x2apic(3, 0x0001'0003'0000'0841) == 0x3'0000);
  CHECK(b.command_x2apic(3, 0x0002'ffff'0000'0841) == 0xff'0000'0000);
  CHECK(b.command_x2apic(3, 0x0003'ffff'0000'0841) == 0);
  CHECK(b.command_x2apic(3, 0x0004'ffff'0000'0841) == 0);
  CHECK(b.command_x2apic(3, 0x0008'0041) == 0xff'ffff'ffff);
  CHECK(b.command_x2apic(3, 0x000c'0041) == 0xff'ffff'fff7);
  CHECK(b.command_x2apic(3, 0x0004'0041) == 8);
  // SELF IPI.
  b.woken = 0;
  REQUIRE(b.wrmsr(7, 0x83f, 0x55));
  CHECK(b.woken == 0);
  CHECK(b.apics[{7}].highest() == vlapic_vector{0x55, true});
  // 8 bits of ones of a device are everyone here too; other logical ones name members of the first cluster.
  CHECK(b.take() == 0x80);
  b.apics.send(msi{0xfeef'f000, 0x42}, b);
  CHECK(b.take() == 0xff'ffff'ffff);
  b.apics.send(msi{0xfee1'1004, 0x42}, b);
  CHECK(b.take() == 0x11);
  // What ICR reads is what was written last, also by the short path.
  REQUIRE(b.wrmsr(3, 0x830, 0x2000'0004'0c0));
  CHECK(b.apics.read_msr({3}, 0x830, {}) == 0x2000'0004'0c0U);
}

TEST_CASE("all vCPUs that there can be", "[x86_64][vlapic]") {
  bench<64> b;
  b.to_x2apic();
  CHECK(b.command_x2apic(63, 0x0008'0041) == ~std::uint64_t{0});
  CHECK(b.command_x2apic(0, 0x0003'8000'0000'0841) == std::uint64_t{1} << 63);
  CHECK(b.command_x2apic(0, 0x0000'003f'0000'0041) == std::uint64_t{1} << 63);
}

TEST_CASE("one vCPU in another mode than the others", "[x86_64][vlapic]") {
  bench<4> b;
  b.to_x2apic();
  b.apics.reset(vcpu_number{2});
  b.wr(2, 0xf0, 0x1ff);
  b.wr(2, 0xd0, 0x0800'0000);
  CHECK(b.command_x2apic(1, 0x0000'0005'0000'0841) == 0b0001);
  CHECK(b.command_x2apic(1, 0x0000'0008'0000'0841) == 0b1100);
  CHECK(b.command_x2apic(1, 0x0000'0002'0000'0041) == 0b0100);
  CHECK(b.command(2, 0x0f, 0x0841) == 0b1111);
  REQUIRE(b.wrmsr(3, 0x1b, 0));
  CHECK(b.command(2, 0xff, 0x0041) == 0b0111);
  b.apics.reset();
  b.wr(0, 0xf0, 0x1ff);
  b.wr(3, 0xf0, 0x1ff);
  CHECK(b.command(0, 0xff, 0x0041) == 0b1001);
}

TEST_CASE("lowest priority: the least busy of those that are meant", "[x86_64][vlapic]") {
  bench<4> b;
  for (unsigned v = 0; v < 4; ++v) b.wr(v, 0xd0, 1U << (24 + v));
  b.wr(0, 0x80, 0x40);
  b.wr(1, 0x80, 0x30);
  b.wr(2, 0x80, 0x20);
  b.wr(3, 0x80, 0x10);
  CHECK(b.command(0, 0x0f, 0x0955) == 8);
  CHECK(b.command(0, 0x03, 0x0955) == 2);
  b.wr(3, 0xf0, 0xff);
  CHECK(b.command(0, 0x0f, 0x0955) == 4);
  CHECK(b.command(0, 0x08, 0x0955) == 0);
  CHECK(b.command(0, 0xff, 0x0955) == 4);
  // An interrupt in service counts, too.
  b.apics.send(apic_message{.destination = 2, .vector = 0x91}, b);
  REQUIRE(b.apics[{2}].accept(0x91));
  CHECK(b.apics.destinations({.destination = 15,
                              .destination_mode = apic_destination_mode::logical,
                              .mode = apic_delivery_mode::lowest_priority}) == 2);
  // The redirection hint of a message asks for the same; equals: the first one.
  b.wr(0, 0x80, 0x30);
  b.apics.send(msi{0xfee0'f00c, 0x4055}, b);
  CHECK(b.take() == 1);
}

TEST_CASE("messages past IRR", "[x86_64][vlapic]") {
  bench<3> b;
  auto const events = [&](unsigned v) { return b.apics[{v}].take_events(); };
  b.wr(0, 0x300, 0xc'0400);
  CHECK(b.woken == 0b110);
  CHECK(!events(0).nmi);
  CHECK(events(1) == vlapic_events{.nmi = true});
  CHECK(events(2) == vlapic_events{.nmi = true});
  b.apics.send(msi{0xfee0'1000, 0x0700}, b);
  CHECK(events(1) == vlapic_events{.extint = true});
  // NMIs do not ask whether software has enabled the APIC.
  b.wr(2, 0xf0, 0xff);
  b.apics.send(msi{0xfee0'2000, 0x0400}, b);
  CHECK(events(2) == vlapic_events{.nmi = true});
  // No system management, nothing reserved, no ExtINT from ICR, no level that goes away.
  b.woken = 0;
  for (std::uint32_t low : {0xc'0200U, 0xc'0300U, 0xc'0700U, 0xc'8500U}) b.wr(0, 0x300, low);
  b.apics.send(msi{0xfee0'1000, 0x0200}, b);
  b.apics.send(msi{0xfee0'1000, 0x8041}, b);
  b.apics.send(msi{0xfec0'1000, 0x0041}, b);
  CHECK(b.woken == 0);
  for (unsigned v = 0; v < 3; ++v) {
    CHECK(events(v) == vlapic_events{});
    CHECK(!b.apics[{v}].highest());
  }
}

/// A line of an I/O APIC: a level that is sent again at the end of the interrupt, from within it.
struct line {
  vlapics<2>& apics;
  unsigned served{};
  unsigned left;
  void wake(std::uint64_t) {}
  void deadline_changed() {}
  void send() { apics.send(apic_message{.destination = 1, .vector = 0x61, .trigger = apic_trigger::level}, *this); }
  void end_of_interrupt(std::uint8_t vector) {
    REQUIRE(vector == 0x61);
    ++served;
    if (--left != 0) send();
  }
};

TEST_CASE("a line that stays high is served until it is low", "[x86_64][vlapic]") {
  bench<2> b;
  line l{.apics = b.apics, .left = 5};
  l.send();
  for (unsigned i = 0; i < 5; ++i) {
    REQUIRE(b.apics[{1}].highest() == vlapic_vector{0x61, true});
    REQUIRE(b.apics[{1}].accept(0x61));
    b.apics.write({1}, 0xb0, 4, 0, {}, l);
  }
  CHECK(l.served == 5);
  CHECK(!b.apics[{1}].highest());
}

/// The ways in which a waker and a sleeper can meet, with real threads.
struct doorbell {
  std::atomic<std::uint64_t>& rung;
  void wake(std::uint64_t vcpus) { rung.fetch_or(vcpus); }
  void end_of_interrupt(std::uint8_t) {}
  void deadline_changed() {}
};

TEST_CASE("nothing is lost between CPUs", "[x86_64][vlapic]") {
  constexpr unsigned senders = 3;
  constexpr unsigned rounds = 20'000;
  vlapics<4> apics{{.tsc = {1}, .bus = {1}}};
  std::atomic<std::uint64_t> rung{};
  doorbell bell{rung};
  apics.write({0}, 0xf0, 4, 0x1ff, {}, bell);

  // Each sender has a vector of its own, and sends again when the one before was taken.
  std::atomic<unsigned> taken[senders]{};
  std::atomic<unsigned> nmis{};
  std::vector<std::thread> threads;
  for (unsigned s = 0; s < senders; ++s) {
    threads.emplace_back([&, s] {
      for (unsigned i = 0; i < rounds; ++i) {
        auto const vector = static_cast<std::uint8_t>(0x31 + 0x20 * s);
        apics.send(apic_message{.vector = vector, .trigger = static_cast<apic_trigger>(s == 1)}, bell);
        if (i % 64 == 0) apics.send(apic_message{.mode = apic_delivery_mode::nmi}, bell);
        while (taken[s].load() <= i) std::this_thread::yield();
      }
    });
  }
  // The processor looks only when the bell has rung, and only while there is said to be work.
  unsigned total = 0;
  while (total < senders * rounds) {
    if (rung.exchange(0) == 0) {
      std::this_thread::yield();
      continue;
    }
    while (apics[{0}].has_work()) {
      if (apics[{0}].take_events().nmi) ++nmis;
      vlapic_vector const h = apics[{0}].highest();
      if (!h) continue;
      REQUIRE(apics[{0}].accept(*h));
      apics.write({0}, 0xb0, 4, 0, {}, bell);
      ++total;
      ++taken[(*h - 0x31U) / 0x20U];
    }
  }
  for (std::thread& t : threads) t.join();
  CHECK(total == senders * rounds);
  CHECK(nmis >= 1);
  CHECK(!apics[{0}].highest());
}

/// Rings only for a processor that says that it sleeps.
struct night_bell {
  std::atomic<bool>& asleep;
  std::atomic<unsigned>& rung;
  void wake(std::uint64_t) {
    if (asleep.load()) rung.fetch_add(1);
  }
  void end_of_interrupt(std::uint8_t) {}
  void deadline_changed() {}
};

TEST_CASE("a processor that falls asleep is woken, or has seen what is new", "[x86_64][vlapic]") {
  constexpr unsigned rounds = 20'000;
  vlapics<2> apics{{.tsc = {1}, .bus = {1}}};
  std::atomic<bool> asleep{};
  std::atomic<unsigned> rung{};
  std::atomic<unsigned> taken{};
  night_bell bell{asleep, rung};
  apics.write({0}, 0xf0, 4, 0x1ff, {}, bell);
  std::thread sender{[&] {
    for (unsigned i = 0; i < rounds; ++i) {
      apics.send(apic_message{.vector = 0x41}, bell);
      while (taken.load() <= i) std::this_thread::yield();
    }
  }};
  while (taken < rounds) {
    asleep.store(true);
    std::atomic_thread_fence(std::memory_order_seq_cst);
    if (!apics[{0}].has_work()) {
      while (rung.load() == 0) std::this_thread::yield();
    }
    asleep.store(false);
    rung.store(0);
    vlapic_vector const h = apics[{0}].highest();
    if (!h) continue;
    REQUIRE(apics[{0}].accept(*h));
    apics.write({0}, 0xb0, 4, 0, {}, bell);
    ++taken;
  }
  sender.join();
  CHECK(!apics[{0}].highest());
}

}  // namespace
