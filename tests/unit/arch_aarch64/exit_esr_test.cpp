// SPDX-License-Identifier: BSL-1.0
#include "support/aarch64_guest.hpp"

#include <axhal/arch/aarch64/exit_esr.hpp>

#include <catch2/catch_test_macros.hpp>

using namespace axhal;
using namespace axhal::test;
using aarch64::exception_class;

namespace {

struct mmio_only : recorder {
  static constexpr exit_set fast = exits<exit::mmio_read, exit::mmio_write>;
};

struct calls_only : recorder {
  static constexpr exit_set fast = exits<exit::hypercall>;
};

constexpr std::uint64_t il = 1ULL << 25;

constexpr std::uint64_t word(exception_class ec, std::uint64_t iss = 0) {
  return static_cast<std::uint64_t>(ec) << 26 | il | iss;
}
constexpr std::uint64_t data_abort(std::uint64_t iss) { return word(exception_class::data_abort, iss); }
constexpr std::uint64_t isv(unsigned size_log2, bool sign, unsigned reg, bool wide, bool write) {
  return 1ULL << 24 | std::uint64_t{size_log2} << 22 | std::uint64_t{sign} << 21 | std::uint64_t{reg} << 16 |
         std::uint64_t{wide} << 15 | std::uint64_t{write} << 6 | 0x07;  // translation fault, level 3
}

struct outcome {
  resume answer{};
  recorder told{};
  sim_guest guest{};
};

template <typename Context = slow_context>
constexpr outcome decoded(sim_guest guest, recorder r) {
  Context c{};
  c.guest = &guest;
  auto const answer = aarch64::decode(c, r);
  return {answer, r, guest};
}
template <typename Context = slow_context>
constexpr outcome decoded(sim_guest const& guest) {
  recorder const r;
  return decoded<Context>(guest, r);
}
constexpr recorder answering(resume answer) {
  recorder r;
  r.answers[0] = answer;
  return r;
}

constexpr seen_exit only(outcome const& o) { return o.told.count == 1 ? o.told.seen[0] : seen_exit{}; }
constexpr seen_exit seen(std::uint64_t esr) { return only(decoded({.esr = esr})); }

constexpr sim_guest at_uart(std::uint64_t esr) {
  sim_guest g{.esr = esr, .far = 0xffff'0000'1234'5018, .hpfar = 0x0900'0000 >> 8};
  for (unsigned i = 0; i < 31; ++i) g.x[i] = 0x1111'1111'1111'1100 + i;
  return g;
}

}  // namespace

