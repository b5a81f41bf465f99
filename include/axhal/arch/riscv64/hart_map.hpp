// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/core/result.hpp>
#include <axhal/core/units.hpp>

#include <cstdint>

namespace axhal::riscv64 {

/// Why a hart map does not know.
enum class hart_map_error : std::uint8_t {
  full,       ///< no room for another hart
  duplicate,  ///< this hart has a CPU number already
  unknown,    ///< no such CPU, no such hart
};

/// Which hart is which CPU of the machine. Hart ids are the machine's own and may have gaps; CPU numbers are dense, in
/// the order in which harts are added: the one that booted comes first. Filled while one CPU runs, only read
/// afterwards.
template <unsigned MaxCpus>
class hart_map {
  static_assert(MaxCpus > 0, "hart_map: needs room for one hart at least");

 public:
  static constexpr unsigned capacity = MaxCpus;

  /// Gives `hartid` the next CPU number.
  constexpr result<cpu_number, hart_map_error> add(std::uint64_t hartid) {
    if (cpu_of(hartid)) return failure{hart_map_error::duplicate};
    if (size_ == MaxCpus) return failure{hart_map_error::full};
    hartids_[size_] = hartid;
    return cpu_number{size_++};
  }
  /// How many harts there are.
  [[nodiscard]] constexpr std::uint32_t size() const { return size_; }
  /// The id of the hart that is this CPU, or `unknown`.
  [[nodiscard]] constexpr result<std::uint64_t, hart_map_error> hartid_of(cpu_number cpu) const {
    // The second question says the same in words that a compiler can check.
    if (cpu.value >= size_ || cpu.value >= MaxCpus) return failure{hart_map_error::unknown};
    return hartids_[cpu.value];
  }
  /// The CPU that this hart is, or `unknown`.
  [[nodiscard]] constexpr result<cpu_number, hart_map_error> cpu_of(std::uint64_t hartid) const {
    for (std::uint32_t i = 0; i < size_; ++i) {
      if (hartids_[i] == hartid) return cpu_number{i};
    }
    return failure{hart_map_error::unknown};
  }

 private:
  std::uint64_t hartids_[MaxCpus]{};
  std::uint32_t size_{};
};

}  // namespace axhal::riscv64
