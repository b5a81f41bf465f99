// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/arch/x86_64/extended_state.hpp>
#include <axhal/arch/x86_64/guest_frame.hpp>
#include <axhal/arch/x86_64/host_addresses.hpp>
#include <axhal/arch/x86_64/owed_flushes.hpp>
#include <axhal/arch/x86_64/paging_ept.hpp>
#include <axhal/arch/x86_64/vmcs_setup.hpp>
#include <axhal/arch/x86_64/vmx_capabilities.hpp>
#include <axhal/arch/x86_64/vmx_context.hpp>
#include <axhal/arch/x86_64/vmx_exit.hpp>
#include <axhal/arch/x86_64/vmx_guest_check.hpp>
#include <axhal/arch/x86_64/vmx_msr_bitmap.hpp>
#include <axhal/arch/x86_64/vmx_state.hpp>
#include <axhal/policy/virt_ext.hpp>
#include <axhal/vcpu/dispatch.hpp>

#include <concepts>
#include <cstdint>

namespace axhal::x86_64 {

/// A page that VMX works with, which begins with the revision of its format (Intel SDM vol. 3C, "Format of the VMCS
/// Region", "VMXON Region").
struct alignas(4096) vmx_region {
  std::uint32_t revision{};
  std::uint8_t rest[4092]{};
};
static_assert(sizeof(vmx_region) == 4096);

/// The whole state of one virtual CPU of VT-x. `Ept` is the format of its second-stage tables, `Handler` answers its
/// exits. Where it lies, it stays: hardware knows its VMCS by address.
template <typename Ept, typename Handler>
struct vt_x_vcpu : vmx_state {
  vmx_region vmcs{};
  Handler* handler{};

  /// Names the second-stage root and the tag of its translations, from the next `load` on. VPID 0 is the host's: guests
  /// of a machine with too few tags share tag 1.
  void set_translation(host_phys root, vmid id) {
    eptp = Ept::eptp(root);
    tag = static_cast<std::uint16_t>(guest_asid(id));
  }
  std::uint16_t tag{1};  ///< the VPID, on a CPU that has them
};

/// How an entry ended.
enum class vmx_entry : std::uint8_t {
  exited,        ///< an exit was left to the slow tier; the frame is complete
  fail_invalid,  ///< VMfailInvalid: there is no current VMCS
  fail_valid,    ///< VMfailValid: the VMCS has the error's number
};

/// What an exit calls first. `on_exit` gets the frame of the stopped guest with RAX to RDX, RSI, RDI and R8 to R11 in
/// it (RBP and R12 to R15 are still in their registers, all else is in the VMCS), and returns it to run the guest
/// again, or null for the slow tier.
template <typename T>
concept VmxExitTier = requires(guest_frame* frame) {
  { T::on_exit(frame) } -> std::same_as<guest_frame*>;
};

namespace detail {
struct vmx_tier_archetype {
  static guest_frame* on_exit(guest_frame*);
};
}  // namespace detail

/// How a guest is entered and left: `exit_rip<Tier>()` is where exits come to that ask `Tier`; `enter(frame, launched)`
/// runs the guest whose VMCS is current, until an exit is left to the slow tier, with interrupts masked; `take_nmi()`
/// has the host take an NMI that an exit has kept from it. Models: `vmx_world_switch`.
template <typename S>
concept VmxWorldSwitch = requires(guest_frame& frame, bool launched) {
  { S::template exit_rip<detail::vmx_tier_archetype>() } -> std::same_as<std::uint64_t>;
  { S::enter(frame, launched) } -> std::same_as<vmx_entry>;
  { S::take_nmi() } -> std::same_as<void>;
};

/// VT-x of the CPU this code runs on, made of its parts. Models `VirtExtPolicy`.
///
/// `Handler` answers exits in both tiers: its constant `Handler::fast` is the set of kinds that it may answer right
/// after the exit. `resume::stop` and `resume::slow` from there both leave the exit to the slow tier, which asks the
/// handler again. `I` are the CPU's instructions, `Switch` those that enter a guest, `Addresses::of` tells where an
/// object of the host is in physical memory, and `Ept` is the format of the guests' second-stage tables.
///
/// The host runs with interrupts masked around `enter`; those that come while a guest runs are exits, are not
/// acknowledged, and wait for the host's own gates.
template <typename Handler, typename I, HostAddresses Addresses, typename Ept, VmxWorldSwitch Switch>
class vmx_extension {
 public:
  using vcpu = vt_x_vcpu<Ept, Handler>;
  using fast_context = vmx_context<I, true>;
  using context = vmx_context<I, false>;

  /// `absent` without VMX, `locked` where firmware has switched it off, `missing_part` when this backend needs
  /// something that is not there (`missing` names it).
  [[nodiscard]] static result<virt_features, virt_error> probe() {
    vmx_support const s = find_vmx<Ept, I>();
    if (!s.ok) return failure{s.error};
    return features_of(s);
  }
  /// What `probe` and `enable` miss, for a message; empty when they miss nothing.
  [[nodiscard]] static text missing() { return find_vmx<Ept, I>().missing; }

