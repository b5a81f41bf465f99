// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/arch/x86_64/control_registers.hpp>
#include <axhal/arch/x86_64/guest_event.hpp>
#include <axhal/arch/x86_64/rflags.hpp>
#include <axhal/arch/x86_64/vmcs_fields.hpp>
#include <axhal/arch/x86_64/vmx_capabilities.hpp>
#include <axhal/core/bit_field.hpp>
#include <axhal/core/bytes.hpp>

#include <cstdint>

/// Which field of a guest's state VM entry refuses: the exit tells that there is one, and not which.
namespace axhal::x86_64 {
namespace detail {

/// Intel SDM vol. 3C, "Checks on the Guest State Area", in the order of its subsections. Each function gives the name
/// of the first field that fails, or an empty text. `I` reads the VMCS.
template <VmcsInstructions I>
class guest_state_check {
 public:
  constexpr explicit guest_state_check(vmx_capabilities const& c) : caps_{&c} {
    cr0_ = vmcs_get<I>(vmcs::guest_cr0);
    cr4_ = vmcs_get<I>(vmcs::guest_cr4);
    rflags_ = vmcs_get<I>(vmcs::guest_rflags);
    entry_ = vmcs_get<I>(vmcs::entry_controls);
    long_ = (entry_ & entry_control::ia32e_mode_guest) != 0;
    virtual_8086_ = rflags::f_vm::get(rflags_);
  }

  [[nodiscard]] text run() const {
    text const parts[] = {control_registers(), segments(),           system_segments(), tables(),
                          rip_and_rflags(),    non_register_state(), pdptes()};
    for (text const& t : parts) {
      if (!t.empty()) return t;
    }
    return {};
  }

 private:
  static constexpr std::uint64_t cr0_ignored = 0x1ff8ffc0 | cr0::f_nw::mask | cr0::f_cd::mask | cr0::f_et::mask;

  [[nodiscard]] static bool canonical(std::uint64_t address) {
    // With 57 bits of linear address more is canonical; the narrower rule is the one of 48.
    return sign_extend(address, 48) == address;
  }
  [[nodiscard]] bool canonical_here(std::uint64_t address) const {
    return cr4::f_la57::get(cr4_) ? sign_extend(address, 57) == address : canonical(address);
  }

  // "Checks on Guest Control Registers, Debug Registers, and MSRs"
  [[nodiscard]] text control_registers() const {
    std::uint64_t const ones = caps_->guest_cr0_ones() & ~cr0_ignored;
    bool const cr0_fixed = (cr0_ & ones) == ones && (cr0_ & ~caps_->cr0_fixed1 & ~cr0_ignored) == 0;
    bool const paged_unprotected = cr0::f_pg::get(cr0_) && !cr0::f_pe::get(cr0_);
    if (!cr0_fixed || paged_unprotected) return "CR0";
    std::uint64_t const cr4_ones = caps_->guest_cr4_ones();
    if ((cr4_ & cr4_ones) != cr4_ones || (cr4_ & ~caps_->cr4_fixed1) != 0) return "CR4";
    if (cr4::f_cet::get(cr4_) && !cr0::f_wp::get(cr0_)) return "CR4.CET without CR0.WP";
    if ((vmcs_get<I>(vmcs::guest_debugctl) & ~std::uint64_t{0xdfc3}) != 0) return "IA32_DEBUGCTL";
    if (long_ && !(cr0::f_pg::get(cr0_) && cr4::f_pae::get(cr4_))) return "CR0.PG, CR4.PAE of IA-32e mode";
    if (!long_ && cr4::f_pcide::get(cr4_)) return "CR4.PCIDE outside of IA-32e mode";
    if ((vmcs_get<I>(vmcs::guest_cr3) & ~low_bits(caps_->physical_bits)) != 0) return "CR3";
    if (vmcs_get<I>(vmcs::guest_dr7) >> 32 != 0) return "DR7";
    if (!canonical_here(vmcs_get<I>(vmcs::guest_sysenter_esp))) return "IA32_SYSENTER_ESP";
    if (!canonical_here(vmcs_get<I>(vmcs::guest_sysenter_eip))) return "IA32_SYSENTER_EIP";
    if ((entry_ & entry_control::load_pat) != 0 && !is_pat(vmcs_get<I>(vmcs::guest_pat))) return "IA32_PAT";
    if ((entry_ & entry_control::load_efer) != 0) {
      std::uint64_t const efer = vmcs_get<I>(vmcs::guest_efer);
      constexpr std::uint64_t defined = efer::f_sce::mask | efer::f_lme::mask | efer::f_lma::mask | efer::f_nxe::mask;
      bool const active = efer::f_lma::get(efer);
      bool const enabled = efer::f_lme::get(efer);
      if ((efer & ~defined) != 0 || active != long_ || (cr0::f_pg::get(cr0_) && active != enabled)) return "IA32_EFER";
    }
    return {};
  }
  [[nodiscard]] static bool is_pat(std::uint64_t value) {
    for (unsigned n = 0; n < 8; ++n) {
      std::uint64_t const type = value >> (8 * n) & 0xff;
      if (type > 7 || type == 2 || type == 3) return false;
    }
    return true;
  }

