// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/arch/x86_64/control_registers.hpp>
#include <axhal/arch/x86_64/extended_state.hpp>
#include <axhal/arch/x86_64/guest_event.hpp>
#include <axhal/arch/x86_64/guest_view.hpp>
#include <axhal/arch/x86_64/host_addresses.hpp>
#include <axhal/arch/x86_64/msr.hpp>
#include <axhal/arch/x86_64/stopped_guest.hpp>
#include <axhal/arch/x86_64/svm_context.hpp>
#include <axhal/arch/x86_64/svm_controls.hpp>
#include <axhal/arch/x86_64/svm_events.hpp>
#include <axhal/arch/x86_64/svm_exit.hpp>
#include <axhal/arch/x86_64/svm_features.hpp>
#include <axhal/arch/x86_64/svm_vcpu.hpp>
#include <axhal/arch/x86_64/switched_registers.hpp>
#include <axhal/core/bytes.hpp>
#include <axhal/core/result.hpp>
#include <axhal/policy/virt_ext.hpp>
#include <axhal/vcpu/dispatch.hpp>
#include <axhal/vcpu/exit.hpp>

#include <concepts>
#include <cstdint>

namespace axhal::x86_64 {

/// The instructions that the backend needs beside VMRUN.
template <typename I>
concept SvmInstructions = SvmDetection<I> && MsrInstructions<I> && ExtendedStateInstructions<I> &&
                          DebugRegisterInstructions<I> && SavesGuestState<I> && requires(std::uint64_t vmcb) {
                            { I::vmload(vmcb) } -> std::same_as<void>;
                            { I::clgi() } -> std::same_as<void>;
                            { I::stgi() } -> std::same_as<void>;
                            { I::sti() } -> std::same_as<void>;
                            { I::cli() } -> std::same_as<void>;
                          };

/// AMD's secure virtual machine, of the CPU this code runs on. Models `VirtExtPolicy`.
///
/// `Handler` answers exits in both tiers: its constant `Handler::fast` is the set of kinds that it may answer at once,
/// between two VMRUNs. What is not the handler's (CPUID, EFER, PAT) is answered there too. Physical interrupts, NMIs
/// and whatever an exit interrupted on its way to the guest go to the slow tier, where GIF is 1 and the host's own
/// state is loaded; in the fast tier FS, GS and TR are still the guest's.
///
/// `Addresses` tells where this object and the vCPUs are in physical memory. `Switch<Tier>::run(vcpu, vmcb)` is the
/// loop around VMRUN (world_switch_svm.hpp).
///
/// One object for each CPU, which stays where it is: hardware knows its pages.
template <typename Handler, SvmInstructions I, HostAddresses Addresses, template <typename> class Switch>
class svm_extension {
 public:
  using fast_context = svm_context<I, exit_tier::fast>;
  using context = svm_context<I, exit_tier::slow>;
  static_assert(StoppedGuest<fast_context> && StoppedGuest<context>);

  /// The whole state of one virtual CPU, and who answers its exits.
  struct vcpu : svm_vcpu_state {
    Handler* handler{};
  };

  /// `absent`, `locked` or `missing_part` where guests cannot be run; `missing` then has the name.
  [[nodiscard]] static result<virt_features, virt_error> probe() {
    auto const f = find_svm<I>();
    if (!f) return failure{f.error().why};
    // Nested tables have as many levels as the host's own.
    unsigned const translated = cr4::f_la57::get(I::read_cr4()) ? 57 : 48;
    unsigned const physical = f->physical_address_bits;
    return virt_features{.vmid_bits = f->asid_bits(),
                         .guest_address_bits = translated < physical ? translated : physical,
                         .output_address_bits = physical};
  }
  /// What is missing, in words; empty when nothing is.
  [[nodiscard]] static text missing() {
    auto const f = find_svm<I>();
    return f ? text{} : f.error().what;
  }

  /// From here on this CPU can run guests. Fails as `probe` does.
  result<void, virt_error> enable() {
    auto const f = find_svm<I>();
    if (!f) return failure{f.error().why};
    features_ = *f;
    states_ = extended_state::enable<I>();
    ports_.deny_all();
    permit_guest_msrs(msrs_, features_);
    I::write_msr(msr::efer, I::read_msr(msr::efer) | efer::f_svme::mask);
    I::write_msr(msr::vm_hsave_pa, Addresses::of(host_save_).value);
    return {};
  }
  void disable() {
    I::write_msr(msr::vm_hsave_pa, 0);
    I::write_msr(msr::efer, I::read_msr(msr::efer) & ~efer::f_svme::mask);
  }

  /// What the CPU has. Precondition: enabled.
  [[nodiscard]] svm_features const& features() const { return features_; }
  /// The states of XCR0 that guests are offered; 0 without XSAVE. Precondition: enabled.
  [[nodiscard]] std::uint64_t offered_states() const { return states_; }

