// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "../guest_answers.hpp"

#include <axhal/arch/x86_64/apic_message.hpp>
#include <axhal/arch/x86_64/insn.hpp>
#include <axhal/arch/x86_64/vlapics.hpp>
#include <axhal/board/pc.hpp>
#include <axhal/core/units.hpp>
#include <axhal/time/clock_scale.hpp>
#include <axhal/vdev/acpi_pm.hpp>
#include <axhal/vdev/i8042.hpp>
#include <axhal/vdev/i8254.hpp>
#include <axhal/vdev/i8259.hpp>
#include <axhal/vdev/interrupt_message.hpp>
#include <axhal/vdev/io_apic.hpp>
#include <axhal/vdev/mc146818.hpp>
#include <axhal/vdev/reset_ports.hpp>

#include <cstdint>

namespace example {

/// An interrupt that waits for the vCPU, and who it is from.
struct waiting_interrupt {
  bool any{};
  bool from_8259{};
  std::uint8_t vector{};
};

/// The devices of the PC that a guest sees, apart from its UART: local APIC and I/O APIC, 8259 pair, 8254, CMOS clock,
/// ACPI's registers, and the ways to reset. One vCPU.
///
/// Times are the guest's: its TSC. `has_changed` says that there may be something to do about interrupts,
/// `take_deadline_changed` that `next_deadline` may be another, `end` that the guest asked for its end.
class guest_board {
  using ticks = axhal::ticks;
  using board = axhal::board::pc;

 public:
  static constexpr axhal::vcpu_number self{0};
  static constexpr std::uint16_t pm_base = 0x600;
  static constexpr unsigned sci_irq = 9;
  static constexpr std::uint8_t sleep_type = 5;  ///< SLP_TYP of S5 in the guest's tables

  /// `tsc` is the rate of the guest's TSC, and of its APIC timer; `wall` what its CMOS clock shows when its TSC is 0.
  guest_board(axhal::hertz tsc, axhal::nanoseconds wall, unsigned physical_bits, bool x2apic)
      : scale_{*axhal::clock_scale::of(tsc)},
        wall_{wall},
        apics_{{.tsc = tsc, .bus = tsc, .physical_bits = physical_bits, .x2apic = x2apic, .tsc_deadline = true}},
        pit_{tsc},
        pm_{tsc},
        cmos_{wall} {
    apics_[self].enter_virtual_wire();
  }

  /// What is taken off the host's TSC for the guest's.
  void set_offset(ticks offset) { offset_ = offset; }
  [[nodiscard]] ticks offset() const { return offset_; }
  [[nodiscard, gnu::always_inline]] ticks now() const { return ticks{axhal::x86_64::cpu::rdtsc()} - offset_; }

  [[nodiscard]] axhal::x86_64::vlapics<1>& apics() { return apics_; }
  [[nodiscard]] axhal::x86_64::vlapic& apic() { return apics_[self]; }

  // --- lines and messages ---

  /// A device of the ISA bus drives its line: it reaches the 8259s, and the I/O APIC, where line 0 is on pin 2.
  void set_line(unsigned irq, bool level) {
    pic_.set_level(irq, level);
    io_apic_.set_level(irq == 0 ? 2 : irq, level);
    changed_ = true;
  }
  [[nodiscard, gnu::always_inline]] bool has_changed() const { return changed_; }
  [[nodiscard, gnu::always_inline]] bool deadline_has_changed() const { return deadline_changed_; }
  [[nodiscard]] bool take_deadline_changed() {
    bool const was = deadline_changed_;
    deadline_changed_ = false;
    return was;
  }
  [[nodiscard, gnu::always_inline]] guest_end end() const { return end_; }

  /// What the vCPU is to be interrupted by.
  [[nodiscard]] waiting_interrupt waiting() {
    changed_ = false;
    if (auto const found = apic().highest()) return {true, false, *found};
    if (!extint_ && (!pic_.output() || !apic().takes_extint())) return {};
    // The 8259s are asked when the vCPU has taken it; what they would say now is what it takes.
    axhal::vdev::i8259_pair rehearsal = pic_;
    return {true, true, rehearsal.acknowledge()};
  }
  /// What came past the local APIC's requests; true for an NMI. An INIT of the only processor begins the machine anew.
  [[nodiscard]] bool take_events() {
    auto const events = apic().take_events();
    if (events.init) end_ = guest_end::reset;
    if (events.extint) extint_ = true;
    return events.nmi;
  }
  /// The vCPU has taken it.
  void accepted(waiting_interrupt const& taken) {
    changed_ = true;
    if (taken.from_8259) {
      extint_ = false;
      static_cast<void>(pic_.acknowledge());
    } else {
      apic().accept(taken.vector);
    }
  }
  /// Says that `waiting` may have another answer.
  void note_change() { changed_ = true; }

