// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <compare>
#include <cstdint>

namespace axhal {

/// A count of a clock's own steps. Which clock is the context's business; ticks of different clocks do not mix.
struct ticks {
  std::uint64_t value{};
  friend constexpr auto operator<=>(ticks, ticks) = default;
  [[nodiscard]] friend constexpr ticks operator+(ticks a, ticks b) { return {a.value + b.value}; }
  [[nodiscard]] friend constexpr ticks operator-(ticks a, ticks b) { return {a.value - b.value}; }
};

/// A duration or a point in time since the clock's start, in nanoseconds.
struct nanoseconds {
  std::uint64_t value{};
  friend constexpr auto operator<=>(nanoseconds, nanoseconds) = default;
  [[nodiscard]] friend constexpr nanoseconds operator+(nanoseconds a, nanoseconds b) { return {a.value + b.value}; }
  [[nodiscard]] friend constexpr nanoseconds operator-(nanoseconds a, nanoseconds b) { return {a.value - b.value}; }
};

/// Ticks per second.
struct hertz {
  std::uint64_t value{};
  friend constexpr auto operator<=>(hertz, hertz) = default;
};

/// A number of an interrupt line, in the numbering of its controller (GIC: INTID).
struct irq_number {
  std::uint32_t value{};
  friend constexpr auto operator<=>(irq_number, irq_number) = default;
};

/// A dense index of a CPU of the machine: 0 is the CPU that booted.
struct cpu_number {
  std::uint32_t value{};
  friend constexpr auto operator<=>(cpu_number, cpu_number) = default;
};

/// A dense index of a virtual CPU within its virtual machine: 0 is the one that boots.
struct vcpu_number {
  std::uint32_t value{};
  friend constexpr auto operator<=>(vcpu_number, vcpu_number) = default;
};

/// The tag that tells translations of different virtual machines apart (VMID, VPID, ASID).
struct vmid {
  std::uint32_t value{};
  friend constexpr auto operator<=>(vmid, vmid) = default;
};

inline constexpr std::uint64_t kib = 1024;
inline constexpr std::uint64_t mib = 1024 * kib;
inline constexpr std::uint64_t gib = 1024 * mib;

}  // namespace axhal
