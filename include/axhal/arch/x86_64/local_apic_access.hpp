// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/arch/x86_64/apic_registers.hpp>
#include <axhal/arch/x86_64/msr.hpp>
#include <axhal/core/mmio.hpp>
#include <axhal/core/result.hpp>
#include <axhal/policy/cpu.hpp>

#include <concepts>
#include <cstdint>

namespace axhal::x86_64 {

/// Why a local APIC did not do what it was asked for.
enum class apic_error : std::uint8_t {
  absent,        ///< the processor has no local APIC, or it was turned off for good
  unsupported,   ///< this APIC has no x2APIC mode, no such local interrupt, or no such timer mode
  out_of_range,  ///< no such vector (16 to 255) or destination
  busy,          ///< the interrupt before this one is still not sent
};

/// How this CPU's local APIC is reached: registers by their offsets in the xAPIC page, and the interrupt command
/// register in one piece.
///
/// `send` returns when the command is with the APIC; what this CPU wrote before is then visible to whoever takes the
/// interrupt, in either mode. `busy` when the one before was not sent in reasonable time. `destination` is a whole APIC
/// ID; the xAPIC has 8 bits of it, and `out_of_range` is what more are.
///
/// Models: x86_64::xapic_access, x86_64::x2apic_access, x86_64::either_apic_access.
template <typename A>
concept LocalApicAccess = requires(A& a, std::uint32_t offset, std::uint32_t value, std::uint32_t destination) {
  { a.read(offset) } -> std::same_as<std::uint32_t>;
  { a.write(offset, value) } -> std::same_as<void>;
  { a.id() } -> std::same_as<std::uint32_t>;
  { a.send(destination, value) } -> std::same_as<result<void, apic_error>>;
  { a.is_x2apic() } -> std::same_as<bool>;
  { a.order_timer_mode() } -> std::same_as<void>;
};

/// The xAPIC's page of registers (Intel SDM vol. 3, "The Local APIC Block Diagram"). The mapping must be uncached.
template <MmioWindow Window, typename Cpu>
  requires cpu_req::HasBarriers<Cpu> && cpu_req::MasksInterrupts<Cpu> && cpu_req::Waits<Cpu>
class xapic_access {
 public:
  static constexpr std::uint32_t broadcast = 0xff;  ///< the destination that means every CPU

  constexpr explicit xapic_access(Window window) : window_{window} {}

  [[nodiscard]] static constexpr bool is_x2apic() { return false; }
  [[nodiscard]] std::uint32_t read(std::uint32_t offset) { return window_.read32(offset); }
  void write(std::uint32_t offset, std::uint32_t value) { window_.write32(offset, value); }
  [[nodiscard]] std::uint32_t id() { return window_.read32(apic_registers::id) >> 24; }

  [[nodiscard]] result<void, apic_error> send(std::uint32_t destination, std::uint32_t command) {
    if (destination > 0xff) return failure{apic_error::out_of_range};
    // A handler that sends between the two writes would leave its own destination behind.
    auto const before = Cpu::mask_interrupts();
    bool const idle = wait_until_idle();
    if (idle) {
      window_.write32(apic_registers::icr_high, destination << 24);
      window_.write32(apic_registers::icr, command);
    }
    Cpu::restore_interrupts(before);
    if (!idle) return failure{apic_error::busy};
    return {};
  }
  /// The write that chose the timer's mode comes before MSRs that depend on it ("TSC-Deadline Mode").
  static void order_timer_mode() { Cpu::template order<barrier::device>(); }

 private:
  [[nodiscard]] bool wait_until_idle() {
    constexpr unsigned most = 1U << 20;
    for (unsigned i = 0; i < most; ++i) {
      if (!apic_icr::f_delivery_status::get(window_.read32(apic_registers::icr))) return true;
      Cpu::relax();
    }
    return false;
  }

  [[no_unique_address]] Window window_;
};

/// MSRs and the barrier that keeps a write to them behind what was stored before: `order<barrier::device>` must keep
/// stores in front of WRMSR, as MFENCE; LFENCE does (Intel SDM vol. 3, "WRMSR in x2APIC Mode"). Models: x86_64::cpu.
template <typename I>
concept ApicMsrs = cpu_req::HasBarriers<I> && requires(std::uint32_t number, std::uint64_t value) {
  { I::read_msr(number) } -> std::same_as<std::uint64_t>;
  { I::write_msr(number, value) } -> std::same_as<void>;
};

/// The x2APIC's MSRs (Intel SDM vol. 3, "x2APIC Register Address Space").
template <ApicMsrs I>
class x2apic_access {
 public:
  static constexpr std::uint32_t broadcast = 0xffff'ffff;  ///< the destination that means every CPU

  [[nodiscard]] static constexpr bool is_x2apic() { return true; }
  [[nodiscard]] static std::uint32_t read(std::uint32_t offset) {
    return static_cast<std::uint32_t>(I::read_msr(number_of(offset)));
  }
  static void write(std::uint32_t offset, std::uint32_t value) { I::write_msr(number_of(offset), value); }
  [[nodiscard]] static std::uint32_t id() { return read(apic_registers::id); }

  [[nodiscard]] static result<void, apic_error> send(std::uint32_t destination, std::uint32_t command) {
    // WRMSR to an x2APIC register does not wait for earlier stores.
    I::template order<barrier::device>();
    I::write_msr(number_of(apic_registers::icr), std::uint64_t{destination} << 32 | command);
    return {};
  }
  static constexpr void order_timer_mode() {}

  [[nodiscard]] static constexpr std::uint32_t number_of(std::uint32_t offset) {
    return msr::x2apic_first + offset / 16;
  }
};

/// One of both, chosen once when the program has looked at its CPU: for an image that runs on either.
template <typename XApic, typename X2Apic>
  requires LocalApicAccess<XApic> && LocalApicAccess<X2Apic>
class either_apic_access {
 public:
  constexpr either_apic_access(bool x2apic, XApic x, X2Apic x2 = {}) : page_{x}, msrs_{x2}, x2apic_{x2apic} {}

  [[nodiscard]] constexpr bool is_x2apic() const { return x2apic_; }
  [[nodiscard]] std::uint32_t read(std::uint32_t offset) { return x2apic_ ? msrs_.read(offset) : page_.read(offset); }
  void write(std::uint32_t offset, std::uint32_t value) {
    x2apic_ ? msrs_.write(offset, value) : page_.write(offset, value);
  }
  [[nodiscard]] std::uint32_t id() { return x2apic_ ? msrs_.id() : page_.id(); }
  [[nodiscard]] result<void, apic_error> send(std::uint32_t destination, std::uint32_t command) {
    return x2apic_ ? msrs_.send(destination, command) : page_.send(destination, command);
  }
  void order_timer_mode() { x2apic_ ? msrs_.order_timer_mode() : page_.order_timer_mode(); }

 private:
  [[no_unique_address]] XApic page_;
  [[no_unique_address]] X2Apic msrs_;
  bool x2apic_;
};

}  // namespace axhal::x86_64
