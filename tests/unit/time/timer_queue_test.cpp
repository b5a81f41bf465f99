// SPDX-License-Identifier: BSL-1.0
#include <axhal/time/timer_queue.hpp>

#include <catch2/catch_template_test_macros.hpp>
#include <catch2/catch_test_macros.hpp>

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <map>
#include <random>
#include <utility>
#include <vector>

namespace {
using namespace axhal;

template <std::size_t Capacity>
std::vector<int> drain(timer_queue<Capacity, int>& q, ticks now) {
  std::vector<int> out;
  for (auto e = q.expire(now); e; e = q.expire(now)) out.push_back(e->payload);
  return out;
}

TEST_CASE("timers expire in the order of their deadlines, not before", "[time][timer_queue]") {
  timer_queue<4, int> q;
  CHECK(q.next_deadline() == failure{timer_error::none});
  REQUIRE(q.add(ticks{30}, 3).has_value());
  REQUIRE(q.add(ticks{10}, 1).has_value());
  REQUIRE(q.add(ticks{20}, 2).has_value());
  CHECK(q.next_deadline() == ticks{10});
  CHECK(!q.expire(ticks{9}).has_value());
  CHECK(q.expire(ticks{10})->payload == 1);
  CHECK(q.next_deadline() == ticks{20});
  CHECK(drain(q, ticks{1000}) == std::vector{2, 3});
  CHECK(q.empty());
}

TEST_CASE("equal deadlines expire first in, first out", "[time][timer_queue]") {
  timer_queue<64, int> q;
  std::vector<int> expected;
  for (int i = 0; i < 64; ++i) {
    REQUIRE(q.add(ticks{7}, i).has_value());
    expected.push_back(i);
  }
  CHECK(drain(q, ticks{7}) == expected);
}

TEST_CASE("a full queue refuses and stays as it was", "[time][timer_queue]") {
  timer_queue<2, int> q;
  auto const first = q.add(ticks{1}, 1).value();
  REQUIRE(q.add(ticks{2}, 2).has_value());
  CHECK(q.add(ticks{0}, 3) == failure{timer_error::full});
  CHECK(q.add_periodic(ticks{0}, ticks{1}, 3) == failure{timer_error::full});
  CHECK(q.next_deadline() == ticks{1});
  CHECK(q.cancel(first));
  CHECK(q.add(ticks{0}, 3).has_value());
  CHECK(drain(q, ticks{9}) == std::vector{3, 2});
}

TEST_CASE("a handle that has ended matches nothing, also when its slot is used again", "[time][timer_queue]") {
  timer_queue<1, int> q;
  CHECK(!q.is_waiting(timer_handle{}));
  CHECK(!q.cancel(timer_handle{}));
  CHECK(!q.is_waiting(timer_handle{0, 0}));
  auto const old = q.add(ticks{5}, 1).value();
  CHECK(q.is_waiting(old));
  CHECK(q.expire(ticks{5}).has_value());
  CHECK(!q.is_waiting(old));
  CHECK(!q.cancel(old));
  auto const next = q.add(ticks{6}, 2).value();
  CHECK(next.slot == old.slot);
  CHECK(!q.cancel(old));
  CHECK(!q.rearm(old, ticks{0}));
  CHECK(q.is_waiting(next));
  CHECK(q.next_deadline() == ticks{6});
  CHECK(q.cancel(next));
  CHECK(!q.cancel(next));
}

TEST_CASE("re-arming moves a timer and queues it behind its equals", "[time][timer_queue]") {
  timer_queue<4, int> q;
  auto const a = q.add(ticks{10}, 1).value();
  REQUIRE(q.add(ticks{20}, 2).has_value());
  auto const c = q.add(ticks{30}, 3).value();
  CHECK(q.rearm(a, ticks{20}));
  CHECK(q.rearm(c, ticks{5}));
  CHECK(drain(q, ticks{20}) == std::vector{3, 2, 1});
}

TEST_CASE("a periodic timer does not drift and counts what it missed", "[time][timer_queue]") {
  timer_queue<2, int> q;
  CHECK(q.add_periodic(ticks{1}, ticks{0}, 1) == failure{timer_error::zero_period});
  auto const h = q.add_periodic(ticks{100}, ticks{10}, 1).value();
  // Served late, but within the period: the next deadline is where it would have been.
  auto e = q.expire(ticks{109});
  REQUIRE(e);
  CHECK(e->deadline == ticks{100});
  CHECK(e->missed == 0);
  CHECK(e->handle == h);
  CHECK(q.next_deadline() == ticks{110});
  CHECK(!q.expire(ticks{109}).has_value());
  // Served very late: periods at 120, 130 and 140 have passed.
  e = q.expire(ticks{145});
  REQUIRE(e);
  CHECK(e->deadline == ticks{110});
  CHECK(e->missed == 3);
  CHECK(q.next_deadline() == ticks{150});
  // Exactly at a later deadline: that one has passed too.
  e = q.expire(ticks{170});
  REQUIRE(e);
  CHECK(e->missed == 2);
  CHECK(q.next_deadline() == ticks{180});
  CHECK(q.is_waiting(h));
  CHECK(q.cancel(h));
  CHECK(q.empty());
}

TEST_CASE("a periodic timer waits behind timers that were armed for the same moment before it", "[time][timer_queue]") {
  timer_queue<3, int> q;
  REQUIRE(q.add_periodic(ticks{10}, ticks{10}, 1).has_value());
  REQUIRE(q.add(ticks{20}, 2).has_value());
  CHECK(q.expire(ticks{10})->payload == 1);
  REQUIRE(q.add(ticks{20}, 3).has_value());
  CHECK(drain(q, ticks{20}) == std::vector{2, 1, 3});
}

TEST_CASE("a periodic timer ends where 64 bits end", "[time][timer_queue]") {
  timer_queue<2, int> q;
  auto const h = q.add_periodic(ticks{UINT64_MAX - 5}, ticks{5}, 1).value();
  REQUIRE(q.expire(ticks{UINT64_MAX - 5}).has_value());
  CHECK(q.next_deadline() == ticks{UINT64_MAX});
  auto const last = q.expire(ticks{UINT64_MAX});
  REQUIRE(last);
  CHECK(last->missed == 0);
  CHECK(!q.is_waiting(h));
  CHECK(q.empty());

  REQUIRE(q.add_periodic(ticks{1}, ticks{UINT64_MAX}, 2).has_value());
  CHECK(q.expire(ticks{UINT64_MAX})->missed == 0);
  CHECK(q.empty());
}

TEST_CASE("whoever serves a timer may change the queue", "[time][timer_queue]") {
  timer_queue<3, int> q;
  REQUIRE(q.add(ticks{1}, 1).has_value());
  auto const two = q.add(ticks{1}, 2).value();
  REQUIRE(q.add_periodic(ticks{1}, ticks{1}, 3).has_value());
  auto const e = q.expire(ticks{1});
  CHECK(e->payload == 1);
  CHECK(q.cancel(two));
  REQUIRE(q.add(ticks{1}, 4).has_value());
  auto const periodic = q.expire(ticks{1});
  CHECK(periodic->payload == 3);
  CHECK(q.cancel(periodic->handle));
  CHECK(q.expire(ticks{1})->payload == 4);
  CHECK(q.empty());
}

TEST_CASE("the queue works in the compiler", "[time][timer_queue]") {
  constexpr auto run = [] {
    timer_queue<3, int> q;
    (void)q.add(ticks{2}, 20);
    (void)q.add(ticks{1}, 10);
    auto const h = q.add(ticks{0}, 5).value();
    (void)q.cancel(h);
    return q.expire(ticks{3})->payload + q.expire(ticks{3})->payload + static_cast<int>(q.size());
  };
  STATIC_REQUIRE(run() == 30);
}

// A std::multimap keeps equal keys in the order of insertion: it is what the queue claims to be.
TEMPLATE_TEST_CASE_SIG("random operations agree with a std::multimap", "[time][timer_queue]",
                       ((std::size_t Capacity), Capacity), 1, 2, 3, 17, 200) {
  struct model_timer {
    int payload;
    std::uint64_t period;
    timer_handle handle;
  };
  using model = std::multimap<std::uint64_t, model_timer>;

  std::mt19937_64 random{Capacity};
  timer_queue<Capacity, int> q;
  model m;
  std::vector<timer_handle> ended;
  std::uint64_t now = 0;
  int payload = 0;

  auto const pick = [&]() -> typename model::iterator {
    auto it = m.begin();
    std::advance(it, static_cast<std::ptrdiff_t>(random() % m.size()));
    return it;
  };

  for (int step = 0; step < 30'000; ++step) {
    switch (random() % 8) {
      case 0:
      case 1:
      case 2: {
        std::uint64_t const deadline = now + random() % 16;
        bool const periodic = random() % 4 == 0;
        std::uint64_t const period = periodic ? 1 + random() % 8 : 0;
        auto const h =
            periodic ? q.add_periodic(ticks{deadline}, ticks{period}, payload) : q.add(ticks{deadline}, payload);
        REQUIRE(h.has_value() == (m.size() < Capacity));
        if (h) m.emplace(deadline, model_timer{payload, period, *h});
        ++payload;
        break;
      }
      case 3:
        if (!m.empty()) {
          auto const it = pick();
          REQUIRE(q.cancel(it->second.handle));
          ended.push_back(it->second.handle);
          m.erase(it);
        }
        break;
      case 4:
        if (!m.empty()) {
          auto const it = pick();
          model_timer const t = it->second;
          std::uint64_t const deadline = now + random() % 16;
          REQUIRE(q.rearm(t.handle, ticks{deadline}));
          m.erase(it);
          m.emplace(deadline, t);
        }
        break;
      case 5:
        if (!ended.empty()) {
          timer_handle const h = ended[random() % ended.size()];
          REQUIRE(!q.is_waiting(h));
          REQUIRE(!q.cancel(h));
          REQUIRE(!q.rearm(h, ticks{now}));
        }
        break;
      default: now += random() % 8; [[fallthrough]];
      case 6: {
        while (!m.empty() && m.begin()->first <= now) {
          auto const e = q.expire(ticks{now});
          REQUIRE(e);
          model_timer const t = m.begin()->second;
          REQUIRE(e->payload == t.payload);
          REQUIRE(e->deadline.value == m.begin()->first);
          REQUIRE(e->handle == t.handle);
          m.erase(m.begin());
          std::uint64_t next = e->deadline.value + t.period;
          std::uint64_t missed = 0;
          for (; t.period != 0 && next <= now; next += t.period) ++missed;
          REQUIRE(e->missed == missed);
          if (t.period != 0) {
            m.emplace(next, t);
          } else {
            ended.push_back(t.handle);
          }
        }
        REQUIRE(!q.expire(ticks{now}).has_value());
        break;
      }
    }
    REQUIRE(q.size() == m.size());
    REQUIRE(q.next_deadline().has_value() == !m.empty());
    if (!m.empty()) REQUIRE(q.next_deadline() == ticks{m.begin()->first});
  }
}

TEST_CASE("a queue of many timers drains in order", "[time][timer_queue]") {
  static timer_queue<4096, std::uint32_t> q;
  std::mt19937_64 random{1};
  for (std::uint32_t i = 0; i < 4096; ++i) REQUIRE(q.add(ticks{random() % 1000}, i).has_value());
  std::pair<std::uint64_t, std::uint32_t> last{};
  for (int i = 0; i < 4096; ++i) {
    auto const e = q.expire(ticks{1000});
    REQUIRE(e);
    std::pair<std::uint64_t, std::uint32_t> const here{e->deadline.value, e->payload};
    if (i > 0) REQUIRE(last < here);
    last = here;
  }
  CHECK(q.empty());
}

}  // namespace
