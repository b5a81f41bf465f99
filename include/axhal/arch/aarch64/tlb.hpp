// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/arch/aarch64/sysreg.hpp>
#include <axhal/core/address.hpp>
#include <axhal/core/bit_field.hpp>
#include <axhal/policy/paging.hpp>

#include <cstdint>

namespace axhal::aarch64 {

/// Maintenance for stage 2 of the VMID that VTTBR_EL2 holds now, on all CPUs of the inner shareable domain
/// (ARM DDI 0487, "TLB maintenance instructions", D8.14, and "Invalidation of TLB entries from stage 2 translations").
///
/// Forgetting by address is two steps. `TLBI IPAS2E1IS` need not reach entries that combine both stages, so once it has
/// completed, all stage 1 entries of the VMID go too. `VMALLS12E1IS` takes both at once.
///
/// The caller has the guest's VTTBR_EL2 loaded, and HCR_EL2.TGE is 0: with E2H and TGE both 1 the same instructions act
/// on the host's own regime. Where another guest or none may be loaded, use `tagged_stage2_tlb`.
template <TlbInstructions I>
class stage2_tlb {
 public:
  static void publish() { I::dsb_ishst(); }

  void invalidate(stale_range<guest_phys> range) {
    I::dsb_ishst();
    for (std::uint64_t offset = 0; offset < range.size; offset += range.step) {
      std::uint64_t const operand = f_ipa::make((range.start.value + offset) >> 12);
      if (range.last_level) {
        I::tlbi_ipas2le1is(operand);
      } else {
        I::tlbi_ipas2e1is(operand);
      }
    }
    by_address_ = true;
  }
  void invalidate_all() {
    I::dsb_ishst();
    I::tlbi_vmalls12e1is();
  }
  void complete() {
    I::dsb_ish();
    if (by_address_) {
      I::tlbi_vmalle1is();
      I::dsb_ish();
      by_address_ = false;
    }
    I::isb();
  }

 private:
  using f_ipa = bit_field<std::uint64_t, 35, 0>;  ///< Xt: IPA[47:12]; TTL is 0, so that any level matches

  bool by_address_{};
};

/// The same for the guest whose VTTBR_EL2 was given, whatever is loaded: the value is put in for the time from the
/// first `invalidate*` to `complete`, and HCR_EL2.TGE is cleared for as long. No guest of this CPU may run in between,
/// which a caller at EL2 that does not enter one has for granted; host interrupts that touch VTTBR_EL2 are masked by
/// the caller.
template <TlbInstructions I, SysregAccess S>
class tagged_stage2_tlb {
 public:
  tagged_stage2_tlb() = default;
  explicit tagged_stage2_tlb(std::uint64_t vttbr) : vttbr_{vttbr} {}

  /// From now on maintenance is for this root and VMID. To be called whenever the guest gets another VMID.
  void set_translation(std::uint64_t vttbr) { vttbr_ = vttbr; }

  static void publish() { stage2_tlb<I>::publish(); }
  void invalidate(stale_range<guest_phys> range) {
    enter();
    inner_.invalidate(range);
  }
  void invalidate_all() {
    enter();
    inner_.invalidate_all();
  }
  void complete() {
    inner_.complete();
    leave();
  }

 private:
  static constexpr std::uint64_t hcr_tge = std::uint64_t{1} << 27;

  void enter() {
    if (entered_) return;
    entered_ = true;
    kept_vttbr_ = S::template read<sysreg::vttbr_el2>();
    kept_hcr_ = S::template read<sysreg::hcr_el2>();
    bool const other_guest = kept_vttbr_ != vttbr_;
    bool const host_regime = (kept_hcr_ & hcr_tge) != 0;
    if (other_guest) S::template write<sysreg::vttbr_el2>(vttbr_);
    if (host_regime) S::template write<sysreg::hcr_el2>(kept_hcr_ & ~hcr_tge);
    if (other_guest || host_regime) I::isb();
  }
  void leave() {
    if (!entered_) return;
    entered_ = false;
    bool const other_guest = kept_vttbr_ != vttbr_;
    bool const host_regime = (kept_hcr_ & hcr_tge) != 0;
    if (host_regime) S::template write<sysreg::hcr_el2>(kept_hcr_);
    if (other_guest) S::template write<sysreg::vttbr_el2>(kept_vttbr_);
    if (other_guest || host_regime) I::isb();
  }

  stage2_tlb<I> inner_{};
  std::uint64_t vttbr_{};
  std::uint64_t kept_vttbr_{};
  std::uint64_t kept_hcr_{};
  bool entered_{};
};

/// Maintenance for the hypervisor's own translations, in either use of EL2, on all CPUs of the inner shareable domain.
/// With E2H 1 the instructions mean EL2&0 and carry an ASID, which is 0 here; pages are global, so that it does not
/// matter.
template <TlbInstructions I>
class stage1_el2_tlb {
 public:
  /// The walk that sees the new entry may be this CPU's next access, so its own pipeline is synchronised too.
  static void publish() {
    I::dsb_ishst();
    I::isb();
  }
  static void invalidate(stale_range<host_virt> range) {
    I::dsb_ishst();
    for (std::uint64_t offset = 0; offset < range.size; offset += range.step) {
      std::uint64_t const operand = f_va::make((range.start.value + offset) >> 12);
      if (range.last_level) {
        I::tlbi_vale2is(operand);
      } else {
        I::tlbi_vae2is(operand);
      }
    }
  }
  static void invalidate_all() {
    I::dsb_ishst();
    I::tlbi_alle2is();
  }
  static void complete() {
    I::dsb_ish();
    I::isb();
  }

 private:
  using f_va = bit_field<std::uint64_t, 43, 0>;  ///< Xt: VA[55:12]; TTL and ASID are 0
};

/// Forgets the translations of all guests under every VMID, on all CPUs: what a `vmid_grant` with `flush` asks for
/// (`TLBI ALLE1IS`). Needs no VTTBR_EL2 and no particular HCR_EL2.TGE.
template <TlbInstructions I>
void forget_all_guests() {
  I::dsb_ishst();
  I::tlbi_alle1is();
  I::dsb_ish();
  I::isb();
}

}  // namespace axhal::aarch64
