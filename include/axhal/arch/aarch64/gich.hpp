// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/arch/aarch64/gic_v2_registers.hpp>
#include <axhal/core/mmio.hpp>
#include <axhal/policy/irq_controller.hpp>
#include <axhal/policy/virt_irq.hpp>

#include <bit>
#include <cstdint>

namespace axhal::aarch64 {

/// The list registers of this CPU's virtual interface (ARM IHI 0048B, "GIC virtual interface control registers", 5.3):
/// what the guest that is loaded on this CPU finds in its GICV. One object per CPU.
///
/// What is in use is remembered, so that nothing is read or written while no list register is: `reap` is then a load
/// and a branch, and `present` into an empty one is a single write. Guests change list registers only while they run;
/// call every function on the CPU it belongs to, with its guest stopped.
///
/// When a guest ends an interrupt with the HW bit, the GIC deactivates the physical one. Taking such an interrupt back
/// (`withdraw`, `discard`) leaves the physical one active: the caller deactivates it, or presents it again.
template <MmioWindow Window>
class gich {
 public:
  static constexpr unsigned max_list_registers = 16;  ///< more are not used where there are more
  static constexpr shown_until lifetime = shown_until::completed;
  static constexpr bool has_priorities = true;
  static constexpr unsigned priority_step = 8;  ///< a list register keeps the upper five bits of a priority

  /// What a vCPU takes along when it leaves this CPU. A fresh one is the state of a virtual CPU interface after reset.
  struct state {
    std::uint32_t control{gich_hcr::f_en::mask};
    std::uint32_t machine_control{gich_vmcr::reset};
    std::uint32_t active_priorities{};
    std::uint32_t used{};  ///< one bit a list register
    std::uint32_t done{};  ///< those of `used` that the guest has completed and `reap` has not reported
    std::uint32_t list[max_list_registers]{};
  };

  constexpr explicit gich(Window window) : window_{window} {}

  /// Finds out how many list registers there are, empties them and lets the guest's interface work, in its reset state.
  /// `unsupported` when the window holds no GICH.
  [[nodiscard]] result<void, irq_error> init() {
    std::uint32_t const type = window_.read32(reg::vtr);
    // The architecture has five bits of virtual priority; an absent device reads as zeros or ones.
    if (gich_vtr::f_pri_bits::get(type) != 4) return failure{irq_error::unsupported};
    unsigned const there = gich_vtr::f_list_regs::get(type) + 1;
    unsigned const count = there < max_list_registers ? there : max_list_registers;
    write_control(0);
    for (unsigned i = 0; i < there; ++i) window_.write32(reg::lr + i * 4, 0);
    all_ = static_cast<std::uint32_t>(low_bits(count));
    used_ = done_ = notify_ = 0;
    machine_control_ = gich_vmcr::reset;
    active_priorities_ = 0;
    window_.write32(reg::vmcr, machine_control_);
    window_.write32(reg::apr, active_priorities_);
    write_control(gich_hcr::f_en::mask);
    return {};
  }

  // --- VirtIrqPolicy ---

  [[nodiscard]] unsigned capacity() const { return static_cast<unsigned>(std::popcount(all_)); }

  result<void, virt_irq_error> present(virtual_irq const& irq) {
    if (irq.irq.value >= gic_id::first_special) return failure{virt_irq_error::out_of_range};
    if (irq.hardware && (irq.physical.value < gic_id::first_ppi || irq.physical.value >= gic_id::first_special)) {
      return failure{virt_irq_error::out_of_range};
    }
    if (used_ != 0) {
      if (unsigned const i = find(irq.irq); i != none) {
        std::uint32_t const now = read(i);
        lr_state const shown = gich_lr::f_state::get(now);
        if (shown == lr_state::active) {
          // Pending behind active is for interrupts without a physical one (IHI 0048B, "List Registers", 5.3.9).
          if (irq.hardware || gich_lr::f_hw::get(now)) return failure{virt_irq_error::full};
          write(i, gich_lr::f_state::with(now | gich_lr::f_eoi::make(irq.notify_completion),
                                          lr_state::pending_and_active));
          return {};
        }
        if (shown != lr_state::invalid) return {};
        // Completed and not reaped: its report stays where it is.
        done_ |= 1U << i;
      }
    }
    std::uint32_t const empty = all_ & ~used_;
    if (empty == 0) return failure{virt_irq_error::full};
    write(static_cast<unsigned>(std::countr_zero(empty)), encode(irq));
    return {};
  }

