// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/arch/x86_64/apic_registers.hpp>
#include <axhal/arch/x86_64/vlapic_interrupts.hpp>
#include <axhal/arch/x86_64/vlapic_mailbox.hpp>
#include <axhal/arch/x86_64/vlapic_rules.hpp>

#include <atomic>
#include <cstdint>

namespace axhal::x86_64 {

/// The interrupts that one virtual local APIC makes itself: the local vector table with the pins LINT0 and LINT1, and
/// the errors of ESR (Intel SDM vol. 3, "Local Vector Table", "Error Handling"). What they make goes to `requests` and
/// `mail`, which outlive it. All of it belongs to the vCPU's CPU but for `add_error_elsewhere`.
class vlapic_sources {
 public:
  vlapic_sources(vlapic_interrupts& requests, vlapic_mailbox& mail) : requests_{requests}, mail_{mail} { reset(); }

  /// The state after power-up, and after INIT. Pins keep what is wired to them.
  void reset() {
    for (std::uint32_t& entry : lvt_) entry = apic_lvt::f_masked::mask;
    esr_ = 0;
    errors_.store(0, std::memory_order_relaxed);
  }

  [[nodiscard]] std::uint32_t entry(unsigned index) const { return lvt_[index]; }
  [[nodiscard]] bool is_masked(apic_lvt_entry which) const { return apic_lvt::f_masked::get(lvt_[index_of(which)]); }
  /// What the guest writes. Entries stay masked while the APIC is not `enabled` by software.
  void set_entry(unsigned index, std::uint32_t value, bool enabled) {
    std::uint32_t const kept = lvt_[index] & apic_lvt::f_remote_irr::mask;
    std::uint32_t now = value & vlapic_rules::lvt_writable(index);
    if (!enabled) now |= apic_lvt::f_masked::mask;
    lvt_[index] = now;
    if (index != index_of(apic_lvt_entry::lint0)) return;
    if (is_level(now)) lvt_[index] |= kept;
    deliver_level();
  }
  /// Software has disabled the APIC.
  void mask_all() {
    for (std::uint32_t& entry : lvt_) entry |= apic_lvt::f_masked::mask;
  }

  /// Something happened for which there is an entry: it is delivered as that says.
  void raise(apic_lvt_entry which) {
    unsigned const index = index_of(which);
    std::uint32_t const entry = lvt_[index];
    if (apic_lvt::f_masked::get(entry)) return;
    // "Local Vector Table": the performance counters' entry masks itself.
    if (which == apic_lvt_entry::performance) lvt_[index] |= apic_lvt::f_masked::mask;
    bool const is_fixed = which == apic_lvt_entry::timer || which == apic_lvt_entry::error;
    switch (is_fixed ? apic_delivery_mode::fixed : apic_lvt::f_delivery_mode::get(entry)) {
      case apic_delivery_mode::fixed: request(apic_lvt::f_vector::get(entry), apic_trigger::edge); break;
      case apic_delivery_mode::nmi: mail(vlapic_mailbox::nmi); break;
      case apic_delivery_mode::extint: mail(vlapic_mailbox::extint); break;
      case apic_delivery_mode::init:
        mail_.put_init();
        requests_.alert();
        break;
      default: break;
    }
  }
  /// The pin LINT0 or LINT1 (`pin` 0 or 1) becomes active or not, whichever voltage that is. LINT1 knows edges alone.
  void set_pin(unsigned pin, bool active) {
    std::uint8_t const bit = pin == 0 ? 1 : 2;
    bool const was = (pins_ & bit) != 0;
    pins_ = static_cast<std::uint8_t>(active ? pins_ | bit : pins_ & ~bit);
    if (!active || was) return;
    if (pin == 0 && is_level(lvt_[index_of(apic_lvt_entry::lint0)])) return deliver_level();
    raise(pin == 0 ? apic_lvt_entry::lint0 : apic_lvt_entry::lint1);
  }
  /// The guest has completed a level-triggered `vector`: LINT0 may interrupt again.
  void end_of_level(std::uint8_t vector) {
    std::uint32_t& entry = lvt_[index_of(apic_lvt_entry::lint0)];
    if (!apic_lvt::f_remote_irr::get(entry) || apic_lvt::f_vector::get(entry) != vector) return;
    entry = apic_lvt::f_remote_irr::with(entry, false);
    deliver_level();
  }
  /// True when an 8259 on LINT0 interrupts the processor.
  [[nodiscard]] bool takes_extint() const {
    std::uint32_t const entry = lvt_[index_of(apic_lvt_entry::lint0)];
    return !apic_lvt::f_masked::get(entry) && apic_lvt::f_delivery_mode::get(entry) == apic_delivery_mode::extint;
  }

  /// An interrupt of this APIC's own for this processor; those below 16 are an error.
  void request(std::uint8_t vector, apic_trigger trigger) {
    if (vector < apic_registers::first_vector) return add_error(apic_esr::f_receive_illegal_vector::mask);
    requests_.post(vector, trigger);
  }
  /// Notes an error; the first one since the last `latch_errors` interrupts.
  void add_error(std::uint32_t bits) {
    if (errors_.fetch_or(bits, std::memory_order_relaxed) == 0) raise(apic_lvt_entry::error);
  }
  /// The same from another CPU: the interrupt is left to this one, which must be woken when the answer is true.
  bool add_error_elsewhere(std::uint32_t bits) {
    if (errors_.fetch_or(bits, std::memory_order_relaxed) != 0) return false;
    mail(vlapic_mailbox::error);
    return true;
  }
  /// A write of ESR: what has been noted becomes readable.
  void latch_errors() { esr_ = errors_.exchange(0, std::memory_order_relaxed); }
  [[nodiscard]] std::uint32_t esr() const { return esr_; }

 private:
  [[nodiscard]] static constexpr unsigned index_of(apic_lvt_entry which) { return vlapic_rules::index_of(which); }
  [[nodiscard]] static constexpr bool is_level(std::uint32_t entry) {
    return apic_lvt::f_delivery_mode::get(entry) == apic_delivery_mode::fixed &&
           apic_lvt::f_trigger::get(entry) == apic_trigger::level;
  }
  void deliver_level() {
    std::uint32_t& entry = lvt_[index_of(apic_lvt_entry::lint0)];
    bool const free = !apic_lvt::f_masked::get(entry) && !apic_lvt::f_remote_irr::get(entry);
    if ((pins_ & 1) == 0 || !is_level(entry) || !free) return;
    std::uint8_t const vector = apic_lvt::f_vector::get(entry);
    // An illegal one is never completed, so nothing waits for that.
    if (vector >= apic_registers::first_vector) entry = apic_lvt::f_remote_irr::with(entry, true);
    request(vector, apic_trigger::level);
  }
  void mail(std::uint32_t what) {
    mail_.put(what);
    requests_.alert();
  }

  vlapic_interrupts& requests_;
  vlapic_mailbox& mail_;
  std::uint32_t lvt_[vlapic_rules::lvt_entries]{};
  std::uint32_t esr_{};
  std::atomic<std::uint32_t> errors_{};  ///< since the last write of ESR
  std::uint8_t pins_{};
};

}  // namespace axhal::x86_64
