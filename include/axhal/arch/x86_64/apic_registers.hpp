// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/core/bit_field.hpp>

#include <cstdint>

/// Registers of the local APIC as offsets, MSR numbers and fields (Intel SDM, volume 3, "Advanced Programmable
/// Interrupt Controller (APIC)"). In xAPIC mode they are 32 bits wide, one every 16 bytes of a page; in x2APIC mode
/// they are MSRs.
namespace axhal::x86_64 {

/// A field of a local APIC register.
template <typename Value, unsigned Msb, unsigned Lsb = Msb>
using apic_field = bit_field<Value, Msb, Lsb, std::uint32_t>;

/// Offsets in the page ("Local APIC Register Address Map"). "x" marks what x2APIC mode has too, under `msr(offset)`.
struct apic_registers {
  //                                                           access   what
  static constexpr std::uint32_t id = 0x020;               // rw/ro x  local APIC ID; read-only in x2APIC mode
  static constexpr std::uint32_t version = 0x030;          // ro    x
  static constexpr std::uint32_t tpr = 0x080;              // rw    x  task priority
  static constexpr std::uint32_t apr = 0x090;              // ro       arbitration priority
  static constexpr std::uint32_t ppr = 0x0a0;              // ro    x  processor priority
  static constexpr std::uint32_t eoi = 0x0b0;              // wo    x  end of interrupt
  static constexpr std::uint32_t rrd = 0x0c0;              // ro       remote read
  static constexpr std::uint32_t ldr = 0x0d0;              // rw/ro x  logical destination; read-only in x2APIC mode
  static constexpr std::uint32_t dfr = 0x0e0;              // rw       destination format
  static constexpr std::uint32_t svr = 0x0f0;              // rw    x  spurious interrupt vector, software enable
  static constexpr std::uint32_t isr = 0x100;              // ro    x  in service, 1 bit a vector: 8 registers
  static constexpr std::uint32_t tmr = 0x180;              // ro    x  trigger mode, the same
  static constexpr std::uint32_t irr = 0x200;              // ro    x  interrupt request, the same
  static constexpr std::uint32_t esr = 0x280;              // rw    x  error status
  static constexpr std::uint32_t lvt_cmci = 0x2f0;         // rw    x  corrected machine checks
  static constexpr std::uint32_t icr = 0x300;              // rw    x  interrupt command; 64 bits wide in x2APIC mode
  static constexpr std::uint32_t icr_high = 0x310;         // rw       its upper half in xAPIC mode
  static constexpr std::uint32_t lvt_timer = 0x320;        // rw    x
  static constexpr std::uint32_t lvt_thermal = 0x330;      // rw    x
  static constexpr std::uint32_t lvt_performance = 0x340;  // rw    x
  static constexpr std::uint32_t lvt_lint0 = 0x350;        // rw    x
  static constexpr std::uint32_t lvt_lint1 = 0x360;        // rw    x
  static constexpr std::uint32_t lvt_error = 0x370;        // rw    x
  static constexpr std::uint32_t initial_count = 0x380;    // rw    x  of the timer
  static constexpr std::uint32_t current_count = 0x390;    // ro    x
  static constexpr std::uint32_t dcr = 0x3e0;              // rw    x  divide configuration
  static constexpr std::uint32_t self_ipi = 0x3f0;         // wo    x  x2APIC mode alone

  static constexpr std::uint32_t stride = 0x10;               ///< between two registers of the page
  static constexpr std::uint32_t size = 0x1000;               ///< bytes of the page
  static constexpr std::uint64_t default_base = 0xfee0'0000;  ///< the page's address after reset
  static constexpr std::uint32_t bitmap_words = 8;            ///< ISR, TMR, IRR: registers of 32 vectors each
  static constexpr std::uint32_t first_vector = 16;           ///< smaller ones are illegal
  static constexpr std::uint32_t first_msr = 0x800;           ///< x2APIC mode ("x2APIC Register Address Space")
  static constexpr std::uint32_t last_msr = 0x8ff;
  static constexpr std::uint32_t broadcast = 0xff;                ///< xAPIC: the destination that is everyone
  static constexpr std::uint32_t x2apic_broadcast = 0xffff'ffff;  ///< x2APIC: the same

