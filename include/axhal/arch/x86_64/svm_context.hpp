// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/arch/x86_64/control_registers.hpp>
#include <axhal/arch/x86_64/guest_event.hpp>
#include <axhal/arch/x86_64/guest_frame.hpp>
#include <axhal/arch/x86_64/instruction_prefixes.hpp>
#include <axhal/arch/x86_64/owed_flushes.hpp>
#include <axhal/arch/x86_64/rflags.hpp>
#include <axhal/arch/x86_64/segment_register.hpp>
#include <axhal/arch/x86_64/stopped_guest.hpp>
#include <axhal/arch/x86_64/svm_events.hpp>
#include <axhal/arch/x86_64/svm_vcpu.hpp>
#include <axhal/arch/x86_64/vmcb.hpp>

#include <concepts>
#include <cstdint>

namespace axhal::x86_64 {

/// VMSAVE, for state that is still on the CPU in the fast tier.
template <typename I>
concept SavesGuestState = requires(std::uint64_t vmcb) {
  { I::vmsave(vmcb) } -> std::same_as<void>;
};

/// Which tier looks at a stopped guest.
enum class exit_tier : std::uint8_t { fast, slow };

/// A stopped guest under SVM (`StoppedGuest`). In the slow tier everything is in the vCPU. In the fast tier RBP and R12
/// to R15 are out of reach, and FS, GS, LDTR and TR are still on the CPU: VMSAVE brings them when one is asked for.
template <SavesGuestState I, exit_tier Tier>
struct svm_context {
  svm_vcpu_state* vcpu;

  explicit constexpr svm_context(svm_vcpu_state& v) : vcpu{&v} {}

  [[nodiscard, gnu::always_inline]] constexpr vmcb_save& save() const { return vcpu->block.save; }
  [[nodiscard, gnu::always_inline]] constexpr vmcb_control& control() const { return vcpu->block.control; }

  // --- general registers, RIP, RFLAGS ---

  [[nodiscard, gnu::always_inline]] static constexpr bool holds(unsigned n) {
    return Tier == exit_tier::slow || !is_left_alone(n & 15);
  }
  [[nodiscard, gnu::always_inline]] constexpr std::uint64_t gpr(unsigned n) const {
    if (n == rax) return save().rax;
    if (n == rsp) return save().rsp;
    return vcpu->gpr[n & 15];
  }
  [[gnu::always_inline]] constexpr void set_gpr(unsigned n, std::uint64_t value) {
    if (n == rax) {
      save().rax = value;
    } else if (n == rsp) {
      save().rsp = value;
    } else {
      vcpu->gpr[n & 15] = value;
    }
  }
  [[nodiscard, gnu::always_inline]] constexpr std::uint64_t rip() const { return save().rip; }
  [[gnu::always_inline]] constexpr void set_rip(std::uint64_t value) { save().rip = value; }
  [[nodiscard, gnu::always_inline]] constexpr std::uint64_t rflags() const { return save().rflags; }
  [[gnu::always_inline]] constexpr void set_rflags(std::uint64_t value) { save().rflags = value; }

  [[gnu::always_inline]] constexpr void step_over(unsigned length) {
    std::uint64_t const next = save().rip + length;
    save().rip = code() == code_size::bits_64 ? next : next & 0xffff'ffff;
    std::uint64_t const flags = save().rflags;
    save().rflags = flags & ~rflags::f_rf::mask;
    control().interruptibility = 0;
    if (rflags::f_tf::get(flags)) [[unlikely]]
      single_step();
  }

  // --- modes and segments ---

  [[nodiscard, gnu::always_inline]] constexpr code_size code() const {
    std::uint16_t const attributes = save().of(segment::cs).attributes;
    if (segment_attributes::f_l::get(attributes) && efer::f_lma::get(save().efer)) return code_size::bits_64;
    return segment_attributes::f_db::get(attributes) ? code_size::bits_32 : code_size::bits_16;
  }
  [[nodiscard, gnu::always_inline]] constexpr unsigned cpl() const { return save().cpl & 3U; }
  [[nodiscard]] constexpr segment_register segment_of(segment s) const {
    bring(s);
    return save().of(s);
  }
  [[nodiscard, gnu::always_inline]] constexpr std::uint64_t segment_base(segment s) const {
    bring(s);
    return save().of(s).base;
  }

  // --- control registers ---

