// SPDX-License-Identifier: BSL-1.0
// Laws that no wrong model can break are not laws: each mutant below breaks the law named beside it.
#include <axhal/arch/host/virt_irq.hpp>
#include <axhal/conformance/virt_irq_laws.hpp>

#include <catch2/catch_test_macros.hpp>

#include <cstdint>

namespace {

using namespace axhal;

using sound = host::virt_irq<4, 1020>;
using until_taken = host::virt_irq<4, 1020, shown_until::taken>;
using line = host::virt_irq<4, 1020, shown_until::withdrawn>;
using outcome = result<void, virt_irq_error>;

struct ignores_priority : sound {
  constexpr outcome present(virtual_irq irq) {
    irq.priority = 0x80;
    return sound::present(irq);
  }
};
struct loses_some : sound {
  constexpr outcome present(virtual_irq const& irq) { return irq.priority == 0x20 ? outcome{} : sound::present(irq); }
};
struct never_says_full : sound {
  constexpr outcome present(virtual_irq const& irq) {
    auto const done = sound::present(irq);
    return !done && done.error() == virt_irq_error::full ? outcome{} : done;
  }
};
/// What a driver that always writes the first list register does.
struct overwrites_when_full : sound {
  constexpr outcome present(virtual_irq const& irq) {
    auto const done = sound::present(irq);
    if (!done && done.error() == virt_irq_error::full) {
      static_cast<void>(withdraw({32}));
      static_cast<void>(sound::present(irq));
    }
    return done;
  }
};
struct reports_what_is_taken : sound {
  template <typename F>
  constexpr void reap(F&& f) {
    sound::reap(f);
    if (sound::withdraw({32})) {
      static_cast<void>(sound::present({.irq = {32}, .priority = 0x80}));
      f(virtual_irq{.irq = {32}});
    }
  }
};
struct reports_twice : sound {
  template <typename F>
  constexpr void reap(F&& f) {
    bool any = false;
    sound::reap([&](virtual_irq const& irq) {
      last = irq;
      any = true;
      f(irq);
    });
    if (!any && last.irq.value != 0) f(last);
  }
  virtual_irq last{};
};
/// Looks at empty list registers only; those that wait for a look after the end are not among them.
struct misses_notified : sound {
  template <typename F>
  constexpr void reap(F&& f) {
    sound::reap([&](virtual_irq const& irq) {
      if (!irq.notify_completion) f(irq);
    });
  }
};
struct only_says_withdrawn : sound {
  constexpr bool withdraw(irq_number irq) {
    if (!sound::withdraw(irq)) return false;
    static_cast<void>(sound::present({.irq = irq, .priority = 0x80}));
    return true;
  }
};
struct withdraws_anything : sound {
  constexpr bool withdraw(irq_number irq) {
    static_cast<void>(sound::withdraw(irq));
    return true;
  }
};
struct never_withdraws : sound {
  constexpr bool withdraw(irq_number) { return false; }
};
struct forgets_what_is_saved : sound {
  constexpr void restore(state const&) { sound::restore(state{}); }
};
struct shares_one_state : sound {
  constexpr void save(state& s) {
    sound::save(s);
    kept = s;
  }
  constexpr void restore(state const&) { sound::restore(kept); }
  state kept{};
};
/// Saves what is pending and forgets what the guest is handling.
struct forgets_active : sound {
  constexpr void restore(state const& s) {
    sound::restore(s);
    if (!sound::finish({34})) return;
    sound::reap([](virtual_irq const&) {});
  }
};
struct forgets_reports : sound {
  constexpr void save(state& s) {
    sound::reap([](virtual_irq const&) {});
    sound::save(s);
  }
};
struct refuses_what_is_shown : sound {
  constexpr outcome present(virtual_irq const& irq) {
    if (shown == irq.irq.value) return failure{virt_irq_error::full};
    auto const done = sound::present(irq);
    if (done) shown = irq.irq.value;
    return done;
  }
  constexpr bool withdraw(irq_number irq) {
    if (shown == irq.value) shown = 0;
    return sound::withdraw(irq);
  }
  template <typename F>
  constexpr void reap(F&& f) {
    sound::reap([&](virtual_irq const& irq) {
      if (shown == irq.irq.value) shown = 0;
      f(irq);
    });
  }
  std::uint32_t shown{};
};
/// Loses an edge that comes while the last one is being handled.
struct loses_the_second_edge : sound {
  constexpr outcome present(virtual_irq const& irq) {
    auto const done = sound::present(irq);
    // Only of what is pending behind an active one does `withdraw` take back a part.
    if (done && seen == irq.irq.value) static_cast<void>(sound::withdraw(irq.irq));
    return done;
  }
  constexpr result<irq_number, irq_error> take() {
    auto const taken = sound::take();
    if (taken) seen = taken->value;
    return taken;
  }
  constexpr result<virtual_irq, irq_error> finish(irq_number irq) {
    seen = 0;
    return sound::finish(irq);
  }
  std::uint32_t seen{};
};
struct shows_the_impossible : sound {
  constexpr outcome present(virtual_irq irq) {
    irq.irq.value &= 0x3ff;
    if (irq.irq.value >= 1020) irq.irq.value = 1019;
    return sound::present(irq);
  }
};
struct calls_the_impossible_full : sound {
  constexpr outcome present(virtual_irq const& irq) {
    return irq.irq.value >= 1020 ? outcome{failure{virt_irq_error::full}} : sound::present(irq);
  }
};

/// A line that the hardware takes down when the guest has looked.
struct falls_by_itself : line {
  constexpr result<irq_number, irq_error> take() {
    auto const taken = line::take();
    if (taken) static_cast<void>(withdraw(*taken));
    return taken;
  }
};
struct reports_a_line : line {
  template <typename F>
  constexpr void reap(F&& f) {
    if (lowered.irq.value != 0) f(lowered);
    lowered = {};
  }
  constexpr bool withdraw(irq_number irq) {
    if (!line::withdraw(irq)) return false;
    lowered.irq = irq;
    return true;
  }
  virtual_irq lowered{};
};
/// Waits for an end that this hardware does not see.
struct reports_at_the_end : until_taken {
  template <typename F>
  constexpr void reap(F&& f) {
    if (busy == 0) until_taken::reap(f);
  }
  constexpr result<irq_number, irq_error> take() {
    auto const taken = until_taken::take();
    if (taken) ++busy;
    return taken;
  }
  constexpr result<virtual_irq, irq_error> finish(irq_number irq) {
    --busy;
    return until_taken::finish(irq);
  }
  unsigned busy{};
};
/// Takes a message for a line: while one is handled, no second one is kept.
struct drops_the_second_message : until_taken {
  constexpr outcome present(virtual_irq const& irq) {
    return busy == irq.irq.value ? outcome{} : until_taken::present(irq);
  }
  constexpr result<irq_number, irq_error> take() {
    auto const taken = until_taken::take();
    if (taken) busy = taken->value;
    return taken;
  }
  constexpr result<virtual_irq, irq_error> finish(irq_number irq) {
    busy = 0;
    return until_taken::finish(irq);
  }
  std::uint32_t busy{};
};
struct forgets_the_physical_one : until_taken {
  constexpr outcome present(virtual_irq irq) {
    irq.hardware = false;
    return until_taken::present(irq);
  }
};
struct calls_the_physical_one_impossible : line {
  constexpr outcome present(virtual_irq const& irq) {
    return irq.hardware ? outcome{failure{virt_irq_error::out_of_range}} : line::present(irq);
  }
};

// With room for one interrupt, law 5 has to find what goes wrong one at a time.
using one = host::virt_irq<1, 1020, shown_until::taken>;
struct one_forgets_what_waits : one {
  constexpr void restore(state const& s) {
    one::restore(s);
    static_cast<void>(withdraw({32}));
  }
};
struct one_leaves_it_behind : one {
  constexpr void save(state& s) {
    one::save(s);
    one::restore(s);
  }
};
/// Does not look before it leaves: what was taken meanwhile is nobody's.
struct one_forgets_reports : one {
  constexpr void save(state& s) {
    one::reap([](virtual_irq const&) {});
    one::save(s);
  }
};
struct one_shows_it_again : one {
  constexpr void restore(state const& s) {
    one::restore(s);
    bool any = false;
    one::reap([&](virtual_irq const& irq) { any = irq.irq.value == 32; });
    if (any) static_cast<void>(one::present({.irq = {32}, .priority = 0x80}));
  }
};

template <typename Model>
constexpr int broken() {
  struct {
    Model under_test{};
    constexpr Model& model() { return under_test; }
    constexpr auto take() { return under_test.take(); }
    constexpr void finish(irq_number irq) {
      static_cast<void>(under_test.finish(irq));
      if (Model::lifetime == shown_until::withdrawn) static_cast<void>(under_test.withdraw(irq));
    }
    constexpr unsigned numbers() { return 988; }
    constexpr irq_number number(unsigned i) { return {32 + i}; }
    constexpr irq_number impossible() { return {1020}; }
  } bench{};
  return laws::first_broken_virt_irq_law(bench);
}

}  // namespace

