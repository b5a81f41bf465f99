// SPDX-License-Identifier: BSL-1.0
#include <axhal/time/virtual_timer.hpp>

#include <catch2/catch_test_macros.hpp>

#include <cstdint>

namespace {
using namespace axhal;

constexpr ticks end{UINT64_MAX};

TEST_CASE("a timer without a deadline is never due", "[time][virtual_timer]") {
  STATIC_REQUIRE(!virtual_timer{}.level(ticks{0}));
  STATIC_REQUIRE(!virtual_timer{}.level(end));
  STATIC_REQUIRE(virtual_timer{}.deadline() == failure{timer_error::none});
  STATIC_REQUIRE(virtual_timer{}.value() == end);
  STATIC_REQUIRE(virtual_timer{}.host_deadline(ticks{5}, ticks{3}) == failure{timer_error::none});
  STATIC_REQUIRE(virtual_timer{end} == virtual_timer{});
}

TEST_CASE("the level is up from the deadline on", "[time][virtual_timer]") {
  STATIC_REQUIRE(!virtual_timer{ticks{100}}.level(ticks{99}));
  STATIC_REQUIRE(virtual_timer{ticks{100}}.level(ticks{100}));
  STATIC_REQUIRE(virtual_timer{ticks{100}}.level(end));
  STATIC_REQUIRE(virtual_timer{ticks{0}}.level(ticks{0}));
  STATIC_REQUIRE(virtual_timer{ticks{100}}.deadline() == ticks{100});
  virtual_timer t{ticks{100}};
  t.set(ticks{7});
  CHECK(t.level(ticks{7}));
  t.set(ticks{700});
  CHECK(!t.level(ticks{100}));
  t.cancel();
  CHECK(t == virtual_timer{});
}

TEST_CASE("counters are unsigned: the upper half is later, not negative", "[time][virtual_timer]") {
  constexpr ticks middle{std::uint64_t{1} << 63};
  STATIC_REQUIRE(!virtual_timer{middle}.level(ticks{middle.value - 1}));
  STATIC_REQUIRE(virtual_timer{ticks{1}}.level(middle));
  STATIC_REQUIRE(!virtual_timer{ticks{UINT64_MAX - 1}}.level(middle));
  STATIC_REQUIRE(virtual_timer{ticks{UINT64_MAX - 1}}.level(ticks{UINT64_MAX - 1}));
}

TEST_CASE("the host's alarm is where the guest's deadline is", "[time][virtual_timer]") {
  // Guest time is host time less 900.
  STATIC_REQUIRE(virtual_timer{ticks{150}}.host_deadline(ticks{1000}, ticks{900}) == ticks{1050});
  STATIC_REQUIRE(virtual_timer{ticks{101}}.host_deadline(ticks{1000}, ticks{900}) == ticks{1001});
  STATIC_REQUIRE(virtual_timer{ticks{100}}.host_deadline(ticks{1000}, ticks{900}) == failure{timer_error::none});
  STATIC_REQUIRE(virtual_timer{ticks{0}}.host_deadline(ticks{1000}, ticks{900}) == failure{timer_error::none});
}

TEST_CASE("no sum wraps into the host's past", "[time][virtual_timer]") {
  // A guest that began with a high counter, at host time 10.
  constexpr ticks offset = ticks{10} - ticks{UINT64_MAX - 50};
  STATIC_REQUIRE(virtual_timer{ticks{UINT64_MAX - 20}}.host_deadline(ticks{10}, offset) == ticks{40});
  STATIC_REQUIRE(virtual_timer{ticks{40}}.host_deadline(ticks{10}, offset) == failure{timer_error::none});
  // The guest's time comes after the end of the host's counter: never.
  STATIC_REQUIRE(virtual_timer{ticks{500}}.host_deadline(ticks{UINT64_MAX - 100}, ticks{UINT64_MAX - 100}) ==
                 failure{timer_error::none});
  STATIC_REQUIRE(virtual_timer{ticks{99}}.host_deadline(ticks{UINT64_MAX - 100}, ticks{UINT64_MAX - 100}) ==
                 ticks{UINT64_MAX - 1});
  STATIC_REQUIRE(virtual_timer{ticks{100}}.host_deadline(ticks{UINT64_MAX - 100}, ticks{UINT64_MAX - 100}) ==
                 failure{timer_error::none});
}

TEST_CASE("the host's alarm and the level agree at any offset", "[time][virtual_timer]") {
  std::uint64_t word = 0x9e37'79b9'7f4a'7c15;
  auto const next = [&word] {
    word ^= word << 13;
    word ^= word >> 7;
    word ^= word << 17;
    return word >> (word & 63);
  };
  unsigned waiting = 0;
  for (int i = 0; i < 20'000; ++i) {
    ticks const now{next()};
    ticks const offset{next()};
    virtual_timer const t{ticks{next()}};
    auto const at = t.host_deadline(now, offset);
    if (at) {
      ++waiting;
      REQUIRE(*at > now);
      REQUIRE(!t.level(now - offset));
      REQUIRE(t.level(*at - offset));
      REQUIRE(!t.level(*at - offset - ticks{1}));
    } else {
      bool const beyond = t.value().value - (now - offset).value >= UINT64_MAX - now.value;
      REQUIRE((t.level(now - offset) || t == virtual_timer{} || beyond));
    }
  }
  CHECK(waiting > 1000);
}

}  // namespace
