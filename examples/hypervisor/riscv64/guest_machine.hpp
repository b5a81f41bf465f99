// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "../guest_answers.hpp"
#include "host_devices.hpp"

#include <axhal/arch/riscv64/guest_fence.hpp>
#include <axhal/arch/riscv64/guest_timer.hpp>
#include <axhal/arch/riscv64/h_extension.hpp>
#include <axhal/arch/riscv64/sbi_server.hpp>
#include <axhal/arch/riscv64/vplic.hpp>
#include <axhal/core/units.hpp>
#include <axhal/vcpu/exit.hpp>
#include <axhal/vdev/device_map.hpp>
#include <axhal/vdev/ns16550.hpp>

#include <cstdint>
#include <type_traits>
#include <utility>

namespace example {

/// Where traps of the hypervisor itself end.
[[noreturn]] void on_host_fault();

/// The machine that one guest sees, and the answers to its exits: a PLIC, a 16550 on source 10, SBI and timers, at the
/// addresses of QEMU's virt machine. One vCPU.
class guest_machine : public guest_answers<guest_machine, host_devices, axhal::vdev::ns16550> {
  using answers = guest_answers<guest_machine, host_devices, axhal::vdev::ns16550>;
  using resume = axhal::resume;
  using cpu = axhal::riscv64::cpu;
  using sbi = axhal::riscv64::sbi_extension;
  using action = axhal::riscv64::sbi_action;
  using lines = host_devices::platform::get<axhal::option_kind::virt_irq>;
  using guest_timer = axhal::riscv64::guest_timer<cpu, axhal::riscv64::deadline_by::either>;
  friend answers;

 public:
  using answers::operator();

  /// A guest may ask to begin anew (SBI: a non-retentive suspend).
  static constexpr bool restarts = true;
  /// Exits that are answered from the vector.
  static constexpr axhal::exit_set fast =
      axhal::exits<axhal::exit::hypercall, axhal::exit::mmio_read, axhal::exit::mmio_write, axhal::exit::idle,
                   axhal::exit::yield, axhal::exit::host_interrupt>;
  /// The image is linked without relaxation around gp, and nothing on the fast tier asks which hart this is.
  static constexpr bool uses_gp_and_tp = false;

  guest_machine(host_devices& host, guest_memory<frame_allocator>& memory) : answers{host, memory} {}

  /// The guest's deadlines are in vstimecmp from here on, or in the hypervisor's own clock.
  void use_timer(guest_timer timer) { guest_timer_ = timer; }

  // --- exits ---

  /// The calls that need nothing but their own words.
  template <typename Guest>
  [[gnu::always_inline]] bool answer_at_once(Guest& guest, axhal::exit::hypercall const& call) {
    std::uint64_t value{};
    if (!server::answer_at_once(call.number, guest.argument(6), guest.argument(0), value)) return false;
    guest.set_result(0, 0);
    guest.set_result(1, value);
    return true;
  }
  template <typename Guest>
  resume operator()(Guest& guest, axhal::exit::hypercall const& call) {
    if (static_cast<sbi>(call.number) == sbi::time && guest.argument(6) == 0) {
      set_timer(vcpu_of(guest), {guest.argument(0)});
      guest.set_result(0, 0);
      guest.set_result(1, 0);
      return resume::next_instruction;
    }
    if constexpr (in_fast_tier<Guest>) {
      return resume::slow;
    } else {
      return answer_call(guest, call);
    }
  }

  /// No CSR is emulated: those that trap are those that guests do not have.
  template <typename Guest>
  resume operator()(Guest& guest, axhal::exit::register_read const&) {
    return undefined(guest);
  }
  template <typename Guest>
  resume operator()(Guest& guest, axhal::exit::register_write const&) {
    return undefined(guest);
  }

  /// FP registers are the guest's from its first use of them; vectors it does not have.
  template <typename Guest>
  resume operator()(Guest& guest, axhal::exit::lazy_state const& e) {
    if (e.used != axhal::exit::lazy_state::part::fp) return undefined(guest);
    axhal::riscv64::load_lazy_state(vcpu_of(guest));
    return resume::retry;
  }

  template <typename Guest>
  resume operator()(Guest& guest, axhal::exit::host_interrupt const&) {
    // The hypervisor's timer needs no controller: its line falls when the deadline moves.
    if (guest.context.scause() == axhal::riscv64::scause::of_interrupt(axhal::riscv64::interrupt::sti)) [[likely]] {
      ring(vcpu_of(guest));
    } else {
      serve();
    }
    return resume::retry;
  }

  // --- what the vector asks for ---

  [[noreturn]] static void on_host_fault() { example::on_host_fault(); }

 private:
  using server = axhal::riscv64::sbi_server<vcpus>;
  using plic = axhal::riscv64::vplic<vcpus, board::plic_sources>;

