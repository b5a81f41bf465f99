// SPDX-License-Identifier: BSL-1.0
#include <axhal/vcpu/lifecycle.hpp>

#include <catch2/catch_test_macros.hpp>

#include <atomic>
#include <set>
#include <thread>
#include <vector>

using namespace axhal;
using state = vcpu_state;
using event = vcpu_event;

namespace {

constexpr state states[] = {state::off,      state::starting, state::ready,  state::running,
                            state::notified, state::blocked,  state::paused, state::stopped};
constexpr event events[] = {event::start,    event::started, event::enter,  event::leave, event::wait, event::wake,
                            event::turn_off, event::pause,   event::resume, event::stop,  event::reset};
constexpr unsigned no = 99;

/// The table, written again by hand: rows are states, columns events, in the order above.
constexpr unsigned off = 0, starting = 1, ready = 2, running = 3, notified = 4, blocked = 5, paused = 6, stopped = 7;
constexpr unsigned table[8][11] = {
    //              start     started enter    leave  wait     wake      turn_off pause   resume stop     reset
    /* off */ {starting, no, no, no, no, off, no, no, no, stopped, off},
    /* starting */ {no, ready, no, no, no, starting, no, no, no, stopped, off},
    /* ready */ {no, no, running, no, no, ready, no, paused, no, stopped, off},
    /* running */ {no, no, no, ready, blocked, notified, off, paused, no, stopped, no},
    /* notified */ {no, no, no, ready, ready, notified, off, paused, no, stopped, no},
    /* blocked */ {no, no, no, no, no, ready, no, paused, no, stopped, off},
    /* paused */ {no, no, no, no, no, paused, no, no, ready, stopped, off},
    /* stopped */ {no, no, no, no, no, stopped, no, no, no, stopped, off},
};

}  // namespace

TEST_CASE("the whole table") {
  for (unsigned i = 0; i < 8; ++i) {
    for (unsigned j = 0; j < 11; ++j) {
      auto const next = next_state(states[i], events[j]);
      INFO("state " << i << ", event " << j);
      CHECK(next.has_value() == (table[i][j] != no));
      if (next && table[i][j] != no) CHECK(*next == states[table[i][j]]);
    }
  }
}

TEST_CASE("there is a way from every state to every other: none is a trap") {
  for (state const from : states) {
    std::set<state> reached{from};
    for (std::size_t before = 0; before != reached.size();) {
      before = reached.size();
      for (state const at : std::set<state>{reached}) {
        for (event const happens : events) {
          if (auto const next = next_state(at, happens)) reached.insert(*next);
        }
      }
    }
    CHECK(reached.size() == 8);
  }
}

TEST_CASE("a refused event changes nothing, an accepted one says what it found") {
  vcpu_lifecycle life;
  CHECK(life.state() == state::off);
  CHECK(life.apply(event::enter) == failure{lifecycle_error::not_now});
  CHECK(life.state() == state::off);
  CHECK(life.apply(event::start) == state::off);
  CHECK(life.apply(event::start) == failure{lifecycle_error::not_now});
  CHECK(life.apply(event::started) == state::starting);
  CHECK(life.apply(event::enter) == state::ready);
  CHECK(life.apply(event::wait) == state::running);
  CHECK(life.apply(event::wake) == state::blocked);
  CHECK(life.state() == state::ready);
}

TEST_CASE("a wake-up between the last look and falling asleep is not lost") {
  vcpu_lifecycle life;
  for (event const happens : {event::start, event::started, event::enter}) (void)life.apply(happens);
  CHECK(life.apply(event::wake) == state::running);
  CHECK(life.apply(event::wait) == state::notified);
  CHECK(life.state() == state::ready);
}

TEST_CASE("of many CPUs one enters, and no wake-up is lost between two of them") {
  vcpu_lifecycle life;
  (void)life.apply(event::start);
  (void)life.apply(event::started);
  std::atomic<int> inside{0};
  std::atomic<bool> twice{false};
  std::atomic<int> runs{0};
  std::atomic<bool> done{false};
  constexpr int wanted = 5000;
  std::vector<std::thread> cpus;
  for (int i = 0; i < 3; ++i) {
    cpus.emplace_back([&] {
      while (!done) {
        if (!life.apply(event::enter)) {
          std::this_thread::yield();
          continue;
        }
        if (inside.fetch_add(1) != 0) twice = true;
        if (++runs >= wanted) done = true;
        inside.fetch_sub(1);
        (void)life.apply(event::wait);
      }
    });
  }
  // One wake-up is enough for the vCPU to run once more, whenever it comes.
  while (!done) {
    int const before = runs;
    (void)life.apply(event::wake);
    while (!done && runs == before && life.state() != state::blocked) std::this_thread::yield();
  }
  for (auto& cpu : cpus) cpu.join();
  CHECK_FALSE(twice);
  CHECK(runs >= wanted);
}