  /// The MSR that has the register at `offset` in x2APIC mode.
  [[nodiscard]] static constexpr std::uint32_t msr(std::uint32_t offset) { return first_msr + offset / stride; }
};

/// IA32_APIC_BASE, MSR 0x1b ("Local APIC Status and Location", "x2APIC State Transitions").
struct apic_base {
  static constexpr std::uint32_t msr = 0x1b;
  using f_bsp = bit_field<bool, 8>;                 ///< this is the processor that booted
  using f_extd = bit_field<bool, 10>;               ///< x2APIC mode; only with EN
  using f_en = bit_field<bool, 11>;                 ///< the local APIC exists
  using f_base = bit_field<std::uint64_t, 51, 12>;  ///< the page's frame; bits past MAXPHYADDR are reserved
};

/// IA32_TSC_DEADLINE, MSR 0x6e0 ("TSC-Deadline Mode"): the TSC at which the timer fires, 0 for never.
struct apic_tsc_deadline {
  static constexpr std::uint32_t msr = 0x6e0;
};

/// The local APIC ID in xAPIC mode; in x2APIC mode the whole register is the ID ("Local APIC ID").
struct apic_id {
  using f_id = apic_field<std::uint32_t, 31, 24>;
};

/// The version register ("Local APIC Version Register").
struct apic_version {
  using f_version = apic_field<std::uint32_t, 7, 0>;          ///< 0x10 to 0x15: an integrated one
  using f_max_lvt_entry = apic_field<std::uint32_t, 23, 16>;  ///< LVT entries, less one
  using f_suppress_eoi_broadcast = apic_field<bool, 24>;      ///< SVR can suppress EOI broadcasts
};

/// TPR, PPR and APR ("Task and Processor Priorities").
struct apic_priority {
  using f_subclass = apic_field<std::uint32_t, 3, 0>;
  using f_class = apic_field<std::uint32_t, 7, 4>;
};

/// LDR ("Logical Destination Mode and Logical x2APIC ID", "Logical Destination Register").
struct apic_ldr {
  using f_logical_id = apic_field<std::uint32_t, 31, 24>;  ///< xAPIC mode
  using f_members = apic_field<std::uint32_t, 15, 0>;      ///< x2APIC mode: one bit a member of the cluster
  using f_cluster = apic_field<std::uint32_t, 31, 16>;     ///< x2APIC mode

