// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/arch/aarch64/el1_state.hpp>
#include <axhal/arch/aarch64/exit_esr.hpp>
#include <axhal/arch/aarch64/generic_timer.hpp>
#include <axhal/arch/aarch64/guest_exception.hpp>
#include <axhal/arch/aarch64/guest_frame.hpp>
#include <axhal/arch/aarch64/hypervisor_controls.hpp>
#include <axhal/arch/aarch64/insn.hpp>
#include <axhal/arch/aarch64/live_context.hpp>
#include <axhal/arch/aarch64/world_switch.hpp>
#include <axhal/policy/virt_ext.hpp>
#include <axhal/vcpu/dispatch.hpp>

#include <cstdint>

namespace axhal::aarch64 {

/// Width of this CPU's physical addresses in bits (ID_AA64MMFR0_EL1.PARange).
template <SysregAccess S>
[[nodiscard]] unsigned physical_address_bits() {
  constexpr unsigned char widths[] = {32, 36, 40, 42, 44, 48, 52, 56};
  auto const range = static_cast<unsigned>(S::template read<sysreg::id_aa64mmfr0_el1>() & 15);
  return range < sizeof widths ? widths[range] : 32;
}

/// What one virtual CPU owns, whatever answers its exits.
struct alignas(16) vcpu_state : guest_frame {
  el1_state el1{};
  fp_registers fp{};
  guest_timer_state timer{};
  ticks time_offset{};        ///< what is taken off the counter for the guest (`guest_time::offset`)
  std::uint64_t vttbr{};      ///< root of stage 2 and VMID
  std::uint64_t vtcr{};       ///< format of stage 2
  std::uint64_t vmpidr{};     ///< what the guest reads as MPIDR_EL1
  std::uint64_t hcr_extra{};  ///< HCR_EL2 bits of this vCPU beside the fixed ones (VSE)
  bool fp_live{};             ///< the FP registers of this vCPU are on the CPU, not here

  static constexpr std::uint64_t pstate_reset = 0x3c5;      ///< EL1h, D A I F masked
  static constexpr std::uint64_t mpidr_res1 = 0x8000'0000;  ///< MPIDR_EL1 bit 31

  /// The state that PSCI CPU_ON and the Linux boot protocol ask for: at `entry` in EL1h with all exceptions masked, MMU
  /// and caches off, `argument` in X0, everything else zero (DEN0022, "Initial Core configuration", 6.4).
  void reset(guest_phys entry, std::uint64_t argument) {
    static_cast<guest_frame&>(*this) = guest_frame{};
    x[0] = argument;
    elr = entry.value;
    spsr = pstate_reset;
    el1 = el1_state{};
    fp = fp_registers{};
    timer = {};
    hcr_extra = 0;
    fp_live = false;
  }

  /// Names the stage-2 root and the tag of its translations (VTTBR_EL2). VTCR_EL2 is set beside it in `vtcr`.
  void set_translation(host_phys root, vmid id) { vttbr = root.value | std::uint64_t{id.value} << 48; }

  /// The vCPU whose frame this is. Precondition: it is one's frame; those that come from exits are.
  [[nodiscard]] static vcpu_state& of(guest_frame& frame) { return static_cast<vcpu_state&>(frame); }
};

/// The whole state of one virtual CPU. `Handler` answers its exits.
template <typename Handler>
struct el2_vcpu : vcpu_state {
  Handler* handler{};
};

/// EL2 of the CPU this code runs on, in one of its two uses, or in the one that HCR_EL2.E2H says. Models
/// `VirtExtPolicy`.
///
/// `Handler` answers exits in both tiers: its constant `Handler::fast` is the set of kinds that it may answer from the
/// vector; `Handler::on_host_fault(index)` is where the host's own exceptions end; `Handler::host_memory(host_phys)` is
/// the pointer at which the program finds a byte of guests' memory, or null where there is none.
/// `resume::stop` and `resume::slow` from the vector both leave the exit to the slow tier, which asks the handler
/// again.
template <el2_mode Mode, typename Handler>
struct el2 {
  using vcpu = el2_vcpu<Handler>;
  using clock = generic_timer<cpu, Mode>;

