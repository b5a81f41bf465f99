// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/arch/riscv64/csr.hpp>
#include <axhal/arch/riscv64/fences.hpp>
#include <axhal/core/address.hpp>

#include <bit>
#include <concepts>
#include <cstdint>

namespace axhal::riscv64 {

/// Looks at what this hart can put into hgatp, and puts everything back. vsatp is zero meanwhile, and what the hart may
/// have walked is forgotten at the end, under every VMID.
///
/// `root` is main memory, 16 KiB aligned to 16 KiB, free or not: while hgatp names it a hart may read it as tables, out
/// of curiosity. No guest runs.
template <CsrAccess S>
  requires FenceInstructions<S>
class stage2_probe {
 public:
  explicit stage2_probe(host_phys root)
      : ppn_{hgatp::f_ppn::make(root.value >> 12)},
        kept_vsatp_{S::template read<csr::vsatp>()},
        kept_hgatp_{S::template read<csr::hgatp>()} {
    S::template write<csr::vsatp>(0);
  }
  ~stage2_probe() {
    S::template write<csr::hgatp>(kept_hgatp_);
    S::hfence_gvma();
    S::template write<csr::vsatp>(kept_vsatp_);
  }
  stage2_probe(stage2_probe const&) = delete;
  stage2_probe& operator=(stage2_probe const&) = delete;

  /// True when hgatp.MODE can be `mode`; Bare always can. An unsupported one does not stay, and need not leave the
  /// other fields alone (RISC-V Privileged Architecture, "Hypervisor Guest Address Translation and Protection (hgatp)
  /// Register").
  [[nodiscard]] bool supports(unsigned mode) const {
    if (mode == translation_mode::bare) return true;
    return hgatp::f_mode::get(read_back(hgatp::f_mode::make(mode) | ppn_)) == mode;
  }

  /// The widest mode of `translation_mode` that is supported; `bare` when there is none.
  [[nodiscard]] unsigned widest() const {
    for (unsigned mode = translation_mode::sv57; mode >= translation_mode::sv39; --mode) {
      if (supports(mode)) return mode;
    }
    return translation_mode::bare;
  }

  /// VMIDLEN, 0 to 14: ones are written to every bit of VMID, and those that stay are counted. It is asked under a mode
  /// that translates, because with Bare the field has to be zero; 0 when there is no such mode.
  [[nodiscard]] unsigned vmid_bits() const {
    unsigned const mode = widest();
    if (mode == translation_mode::bare) return 0;
    std::uint64_t const found = read_back(hgatp::f_mode::make(mode) | hgatp::f_vmid::make(hgatp::f_vmid::ones) | ppn_);
    return static_cast<unsigned>(std::countr_one(hgatp::f_vmid::get(found)));
  }

 private:
  [[nodiscard]] static std::uint64_t read_back(std::uint64_t value) {
    S::template write<csr::hgatp>(value);
    return S::template read<csr::hgatp>();
  }

  std::uint64_t ppn_;
  std::uint64_t kept_vsatp_;
  std::uint64_t kept_hgatp_;
};

/// True when this hart can have `mode` in hgatp. `root` as for `stage2_probe`.
template <CsrAccess S>
  requires FenceInstructions<S>
[[nodiscard]] bool supports_stage2_mode(unsigned mode, host_phys root) {
  return stage2_probe<S>{root}.supports(mode);
}

/// The widest mode that this hart can have in hgatp, or `translation_mode::bare`. `root` as for `stage2_probe`.
template <CsrAccess S>
  requires FenceInstructions<S>
[[nodiscard]] unsigned widest_stage2_mode(host_phys root) {
  return stage2_probe<S>{root}.widest();
}

/// VMIDLEN of this hart, 0 to 14. `root` as for `stage2_probe`.
template <CsrAccess S>
  requires FenceInstructions<S>
[[nodiscard]] unsigned vmid_bits(host_phys root) {
  return stage2_probe<S>{root}.vmid_bits();
}

/// ASIDLEN of this hart, 0 to 16, found with the tables that are in use; 0 while satp is Bare, where the field has to
/// be zero ("Supervisor Address Translation and Protection (satp) Register").
template <CsrAccess S>
  requires FenceInstructions<S>
[[nodiscard]] unsigned asid_bits() {
  std::uint64_t const kept = S::template read<csr::satp>();
  if (satp::f_mode::get(kept) == translation_mode::bare) return 0;
  S::template write<csr::satp>(satp::f_asid::with(kept, satp::f_asid::ones));
  std::uint64_t const found = S::template read<csr::satp>();
  S::template write<csr::satp>(kept);
  S::sfence_vma();
  return static_cast<unsigned>(std::countr_one(satp::f_asid::get(found)));
}

}  // namespace axhal::riscv64
