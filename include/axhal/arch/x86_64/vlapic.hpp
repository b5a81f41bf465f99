// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/arch/x86_64/apic_registers.hpp>
#include <axhal/arch/x86_64/msr.hpp>
#include <axhal/arch/x86_64/vlapic_interrupts.hpp>
#include <axhal/arch/x86_64/vlapic_mailbox.hpp>
#include <axhal/arch/x86_64/vlapic_registers.hpp>
#include <axhal/arch/x86_64/vlapic_rules.hpp>
#include <axhal/arch/x86_64/vlapic_timer.hpp>
#include <axhal/core/address.hpp>
#include <axhal/core/result.hpp>
#include <axhal/core/units.hpp>

#include <atomic>
#include <cstdint>

namespace axhal::x86_64 {

/// The local APIC of one vCPU: registers in both modes, timer, local interrupts (Intel SDM vol. 3, "Advanced
/// Programmable Interrupt Controller (APIC)"). Its own half only: what it sends is routed by `vlapics`.
///
/// Its ID is the vCPU's number and read-only, as the manual allows. It cannot suppress EOI broadcasts, and has no
/// system management interrupts: these are dropped. Delivery is done when the write that asked for it is, so delivery
/// status always reads as idle.
///
/// `receive`, `address` and `processor_priority` may be called on any CPU at any time; all else belongs to the CPU that
/// runs the vCPU. No guest-controlled value is out of range.
class vlapic : public vlapic_registers {
 public:
  vlapic() { reset(); }

  /// Who it is, `id` below 255, and what it offers; then a reset. `boots`: the processor that does not wait for a
  /// start-up IPI.
  void set_up(std::uint32_t id, bool boots, vlapic_options const& options) {
    id_ = id;
    boots_ = boots;
    options_ = options;
    timer_ = vlapic_timer{vlapic_clock{options.tsc, options.bus}};
    reset();
  }
  /// The machine's reset: xAPIC mode, at 0xfee0'0000, disabled by software.
  void reset() {
    base_ = reg::default_base | apic_base::f_en::mask | (boots_ ? apic_base::f_bsp::mask : 0);
    waits_ = !boots_;
    static_cast<void>(mail_.take());
    reset_registers();
  }
  /// As firmware leaves the processor that boots: enabled, with an 8259 on LINT0 and NMI on LINT1 (MultiProcessor
  /// Specification 1.4, "Virtual Wire Mode"). After a reset, for guests that are started without firmware.
  void enter_virtual_wire() {
    static_cast<void>(write_register(reg::svr, apic_svr::f_enable::mask | 0xff, {}));
    sources_.set_entry(vlapic_rules::index_of(apic_lvt_entry::lint0),
                       apic_lvt::f_delivery_mode::make(apic_delivery_mode::extint), true);
    sources_.set_entry(vlapic_rules::index_of(apic_lvt_entry::lint1),
                       apic_lvt::f_delivery_mode::make(apic_delivery_mode::nmi), true);
  }

  [[nodiscard]] std::uint32_t id() const { return id_; }
  /// The page of registers, meaningful in xAPIC mode. The guest may move it.
  [[nodiscard, gnu::always_inline]] guest_phys page() const { return {apic_base::f_base::get(base_) << 12}; }
  /// True until the start-up IPI that lets the processor run has come.
  [[nodiscard]] bool waits_for_start() const { return waits_; }

  // --- towards the processor ---