  /// `wrong_mode` below EL2; `missing_part` without 4 KiB pages at stage 2, or without VHE where `Mode` is `vhe`.
  [[nodiscard]] static result<virt_features, virt_error> probe() {
    if (((cpu::read<sysreg::currentel>() >> 2) & 3) != 2) return failure{virt_error::wrong_mode};
    std::uint64_t const mmfr0 = cpu::read<sysreg::id_aa64mmfr0_el1>();
    std::uint64_t const mmfr1 = cpu::read<sysreg::id_aa64mmfr1_el1>();
    // TGran4_2: 0 means "as TGran4", 1 "not supported".
    unsigned const granule = static_cast<unsigned>(mmfr0 >> 40) & 15;
    bool const stage1_granule = ((mmfr0 >> 28) & 15) != 15;
    if (granule == 1 || (granule == 0 && !stage1_granule)) return failure{virt_error::missing_part};
    if (Mode == el2_mode::vhe && ((mmfr1 >> 8) & 15) == 0) return failure{virt_error::missing_part};
    unsigned const bits = physical_address_bits<cpu>();
    return virt_features{.vmid_bits = ((mmfr1 >> 4) & 15) == 2 ? 16U : 8U,
                         .guest_address_bits = bits < 48 ? bits : 48,
                         .output_address_bits = bits < 48 ? bits : 48};
  }

  /// From here on the host's own exceptions end in `Handler::on_host_fault`. `enable` does it too; a program that wants
  /// to hear of faults before that calls it first of all.
  static void set_vectors() {
    cpu::write<sysreg::vbar_el2>(vectors<tier>::address());
    cpu::isb();
  }

  /// From here on exits of this CPU's guests come to `Handler`, and the host's own exceptions to `on_host_fault`.
  result<void, virt_error> enable() {
    if (auto const found = probe(); !found) return failure{found.error()};
    set_vectors();
    write_host_controls();
    cpu::write<sysreg::hstr_el2>(0);
    // The guest's writes exit and are dropped, so what firmware or a debugger left here would stay.
    cpu::write<sysreg::mdscr_el1>(0);
    hide_optional_features<cpu>();
    clock::enable();
    cpu::isb();
    return {};
  }
  void disable() {
    write_host_controls();
    cpu::write<sysreg::vttbr_el2>(0);
    cpu::isb();
  }

  /// Puts `v` on this CPU. What the guest owns and exits do not touch is loaded here, once, not per exit.
  void load(vcpu& v) {
    cpu::write<sysreg::vtcr_el2>(v.vtcr);
    cpu::write<sysreg::vttbr_el2>(v.vttbr);
    cpu::write<sysreg::vpidr_el2>(cpu::read<sysreg::midr_el1>());
    cpu::write<sysreg::vmpidr_el2>(v.vmpidr);
    clock::load_guest(v.timer, v.time_offset);
    in_el2_mode<Mode, cpu>([&v]<el2_mode M>() {
      using controls = hypervisor_controls<M>;
      cpu::write<sysreg::mdcr_el2>(controls::mdcr_guest(cpu::read<sysreg::mdcr_el2>()));
      v.el1.template load<M, cpu>();
      cpu::write<sysreg::cptr_el2>(v.fp_live ? controls::cptr_fp_live : controls::cptr_fp_trapped);
      cpu::write<sysreg::hcr_el2>(controls::hcr_guest | v.hcr_extra);
    });
    cpu::isb();
  }

  /// Takes `v` off this CPU; nothing of it stays in registers that another guest could read.
  void put(vcpu& v) {
    in_el2_mode<Mode, cpu>([&v]<el2_mode M>() { v.el1.template save<M, cpu>(); });
    clock::save_guest(v.timer);
    if (v.fp_live) {
      cpu::save_fp(v.fp);
      v.fp_live = false;
    }
    write_host_controls();
    cpu::isb();
  }

  /// Runs the guest until an exit that the fast tier leaves to the slow one. `v` is loaded and has its handler.
  void enter(vcpu& v) { axhal_aarch64_enter_guest(&v); }

