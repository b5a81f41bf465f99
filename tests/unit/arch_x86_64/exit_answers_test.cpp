// SPDX-License-Identifier: BSL-1.0
// CPUID, RDMSR, WRMSR, VMCALL, HLT, PAUSE, IN and OUT of a stopped guest: what the handler is told, what the registers
// hold after it.
#include "support/x86_64_guest.hpp"

#include <axhal/arch/x86_64/cpuid_exit.hpp>
#include <axhal/arch/x86_64/msr_exit.hpp>
#include <axhal/arch/x86_64/port_exit.hpp>
#include <axhal/arch/x86_64/simple_exits.hpp>
#include <axhal/vcpu/dispatch.hpp>

#include <catch2/catch_test_macros.hpp>

#include <cstdint>
#include <utility>

using namespace axhal;
using namespace axhal::test;
using namespace axhal::test::x86;

namespace {

constexpr guest_event protection = exception_event(exception::gp, 0);
constexpr guest_event undefined = exception_event(exception::ud);
constexpr std::uint64_t junk = 0xabcd'ef01'0000'0000;

struct enabled_states {
  static inline std::uint64_t value = 1;
  static std::uint64_t xgetbv(std::uint32_t) { return value; }
};

sim_guest guest(std::uint64_t rax = 0, std::uint64_t rcx = 0, std::uint64_t rdx = 0) {
  sim_guest g;
  for (unsigned n = 0; n < 16; ++n) g.gpr[n] = 0x1111'1111'1111'1100 + n;
  g.gpr[0] = rax;
  g.gpr[1] = rcx;
  g.gpr[2] = rdx;
  return g;
}
cpuid_result ask(x86_handler<>& h, std::uint64_t leaf, std::uint64_t subleaf = 0, std::uint64_t cr4 = 0) {
  sim_guest g = guest(junk | leaf, junk | subleaf);
  g.cr4 = cr4;
  slow_context c{&g};
  CHECK(answer_cpuid<enabled_states>(c, h, 2) == resume::retry);
  CHECK(g.rip == 0x1002);
  CHECK((g.gpr[0] | g.gpr[1] | g.gpr[2] | g.gpr[3]) >> 32 == 0);
  CHECK(g.gpr[4] == 0x1111'1111'1111'1104);
  return {static_cast<std::uint32_t>(g.gpr[0]), static_cast<std::uint32_t>(g.gpr[3]),
          static_cast<std::uint32_t>(g.gpr[1]), static_cast<std::uint32_t>(g.gpr[2])};
}

struct at_once : x86_handler<> {
  template <typename Guest>
  bool answer_at_once(Guest& g, exit::hypercall const& call) {
    if (call.number != 7) return false;
    g.set_result(0, g.argument(0) + 1);
    return true;
  }
};

/// Writes down arguments, and says more than it is asked.
struct calls : x86_handler<> {
  std::uint64_t arguments[9]{};
  template <typename Guest, typename Exit>
  resume operator()(Guest& g, Exit const& e) {
    if constexpr (kind_of<Exit> == exit_kind::hypercall) {
      for (unsigned n = 0; n < 9; ++n) arguments[n] = g.argument(n);
      for (unsigned n = 0; n < 6; ++n) g.set_result(n, 0x70 + n);
    }
    return x86_handler<>::operator()(g, e);
  }
};
struct none : x86_handler<> {
  static constexpr exit_set fast{};
};

}  // namespace

static_assert(PortGuestContext<guest_view<fast_context>> && PortGuestContext<guest_view<slow_context>>);
static_assert(CompletingView<guest_view<slow_context>>);

TEST_CASE("CPUID: the table's answer, upper halves clear") {
  x86_handler<> h;
  CHECK(ask(h, 0x1234, 5) == cpuid_result{0x1234, 5, 0xffff'edcb, 0x5a5a'5a5a});
}

TEST_CASE("CPUID: OSXSAVE and OSPKE are CR4's") {
  x86_handler<> h;
  h.leaf_1.ecx = 0x0400'0001;
  h.leaf_7.ecx = 0x8;
  CHECK(ask(h, 1).ecx == 0x0400'0001);
  CHECK(ask(h, 1, 0, 1U << 18).ecx == 0x0c00'0001);
  CHECK(ask(h, 7).ecx == 0x8);
  CHECK(ask(h, 7, 0, 1U << 22).ecx == 0x18);
  CHECK(ask(h, 7, 1, 1U << 22).ecx == 0);
  // A table that says otherwise is corrected as well.
  h.leaf_1.ecx |= 1U << 27;
  CHECK(ask(h, 1).ecx == 0x0400'0001);
}

TEST_CASE("CPUID: the XSAVE area's size follows XCR0") {
  x86_handler<> h;
  h.leaf_d = {.eax = 0x2e7, .ecx = 2696};
  h.leaf_d_1.eax = 2;                      // XSAVEC
  h.states[2] = {.eax = 256, .ebx = 576};  // AVX
  h.states[5] = {.eax = 64, .ebx = 1088};  // as Skylake has them: opmask, the upper halves, the upper registers
  h.states[6] = {.eax = 512, .ebx = 1152};
  h.states[7] = {.eax = 1024, .ebx = 1664};
  h.states[9] = {.eax = 8, .ebx = 2688, .ecx = 2};  // PKRU, and aligned for the test's sake
  struct {
    std::uint64_t xcr0;
    std::uint32_t standard, compacted;
  } const expected[] = {{0x1, 576, 576},    {0x3, 576, 576},    {0x7, 832, 832},    {0xe7, 2688, 2432},
                        {0x207, 2696, 840}, {0x203, 2696, 584}, {0x2e7, 2696, 2440}};
  for (auto const& e : expected) {
    enabled_states::value = e.xcr0;
    CAPTURE(e.xcr0);
    CHECK(ask(h, 0xd, 0).ebx == e.standard);
    CHECK(ask(h, 0xd, 0).ecx == 2696);
    CHECK(ask(h, 0xd, 1).ebx == e.compacted);
    CHECK(ask(h, 0xd, 2) == cpuid_result{256, 576, 0, 0});
  }
  h.leaf_d_1.eax = 1;  // no compacted form
  CHECK(ask(h, 0xd, 1).ebx == 0);
  h.leaf_d = {};  // no XSAVE
  CHECK(ask(h, 0xd, 0).ebx == 0);
}

TEST_CASE("RDMSR: EFER and PAT at once, the others from the handler") {
  x86_handler<> h;
  h.loads[0] = 0xfedc'ba98'7654'3210;
  for (auto const& [id, value] : {std::pair{0xc000'0080U, 0xd01ULL}, std::pair{0x277U, 0x0007'0406'0007'0406ULL},
                                  std::pair{0x10bU, 0xfedc'ba98'7654'3210ULL}}) {
    sim_guest g = guest(~std::uint64_t{0}, junk | id, ~std::uint64_t{0});
    g.efer = 0xd01;
    slow_context c{&g};
    CHECK(answer_rdmsr(c, h, 2) == resume::retry);
    CAPTURE(id);
    CHECK(g.gpr[0] == (value & 0xffff'ffff));
    CHECK(g.gpr[2] == value >> 32);
    CHECK(g.gpr[1] == (junk | id));
    CHECK(g.rip == 0x1002);
    CHECK(g.raised == 0);
  }
  REQUIRE(h.count == 1);
  CHECK(h.seen[0] == seen_exit{.kind = exit_kind::register_read, .number = 0x10b});
}

TEST_CASE("RDMSR, WRMSR: what does not exist is a #GP, and not an undefined instruction") {
  for (bool writes : {false, true}) {
    x86_handler<> h;
    h.answers[0] = resume::retry;
    h.injects_on_retry = true;
    sim_guest g = guest(1, 0x1234, 2);
    slow_context c{&g};
    CHECK((writes ? answer_wrmsr(c, h, 2) : answer_rdmsr(c, h, 2)) == resume::retry);
    CHECK(h.count == 1);
    CHECK(g.raised == 1);
    CHECK(g.events[0] == protection);
    CHECK(g.rip == 0x1000);
    CHECK(g.gpr[0] == 1);
  }
}

TEST_CASE("RDMSR, WRMSR: the numbers of control registers are no MSRs") {
  for (std::uint32_t id : {0xffff'0000U, 0xffff'0008U, 0xffff'ffffU}) {
    for (bool writes : {false, true}) {
      x86_handler<> h;
      sim_guest g = guest(1, id, 2);
      slow_context c{&g};
      CHECK((writes ? answer_wrmsr(c, h, 2) : answer_rdmsr(c, h, 2)) == resume::retry);
      CHECK(h.count == 0);
      CHECK(g.events[0] == protection);
      CHECK(g.steps == 0);
    }
  }
}

TEST_CASE("WRMSR: the value is EDX:EAX") {
  x86_handler<> h;
  sim_guest g = guest(junk | 0x7654'3210, 0x8ff, junk | 0xfedc'ba98);
  slow_context c{&g};
  CHECK(answer_wrmsr(c, h, 2) == resume::retry);
  CHECK(h.seen[0] == seen_exit{.kind = exit_kind::register_write, .number = 0x8ff, .value = 0xfedc'ba98'7654'3210});
  CHECK(g.rip == 0x1002);
}

TEST_CASE("WRMSR: PAT takes the types that exist, in each of its entries") {
  for (unsigned entry = 0; entry < 8; ++entry) {
    for (unsigned type = 0; type < 256; ++type) {
      x86_handler<> h;
      std::uint64_t const value = 0x0606'0606'0606'0606 ^ (std::uint64_t{type ^ 6U} << (8 * entry));
      sim_guest g = guest(value & 0xffff'ffff, 0x277, value >> 32);
      slow_context c{&g};
      CHECK(answer_wrmsr(c, h, 2) == resume::retry);
      bool const exists = type == 0 || type == 1 || (type >= 4 && type <= 7);
      CAPTURE(entry, type);
      CHECK(g.pat == (exists ? value : 0x0007'0406'0007'0406));
      CHECK(g.raised == (exists ? 0U : 1U));
      CHECK(g.steps == (exists ? 1U : 0U));
    }
  }
}

TEST_CASE("WRMSR: EFER is checked") {
  x86_handler<> h;
  h.extended_1.edx = 1U << 20;  // NX alone
  sim_guest g = guest(0x800, 0xc000'0080, 0);
  slow_context c{&g};
  CHECK(answer_wrmsr(c, h, 2) == resume::retry);
  CHECK(g.efer == 0x800);
  g.gpr[0] = 0x900;
  CHECK(answer_wrmsr(c, h, 2) == resume::retry);
  CHECK(g.efer == 0x800);
  CHECK(g.events[0] == protection);
  CHECK(h.count == 0);
}

TEST_CASE("a call of the hypervisor: number, arguments, results") {
  calls h;
  sim_guest g = guest(junk | 5, 0x1111'1111'1111'1101, 0x1111'1111'1111'1102);
  slow_context c{&g};
  CHECK(answer_hypercall(c, h, 3) == resume::retry);
  CHECK(h.seen[0] == seen_exit{.kind = exit_kind::hypercall, .number = junk | 5});
  unsigned const registers[] = {3, 1, 2, 6, 7, 8, 9};
  for (unsigned n = 0; n < 7; ++n) CHECK(h.arguments[n] == std::uint64_t{0x1111'1111'1111'1100} + registers[n]);
  CHECK(h.arguments[7] == 0);
  CHECK(h.arguments[8] == 0);
  CHECK(g.gpr[0] == 0x70);
  CHECK(g.gpr[3] == 0x71);
  CHECK(g.gpr[1] == 0x72);
  CHECK(g.gpr[2] == 0x73);
  CHECK(g.gpr[6] == 0x1111'1111'1111'1106);
  CHECK(g.rip == 0x1003);
  // Outside of 64-bit mode upper halves are nobody's.
  g.code = code_size::bits_32;
  g.gpr[0] = junk | 6;
  CHECK(answer_hypercall(c, h, 3) == resume::retry);
  CHECK(h.seen[1].number == 6);
  CHECK(h.arguments[3] == 0x1111'1106);
}

TEST_CASE("a call is for the guest's kernel") {
  for (unsigned cpl = 1; cpl < 4; ++cpl) {
    at_once h;
    sim_guest g = guest(7);
    g.cpl = cpl;
    slow_context c{&g};
    CHECK_FALSE(answer_hypercall_at_once(c, h, 3));
    CHECK(g.raised == 0);
    CHECK(answer_hypercall(c, h, 3) == resume::retry);
    CHECK(h.count == 0);
    CHECK(g.events[0] == undefined);
    CHECK(g.rip == 0x1000);
  }
}

TEST_CASE("calls that are answered at once") {
  at_once h;
  sim_guest g = guest(7);
  fast_context c{&g};
  CHECK(answer_hypercall_at_once(c, h, 3));
  CHECK(g.gpr[0] == 0x1111'1111'1111'1104);
  CHECK(g.rip == 0x1003);
  g.gpr[0] = 8;
  sim_guest const before = g;
  CHECK_FALSE(answer_hypercall_at_once(c, h, 3));
  CHECK(g == before);
}

TEST_CASE("HLT and PAUSE, in both tiers") {
  x86_handler<> h;
  sim_guest g = guest();
  slow_context c{&g};
  CHECK(answer_hlt(c, h, 1) == resume::retry);
  CHECK(answer_pause(c, h, 2) == resume::retry);
  CHECK(h.seen[0] == seen_exit{.kind = exit_kind::idle});
  CHECK(h.seen[1] == seen_exit{.kind = exit_kind::yield});
  CHECK(g.rip == 0x1003);
  h.answers[2] = resume::stop;
  CHECK(answer_hlt(c, h, 1) == resume::stop);
  CHECK(g.rip == 0x1003);
}

TEST_CASE("IN: the register keeps what was not read") {
  struct {
    std::uint8_t size;
    std::uint64_t after;
  } const expected[] = {{1, 0x1122'3344'5566'77ef}, {2, 0x1122'3344'5566'beef}, {4, 0xdead'beef}};
  for (auto const& e : expected) {
    x86_handler<> h;
    h.loads[0] = 0xffff'ffff'dead'beef;
    sim_guest g = guest(0x1122'3344'5566'7788);
    slow_context c{&g};
    CHECK(answer_port(c, h, {.port = 0x3f8, .size = e.size, .in = true}, 1) == resume::retry);
    CHECK(h.seen[0] == seen_exit{.kind = exit_kind::port_read, .number = 0x3f8, .size = e.size});
    CHECK(g.gpr[0] == e.after);
    CHECK(g.rip == 0x1001);
  }
}

TEST_CASE("OUT: the low bytes of the register") {
  struct {
    std::uint8_t size;
    std::uint32_t value;
  } const expected[] = {{1, 0x88}, {2, 0x7788}, {4, 0x5566'7788}};
  for (auto const& e : expected) {
    x86_handler<> h;
    sim_guest g = guest(0x1122'3344'5566'7788);
    slow_context c{&g};
    CHECK(answer_port(c, h, {.port = 0xffff, .size = e.size}, 2) == resume::retry);
    CHECK(h.seen[0] == seen_exit{.kind = exit_kind::port_write, .number = 0xffff, .value = e.value, .size = e.size});
    CHECK(g.gpr[0] == 0x1122'3344'5566'7788);
    CHECK(g.rip == 0x1002);
  }
}

TEST_CASE("an answer that is no completion comes back, and the guest has not moved") {
  for (auto const answer : {resume::retry, resume::stop, resume::slow}) {
    x86_handler<> h;
    for (auto& a : h.answers) a = answer;
    sim_guest g = guest(1, 0x10, 3);
    sim_guest const before = g;
    slow_context c{&g};
    CHECK(answer_port(c, h, {.port = 1, .size = 1, .in = true}, 1) == answer);
    CHECK(answer_rdmsr(c, h, 2) == answer);
    CHECK(answer_wrmsr(c, h, 2) == answer);
    CHECK(answer_hypercall(c, h, 3) == answer);
    CHECK(answer_hlt(c, h, 1) == answer);
    CHECK(answer_pause(c, h, 2) == answer);
    CHECK(g == before);
  }
}

TEST_CASE("what a fast tier does not answer is left alone") {
  none h;
  fast_handler<none> fast{h};
  sim_guest g = guest(1, 0x10, 3);
  sim_guest const before = g;
  fast_context c{&g};
  CHECK(answer_port(c, fast, {.port = 1, .size = 1, .in = true}, 1) == resume::slow);
  CHECK(answer_port(c, fast, {.port = 1, .size = 1}, 1) == resume::slow);
  CHECK(answer_rdmsr(c, fast, 2) == resume::slow);
  CHECK(answer_wrmsr(c, fast, 2) == resume::slow);
  CHECK(answer_hypercall(c, fast, 3) == resume::slow);
  CHECK(answer_hlt(c, fast, 1) == resume::slow);
  CHECK(answer_pause(c, fast, 2) == resume::slow);
  CHECK(g == before);
  CHECK(h.count == 0);
}

TEST_CASE("refusals become exceptions") {
  auto const injected = [](guest_fault::kind what, stopped_by reason) {
    sim_guest g;
    guest_view<slow_context> view{slow_context{&g}, 0, reason};
    view.inject({.what = what});
    CHECK(g.raised == 1);
    return g.events[0];
  };
  using kind = guest_fault::kind;
  CHECK(injected(kind::undefined_instruction, stopped_by::other) == undefined);
  CHECK(injected(kind::undefined_instruction, stopped_by::port_string) == undefined);
  CHECK(injected(kind::undefined_instruction, stopped_by::msr_access) == protection);
  CHECK(injected(kind::bus_error, stopped_by::other) == protection);
  CHECK(injected(kind::misaligned, stopped_by::other) == exception_event(exception::ac, 0));
}

TEST_CASE("a load becomes the register that it names") {
  sim_guest g = guest();
  guest_view<slow_context> view{slow_context{&g}};
  view.complete_read({.address = {}, .size = 2, .reg = 15, .sign_extend = true, .register_size = 8}, 0x1'8000);
  CHECK(g.gpr[15] == 0xffff'ffff'ffff'8000);
  CHECK(view.completed == 0xffff'ffff'ffff'8000);
  sim_guest const before = g;
  view.complete_read({{}, 1, exit::mmio_read::no_register, false, 8}, 0x1ff);
  CHECK(g == before);
  CHECK(view.completed == 0xff);
}