  /// From here on this CPU is in VMX root operation. `locked` also when FEATURE_CONTROL cannot be written, `wrong_mode`
  /// when the CPU is in VMX operation already.
  result<void, virt_error> enable() {
    vmx_support const s = find_vmx<Ept, I>();
    if (!s.ok) return failure{s.error};
    capabilities_ = s.capabilities;
    controls_ = s.controls;
    std::uint64_t const control = I::read_msr(msr::feature_control);
    if (!feature_control::f_lock::get(control)) {
      I::write_msr(msr::feature_control,
                   control | feature_control::f_vmx_outside_smx::mask | feature_control::f_lock::mask);
    }
    I::write_cr0((I::read_cr0() | capabilities_.cr0_fixed0) & (capabilities_.cr0_fixed1 | ~std::uint64_t{0xffff'ffff}));
    // In VMX operation VMXE cannot be cleared: that is a #GP.
    bool const had_vmxe = cr4::f_vmxe::get(I::read_cr4());
    I::write_cr4(I::read_cr4() | cr4::f_vmxe::mask);
    states_ = extended_state::enable<I>();
    has_tsc_aux_ = controls_.has(vmx_control_word::secondary, secondary::enable_rdtscp);
    msr_bitmap_.deny_by_default(has_tsc_aux_);
    region_.revision = vmx_basic::f_revision::get(capabilities_.basic);
    if (!I::vmxon(Addresses::of(&region_).value)) {
      if (!had_vmxe) I::write_cr4(I::read_cr4() & ~cr4::f_vmxe::mask);
      return failure{virt_error::wrong_mode};
    }
    forget_everything();
    return {};
  }
  /// Precondition: enabled, no guest loaded.
  void disable() {
    I::vmxoff();
    I::write_cr4(I::read_cr4() & ~cr4::f_vmxe::mask);
  }

  [[nodiscard]] vmx_capabilities const& capabilities() const { return capabilities_; }
  [[nodiscard]] vmx_controls const& controls() const { return controls_; }
  /// The states that XCR0 may name in a guest; 0 without XSAVE.
  [[nodiscard]] std::uint64_t offered_states() const { return states_; }

  /// Puts `v` on this CPU: its VMCS is current, and what exits do not switch is loaded.
  ///
  /// What this CPU remembers under the vCPU's tag counts: the caller has it forgotten (`forget_guest`,
  /// `forget_all_guests` of tlb.hpp) when another vCPU used the tag here, or this one ran elsewhere meanwhile.
  void load(vcpu& v) {
    v.vpid = controls_.vpid() ? v.tag : std::uint16_t{0};
    v.forgetting = ept_vpid_cap::f_invvpid_single::get(capabilities_.ept_vpid) ? invvpid_type::single_context
                                                                               : invvpid_type::all_contexts;
    v.cr0_ones = capabilities_.guest_cr0_ones() | cr0::f_et::mask;
    v.cr4_ones = capabilities_.guest_cr4_ones() | (I::read_cr4() & cr4::f_mce::mask);
    std::uint64_t const at = Addresses::of(&v.vmcs).value;
    if (v.vmcs.revision == 0) {
      v.vmcs.revision = vmx_basic::f_revision::get(capabilities_.basic);
      static_cast<void>(I::vmclear(at));
    }
    v.launched = false;
    static_cast<void>(I::vmptrld(at));
    write_host_state<I>(Switch::template exit_rip<tier>());
    write_controls<I>(v, capabilities_, controls_, Addresses::of(&msr_bitmap_));
    if (v.fresh) {
      v.fresh = false;
      write_guest_state<I>(v, controls_[vmx_control_word::entry]);
    }
    v.syscall.template load<I>();
    if (has_tsc_aux_) I::write_msr(msr::tsc_aux, v.tsc_aux);
    v.breakpoints.template load<I>();
    I::template write_dr<6>(v.dr6);
    I::write_cr2(v.cr2);
    v.fp.template load<I>(states_, v.xcr0);
  }

  /// Takes `v` off this CPU: its VMCS is in memory, and nothing of it stays in registers that another guest could read.
  void put(vcpu& v) {
    v.xcr0 = v.fp.template save<I>(states_);
    v.cr2 = I::read_cr2();
    v.dr6 = I::template read_dr<6>();
    v.breakpoints.template save<I>();
    if (has_tsc_aux_) v.tsc_aux = I::read_msr(msr::tsc_aux);
    v.syscall.template save<I>();
    static_cast<void>(I::vmclear(Addresses::of(&v.vmcs).value));
    v.launched = false;
  }

  /// Runs the guest until an exit that the fast tier leaves to the slow one. `v` is loaded and has its handler.
  void enter(vcpu& v) {
    vmx_entry const end = Switch::enter(v, v.launched);
    v.stopped_at = vmcs_get<I>(vmcs::guest_rip);
    if (end != vmx_entry::exited) [[unlikely]]
      return not_entered(v, end);
    v.launched = true;
    v.exit_word = vmcs_get<I>(vmcs::exit_reason);
    v.qualification = vmcs_get<I>(vmcs::exit_qualification);
    if ((v.exit_word & vmx_exit_word::entry_failed) != 0) [[unlikely]]
      refused(v);
  }

  /// The slow tier: tells `handler` what the exit that `enter` returned with means, once. Precondition: `v` is loaded.
  template <typename H>
    requires ExitHandler<H, guest_view<context>>
  static resume decode(vcpu& v, H& handler) {
    return answer_vmx_exit<I, Switch>(context{v}, handler, v.exit_word);
  }

 private:
  static virt_features features_of(vmx_support const& s) {
    unsigned const bits = s.capabilities.physical_bits;
    return {.vmid_bits = s.controls.vpid() ? 16U : 0U,
            .guest_address_bits = bits < Ept::gpa_bits ? bits : Ept::gpa_bits,
            .output_address_bits = bits};
  }

  void forget_everything() const {
    if (ept_vpid_cap::f_invept_all::get(capabilities_.ept_vpid)) I::invept(invept_type::all_contexts, 0);
    if (controls_.vpid() && ept_vpid_cap::f_invvpid_all::get(capabilities_.ept_vpid)) {
      I::invvpid(invvpid_type::all_contexts, 0, 0);
    }
  }
  /// Whether an entry that failed has left its VMCS launched depends on the entries before it, which the fast tier may
  /// have made.
  static void launch_anew(vcpu& v) {
    std::uint64_t const at = Addresses::of(&v.vmcs).value;
    static_cast<void>(I::vmclear(at));
    static_cast<void>(I::vmptrld(at));
    v.launched = false;
  }
  [[gnu::noinline]] void not_entered(vcpu& v, vmx_entry end) const {
    v.exit_word = vmx_exit_word::instruction_failed;
    bool const has_number = end == vmx_entry::fail_valid;
    v.qualification = has_number ? vmcs_get<I>(vmcs::vm_instruction_error) : 0;
    if (has_number) launch_anew(v);
  }
  /// Which field it was is found here.
  [[gnu::noinline]] void refused(vcpu& v) const {
    launch_anew(v);
    if (v.reason() == vmx_reason::invalid_guest_state) v.refused = refused_guest_field<I>(capabilities_);
    if (v.refused.empty()) v.refused = name_of(v.reason());
  }

  struct tier {
    // Functions that call the next one last, the most frequent first: none of them saves a register for what only the
    // later ones need.
    static guest_frame* on_exit(guest_frame* frame) {
      vcpu& v = *static_cast<vcpu*>(frame);
      std::uint32_t const word = vmcs_get<I>(vmcs::exit_reason);
      if constexpr (AnswersAtOnce<Handler, guest_view<fast_context>>) {
        if (word == static_cast<std::uint32_t>(vmx_reason::vmcall)) [[likely]] {
          fast_context c{v};
          if (answer_hypercall_at_once(c, *v.handler, vmcs_get<I>(vmcs::exit_instruction_length))) [[likely]]
            return frame;
        }
      }
      return on_other(v, word);
    }
    [[gnu::always_inline]] static guest_frame* on_other(vcpu& v, std::uint32_t word) {
      switch (static_cast<vmx_reason>(word)) {
        case vmx_reason::io_instruction: return on<vmx_reason::io_instruction>(v);
        case vmx_reason::ept_violation: return on<vmx_reason::ept_violation>(v);
        case vmx_reason::cpuid: return on<vmx_reason::cpuid>(v);
        case vmx_reason::wrmsr: return on<vmx_reason::wrmsr>(v);
        case vmx_reason::rdmsr: return on<vmx_reason::rdmsr>(v);
        case vmx_reason::external_interrupt: return on<vmx_reason::external_interrupt>(v);
        case vmx_reason::vmcall: return on<vmx_reason::vmcall>(v);
        default: return on_rare(v, word);
      }
    }
    template <vmx_reason Reason>
    [[gnu::noinline]] static guest_frame* on(vcpu& v) {
      return answered(v, static_cast<std::uint32_t>(Reason));
    }
    [[gnu::noinline]] static guest_frame* on_rare(vcpu& v, std::uint32_t word) { return answered(v, word); }
    [[gnu::always_inline]] static guest_frame* answered(vcpu& v, std::uint32_t word) {
      fast_handler<Handler> h{*v.handler};
      auto const answer = answer_vmx_exit<I, Switch>(fast_context{v}, h, word);
      return answer == resume::retry && !v.shut_down ? &v : nullptr;
    }
  };
  static_assert(VmxExitTier<tier>);

  vmx_capabilities capabilities_{};
  vmx_controls controls_{};
  std::uint64_t states_{};
  bool has_tsc_aux_{};
  vmx_region region_{};
  vmx_msr_bitmap msr_bitmap_{};
};

}  // namespace axhal::x86_64