  /// Presents `irq` once more in the list register where it was last, with a read and a write of that register and no
  /// `reap` in between. False, and nothing happened, unless it was presented just so before, the guest has completed
  /// it, and `reap` has not reported that: then this turn takes the place of the report.
  bool repeat(virtual_irq const& irq) {
    unsigned const i = find(irq.irq);
    if (i == none) return false;
    std::uint32_t const word = encode(irq);
    if (((list_[i] ^ word) & ~gich_lr::f_state::mask) != 0) return false;
    if (gich_lr::f_state::get(window_.read32(reg::lr + i * 4)) != lr_state::invalid) return false;
    window_.write32(reg::lr + i * 4, word);
    list_[i] = word;
    return true;
  }
  bool withdraw(irq_number irq) {
    unsigned const i = find(irq);
    if (i == none) return false;
    std::uint32_t const now = read(i);
    switch (gich_lr::f_state::get(now)) {
      case lr_state::pending: clear(i); return true;
      case lr_state::pending_and_active: write(i, gich_lr::f_state::with(now, lr_state::active)); return false;
      case lr_state::invalid: done_ |= 1U << i; return false;
      case lr_state::active: return false;
    }
    return false;
  }

  /// `consumed(virtual_irq const&)` may present other interrupts. Ends the cause of an EOI maintenance interrupt.
  template <typename Consumed>
  void reap(Consumed&& consumed) {
    if (used_ == 0) return;
    std::uint32_t ended = (done_ | window_.read32(reg::elrsr)) & used_;
    if (notify_ != 0) {
      // Those with the EOI bit are not reported as empty until somebody has looked.
      std::uint32_t const looked_at = window_.read32(reg::eisr) & notify_;
      for (std::uint32_t rest = looked_at; rest != 0; rest &= rest - 1) {
        window_.write32(reg::lr + first(rest) * 4, 0);
      }
      ended |= looked_at;
    }
    for (std::uint32_t rest = ended; rest != 0; rest &= rest - 1) {
      unsigned const i = first(rest);
      release(i);
      consumed(decode(list_[i]));
    }
  }

  /// While on, the maintenance interrupt is raised when the guest has taken all that is shown, or has completed all but
  /// one. What it asks for is decided by what is pending now; call it again after a look at the list registers.
  void request_room_event(bool on) {
    std::uint32_t control = gich_hcr::f_en::mask;
    if (on) {
      control |= gich_hcr::f_uie::mask;
      // With nothing pending that event would be there at once, and again on every entry.
      for (std::uint32_t rest = used_ & ~done_; rest != 0; rest &= rest - 1) {
        if (gich_lr::f_state::get(list_[first(rest)]) == lr_state::pending) control |= gich_hcr::f_npie::mask;
      }
    }
    if (control != control_) write_control(control);
  }

  void save(state& s) {
    s.control = control_;
    write_control(0);
    for (std::uint32_t rest = used_; rest != 0; rest &= rest - 1) {
      unsigned const i = first(rest);
      if ((done_ >> i & 1) == 0) {
        if (gich_lr::f_state::get(read(i)) == lr_state::invalid) done_ |= 1U << i;
      }
      s.list[i] = list_[i];
      window_.write32(reg::lr + i * 4, 0);
    }
    s.used = used_;
    s.done = done_;
    used_ = done_ = notify_ = 0;
    s.machine_control = machine_control_ = window_.read32(reg::vmcr);
    s.active_priorities = active_priorities_ = window_.read32(reg::apr);
  }

  void restore(state const& s) {
    used_ = s.used & all_;
    done_ = s.done & all_;
    for (std::uint32_t rest = used_; rest != 0; rest &= rest - 1) {
      unsigned const i = first(rest);
      list_[i] = s.list[i];
      if (is_notified(s.list[i])) notify_ |= 1U << i;
      if ((done_ >> i & 1) == 0) window_.write32(reg::lr + i * 4, s.list[i]);
    }
    if (s.machine_control != machine_control_) {
      machine_control_ = s.machine_control;
      window_.write32(reg::vmcr, machine_control_);
    }
    if (s.active_priorities != active_priorities_) {
      active_priorities_ = s.active_priorities;
      window_.write32(reg::apr, active_priorities_);
    }
    write_control(s.control);
  }

  // --- beyond the policy: what a virtual distributor needs to know and do ---

  /// True while some list register is in use, or the guest has completed something that `reap` has not reported.
  [[nodiscard]] bool in_use() const { return used_ != 0; }