  struct segment_state {
    std::uint32_t selector, limit, rights;
    std::uint64_t base;
    [[nodiscard]] bool usable() const { return !vmcs_access_rights::f_unusable::get(rights); }
    [[nodiscard]] unsigned type() const { return vmcs_access_rights::f_type::get(rights); }
    [[nodiscard]] unsigned dpl() const { return vmcs_access_rights::f_dpl::get(rights); }
    [[nodiscard]] unsigned rpl() const { return selector & 3; }
    [[nodiscard]] bool in_ldt() const { return (selector & 4) != 0; }
    /// G has to be 1 for limits of a megabyte and more, and 0 when the low twelve bits are not all ones.
    [[nodiscard]] bool has_right_granularity() const {
      bool const g = vmcs_access_rights::f_g::get(rights);
      return g ? (limit & 0xfff) == 0xfff : limit >> 20 == 0;
    }
  };
  [[nodiscard]] static segment_state state_of(unsigned n) {
    vmcs_segment_fields const f = segment_fields(n);
    return {static_cast<std::uint32_t>(I::vmread(f.selector)), static_cast<std::uint32_t>(I::vmread(f.limit)),
            static_cast<std::uint32_t>(I::vmread(f.access_rights)), I::vmread(f.base)};
  }
  static constexpr unsigned es = 0, cs = 1, ss = 2, ds = 3, fs = 4, gs = 5, ldtr = 6, tr = 7;

  // "Checks on Guest Segment Registers": CS, SS, DS, ES, FS, GS
  [[nodiscard]] text segments() const {
    static constexpr text names[6] = {"ES", "CS", "SS", "DS", "FS", "GS"};
    constexpr unsigned in_order[] = {cs, ss, ds, es, fs, gs};
    for (unsigned const n : in_order) {
      segment_state const s = state_of(n);
      bool const right = virtual_8086_ ? is_virtual_8086(s)
                         : n == cs     ? is_code(s)
                         : n == ss     ? is_stack(s)
                                       : is_data(s, n);
      if (!right || !has_right_base(s, n)) return names[n];
    }
    return {};
  }
  [[nodiscard]] static bool is_virtual_8086(segment_state const& s) {
    return s.base == std::uint64_t{s.selector} << 4 && s.limit == 0xffff && s.rights == 0xf3;
  }
  [[nodiscard]] bool has_right_base(segment_state const& s, unsigned n) const {
    if (n == fs || n == gs) return canonical_here(s.base);
    if (n == cs || s.usable()) return s.base >> 32 == 0;
    return true;
  }
  [[nodiscard]] static bool has_right_form(segment_state const& s) {
    using namespace vmcs_access_rights;
    return f_s::get(s.rights) && f_p::get(s.rights) && (s.rights & reserved) == 0 && s.has_right_granularity();
  }
  [[nodiscard]] bool is_code(segment_state const& s) const {
    segment_state const stack = state_of(ss);
    // An accessed data segment is for unrestricted guests: what real mode leaves behind.
    switch (s.type()) {
      case 3:
        if (s.dpl() != 0) return false;
        break;
      case 9:
      case 11:
        if (s.dpl() != stack.dpl()) return false;
        break;
      case 13:
      case 15:
        if (s.dpl() > stack.dpl()) return false;
        break;
      default: return false;
    }
    bool const both = vmcs_access_rights::f_l::get(s.rights) && vmcs_access_rights::f_db::get(s.rights);
    return has_right_form(s) && s.usable() && !(long_ && both);
  }
  [[nodiscard]] bool is_stack(segment_state const& s) const {
    segment_state const code = state_of(cs);
    bool const real = !cr0::f_pe::get(cr0_) || code.type() == 3;
    if (real && s.dpl() != 0) return false;
    if (!s.usable()) return true;
    return (s.type() == 3 || s.type() == 7) && has_right_form(s);
  }
  [[nodiscard]] static bool is_data(segment_state const& s, unsigned) {
    if (!s.usable()) return true;
    // Accessed; of code, readable.
    bool const right_type = (s.type() & 1) != 0 && ((s.type() & 8) == 0 || (s.type() & 2) != 0);
    return right_type && has_right_form(s);
  }

  // The same section: TR, LDTR
  [[nodiscard]] text system_segments() const {
    using namespace vmcs_access_rights;
    segment_state const t = state_of(tr);
    bool const busy = t.type() == 11 || (t.type() == 3 && !long_);
    bool const task = busy && t.usable() && !f_s::get(t.rights) && f_p::get(t.rights) && (t.rights & reserved) == 0 &&
                      t.has_right_granularity() && !t.in_ldt() && canonical_here(t.base);
    if (!task) return "TR";
    segment_state const l = state_of(ldtr);
    if (!l.usable()) return {};
    bool const table = l.type() == 2 && !f_s::get(l.rights) && f_p::get(l.rights) && (l.rights & reserved) == 0 &&
                       l.has_right_granularity() && !l.in_ldt() && canonical_here(l.base);
    return table ? text{} : text{"LDTR"};
  }

