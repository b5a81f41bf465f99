// SPDX-License-Identifier: BSL-1.0
#include <axhal/arch/host/console.hpp>
#include <axhal/arch/riscv64/sbi_server.hpp>

#include "support/sbi_guest.hpp"

#include <catch2/catch_test_macros.hpp>

#include <atomic>
#include <cstdint>
#include <thread>
#include <vector>

namespace {
using namespace axhal;
using namespace axhal::riscv64;
using kind = sbi_action::kind;

constexpr sbi_return failed{-1, 0};
constexpr sbi_return not_supported{-2, 0};
constexpr sbi_return invalid_param{-3, 0};
constexpr sbi_return invalid_address{-5, 0};
constexpr sbi_return already_available{-6, 0};
constexpr sbi_return success{0, 0};

constexpr std::uint64_t base = 0x10, time_ext = 0x54494d45, ipi = 0x735049, rfence = 0x52464e43, hsm = 0x48534d,
                        srst = 0x53525354, dbcn = 0x4442434e;
constexpr std::uint64_t ram = 0x8000'0000;
constexpr vcpu_number boot{0};

template <typename Server>
struct guest {
  explicit guest(std::uint32_t count = 64) : server{count} {}

  Server server;
  test::sbi_guest_memory memory{guest_phys{ram}, 4, 4096};
  host::console<> console{};

