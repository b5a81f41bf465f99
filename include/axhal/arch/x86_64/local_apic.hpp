// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/arch/x86_64/apic_registers.hpp>
#include <axhal/arch/x86_64/local_apic_access.hpp>
#include <axhal/core/result.hpp>

#include <cstdint>

namespace axhal::x86_64 {

/// The interrupts that a local APIC makes by itself: the entries of its local vector table ("Local Vector Table").
enum class local_interrupt : std::uint8_t { timer, thermal, performance, lint0, lint1, error, cmci };

/// The local APIC of the CPU this code runs on (Intel SDM vol. 3, "Advanced Programmable Interrupt Controller (APIC)").
/// One object serves all CPUs: each reaches its own registers at the same place.
///
/// The mode, xAPIC or x2APIC, is chosen before by `enter_apic_mode` (apic_mode.hpp). `enable` once on every CPU.
/// Changing one LVT entry or the timer is for the CPU itself with interrupts masked; sending is for anybody.
template <LocalApicAccess Access>
class local_apic {
 public:
  using access_type = Access;
  static constexpr std::uint8_t first_vector = apic_registers::first_vector;  ///< the lowest that can be sent

  constexpr explicit local_apic(Access access = {}) : access_{access} {}

  // --- boot ---

  /// Brings this CPU's APIC to a known state and opens it: every local interrupt masked, the timer stopped, every
  /// priority let through, interrupts that nobody ended ended, errors forgotten. `spurious` is the vector that comes
  /// without a cause, and that masked entries carry; `out_of_range` below 16. `absent` when no APIC answers.
  ///
  /// What was requested before stays so: it cannot be taken back, and comes when the CPU lets interrupts in.
  [[nodiscard]] result<void, apic_error> enable(std::uint8_t spurious);

  /// Takes no interrupts on this CPU any more, but for NMI, INIT, SMI and start-up. Local entries are masked.
  void disable() { write(reg::svr, apic_svr::f_enable::with(read(reg::svr), false)); }

  /// This CPU's APIC ID: 8 bits in xAPIC mode, 32 in x2APIC mode.
  [[nodiscard]] std::uint32_t id() { return access_.id(); }
  [[nodiscard]] bool is_x2apic() { return access_.is_x2apic(); }
  /// The highest APIC ID that can be a destination in this mode; the one above means everybody.
  [[nodiscard]] std::uint32_t last_id() { return (is_x2apic() ? reg::x2apic_broadcast : reg::broadcast) - 1; }
  /// Whether this APIC has `which`.
  [[nodiscard]] bool has(local_interrupt which) {
    std::uint32_t const last = apic_version::f_max_lvt_entry::get(read(reg::version));
    switch (which) {
      case local_interrupt::performance: return last >= 4;
      case local_interrupt::thermal: return last >= 5;
      case local_interrupt::cmci: return last >= 6;
      default: return true;
    }
  }

  // --- interrupts that this CPU takes ---

  /// Ends the most urgent interrupt in service. Not for spurious ones, NMI and the like.
  void end_of_interrupt() { write(reg::eoi, 0); }
  /// True while `vector` was taken and not ended.
  [[nodiscard]] bool is_in_service(std::uint8_t vector) { return bit(reg::isr, vector); }
  /// True while `vector` waits to be taken.
  [[nodiscard]] bool is_requested(std::uint8_t vector) { return bit(reg::irr, vector); }
  /// Lets this CPU take only vectors of a higher class (the upper four bits) than `priority`; 0 lets every one through.
  void set_task_priority(std::uint8_t priority) { write(reg::tpr, priority); }
  [[nodiscard]] std::uint8_t task_priority() { return static_cast<std::uint8_t>(read(reg::tpr)); }

  /// What went wrong since the last call, as bits of `apic_esr`.
  [[nodiscard]] std::uint32_t take_errors() {
    // "The ESR is a write/read register": the write is what makes the register show anything.
    write(reg::esr, 0);
    return read(reg::esr);
  }

  // --- interrupts of its own ---