  /// Puts `v` on this CPU: what the guest owns and exits do not touch. The host's FS, GS, LDTR and TR, and the MSRs
  /// that go with them, are kept for when exits leave the fast tier: they do not change until `put`.
  void load(vcpu& v) {
    v.here = features_;
    v.block_address = Addresses::of(&v.block);
    v.kept_clean = features_.vmcb_clean() ? vmcb_clean::all : 0;
    vmcb_control& c = v.block.control;
    c.iopm_base_pa = Addresses::of(&ports_).value;
    c.msrpm_base_pa = Addresses::of(&msrs_).value;
    c.tsc_offset = std::uint64_t{0} - v.time_offset.value;
    v.apply_intercepts();
    c.clean = 0;
    v.fp.template load<I>(states_, v.xcr0);
    v.breakpoints.template load<I>();
    if (features_.has_rdtscp) I::write_msr(msr::tsc_aux, v.tsc_aux);
    I::vmsave(Addresses::of(host_state_).value);
  }
  /// Takes `v` off this CPU. What of it stays in registers is replaced by the next `load`, and used by nobody before.
  void put(vcpu& v) {
    v.xcr0 = v.fp.template save<I>(states_);
    v.breakpoints.template save<I>();
    if (features_.has_rdtscp) v.tsc_aux = I::read_msr(msr::tsc_aux);
  }

  /// Runs the guest until an exit that the fast tier leaves to the slow one. `v` is loaded, has its handler and its
  /// translation; interrupts are masked, and so they are again when it returns.
  void enter(vcpu& v) {
    v.entered = svm_entry_state::of(v.block);
    I::clgi();
    I::vmload(v.block_address.value);
    I::sti();
    Switch<tier>::run(&v, v.block_address.value);
    I::vmsave(v.block_address.value);
    I::vmload(Addresses::of(host_state_).value);
    I::cli();
    // An NMI that waited comes here, on the host's own stack.
    I::stgi();
    svm_events::after_exit(v);
  }

  /// The slow tier: tells `handler` what the exit that `enter` returned with means, and steps over the instruction when
  /// it says so. A guest whose faults cannot be told to it any more ends as one with a triple fault. Precondition: `v`
  /// is loaded.
  template <typename H>
    requires ExitHandler<H, guest_view<context>>
  static resume decode(vcpu& v, H& handler) {
    context c{v};
    resume const answer = answer_svm_exit<I>(c, handler);
    if (!v.shut_down || answer != resume::retry) return answer;
    v.shut_down = false;
    svm_events::settle_attention(v);
    return svm_exits::triple_fault(c, handler);
  }

 private:
  struct tier {
    // The most frequent first: none of them saves a register for what only the others need.
    [[gnu::hot]] static svm_vcpu_state* on_exit(svm_vcpu_state* v) {
      vmcb_control& c = v->block.control;
      c.tlb_control = tlb_control::nothing;
      c.clean = v->kept_clean;
      if (event_word::f_valid::get(c.exitintinfo) || v->attention) [[unlikely]]
        return nullptr;
      svm_exit const code = exit_code(c.exitcode);
      if (code == svm_exit::ioio) return on_port(v);
      if (code == svm_exit::npf) return on_fault(v);
      switch (code) {
        case svm_exit::cpuid: return on_cpuid(v);
        case svm_exit::msr: return on_msr(v);
        case svm_exit::vmmcall: return on_hypercall(v);
        case svm_exit::hlt: return on_hlt(v);
        default: return nullptr;
      }
    }
    [[nodiscard, gnu::always_inline]] static fast_handler<Handler> handler_of_vcpu(svm_vcpu_state* v) {
      return {*static_cast<vcpu*>(v)->handler};
    }
    [[nodiscard, gnu::always_inline]] static svm_vcpu_state* done(svm_vcpu_state* v, resume answer) {
      return answer == resume::retry ? v : nullptr;
    }
    [[gnu::noinline]] static svm_vcpu_state* on_port(svm_vcpu_state* v) {
      fast_context c{*v};
      auto h = handler_of_vcpu(v);
      return done(v, svm_exits::port(c, h));
    }
    [[gnu::noinline]] static svm_vcpu_state* on_fault(svm_vcpu_state* v) {
      fast_context c{*v};
      auto h = handler_of_vcpu(v);
      return done(v, svm_exits::nested_page_fault(c, h));
    }
    [[gnu::noinline]] static svm_vcpu_state* on_cpuid(svm_vcpu_state* v) {
      fast_context c{*v};
      auto h = handler_of_vcpu(v);
      return done(v, svm_exits::cpuid<I>(c, h));
    }
    [[gnu::noinline]] static svm_vcpu_state* on_msr(svm_vcpu_state* v) {
      fast_context c{*v};
      auto h = handler_of_vcpu(v);
      return done(v, svm_exits::msr(c, h));
    }
    [[gnu::noinline]] static svm_vcpu_state* on_hypercall(svm_vcpu_state* v) {
      fast_context c{*v};
      auto h = handler_of_vcpu(v);
      return done(v, svm_exits::hypercall(c, h));
    }
    [[gnu::noinline]] static svm_vcpu_state* on_hlt(svm_vcpu_state* v) {
      fast_context c{*v};
      auto h = handler_of_vcpu(v);
      return done(v, svm_exits::hlt(c, h));
    }
  };

  io_permission_map ports_{};
  msr_permission_map msrs_{};
  alignas(4096) std::uint8_t host_save_[4096]{};   ///< hardware's own, for what VMRUN takes off the CPU
  alignas(4096) std::uint8_t host_state_[4096]{};  ///< a VMCB for the host's part of VMLOAD
  svm_features features_{};
  std::uint64_t states_{};
};

}  // namespace axhal::x86_64
