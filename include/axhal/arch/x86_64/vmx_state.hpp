// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/arch/x86_64/guest_entry.hpp>
#include <axhal/arch/x86_64/start_state.hpp>
#include <axhal/arch/x86_64/stopped_guest.hpp>
#include <axhal/arch/x86_64/switched_registers.hpp>
#include <axhal/arch/x86_64/tlb_operations.hpp>
#include <axhal/arch/x86_64/vcpu_state.hpp>
#include <axhal/arch/x86_64/vmx_errors.hpp>
#include <axhal/core/address.hpp>
#include <axhal/core/bytes.hpp>

#include <cstdint>

namespace axhal::x86_64 {

/// What one virtual CPU of VT-x owns beside its VMCS.
struct vmx_state : vcpu_state {
  guest_entry start{};          ///< what the guest begins with, when `fresh`
  syscall_registers syscall{};  ///< while the vCPU is off the CPU; on it, the CPU has them
  std::uint64_t cr2{};          ///< likewise
  std::uint64_t dr6{};          ///< likewise

  std::uint64_t eptp{};
  std::uint16_t vpid{};  ///< 0 on a CPU without VPIDs, where every entry forgets
  /// Ticks of the TSC after which the guest is stopped, as `exit::host_interrupt`: for work that no interrupt
  /// announces. 0 is never. It counts from the next `load`.
  std::uint64_t slice{default_slice};
  static constexpr std::uint64_t default_slice = std::uint64_t{1} << 20;

  std::uint32_t timer_value{};                            ///< of the preemption timer: a whole slice
  std::uint32_t processor_controls{};                     ///< the field's copy: windows come and go in it
  std::uint64_t cr0_ones{};                               ///< bits of CR0 that are one in a guest whatever it writes
  std::uint64_t cr4_ones{};                               ///< the same of CR4
  invvpid_type forgetting{invvpid_type::single_context};  ///< the INVVPID that forgets this guest

  // Interrupts that were offered (`StoppedGuest`).
  accepted_interrupt accepted{};  ///< taken, and nobody has asked yet
  bool offered{};                 ///< `offered_vector` waits for the guest to be able to take it
  bool placed{};                  ///< it is in the entry's interruption information: the next entry delivers it
  std::uint8_t offered_vector{};
  bool wants_room{};   ///< the host is to be told when the guest has taken what was offered
  bool nmi_offered{};  ///< waits
  bool nmi_placed{};   ///< is in the entry's interruption information

  bool fresh{true};  ///< the VMCS does not have the guest's first state yet
  bool launched{};   ///< the next entry is a VMRESUME
  bool shut_down{};  ///< a fault came while a double fault was delivered

  // The last exit that the slow tier has seen.
  std::uint32_t exit_word{};      ///< the exit-reason field, with `vmx_exit_word`
  std::uint64_t qualification{};  ///< exit qualification; the VM-instruction error when the entry did not begin
  std::uint64_t stopped_at{};     ///< RIP
  text refused{};                 ///< see `refused_field`

  /// The guest begins with `begin` when it is entered next, whatever it was before. Time, slice and translation stay.
  /// Precondition: not loaded.
  void set_start(guest_entry const& begin) {
    start_here(begin);
    start = begin;
    syscall = {};
    cr2 = 0;
    dr6 = initial_dr6;
    accepted = {};
    offered = placed = wants_room = nmi_offered = nmi_placed = shut_down = false;
    exit_word = 0;
    qualification = stopped_at = 0;
    refused = {};
    fresh = true;
  }
  /// 32-bit protected mode at `entry` with `argument` in EBX (`plain_start`).
  void reset(guest_phys entry, std::uint64_t argument) { set_start(plain_start(entry, argument)); }

  /// An exit is needed when the guest can take an interrupt: to give it one, or because it has taken the last.
  [[nodiscard]] bool wants_interrupt_window() const {
    return (offered && !placed) || (wants_room && (placed || accepted));
  }

  [[nodiscard]] vmx_reason reason() const { return vmx_exit_word::basic(exit_word); }
  [[nodiscard]] std::uint64_t exit_code() const { return exit_word; }
  [[nodiscard]] std::uint64_t exit_info() const { return qualification; }
  [[nodiscard]] std::uint64_t rip() const { return stopped_at; }
  /// The name of the exit; of an entry that did not begin, of its VM-instruction error.
  [[nodiscard]] text exit_name() const {
    if ((exit_word & vmx_exit_word::instruction_failed) != 0) {
      return vm_instruction_error_name(static_cast<std::uint32_t>(qualification));
    }
    return name_of(reason());
  }
  /// When the CPU has refused the guest's state: the name of the field. Empty otherwise.
  [[nodiscard]] text refused_field() const { return refused; }

  /// DR6 after reset (Intel SDM vol. 3, "Processor State After Reset").
  static constexpr std::uint64_t initial_dr6 = 0xffff'0ff0;
};

}  // namespace axhal::x86_64
