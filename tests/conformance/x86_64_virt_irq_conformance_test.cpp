// SPDX-License-Identifier: BSL-1.0
// Interrupts that are offered to guests of SVM and of VT-x obey the laws of VirtIrqPolicy, on simulated hardware.
#include <axhal/arch/x86_64/offered_interrupts.hpp>
#include <axhal/arch/x86_64/svm_context.hpp>
#include <axhal/arch/x86_64/svm_exit.hpp>
#include <axhal/arch/x86_64/vmx_context.hpp>
#include <axhal/conformance/virt_irq_laws.hpp>

#include <catch2/catch_test_macros.hpp>

#include "support/simulated_svm.hpp"
#include "support/vmx_bench.hpp"

#include <cstdint>
#include <memory>
#include <utility>

namespace {

using namespace axhal;
using namespace axhal::x86_64;
namespace svm_sim = axhal::test::svm_sim;
namespace x86 = axhal::test::x86;

using svm_slow = svm_context<svm_sim::cpu, exit_tier::slow>;
using vmx_slow = x86::vmx_bench::slow;
static_assert(TellsRoom<svm_slow> && TellsRoom<vmx_slow> && TellsRoom<x86::vmx_bench::fast>);
static_assert(VirtIrqPolicy<offered_interrupts<svm_slow>> && VirtIrqPolicy<offered_interrupts<vmx_slow>>);

/// A guest in long mode that lets interrupts in, and out again while it handles one.
guest_entry open_guest() {
  guest_entry e = plain_start({0x1000}, 0);
  e.rflags |= rflags::f_if::mask;
  return e;
}

/// The guest's part under SVM: V_IRQ and EVENTINJ as the processor treats them.
struct svm_guest {
  svm_guest() {
    svm_sim::machine() = svm_sim::state::like_qemu();
    v->here = {.revision = 1, .asids = 16, .edx = 1, .physical_address_bits = 40};
    v->set_start(open_guest());
  }
  std::unique_ptr<svm_vcpu_state> v = std::make_unique<svm_vcpu_state>();
  svm_sim::handler h{};
  svm_slow context() { return svm_slow{*v}; }

  void let_in(bool on) {
    auto& flags = v->block.save.rflags;
    flags = on ? flags | rflags::f_if::mask : flags & ~rflags::f_if::mask;
  }
  /// Enters; the guest takes what it can and is stopped by the host's next interrupt. The vector, or 0.
  unsigned enter() {
    vmcb_control& c = v->block.control;
    unsigned taken = 0;
    for (unsigned exits = 0; exits < 4; ++exits) {
      if (event_word::f_valid::get(c.eventinj)) {
        taken = event_word::f_vector::get(c.eventinj);
        c.eventinj = 0;
        let_in(false);
      }
      bool const wanted = v_intr::f_v_irq::get(c.v_intr) && rflags::f_if::get(v->block.save.rflags);
      bool const vintr = (c.intercepts[3] >> 4 & 1) != 0;
      if (!wanted || !vintr) {
        if (wanted) {
          taken = c.v_intr_vector;
          c.v_intr &= ~v_intr::f_v_irq::mask;
          let_in(false);
        }
        svm_sim::stop(*v, 0x60);
        break;
      }
      svm_sim::stop(*v, 0x64);
      svm_events::after_exit(*v);
      auto guest = context();
      REQUIRE(answer_svm_exit<svm_sim::cpu>(guest, h) != resume::slow);
    }
    svm_events::after_exit(*v);
    return taken;
  }
};

/// The same under VT-x: the entry's event and the interrupt window.
struct vmx_guest {
  vmx_guest() { bench.v->slice = 0; }
  x86::vmx_bench bench{open_guest()};
  x86::vmx_handler& h = *bench.h;
  vmx_slow context() { return bench.context(); }

  void let_in(bool on) {
    auto c = context();
    c.set_rflags(on ? c.rflags() | rflags::f_if::mask : c.rflags() & ~rflags::f_if::mask);
  }
  unsigned enter() {
    unsigned taken = 0;
    for (unsigned exits = 0; exits < 4; ++exits) {
      std::uint32_t const event = x86::vmx_bench::event();
      if (event_word::f_valid::get(event)) {
        taken = event_word::f_vector::get(event);
        x86::vmx_bench::delivered();
        let_in(false);
      }
      bool const window = (x86::field(vmcs::processor_based_controls) >> 2 & 1) != 0;
      if (!window || !rflags::f_if::get(context().rflags())) break;
      REQUIRE(bench.slow_exit(vmx_reason::interrupt_window) != resume::slow);
    }
    return taken;
  }
};

/// The laws' guest: it lets an interrupt in while it is handling another, as with STI in the handler, but not the one
/// that it is handling. Its controller keeps that one back.
template <typename Guest>
struct bench {
  using shown_by = offered_interrupts<decltype(std::declval<Guest&>().context())>;
  Guest guest{};
  shown_by shown{guest.context()};
  std::uint32_t impossible_number{15};

