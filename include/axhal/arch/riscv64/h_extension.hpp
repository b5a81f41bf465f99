// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/arch/riscv64/exit_scause.hpp>
#include <axhal/arch/riscv64/guest_frame.hpp>
#include <axhal/arch/riscv64/guest_timer.hpp>
#include <axhal/arch/riscv64/guest_view.hpp>
#include <axhal/arch/riscv64/hart_clock.hpp>
#include <axhal/arch/riscv64/hypervisor_controls.hpp>
#include <axhal/arch/riscv64/insn.hpp>
#include <axhal/arch/riscv64/live_context.hpp>
#include <axhal/arch/riscv64/translation_probe.hpp>
#include <axhal/arch/riscv64/vs_state.hpp>
#include <axhal/arch/riscv64/world_switch.hpp>
#include <axhal/policy/virt_ext.hpp>
#include <axhal/time/virtual_timer.hpp>
#include <axhal/vcpu/dispatch.hpp>

#include <cstdint>

namespace axhal::riscv64 {

/// What one virtual CPU owns, whatever answers its exits.
struct vcpu_state : guest_frame {
  vs_state vs{};
  fp_registers fp{};
  std::uint64_t hartid{};    ///< what the guest knows this vCPU by; kept by `reset`
  std::uint64_t hgatp{};     ///< root of the second stage and VMID
  std::uint64_t hvip{};      ///< interrupts shown to the guest
  std::uint64_t jvt{};       ///< where Zcmt's jump table is
  std::uint64_t scontext{};  ///< what the guest tells a debugger
  virtual_timer timer{};     ///< the guest's deadline, in its time; up to date while the vCPU is off the CPU
  ticks time_offset{};       ///< what is taken off the counter for the guest (`guest_time::offset`)
  bool fp_live{};            ///< the FP registers of this vCPU are on the CPU, not here

  /// The state that SBI HSM and the boot protocol of kernels ask for: at `entry` in VS-mode with satp 0 and interrupts
  /// masked, hart id in a0, `argument` in a1, everything else zero
  /// (SBI Specification 2.0, "Hart State Management Extension", table "HSM Hart Start Register State").
  void reset(guest_phys entry, std::uint64_t argument) {
    static_cast<guest_frame&>(*this) = guest_frame{};
    x[10] = hartid;
    x[11] = argument;
    sepc = entry.value;
    sstatus = hypervisor_controls::sstatus_guest;
    hstatus = hypervisor_controls::hstatus_guest;
    vs = vs_state{};
    fp = fp_registers{};
    hvip = 0;
    jvt = 0;
    scontext = 0;
    timer = {};
    fp_live = false;
  }

  /// The same after a rest that keeps memory alone (SBI HSM, a non-retentive suspend). What woke the vCPU, and may wait
  /// for it still, is not its own state but its machine's, and stays: the interrupts shown to it and its deadline.
  void restart(guest_phys entry, std::uint64_t argument) {
    std::uint64_t const shown = hvip;
    virtual_timer const deadline = timer;
    reset(entry, argument);
    hvip = shown;
    timer = deadline;
  }

  /// The vCPU whose frame this is. Precondition: it is one's frame; those that come from exits are.
  [[nodiscard]] static vcpu_state& of(guest_frame& frame) { return static_cast<vcpu_state&>(frame); }
};

/// The whole state of one virtual CPU. `Stage2` is the format of its second-stage tables, `Handler` answers its exits.
template <typename Stage2, typename Handler>
struct h_vcpu : vcpu_state {
  Handler* handler{};