  /// What `which` comes as, and masks it. `unsupported` when there is no such entry, `out_of_range` for a vector below
  /// 16.
  [[nodiscard]] result<void, apic_error> set_vector(local_interrupt which, std::uint8_t vector) {
    if (vector < first_vector) return failure{apic_error::out_of_range};
    if (!has(which)) return failure{apic_error::unsupported};
    std::uint32_t const kept =
        which == local_interrupt::timer ? read(reg::lvt_timer) & apic_lvt::f_timer_mode::mask : std::uint32_t{0};
    write(entry_of(which), kept | apic_lvt::f_masked::make(true) | apic_lvt::f_vector::make(vector));
    return {};
  }
  /// Makes a pin an NMI, unmasked, as firmware describes it (boot::madt_local_nmi). `unsupported` for what is no pin.
  [[nodiscard]] result<void, apic_error> set_nmi(local_interrupt pin, bool active_low) {
    if (pin != local_interrupt::lint0 && pin != local_interrupt::lint1) return failure{apic_error::unsupported};
    // An NMI is always an edge, whatever the trigger bit says ("Local Vector Table", "Trigger Mode").
    write(entry_of(pin),
          apic_lvt::f_delivery_mode::make(apic_delivery_mode::nmi) | apic_lvt::f_active_low::make(active_low));
    return {};
  }
  void mask(local_interrupt which) {
    if (has(which)) write(entry_of(which), apic_lvt::f_masked::with(read(entry_of(which)), true));
  }
  void unmask(local_interrupt which) {
    if (has(which)) write(entry_of(which), apic_lvt::f_masked::with(read(entry_of(which)), false));
  }
  /// True as well for what is not there.
  [[nodiscard]] bool is_masked(local_interrupt which) {
    return !has(which) || apic_lvt::f_masked::get(read(entry_of(which)));
  }

  // --- the timer ---

  /// Stops the timer and chooses what it does from now on. Vector and mask stay.
  void set_timer_mode(apic_lvt::timer_mode mode) {
    stop_timer();
    write(reg::lvt_timer, apic_lvt::f_timer_mode::with(read(reg::lvt_timer), mode));
    access_.order_timer_mode();
  }
  /// Counts once in 2^`shift` cycles of the timer's clock; `shift` 0 to 7, of others the low three bits.
  void set_timer_divider(unsigned shift) { write(reg::dcr, apic_dcr::of_shift(shift & 7)); }
  /// Counts from `count` down to 0, and interrupts there. A `count` of 0 stops it.
  void start_timer(std::uint32_t count) { write(reg::initial_count, count); }
  void stop_timer() { write(reg::initial_count, 0); }
  /// What is left to count; 0 when the timer stands.
  [[nodiscard]] std::uint32_t timer_count() { return read(reg::current_count); }

  // --- interrupts of other CPUs ---

  /// `vector` at the CPU whose APIC ID is `destination`. `out_of_range` for a vector below 16, or a destination that
  /// this mode cannot name.
  [[nodiscard]] result<void, apic_error> send_fixed(std::uint32_t destination, std::uint8_t vector) {
    if (vector < first_vector) return failure{apic_error::out_of_range};
    return send(destination, apic_delivery_mode::fixed, vector);
  }
  /// `vector` at every CPU but this one.
  [[nodiscard]] result<void, apic_error> send_fixed_to_others(std::uint8_t vector) {
    if (vector < first_vector) return failure{apic_error::out_of_range};
    return send_to_others(apic_delivery_mode::fixed, vector);
  }
  /// `vector` at this CPU.
  [[nodiscard]] result<void, apic_error> send_self(std::uint8_t vector) {
    if (vector < first_vector) return failure{apic_error::out_of_range};
    if (is_x2apic()) {
      write(reg::self_ipi, vector);
      return {};
    }
    return access_.send(0, command(apic_delivery_mode::fixed, vector, apic_shorthand::self));
  }
  [[nodiscard]] result<void, apic_error> send_nmi(std::uint32_t destination) {
    return send(destination, apic_delivery_mode::nmi, 0);
  }
  [[nodiscard]] result<void, apic_error> send_nmi_to_others() { return send_to_others(apic_delivery_mode::nmi, 0); }
  /// Resets that CPU; it waits for `send_start_up` then.
  [[nodiscard]] result<void, apic_error> send_init(std::uint32_t destination) {
    return send(destination, apic_delivery_mode::init, 0);
  }
  /// Starts a CPU that waits at physical address `page` * 4096, in real mode.
  [[nodiscard]] result<void, apic_error> send_start_up(std::uint32_t destination, std::uint8_t page) {
    return send(destination, apic_delivery_mode::start_up, page);
  }

