// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/core/result.hpp>
#include <axhal/core/units.hpp>
#include <axhal/policy/cpu.hpp>

#include <atomic>
#include <concepts>
#include <cstddef>
#include <cstdint>

namespace axhal {

/// Why a call to another CPU was not made.
enum class cross_call_error : std::uint8_t {
  out_of_range,  ///< no such CPU
  busy,          ///< this CPU's last call to that one has not been served yet
  not_sent,      ///< the interrupt controller refused the inter-processor interrupt; nothing will be called
};

/// Lets one CPU have a function run on another, by an inter-processor interrupt.
///
/// There is one letter box for each pair of CPUs, so nothing is allocated, no lock is held, and a CPU has at most one
/// call under way to each other CPU. `Send` is called as `send(cpu_number) -> bool` and raises the interrupt; the
/// target calls `serve(itself)` from its handler. Functions run with whatever the handler has masked, and are short.
///
/// Why two CPUs that call each other with interrupts masked do not stop for ever: `call_and_wait` serves its own CPU's
/// letter boxes while it waits.
template <CpuPolicy Cpu, std::size_t MaxCpus>
class cross_call {
 public:
  using function = void (*)(void* context);

  /// Has `target` run `f(context)` some time soon. What this CPU wrote before is seen by `f`.
  template <typename Send>
    requires requires(Send& send) {
      { send(cpu_number{}) } -> std::same_as<bool>;
    }
  result<void, cross_call_error> call(cpu_number self, cpu_number target, function f, void* context, Send&& send) {
    if (self.value >= MaxCpus || target.value >= MaxCpus) return failure{cross_call_error::out_of_range};
    letter& l = boxes_[target.value][self.value];
    if (l.stage.load(std::memory_order_acquire) != stage::empty) return failure{cross_call_error::busy};
    l.f = f;
    l.context = context;
    l.stage.store(stage::posted, std::memory_order_release);
    // The letter must be in memory before the interrupt can be seen: the controller is a device.
    Cpu::template order<barrier::device>();
    if (!send(target)) {
      // The target may have found the letter on another sender's interrupt; then it was delivered after all.
      stage expected = stage::posted;
      if (l.stage.compare_exchange_strong(expected, stage::empty, std::memory_order_acq_rel)) {
        return failure{cross_call_error::not_sent};
      }
    }
    return {};
  }

  /// The same, and returns when `f` has returned. What `f` wrote is seen by this CPU then.
  template <typename Send>
  result<void, cross_call_error> call_and_wait(cpu_number self, cpu_number target, function f, void* context,
                                               Send&& send) {
    if (self == target && self.value < MaxCpus) {
      f(context);
      return {};
    }
    auto const made = call(self, target, f, context, send);
    if (!made) return made;
    while (is_under_way(self, target)) {
      serve(self);
      Cpu::relax();
    }
    return {};
  }

  /// Runs what other CPUs have asked of `self`, which is the CPU this code runs on. Returns how many calls.
  unsigned serve(cpu_number self) {
    if (self.value >= MaxCpus) return 0;
    unsigned served = 0;
    for (letter& l : boxes_[self.value]) {
      stage expected = stage::posted;
      if (!l.stage.compare_exchange_strong(expected, stage::running, std::memory_order_acq_rel)) continue;
      l.f(l.context);
      l.stage.store(stage::empty, std::memory_order_release);
      ++served;
    }
    return served;
  }

  /// True while a call from `self` to `target` has not returned.
  [[nodiscard]] bool is_under_way(cpu_number self, cpu_number target) const {
    return self.value < MaxCpus && target.value < MaxCpus &&
           boxes_[target.value][self.value].stage.load(std::memory_order_acquire) != stage::empty;
  }

 private:
  enum class stage : std::uint8_t { empty, posted, running };
  struct letter {
    function f{};
    void* context{};
    std::atomic<cross_call::stage> stage{cross_call::stage::empty};
  };
  letter boxes_[MaxCpus][MaxCpus]{};
};

}  // namespace axhal
