// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "../guest_answers.hpp"
#include "guest_board.hpp"
#include "guest_registers.hpp"
#include "host_devices.hpp"

#include <axhal/arch/x86_64/apic_registers.hpp>
#include <axhal/arch/x86_64/cpu_feature.hpp>
#include <axhal/arch/x86_64/guest_view.hpp>
#include <axhal/arch/x86_64/msr.hpp>
#include <axhal/arch/x86_64/rflags.hpp>
#include <axhal/arch/x86_64/world_switch_host.hpp>
#include <axhal/core/units.hpp>
#include <axhal/vcpu/dispatch.hpp>
#include <axhal/vcpu/exit.hpp>
#include <axhal/vdev/device_map.hpp>
#include <axhal/vdev/ns16550.hpp>
#include <axhal/vdev/port_map.hpp>
#include <axhal/version.hpp>

#include <cstdint>

namespace example {

/// Where exceptions of the hypervisor itself end.
[[noreturn]] void on_host_fault(axhal::x86_64::host_trap const& trap);

/// The guest's RAM as its instructions are looked for there, and what its page tables may hold.
struct guest_ram {
  guest_memory<frame_allocator>& memory;
  axhal::x86_64::paging_limits bounds;

  [[nodiscard, gnu::always_inline]] std::uint8_t* at(axhal::guest_phys address, std::uint64_t size) {
    return memory.at(address, size);
  }
  [[nodiscard]] axhal::x86_64::paging_limits limits() const { return bounds; }
};

/// The machine that one guest sees, and the answers to its exits: a PC with one CPU. Both extensions run it.
class guest_machine : public guest_answers<guest_machine, host_devices, axhal::vdev::ns16550> {
  using answers = guest_answers<guest_machine, host_devices, axhal::vdev::ns16550>;
  using resume = axhal::resume;
  using cpu = axhal::x86_64::cpu;
  friend answers;

 public:
  using answers::operator();

  static constexpr bool restarts = false;
  /// Exits that are answered without leaving the vCPU's state on the CPU.
  static constexpr axhal::exit_set fast =
      axhal::exits<axhal::exit::hypercall, axhal::exit::mmio_read, axhal::exit::mmio_write, axhal::exit::register_read,
                   axhal::exit::register_write, axhal::exit::port_read, axhal::exit::port_write, axhal::exit::yield>;

  guest_machine(host_devices& host, guest_memory<frame_allocator>& memory)
      : answers{host, memory},
        ram_{memory, host.guest_processor().limits()},
        board_{host.timer.frequency(), host.wall_clock(), host.guest_processor().physical_bits(), true},
        registers_{host.guest_processor()} {}

  // --- what both extensions ask of a handler beside its answers ---

  [[nodiscard]] guest_ram& ram() { return ram_; }
  [[nodiscard, gnu::always_inline]] axhal::x86_64::cpuid_result cpuid(std::uint32_t leaf, std::uint32_t subleaf) {
    auto r = host_.guest_processor().cpuid(leaf, subleaf);
    // A local APIC that the guest has switched off is not there.
    if (leaf == 1 && !board_.apic().is_xapic() && !board_.apic().is_x2apic()) [[unlikely]]
      r.edx &= ~axhal::x86_64::feature::apic.mask();
    return r;
  }
  /// The processor has shut down: a PC is reset then.
  template <typename Guest>
  resume triple_fault(Guest&) {
    return finish(guest_end::reset);
  }

  /// The rate of the guest's TSC.
  [[nodiscard]] axhal::hertz tsc() const { return host_.timer.frequency(); }
  /// Guest time begins now. Returns the offset that the vCPU loads.
  axhal::ticks begin() {
    axhal::ticks const offset = answers::start();
    board_.set_offset(offset);
    return offset;
  }

  // --- exits ---

  /// Call 0 asks for this library's version; there are no others.
  template <typename Guest>
  [[gnu::always_inline]] bool answer_at_once(Guest& guest, axhal::exit::hypercall const& call) {
    constexpr std::uint64_t version = AXHAL_VERSION_MAJOR << 16 | AXHAL_VERSION_MINOR << 8 | AXHAL_VERSION_PATCH;
    guest.set_result(0, call.number == 0 ? version : ~std::uint64_t{0});
    return true;
  }
  template <typename Guest>
  resume operator()(Guest& guest, axhal::exit::hypercall const& call) {
    static_cast<void>(answer_at_once(guest, call));
    return resume::next_instruction;
  }

  template <typename Guest>
  [[gnu::always_inline]] resume operator()(Guest& guest, axhal::exit::port_read const& e) {
    catch_up(guest);
    auto const value = ports_.read(e.port, e.size);
    guest.complete_port_read(e, value ? *value : ~std::uint64_t{0});
    return settled(guest);
  }
  template <typename Guest>
  [[gnu::always_inline]] resume operator()(Guest& guest, axhal::exit::port_write const& e) {
    catch_up(guest);
    static_cast<void>(ports_.write(e.port, e.size, e.value));
    return settled(guest);
  }

