// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/arch/x86_64/control_register_writes.hpp>
#include <axhal/arch/x86_64/control_registers.hpp>
#include <axhal/arch/x86_64/event_merge.hpp>
#include <axhal/arch/x86_64/guest_event.hpp>
#include <axhal/arch/x86_64/guest_frame.hpp>
#include <axhal/arch/x86_64/instruction_prefixes.hpp>
#include <axhal/arch/x86_64/rflags.hpp>
#include <axhal/arch/x86_64/segment_register.hpp>
#include <axhal/arch/x86_64/stopped_guest.hpp>
#include <axhal/arch/x86_64/vmcs_fields.hpp>
#include <axhal/arch/x86_64/vmx_controls.hpp>
#include <axhal/arch/x86_64/vmx_state.hpp>
#include <axhal/core/bit_field.hpp>

#include <concepts>
#include <cstdint>

namespace axhal::x86_64 {

/// What a stopped guest of VT-x is read and changed with: the current VMCS, CR2, which entries and exits leave alone,
/// and INVVPID.
template <typename I>
concept VmxContextInstructions = VmcsInstructions<I> && requires(std::uint64_t v, invvpid_type type) {
  { I::read_cr2() } -> std::same_as<std::uint64_t>;
  { I::write_cr2(v) } -> std::same_as<void>;
  { I::invvpid(type, v, v) } -> std::same_as<void>;
};

/// Which bits of CR0 and CR4 are the hypervisor's: a guest reads them from a shadow, and a write that changes one is an
/// exit (Intel SDM vol. 3C, "Guest/Host Masks and Read Shadows for CR0 and CR4").
namespace vmx_masks {
/// NE has to be one. CD and NW would be the CPU's own, and stay the host's.
inline constexpr std::uint64_t cr0 = cr0::f_ne::mask | cr0::f_cd::mask | cr0::f_nw::mask;
/// What a guest changes itself: hardware does all that follows, and refuses what is reserved.
inline constexpr std::uint64_t cr4_of_guest = cr4::f_vme::mask | cr4::f_pvi::mask | cr4::f_tsd::mask | cr4::f_de::mask |
                                              cr4::f_pse::mask | cr4::f_pae::mask | cr4::f_pge::mask |
                                              cr4::f_pce::mask | cr4::f_osfxsr::mask | cr4::f_osxmmexcpt::mask |
                                              cr4::f_osxsave::mask | cr4::f_smep::mask | cr4::f_smap::mask;
/// VMXE has to be one, and MCE is the host's: a machine check ends a guest without it. The others are seen because what
/// the guest may set depends on its CPUID.
inline constexpr std::uint64_t cr4 = ~cr4_of_guest;
}  // namespace vmx_masks

/// A stopped guest that VT-x runs (`StoppedGuest`), whose VMCS is current; `Fast`: as the fast tier sees it, with RBP
/// and R12 to R15 out of reach. Nothing is read that is not asked for.
template <VmxContextInstructions I, bool Fast>
class vmx_context {
 public:
  constexpr explicit vmx_context(vmx_state& v) : v_{&v} {}
  [[nodiscard]] vmx_state& state() const { return *v_; }

  [[nodiscard, gnu::always_inline]] static constexpr bool holds(unsigned n) { return !Fast || !is_left_alone(n & 15); }
  [[nodiscard, gnu::always_inline]] std::uint64_t gpr(unsigned n) const {
    n &= 15;
    return n == rsp ? vmcs_get<I>(vmcs::guest_rsp) : v_->gpr[n];
  }
  [[gnu::always_inline]] void set_gpr(unsigned n, std::uint64_t value) {
    n &= 15;
    if (n == rsp) {
      vmcs_set<I>(vmcs::guest_rsp, value);
    } else {
      v_->gpr[n] = value;
    }
  }
  [[nodiscard]] std::uint64_t rip() const { return vmcs_get<I>(vmcs::guest_rip); }
  void set_rip(std::uint64_t value) { vmcs_set<I>(vmcs::guest_rip, value); }
  [[nodiscard]] std::uint64_t rflags() const { return vmcs_get<I>(vmcs::guest_rflags); }
  void set_rflags(std::uint64_t value) { vmcs_set<I>(vmcs::guest_rflags, value); }

