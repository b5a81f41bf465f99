// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/arch/x86_64/control_registers.hpp>
#include <axhal/arch/x86_64/guest_event.hpp>
#include <axhal/arch/x86_64/guest_frame.hpp>
#include <axhal/arch/x86_64/msr.hpp>
#include <axhal/arch/x86_64/tlb_operations.hpp>
#include <axhal/arch/x86_64/vmcs_fields.hpp>
#include <axhal/arch/x86_64/vmx_extension.hpp>

#include <cstdint>
#include <functional>
#include <map>
#include <vector>

/// A CPU with VMX, as far as a program that sets it up can tell: VMCSs are maps, and a guest is a list of exits.
namespace axhal::test::x86 {

using namespace axhal::x86_64;

struct sim_vmcs {
  std::map<std::uint64_t, std::uint64_t> fields;
  bool launched{};
};

/// One INVVPID or INVEPT.
struct sim_invalidation {
  std::uint64_t type{}, tag{};
  friend bool operator==(sim_invalidation const&, sim_invalidation const&) = default;
};

/// What there is of the CPU. It begins as a Haswell is, with VMX on offer.
struct sim_vmx_machine {
  std::map<std::uint64_t, sim_vmcs> vmcs;
  std::uint64_t current{};  ///< address of the current VMCS, or 0
  bool in_root{};
  std::map<std::uint32_t, std::uint64_t> msrs{
      {msr::feature_control, 5},
      {msr::vmx_basic, 0x00d8'1000'0000'002b},
      {msr::vmx_misc, 0x2004'01e0},
      {msr::vmx_pinbased_ctls, 0x0000'007f'0000'0016},
      {msr::vmx_procbased_ctls, 0xf7f9'fffe'0401'e172},
      {msr::vmx_exit_ctls, 0x007f'ffff'0003'6dff},
      {msr::vmx_entry_ctls, 0x0000'ffff'0000'11ff},
      {msr::vmx_true_pinbased_ctls, 0x0000'007f'0000'0016},
      {msr::vmx_true_procbased_ctls, 0xf7f9'fffe'0400'6172},
      {msr::vmx_true_exit_ctls, 0x007f'ffff'0003'6dfb},
      {msr::vmx_true_entry_ctls, 0x0000'ffff'0000'11fb},
      {msr::vmx_procbased_ctls2, 0x0004'7fff'0000'0000},
      {msr::vmx_ept_vpid_cap, 0x0000'0f01'0633'4141},
      {msr::vmx_cr0_fixed0, 0x8000'0021},
      {msr::vmx_cr0_fixed1, 0xffff'ffff},
      {msr::vmx_cr4_fixed0, 0x2000},
      {msr::vmx_cr4_fixed1, 0x17'27ff},
      {msr::pat, 0x0007'0406'0007'0406},
      {msr::efer, 0xd01},
      {msr::fs_base, 0x1111},
      {msr::gs_base, 0x2222},
  };
  std::uint64_t cr0{0x8001'0013}, cr2{}, cr3{0x5000}, cr4{0x0620 | cr4::f_mce::mask};
  std::uint64_t dr[8]{};
  std::uint64_t xcr0{1};
  std::uint32_t leaf_1_ecx{1U << 5};
  std::uint64_t gdt[8]{0, 0, 0, 0x1200'8b34'5678'0067, 0xffff'8000};
  std::vector<sim_invalidation> invvpids, invepts;
  unsigned nmis{};
  unsigned unknown_msrs{};  ///< reads and writes of MSRs that are not there: a #GP
  unsigned refused_cr4{};   ///< writes that would clear VMXE in VMX operation: a #GP
  unsigned without_vmcs{};  ///< accesses without a current VMCS

  /// What the guest does next: fills in an exit. It is called with the frame until the slow tier gets control.
  std::function<void(guest_frame&)> guest;
  std::vector<guest_event> delivered;  ///< by entries
  guest_frame* (*on_exit)(guest_frame*){};
  std::uint32_t fails_with{};  ///< the VM-instruction error of the next entry, if it is not 0
};
inline sim_vmx_machine the_vmx;

/// The instructions.
struct sim_vmx_cpu {
  static bool vmxon(std::uint64_t region) {
    auto const* const revision = reinterpret_cast<std::uint32_t const*>(region);
    if (the_vmx.in_root || (the_vmx.cr4 & cr4::f_vmxe::mask) == 0 || (region & 0xfff) != 0 || *revision != 0x2b) {
      return false;
    }
    the_vmx.in_root = true;
    return true;
  }
  static void vmxoff() { the_vmx.in_root = false; }
  static bool vmclear(std::uint64_t at) {
    the_vmx.vmcs[at].launched = false;
    if (the_vmx.current == at) the_vmx.current = 0;
    return true;
  }
  static bool vmptrld(std::uint64_t at) {
    if ((at & 0xfff) != 0 || *reinterpret_cast<std::uint32_t const*>(at) != 0x2b) return false;
    the_vmx.current = at;
    return true;
  }
  static std::uint64_t vmread(std::uint64_t field) {
    if (the_vmx.current == 0) ++the_vmx.without_vmcs;
    return the_vmx.vmcs[the_vmx.current].fields[field];
  }
  static bool vmwrite(std::uint64_t field, std::uint64_t value) {
    if (the_vmx.current == 0) ++the_vmx.without_vmcs;
    the_vmx.vmcs[the_vmx.current].fields[field] = value;
    return true;
  }
  static void invept(invept_type type, std::uint64_t eptp) {
    the_vmx.invepts.push_back({static_cast<std::uint64_t>(type), eptp});
  }
  static void invvpid(invvpid_type type, std::uint64_t vpid, std::uint64_t) {
    the_vmx.invvpids.push_back({static_cast<std::uint64_t>(type), vpid});
  }
  static std::uint64_t read_msr(std::uint32_t n) {
    auto const found = the_vmx.msrs.find(n);
    if (found != the_vmx.msrs.end()) return found->second;
    bool const plain = (n >= msr::star && n <= msr::sfmask) || n == msr::kernel_gs_base || n == msr::tsc_aux;
    if (!plain) ++the_vmx.unknown_msrs;
    return 0;
  }
  static void write_msr(std::uint32_t n, std::uint64_t value) { the_vmx.msrs[n] = value; }
  static cpuid_result cpuid(std::uint32_t leaf, std::uint32_t) {
    switch (leaf) {
      case 1: return {0, 0, the_vmx.leaf_1_ecx, 0};
      case 0x8000'0000: return {0x8000'0008, 0, 0, 0};
      case 0x8000'0008: return {0x3028, 0, 0, 0};
      default: return {};
    }
  }
  static std::uint64_t read_cr0() { return the_vmx.cr0; }
  static std::uint64_t read_cr2() { return the_vmx.cr2; }
  static std::uint64_t read_cr3() { return the_vmx.cr3; }
  static std::uint64_t read_cr4() { return the_vmx.cr4; }
  static void write_cr0(std::uint64_t v) { the_vmx.cr0 = v; }
  static void write_cr2(std::uint64_t v) { the_vmx.cr2 = v; }
  static void write_cr4(std::uint64_t v) {
    if (the_vmx.in_root && !cr4::f_vmxe::get(v)) ++the_vmx.refused_cr4;
    the_vmx.cr4 = v;
  }
  template <unsigned N>
  static std::uint64_t read_dr() {
    return the_vmx.dr[N];
  }
  template <unsigned N>
  static void write_dr(std::uint64_t v) {
    the_vmx.dr[N] = v;
  }
  struct table {
    std::uint16_t limit;
    std::uint64_t base;
  };
  static table gdt() { return {39, reinterpret_cast<std::uint64_t>(the_vmx.gdt)}; }
  static table idt() { return {4095, 0x7000}; }
  static std::uint16_t tr_selector() { return 0x18; }
  static std::uint16_t cs_selector() { return 0x08; }
  static std::uint64_t xgetbv(std::uint32_t) { return the_vmx.xcr0; }
  static void xsetbv(std::uint32_t, std::uint64_t v) { the_vmx.xcr0 = v; }
  static void fninit() {}
  static void xsave(void*, std::uint64_t) {}
  static void xrstor(void const*, std::uint64_t) {}
  static void fxsave(void*) {}
  static void fxrstor(void const*) {}
};

/// Entries: what they deliver is kept, and what they must not find is refused.
struct sim_vmx_switch {
  template <VmxExitTier Tier>
  static std::uint64_t exit_rip() {
    the_vmx.on_exit = &Tier::on_exit;
    return 0x1234'5678;
  }
  static vmx_entry enter(guest_frame& frame, bool launched) {
    if (the_vmx.current == 0) return vmx_entry::fail_invalid;
    guest_frame* resumed = &frame;
    while (resumed != nullptr) {
      sim_vmcs& v = the_vmx.vmcs[the_vmx.current];
      std::uint32_t const error = the_vmx.fails_with != 0  ? the_vmx.fails_with
                                  : launched == v.launched ? 0
                                  : launched               ? 5
                                                           : 4;
      if (error != 0) {
        the_vmx.fails_with = 0;
        v.fields[vmcs::vm_instruction_error.encoding] = error;
        return vmx_entry::fail_valid;
      }
      v.fields[vmcs::exit_reason.encoding] = 0;
      v.fields[vmcs::idt_vectoring_information.encoding] = 0;
      std::uint64_t& event = v.fields[vmcs::entry_interruption_information.encoding];
      std::uint64_t const entered_with = event;
      the_vmx.guest(*resumed);
      if ((v.fields[vmcs::exit_reason.encoding] & vmx_exit_word::entry_failed) == 0) {
        v.launched = launched = true;
        if (event_word::f_valid::get(static_cast<std::uint32_t>(entered_with))) {
          auto const code = static_cast<std::uint32_t>(v.fields[vmcs::entry_exception_error_code.encoding]);
          the_vmx.delivered.push_back(guest_event::of(static_cast<std::uint32_t>(entered_with), code));
        }
        event &= ~std::uint64_t{event_word::f_valid::mask};
      }
      resumed = the_vmx.on_exit(resumed);
    }
    return vmx_entry::exited;
  }
  static void take_nmi() { ++the_vmx.nmis; }
};
static_assert(VmxWorldSwitch<sim_vmx_switch>);

/// The field of the current VMCS, for tests.
template <typename F>
[[nodiscard]] std::uint64_t field(F f) {
  return sim_vmx_cpu::vmread(f.encoding);
}
template <typename F>
void set_field(F f, std::uint64_t value) {
  sim_vmx_cpu::vmwrite(f.encoding, value);
}

}  // namespace axhal::test::x86
