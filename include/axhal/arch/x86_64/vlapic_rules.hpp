// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/arch/x86_64/apic_registers.hpp>

#include <cstdint>

namespace axhal::x86_64 {

/// The entries of the local vector table, in the order of their registers; the last one lies apart from the others.
enum class apic_lvt_entry : std::uint8_t { timer, thermal, performance, lint0, lint1, error, cmci };

/// Which bits of which registers a guest may write, and which registers x2APIC mode has (Intel SDM vol. 3, "Local
/// Vector Table", "x2APIC Register Address Space", "Reserved Bit Checking").
struct vlapic_rules {
  static constexpr unsigned lvt_entries = 7;

  [[nodiscard]] static constexpr unsigned index_of(apic_lvt_entry which) { return static_cast<unsigned>(which); }
  /// The entry whose register is at `offset`, or `lvt_entries`.
  [[nodiscard]] static constexpr unsigned lvt_index(std::uint32_t offset) {
    using reg = apic_registers;
    if (offset >= reg::lvt_timer && offset <= reg::lvt_error) return (offset - reg::lvt_timer) / reg::stride;
    return offset == reg::lvt_cmci ? index_of(apic_lvt_entry::cmci) : lvt_entries;
  }
  /// Bits of an entry that a write changes.
  [[nodiscard]] static constexpr std::uint32_t lvt_writable(unsigned index) {
    std::uint32_t const common = apic_lvt::f_vector::mask | apic_lvt::f_masked::mask;
    switch (static_cast<apic_lvt_entry>(index)) {
      case apic_lvt_entry::timer: return common | apic_lvt::f_timer_mode::mask;
      case apic_lvt_entry::error: return common;
      case apic_lvt_entry::lint0:
      case apic_lvt_entry::lint1:
        return common | apic_lvt::f_delivery_mode::mask | apic_lvt::f_active_low::mask | apic_lvt::f_trigger::mask;
      default: return common | apic_lvt::f_delivery_mode::mask;
    }
  }
  /// Bits of an entry that the APIC alone changes.
  [[nodiscard]] static constexpr std::uint32_t lvt_read_only(unsigned index) {
    auto const entry = static_cast<apic_lvt_entry>(index);
    bool const is_lint = entry == apic_lvt_entry::lint0 || entry == apic_lvt_entry::lint1;
    return apic_lvt::f_delivery_status::mask | (is_lint ? apic_lvt::f_remote_irr::mask : 0);
  }
  static constexpr std::uint32_t svr_writable =
      apic_svr::f_vector::mask | apic_svr::f_enable::mask | apic_svr::f_focus_disable::mask;
  static constexpr std::uint32_t icr_writable = apic_icr::f_vector::mask | apic_icr::f_delivery_mode::mask |
                                                apic_icr::f_destination_mode::mask | apic_icr::f_assert::mask |
                                                apic_icr::f_trigger::mask | apic_icr::f_shorthand::mask;

 private:
  /// One bit a register: there are 64 of them that count.
  [[nodiscard]] static constexpr std::uint64_t bit(std::uint32_t offset) {
    return std::uint64_t{1} << (offset / apic_registers::stride % 64);
  }
  [[nodiscard]] static constexpr bool is_in(std::uint64_t set, std::uint32_t offset) {
    return offset < 64 * apic_registers::stride && (set & bit(offset)) != 0;
  }
  [[nodiscard]] static consteval std::uint64_t lvt() {
    std::uint64_t set = bit(apic_registers::lvt_cmci);
    for (std::uint32_t r = apic_registers::lvt_timer; r <= apic_registers::lvt_error; r += apic_registers::stride) {
      set |= bit(r);
    }
    return set;
  }
  [[nodiscard]] static consteval std::uint64_t readable() {
    using reg = apic_registers;
    std::uint64_t set = lvt() | bit(reg::id) | bit(reg::version) | bit(reg::tpr) | bit(reg::ppr) | bit(reg::ldr) |
                        bit(reg::svr) | bit(reg::esr) | bit(reg::icr) | bit(reg::initial_count) |
                        bit(reg::current_count) | bit(reg::dcr);
    for (std::uint32_t r = reg::isr; r < reg::esr; r += reg::stride) set |= bit(r);
    return set;
  }
  [[nodiscard]] static consteval std::uint64_t writable() {
    using reg = apic_registers;
    return lvt() | bit(reg::tpr) | bit(reg::eoi) | bit(reg::svr) | bit(reg::esr) | bit(reg::icr) |
           bit(reg::initial_count) | bit(reg::dcr) | bit(reg::self_ipi);
  }

 public:
  // --- x2APIC mode; a register is named by its offset, a multiple of 16 ---

  [[nodiscard]] static constexpr bool is_readable(std::uint32_t offset) { return is_in(readable(), offset); }
  [[nodiscard]] static constexpr bool is_writable(std::uint32_t offset) { return is_in(writable(), offset); }
  /// The bits that may be set in a value that is written. Others are reserved; those that only the APIC changes may be
  /// set, and are ignored. The delivery status of ICR, which x2APIC mode does not have, is one of these in practice.
  [[nodiscard]] static constexpr std::uint64_t may_be_set(std::uint32_t offset) {
    using reg = apic_registers;
    switch (offset) {
      case reg::tpr:
      case reg::self_ipi: return 0xff;
      case reg::svr: return svr_writable;
      case reg::icr: return 0xffff'ffff'0000'0000 | icr_writable | apic_icr::f_delivery_status::mask;
      case reg::initial_count: return 0xffff'ffff;
      case reg::dcr: return apic_dcr::mask;
      default: break;
    }
    unsigned const index = lvt_index(offset);
    return index < lvt_entries ? lvt_writable(index) | lvt_read_only(index) : 0;
  }
  /// True for registers of xAPIC mode. An access to another place in the page is an error that ESR tells of.
  [[nodiscard]] static constexpr bool is_in_page(std::uint32_t offset) {
    using reg = apic_registers;
    std::uint64_t const others = bit(reg::apr) | bit(reg::eoi) | bit(reg::rrd) | bit(reg::dfr) | bit(reg::icr_high);
    return is_in(readable() | others, offset);
  }
};

}  // namespace axhal::x86_64