  [[nodiscard]] code_size code() const {
    std::uint32_t const rights = vmcs_get<I>(vmcs::guest_cs_access_rights);
    if (vmcs_access_rights::f_l::get(rights) && efer::f_lma::get(efer())) return code_size::bits_64;
    return vmcs_access_rights::f_db::get(rights) ? code_size::bits_32 : code_size::bits_16;
  }
  [[nodiscard]] unsigned cpl() const {
    return vmcs_access_rights::f_dpl::get(vmcs_get<I>(vmcs::guest_ss_access_rights));
  }
  [[nodiscard]] std::uint64_t segment_base(segment s) const {
    return I::vmread(segment_fields(static_cast<unsigned>(s)).base);
  }
  [[nodiscard]] segment_register segment_of(segment s) const {
    vmcs_segment_fields const f = segment_fields(static_cast<unsigned>(s));
    return {static_cast<std::uint16_t>(I::vmread(f.selector)),
            vmcs_access_rights::to_attributes(static_cast<std::uint32_t>(I::vmread(f.access_rights))),
            static_cast<std::uint32_t>(I::vmread(f.limit)), I::vmread(f.base)};
  }

  /// The end of an instruction: see `EmulatedRegisters`. Only where the sum leaves the low four gigabytes can it matter
  /// that RIP has 32 bits.
  [[gnu::always_inline]] void step_over(unsigned length) {
    std::uint64_t const at = rip();
    std::uint64_t next = at + length;
    if (((at ^ next) >> 32) != 0 && code() != code_size::bits_64) [[unlikely]]
      next &= 0xffff'ffff;
    set_rip(next);
    end_shadow();
    constexpr std::uint64_t rare = rflags::f_rf::mask | rflags::f_tf::mask;
    if (std::uint64_t const flags = rflags(); (flags & rare) != 0) [[unlikely]]
      end_traced(flags);
  }

  [[nodiscard]] std::uint64_t cr0() const {
    std::uint64_t const mask = vmx_masks::cr0;
    return (vmcs_get<I>(vmcs::guest_cr0) & ~mask) | (vmcs_get<I>(vmcs::cr0_read_shadow) & mask);
  }
  [[nodiscard]] static std::uint64_t cr2() { return I::read_cr2(); }
  [[nodiscard]] std::uint64_t cr3() const { return vmcs_get<I>(vmcs::guest_cr3); }
  [[nodiscard]] std::uint64_t cr4() const {
    std::uint64_t const mask = vmx_masks::cr4;
    return (vmcs_get<I>(vmcs::guest_cr4) & ~mask) | (vmcs_get<I>(vmcs::cr4_read_shadow) & mask);
  }
  [[nodiscard]] std::uint64_t efer() const { return vmcs_get<I>(vmcs::guest_efer); }
  [[nodiscard]] std::uint64_t pat() const { return vmcs_get<I>(vmcs::guest_pat); }

  void set_cr0(std::uint64_t value) {
    vmcs_set<I>(vmcs::cr0_read_shadow, value);
    vmcs_set<I>(vmcs::guest_cr0, (value & ~vmx_masks::cr0) | v_->cr0_ones);
  }
  static void set_cr2(std::uint64_t value) { I::write_cr2(value); }
  void set_cr3(std::uint64_t value) { vmcs_set<I>(vmcs::guest_cr3, value); }
  void set_cr4(std::uint64_t value) {
    vmcs_set<I>(vmcs::cr4_read_shadow, value);
    vmcs_set<I>(vmcs::guest_cr4, (value & ~cr4::f_mce::mask) | v_->cr4_ones);
  }
  /// LMA is also what the entry is told of IA-32e mode.
  void set_efer(std::uint64_t value) {
    vmcs_set<I>(vmcs::guest_efer, value);
    std::uint32_t const controls = vmcs_get<I>(vmcs::entry_controls) & ~entry_control::ia32e_mode_guest;
    vmcs_set<I>(vmcs::entry_controls, controls | (efer::f_lma::get(value) ? entry_control::ia32e_mode_guest : 0));
  }
  void set_pat(std::uint64_t value) { vmcs_set<I>(vmcs::guest_pat, value); }
  /// The four entries of PAE paging, which entries take from here.
  void set_pdptes(pdpte_set const& set) {
    for (std::uint32_t n = 0; n < 4; ++n) I::vmwrite(vmcs::guest_pdpte0.encoding + 2 * n, set.entry[n]);
  }
  [[nodiscard]] static std::uint64_t pdpte(unsigned n) { return I::vmread(vmcs::guest_pdpte0.encoding + 2 * (n & 3)); }
  /// Without a VPID every entry forgets.
  void forget_translations() {
    if (v_->vpid != 0) I::invvpid(v_->forgetting, v_->forgetting == invvpid_type::all_contexts ? 0 : v_->vpid, 0);
  }