  struct plic_port {
    guest_machine& machine;
    [[gnu::always_inline]] std::uint64_t read(std::uint64_t offset, unsigned size) {
      if (plic::is_priority(offset, size)) return machine.plic_.priority(offset);
      return machine.read_plic(offset, size);
    }
    [[gnu::always_inline]] void write(std::uint64_t offset, unsigned size, std::uint64_t value) {
      machine.write_plic(offset, size, value);
    }
  };
  // Out of line, so that both tiers share them.
  [[gnu::noinline]] std::uint64_t read_plic(std::uint64_t offset, unsigned size) {
    auto const value = plic_.read(offset, size);
    deliver();
    return value;
  }
  [[gnu::noinline]] void write_plic(std::uint64_t offset, unsigned size, std::uint64_t value) {
    plic_.write(offset, size, value);
    deliver();
  }
  static constexpr axhal::guest_range plic_range{{board::plic.start.value}, board::plic.size};
  static constexpr axhal::guest_range uart_range{{board::uart.start.value}, board::uart.size};

  template <typename Guest>
  static constexpr bool in_fast_tier =
      !axhal::riscv64::FetchContext<std::remove_reference_t<decltype(std::declval<Guest&>().context)>>;

  template <typename Guest>
  [[nodiscard]] static axhal::riscv64::vcpu_state& vcpu_of(Guest& guest) {
    return axhal::riscv64::vcpu_state::of(guest.context.frame);
  }

  template <typename Guest>
  resume answer_call(Guest& guest, axhal::exit::hypercall const& call) {
    using kind = action::kind;
    axhal::riscv64::sbi_request const request{call.number,       guest.argument(6), guest.argument(0),
                                              guest.argument(1), guest.argument(2), guest.argument(3),
                                              guest.argument(4), guest.argument(5)};
    firmware_console console{*this};
    auto const wanted = sbi_.call(self, request, memory_, console);
    switch (wanted.what) {
      case kind::power_off: return finish(guest_end::power_off);
      case kind::reset: return finish(guest_end::reset);
      // The only vCPU stops itself: nothing can ever start it again.
      case kind::stop_this: return finish(guest_end::power_off);
      case kind::set_timer: set_timer(vcpu_of(guest), wanted.deadline); break;
      case kind::send_ipi: lines::set_level(lines::software, true); break;
      case kind::fence: axhal::riscv64::run_guest_fence<cpu>(wanted.fence); break;
      case kind::suspend:
        wait();
        sbi_.started(self);
        break;
      case kind::suspend_and_restart:
        wait();
        sbi_.started(self);
        return begin_anew(wanted.entry, wanted.context);
      case kind::start_vcpu:
      case kind::none: break;
    }
    guest.set_result(0, static_cast<std::uint64_t>(wanted.result.error));
    guest.set_result(1, wanted.result.value);
    return resume::next_instruction;
  }

  // --- the timer ---

  /// SBI TIME: `deadline`, a time of the guest's, replaces the one before.
  [[gnu::noinline]] void set_timer(axhal::riscv64::vcpu_state& vcpu, axhal::ticks deadline) {
    axhal::ticks const now = host_.timer.now();
    guest_timer_.set(vcpu.timer, deadline, time_.offset(), now);
    arm(vcpu.timer, now);
  }
  /// The hypervisor's own deadline has come.
  void ring(axhal::riscv64::vcpu_state const& vcpu) {
    axhal::ticks const now = host_.timer.now();
    guest_timer_.update(vcpu.timer, time_.offset(), now);
    arm(vcpu.timer, now);
  }
  /// Arms the hypervisor's deadline for the guest's. Without one it is masked instead: taking it back would be another
  /// call of firmware for each time that the guest's timer rings.
  void arm(axhal::virtual_timer const& timer, axhal::ticks now) {
    constexpr std::uint64_t timer_bit = axhal::riscv64::interrupt::bit(axhal::riscv64::interrupt::sti);
    auto const next = guest_timer_.wake_at(timer, time_.offset(), now);
    if (next) {
      host_.timer.arm(*next);
      cpu::set<axhal::riscv64::csr::sie>(timer_bit);
    } else {
      cpu::clear<axhal::riscv64::csr::sie>(timer_bit);
    }
  }

  // --- interrupts ---

  /// Interrupts of the machine other than the timer's.
  [[gnu::noinline]] void serve() {
    auto const claimed = host_.irqs.claim();
    if (!claimed) return;
    if (claimed->irq == host_devices::uart_irq) receive();
    host_.irqs.complete(*claimed);
  }

  /// Waits for an interrupt. Those that wait for the guest end the wait at once, as they are pending in this hart too;
  /// the host's stay masked, so that whatever ends the wait is taken as an exit when the guest goes on.
  static void wait() { cpu::wait_for_interrupt(); }

  /// Shows the guest what its PLIC has for it.
  [[gnu::always_inline]] void deliver() {
    if (plic_.take_changed() != 0) show_external();
  }
  [[gnu::noinline]] void show_external() { lines::set_level(lines::external, plic_.external_level(self)); }

  void set_uart_line(bool level) {
    plic_.set_level(board::uart_irq, level);
    deliver();
  }
  /// Reading RBR, IIR, LSR and MSR may end an interrupt.
  [[nodiscard]] static constexpr bool reading_changes_line(std::uint64_t) { return true; }
  [[nodiscard]] auto& devices() { return devices_; }

  server sbi_{};
  plic plic_{};
  guest_timer guest_timer_{false};
  uart_port uart_port_{*this};
  plic_port plic_port_{*this};
  axhal::device_map<axhal::mapped<uart_range, uart_port>, axhal::mapped<plic_range, plic_port>> devices_{{uart_port_},
                                                                                                         {plic_port_}};
};

}  // namespace example