  /// Gives the guest its FP and SIMD registers. The answer to `exit::lazy_state`, in either tier.
  static void load_lazy_state(vcpu_state& v) {
    in_el2_mode<Mode, cpu>([]<el2_mode M>() { cpu::write<sysreg::cptr_el2>(hypervisor_controls<M>::cptr_fp_live); });
    cpu::isb();
    cpu::load_fp(v.fp);
    v.fp_live = true;
  }

  /// The slow tier: tells `handler` what the exit that `enter` returned with means, and steps over the instruction when
  /// it says so. Precondition: `v` is loaded.
  template <typename H>
  static resume decode(vcpu& v, H& handler) {
    saved_context<loaded_guest> c{v};
    auto const verdict = aarch64::decode(c, handler);
    if (verdict == resume::next_instruction) {
      v.elr += instruction_size(v.esr);
      return resume::retry;
    }
    return verdict;
  }

 private:
  /// Controls while no guest is loaded.
  static void write_host_controls() {
    in_el2_mode<Mode, cpu>([]<el2_mode M>() {
      cpu::write<sysreg::cptr_el2>(hypervisor_controls<M>::cptr_fp_trapped);
      cpu::write<sysreg::hcr_el2>(hypervisor_controls<M>::hcr_host);
    });
  }

  static vcpu& vcpu_of(guest_frame& frame) { return static_cast<vcpu&>(frame); }

  /// What a saved frame does not hold of the guest that is loaded: its system registers and its memory.
  struct loaded_guest : loaded_el1<Mode, cpu> {
    [[nodiscard]] static result<guest_phys, access> guest_address(std::uint64_t va, bool write) {
      return cpu::guest_stage1(va, write);
    }
    [[nodiscard]] static result<std::uint32_t, access> fetch(std::uint64_t pc) {
      return cpu::guest_instruction(pc, [](host_phys at) { return Handler::host_memory(at); });
    }
  };

  struct tier {
    // Three functions that call the next one last, the most frequent first: none of them saves a register for what only
    // the later ones need.
    static guest_frame* on_sync(guest_frame* frame) {
      live_context<Mode> c{*frame};
      std::uint64_t const syndrome = c.esr();
      if (!is_call(syndrome)) [[unlikely]]
        return on_device_access(frame, syndrome);
      fast_handler<Handler> h{*vcpu_of(*frame).handler};
      return decode_call(c, h, syndrome) == resume::retry ? frame : nullptr;
    }
    [[gnu::noinline]] static guest_frame* on_device_access(guest_frame* frame, std::uint64_t syndrome) {
      if (!is_device_access(syndrome)) [[unlikely]]
        return on_rare(frame, syndrome);
      live_context<Mode> c{*frame};
      fast_handler<Handler> h{*vcpu_of(*frame).handler};
      return resumed(c, frame, syndrome, decode_device_access(c, h, syndrome));
    }
    [[gnu::noinline]] static guest_frame* on_rare(guest_frame* frame, std::uint64_t syndrome) {
      live_context<Mode> c{*frame};
      fast_handler<Handler> h{*vcpu_of(*frame).handler};
      return resumed(c, frame, syndrome, aarch64::decode(c, h));
    }
    [[gnu::always_inline]] static guest_frame* resumed(live_context<Mode> c, guest_frame* frame, std::uint64_t syndrome,
                                                       resume answer) {
      if (answer == resume::next_instruction) {
        c.set_pc(c.pc() + instruction_size(syndrome));
        return frame;
      }
      return answer == resume::retry ? frame : nullptr;
    }
    static guest_frame* on_irq(guest_frame* frame) {
      live_context<Mode> c{*frame};
      guest_view<live_context<Mode>> view{c};
      fast_handler<Handler> h{*vcpu_of(*frame).handler};
      return h(view, exit::host_interrupt{}) == resume::retry ? frame : nullptr;
    }
    static void on_host_fault(std::uint64_t which) { Handler::on_host_fault(which); }
  };
  static_assert(ExitTier<tier>);
};

}  // namespace axhal::aarch64