  /// CD and NW never reach the VMCB: they would switch off the caches of a processor that is not the guest's own.
  [[nodiscard]] constexpr std::uint64_t cr0() const {
    return (save().cr0 & ~svm_vcpu_state::hideable_cr0) | vcpu->hidden_cr0;
  }
  [[nodiscard]] constexpr std::uint64_t cr2() const { return save().cr2; }
  [[nodiscard]] constexpr std::uint64_t cr3() const { return save().cr3; }
  [[nodiscard]] constexpr std::uint64_t cr4() const { return save().cr4; }
  /// SVME is hardware's condition, not the guest's business.
  [[nodiscard]] constexpr std::uint64_t efer() const { return save().efer & ~efer::f_svme::mask; }
  [[nodiscard]] constexpr std::uint64_t pat() const { return save().g_pat; }

  constexpr void set_cr0(std::uint64_t value) {
    save().cr0 = value & ~svm_vcpu_state::hideable_cr0;
    control().clean &= ~vmcb_clean::control_registers;
    std::uint64_t const hidden = value & svm_vcpu_state::hideable_cr0;
    if (hidden == vcpu->hidden_cr0) return;
    vcpu->hidden_cr0 = hidden;
    vcpu->apply_cr0_intercepts();
  }
  constexpr void set_cr2(std::uint64_t value) {
    save().cr2 = value;
    control().clean &= ~vmcb_clean::cr2;
  }
  constexpr void set_cr3(std::uint64_t value) {
    save().cr3 = value;
    control().clean &= ~vmcb_clean::control_registers;
  }
  constexpr void set_cr4(std::uint64_t value) {
    save().cr4 = value;
    control().clean &= ~vmcb_clean::control_registers;
  }
  constexpr void set_efer(std::uint64_t value) {
    save().efer = value | efer::f_svme::mask;
    control().clean &= ~vmcb_clean::control_registers;
  }
  constexpr void set_pat(std::uint64_t value) {
    save().g_pat = value;
    control().clean &= ~vmcb_clean::nested;
  }
  constexpr void forget_translations() { vcpu->flush_on_entry(false, true); }

  // --- events ---

  [[gnu::always_inline]] constexpr void raise(guest_event const& e) { svm_events::raise(*vcpu, e); }
  [[gnu::always_inline]] constexpr void offer_interrupt(std::uint8_t vector) {
    svm_events::offer_interrupt(*vcpu, vector);
  }
  [[gnu::always_inline]] constexpr void withdraw_interrupt() { svm_events::withdraw_interrupt(*vcpu); }
  [[nodiscard, gnu::always_inline]] constexpr accepted_interrupt take_accepted() {
    return svm_events::take_accepted(*vcpu);
  }
  constexpr void request_room_event(bool on) { svm_events::request_room_event(*vcpu, on); }
  constexpr void offer_nmi() { svm_events::offer_nmi(*vcpu); }
  /// Puts the task priority (0 to 15) into V_TPR: an emulator that does not stop reads of CR8 answers with it.
  /// Interrupts that are offered do not heed it.
  constexpr void show_cr8(std::uint64_t priority) {
    vmcb_control& control = vcpu->block.control;
    control.v_intr =
        (control.v_intr & ~v_intr::f_v_tpr::mask) | v_intr::f_v_tpr::make(static_cast<std::uint8_t>(priority & 15));
    control.clean &= ~vmcb_clean::interrupts;
  }

 private:
  static constexpr unsigned rax = 0;
  static constexpr unsigned rsp = 4;

  [[gnu::always_inline]] constexpr void bring(segment s) const {
    if constexpr (Tier == exit_tier::fast) {
      if (s >= segment::fs) I::vmsave(vcpu->block_address.value);
    }
  }
  /// The debug exception after an instruction that was done for a guest that steps (Intel SDM vol. 3, "Single-Step
  /// Exception Condition"), with what its delivery does to DR7: it clears GD ("Debug Control Register (DR7)").
  [[gnu::noinline]] constexpr void single_step() {
    constexpr std::uint64_t bs = std::uint64_t{1} << 14;
    constexpr std::uint64_t gd = std::uint64_t{1} << 13;
    save().dr6 |= bs;
    save().dr7 &= ~gd;
    control().clean &= ~vmcb_clean::debug_registers;
    raise(exception_event(exception::db));
  }
};

}  // namespace axhal::x86_64
