// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/arch/x86_64/control_registers.hpp>
#include <axhal/arch/x86_64/guest_entry.hpp>
#include <axhal/arch/x86_64/guest_event.hpp>
#include <axhal/arch/x86_64/owed_flushes.hpp>
#include <axhal/arch/x86_64/start_state.hpp>
#include <axhal/arch/x86_64/svm_controls.hpp>
#include <axhal/arch/x86_64/svm_exit_code.hpp>
#include <axhal/arch/x86_64/svm_features.hpp>
#include <axhal/arch/x86_64/svm_refusal.hpp>
#include <axhal/arch/x86_64/vcpu_state.hpp>
#include <axhal/arch/x86_64/vmcb.hpp>
#include <axhal/core/address.hpp>
#include <axhal/core/bytes.hpp>
#include <axhal/core/units.hpp>

#include <cstdint>

namespace axhal::x86_64 {

/// The interrupt that was offered last and the NMI, as far as the VMCB does not have them.
struct svm_interrupts {
  bool offered{};         ///< V_IRQ was set, and nobody has been told yet that the guest took it
  std::uint8_t vector{};  ///< of the offer
  bool nmi_pending{};     ///< to be given to the guest
  bool nmi_masked{};      ///< the guest is in its NMI handler, as far as anybody knows
  bool wants_room{};      ///< the host is to be told when the guest takes what was offered
  bool iret_seen{};       ///< the handler's IRET was about to be executed at `iret_rip`
  std::uint64_t iret_rip{};
};

/// What one virtual CPU owns under SVM, whatever answers its exits.
struct svm_vcpu_state : vcpu_state {
  struct vmcb block{};
  host_phys block_address{};   ///< of `block`; known while loaded
  svm_features here{};         ///< of the CPU that it was loaded on last
  std::uint32_t kept_clean{};  ///< what VMCB clean is after an exit: everything, or nothing on a CPU without it
  std::uint64_t hidden_cr0{};  ///< CD and NW as the guest believes them to be
  svm_interrupts interrupts{};
  svm_entry_state entered{};  ///< as `enter` found it
  bool attention{};           ///< an exit goes to the slow tier whatever it is: there is something to do first
  bool delivering{};          ///< the exit interrupted the delivery of an event: RIP's instruction did not make it
  bool shut_down{};           ///< a fault could not be told to the guest any more, though hardware saw none

  /// The state that `start` describes, without events. Translation and time stay. Precondition: not loaded.
  constexpr void set_start(guest_entry const& start) {
    start_here(start);
    vmcb_save& s = block.save;
    s = {};
    s.of(segment::cs) = start.cs;
    s.of(segment::ss) = start.ss;
    constexpr segment data[] = {segment::es, segment::ds, segment::fs, segment::gs};
    for (segment const n : data) {
      s.of(n) = start.ds;
    }
    s.gdtr = {0, 0, start.gdtr.limit, start.gdtr.base};
    s.idtr = {0, 0, start.idtr.limit, start.idtr.base};
    s.ldtr = start.ldtr;
    s.tr = start.tr;
    s.cpl = segment_attributes::f_dpl::get(start.ss.attributes);
    hidden_cr0 = start.cr0 & hideable_cr0;
    s.cr0 = start.cr0 & ~hideable_cr0;
    s.cr3 = start.cr3;
    s.cr4 = start.cr4;
    s.efer = start.efer | efer::f_svme::mask;
    s.dr6 = reset_dr6;
    s.dr7 = reset_dr7;
    s.rflags = start.rflags | rflags::reserved_one;
    s.rip = start.rip;
    s.rsp = start.gpr[guest_entry::rsp];
    s.rax = start.gpr[guest_entry::rax];
    s.g_pat = reset_pat;
    interrupts = {};
    attention = delivering = shut_down = false;
    vmcb_control& c = block.control;
    c.eventinj = 0;
    c.exitintinfo = 0;
    c.interruptibility = 0;
    c.v_intr = resting_v_intr;
    c.v_intr_vector = 0;
    c.clean = 0;
    apply_intercepts();
  }
  /// `plain_start`.
  constexpr void reset(guest_phys entry, std::uint64_t argument) { set_start(plain_start(entry, argument)); }

  /// Names the root of the nested tables, of the format that the host runs with, and the tag of its translations.
  constexpr void set_translation(host_phys root, vmid id) {
    vmcb_control& c = block.control;
    c.n_cr3 = root.value;
    c.guest_asid = guest_asid(id);
    c.nested_control = nested_control::f_np_enable::mask;
    c.clean &= ~(vmcb_clean::nested | vmcb_clean::asid);
  }

  /// Has the next entry forget translations as a grant and `owed_flushes` want it; what an earlier call asked for
  /// stays. To be called before `enter`, on the CPU that the vCPU is loaded on.
  constexpr void flush_on_entry(bool all_guests, bool this_guest) {
    tlb_control const wanted = entry_tlb_control(all_guests, this_guest, here.flush_by_asid());
    tlb_control& asked = block.control.tlb_control;
    if (asked != tlb_control::everything && wanted != tlb_control::nothing) asked = wanted;
  }

  /// What is intercepted, from what `here` has and the guest's state wants.
  constexpr void apply_intercepts() {
    set_intercepts(block.control, here);
    apply_cr0_intercepts();
    set_intercept(block.control, svm_exit::iret, interrupts.nmi_masked && !interrupts.iret_seen);
    set_intercept(block.control, svm_exit::vintr, interrupts.wants_room);
  }
  /// With CD or NW hidden the guest must not see CR0 as it is, nor write it without being told.
  constexpr void apply_cr0_intercepts() {
    set_intercept(block.control, svm_exit::read_cr0, hidden_cr0 != 0);
    set_intercept(block.control, svm_exit::write_cr0, hidden_cr0 != 0);
  }

  // --- for reports ---

  [[nodiscard]] constexpr svm_exit exit_code() const { return x86_64::exit_code(block.control.exitcode); }
  [[nodiscard]] constexpr text exit_name() const { return name_of(exit_code()); }
  [[nodiscard]] constexpr std::uint64_t exit_info_1() const { return block.control.exitinfo1; }
  [[nodiscard]] constexpr std::uint64_t exit_info_2() const { return block.control.exitinfo2; }
  [[nodiscard]] constexpr std::uint64_t rip() const { return entry_refused() ? entered.rip : block.save.rip; }
  /// The processor did not enter the guest at all.
  [[nodiscard]] constexpr bool entry_refused() const { return exit_code() == svm_exit::invalid; }
  /// After such an exit: the first field or check that is wrong, or "nothing that is known". Empty after all others.
  [[nodiscard]] constexpr text refused_field() const {
    return entry_refused() ? x86_64::refused_field(entered, block, here) : text{};
  }

  static constexpr std::uint64_t hideable_cr0 = cr0::f_cd::mask | cr0::f_nw::mask;
  static constexpr std::uint64_t reset_dr6 = 0xffff'0ff0;
  static constexpr std::uint64_t reset_dr7 = 0x400;
  static constexpr std::uint64_t reset_pat = 0x0007'0406'0007'0406;
  /// No interrupt is offered. Priorities are the controller's business, who offers none that is too low.
  static constexpr std::uint32_t resting_v_intr =
      v_intr::f_v_intr_masking::mask | v_intr::f_v_ign_tpr::mask | v_intr::f_v_intr_prio::mask;
};

}  // namespace axhal::x86_64