  /// True when `take_events` or `highest` may have something. False guarantees that they have not.
  [[nodiscard, gnu::always_inline]] bool has_work() const { return requests_.has_work(); }
  /// What has come past IRR. INIT resets the registers here.
  [[nodiscard]] vlapic_events take_events() {
    if (mail_.is_empty()) [[likely]]
      return {};
    return open_mail();
  }
  /// The vector that is to interrupt the processor now, if it takes interrupts: above PPR, while the APIC is enabled.
  [[nodiscard]] vlapic_vector highest() {
    requests_.begin_settling();
    vlapic_vector const found = apic_svr::f_enable::get(svr_) ? requests_.highest() : vlapic_vector{};
    requests_.settle(found.any || !mail_.is_empty());
    return found;
  }
  /// The processor has taken `vector`. False, and nothing happened, when it was not there to be taken.
  bool accept(std::uint8_t vector) { return requests_.accept(vector); }
  /// True when an 8259's interrupts reach this processor: through LINT0, or because there is no local APIC.
  [[nodiscard]] bool takes_extint() const { return !apic_base::f_en::get(base_) || sources_.takes_extint(); }
  /// CR8, the upper half of TPR ("Task Priority in IA-32e Mode").
  [[nodiscard]] std::uint64_t cr8() const { return requests_.tpr() >> 4; }
  /// Precondition: `value` is at most 15; others are the caller's #GP.
  void set_cr8(std::uint64_t value) { requests_.set_tpr(static_cast<std::uint8_t>((value & 15) << 4)); }

  // --- what is wired to it ---

  /// LINT0 or LINT1 (`pin` 0 or 1) becomes active or not.
  void set_pin(unsigned pin, bool active) {
    if (!apic_base::f_en::get(base_)) {
      // Without a local APIC these are the processor's INTR, see `takes_extint`, and NMI.
      if (pin == 1 && active) mail(vlapic_mailbox::nmi);
      return;
    }
    sources_.set_pin(pin & 1, active);
  }
  /// Something happened that has an entry in the local vector table.
  void raise(apic_lvt_entry which) { sources_.raise(which); }

  // --- time ---

  /// When the timer interrupts next, as a time of the guest's TSC; `none` when it does not.
  [[nodiscard]] result<ticks, timer_error> deadline() const {
    if (sources_.is_masked(apic_lvt_entry::timer)) return failure{timer_error::none};
    return timer_.deadline();
  }
  /// The guest's TSC has been set: what was `before` is `after` from now on.
  void rebase(ticks before, ticks after) {
    advance(before);
    timer_.rebase(before, after);
  }

  // --- registers ---

  /// The guest loads `bytes` bytes at `offset` of the page. Only aligned 32-bit words are defined; others are 0.
  [[nodiscard, gnu::always_inline]] std::uint64_t read(std::uint64_t offset, unsigned bytes, ticks now) {
    if (bytes == 4 && is_xapic()) {
      if (offset == reg::tpr) return requests_.tpr();
      if (offset == reg::current_count) return timer_.current_count(now);
      if (offset == reg::id) return apic_id::f_id::make(id_);
    }
    return read_slow(offset, bytes, now);
  }
  /// The guest stores the low `bytes` bytes of `value`.
  [[nodiscard]] vlapic_effect write(std::uint64_t offset, unsigned bytes, std::uint64_t value, ticks now) {
    vlapic_effect effect{};
    return write_quickly(offset, bytes, value, now, effect) ? effect : write_slow(offset, bytes, value, now);
  }
  /// The same for what is written most; false, and nothing happened, for everything else.
  [[nodiscard, gnu::always_inline]] bool write_quickly(std::uint64_t offset, unsigned bytes, std::uint64_t value,
                                                       ticks now, vlapic_effect& effect) {
    if (bytes != 4 || !is_xapic()) return false;
    if (offset == reg::eoi) return effect = end(), true;
    if (offset == reg::tpr) return effect = set_tpr(value), true;
    if (offset == reg::initial_count) {
      effect = set_initial_count(static_cast<std::uint32_t>(value), now);
      return true;
    }
    return false;
  }