  /// Where nothing is, a PC's bus reads as ones.
  template <typename Guest>
  [[gnu::always_inline]] resume operator()(Guest& guest, axhal::exit::mmio_read const& e) {
    catch_up(guest);
    std::uint64_t value = ~std::uint64_t{0};
    if (std::uint64_t const offset = e.address - board_.apic().page(); offset <= 0x1000U - e.size) [[likely]] {
      value = board_.apics().read(self, offset, e.size, board_.now());
    } else if (auto const found = pages_.read(self, e.address, e.size)) {
      value = *found;
    }
    guest.complete_read(e, value);
    return settled(guest);
  }
  template <typename Guest>
  [[gnu::always_inline]] resume operator()(Guest& guest, axhal::exit::mmio_write const& e) {
    if (std::uint64_t const offset = e.address - board_.apic().page(); offset <= 0x1000U - e.size) [[likely]] {
      reap(guest.context);
      board_.apics().write(self, offset, e.size, e.value, board_.now(), board_);
      if (offset == axhal::x86_64::apic_registers::tpr) show_priority(guest);
      return settled_with_apic(guest);
    }
    static_cast<void>(pages_.write(self, e.address, e.size, e.value));
    return settled(guest);
  }

  template <typename Guest>
  resume operator()(Guest& guest, axhal::exit::register_read const& e) {
    catch_up(guest);
    if (e.id == axhal::x86_64::register_id::cr8) {
      guest.complete_register_read(e, board_.apic().cr8());
      return resume::next_instruction;
    }
    auto const value = axhal::x86_64::vlapic::has_msr(e.id) ? board_.apics().read_msr(self, e.id, board_.now())
                                                            : registers_.read(e.id, board_.now());
    if (!value) return undefined(guest);
    guest.complete_register_read(e, *value);
    return resume::next_instruction;
  }
  template <typename Guest>
  resume operator()(Guest& guest, axhal::exit::register_write const& e) {
    reap(guest.context);
    if (e.id == axhal::x86_64::register_id::cr8) {
      if (e.value > 15) return fault(guest, {axhal::guest_fault::kind::bus_error});
      board_.apic().set_cr8(e.value);
    } else if (axhal::x86_64::vlapic::has_msr(e.id)) {
      if (!board_.apics().write_msr(self, e.id, e.value, board_.now(), board_)) return undefined(guest);
    } else if (!registers_.write(e.id, e.value)) {
      return undefined(guest);
    }
    show_priority(guest);
    return settled_with_apic(guest);
  }

  /// The vCPU halts until there is an interrupt that it takes. With interrupts masked, and no NMI, it never goes on:
  /// such a machine is as good as switched off.
  template <typename Guest>
  resume operator()(Guest& guest, axhal::exit::idle const&) {
    reap(guest.context);
    bool const enabled = axhal::x86_64::rflags::f_if::get(guest.context.rflags());
    while (true) {
      board_.tick();
      bool const nmi = deliver(guest.context);
      if (board_.end() != guest_end::none) return finish(board_.end());
      if (nmi || (enabled && offered_.any)) break;
      if (!enabled) return finish(guest_end::power_off);
      arm();
      cpu::wait_for_interrupt();
      serve();
    }
    arm();
    return resume::next_instruction;
  }

  template <typename Guest>
  resume operator()(Guest& guest, axhal::exit::host_interrupt const&) {
    serve();
    reap(guest.context);
    board_.tick();
    static_cast<void>(deliver(guest.context));
    arm();
    return board_.end() == guest_end::none ? resume::retry : finish(board_.end());
  }
  /// All states are switched when a vCPU is.
  template <typename Guest>
  resume operator()(Guest&, axhal::exit::lazy_state const&) {
    return crash(0);
  }

 private:
  template <typename Guest>
  static constexpr bool in_fast_tier = false;

  /// The guest goes on, or not, after whatever it asked of its devices.
  template <typename Guest>
  [[gnu::always_inline]] resume settled(Guest& guest) {
    if (board_.has_changed()) [[unlikely]]
      settle(guest.context);
    if (board_.end() != guest_end::none) [[unlikely]]
      return finish(board_.end());
    return resume::next_instruction;
  }
  /// The same after an access to the local APIC, which does not tell of its own work.
  template <typename Guest>
  [[gnu::always_inline]] resume settled_with_apic(Guest& guest) {
    if (board_.apic().has_work() || board_.deadline_has_changed()) board_.note_change();
    return settled(guest);
  }
  // From here on guests are contexts by value, so that nobody's address has to be known.
  template <typename Context>
  [[gnu::noinline]] void settle(Context guest) {
    reap(guest);
    static_cast<void>(deliver(guest));
    if (board_.take_deadline_changed()) arm();
  }
  /// Takes note of what the vCPU has taken since it was asked last.
  template <typename Context>
  void reap(Context guest) {
    auto const taken = guest.take_accepted();
    if (!taken) return;
    board_.accepted({true, offered_.from_8259, taken.vector});
    offered_ = {};
  }
  /// The same, before the guest asks a device that would have to know: that it tells the end of an interrupt may be the
  /// first that is heard of it.
  template <typename Guest>
  [[gnu::always_inline]] void catch_up(Guest& guest) {
    if (offered_.any) [[unlikely]]
      reap(guest.context);
  }
  /// A vCPU that may be asked for CR8 past the local APIC knows what it says.
  template <typename Guest>
  void show_priority(Guest& guest) {
    if constexpr (requires { guest.context.show_cr8(std::uint64_t{}); }) guest.context.show_cr8(board_.apic().cr8());
  }
  /// Offers the vCPU what waits for it; true when there was an NMI.
  template <typename Context>
  bool deliver(Context guest) {
    bool const nmi = board_.take_events();
    if (nmi) guest.offer_nmi();
    auto const next = board_.waiting();
    if (next.any) {
      guest.offer_interrupt(next.vector);
    } else if (offered_.any) {
      guest.withdraw_interrupt();
    }
    offered_ = next;
    return nmi;
  }