  // --- time ---

  /// Lets the devices do what they should have done until now.
  void tick() {
    ticks const t = now();
    apic().advance(t);
    if (pit_.take_edge(t)) {
      set_line(board::pit_irq, false);
      set_line(board::pit_irq, true);
    }
    if (bool const level = pit_.output(0, t); level != pit_level_) {
      pit_level_ = level;
      set_line(board::pit_irq, level);
    }
    update_cmos();
    update_sci(t);
    changed_ = true;
  }
  /// When `tick` is wanted next.
  [[nodiscard]] ticks next_deadline() {
    ticks const t = now();
    ticks next = pit_.next_edge(t);
    if (auto const d = apic().deadline(); d && *d < next) next = *d;
    if (ticks const d = pm_.next_edge(t); d < next) next = d;
    if (auto const d = cmos_.next_edge(wall(t)); d != axhal::vdev::mc146818::never) {
      ticks const at = scale_.to_ticks_at_least(d - wall_);
      if (at < next) next = at;
    }
    return next;
  }

  // --- what local APICs ask of those around them (`VlapicSurroundings`) ---

  void wake(std::uint64_t) { changed_ = true; }
  void end_of_interrupt(std::uint8_t vector) { io_apic_.eoi(vector); }
  void deadline_changed() { deadline_changed_ = true; }

  // --- ports and pages: devices of a port_map or a device_map ---

  template <auto Read, auto Write>
  struct window {
    guest_board& on;
    [[gnu::always_inline]] std::uint64_t read(std::uint64_t offset, unsigned size) { return (on.*Read)(offset, size); }
    [[gnu::always_inline]] void write(std::uint64_t offset, unsigned size, std::uint64_t value) {
      (on.*Write)(offset, size, value);
    }
  };

  std::uint64_t read_master(std::uint64_t offset, unsigned size) { return noting(pic_.read_master(offset, size)); }
  void write_master(std::uint64_t offset, unsigned size, std::uint64_t v) {
    pic_.write_master(offset, size, v);
    changed_ = true;
  }
  std::uint64_t read_slave(std::uint64_t offset, unsigned size) { return noting(pic_.read_slave(offset, size)); }
  void write_slave(std::uint64_t offset, unsigned size, std::uint64_t v) {
    pic_.write_slave(offset, size, v);
    changed_ = true;
  }
  std::uint64_t read_elcr(std::uint64_t offset, unsigned size) { return pic_.read_elcr(offset, size); }
  void write_elcr(std::uint64_t offset, unsigned size, std::uint64_t v) {
    pic_.write_elcr(offset, size, v);
    changed_ = true;
  }
  std::uint64_t read_pit(std::uint64_t offset, unsigned size) { return pit_.read(offset, size, now()); }
  void write_pit(std::uint64_t offset, unsigned size, std::uint64_t v) {
    pit_.write(offset, size, v, now());
    tick();
    deadline_changed_ = true;
  }
  std::uint64_t read_speaker(std::uint64_t, unsigned) { return pit_.read_control_b(now()); }
  void write_speaker(std::uint64_t, unsigned, std::uint64_t v) {
    pit_.write_control_b(static_cast<std::uint8_t>(v), now());
  }
  std::uint64_t read_cmos(std::uint64_t offset, unsigned size) {
    std::uint64_t const value = cmos_.read(offset, size, wall(now()));
    update_cmos();
    return value;
  }
  void write_cmos(std::uint64_t offset, unsigned size, std::uint64_t v) {
    cmos_.write(offset, size, v, wall(now()));
    update_cmos();
    deadline_changed_ = true;
  }
  std::uint64_t read_pm(std::uint64_t offset, unsigned size) { return pm_.read(offset, size, now()); }
  void write_pm(std::uint64_t offset, unsigned size, std::uint64_t v) {
    auto const sleep = pm_.write(offset, size, v, now());
    if (sleep.asked && sleep.type == sleep_type) end_ = guest_end::power_off;
    update_sci(now());
    deadline_changed_ = true;
  }
  std::uint64_t read_reset(std::uint64_t offset, unsigned size) { return reset_.read(offset, size); }
  void write_reset(std::uint64_t offset, unsigned size, std::uint64_t v) { ask(reset_.write(offset, size, v)); }
  std::uint64_t read_port_a(std::uint64_t offset, unsigned size) { return port_a_.read(offset, size); }
  void write_port_a(std::uint64_t offset, unsigned size, std::uint64_t v) {
    ask(port_a_.write(offset, size, v));
    keyboard_.set_a20(port_a_.a20());
  }
  std::uint64_t read_keyboard_status(std::uint64_t, unsigned) { return keyboard_.read_status(); }
  void write_keyboard_command(std::uint64_t, unsigned, std::uint64_t v) {
    ask(keyboard_.write_command(static_cast<std::uint8_t>(v)));
    update_keyboard();
  }
  std::uint64_t read_keyboard_data(std::uint64_t, unsigned) {
    std::uint64_t const value = keyboard_.read_data();
    update_keyboard();
    return value;
  }
  void write_keyboard_data(std::uint64_t, unsigned, std::uint64_t v) {
    ask(keyboard_.write_data(static_cast<std::uint8_t>(v)));
    update_keyboard();
  }
  std::uint64_t read_io_apic(std::uint64_t offset, unsigned size) { return io_apic_.read(offset, size); }
  void write_io_apic(std::uint64_t offset, unsigned size, std::uint64_t v) {
    io_apic_.write(offset, size, v);
    changed_ = true;
  }