  /// Names the second-stage root and the tag of its translations.
  void set_translation(host_phys root, vmid id) { hgatp = Stage2::hgatp(root, id); }
};

/// Gives the guest that is loaded its FP registers; from then on its illegal instructions are its own. The answer to
/// `exit::lazy_state`, in either tier.
inline void load_lazy_state(vcpu_state& v) {
  cpu::set<csr::sstatus>(sstatus::f_fs::mask);
  cpu::load_fp(v.fp);
  // Clean from here on: the CPU says when the guest has changed one of them.
  cpu::clear<csr::sstatus>(sstatus::f_fs::make(context_status::initial));
  cpu::write<csr::hedeleg>(hypervisor_controls::hedeleg(true));
  v.sstatus = sstatus::f_fs::with(v.sstatus, context_status::clean);
  v.fp_live = true;
}

/// The hypervisor extension of the hart this code runs on. Models `VirtExtPolicy`.
///
/// `Handler` answers exits in both tiers: its constant `Handler::fast` is the set of kinds that it may answer from the
/// vector; `Handler::uses_gp_and_tp` says whether doing so may touch gp or tp (`ExitTier`); `Handler::on_host_fault()`
/// is where the host's own traps end. `resume::stop` and `resume::slow` from the vector both leave the exit to the slow
/// tier, which asks the handler again. `Htinst` is what is believed of htinst.
template <typename Stage2, typename Handler, htinst_use Htinst = htinst_use::whole>
class h_extension {
  using context = live_context<Htinst>;

 public:
  using vcpu = h_vcpu<Stage2, Handler>;

  /// `absent` without the extension; `missing_part` without the format `Stage2`. hgatp is looked at by writing it and
  /// put back. No guest is loaded.
  [[nodiscard]] static result<virt_features, virt_error> probe() {
    if (!cpu::has<csr::hgatp>()) return failure{virt_error::absent};
    stage2_probe<cpu> const found{some_memory()};
    if (!found.supports(Stage2::mode)) return failure{virt_error::missing_part};
    return virt_features{.vmid_bits = found.vmid_bits(),
                         .guest_address_bits = Stage2::gpa_bits,
                         .output_address_bits = Stage2::output_bits};
  }

  /// From here on the host's own traps end in `Handler::on_host_fault`. `enable` does it too; a program that wants to
  /// hear of faults before that calls it first of all.
  static void set_vectors() {
    cpu::write<csr::sscratch>(0);
    cpu::write<csr::stvec>(vectors<tier>::address());
  }

  /// From here on exits of this CPU's guests come to `Handler`, and the host's own traps to `on_host_fault`.
  result<void, virt_error> enable() {
    if (auto const found = probe(); !found) return failure{found.error()};
    set_vectors();
    cpu::write<csr::sstatus>(sstatus::f_uxl::make(sstatus::uxl_64));
    cpu::write<csr::hideleg>(hypervisor_controls::hideleg);
    cpu::write<csr::hcounteren>(hypervisor_controls::hcounteren);
    cpu::write<csr::htimedelta>(0);
    cpu::write<csr::hie>(0);
    cpu::write<csr::hvip>(0);
    features_ = find_features();
    return {};
  }
  void disable() {
    cpu::write<csr::vsatp>(0);
    cpu::write<csr::hgatp>(0);
    cpu::write<csr::hvip>(0);
  }

  [[nodiscard]] h_features const& features() const { return features_; }
  /// Guests on this CPU do not have these of `features().henvcfg`, from now on. Precondition: enabled, no guest loaded.
  void withhold(std::uint64_t henvcfg_bits) {
    if ((features_.henvcfg & henvcfg_bits) == 0) return;
    features_.henvcfg &= ~henvcfg_bits;
    cpu::write<csr::henvcfg>(features_.henvcfg);
  }
  /// The timer of the guest that is loaded: by vstimecmp where the CPU has it.
  [[nodiscard]] guest_timer<cpu, deadline_by::either> timer() const {
    return guest_timer<cpu, deadline_by::either>{features_.sstc()};
  }

