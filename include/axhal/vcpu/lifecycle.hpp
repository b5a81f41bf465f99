// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/core/result.hpp>

#include <atomic>
#include <cstdint>

namespace axhal {

/// Where a vCPU is in its life.
///
///            start            started          enter
///     off ----------> starting ------> ready ----------> running <--> notified
///      ^                                ^ ^ \  <--------/   |  (a wake-up came while it ran)
///      | turn_off                wake   | |  \    leave     | wait
///      +--------- running     blocked --+ |   \ pause       v
///                                         |    +-----> paused <--- blocked, running
///     stop, from anywhere ----> stopped   +--------------+ resume
///     reset, from anywhere but running ----> off
enum class vcpu_state : std::uint8_t {
  off,       ///< powered off: has no state to run with
  starting,  ///< somebody asked for it, its registers are not set yet (PSCI: ON_PENDING)
  ready,     ///< can run
  running,   ///< a CPU runs it
  notified,  ///< a CPU runs it, and an interrupt came since: it must not sleep
  blocked,   ///< waits for an interrupt
  paused,    ///< the host holds it
  stopped,   ///< never runs again until it is reset
};

/// What happens to a vCPU.
enum class vcpu_event : std::uint8_t {
  start,     ///< another vCPU or the host turns it on
  started,   ///< its registers are set
  enter,     ///< a CPU takes it to run it
  leave,     ///< that CPU gives it back
  wait,      ///< it has nothing to do (the answer to `exit::idle`)
  wake,      ///< an interrupt for it became pending
  turn_off,  ///< it turned itself off
  pause,     ///< the host holds it; while it runs only the CPU that runs it may say so
  resume,    ///< the host lets it go on; where it slept it looks for interrupts again
  stop,      ///< it is not to run again; while it runs only the CPU that runs it may say so
  reset,     ///< back to the beginning
};

/// Why an event was refused. The state is as it was.
enum class lifecycle_error : std::uint8_t { not_now };

/// The state after `event`, or `not_now`: the whole of the life cycle, as a table that a test can walk.
[[nodiscard]] constexpr result<vcpu_state, lifecycle_error> next_state(vcpu_state state, vcpu_event event) {
  using s = vcpu_state;
  using e = vcpu_event;
  bool const runs = state == s::running || state == s::notified;
  switch (event) {
    case e::start:
      if (state == s::off) return s::starting;
      break;
    case e::started:
      if (state == s::starting) return s::ready;
      break;
    case e::enter:
      if (state == s::ready) return s::running;
      break;
    case e::leave:
      if (runs) return s::ready;
      break;
    case e::wait:
      if (state == s::running) return s::blocked;
      if (state == s::notified) return s::ready;
      break;
    case e::wake:
      if (runs) return s::notified;
      if (state == s::blocked) return s::ready;
      return state;  // nobody sleeps, nothing is lost
    case e::turn_off:
      if (runs) return s::off;
      break;
    case e::pause:
      if (runs || state == s::ready || state == s::blocked) return s::paused;
      break;
    case e::resume:
      if (state == s::paused) return s::ready;
      break;
    case e::stop: return s::stopped;
    case e::reset:
      if (!runs) return s::off;
      break;
  }
  return failure{lifecycle_error::not_now};
}

/// The life of one vCPU, told by any number of CPUs at once: each event happens wholly or not at all.
///
/// A transition orders memory: what a CPU wrote before an event is seen by the CPU whose event comes next, so registers
/// written before `started` are there for the CPU that enters.
class vcpu_lifecycle {
 public:
  [[nodiscard]] vcpu_state state() const { return state_.load(std::memory_order_acquire); }

  /// The state that the event found, or `not_now` and nothing happened. A `wake` that finds `blocked` tells the caller
  /// to schedule the vCPU; one that finds `running`, to send its CPU an interrupt.
  result<vcpu_state, lifecycle_error> apply(vcpu_event event) {
    vcpu_state found = state();
    for (;;) {
      auto const next = next_state(found, event);
      if (!next) return failure{next.error()};
      if (state_.compare_exchange_weak(found, *next, std::memory_order_acq_rel, std::memory_order_acquire))
        return found;
    }
  }

 private:
  std::atomic<vcpu_state> state_{vcpu_state::off};
};

}  // namespace axhal
