// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/arch/x86_64/control_registers.hpp>
#include <axhal/arch/x86_64/guest_event.hpp>
#include <axhal/arch/x86_64/msr_exit.hpp>
#include <axhal/arch/x86_64/segment_register.hpp>
#include <axhal/arch/x86_64/svm_controls.hpp>
#include <axhal/arch/x86_64/svm_exit_code.hpp>
#include <axhal/arch/x86_64/svm_features.hpp>
#include <axhal/arch/x86_64/vmcb.hpp>
#include <axhal/core/bit_field.hpp>
#include <axhal/core/bytes.hpp>

#include <cstdint>

/// Why VMRUN refuses a VMCB: it does not say.
namespace axhal::x86_64 {

/// What VMRUN checks of a guest's state. It is kept from before the entry, because some emulators write the host's
/// state over the guest's when they refuse it.
struct svm_entry_state {
  std::uint64_t cr0{};
  std::uint64_t cr3{};
  std::uint64_t cr4{};
  std::uint64_t efer{};
  std::uint64_t dr6{};
  std::uint64_t dr7{};
  std::uint64_t rip{};
  std::uint32_t eventinj{};
  std::uint16_t cs_attributes{};

  [[nodiscard]] static constexpr svm_entry_state of(vmcb const& v) {
    return {.cr0 = v.save.cr0,
            .cr3 = v.save.cr3,
            .cr4 = v.save.cr4,
            .efer = v.save.efer,
            .dr6 = v.save.dr6,
            .dr7 = v.save.dr7,
            .rip = v.save.rip,
            .eventinj = v.control.eventinj,
            .cs_attributes = v.save.of(segment::cs).attributes};
  }
};

namespace detail {

/// "Event Injection": type 3 is for exceptions, and NMI is none; 1 and 5 to 7 are reserved.
[[nodiscard]] constexpr bool is_legal_injection(svm_entry_state const& s) {
  std::uint32_t const word = s.eventinj;
  if (!event_word::f_valid::get(word)) return true;
  std::uint8_t const vector = event_word::f_vector::get(word);
  bool const wide = efer::f_lma::get(s.efer) && segment_attributes::f_l::get(s.cs_attributes);
  switch (event_word::f_type::get(word)) {
    case event_type::external_interrupt:
    case event_type::nmi:
    case event_type::software_interrupt: return true;
    case event_type::hardware_exception: {
      auto const e = static_cast<exception>(vector);
      // INTO and BOUND do not exist in 64-bit mode.
      return vector < 32 && e != exception::nmi && !(wide && (e == exception::of || e == exception::br));
    }
    default: return false;
  }
}

}  // namespace detail

/// The first field or check that keeps VMRUN from entering a guest with the state `s`, by the manual's name, or
/// "nothing that is known" (AMD64 APM vol. 2, "Canonicalization and Consistency Checks", in its order; "Enabling Nested
/// Paging" for the last two). The controls and G_PAT are those of `v`; `features` are the CPU's. Bits of CR4 that this
/// library has no name for are not looked at: a guest could only have set them where it was offered them.
[[nodiscard]] constexpr text refused_field(svm_entry_state const& s, vmcb const& v, svm_features const& features) {
  vmcb_control const& c = v.control;
  std::uint64_t const above_memory = ~low_bits(features.physical_address_bits);
  auto const in_memory = [above_memory](std::uint64_t at, std::uint64_t size) {
    return (at & above_memory) == 0 && ((at + (size - 1)) & above_memory) == 0;
  };
  constexpr std::uint64_t efer_defined = efer::f_sce::mask | efer::f_lme::mask | efer::f_lma::mask | efer::f_nxe::mask |
                                         efer::f_svme::mask | efer::f_lmsle::mask | efer::f_ffxsr::mask |
                                         efer::f_tce::mask | std::uint64_t{0b11'0110} << 16;
  // 13, 14, 15 and 19 are not AMD's; 24 and up, but for 23, are nobody's yet.
  constexpr std::uint64_t cr4_undefined =
      ~low_bits(24) | std::uint64_t{1} << 19 | cr4::f_vmxe::mask | cr4::f_smxe::mask | std::uint64_t{1} << 15;
  bool const long_paging = efer::f_lme::get(s.efer) && cr0::f_pg::get(s.cr0);
  bool const cs_l_and_d =
      segment_attributes::f_l::get(s.cs_attributes) && segment_attributes::f_db::get(s.cs_attributes);

  if (!efer::f_svme::get(s.efer)) return "EFER.SVME is zero";
  if (!cr0::f_cd::get(s.cr0) && cr0::f_nw::get(s.cr0)) return "CR0.NW is set, CR0.CD is not";
  if (s.cr0 >> 32 != 0) return "CR0[63:32]";
  if ((s.cr3 & (efer::f_lma::get(s.efer) ? above_memory : 0)) != 0) return "CR3, reserved bits";
  if ((s.cr4 & cr4_undefined) != 0) return "CR4, reserved bits";
  if (s.dr6 >> 32 != 0) return "DR6[63:32]";
  if (s.dr7 >> 32 != 0) return "DR7[63:32]";
  if ((s.efer & ~efer_defined) != 0) return "EFER, reserved bits";
  if (long_paging && !cr4::f_pae::get(s.cr4)) return "EFER.LME and CR0.PG without CR4.PAE";
  if (long_paging && !cr0::f_pe::get(s.cr0)) return "EFER.LME and CR0.PG without CR0.PE";
  if (long_paging && cs_l_and_d) return "CS.L and CS.D are both set";
  if ((c.intercepts[4] & 1) == 0) return "the VMRUN intercept is not set";
  if (!in_memory(c.iopm_base_pa, sizeof(io_permission_map))) return "IOPM_BASE_PA";
  if (!in_memory(c.msrpm_base_pa, sizeof(msr_permission_map))) return "MSRPM_BASE_PA";
  if (!detail::is_legal_injection(s)) return "EVENTINJ";
  if (c.guest_asid == 0) return "the guest's ASID is zero";
  if (c.guest_asid >= features.asids) return "the guest's ASID";
  if (cr4::f_cet::get(s.cr4) && !cr0::f_wp::get(s.cr0)) return "CR4.CET without CR0.WP";
  if (nested_control::f_np_enable::get(c.nested_control)) {
    if ((c.n_cr3 & above_memory) != 0) return "N_CR3";
    if (!is_valid_pat(v.save.g_pat)) return "G_PAT";
  }
  return "nothing that is known";
}

}  // namespace axhal::x86_64