  /// True for the MSRs of a local APIC: IA32_APIC_BASE, IA32_TSC_DEADLINE, and 0x800 to 0x8ff.
  [[nodiscard]] static constexpr bool has_msr(std::uint32_t number) {
    return number - reg::first_msr <= reg::last_msr - reg::first_msr || number == apic_base::msr ||
           number == apic_tsc_deadline::msr;
  }
  /// The guest reads the MSR `number`; `msr_refused` for a general-protection exception.
  [[nodiscard, gnu::always_inline]] result<std::uint64_t, msr_refused> read_msr(std::uint32_t number, ticks now) {
    if (is_x2apic()) {
      if (number == reg::msr(reg::tpr)) return std::uint64_t{requests_.tpr()};
      if (number == reg::msr(reg::current_count)) return std::uint64_t{timer_.current_count(now)};
      if (number == reg::msr(reg::id)) return std::uint64_t{id_};
    }
    return read_msr_slow(number, now);
  }
  /// The guest writes the MSR `number`.
  [[nodiscard]] result<vlapic_effect, msr_refused> write_msr(std::uint32_t number, std::uint64_t value, ticks now) {
    vlapic_effect effect{};
    if (write_msr_quickly(number, value, now, effect)) return effect;
    return write_msr_slow(number, value, now);
  }
  /// The same for what is written most; false, and nothing happened, for everything else.
  [[nodiscard, gnu::always_inline]] bool write_msr_quickly(std::uint32_t number, std::uint64_t value, ticks now,
                                                           vlapic_effect& effect) {
    if (number == apic_tsc_deadline::msr && options_.tsc_deadline) return effect = set_tsc_deadline(value, now), true;
    if (!is_x2apic()) return false;
    if (number == reg::msr(reg::eoi) && value == 0) return effect = end(), true;
    if (number == reg::msr(reg::tpr) && value >> 8 == 0) return effect = set_tpr(value), true;
    if (number == reg::msr(reg::initial_count) && value >> 32 == 0) {
      effect = set_initial_count(static_cast<std::uint32_t>(value), now);
      return true;
    }
    return false;
  }
  /// A write of ICR with `value`, whole in x2APIC mode and the lower half in xAPIC mode, that has no reserved bits and
  /// is routed by the caller.
  [[gnu::always_inline]] void note_command(std::uint64_t value) {
    icr_ = is_x2apic() ? value : (icr_ & ~std::uint64_t{0xffff'ffff}) | value;
  }
  /// ICR as it was written last, in the form of the mode.
  [[nodiscard]] std::uint64_t icr() const { return icr_; }

  // --- from any CPU ---

  /// Where messages find it: fields of `addressing`.
  [[nodiscard]] std::uint32_t address() const { return address_.load(std::memory_order_relaxed); }
  /// PPR.
  [[nodiscard]] std::uint8_t processor_priority() const { return requests_.processor_priority(); }
  /// Takes in an edge, `vector` 16 to 255. True when the vCPU must look at `has_work`.
  [[gnu::always_inline]] bool receive_fixed(std::uint8_t vector) {
    constexpr std::uint32_t needed = addressing::f_present::mask | addressing::f_enabled::mask;
    return (address() & needed) == needed && requests_.post(vector, apic_trigger::edge);
  }
  /// Takes in a message. True when the vCPU must look at `has_work`: it runs and must be interrupted, or waits.
  bool receive(apic_delivery_mode mode, std::uint8_t vector, apic_trigger trigger) {
    std::uint32_t const to = address();
    if (!addressing::f_present::get(to)) return false;
    switch (mode) {
      case apic_delivery_mode::fixed:
      case apic_delivery_mode::lowest_priority:
        if (!addressing::f_enabled::get(to)) return false;
        if (vector < reg::first_vector) return sources_.add_error_elsewhere(apic_esr::f_receive_illegal_vector::mask);
        return requests_.post(vector, trigger);
      case apic_delivery_mode::nmi: mail(vlapic_mailbox::nmi); return true;
      case apic_delivery_mode::extint: mail(vlapic_mailbox::extint); return true;
      case apic_delivery_mode::init:
        mail_.put_init();
        requests_.alert();
        return true;
      case apic_delivery_mode::start_up:
        mail_.put_start(vector);
        requests_.alert();
        return true;
      default: return false;
    }
  }
};

}  // namespace axhal::x86_64