  /// What LDR reads in x2APIC mode ("Deriving Logical x2APIC ID from the Local x2APIC ID").
  [[nodiscard]] static constexpr std::uint32_t of_x2apic_id(std::uint32_t x2apic_id) {
    return f_cluster::make(x2apic_id >> 4) | f_members::make(1U << (x2apic_id & 15));
  }
};

/// DFR: how xAPIC mode reads logical destinations ("Logical Destination Mode"). Other bits read as ones.
struct apic_dfr {
  using f_model = apic_field<std::uint32_t, 31, 28>;
  static constexpr std::uint32_t flat = 15;
  static constexpr std::uint32_t cluster = 0;
};

/// SVR ("Spurious Interrupt").
struct apic_svr {
  using f_vector = apic_field<std::uint8_t, 7, 0>;
  using f_enable = apic_field<bool, 8>;                   ///< software enable
  using f_focus_disable = apic_field<bool, 9>;            ///< no focus processor checking; without effect since long
  using f_suppress_eoi_broadcast = apic_field<bool, 12>;  ///< where the version register offers it
};

/// ESR ("Error Handling").
struct apic_esr {
  using f_send_checksum = apic_field<bool, 0>;
  using f_receive_checksum = apic_field<bool, 1>;
  using f_send_accept = apic_field<bool, 2>;
  using f_receive_accept = apic_field<bool, 3>;
  using f_redirectable_ipi = apic_field<bool, 4>;
  using f_send_illegal_vector = apic_field<bool, 5>;
  using f_receive_illegal_vector = apic_field<bool, 6>;
  using f_illegal_register_address = apic_field<bool, 7>;  ///< xAPIC mode alone
};

/// What a message or an LVT entry does at its destination ("Interrupt Command Register (ICR)", "Local Vector Table").
enum class apic_delivery_mode : std::uint32_t {
  fixed = 0,
  lowest_priority = 1,  ///< fixed, at the one destination with the lowest priority; not in the LVT
  smi = 2,
  reserved = 3,
  nmi = 4,
  init = 5,
  start_up = 6,  ///< in the ICR alone
  extint = 7,    ///< the vector comes from an 8259; not in the ICR
};

/// How destinations are meant.
enum class apic_destination_mode : std::uint32_t { physical = 0, logical = 1 };

enum class apic_trigger : std::uint32_t { edge = 0, level = 1 };

/// Who is meant without a destination ("Interrupt Command Register (ICR)").
enum class apic_shorthand : std::uint32_t { none = 0, self = 1, all = 2, all_but_self = 3 };

/// ICR, lower half; the upper one is the destination.
struct apic_icr {
  using f_vector = apic_field<std::uint8_t, 7, 0>;
  using f_delivery_mode = apic_field<apic_delivery_mode, 10, 8>;
  using f_destination_mode = apic_field<apic_destination_mode, 11>;
  using f_delivery_status = apic_field<bool, 12>;  ///< xAPIC mode, read-only: the last one is still on its way
  using f_assert = apic_field<bool, 14>;           ///< "level": 0 only to de-assert INIT
  using f_trigger = apic_field<apic_trigger, 15>;
  using f_shorthand = apic_field<apic_shorthand, 19, 18>;
  using f_high_destination = apic_field<std::uint32_t, 31, 24>;  ///< of the upper half, in xAPIC mode
};

/// An entry of the local vector table ("Local Vector Table"). Not every entry has every field.
struct apic_lvt {
  using f_vector = apic_field<std::uint8_t, 7, 0>;
  using f_delivery_mode = apic_field<apic_delivery_mode, 10, 8>;  ///< not timer, not error
  using f_delivery_status = apic_field<bool, 12>;                 ///< read-only
  using f_active_low = apic_field<bool, 13>;                      ///< LINT0, LINT1
  using f_remote_irr = apic_field<bool, 14>;                      ///< LINT0, LINT1; read-only
  using f_trigger = apic_field<apic_trigger, 15>;                 ///< LINT0, LINT1
  using f_masked = apic_field<bool, 16>;
  /// What the timer does ("APIC Timer"). 3 is reserved.
  enum class timer_mode : std::uint32_t { one_shot = 0, periodic = 1, tsc_deadline = 2, reserved = 3 };
  using f_timer_mode = apic_field<timer_mode, 18, 17>;  ///< timer
};

/// The divide configuration of the timer ("APIC Timer").
struct apic_dcr {
  using f_low = apic_field<std::uint32_t, 1, 0>;
  using f_high = apic_field<std::uint32_t, 3>;
  static constexpr std::uint32_t mask = f_low::mask | f_high::mask;

  /// The timer counts once in 2^n cycles of its clock; n is 0 to 7.
  [[nodiscard]] static constexpr unsigned shift_of(std::uint32_t dcr) {
    return ((f_high::get(dcr) << 2 | f_low::get(dcr)) + 1) & 7;
  }
  /// Inverse of `shift_of`: the register that divides by 2^`shift`, `shift` 0 to 7.
  [[nodiscard]] static constexpr std::uint32_t of_shift(unsigned shift) {
    std::uint32_t const code = (shift - 1) & 7;
    return f_high::make(code >> 2) | f_low::make(code & 3);
  }
};

}  // namespace axhal::x86_64
