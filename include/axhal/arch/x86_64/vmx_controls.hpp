// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/core/bit_field.hpp>
#include <axhal/core/bytes.hpp>

#include <cstdint>

namespace axhal::x86_64 {

/// A bit of one of the words that control VMX.
using vmx_control_bit = std::uint32_t;

/// Pin-based VM-execution controls (Intel SDM vol. 3C, "Pin-Based VM-Execution Controls").
namespace pin_based {
inline constexpr vmx_control_bit external_interrupt_exiting = 1U << 0;
inline constexpr vmx_control_bit nmi_exiting = 1U << 3;
inline constexpr vmx_control_bit virtual_nmis = 1U << 5;
inline constexpr vmx_control_bit preemption_timer = 1U << 6;
}  // namespace pin_based

/// Primary processor-based VM-execution controls ("Processor-Based VM-Execution Controls").
namespace processor_based {
inline constexpr vmx_control_bit interrupt_window_exiting = 1U << 2;
inline constexpr vmx_control_bit tsc_offsetting = 1U << 3;
inline constexpr vmx_control_bit hlt_exiting = 1U << 7;
inline constexpr vmx_control_bit invlpg_exiting = 1U << 9;
inline constexpr vmx_control_bit mwait_exiting = 1U << 10;
inline constexpr vmx_control_bit rdpmc_exiting = 1U << 11;
inline constexpr vmx_control_bit rdtsc_exiting = 1U << 12;
inline constexpr vmx_control_bit cr3_load_exiting = 1U << 15;
inline constexpr vmx_control_bit cr3_store_exiting = 1U << 16;
inline constexpr vmx_control_bit cr8_load_exiting = 1U << 19;
inline constexpr vmx_control_bit cr8_store_exiting = 1U << 20;
inline constexpr vmx_control_bit nmi_window_exiting = 1U << 22;
inline constexpr vmx_control_bit mov_dr_exiting = 1U << 23;
inline constexpr vmx_control_bit unconditional_io_exiting = 1U << 24;
inline constexpr vmx_control_bit use_msr_bitmaps = 1U << 28;
inline constexpr vmx_control_bit monitor_exiting = 1U << 29;
inline constexpr vmx_control_bit activate_secondary = 1U << 31;
}  // namespace processor_based

/// Secondary processor-based VM-execution controls (the same section).
namespace secondary {
inline constexpr vmx_control_bit enable_ept = 1U << 1;
inline constexpr vmx_control_bit enable_rdtscp = 1U << 3;
inline constexpr vmx_control_bit enable_vpid = 1U << 5;
inline constexpr vmx_control_bit wbinvd_exiting = 1U << 6;
inline constexpr vmx_control_bit unrestricted_guest = 1U << 7;
inline constexpr vmx_control_bit enable_invpcid = 1U << 12;
}  // namespace secondary

/// Primary VM-exit controls ("VM-Exit Controls").
namespace exit_control {
inline constexpr vmx_control_bit save_debug_controls = 1U << 2;
inline constexpr vmx_control_bit host_address_space_size = 1U << 9;
inline constexpr vmx_control_bit acknowledge_interrupt = 1U << 15;
inline constexpr vmx_control_bit save_pat = 1U << 18;
inline constexpr vmx_control_bit load_pat = 1U << 19;
inline constexpr vmx_control_bit save_efer = 1U << 20;
inline constexpr vmx_control_bit load_efer = 1U << 21;
inline constexpr vmx_control_bit save_preemption_timer = 1U << 22;
}  // namespace exit_control

/// VM-entry controls ("VM-Entry Controls").
namespace entry_control {
inline constexpr vmx_control_bit load_debug_controls = 1U << 2;
inline constexpr vmx_control_bit ia32e_mode_guest = 1U << 9;
inline constexpr vmx_control_bit load_pat = 1U << 14;
inline constexpr vmx_control_bit load_efer = 1U << 15;
}  // namespace entry_control

/// The words that hold controls.
enum class vmx_control_word : std::uint8_t { pin_based, processor_based, secondary, exit, entry };
inline constexpr unsigned vmx_control_words = 5;

/// What this backend wants of a control.
enum class vmx_need : std::uint8_t {
  on,        ///< has to be set
  where_is,  ///< is set where the CPU has it
  off,       ///< has to be clear
};

/// A control, and the name that a message has for it.
struct vmx_wanted_control {
  vmx_control_word word{};
  vmx_control_bit bit{};
  vmx_need need{};
  text name;
};

/// What this backend wants, in the order in which it says what is missing. Controls that are not here are clear, unless
/// the CPU insists.
///
/// - Every port and, but for those that guests own, every MSR is an exit: what no handler knows does not exist.
/// - External interrupts are exits and stay with the local APIC: the host's own gates take them after the exit.
/// - Interrupt-window and NMI-window exiting change while a guest runs; they have to be there.
/// - CR3, INVLPG and the debug registers are the guest's own: EPT and VPID leave no reason to see them.
/// - CR8 is the virtual local APIC's task priority.
/// - The debug controls are loaded and saved for DR7, which an exit would lose otherwise.
/// - RDTSCP and INVPCID are undefined for guests without their controls.
inline constexpr vmx_wanted_control vmx_wanted_controls[] = {
    {vmx_control_word::processor_based, processor_based::activate_secondary, vmx_need::on, "secondary VMX controls"},
    {vmx_control_word::secondary, secondary::enable_ept, vmx_need::on, "EPT"},
    {vmx_control_word::secondary, secondary::unrestricted_guest, vmx_need::on, "unrestricted guest"},
    {vmx_control_word::processor_based, processor_based::use_msr_bitmaps, vmx_need::on, "MSR bitmaps"},
    {vmx_control_word::processor_based, processor_based::unconditional_io_exiting, vmx_need::on,
     "unconditional I/O exiting"},
    {vmx_control_word::pin_based, pin_based::external_interrupt_exiting, vmx_need::on, "external-interrupt exiting"},
    {vmx_control_word::pin_based, pin_based::nmi_exiting, vmx_need::on, "NMI exiting"},
    {vmx_control_word::pin_based, pin_based::virtual_nmis, vmx_need::on, "virtual NMIs"},
    {vmx_control_word::pin_based, pin_based::preemption_timer, vmx_need::where_is, "preemption timer"},
    {vmx_control_word::processor_based, processor_based::tsc_offsetting, vmx_need::on, "TSC offsetting"},
    {vmx_control_word::processor_based, processor_based::hlt_exiting, vmx_need::on, "HLT exiting"},
    {vmx_control_word::processor_based, processor_based::mwait_exiting, vmx_need::on, "MWAIT exiting"},
    {vmx_control_word::processor_based, processor_based::monitor_exiting, vmx_need::on, "MONITOR exiting"},
    {vmx_control_word::processor_based, processor_based::rdpmc_exiting, vmx_need::on, "RDPMC exiting"},
    {vmx_control_word::processor_based, processor_based::cr8_load_exiting, vmx_need::on, "CR8-load exiting"},
    {vmx_control_word::processor_based, processor_based::cr8_store_exiting, vmx_need::on, "CR8-store exiting"},
    {vmx_control_word::processor_based, processor_based::cr3_load_exiting, vmx_need::off, "CR3 loads without exits"},
    {vmx_control_word::processor_based, processor_based::cr3_store_exiting, vmx_need::off, "CR3 stores without exits"},
    {vmx_control_word::processor_based, processor_based::invlpg_exiting, vmx_need::off, "INVLPG without exits"},
    {vmx_control_word::processor_based, processor_based::rdtsc_exiting, vmx_need::off, "RDTSC without exits"},
    {vmx_control_word::processor_based, processor_based::mov_dr_exiting, vmx_need::off, "MOV DR without exits"},
    {vmx_control_word::secondary, secondary::enable_vpid, vmx_need::where_is, "VPID"},
    {vmx_control_word::secondary, secondary::enable_rdtscp, vmx_need::where_is, "RDTSCP"},
    {vmx_control_word::secondary, secondary::enable_invpcid, vmx_need::where_is, "INVPCID"},
    {vmx_control_word::secondary, secondary::wbinvd_exiting, vmx_need::where_is, "WBINVD exiting"},
    {vmx_control_word::exit, exit_control::host_address_space_size, vmx_need::on, "a host in 64-bit mode"},
    {vmx_control_word::exit, exit_control::save_debug_controls, vmx_need::on, "saving of debug controls"},
    {vmx_control_word::exit, exit_control::acknowledge_interrupt, vmx_need::off, "interrupts left to the host"},
    {vmx_control_word::exit, exit_control::save_pat, vmx_need::on, "saving of PAT"},
    {vmx_control_word::exit, exit_control::load_pat, vmx_need::on, "loading of the host's PAT"},
    {vmx_control_word::exit, exit_control::save_efer, vmx_need::on, "saving of EFER"},
    {vmx_control_word::exit, exit_control::load_efer, vmx_need::on, "loading of the host's EFER"},
    {vmx_control_word::exit, exit_control::save_preemption_timer, vmx_need::where_is, "saving of the preemption timer"},
    {vmx_control_word::entry, entry_control::load_debug_controls, vmx_need::on, "loading of debug controls"},
    {vmx_control_word::entry, entry_control::load_pat, vmx_need::on, "loading of PAT"},
    {vmx_control_word::entry, entry_control::load_efer, vmx_need::on, "loading of EFER"},
};

/// The values of the five words. IA-32e mode guest is clear in them: it is each guest's own.
struct vmx_controls {
  std::uint32_t words[vmx_control_words]{};

