// SPDX-License-Identifier: BSL-1.0
#include <axhal/arch/riscv64/sbi_hart_states.hpp>

#include <catch2/catch_test_macros.hpp>

#include <cstdint>
#include <map>
#include <string>
#include <utility>

namespace {
using namespace axhal;
using namespace axhal::riscv64;

/// The state machine once more, as a table of the specification's figure: state and event, then the new state.
/// Whatever is not here is refused. `stop` and `suspend` are calls of the hart itself: it runs, whatever was told.
enum class event { start, stop, suspend, started, stopped, suspended, resuming };
constexpr event all_events[] = {event::start,   event::stop,      event::suspend, event::started,
                                event::stopped, event::suspended, event::resuming};

using table = std::map<std::pair<hart_state, event>, hart_state>;
table reference() {
  using s = hart_state;
  table t{
      {{s::stopped, event::start}, s::start_pending},
      {{s::start_pending, event::started}, s::started},
      {{s::suspend_pending, event::started}, s::started},
      {{s::suspended, event::started}, s::started},
      {{s::resume_pending, event::started}, s::started},
      {{s::suspend_pending, event::suspended}, s::suspended},
      {{s::suspend_pending, event::resuming}, s::resume_pending},
      {{s::suspended, event::resuming}, s::resume_pending},
  };
  for (auto const from : {s::started, s::stopped, s::start_pending, s::stop_pending, s::suspended, s::suspend_pending,
                          s::resume_pending}) {
    t[{from, event::stop}] = s::stop_pending;
    t[{from, event::suspend}] = s::suspend_pending;
    t[{from, event::stopped}] = s::stopped;
  }
  return t;
}

template <std::size_t N>
bool apply(sbi_hart_states<N>& harts, vcpu_number n, event e) {
  switch (e) {
    case event::start: return harts.start(n);
    case event::stop: return harts.stop(n);
    case event::suspend: return harts.suspend(n);
    case event::started: return harts.started(n);
    case event::stopped: return harts.stopped(n);
    case event::suspended: return harts.suspended(n);
    case event::resuming: return harts.resuming(n);
  }
  return false;
}

TEST_CASE("eight harts follow the figure, through any sequence of events", "[arch_riscv64][sbi_hart_states]") {
  constexpr std::uint32_t count = 8;
  auto const figure = reference();
  sbi_hart_states<count> harts{count};
  hart_state model[count];
  for (auto& s : model) s = hart_state::stopped;
  model[0] = hart_state::started;

  std::uint64_t word = 0x2545'f491'4f6c'dd1d;
  std::map<std::pair<hart_state, event>, unsigned> seen;
  for (int step = 0; step < 200'000; ++step) {
    word ^= word << 13;
    word ^= word >> 7;
    word ^= word << 17;
    auto const n = static_cast<std::uint32_t>(word >> 20) % count;
    event const e = all_events[(word >> 40) % 7];
    auto const expected = figure.find({model[n], e});
    bool const done = apply(harts, vcpu_number{n}, e);
    ++seen[{model[n], e}];
    if (expected != figure.end()) model[n] = expected->second;
    bool same = done == (expected != figure.end());
    for (std::uint32_t i = 0; i < count; ++i) same = same && harts.of(vcpu_number{i}) == model[i];
    INFO("step " << step << ", hart " << n << ", event " << static_cast<int>(e));
    if (!same) FAIL("the harts and the figure disagree");
    if (step % 10'000 == 9'999) {
      harts.reset();
      for (auto& s : model) s = hart_state::stopped;
      model[0] = hart_state::started;
    }
  }
  CHECK(seen.size() == 49);  // every event was met in every state
}

TEST_CASE("harts that are not there change nothing", "[arch_riscv64][sbi_hart_states]") {
  sbi_hart_states<8> harts{3};
  for (event const e : all_events) {
    CHECK(!apply(harts, vcpu_number{3}, e));
    CHECK(!apply(harts, vcpu_number{UINT32_MAX}, e));
  }
  CHECK(harts.of(vcpu_number{3}) == hart_state::stopped);
  CHECK(harts.count() == 3);
  CHECK(sbi_hart_states<8>{9}.count() == 8);
}

TEST_CASE("a machine without vCPUs does nothing", "[arch_riscv64][sbi_hart_states]") {
  sbi_hart_states<2> harts{0};
  for (event const e : all_events) CHECK(!apply(harts, vcpu_number{0}, e));
  CHECK(harts.of(vcpu_number{0}) == hart_state::stopped);
}

}  // namespace