  /// Puts `v` on this CPU. What the guest owns and exits do not touch is loaded here, once, not per exit.
  ///
  /// Two duties are the caller's. `forget_guest` comes before when this CPU may remember translations under the same
  /// VMID that are not this vCPU's own: another vCPU of the machine ran here, or this one ran elsewhere meanwhile; and
  /// FENCE.I then as well. (VMID 0, which all guests have on a CPU without VMIDs, is forgotten here each time.)
  void load(vcpu& v) {
    cpu::write<csr::vsatp>(0);
    cpu::write<csr::hgatp>(v.hgatp);
    if (hgatp::f_vmid::get(v.hgatp) == 0) {
      cpu::hfence_gvma();
      cpu::hfence_vvma();
    }
    cpu::write<csr::hedeleg>(hypervisor_controls::hedeleg(v.fp_live || !features_.has_d));
    v.vs.template load<cpu>(features_.has_envcfg);
    cpu::write<csr::hvip>(v.hvip);
    timer().load(v.timer, v.time_offset, hart_clock<cpu, deadline_by::either>::now());
    if (features_.has_aia) cpu::write<csr::vsiselect>(0);
    if (features_.has_jvt) cpu::write<csr::jvt>(v.jvt);
    if (features_.has_scontext) cpu::write<csr::scontext>(v.scontext);
  }

  /// Takes `v` off this CPU; nothing of it stays in registers that another guest could read.
  void put(vcpu& v) {
    v.vs.template save<cpu>(features_.has_envcfg);
    timer().save(v.timer);
    v.hvip = cpu::read<csr::hvip>();
    cpu::write<csr::hvip>(0);
    if (features_.has_jvt) v.jvt = cpu::read<csr::jvt>();
    if (features_.has_scontext) v.scontext = cpu::read<csr::scontext>();
    if (v.fp_live) {
      if (sstatus::f_fs::get(v.sstatus) == context_status::dirty) {
        cpu::set<csr::sstatus>(sstatus::f_fs::mask);
        cpu::save_fp(v.fp);
      }
      cpu::clear<csr::sstatus>(sstatus::f_fs::mask);
      v.sstatus &= ~sstatus::f_fs::mask;
      v.fp_live = false;
    }
    cpu::end_reservation();
    cpu::write<csr::vsatp>(0);
    cpu::write<csr::hgatp>(0);
  }

  /// Runs the guest until an exit that the fast tier leaves to the slow one. `v` is loaded and has its handler.
  void enter(vcpu& v) { axhal_riscv64_enter_guest(&v); }

  /// The slow tier: tells `handler` what the exit that `enter` returned with means, and steps over the instruction when
  /// it says so. Precondition: `v` is loaded.
  template <typename H>
  static resume decode(vcpu& v, H& handler) {
    v.htinst = believed_htinst<Htinst>(v.htinst);
    return riscv64::decode(saved_context<loaded_guest>{v, loaded_guest{v.hstatus}}, handler);
  }

 private:
  static vcpu& vcpu_of(guest_frame& frame) { return static_cast<vcpu&>(frame); }

  /// What a saved frame does not hold of the guest that is loaded: its supervisor registers and its memory.
  struct loaded_guest : loaded_vs<cpu> {
    std::uint64_t hstatus;

    explicit loaded_guest(std::uint64_t h) : hstatus{h} {}
    [[nodiscard]] result<std::uint32_t, access> fetch(std::uint64_t pc) const {
      // HLVX acts as the mode in SPVP, which a trap of the host's own leaves alone.
      cpu::write<csr::hstatus>(hstatus);
      return cpu::guest_instruction(pc);
    }
  };

  /// Main memory that a hart may read as tables without harm: what this hart's own translation reads, or its code.
  [[nodiscard]] static host_phys some_memory() {
    constexpr std::uint64_t root_size = std::uint64_t{8} << Stage2::index_bits(Stage2::levels - 1);
    std::uint64_t const own = cpu::read<csr::satp>();
    std::uint64_t const at = satp::f_mode::get(own) == translation_mode::bare
                                 ? reinterpret_cast<std::uint64_t>(&axhal_riscv64_enter_guest)
                                 : satp::f_ppn::get(own) << 12;
    return {at & ~(root_size - 1)};
  }

