// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "../guest_answers.hpp"
#include "host_devices.hpp"

#include <axhal/arch/aarch64/el2.hpp>
#include <axhal/arch/aarch64/psci_server.hpp>
#include <axhal/arch/aarch64/trapped_registers.hpp>
#include <axhal/arch/aarch64/vgic_v2.hpp>
#include <axhal/arch/aarch64/virtual_physical_timer.hpp>
#include <axhal/core/units.hpp>
#include <axhal/memory/frame_access.hpp>
#include <axhal/vcpu/exit.hpp>
#include <axhal/vdev/device_map.hpp>
#include <axhal/vdev/pl011.hpp>

#include <cstdint>
#include <type_traits>
#include <utility>

namespace example {

/// Where exceptions of the hypervisor itself end; `which` is the vector's index.
[[noreturn]] void on_host_fault(std::uint64_t which);

/// The machine that one guest sees, and the answers to its exits: a GICv2, a PL011 on SPI 1, PSCI and timers, at the
/// addresses of QEMU's virt machine. One vCPU.
class guest_machine : public guest_answers<guest_machine, host_devices, axhal::vdev::pl011> {
  using answers = guest_answers<guest_machine, host_devices, axhal::vdev::pl011>;
  using resume = axhal::resume;
  using sysreg = axhal::aarch64::sysreg;
  friend answers;

 public:
  using answers::operator();

  /// No call of a guest makes it begin anew.
  static constexpr bool restarts = false;
  /// Exits that are answered from the vector.
  static constexpr axhal::exit_set fast =
      axhal::exits<axhal::exit::hypercall, axhal::exit::mmio_read, axhal::exit::mmio_write, axhal::exit::register_read,
                   axhal::exit::register_write, axhal::exit::idle, axhal::exit::yield, axhal::exit::host_interrupt>;

  guest_machine(host_devices& host, guest_memory<frame_allocator>& memory) : answers{host, memory} {}

  // --- exits ---

  template <typename Guest>
  [[gnu::always_inline]] resume operator()(Guest& guest, axhal::exit::hypercall const& call) {
    std::uint64_t answer{};
    if (call.immediate == 0 && psci_.answer_at_once(call.number, guest.argument(1), answer)) [[likely]] {
      guest.set_result(0, answer);
      return resume::next_instruction;
    }
    if constexpr (in_fast_tier<Guest>) {
      return resume::slow;
    } else {
      return answer_call(guest, call);
    }
  }

  template <typename Guest>
  resume operator()(Guest& guest, axhal::exit::register_read const& e) {
    auto const id = static_cast<sysreg>(e.id);
    if (physical_timer_.owns(id)) {
      guest.complete_register_read(e, physical_timer_.read(id, time_.at(clock::now())));
      return resume::next_instruction;
    }
    auto const value = axhal::aarch64::read_trapped_register<axhal::aarch64::cpu>(e.id);
    if (!value) return fault(guest, value.error());
    guest.complete_register_read(e, *value);
    return resume::next_instruction;
  }
  template <typename Guest>
  resume operator()(Guest& guest, axhal::exit::register_write const& e) {
    auto const id = static_cast<sysreg>(e.id);
    if (physical_timer_.owns(id)) {
      if (!physical_timer_.write(id, e.value, time_.at(clock::now()))) return undefined(guest);
      update_physical_timer();
      return resume::next_instruction;
    }
    if (auto const done = axhal::aarch64::write_trapped_register(e.id); !done) return fault(guest, done.error());
    return resume::next_instruction;
  }

  /// FP and SIMD registers are the guest's from its first use of them.
  template <typename Guest>
  resume operator()(Guest& guest, axhal::exit::lazy_state const&) {
    axhal::aarch64::el2<el2_use, guest_machine>::load_lazy_state(axhal::aarch64::vcpu_state::of(guest.context.frame));
    return resume::retry;
  }

  template <typename Guest>
  resume operator()(Guest&, axhal::exit::host_interrupt const&) {
    auto const claimed = host_.gic.claim();
    if (!claimed) return resume::retry;
    if (claimed->irq == board::virtual_timer_irq) [[likely]] {
      // The guest's own end of interrupt deactivates it.
      host_.gic.drop_priority(*claimed);
      if (!gic_.repeat_hardware(self, host_.gich, board::virtual_timer_irq, board::virtual_timer_irq)) ring();
      if constexpr (board::gic_forgets_pending_behind_active) watch();
      return resume::retry;
    }
    // First of all what the guest has completed: a line can be raised again only when its last turn is over.
    gic_.sync(self, host_.gich);
    serve(*claimed);
    deliver();
    return resume::retry;
  }

  // --- what the vectors and the decoder ask for ---

  /// Guests' memory is where the hypervisor's own translations have it; below RAM are devices, which are no memory.
  [[nodiscard]] static void* host_memory(axhal::host_phys at) {
    return at < board::ram ? nullptr : axhal::memory::identity_access::pointer(at);
  }
  [[noreturn]] static void on_host_fault(std::uint64_t which) { example::on_host_fault(which); }

 private:
  using gic_type = axhal::aarch64::vgic_v2<vcpus, 32>;

