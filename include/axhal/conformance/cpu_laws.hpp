// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/policy/cpu.hpp>

#include <cstdint>

namespace axhal::laws {

namespace detail {

/// True when masking and restoring, also nested, leaves `interrupts_masked()` as it was.
template <CpuPolicy C>
bool masking_nests() {
  bool const before = C::interrupts_masked();
  auto const outer = C::mask_interrupts();
  auto const inner = C::mask_interrupts();
  C::restore_interrupts(inner);
  if (!C::interrupts_masked()) return false;
  C::restore_interrupts(outer);
  return C::interrupts_masked() == before;
}

}  // namespace detail

/// The number of the first law of `CpuPolicy` that `C` breaks on the CPU it runs on, or 0.
///
/// Leaves interrupt masking and the per-CPU base as they were. Call it with interrupts unmasked and nothing pending, so
/// that law 2 sees both states.
template <CpuPolicy C>
int first_broken_cpu_law() {
  bool const before = C::interrupts_masked();
  auto const state = C::mask_interrupts();
  bool const masked = C::interrupts_masked();
  C::restore_interrupts(state);
  if (!masked) return 1;

  if (C::interrupts_masked() != before) return 2;
  if (!detail::masking_nests<C>()) return 2;
  auto const outer = C::mask_interrupts();
  bool const nests = detail::masking_nests<C>();
  C::restore_interrupts(outer);
  if (!nests) return 2;

  void* const kept = C::per_cpu_base();
  int places[2]{};
  for (int& place : places) {
    C::set_per_cpu_base(&place);
    if (C::per_cpu_base() != &place) {
      C::set_per_cpu_base(kept);
      return 3;
    }
  }
  C::set_per_cpu_base(kept);
  if (C::per_cpu_base() != kept) return 3;

  std::uint64_t const id = C::hardware_id();
  C::relax();
  C::template order<barrier::full>();
  if (C::hardware_id() != id) return 4;
  return 0;
}

}  // namespace axhal::laws