  /// Interrupts of the machine: the CPU takes those that wait, then those that waited behind them.
  void serve() {
    do {
      cpu::open_interrupt_window();
    } while (serve_taken());
  }
  bool serve_taken() {
    bool any = false;
    while (auto const claimed = host_.irqs.claim()) {
      if (claimed->irq == host_.uart_irq()) receive();
      host_.irqs.complete(*claimed);
      any = true;
    }
    return any;
  }
  /// Has the host's timer ring when the guest's devices have something to do.
  void arm() {
    static_cast<void>(board_.take_deadline_changed());
    axhal::ticks const next = board_.next_deadline();
    if (next == axhal::vdev::i8254::never) {
      host_.timer.cancel();
    } else {
      host_.timer.arm(next + board_.offset());
    }
  }

  void set_uart_line(bool level) { board_.set_line(axhal::board::pc::com1_irq, level); }
  /// Reading RBR, IIR, LSR and MSR may end an interrupt.
  [[nodiscard]] static constexpr bool reading_changes_line(std::uint64_t) { return true; }

  template <auto Read, auto Write>
  using window = guest_board::window<Read, Write>;
  using master = window<&guest_board::read_master, &guest_board::write_master>;
  using slave = window<&guest_board::read_slave, &guest_board::write_slave>;
  using elcr = window<&guest_board::read_elcr, &guest_board::write_elcr>;
  using pit = window<&guest_board::read_pit, &guest_board::write_pit>;
  using speaker = window<&guest_board::read_speaker, &guest_board::write_speaker>;
  using cmos = window<&guest_board::read_cmos, &guest_board::write_cmos>;
  using pm = window<&guest_board::read_pm, &guest_board::write_pm>;
  using reset = window<&guest_board::read_reset, &guest_board::write_reset>;
  using port_a = window<&guest_board::read_port_a, &guest_board::write_port_a>;
  using keyboard_status = window<&guest_board::read_keyboard_status, &guest_board::write_keyboard_command>;
  using keyboard_data = window<&guest_board::read_keyboard_data, &guest_board::write_keyboard_data>;
  using io_apic = window<&guest_board::read_io_apic, &guest_board::write_io_apic>;
  using pc = axhal::board::pc;
  template <std::uint16_t First, std::uint16_t Count, typename D>
  using at = axhal::at_ports<First, Count, D>;

  guest_ram ram_;
  guest_board board_;
  guest_registers registers_;
  waiting_interrupt offered_{};

  uart_port uart_port_{*this};
  master master_{board_};
  slave slave_{board_};
  elcr elcr_{board_};
  pit pit_{board_};
  speaker speaker_{board_};
  cmos cmos_{board_};
  pm pm_{board_};
  reset reset_{board_};
  port_a port_a_{board_};
  keyboard_status keyboard_status_{board_};
  keyboard_data keyboard_data_{board_};
  io_apic io_apic_{board_};
  axhal::port_map<at<pc::com1, 8, uart_port>, at<pc::pic_master, 2, master>, at<pc::pic_slave, 2, slave>,
                  at<pc::edge_level, 2, elcr>, at<pc::pit, 4, pit>, at<pc::speaker, 1, speaker>, at<pc::cmos, 2, cmos>,
                  at<guest_board::pm_base, 16, pm>, at<pc::reset_control, 1, reset>, at<0x92, 1, port_a>,
                  at<0x60, 1, keyboard_data>, at<pc::keyboard_status, 1, keyboard_status>>
      ports_{{uart_port_}, {master_}, {slave_}, {elcr_},   {pit_},           {speaker_},
             {cmos_},      {pm_},     {reset_}, {port_a_}, {keyboard_data_}, {keyboard_status_}};
  axhal::device_map<axhal::mapped<axhal::guest_range{{pc::io_apic.start.value}, pc::io_apic.size}, io_apic>> pages_{
      {io_apic_}};
};

}  // namespace example