  static constexpr shown_until lifetime = shown_by::lifetime;
  static constexpr bool has_priorities = shown_by::has_priorities;
  struct state : shown_by::state {
    unsigned handling{};
  };
  unsigned handling{};
  auto& model() { return *this; }
  auto present(virtual_irq const& irq) { return shown.present(irq); }
  bool withdraw(irq_number irq) { return shown.withdraw(irq); }
  unsigned capacity() const { return shown.capacity(); }
  template <typename F>
  void reap(F&& f) {
    shown.reap(f);
  }
  void request_room_event(bool on) { shown.request_room_event(on); }
  void save(state& s) {
    shown.save(s);
    s.handling = std::exchange(handling, 0);
  }
  void restore(state const& s) {
    shown.restore(s);
    handling = s.handling;
  }

  result<irq_number, irq_error> take() {
    guest.let_in(handling == 0);
    unsigned const vector = guest.enter();
    if (vector == 0) return failure{irq_error::spurious};
    handling = vector;
    return irq_number{vector};
  }
  void finish(irq_number irq) {
    CHECK(irq.value == handling);
    handling = 0;
  }
  unsigned numbers() const { return 240; }
  irq_number number(unsigned i) const { return {i < 120 ? 255 - i : 16 + (i - 120)}; }
  irq_number impossible() const { return {impossible_number}; }
};

template <typename Guest>
void obeys() {
  for (std::uint32_t const impossible : {0U, 15U, 256U, 256U + 0x30U, ~0U}) {
    for (bool const told : {false, true}) {
      bench<Guest> b;
      b.impossible_number = impossible;
      b.request_room_event(told);
      CHECK(laws::first_broken_virt_irq_law(b) == 0);
    }
  }
}

/// A guest whose `Wrong` part of the offers is missing: the laws have to see it through the driver.
enum class flaw { none, never_tells, tells_again, never_withdraws, offers_once };
template <typename C, flaw Wrong>
struct flawed : C {
  constexpr explicit flawed(C c) : C{c} {}
  constexpr accepted_interrupt take_accepted() {
    if constexpr (Wrong == flaw::never_tells) return {};
    auto const taken = C::take_accepted();
    return Wrong == flaw::tells_again ? accepted_interrupt{true, taken.vector} : taken;
  }
  constexpr void withdraw_interrupt() {
    if constexpr (Wrong != flaw::never_withdraws) C::withdraw_interrupt();
  }
  void offer_interrupt(std::uint8_t vector) {
    if (Wrong != flaw::offers_once || offers++ == 0) C::offer_interrupt(vector);
  }
  unsigned offers{};
};
template <typename Guest, flaw Wrong>
struct flawed_guest : Guest {
  using context_type = flawed<decltype(std::declval<Guest&>().context()), Wrong>;
  context_type context() { return context_type{Guest::context()}; }
};
template <typename Guest, flaw Wrong>
int broken() {
  bench<flawed_guest<Guest, Wrong>> b;
  return laws::first_broken_virt_irq_law(b);
}

/// The host hears of each interrupt that the guest takes, once, and only when it has asked.
template <typename Guest>
void tells_of_room() {
  Guest guest;
  offered_interrupts shown{guest.context()};
  auto const told = [&](bool asks, std::uint32_t vector) {
    std::size_t const before = guest.h.count;
    shown.request_room_event(asks);
    guest.let_in(false);
    REQUIRE(shown.present({.irq = {vector}}));
    CHECK(guest.enter() == 0);
    CHECK(guest.h.count == before);
    guest.let_in(true);
    CHECK(guest.enter() == vector);
    // Under VT-x it is the moment when the guest can take the next one.
    guest.let_in(true);
    CHECK(guest.enter() == 0);
    std::size_t const heard = guest.h.count - before;
    if (heard == 1) CHECK(guest.h.seen[before].kind == exit_kind::host_interrupt);
    unsigned reported = 0;
    shown.reap([&](virtual_irq const& irq) { reported = irq.irq.value; });
    CHECK(reported == vector);
    CHECK(guest.enter() == 0);
    CHECK(guest.h.count - before == heard);
    return heard;
  };
  CHECK(told(false, 0x30) == 0);
  CHECK(told(true, 0x31) == 1);
  CHECK(told(true, 0x32) == 1);
  CHECK(told(false, 0x33) == 0);
}

}  // namespace

TEST_CASE("interrupts offered to a guest of SVM obey the virtual interrupt laws") { obeys<svm_guest>(); }
TEST_CASE("interrupts offered to a guest of VT-x obey the virtual interrupt laws") { obeys<vmx_guest>(); }
TEST_CASE("the laws see what a driver of offered interrupts gets wrong") {
  CHECK(broken<svm_guest, flaw::none>() == 0);
  CHECK(broken<vmx_guest, flaw::none>() == 0);
  CHECK(broken<svm_guest, flaw::never_tells>() == 3);
  CHECK(broken<vmx_guest, flaw::never_tells>() == 3);
  CHECK(broken<svm_guest, flaw::tells_again>() == 3);
  CHECK(broken<vmx_guest, flaw::tells_again>() == 3);
  CHECK(broken<svm_guest, flaw::never_withdraws>() == 4);
  CHECK(broken<vmx_guest, flaw::never_withdraws>() == 4);
  CHECK(broken<svm_guest, flaw::offers_once>() == 3);
  CHECK(broken<vmx_guest, flaw::offers_once>() == 3);
}
TEST_CASE("the host hears that a guest of SVM has taken what was offered") { tells_of_room<svm_guest>(); }
TEST_CASE("the host hears that a guest of VT-x has taken what was offered") { tells_of_room<vmx_guest>(); }