  /// The distributor, with the list registers of this CPU.
  struct distributor_port {
    guest_machine& machine;
    std::uint64_t read(axhal::vcpu_number vcpu, std::uint64_t offset, unsigned size) {
      auto const value = machine.gic_.read(vcpu, machine.host_.gich, offset, size);
      machine.deliver();
      return value;
    }
    void write(axhal::vcpu_number vcpu, std::uint64_t offset, unsigned size, std::uint64_t value) {
      machine.gic_.write(vcpu, machine.host_.gich, offset, size, value);
      machine.deliver();
    }
  };
  static constexpr axhal::guest_range distributor_range{{board::gic_distributor.start.value},
                                                        board::gic_distributor.size};
  static constexpr axhal::guest_range uart_range{{board::uart.start.value}, board::uart.size};

  template <typename Guest>
  static constexpr bool in_fast_tier =
      !axhal::aarch64::KnowsVector<std::remove_reference_t<decltype(std::declval<Guest&>().context)>>;

  template <typename Guest>
  resume answer_call(Guest& guest, axhal::exit::hypercall const& call) {
    using kind = axhal::aarch64::psci_action::kind;
    if (call.immediate != 0) {
      guest.set_result(0, axhal::aarch64::psci_word(axhal::aarch64::psci_status::not_supported));
      return resume::next_instruction;
    }
    auto const action = psci_.call(self, call.number, guest.argument(1), guest.argument(2), guest.argument(3),
                                   [this](axhal::guest_phys at) { return memory_.contains(at); });
    switch (action.what) {
      case kind::power_off: return finish(guest_end::power_off);
      case kind::reset: return finish(guest_end::reset);
      // The only vCPU stops itself: nothing can ever start it again.
      case kind::stop_this: return finish(guest_end::power_off);
      case kind::suspend: wait(); break;
      case kind::start_vcpu:
      case kind::none: break;
    }
    guest.set_result(0, action.result);
    return resume::next_instruction;
  }

  /// Waits for an interrupt unless one waits for the guest. Interrupts stay masked: whatever ends the wait is taken as
  /// an exit when the guest goes on.
  void wait() {
    if (gic_.has_pending(self, host_.gich)) return deliver();
    axhal::aarch64::cpu::wait_for_interrupt();
  }

  /// The guest's timer has rung and cannot take the short way.
  [[gnu::noinline]] void ring() {
    gic_.sync(self, host_.gich);
    gic_.raise_hardware(self, board::virtual_timer_irq, board::virtual_timer_irq);
    deliver();
  }

  /// Physical interrupts other than the guest's timer.
  void serve(axhal::claimed_irq claimed) {
    if (claimed.irq == board::maintenance_irq) {
      deliver();
    } else if (claimed.irq == board::hypervisor_timer_irq) {
      update_physical_timer();
      if constexpr (board::gic_forgets_pending_behind_active) {
        if (host_.gich.in_use()) watch();
      }
    } else if (claimed.irq == board::uart_irq) {
      receive();
    }
    host_.gic.complete(claimed);
  }

  /// Moves what is pending into the list registers.
  void deliver() { gic_.flush(self, host_.gich, host_.gic); }

  void set_uart_line(bool level) {
    gic_.set_level(board::uart_irq, level);
    deliver();
  }
  [[nodiscard]] static constexpr bool reading_changes_line(std::uint64_t offset) {
    return offset == axhal::console::pl011_reg::dr;
  }
  [[nodiscard]] auto& devices() { return devices_; }

  /// The guest's physical timer is kept by the hypervisor's own deadline.
  void update_physical_timer() {
    auto const now = clock::now();
    gic_.set_level(self, board::physical_timer_irq, physical_timer_.level(time_.at(now)));
    deliver();
    arm(now);
  }

  /// The emulator may forget to signal the guest's timer once more: interrupts of our own remind it, every millisecond
  /// until the guest has completed the one before.
  void watch() {
    auto const now = clock::now();
    watch_ = now + axhal::ticks{clock::frequency().value / 1000};
    arm(now);
  }

  /// Arms the hypervisor's deadline for whatever comes first.
  void arm(axhal::ticks now) {
    constexpr axhal::ticks never{~std::uint64_t{0}};
    axhal::ticks next = watch_ > now ? watch_ : never;
    auto const guest = physical_timer_.deadline();
    if (guest && !physical_timer_.level(time_.at(now))) {
      axhal::ticks const due = time_.to_host(*guest);
      // A sum that wraps is a time that never comes.
      if (due > now && due < next) next = due;
    }
    if (next == never) {
      clock::cancel();
    } else {
      clock::arm(next);
    }
  }

  axhal::aarch64::psci_server<vcpus> psci_{};
  gic_type gic_{};
  axhal::aarch64::virtual_physical_timer physical_timer_{};
  axhal::ticks watch_{};  ///< in host time; past: nothing is watched
  uart_port uart_port_{*this};
  distributor_port distributor_port_{*this};
  axhal::device_map<axhal::mapped<distributor_range, distributor_port>, axhal::mapped<uart_range, uart_port>> devices_{
      {distributor_port_}, {uart_port_}};
};

}  // namespace example
