// SPDX-License-Identifier: BSL-1.0
// Laws that no wrong model can break are no laws: each mutant breaks the law named beside it.
#include <axhal/arch/host/clock.hpp>
#include <axhal/conformance/clock_laws.hpp>

#include <catch2/catch_test_macros.hpp>

namespace {
using namespace axhal;

template <typename C>
constexpr int broken() {
  C c;
  return laws::first_broken_clock_law(c, [&c](ticks n) { c.advance(n); });
}
static_assert(broken<host::clock>() == 0);

struct goes_back : host::clock {
  int reading{};
  constexpr ticks now() { return ++reading == 5 ? ticks{0} : host::clock::now(); }
};
struct has_no_frequency : host::clock {
  static constexpr hertz frequency() { return {0}; }
};
struct changes_its_frequency : host::clock {
  constexpr hertz frequency() const { return hertz{1 + now().value}; }
};
struct forgets_the_past : host::clock {  // arms only what is still to come
  constexpr void arm(ticks t) {
    if (t > now())
      host::clock::arm(t);
    else
      cancel();
  }
};
struct needs_one_tick_more : host::clock {  // compares with > where >= is meant
  constexpr void arm(ticks t) { host::clock::arm(t + ticks{1}); }
};
struct is_always_due : host::clock {
  static constexpr bool is_due() { return true; }
};
struct cuts_to_32_bits : host::clock {  // a deadline far away looks near
  constexpr void arm(ticks t) { host::clock::arm(ticks{t.value & 0xffff'ffff}); }
};
struct never_fires_later : host::clock {
  bool late{};
  constexpr void arm(ticks t) {
    late = t > now();
    host::clock::arm(t);
  }
  constexpr bool is_due() const { return !late && host::clock::is_due(); }
};
struct cannot_cancel : host::clock {
  static constexpr void cancel() {}
};
struct cancels_only_what_is_due : host::clock {
  constexpr void cancel() {
    if (is_due()) host::clock::cancel();
  }
};
struct keeps_the_first : host::clock {
  bool armed{};
  constexpr void arm(ticks t) {
    if (!armed || host::clock::is_due()) host::clock::arm(t);
    armed = true;
  }
  constexpr void cancel() {
    armed = false;
    host::clock::cancel();
  }
};
struct adds_the_offset : host::clock {
  ticks o{};
  constexpr void set_guest_offset(ticks t) { o = t; }
  constexpr ticks guest_now() const { return now() + o; }
};
struct ignores_the_offset : host::clock {
  constexpr ticks guest_now() const { return now(); }
};
struct stops_at_zero : host::clock {  // saturates where it must wrap
  ticks o{};
  constexpr void set_guest_offset(ticks t) { o = t; }
  constexpr ticks guest_now() const { return now() < o ? ticks{0} : now() - o; }
};

TEST_CASE("each clock law is broken by a mutant", "[laws][clock]") {
  STATIC_REQUIRE(broken<goes_back>() == 1);
  STATIC_REQUIRE(broken<has_no_frequency>() == 2);
  STATIC_REQUIRE(broken<changes_its_frequency>() == 2);
  STATIC_REQUIRE(broken<forgets_the_past>() == 3);
  STATIC_REQUIRE(broken<needs_one_tick_more>() == 3);
  STATIC_REQUIRE(broken<is_always_due>() == 4);
  STATIC_REQUIRE(broken<cuts_to_32_bits>() == 4);
  STATIC_REQUIRE(broken<never_fires_later>() == 4);
  STATIC_REQUIRE(broken<cannot_cancel>() == 5);
  STATIC_REQUIRE(broken<cancels_only_what_is_due>() == 5);
  STATIC_REQUIRE(broken<keeps_the_first>() == 6);
  STATIC_REQUIRE(broken<adds_the_offset>() == 7);
  STATIC_REQUIRE(broken<ignores_the_offset>() == 7);
  STATIC_REQUIRE(broken<stops_at_zero>() == 7);
}

}  // namespace
