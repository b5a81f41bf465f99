// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/core/result.hpp>
#include <axhal/core/units.hpp>
#include <axhal/policy/cpu.hpp>

#include <cstddef>
#include <cstdint>

namespace axhal {

/// Why there is no per-CPU data.
enum class per_cpu_error : std::uint8_t {
  out_of_range,  ///< no such CPU: the number is not below the maximum that the type has room for
};

/// One `T` for each CPU, found through the CPU's base register: no lookup, no lock.
///
/// `T` holds everything of a program that is per CPU: a CPU has one base register, so a program has one `per_cpu`. Each
/// CPU calls `attach` once, before `local`. Slots are `Line` bytes apart or more, so that CPUs do not share cache
/// lines. A slot belongs to its CPU; another CPU that reads it (`of`) does so by whatever synchronisation `T` has.
template <CpuPolicy Cpu, typename T, std::size_t MaxCpus, std::size_t Line = 64>
class per_cpu {
  static_assert(MaxCpus > 0, "per_cpu: needs room for one CPU at least");
  static_assert(Line != 0 && (Line & (Line - 1)) == 0, "per_cpu: the line size must be a power of two");

 public:
  static constexpr std::size_t capacity = MaxCpus;

  constexpr per_cpu() = default;
  per_cpu(per_cpu const&) = delete;
  per_cpu& operator=(per_cpu const&) = delete;

  /// Makes slot `n` this CPU's own.
  result<void, per_cpu_error> attach(cpu_number n) {
    if (n.value >= MaxCpus) return failure{per_cpu_error::out_of_range};
    slots_[n.value].number = n;
    Cpu::set_per_cpu_base(&slots_[n.value]);
    return {};
  }
  /// This CPU's data. Precondition: this CPU is attached.
  [[nodiscard]] static T& local() { return current().data; }
  /// This CPU's number. Precondition: this CPU is attached.
  [[nodiscard]] static cpu_number this_cpu() { return current().number; }
  /// The data of CPU `n`, or a null pointer when there is no such slot.
  [[nodiscard]] constexpr T* of(cpu_number n) { return n.value < MaxCpus ? &slots_[n.value].data : nullptr; }
  [[nodiscard]] constexpr T const* of(cpu_number n) const {
    return n.value < MaxCpus ? &slots_[n.value].data : nullptr;
  }

 private:
  struct alignas(Line < alignof(T) ? alignof(T) : Line) slot {
    T data{};
    cpu_number number{};
  };
  [[nodiscard]] static slot& current() { return *static_cast<slot*>(Cpu::per_cpu_base()); }

  slot slots_[MaxCpus]{};
};

}  // namespace axhal