  /// `seen(virtual_irq const&, lr_state)` for each interrupt that is pending or active. It may withdraw or discard the
  /// one it is called with.
  template <typename Seen>
  void inspect(Seen&& seen) {
    for (std::uint32_t rest = used_ & ~done_; rest != 0; rest &= rest - 1) {
      unsigned const i = first(rest);
      std::uint32_t const now = read(i);
      lr_state const shown = gich_lr::f_state::get(now);
      if (shown == lr_state::invalid) {
        done_ |= 1U << i;
      } else {
        seen(decode(now), shown);
      }
    }
  }
  /// Takes `irq` back whether the guest has taken it or not. False when it was neither pending nor active.
  bool discard(irq_number irq) {
    unsigned const i = find(irq);
    if (i == none) return false;
    if (gich_lr::f_state::get(read(i)) == lr_state::invalid) {
      done_ |= 1U << i;
      return false;
    }
    clear(i);
    return true;
  }
  /// From now on the maintenance interrupt tells when `irq`, shown and without a physical one, is completed.
  void notify_completion(irq_number irq) {
    unsigned const i = find(irq);
    if (i == none || (notify_ >> i & 1) != 0) return;
    std::uint32_t const now = read(i);
    if (gich_lr::f_hw::get(now)) return;
    if (gich_lr::f_state::get(now) == lr_state::invalid) {
      done_ |= 1U << i;
    } else {
      write(i, now | gich_lr::f_eoi::mask);
    }
  }

  /// What GICH_LR holds for `irq`, pending.
  [[nodiscard]] static constexpr std::uint32_t encode(virtual_irq const& irq) {
    std::uint32_t const common = gich_lr::f_virtual_id::make(irq.irq.value) |
                                 gich_lr::f_priority::make(irq.priority / priority_step) |
                                 gich_lr::f_state::make(lr_state::pending) | gich_lr::f_grp1::make(irq.group != 0);
    if (irq.hardware) return common | gich_lr::f_hw::mask | gich_lr::f_physical_id::make(irq.physical.value);
    return common | gich_lr::f_cpu_id::make(irq.source) | gich_lr::f_eoi::make(irq.notify_completion);
  }
  /// The inverse of `encode`, whatever the state; of the priority, what a list register keeps.
  [[nodiscard]] static constexpr virtual_irq decode(std::uint32_t word) {
    virtual_irq irq{.irq = {gich_lr::f_virtual_id::get(word)},
                    .priority = static_cast<std::uint8_t>(gich_lr::f_priority::get(word) * priority_step),
                    .group = static_cast<std::uint8_t>(gich_lr::f_grp1::get(word) ? 1 : 0)};
    if (gich_lr::f_hw::get(word)) {
      irq.hardware = true;
      irq.physical = {gich_lr::f_physical_id::get(word)};
    } else {
      irq.source = static_cast<std::uint8_t>(gich_lr::f_cpu_id::get(word));
      irq.notify_completion = gich_lr::f_eoi::get(word);
    }
    return irq;
  }

 private:
  using reg = gich_registers;
  static constexpr unsigned none = 32;

  [[nodiscard]] static unsigned first(std::uint32_t mask) { return static_cast<unsigned>(std::countr_zero(mask)); }
  [[nodiscard]] static constexpr bool is_notified(std::uint32_t word) {
    return gich_lr::f_eoi::get(word) && !gich_lr::f_hw::get(word);
  }
  [[nodiscard]] unsigned find(irq_number irq) const {
    for (std::uint32_t rest = used_ & ~done_; rest != 0; rest &= rest - 1) {
      unsigned const i = first(rest);
      if (gich_lr::f_virtual_id::get(list_[i]) == irq.value) return i;
    }
    return none;
  }
  [[nodiscard]] std::uint32_t read(unsigned i) {
    std::uint32_t const now = window_.read32(reg::lr + i * 4);
    // A completed one keeps its words; those are what `reap` reports.
    if (gich_lr::f_state::get(now) != lr_state::invalid) list_[i] = now;
    return now;
  }
  void write(unsigned i, std::uint32_t word) {
    window_.write32(reg::lr + i * 4, word);
    list_[i] = word;
    used_ |= 1U << i;
    notify_ = (notify_ & ~(1U << i)) | (is_notified(word) ? 1U << i : 0);
  }
  void clear(unsigned i) {
    window_.write32(reg::lr + i * 4, 0);
    release(i);
  }
  void release(unsigned i) {
    used_ &= ~(1U << i);
    done_ &= ~(1U << i);
    notify_ &= ~(1U << i);
  }
  void write_control(std::uint32_t control) {
    control_ = control;
    window_.write32(reg::hcr, control);
  }

  [[no_unique_address]] Window window_;
  std::uint32_t used_{};    // one bit a list register: not known to be empty
  std::uint32_t done_{};    // of those: known to be completed, not reported yet
  std::uint32_t notify_{};  // of those: with the EOI bit
  std::uint32_t all_{};
  std::uint32_t control_{};
  std::uint32_t machine_control_{};    // what the hardware holds while no guest is loaded
  std::uint32_t active_priorities_{};  // the same
  std::uint32_t list_[max_list_registers]{};
};

}  // namespace axhal::aarch64