TEST_CASE("the virtual interrupt laws hold for sound models") {
  CHECK(broken<sound>() == 0);
  CHECK(broken<until_taken>() == 0);
  CHECK(broken<line>() == 0);
  CHECK(broken<one>() == 0);
}

TEST_CASE("each virtual interrupt law can fail") {
  CHECK(broken<ignores_priority>() == 1);
  CHECK(broken<loses_some>() == 1);
  CHECK(broken<never_says_full>() == 2);
  CHECK(broken<overwrites_when_full>() == 2);
  CHECK(broken<reports_what_is_taken>() == 3);
  CHECK(broken<reports_twice>() == 3);
  CHECK(broken<misses_notified>() == 3);
  CHECK(broken<only_says_withdrawn>() == 4);
  CHECK(broken<withdraws_anything>() == 4);
  CHECK(broken<never_withdraws>() == 4);
  CHECK(broken<forgets_what_is_saved>() == 5);
  CHECK(broken<shares_one_state>() == 5);
  CHECK(broken<forgets_active>() == 5);
  CHECK(broken<forgets_reports>() == 5);
  CHECK(broken<refuses_what_is_shown>() == 6);
  CHECK(broken<loses_the_second_edge>() == 6);
  CHECK(broken<shows_the_impossible>() == 7);
  CHECK(broken<calls_the_impossible_full>() == 7);
}

TEST_CASE("each virtual interrupt law can fail for messages and lines, too") {
  CHECK(broken<reports_a_line>() == 3);
  CHECK(broken<reports_at_the_end>() == 3);
  CHECK(broken<falls_by_itself>() == 4);
  CHECK(broken<drops_the_second_message>() == 6);
  CHECK(broken<forgets_the_physical_one>() == 8);
  CHECK(broken<calls_the_physical_one_impossible>() == 8);
}

TEST_CASE("what is lost between vCPUs is found where there is room for one interrupt") {
  CHECK(broken<one_forgets_what_waits>() == 5);
  CHECK(broken<one_leaves_it_behind>() == 5);
  CHECK(broken<one_forgets_reports>() == 5);
  CHECK(broken<one_shows_it_again>() == 5);
}