TEST_CASE("HVC is a hypercall, stepped over by hardware") {
  sim_guest g{.esr = word(exception_class::hvc64, 0xabcd)};
  g.x[0] = 0x8400'0000;
  auto const o = decoded(g);
  CHECK(only(o) == seen_exit{.kind = exit_kind::hypercall, .number = 0x8400'0000, .value = 0xabcd});
  CHECK(o.answer == resume::retry);
  CHECK(decoded(g, answering(resume::retry)).answer == resume::retry);
  CHECK(decoded(g, answering(resume::stop)).answer == resume::stop);
  CHECK(decoded(g, answering(resume::slow)).answer == resume::slow);
}

TEST_CASE("SMC is a hypercall that is still to be stepped over") {
  sim_guest g{.esr = word(exception_class::smc64, 0x12)};
  g.x[0] = 0xc400'0003;
  auto const o = decoded(g);
  CHECK(only(o) == seen_exit{.kind = exit_kind::hypercall, .number = 0xc400'0003, .value = 0x12, .flag = true});
  CHECK(o.answer == resume::next_instruction);
}

TEST_CASE("a device load has width, sign and register from the syndrome") {
  for (unsigned size_log2 = 0; size_log2 < 4; ++size_log2) {
    for (bool const sign : {false, true}) {
      for (bool const wide : {false, true}) {
        recorder r;
        r.loads[0] = 0xfedc'ba98'f6f5'f4f3;
        auto const o = decoded(at_uart(data_abort(isv(size_log2, sign, 7, wide, false))), r);
        CHECK(only(o) == seen_exit{.kind = exit_kind::mmio_read,
                                   .number = 0x0900'0018,
                                   .size = 1U << size_log2,
                                   .reg = 7,
                                   .register_size = wide ? 8U : 4U,
                                   .flag = sign});
        CHECK(o.answer == resume::next_instruction);
        constexpr std::uint64_t low[] = {0xf3, 0xf4f3, 0xf6f5'f4f3, 0xfedc'ba98'f6f5'f4f3};
        constexpr std::uint64_t high[] = {~0xffULL, ~0xffffULL, ~0xffff'ffffULL, 0};
        std::uint64_t want = low[size_log2] | (sign ? high[size_log2] : 0);
        if (sign && !wide) want &= 0xffff'ffff;
        CHECK(o.guest.x[7] == want);
        CHECK(o.guest.x[6] == 0x1111'1111'1111'1106);
      }
    }
  }
}

TEST_CASE("a positive value is not extended by a sign it does not have") {
  recorder r;
  r.loads[0] = 0xffff'ffff'ffff'ff7f;
  CHECK(decoded(at_uart(data_abort(isv(0, true, 3, true, false))), r).guest.x[3] == 0x7f);
}

TEST_CASE("a load into the zero register names no register") {
  recorder r;
  r.loads[0] = 0x55;
  auto const before = at_uart(data_abort(isv(2, false, 31, false, false)));
  auto const o = decoded(before, r);
  CHECK(only(o).reg == exit::mmio_read::no_register);
  for (unsigned i = 0; i < 31; ++i) CHECK(o.guest.x[i] == before.x[i]);
}

TEST_CASE("a device store hands over the low bytes alone") {
  constexpr std::uint64_t want[] = {0x05, 0x1105, 0x1111'1105, 0x1111'1111'1111'1105};
  for (unsigned size_log2 = 0; size_log2 < 4; ++size_log2) {
    auto const o = decoded(at_uart(data_abort(isv(size_log2, false, 5, size_log2 == 3, true))));
    CHECK(only(o) ==
          seen_exit{
              .kind = exit_kind::mmio_write, .number = 0x0900'0018, .value = want[size_log2], .size = 1U << size_log2});
  }
  CHECK(only(decoded(at_uart(data_abort(isv(3, false, 31, true, true))))).value == 0);
}

TEST_CASE("the fast tier leaves an exit alone that needs a register out of its reach") {
  for (unsigned reg = 0; reg < 32; ++reg) {
    for (bool const write : {false, true}) {
      auto const before = at_uart(data_abort(isv(2, false, reg, false, write)));
      auto const o = decoded<fast_context>(before);
      bool const out_of_reach = reg >= 19 && reg <= 29;
      CHECK(o.told.count == (out_of_reach ? 0 : 1));
      CHECK(o.answer == (out_of_reach ? resume::slow : resume::next_instruction));
      CHECK(o.guest.stray_registers == 0);
    }
    for (std::uint64_t const read : {0U, 1U}) {
      auto const o = decoded<fast_context>({.esr = word(exception_class::sysreg, reg << 5 | read)});
      bool const out_of_reach = reg >= 19 && reg <= 29;
      CHECK(o.told.count == (out_of_reach ? 0 : 1));
      CHECK(o.answer == (out_of_reach ? resume::slow : resume::next_instruction));
      CHECK(o.guest.stray_registers == 0);
    }
  }
}

TEST_CASE("MRS and MSR carry the register's number as MRS encodes it") {
  // MRS X3, S3_1_C7_C9_2: Op0 3, Op2 2, Op1 1, CRn 7, Rt 3, CRm 9, direction 1.
  constexpr std::uint64_t iss = 3 << 20 | 2 << 17 | 1 << 14 | 7 << 10 | 3 << 5 | 9 << 1;
  recorder r;
  r.loads[0] = 0x1234'5678'9abc'def0;
  auto const read = decoded({.esr = word(exception_class::sysreg, iss | 1)}, r);
  CHECK(only(read) ==
        seen_exit{.kind = exit_kind::register_read, .number = aarch64::encode_sysreg(3, 1, 7, 9, 2), .reg = 3});
  CHECK(read.guest.x[3] == 0x1234'5678'9abc'def0);
  CHECK(read.answer == resume::next_instruction);

  sim_guest g{.esr = word(exception_class::sysreg, iss)};
  g.x[3] = 42;
  CHECK(only(decoded(g)) ==
        seen_exit{.kind = exit_kind::register_write, .number = aarch64::encode_sysreg(3, 1, 7, 9, 2), .value = 42});

  auto const to_zero_register = decoded({.esr = word(exception_class::sysreg, (iss | 31 << 5) | 1)}, r);
  CHECK(to_zero_register.guest.x[30] == 0);
  CHECK(only(decoded({.esr = word(exception_class::sysreg, iss | 31 << 5)})).value == 0);
}

TEST_CASE("waiting instructions") {
  CHECK(seen(word(exception_class::wfx, 0)).kind == exit_kind::idle);
  CHECK(seen(word(exception_class::wfx, 1)).kind == exit_kind::yield);
  CHECK(seen(word(exception_class::wfx, 2)).kind == exit_kind::yield);
  CHECK(seen(word(exception_class::wfx, 3)).kind == exit_kind::yield);
}

TEST_CASE("classes that mean one thing whatever their ISS") {
  CHECK(seen(word(exception_class::fp_access, 0x1e0'0000)).kind == exit_kind::lazy_state);
  for (auto const ec : {exception_class::pointer_auth, exception_class::pointer_auth_failed, exception_class::ls64,
                        exception_class::sve, exception_class::sme, exception_class::eret, exception_class::tstart,
                        exception_class::memory_copy, exception_class::guarded_stack, exception_class::branch_target,
                        exception_class::sysreg128, exception_class::cp15_mcr, exception_class::cp15_mcrr,
                        exception_class::cp14_mcr, exception_class::cp14_ldc, exception_class::cp14_mrrc,
                        exception_class::cp10_vmrs, exception_class::hvc32, exception_class::smc32}) {
    CHECK(seen(word(ec, 0x123)) == seen_exit{.kind = exit_kind::refused_instruction, .number = word(ec, 0x123)});
  }
  for (auto const ec : {exception_class::serror, exception_class::granule_check}) {
    CHECK(seen(word(ec, 0x11)) == seen_exit{.kind = exit_kind::host_error, .number = word(ec, 0x11)});
  }
}

TEST_CASE("no class is without an answer, and what is not known keeps its word") {
  for (std::uint64_t ec = 0; ec < 64; ++ec) {
    for (std::uint64_t const iss : {0ULL, 0x1ff'ffffULL, 0xaa'aaaaULL, 0x155'5555ULL}) {
      auto const o = decoded({.esr = ec << 26 | iss, .far = 0x1000});
      CHECK(o.told.count <= 1);
      if (o.told.count == 1 && o.told.seen[0].kind == exit_kind::unknown)
        CHECK(o.told.seen[0].number == (ec << 26 | iss));
      CHECK(o.answer != resume::slow);
    }
  }
  CHECK(seen(word(exception_class::unknown)).kind == exit_kind::unknown);
  CHECK(seen(word(exception_class::illegal_state)).kind == exit_kind::unknown);
  CHECK(seen(word(exception_class::brk64, 1)).kind == exit_kind::unknown);
  CHECK(seen(0x3fULL << 26).kind == exit_kind::unknown);
}

TEST_CASE("other vectors") {
  CHECK(only(decoded({.esr = word(exception_class::hvc64), .vector = 1})).kind == exit_kind::host_interrupt);
  CHECK(only(decoded({.esr = word(exception_class::hvc64), .vector = 2})).kind == exit_kind::host_interrupt);
  CHECK(only(decoded({.esr = 0xbe00'0011, .vector = 3})) ==
        seen_exit{.kind = exit_kind::host_error, .number = 0xbe00'0011});
}

TEST_CASE("instruction aborts are memory faults") {
  auto const translation = only(decoded(at_uart(word(exception_class::instruction_abort, 0x07))));
  CHECK(translation == seen_exit{.kind = exit_kind::memory_fault, .number = 0x0900'0018, .wanted = access::execute});

  auto permission = at_uart(word(exception_class::instruction_abort, 0x0f));
  permission.stage1_offset = 0x10;
  auto const walked = decoded(permission);
  CHECK(only(walked) ==
        seen_exit{.kind = exit_kind::memory_fault, .number = permission.far + 0x10, .wanted = access::execute});
  CHECK(walked.guest.walks == 1);

  CHECK(only(decoded(at_uart(word(exception_class::instruction_abort, 0x10)))).kind == exit_kind::host_error);
}

TEST_CASE("a fault of the guest's own walk names the page of its table") {
  auto const read = only(decoded(at_uart(data_abort(1 << 7 | 0x06))));
  CHECK(read ==
        seen_exit{.kind = exit_kind::memory_fault, .number = 0x0900'0000, .flag = true, .wanted = access::read});
  auto const update = only(decoded(at_uart(data_abort(1 << 7 | 1 << 6 | 0x0f))));
  CHECK(update ==
        seen_exit{.kind = exit_kind::memory_fault, .number = 0x0900'0000, .flag = true, .wanted = access::write});
  auto const fetch = only(decoded(at_uart(word(exception_class::instruction_abort, 1 << 7 | 0x05))));
  CHECK(fetch ==
        seen_exit{.kind = exit_kind::memory_fault, .number = 0x0900'0000, .flag = true, .wanted = access::read});
}

TEST_CASE("a permission fault takes its address from the guest's tables") {
  auto g = at_uart(data_abort((isv(2, false, 1, false, true) & ~0x3fULL) | 0x0f));
  g.stage1_offset = 0 - g.far + 0x4321'0018;
  auto const o = decoded(g);
  CHECK(only(o) == seen_exit{.kind = exit_kind::memory_fault, .number = 0x4321'0018, .wanted = access::write});
  g.stage1_refuses = true;
  auto const raced = decoded(g);
  CHECK(raced.told.count == 0);
  CHECK(raced.answer == resume::retry);
}

TEST_CASE("unsupported exclusives and alignment faults are memory faults with a walked address") {
  for (std::uint64_t const fsc : {0x35ULL, 0x21ULL, 0x30ULL, 0x3fULL}) {
    auto const o = decoded(at_uart(data_abort(fsc)));
    CHECK(only(o).kind == exit_kind::memory_fault);
    CHECK(o.guest.walks == 1);
  }
}

TEST_CASE("external aborts and parity errors are the machine's") {
  for (std::uint64_t const fsc :
       {0x10ULL, 0x13ULL, 0x14ULL, 0x15ULL, 0x16ULL, 0x17ULL, 0x18ULL, 0x1bULL, 0x1cULL, 0x1fULL}) {
    CHECK(seen(data_abort(fsc)) == seen_exit{.kind = exit_kind::host_error, .number = data_abort(fsc)});
  }
}

TEST_CASE("cache maintenance of a hole is done") {
  auto const o = decoded(at_uart(data_abort(1 << 8 | 1 << 6 | 0x07)));
  CHECK(o.told.count == 0);
  CHECK(o.answer == resume::next_instruction);
}

TEST_CASE("an access without a syndrome is left to the slow tier, which decodes it") {
  auto g = at_uart(data_abort(0x07));
  g.x[1] = g.far - 4;
  g.instruction = 0xb8404c20;  // ldr w0, [x1, #4]!
  mmio_only handler;
  fast_handler<mmio_only> fast{handler};
  CHECK(aarch64::decode(fast_context{&g}, fast) == resume::slow);
  CHECK(handler.count == 0);
  CHECK(decoded(g).answer == resume::next_instruction);
}

TEST_CASE("the fast tier does not walk the guest's tables for an exit that it will not answer") {
  auto g = at_uart(data_abort(0x0f));
  calls_only handler;
  fast_handler<calls_only> fast{handler};
  CHECK(aarch64::decode(fast_context{&g}, fast) == resume::slow);
  CHECK(g.walks == 0);
}

TEST_CASE("the exits that a fast tier looks for first") {
  for (std::uint64_t ec = 0; ec < 64; ++ec) {
    CHECK(aarch64::is_call(ec << 26 | il) == (ec == static_cast<std::uint64_t>(exception_class::hvc64)));
    CHECK_FALSE(aarch64::is_device_access(ec << 26 | il));
  }
  auto const described = data_abort(isv(2, false, 0, false, false));
  CHECK(aarch64::is_device_access(described));
  for (std::uint64_t const level : {0ULL, 1ULL, 2ULL, 3ULL})
    CHECK(aarch64::is_device_access((described & ~3ULL) | level));
  // No syndrome, cache maintenance, a walk; permission, external abort, level -1; another class.
  for (std::uint64_t const other : {1ULL << 24, 1ULL << 8, 1ULL << 7, 0x08ULL, 0x14ULL, 0x28ULL, 1ULL << 26}) {
    CHECK_FALSE(aarch64::is_device_access(described ^ other));
  }
}

TEST_CASE("arguments and results are the first registers, as many as there are") {
  sim_guest g;
  for (unsigned i = 0; i < 31; ++i) g.x[i] = 100 + i;
  fast_context c{&g};
  aarch64::guest_view<fast_context> view{c};
  CHECK(view.argument(0) == 100);
  CHECK(view.argument(6) == 106);
  CHECK(view.argument(7) == 0);
  CHECK(view.argument(~0U) == 0);
  view.set_result(3, 1);
  view.set_result(4, 1);
  CHECK(g.x[3] == 1);
  CHECK(g.x[4] == 104);
}

namespace {
// The decoder is pure: the compiler runs it too.
static_assert(seen(word(exception_class::wfx)).kind == exit_kind::idle);
static_assert(only(decoded(at_uart(data_abort(isv(2, false, 7, false, false))))).number == 0x0900'0018);
static_assert(GuestContext<aarch64::guest_view<fast_context>> && GuestContext<aarch64::guest_view<slow_context>>);
}  // namespace
