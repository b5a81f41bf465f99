// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/arch/riscv64/csr.hpp>
#include <axhal/arch/riscv64/fences.hpp>

#include <cstdint>

namespace axhal::riscv64 {

namespace detail {

/// Runs `f` with vsatp zero, and puts vsatp and hgatp back: while hgatp names another machine, no walk may go through
/// the guest's own tables ("Memory-Management Fences", the note on world switches).
template <CsrAccess S, typename F>
void with_other_hgatp(F&& f) {
  std::uint64_t const kept_vsatp = S::template read<csr::vsatp>();
  std::uint64_t const kept_hgatp = S::template read<csr::hgatp>();
  S::template write<csr::vsatp>(0);
  f();
  S::template write<csr::hgatp>(kept_hgatp);
  // What was walked in between under these tags goes too, now that it cannot come again.
  S::hfence_gvma();
  S::template write<csr::vsatp>(kept_vsatp);
}

}  // namespace detail

/// This hart forgets everything under the VMID of `guest_hgatp`, both stages: for a VMID that is given to a machine
/// without an allocator. hgatp and vsatp are as before. Precondition: `guest_hgatp` is not Bare.
template <CsrAccess S>
  requires FenceInstructions<S>
void forget_guest(std::uint64_t guest_hgatp) {
  detail::with_other_hgatp<S>([&] {
    S::template write<csr::hgatp>(guest_hgatp);
    S::hfence_vvma();
  });
}

/// This hart forgets the translations of all guests under every VMID: what a `vmid_grant` with `flush` asks for.
/// `vmid_bits` is what the allocator was told; `guest_hgatp` the machine that will be entered. hgatp and vsatp are as
/// before. Precondition: `guest_hgatp` is not Bare.
///
/// HFENCE.GVMA need not reach what a hart keeps of guests' own stages, and HFENCE.VVMA reaches one VMID, the one in
/// hgatp. So each VMID is loaded once. That is one step for every VMID that the generation had to give: no more work
/// than giving them was.
template <CsrAccess S>
  requires FenceInstructions<S>
void forget_all_guests(std::uint64_t guest_hgatp, unsigned vmid_bits) {
  detail::with_other_hgatp<S>([&] {
    unsigned const width = vmid_bits < hgatp::f_vmid::width ? vmid_bits : hgatp::f_vmid::width;
    for (unsigned id = 0; id < (1U << width); ++id) {
      S::template write<csr::hgatp>(hgatp::f_vmid::with(guest_hgatp, id));
      S::hfence_vvma();
    }
  });
}

}  // namespace axhal::riscv64