  void raise(guest_event const& e) {
    collect();
    std::uint32_t const before = entry_event();
    guest_event now = e;
    if (event_word::f_valid::get(before) && !take_back_placed()) {
      auto const first = guest_event::of(before, vmcs_get<I>(vmcs::entry_exception_error_code));
      wait_again(first);
      auto const both = merge(first, e);
      if (!both) {
        v_->shut_down = true;
        return;
      }
      now = *both;
    }
    place(now);
    end_shadow();
    // A breakpoint on the instruction is not taken again after a fault.
    bool const trap = now.vector == static_cast<std::uint8_t>(exception::db);
    if (now.type == event_type::hardware_exception && !trap) set_rflags(rflags() | rflags::f_rf::mask);
  }

  void offer_interrupt(std::uint8_t vector) {
    collect();
    v_->offered = true;
    v_->offered_vector = vector;
    if (v_->placed) return place(interrupt_event(vector));
    place_or_wait();
  }
  void withdraw_interrupt() {
    collect();
    if (v_->placed) vmcs_set<I>(vmcs::entry_interruption_information, 0);
    v_->placed = v_->offered = false;
    settle_window();
  }
  [[gnu::always_inline]] accepted_interrupt take_accepted() {
    if (v_->placed) collect();
    accepted_interrupt const a = v_->accepted;
    v_->accepted = {};
    return a;
  }
  /// The moment is when the guest can take another one.
  void request_room_event(bool on) {
    collect();
    v_->wants_room = on;
    settle_window();
  }
  void offer_nmi() {
    if (v_->nmi_placed && event_word::f_valid::get(entry_event())) return;
    v_->nmi_placed = false;
    v_->nmi_offered = true;
    nmi_or_wait();
  }

  // --- what exits do, whatever their reason ---

  /// An event whose delivery the exit interrupted is delivered anew (Intel SDM vol. 3C, "Information for VM Exits That
  /// Occur During Event Delivery"). To be called before the exit is answered. True when there was one.
  bool keep_interrupted_event() {
    std::uint32_t const word = vmcs_get<I>(vmcs::idt_vectoring_information);
    if (!event_word::f_valid::get(word)) return false;
    collect();
    guest_event const e = guest_event::of(word, vmcs_get<I>(vmcs::idt_vectoring_error_code),
                                          static_cast<std::uint8_t>(vmcs_get<I>(vmcs::exit_instruction_length)));
    // It begins again, and blocks NMIs by itself.
    if (e.type == event_type::nmi) set_nmi_blocking(false);
    place(e);
    return true;
  }
  /// IRET ended the blocking of NMIs, and then the exit came: it will end it again.
  void block_nmis_again() { set_nmi_blocking(true); }

  /// The guest can take an interrupt now. True when the host is to be told that it has taken the last one.
  [[nodiscard]] bool on_interrupt_window() {
    collect();
    bool const room = v_->wants_room && v_->accepted && !v_->offered;
    if (v_->offered && !v_->placed) {
      place_or_wait();
    } else {
      set_window(processor_based::interrupt_window_exiting, false);
    }
    return room;
  }
  void on_nmi_window() {
    set_window(processor_based::nmi_window_exiting, false);
    if (v_->nmi_offered) nmi_or_wait();
  }

 private:
  static constexpr unsigned rsp = 4;
  static constexpr std::uint64_t pending_step = std::uint64_t{1} << 14;  ///< BS of the pending debug exceptions

  [[nodiscard]] static std::uint32_t entry_event() { return vmcs_get<I>(vmcs::entry_interruption_information); }