  // --- registers, by their offsets in the page ---

  [[nodiscard]] std::uint32_t read(std::uint32_t offset) { return access_.read(offset); }
  void write(std::uint32_t offset, std::uint32_t value) { access_.write(offset, value); }

 private:
  using reg = apic_registers;

  [[nodiscard]] static constexpr std::uint32_t entry_of(local_interrupt which) {
    switch (which) {
      case local_interrupt::timer: return reg::lvt_timer;
      case local_interrupt::thermal: return reg::lvt_thermal;
      case local_interrupt::performance: return reg::lvt_performance;
      case local_interrupt::lint0: return reg::lvt_lint0;
      case local_interrupt::lint1: return reg::lvt_lint1;
      case local_interrupt::error: break;
      case local_interrupt::cmci: return reg::lvt_cmci;
    }
    return reg::lvt_error;
  }
  /// "Level" is to be asserted for everything but INIT's de-assertion, which no processor of 64 bits has.
  [[nodiscard]] static constexpr std::uint32_t command(apic_delivery_mode mode, std::uint8_t vector,
                                                       apic_shorthand shorthand) {
    return apic_icr::f_vector::make(vector) | apic_icr::f_delivery_mode::make(mode) | apic_icr::f_assert::make(true) |
           apic_icr::f_shorthand::make(shorthand);
  }
  [[nodiscard]] result<void, apic_error> send(std::uint32_t destination, apic_delivery_mode mode, std::uint8_t vector) {
    if (destination > last_id()) return failure{apic_error::out_of_range};
    return access_.send(destination, command(mode, vector, apic_shorthand::none));
  }
  [[nodiscard]] result<void, apic_error> send_to_others(apic_delivery_mode mode, std::uint8_t vector) {
    return access_.send(0, command(mode, vector, apic_shorthand::all_but_self));
  }
  [[nodiscard]] bool bit(std::uint32_t bitmap, std::uint8_t vector) {
    return (read(bitmap + vector / 32U * reg::stride) >> vector % 32 & 1) != 0;
  }

  [[no_unique_address]] Access access_;
};

template <LocalApicAccess Access>
result<void, apic_error> local_apic<Access>::enable(std::uint8_t spurious) {
  if (spurious < first_vector) return failure{apic_error::out_of_range};
  std::uint32_t const version = apic_version::f_version::get(read(reg::version));
  // An integrated APIC says 10H to 15H; a bus without one reads as ones or zeros.
  if (version < 0x10 || version == 0xff) return failure{apic_error::absent};
  // While an APIC is disabled its entries cannot be unmasked, and what they hold is not to be trusted afterwards.
  write(reg::svr, apic_svr::f_vector::make(spurious) | apic_svr::f_enable::make(true));
  constexpr local_interrupt entries[] = {local_interrupt::timer, local_interrupt::thermal, local_interrupt::performance,
                                         local_interrupt::lint0, local_interrupt::lint1,   local_interrupt::error,
                                         local_interrupt::cmci};
  for (local_interrupt const which : entries) {
    if (!has(which)) continue;
    // A vector below 16 is an error even in a masked entry.
    write(entry_of(which), apic_lvt::f_masked::make(true) | apic_lvt::f_vector::make(spurious));
  }
  stop_timer();
  set_task_priority(0);
  // Each end of interrupt ends one vector: 240 can be in service.
  for (unsigned i = 0; i < 256; ++i) {
    std::uint32_t any = 0;
    for (std::uint32_t word = 0; word < reg::bitmap_words; ++word) any |= read(reg::isr + word * reg::stride);
    if (any == 0) break;
    end_of_interrupt();
  }
  static_cast<void>(take_errors());
  return {};
}

}  // namespace axhal::x86_64