  // "Checks on Guest Descriptor-Table Registers"
  [[nodiscard]] text tables() const {
    if (!canonical_here(vmcs_get<I>(vmcs::guest_gdtr_base)) || vmcs_get<I>(vmcs::guest_gdtr_limit) >> 16 != 0) {
      return "GDTR";
    }
    if (!canonical_here(vmcs_get<I>(vmcs::guest_idtr_base)) || vmcs_get<I>(vmcs::guest_idtr_limit) >> 16 != 0) {
      return "IDTR";
    }
    return {};
  }

  // "Checks on Guest RIP, RFLAGS, and SSP"
  [[nodiscard]] text rip_and_rflags() const {
    std::uint64_t const rip = vmcs_get<I>(vmcs::guest_rip);
    bool const code_64 = long_ && vmcs_access_rights::f_l::get(state_of(cs).rights);
    if (code_64 ? !canonical_here(rip) : rip >> 32 != 0) return "RIP";
    constexpr std::uint64_t reserved = ~std::uint64_t{0x3f'ffff} | 1U << 15 | 1U << 5 | 1U << 3;
    if ((rflags_ & reserved) != 0 || (rflags_ & rflags::reserved_one) == 0) return "RFLAGS";
    if (virtual_8086_ && (long_ || !cr0::f_pe::get(cr0_))) return "RFLAGS.VM";
    if (injects(event_type::external_interrupt) && !rflags::f_if::get(rflags_)) {
      return "RFLAGS.IF of a guest that takes an interrupt";
    }
    return {};
  }

  [[nodiscard]] static std::uint32_t event() { return vmcs_get<I>(vmcs::entry_interruption_information); }
  [[nodiscard]] static bool injects(event_type type) {
    return event_word::f_valid::get(event()) && event_word::f_type::get(event()) == type;
  }

  // "Checks on Guest Non-Register State"
  [[nodiscard]] text non_register_state() const {
    std::uint32_t const activity = vmcs_get<I>(vmcs::guest_activity_state);
    std::uint32_t const blocking = vmcs_get<I>(vmcs::guest_interruptibility_state);
    if (activity > 3 || (activity != 0 && (blocking & interruptibility::shadows) != 0)) return "activity state";
    bool const sti = interruptibility::f_sti::get(blocking);
    bool const mov_ss = interruptibility::f_mov_ss::get(blocking);
    bool const takes_interrupt = injects(event_type::external_interrupt);
    bool const takes_nmi = injects(event_type::nmi);
    bool const wrong = blocking >> 5 != 0 || (sti && mov_ss) || (sti && !rflags::f_if::get(rflags_)) ||
                       ((takes_interrupt || takes_nmi) && (sti || mov_ss)) ||
                       (takes_nmi && interruptibility::f_nmi::get(blocking)) || interruptibility::f_smi::get(blocking);
    if (wrong) return "interruptibility state";
    std::uint64_t const pending = vmcs_get<I>(vmcs::guest_pending_debug_exceptions);
    constexpr std::uint64_t bs = 1U << 14;
    constexpr std::uint64_t defined = 0xfU | 1U << 12 | bs | 1U << 16;
    if ((pending & ~defined) != 0) return "pending debug exceptions";
    if (sti || mov_ss || activity == 1) {
      bool const steps = rflags::f_tf::get(rflags_) && (vmcs_get<I>(vmcs::guest_debugctl) & 2) == 0;
      if (steps != ((pending & bs) != 0)) return "pending debug exceptions (BS)";
    }
    if (vmcs_get<I>(vmcs::vmcs_link_pointer) != ~std::uint64_t{0}) return "VMCS link pointer";
    return {};
  }

  // "Checks on Guest Page-Directory-Pointer-Table Entries"
  [[nodiscard]] text pdptes() const {
    if (!cr0::f_pg::get(cr0_) || !cr4::f_pae::get(cr4_) || long_) return {};
    std::uint64_t const reserved = ~low_bits(caps_->physical_bits) | 0x1e6;
    for (unsigned n = 0; n < 4; ++n) {
      std::uint64_t const entry = I::vmread(vmcs::guest_pdpte0.encoding + 2 * n);
      if ((entry & 1) != 0 && (entry & reserved) != 0) return "PDPTE";
    }
    return {};
  }

  vmx_capabilities const* caps_;
  std::uint64_t cr0_{};
  std::uint64_t cr4_{};
  std::uint64_t rflags_{};
  std::uint32_t entry_{};
  bool long_{};
  bool virtual_8086_{};
};

}  // namespace detail

/// The name of the first field of the current VMCS that VM entry refuses; empty when there is none that this library
/// knows of. For guests that this backend runs: unrestricted, with EPT, outside of system-management mode.
template <VmcsInstructions I>
[[nodiscard]] text refused_guest_field(vmx_capabilities const& c) {
  return detail::guest_state_check<I>{c}.run();
}

}  // namespace axhal::x86_64