  static void end_shadow() {
    std::uint32_t const blocking = vmcs_get<I>(vmcs::guest_interruptibility_state);
    if ((blocking & interruptibility::shadows) != 0) [[unlikely]]
      vmcs_set<I>(vmcs::guest_interruptibility_state, blocking & ~interruptibility::shadows);
  }
  [[gnu::noinline]] void end_traced(std::uint64_t flags) {
    set_rflags(flags & ~rflags::f_rf::mask);
    if (!rflags::f_tf::get(flags)) return;
    vmcs_set<I>(vmcs::guest_pending_debug_exceptions, vmcs_get<I>(vmcs::guest_pending_debug_exceptions) | pending_step);
    collect();
    if (event_word::f_valid::get(entry_event()) && take_back_placed()) {
      vmcs_set<I>(vmcs::entry_interruption_information, 0);
    }
  }
  /// The debug exception after a step comes before interrupts and NMIs, and is lost when an entry delivers one of them
  /// (Intel SDM vol. 3C, "Delivery of Pending Debug Exceptions after VM Entry").
  [[nodiscard]] static bool step_comes_first(std::uint64_t flags) {
    return rflags::f_tf::get(flags) && (vmcs_get<I>(vmcs::guest_pending_debug_exceptions) & pending_step) != 0;
  }
  static void set_nmi_blocking(bool on) {
    std::uint32_t const blocking = vmcs_get<I>(vmcs::guest_interruptibility_state);
    vmcs_set<I>(vmcs::guest_interruptibility_state, interruptibility::f_nmi::with(blocking, on));
  }

  /// In real mode no event pushes an error code ("VM-Entry Interruption-Information Field", for unrestricted guests).
  void place(guest_event e) {
    v_->nmi_placed = false;
    if (!cr0::f_pe::get(vmcs_get<I>(vmcs::guest_cr0))) e.has_error_code = false;
    vmcs_set<I>(vmcs::entry_interruption_information, e.word());
    if (e.has_error_code) vmcs_set<I>(vmcs::entry_exception_error_code, e.error_code);
    bool const software = e.type == event_type::software_interrupt || e.type == event_type::software_exception ||
                          e.type == event_type::privileged_software_exception;
    if (software) vmcs_set<I>(vmcs::entry_instruction_length, e.length);
  }

  /// Exits clear the valid bit of what the entry delivered.
  void collect() {
    if (!v_->placed || event_word::f_valid::get(entry_event())) return;
    v_->accepted = {true, v_->offered_vector};
    v_->placed = v_->offered = false;
  }
  /// What was placed there, and is no event that was interrupted, waits again.
  bool take_back_placed() {
    if (v_->placed) {
      v_->placed = false;
      set_window(processor_based::interrupt_window_exiting, true);
      return true;
    }
    if (v_->nmi_placed) {
      v_->nmi_placed = false;
      v_->nmi_offered = true;
      set_window(processor_based::nmi_window_exiting, true);
      return true;
    }
    return false;
  }
  /// An NMI, or an interrupt that nobody was told of yet, whose delivery meets an exception: it comes after that.
  void wait_again(guest_event const& e) {
    if (e.type == event_type::nmi) {
      v_->nmi_offered = true;
      set_window(processor_based::nmi_window_exiting, true);
      return;
    }
    bool const untold = v_->accepted && v_->accepted.vector == e.vector && !v_->offered;
    if (e.type == event_type::external_interrupt && untold) {
      v_->accepted = {};
      v_->offered = true;
      v_->offered_vector = e.vector;
      settle_window();
    }
  }
  void place_or_wait() {
    std::uint64_t const flags = rflags();
    bool const blocked = (vmcs_get<I>(vmcs::guest_interruptibility_state) & interruptibility::shadows) != 0 ||
                         !rflags::f_if::get(flags) || step_comes_first(flags);
    if (blocked || event_word::f_valid::get(entry_event())) {
      return set_window(processor_based::interrupt_window_exiting, true);
    }
    place(interrupt_event(v_->offered_vector));
    v_->placed = true;
    settle_window();
  }
  void settle_window() { set_window(processor_based::interrupt_window_exiting, v_->wants_interrupt_window()); }
  void nmi_or_wait() {
    constexpr std::uint32_t blocks = interruptibility::shadows | interruptibility::f_nmi::mask;
    bool const blocked = (vmcs_get<I>(vmcs::guest_interruptibility_state) & blocks) != 0 || step_comes_first(rflags());
    if (blocked || event_word::f_valid::get(entry_event())) {
      return set_window(processor_based::nmi_window_exiting, true);
    }
    place(nmi_event());
    v_->nmi_offered = false;
    v_->nmi_placed = true;
  }
  void set_window(vmx_control_bit window, bool on) {
    std::uint32_t const wanted = on ? v_->processor_controls | window : v_->processor_controls & ~window;
    if (wanted == v_->processor_controls) return;
    v_->processor_controls = wanted;
    vmcs_set<I>(vmcs::processor_based_controls, wanted);
  }

  vmx_state* v_;
};

}  // namespace axhal::x86_64