  [[nodiscard]] static h_features find_features() {
    h_features f;
    f.has_envcfg = cpu::has<csr::henvcfg>();
    if (f.has_envcfg) {
      // Bits that the CPU, or firmware, does not let guests have stay zero.
      cpu::write<csr::henvcfg>(hypervisor_controls::henvcfg);
      f.henvcfg = cpu::read<csr::henvcfg>();
    }
    f.has_stateen = cpu::has<csr::hstateen0>();
    if (f.has_stateen) cpu::write<csr::hstateen0>(hypervisor_controls::hstateen0);
    // Where Smstateen hides them from guests there is nothing to switch.
    f.has_jvt = !f.has_stateen && cpu::has<csr::jvt>();
    f.has_scontext = !f.has_stateen && cpu::has<csr::scontext>();
    f.has_aia = cpu::has<csr::vsiselect>();
    if (cpu::has<csr::hvictl>()) {
      cpu::write<csr::hvictl>(0);
      cpu::write<csr::hvien>(0);
    }
    cpu::set<csr::sstatus>(sstatus::f_fs::mask);
    f.has_d = cpu::has_double_fp();
    cpu::clear<csr::sstatus>(sstatus::f_fs::mask);
    return f;
  }

  struct tier {
    static constexpr bool uses_gp_and_tp = Handler::uses_gp_and_tp;

    // Functions that call the next one last, the most frequent first: none of them saves a register for what only the
    // later ones need.
    static guest_frame* on_exit(guest_frame* frame) {
      context c{*frame};
      std::uint64_t const cause = c.scause();
      if (!is_call(cause)) [[unlikely]]
        return on_other(frame, cause);
      if constexpr (AnswersAtOnce<Handler, guest_view<context>>) {
        if (answer_at_once(c, *vcpu_of(*frame).handler)) [[likely]]
          return frame;
      }
      return on_call(frame);
    }
    [[gnu::noinline]] static guest_frame* on_interrupt(guest_frame* frame) {
      guest_view<context> view{context{*frame}};
      fast_handler<Handler> h{*vcpu_of(*frame).handler};
      return h(view, exit::host_interrupt{}) == resume::retry ? frame : nullptr;
    }
    [[gnu::noinline]] static guest_frame* on_call(guest_frame* frame) {
      context c{*frame};
      fast_handler<Handler> h{*vcpu_of(*frame).handler};
      return decode_call(c, h) == resume::retry ? frame : nullptr;
    }
    [[gnu::always_inline]] static guest_frame* on_other(guest_frame* frame, std::uint64_t cause) {
      if (scause::f_interrupt::get(cause)) return on_interrupt(frame);
      if (cause == scause::of(exception::load_guest_page)) return on_device_access<exception::load_guest_page>(frame);
      if (cause == scause::of(exception::store_guest_page)) return on_device_access<exception::store_guest_page>(frame);
      return on_rare(frame);
    }
    template <exception Cause>
    [[gnu::noinline]] static guest_frame* on_device_access(guest_frame* frame) {
      context c{*frame};
      std::uint64_t const instruction = c.htinst();
      std::uint64_t const address = c.stval();
      if (!is_device_access(scause::of(Cause), instruction, address)) [[unlikely]]
        return on_rare(frame);
      fast_handler<Handler> h{*vcpu_of(*frame).handler};
      auto const answer = decode_device_access(c, h, scause::of(Cause), instruction, address);
      return answer == resume::retry ? frame : nullptr;
    }
    [[gnu::noinline]] static guest_frame* on_rare(guest_frame* frame) {
      context c{*frame};
      fast_handler<Handler> h{*vcpu_of(*frame).handler};
      return riscv64::decode(c, h) == resume::retry ? frame : nullptr;
    }
    static void on_host_fault() { Handler::on_host_fault(); }
  };
  static_assert(ExitTier<tier>);

  h_features features_{};
};

}  // namespace axhal::riscv64