  sbi_action ask(sbi_request const& r, vcpu_number caller = boot) { return server.call(caller, r, memory, console); }
  sbi_return answer(sbi_request const& r) {
    sbi_action const a = ask(r);
    CHECK(a.what == kind::none);
    CHECK(a.target == boot);
    return a.result;
  }
};
using guest8 = guest<sbi_server<8>>;

constinit sbi_server<8> const needs_no_constructor{3};

TEST_CASE("the base extension answers all of its functions", "[arch_riscv64][sbi_server]") {
  guest8 g;
  CHECK(g.answer({base, 0}) == sbi_return{0, 0x200'0000});  // 2.0
  CHECK(g.answer({base, 1}) == sbi_return{0, 0x6178});
  CHECK(g.answer({base, 2}) == sbi_return{0, 0x100});
  for (std::uint64_t const f : {4U, 5U, 6U}) CHECK(g.answer({base, f}) == success);
  CHECK(g.answer({base, 7}) == not_supported);
  CHECK(g.answer({base, UINT64_MAX}) == not_supported);
  CHECK(g.answer({base, 0x1'0000'0000}) == not_supported);
}

TEST_CASE("the probe names exactly the extensions that answer", "[arch_riscv64][sbi_server]") {
  guest8 g;
  std::uint64_t const offered[] = {base, time_ext, ipi, rfence, hsm, srst, dbcn};
  for (std::uint64_t const e : offered) CHECK(g.answer({base, 3, e}) == sbi_return{0, 1});
  std::uint64_t const others[] = {0,
                                  1,
                                  2,
                                  3,
                                  4,
                                  5,
                                  6,
                                  7,
                                  8,
                                  9,
                                  0xf,
                                  0x11,
                                  0x504d55,
                                  0x53555350,
                                  0x43505043,
                                  0x4e41434c,
                                  0x535441,
                                  0x0900'0000,
                                  UINT64_MAX,
                                  base + 1,
                                  time_ext + 1,
                                  hsm - 1,
                                  0x1'0000'0010,
                                  0xffff'ffff'0000'0010};
  for (std::uint64_t const e : others) {
    INFO(std::hex << e);
    CHECK(g.answer({base, 3, e}) == success);
    for (std::uint64_t f = 0; f < 8; ++f) CHECK(g.answer({e, f, 1, 0, ram, 1}) == not_supported);
  }
  CHECK(g.memory.touched == 0);
  CHECK(g.server.state_of(vcpu_number{1}) == hart_state::stopped);
}

TEST_CASE("functions past the last are not supported", "[arch_riscv64][sbi_server]") {
  guest8 g;
  for (std::uint64_t const e : {time_ext, ipi, srst}) CHECK(g.answer({e, 1, 0, 0}) == not_supported);
  for (std::uint64_t const f : {std::uint64_t{4}, UINT64_MAX}) CHECK(g.answer({hsm, f, 1, ram}) == not_supported);
  for (std::uint64_t const f : {3U, 4U, 5U, 6U, 7U}) CHECK(g.answer({rfence, f, 1, 0, 0, 0}) == not_supported);
  CHECK(g.answer({dbcn, 3, 1, ram}) == not_supported);
  CHECK(g.answer({dbcn, UINT64_MAX, 1, ram}) == not_supported);
}

TEST_CASE("the fast answers are the slow ones", "[arch_riscv64][sbi_server]") {
  using server = sbi_server<4>;
  constexpr auto fast = [](std::uint64_t e, std::uint64_t f, std::uint64_t a0) {
    std::uint64_t out = 0;
    return server::answer_at_once(e, f, a0, out) ? out : 0xbad;
  };
  STATIC_REQUIRE(fast(base, 0, 0) == 0x200'0000);
  STATIC_REQUIRE(fast(base, 3, hsm) == 1);
  STATIC_REQUIRE(fast(base, 3, 1) == 0);
  STATIC_REQUIRE(fast(base, 7, 0) == 0xbad);
  guest8 g;
  for (std::uint64_t const e : {base, time_ext, ipi, rfence, hsm, srst, dbcn, std::uint64_t{0}, std::uint64_t{1}}) {
    for (std::uint64_t f = 0; f < 16; ++f) {
      std::uint64_t out = 0;
      if (!server::answer_at_once(e, f, hsm, out)) continue;
      CHECK(e == base);
      CHECK(g.answer({e, f, hsm}) == sbi_return{0, out});
    }
  }
}

TEST_CASE("a deadline is the caller's, any 64-bit number", "[arch_riscv64][sbi_server]") {
  guest8 g;
  for (std::uint64_t const t : {std::uint64_t{0}, std::uint64_t{12345}, UINT64_MAX}) {
    sbi_action const a = g.ask({time_ext, 0, t}, vcpu_number{5});
    CHECK(a == sbi_action{.what = kind::set_timer, .target = vcpu_number{5}, .result = success, .deadline = {t}});
  }
}

/// Starts all vCPUs of the guest.
void start_all(guest8& g) {
  for (std::uint32_t n = 1; n < g.server.vcpu_count(); ++n) {
    CHECK(g.ask({hsm, 0, n, ram}).what == kind::start_vcpu);
    g.server.started(vcpu_number{n});
  }
}

TEST_CASE("a hart mask names this guest's harts, from its base on", "[arch_riscv64][sbi_server]") {
  guest8 g{6};
  start_all(g);
  auto const targets = [&](std::uint64_t mask, std::uint64_t from) {
    sbi_action const a = g.ask({ipi, 0, mask, from});
    CHECK(a.what == kind::send_ipi);
    CHECK(a.result == success);
    return a.targets.bits;
  };
  CHECK(targets(0b1, 0) == 0b1);
  CHECK(targets(0b101011, 0) == 0b101011);
  CHECK(targets(0b1, 5) == 0b100000);
  CHECK(targets(0b110, 3) == 0b110000);
  CHECK(targets(0, UINT64_MAX) == 0b111111);
  CHECK(targets(UINT64_MAX, UINT64_MAX) == 0b111111);  // the mask is ignored
  // Nobody is named.
  CHECK(g.answer({ipi, 0, 0, 0}) == success);
  CHECK(g.answer({ipi, 0, 0, 1000}) == success);
}

TEST_CASE("a hart mask with a hart that is not there is refused whole", "[arch_riscv64][sbi_server]") {
  guest8 g{6};
  start_all(g);
  struct {
    std::uint64_t mask, base;
  } const wrong[] = {{0b1000000, 0},
                     {0b1000001, 0},
                     {1, 6},
                     {0b11, 5},
                     {UINT64_MAX, 0},
                     {1, 64},
                     {1, UINT64_MAX - 1},
                     {0b110, UINT64_MAX - 1},
                     {0b10, UINT64_MAX - 1},
                     {std::uint64_t{1} << 63, 0},
                     {std::uint64_t{1} << 63, UINT64_MAX - 62},
                     {UINT64_MAX, UINT64_MAX - 3},
                     {1, std::uint64_t{1} << 32}};
  for (auto const& w : wrong) {
    INFO(std::hex << w.mask << ' ' << w.base);
    CHECK(g.answer({ipi, 0, w.mask, w.base}) == invalid_param);
    for (std::uint64_t const f : {0U, 1U, 2U}) CHECK(g.answer({rfence, f, w.mask, w.base, 0, 0, 0}) == invalid_param);
  }
}

TEST_CASE("a stopped hart gets no interrupt, but it forgets with the others", "[arch_riscv64][sbi_server]") {
  guest8 g{4};
  CHECK(g.ask({ipi, 0, 0b1111, 0}).targets.bits == 0b0001);
  CHECK(g.answer({ipi, 0, 0b1110, 0}) == success);  // to nobody
  CHECK(g.ask({rfence, 0, 0b1110, 0}).targets.bits == 0b1110);
  CHECK(g.ask({rfence, 1, 0, UINT64_MAX, 0, UINT64_MAX}).targets.bits == 0b1111);
  CHECK(g.ask({hsm, 0, 2, ram}).what == kind::start_vcpu);
  CHECK(g.ask({ipi, 0, 0b1111, 0}).targets.bits == 0b0101);  // on its way: it will find it
}

struct spread_harts {
  static constexpr std::uint64_t of(vcpu_number n) { return n.value == 7 ? UINT64_MAX - 1 : 100 + n.value * 40U; }
};

TEST_CASE("hart ids need not be dense, nor small", "[arch_riscv64][sbi_server]") {
  guest<sbi_server<8, spread_harts>> g;
  CHECK(g.ask({hsm, 0, 180, ram}).target == vcpu_number{2});
  CHECK(g.answer({hsm, 2, 140}) == sbi_return{0, 1});
  CHECK(g.answer({hsm, 2, 1}) == invalid_param);
  CHECK(g.answer({hsm, 2, UINT64_MAX}) == invalid_param);
  CHECK(g.ask({rfence, 0, 1 | std::uint64_t{1} << 40, 100}).targets.bits == 0b11);
  CHECK(g.ask({rfence, 0, 1, UINT64_MAX - 1}).targets.bits == 0b1000'0000);
  CHECK(g.ask({rfence, 0, std::uint64_t{1} << 63, UINT64_MAX - 64}).targets.bits == 0b1000'0000);
  CHECK(g.ask({rfence, 0, 0, UINT64_MAX}).targets.bits == 0b1111'1111);
  // Bit 101 of a mask that wraps would be hart 100: distances do not wrap.
  CHECK(g.answer({rfence, 0, 0b101, UINT64_MAX - 1}) == invalid_param);
  CHECK(g.answer({rfence, 0, 0b10, 100}) == invalid_param);
}

TEST_CASE("64 vCPUs fit", "[arch_riscv64][sbi_server]") {
  guest<sbi_server<64>> g;
  CHECK(g.ask({rfence, 0, UINT64_MAX, 0}).targets.bits == UINT64_MAX);
  CHECK(g.ask({rfence, 0, std::uint64_t{1} << 63, 0}).targets.bits == std::uint64_t{1} << 63);
  CHECK(g.ask({hsm, 0, 63, ram}).target == vcpu_number{63});
  CHECK(g.answer({hsm, 0, 64, ram}) == invalid_param);
  unsigned count = 0;
  g.ask({rfence, 0, 0, UINT64_MAX}).targets.for_each([&](vcpu_number n) { CHECK(n.value == count++); });
  CHECK(count == 64);
}

TEST_CASE("fences carry the range, and whole address spaces are marked", "[arch_riscv64][sbi_server]") {
  guest8 g{2};
  start_all(g);
  using fence_kind = sbi_fence::kind;
  auto const fence = [&](sbi_request const& r) {
    sbi_action const a = g.ask(r);
    CHECK(a.what == kind::fence);
    CHECK(a.result == success);
    return a.fence;
  };
  CHECK(fence({rfence, 0, 3, 0, 0x1000, 0x2000, 7}) == sbi_fence{.what = fence_kind::instructions});
  CHECK(fence({rfence, 1, 3, 0, 0x1000, 0x2000, 7}) ==
        sbi_fence{fence_kind::translations, guest_virt{0x1000}, 0x2000, 0});
  CHECK(fence({rfence, 2, 3, 0, 0x1000, 0x2000, 7}) ==
        sbi_fence{fence_kind::translations_asid, guest_virt{0x1000}, 0x2000, 7});
  CHECK(fence({rfence, 2, 3, 0, 0x1000, 0x2000, 0xdead'0000'ffff}).asid == 0xffff);
  sbi_fence const everything{fence_kind::translations, {}, whole_address_space, 0};
  CHECK(fence({rfence, 1, 3, 0, 0, 0}) == everything);
  CHECK(fence({rfence, 1, 3, 0, 0x1000, UINT64_MAX}) == everything);
  CHECK(fence({rfence, 1, 3, 0, 0, UINT64_MAX}) == everything);
  CHECK(fence({rfence, 1, 3, 0, 0x1000, UINT64_MAX - 0xfff}) == everything);  // start + size is 2^64
  CHECK(fence({rfence, 1, 3, 0, UINT64_MAX, 2}) == everything);
  CHECK(!fence({rfence, 1, 3, 0, 0xfff, UINT64_MAX - 0xfff}).is_whole());  // it is 2^64 - 1: the last byte but one
  CHECK(fence({rfence, 1, 3, 0, 0xffff'ffff'ffff'f000, 0xfff}).size == 0xfff);
  CHECK(g.answer({rfence, 1, 3, 0, 0x1000, 0}) == success);  // an empty range: nothing to do
  CHECK(g.answer({rfence, 0, 0, 0}) == success);             // to nobody
}

TEST_CASE("a hart goes from stopped by way of pending to started, and back", "[arch_riscv64][sbi_server]") {
  guest8 g;
  vcpu_number const two{2};
  CHECK(g.answer({hsm, 2, 0}) == sbi_return{0, 0});
  CHECK(g.answer({hsm, 2, 2}) == sbi_return{0, 1});
  sbi_action const a = g.ask({hsm, 0, 2, ram + 0x1000, 0x1234'5678'9abc'def0});
  CHECK(a == sbi_action{.what = kind::start_vcpu,
                        .target = two,
                        .result = success,
                        .entry = guest_phys{ram + 0x1000},
                        .context = 0x1234'5678'9abc'def0});
  CHECK(g.answer({hsm, 2, 2}) == sbi_return{0, 2});
  CHECK(g.answer({hsm, 0, 2, ram}) == already_available);
  g.server.started(two);
  CHECK(g.answer({hsm, 2, 2}) == sbi_return{0, 0});
  CHECK(g.answer({hsm, 0, 2, ram}) == already_available);

  sbi_action const off = g.ask({hsm, 1}, two);
  CHECK(off.what == kind::stop_this);
  CHECK(off.target == two);
  CHECK(g.answer({hsm, 2, 2}) == sbi_return{0, 3});
  CHECK(g.answer({hsm, 0, 2, ram}) == already_available);  // until it really stands
  g.server.stopped(two);
  CHECK(g.answer({hsm, 2, 2}) == sbi_return{0, 1});
  CHECK(g.ask({hsm, 0, 2, ram}).what == kind::start_vcpu);
}

TEST_CASE("a start is refused for the reasons of the specification", "[arch_riscv64][sbi_server]") {
  guest8 g{3};
  CHECK(g.answer({hsm, 0, 0, ram}) == already_available);
  CHECK(g.answer({hsm, 0, 3, ram}) == invalid_param);  // room for it, but not in this machine
  CHECK(g.answer({hsm, 0, UINT64_MAX, ram}) == invalid_param);
  CHECK(g.answer({hsm, 0, 0x1'0000'0001, ram}) == invalid_param);
  CHECK(g.answer({hsm, 0, 1, ram - 2}) == invalid_address);
  CHECK(g.answer({hsm, 0, 1, ram + 4 * 4096}) == invalid_address);
  CHECK(g.answer({hsm, 0, 1, ram + 1}) == invalid_address);
  CHECK(g.answer({hsm, 0, 1, UINT64_MAX}) == invalid_address);
  CHECK(g.answer({hsm, 0, 1, UINT64_MAX - 1}) == invalid_address);
  CHECK(g.answer({hsm, 0, 1, 0}) == invalid_address);
  CHECK(g.server.state_of(vcpu_number{1}) == hart_state::stopped);
  CHECK(g.ask({hsm, 0, 1, ram + 4 * 4096 - 2}).what == kind::start_vcpu);  // the last instruction, a compressed one
}

TEST_CASE("a retentive suspend waits and returns", "[arch_riscv64][sbi_server]") {
  guest8 g;
  sbi_action const a = g.ask({hsm, 3, 0, UINT64_MAX, 5});  // the address is unused
  CHECK(a == sbi_action{.what = kind::suspend, .target = boot, .result = success});
  CHECK(g.server.state_of(boot) == hart_state::suspend_pending);
  g.server.suspended(boot);
  CHECK(g.answer({hsm, 2, 0}) == sbi_return{0, 4});
  g.server.resuming(boot);
  CHECK(g.answer({hsm, 2, 0}) == sbi_return{0, 6});
  g.server.started(boot);
  CHECK(g.answer({hsm, 2, 0}) == sbi_return{0, 0});
  // Whoever waits on the spot tells the end alone.
  CHECK(g.ask({hsm, 3, 0xffff'ffff'0000'0000}).what == kind::suspend);  // the type is 32 bits
  g.server.started(boot);
  CHECK(g.server.state_of(boot) == hart_state::started);
}

TEST_CASE("a non-retentive suspend ends in a start", "[arch_riscv64][sbi_server]") {
  guest8 g;
  sbi_action const a = g.ask({hsm, 3, 0x8000'0000, ram + 8, 99}, boot);
  CHECK(a ==
        sbi_action{.what = kind::suspend_and_restart, .target = boot, .entry = guest_phys{ram + 8}, .context = 99});
  CHECK(g.server.state_of(boot) == hart_state::suspend_pending);
  g.server.started(boot);
  CHECK(g.answer({hsm, 3, 0x8000'0000, ram + 1, 99}) == invalid_address);
  CHECK(g.answer({hsm, 3, 0x8000'0000, 0, 99}) == invalid_address);
  CHECK(g.ask({hsm, 3, 0xffff'ffff'8000'0000, ram}).what == kind::suspend_and_restart);
  g.server.started(boot);
  std::uint64_t const refused[] = {1,           0x0fff'ffff, 0x1000'0000, 0x7fff'ffff,
                                   0x8000'0001, 0x8fff'ffff, 0x9000'0000, 0xffff'ffff};
  for (std::uint64_t const t : refused) CHECK(g.answer({hsm, 3, t, ram, 0}) == invalid_param);
  CHECK(g.server.state_of(boot) == hart_state::started);
}

TEST_CASE("the system is reset for a reason", "[arch_riscv64][sbi_server]") {
  guest8 g;
  using reason = system_reset_reason;
  CHECK(g.ask({srst, 0, 0, 0}) == sbi_action{.what = kind::power_off, .target = boot});
  CHECK(g.ask({srst, 0, 0, 1}) ==
        sbi_action{.what = kind::power_off, .target = boot, .reason = reason::system_failure});
  CHECK(g.ask({srst, 0, 1, 0}) == sbi_action{.what = kind::reset, .target = boot});
  CHECK(g.ask({srst, 0, 2, 1}) == sbi_action{.what = kind::reset, .target = boot, .reason = reason::system_failure});
  CHECK(g.ask({srst, 0, 0xdead'0000'0000, 0xffff'ffff'0000'0000}).what == kind::power_off);  // 32 bits each
  for (std::uint64_t const t : {3U, 0xefff'ffffU, 0xf000'0000U, 0xffff'ffffU}) {
    CHECK(g.answer({srst, 0, t, 0}) == invalid_param);
  }
  for (std::uint64_t const r : {2U, 0xdfff'ffffU, 0xe000'0000U, 0xf000'0000U, 0xffff'ffffU}) {
    CHECK(g.answer({srst, 0, 0, r}) == invalid_param);
  }
}

TEST_CASE("a reset machine begins with its first hart", "[arch_riscv64][sbi_server]") {
  guest8 g{8};
  start_all(g);
  g.server.stopped(boot);
  g.server.reset();
  CHECK(g.server.state_of(boot) == hart_state::started);
  for (std::uint32_t n = 1; n < 8; ++n) CHECK(g.server.state_of(vcpu_number{n}) == hart_state::stopped);
}

TEST_CASE("numbers that are not there are ignored", "[arch_riscv64][sbi_server]") {
  guest<sbi_server<2>> g{99};
  CHECK(g.server.vcpu_count() == 2);
  g.server.started(vcpu_number{2});
  g.server.stopped(vcpu_number{UINT32_MAX});
  CHECK(g.server.state_of(vcpu_number{2}) == hart_state::stopped);
  CHECK(g.ask({hsm, 1}, vcpu_number{77}).result == failed);
  CHECK(g.ask({hsm, 3, 0}, vcpu_number{77}).result == failed);
  CHECK(needs_no_constructor.vcpu_count() == 3);
  CHECK(needs_no_constructor.state_of(boot) == hart_state::started);
  CHECK(needs_no_constructor.state_of(vcpu_number{1}) == hart_state::stopped);
}

TEST_CASE("a byte is 8 bits, and waits for the console", "[arch_riscv64][sbi_server]") {
  guest8 g;
  CHECK(g.answer({dbcn, 2, 0xffff'ffff'ffff'ff41}) == success);
  CHECK(g.console.take() == std::uint8_t{0x41});
}

TEST_CASE("memory goes to the console and comes from it", "[arch_riscv64][sbi_server]") {
  guest8 g;
  g.memory.at(ram + 4095) = 'a';
  g.memory.at(ram + 4096) = 'b';
  CHECK(g.answer({dbcn, 0, 2, ram + 4095, 0}) == sbi_return{0, 2});
  CHECK(g.console.take() == std::uint8_t{'a'});
  CHECK(g.console.take() == std::uint8_t{'b'});
  g.console.send('c');
  CHECK(g.answer({dbcn, 1, 100, ram, 0}) == sbi_return{0, 1});
  CHECK(g.memory.at(ram) == 'c');
  CHECK(g.answer({dbcn, 0, 1, ram, 1}) == invalid_param);
}

TEST_CASE("of several harts that start one, exactly one succeeds", "[arch_riscv64][sbi_server]") {
  guest<sbi_server<2>> g;
  for (int round = 0; round < 200; ++round) {
    std::atomic<int> successes{};
    std::atomic<int> refusals{};
    std::vector<std::thread> callers;
    for (int i = 0; i < 4; ++i) {
      callers.emplace_back([&] {
        sbi_action const a = g.server.call(boot, {hsm, 0, 1, ram}, g.memory, g.console);
        if (a.what == kind::start_vcpu)
          ++successes;
        else if (a.result == already_available)
          ++refusals;
      });
    }
    for (auto& t : callers) t.join();
    REQUIRE(successes == 1);
    REQUIRE(refusals == 3);
    g.server.stopped(vcpu_number{1});
  }
}

}  // namespace