 private:
  /// What the I/O APIC sends goes to the local APICs.
  struct messages {
    guest_board& on;
    void deliver(axhal::vdev::interrupt_message const& m) {
      using namespace axhal::x86_64;
      on.apics_.send({.destination = apic_message::widened(m.destination),
                      .destination_mode = m.logical ? apic_destination_mode::logical : apic_destination_mode::physical,
                      .mode = static_cast<apic_delivery_mode>(m.delivery),
                      .vector = m.vector,
                      .trigger = m.level ? apic_trigger::level : apic_trigger::edge},
                     on);
    }
  };

  [[nodiscard]] axhal::nanoseconds wall(ticks t) const { return wall_ + scale_.to_nanoseconds(t); }
  std::uint64_t noting(std::uint64_t value) {
    changed_ = true;
    return value;
  }
  void ask(axhal::vdev::reset_request wish) {
    if (wish != axhal::vdev::reset_request::none) end_ = guest_end::reset;
  }
  void update_cmos() { update(board::cmos_irq, cmos_.irq_level(wall(now())), cmos_level_); }
  void update_sci(ticks t) { update(sci_irq, pm_.sci_level(t), sci_level_); }
  void update_keyboard() {
    update(1, keyboard_.irq_level(), keyboard_level_);
    update(12, keyboard_.aux_irq_level(), mouse_level_);
    port_a_.set_a20(keyboard_.a20());
  }
  void update(unsigned irq, bool level, bool& known) {
    if (level == known) return;
    known = level;
    set_line(irq, level);
  }

  axhal::clock_scale scale_;
  axhal::nanoseconds wall_;
  ticks offset_{};
  axhal::x86_64::vlapics<1> apics_;
  axhal::vdev::i8259_pair pic_{};
  axhal::vdev::io_apic<messages> io_apic_{messages{*this}};
  axhal::vdev::i8254 pit_;
  axhal::vdev::acpi_pm pm_;
  axhal::vdev::mc146818 cmos_;
  axhal::vdev::reset_control reset_{};
  axhal::vdev::system_control_a port_a_{};
  axhal::vdev::i8042 keyboard_{};
  bool pit_level_{};
  bool cmos_level_{};
  bool sci_level_{};
  bool keyboard_level_{};
  bool mouse_level_{};
  bool extint_{};  ///< a message asked the 8259s for a vector
  bool changed_{};
  bool deadline_changed_{};
  guest_end end_{guest_end::none};
};

}  // namespace example