  [[nodiscard]] constexpr std::uint32_t operator[](vmx_control_word w) const { return words[static_cast<unsigned>(w)]; }
  [[nodiscard]] constexpr bool has(vmx_control_word w, vmx_control_bit bit) const { return ((*this)[w] & bit) != 0; }
  /// Guests have VPIDs, so that entries and exits leave translations where they are.
  [[nodiscard]] constexpr bool vpid() const { return has(vmx_control_word::secondary, secondary::enable_vpid); }
  /// Guests can be stopped by time. Without the saving of its value a stop would begin each slice anew.
  [[nodiscard]] constexpr bool slices() const {
    return has(vmx_control_word::pin_based, pin_based::preemption_timer) &&
           has(vmx_control_word::exit, exit_control::save_preemption_timer);
  }
  friend constexpr bool operator==(vmx_controls const&, vmx_controls const&) = default;
};

/// What a capability MSR says of a word: bits 31:0 have to be set, bits outside of 63:32 have to be clear
/// (Intel SDM vol. 3D, Appendix A, "VM-Execution Controls").
struct vmx_allowed {
  std::uint64_t msr{};
  [[nodiscard]] constexpr std::uint32_t ones() const { return static_cast<std::uint32_t>(msr); }
  [[nodiscard]] constexpr std::uint32_t may_be_one() const { return static_cast<std::uint32_t>(msr >> 32); }
};

/// The controls that were chosen, and the name of the first that is missing (empty: none is).
struct vmx_choice {
  vmx_controls controls{};
  text missing;
};

/// Chooses from what the CPU allows, a word for each `vmx_control_word`.
[[nodiscard]] constexpr vmx_choice choose_controls(vmx_allowed const (&allowed)[vmx_control_words]) {
  vmx_choice c;
  for (unsigned i = 0; i < vmx_control_words; ++i) c.controls.words[i] = allowed[i].ones() & allowed[i].may_be_one();
  for (vmx_wanted_control const& w : vmx_wanted_controls) {
    unsigned const i = static_cast<unsigned>(w.word);
    bool const settable = (allowed[i].may_be_one() & w.bit) != 0;
    bool const forced = (allowed[i].ones() & w.bit) != 0;
    if (w.need != vmx_need::off && settable) c.controls.words[i] |= w.bit;
    bool const wrong = (w.need == vmx_need::on && !settable) || (w.need == vmx_need::off && forced);
    if (wrong && c.missing.empty()) c.missing = w.name;
  }
  constexpr std::uint32_t windows = processor_based::interrupt_window_exiting | processor_based::nmi_window_exiting;
  std::uint32_t const dynamic = allowed[static_cast<unsigned>(vmx_control_word::processor_based)].may_be_one();
  if ((dynamic & windows) != windows && c.missing.empty()) c.missing = "interrupt-window and NMI-window exiting";
  std::uint32_t const entry = allowed[static_cast<unsigned>(vmx_control_word::entry)].may_be_one();
  if ((entry & entry_control::ia32e_mode_guest) == 0 && c.missing.empty()) c.missing = "guests in IA-32e mode";
  return c;
}

}  // namespace axhal::x86_64
