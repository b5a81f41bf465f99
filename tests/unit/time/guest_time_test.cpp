// SPDX-License-Identifier: BSL-1.0
#include <axhal/time/guest_time.hpp>

#include <catch2/catch_test_macros.hpp>

#include <cstdint>
#include <random>

namespace {
using namespace axhal;

TEST_CASE("a machine's time starts at zero, whenever it starts", "[time][guest_time]") {
  guest_time t;
  CHECK(!t.is_running());
  CHECK(t.at(ticks{123}) == ticks{0});
  t.resume(ticks{1000});
  CHECK(t.is_running());
  CHECK(t.at(ticks{1000}) == ticks{0});
  CHECK(t.at(ticks{1010}) == ticks{10});
  CHECK(t.offset() == ticks{1000});
  CHECK(t.to_host(ticks{10}) == ticks{1010});
}

TEST_CASE("time stands still during a pause and goes on where it stood", "[time][guest_time]") {
  guest_time t;
  t.resume(ticks{1000});
  t.pause(ticks{1500});
  CHECK(t.at(ticks{1500}) == ticks{500});
  CHECK(t.at(ticks{9000}) == ticks{500});
  t.resume(ticks{10'000});
  CHECK(t.at(ticks{10'000}) == ticks{500});
  CHECK(t.at(ticks{10'001}) == ticks{501});
  CHECK(t.offset() == ticks{9500});
}

TEST_CASE("pausing twice and resuming twice change nothing", "[time][guest_time]") {
  guest_time t;
  t.pause(ticks{5});
  CHECK(t.at(ticks{6}) == ticks{0});
  t.resume(ticks{10});
  t.resume(ticks{99});
  CHECK(t.at(ticks{20}) == ticks{10});
  t.pause(ticks{20});
  t.pause(ticks{30});
  CHECK(t.at(ticks{40}) == ticks{10});
}

TEST_CASE("a restored machine shows the time it is given, running or not", "[time][guest_time]") {
  guest_time t;
  t.set(ticks{777}, ticks{10});
  CHECK(t.at(ticks{50}) == ticks{777});
  t.resume(ticks{100});
  CHECK(t.at(ticks{101}) == ticks{778});
  t.set(ticks{5000}, ticks{200});  // ahead of the host: the offset wraps
  CHECK(t.at(ticks{200}) == ticks{5000});
  CHECK(t.at(ticks{201}) == ticks{5001});
  CHECK(t.to_host(ticks{5001}) == ticks{201});
}

TEST_CASE("guest time is the sum of the times in which the machine ran", "[time][guest_time]") {
  std::mt19937_64 random{3};
  guest_time t;
  std::uint64_t now = random();  // wraps during the test or not, all the same
  std::uint64_t ran = 0;
  for (int i = 0; i < 5000; ++i) {
    std::uint64_t const step = random() >> (random() % 64);
    now += step;
    if (t.is_running()) ran += step;
    REQUIRE(t.at(ticks{now}) == ticks{ran});
    if (random() % 2 == 0)
      t.pause(ticks{now});
    else
      t.resume(ticks{now});
    REQUIRE(t.at(ticks{now}) == ticks{ran});
    if (t.is_running()) REQUIRE(t.to_host(t.at(ticks{now})) == ticks{now});
  }
}

}  // namespace
