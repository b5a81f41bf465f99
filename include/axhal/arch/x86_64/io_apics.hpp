// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/boot/acpi_madt.hpp>
#include <axhal/core/address.hpp>
#include <axhal/core/bit_field.hpp>
#include <axhal/core/mmio.hpp>
#include <axhal/core/result.hpp>
#include <axhal/cpu/spin_lock.hpp>
#include <axhal/policy/irq_controller.hpp>
#include <axhal/vdev/interrupt_message.hpp>
#include <axhal/vdev/io_apic.hpp>

#include <atomic>
#include <cstdint>

namespace axhal::x86_64 {

/// How a line is wired.
struct line_mode {
  bool active_low{};
  bool level{};
  friend constexpr bool operator==(line_mode, line_mode) = default;
};

/// All I/O APICs of a machine (82093AA I/O Advanced Programmable Interrupt Controller, "Register Description"; later
/// ones with an EOI register). Lines have the numbers that ACPI gives them, global system interrupts: an I/O APIC has
/// those from its base on, and there may be gaps.
///
/// Boot: `add` for each I/O APIC, then `use_overrides`. Every line is masked from its `add` on. Interrupts are fixed
/// ones with a physical destination. Safe from all CPUs at once, and from handlers, but for `add`, which comes first:
/// index and data registers are used under one lock.
template <MmioWindow Window, CpuPolicy Cpu, unsigned MaxIoApics = 8, std::uint32_t MaxLines = 256>
class io_apics {
 public:
  static constexpr std::uint32_t max_lines = MaxLines;
  static constexpr std::uint32_t isa_lines = 16;       ///< the first lines are the ISA bus's, unless overridden
  static constexpr std::uint32_t last_apic_id = 0xfe;  ///< the highest destination; one more means everybody

  // --- boot ---

  /// Takes over the I/O APIC whose registers are behind `window`, and masks its lines, whatever firmware left there.
  /// `unsupported` when no I/O APIC answers, or there are `MaxIoApics` already; `out_of_range` when one of its lines is
  /// not below `MaxLines` or another one's. Nothing is changed then.
  [[nodiscard]] result<void, irq_error> add(Window window, std::uint32_t gsi_base);

  /// The same for every I/O APIC of the table and then `use_overrides`. `map(address)` makes a window of a physical
  /// address. Goes on past one that is refused; the error is the first one's.
  template <typename Map>
  [[nodiscard]] result<void, irq_error> add_all(boot::acpi_madt const& madt, Map&& map) {
    result<void, irq_error> done{};
    for (auto const& e : madt.template all<boot::madt_io_apic>()) {
      auto const added = add(map(host_phys{e.address}), e.gsi_base);
      if (done && !added) done = added;
    }
    use_overrides(madt);
    return done;
  }
  /// Wires lines as the table's interrupt source overrides say (ACPI Specification, "Interrupt Source Override
  /// Structure"). Other lines are as usual on their bus: edge-triggered and active high for the first 16, level and
  /// active low for the rest. Overrides of lines that are not there are passed over.
  void use_overrides(boot::acpi_madt const& madt) {
    // Of several for one source the first counts, as `route` has it; so there are no more than 256 to look for.
    std::uint64_t seen[4]{};
    for (auto const& e : madt.template all<boot::madt_source_override>()) {
      std::uint64_t& word = seen[e.source / 64];
      std::uint64_t const bit = std::uint64_t{1} << (e.source % 64);
      if (e.bus != 0 || (word & bit) != 0) continue;
      word |= bit;
      boot::legacy_route const to = madt.route(e.source);
      static_cast<void>(set_mode(to.gsi, {to.active_low, to.level}));
    }
  }

  // --- lines ---

  /// One past the highest line, 0 without any.
  [[nodiscard]] std::uint32_t line_count() const { return line_count_; }
  [[nodiscard]] bool has(std::uint32_t gsi) const { return gsi < MaxLines && owner_[gsi] != 0; }
  /// Whether `gsi` may interrupt. False for one that is not there.
  [[nodiscard]] bool is_masked(std::uint32_t gsi) const { return !has(gsi) || f_mask::get(kept(gsi)); }
  [[nodiscard]] line_mode mode(std::uint32_t gsi) const {
    std::uint64_t const e = has(gsi) ? kept(gsi) : 0;
    return {f_intpol::get(e), f_trigger::get(e)};
  }

  /// `out_of_range` for a line that is not there; so everything below.
  result<void, irq_error> mask(std::uint32_t gsi) {
    return change(gsi, [](std::uint64_t e) { return f_mask::with(e, true); });
  }
  result<void, irq_error> unmask(std::uint32_t gsi) {
    return change(gsi, [](std::uint64_t e) { return f_mask::with(e, false); });
  }
  /// Which wire is wanted. An interrupt that was sent and not ended is forgotten when the trigger changes.
  result<void, irq_error> set_mode(std::uint32_t gsi, line_mode m) {
    return change(gsi, [m](std::uint64_t e) { return f_trigger::with(f_intpol::with(e, m.active_low), m.level); });
  }
  result<void, irq_error> set_trigger(std::uint32_t gsi, irq_trigger trigger) {
    return change(gsi, [level = trigger == irq_trigger::level](std::uint64_t e) { return f_trigger::with(e, level); });
  }
  /// Sends to the CPU of that APIC ID from now on; `unsupported` for one above `last_apic_id`, which 8 bits cannot
  /// name.
  result<void, irq_error> set_destination(std::uint32_t gsi, std::uint32_t apic_id) {
    if (!has(gsi)) return failure{irq_error::out_of_range};
    if (apic_id > last_apic_id) return failure{irq_error::unsupported};
    return change(gsi, [id = static_cast<std::uint8_t>(apic_id)](std::uint64_t e) { return f_dest::with(e, id); });
  }
  /// Sends `vector` from now on. A level that was sent with another one is forgotten, as nobody could end it: when its
  /// wire is still up, it is sent anew.
  result<void, irq_error> set_vector(std::uint32_t gsi, std::uint8_t vector) {
    if (!has(gsi)) return failure{irq_error::out_of_range};
    irq_spin_guard<Cpu> const guard{lock_};
    std::uint64_t const before = kept(gsi);
    std::uint64_t const wanted = f_intvec::with(before, vector);
    if (wanted == before) return {};
    if (f_trigger::get(before)) {
      unit& u = unit_of(gsi);
      forget_level(u, index_of(u, gsi), before);
      // The line is edge-triggered and masked now, and first becomes a masked level again.
      write(u.window, index_of(u, gsi), low(masked(wanted)));
      entries_[gsi].store(masked(wanted), std::memory_order_relaxed);
    }
    store(gsi, wanted);
    return {};
  }

  /// Makes a line an NMI at the CPU of that APIC ID, unmasked, as firmware may want it (boot::madt_nmi_source): an
  /// edge. It is no line any more from then on. `unsupported` for an APIC ID above `last_apic_id`.
  result<void, irq_error> make_nmi(std::uint32_t gsi, bool active_low, std::uint32_t apic_id) {
    if (!has(gsi)) return failure{irq_error::out_of_range};
    if (apic_id > last_apic_id) return failure{irq_error::unsupported};
    constexpr auto nmi = static_cast<unsigned>(vdev::interrupt_delivery::nmi);
    irq_spin_guard<Cpu> const guard{lock_};
    std::uint64_t const e =
        f_delmod::make(nmi) | f_intpol::make(active_low) | f_dest::make(static_cast<std::uint8_t>(apic_id));
    unit& u = unit_of(gsi);
    write(u.window, index_of(u, gsi), low(masked(e)));
    write(u.window, index_of(u, gsi) + 1, high(e));
    write(u.window, index_of(u, gsi), low(e));
    entries_[gsi].store(e, std::memory_order_relaxed);
    owner_[gsi] = 0;
    return {};
  }

 private:
  using f_intvec = vdev::io_apic_entry::f_intvec;
  using f_delmod = vdev::io_apic_entry::f_delmod;
  using f_intpol = vdev::io_apic_entry::f_intpol;
  using f_remote_irr = vdev::io_apic_entry::f_remote_irr;
  using f_trigger = vdev::io_apic_entry::f_trigger;
  using f_mask = vdev::io_apic_entry::f_mask;
  using f_dest = vdev::io_apic_entry::f_dest;
  static_assert(MaxIoApics > 0 && MaxIoApics < 0xff, "io_apics: 1 to 254 of them");
  static_assert(MaxLines > 0 && MaxLines <= 0x1'0000, "io_apics: 1 to 65536 lines");

  struct unit {
    Window window{};
    std::uint32_t gsi_base{};
    bool has_eoi{};
  };

  [[nodiscard]] static std::uint32_t read(Window& window, std::uint32_t index) {
    window.write32(vdev::io_apic_reg::ioregsel, index);
    return window.read32(vdev::io_apic_reg::iowin);
  }
  static void write(Window& window, std::uint32_t index, std::uint32_t value) {
    window.write32(vdev::io_apic_reg::ioregsel, index);
    window.write32(vdev::io_apic_reg::iowin, value);
  }
  [[nodiscard]] unit& unit_of(std::uint32_t gsi) { return units_[owner_[gsi] - 1U]; }
  [[nodiscard]] static std::uint32_t index_of(unit const& u, std::uint32_t gsi) {
    return vdev::io_apic_reg::ioredtbl + (gsi - u.gsi_base) * 2;
  }
  [[nodiscard]] std::uint64_t kept(std::uint32_t gsi) const { return entries_[gsi].load(std::memory_order_relaxed); }
  [[nodiscard]] static constexpr std::uint32_t low(std::uint64_t e) { return static_cast<std::uint32_t>(e); }
  [[nodiscard]] static constexpr std::uint32_t high(std::uint64_t e) { return static_cast<std::uint32_t>(e >> 32); }
  [[nodiscard]] static constexpr std::uint64_t masked(std::uint64_t e) { return f_mask::with(e, true); }

  /// Brings the hardware from the entry that is kept to `wanted`, by the words that change: each change above is one of
  /// one word, which is never half done. The lock is held.
  void store(std::uint32_t gsi, std::uint64_t wanted) {
    unit& u = unit_of(gsi);
    std::uint32_t const index = index_of(u, gsi);
    std::uint64_t const before = kept(gsi);
    if (high(before) != high(wanted)) write(u.window, index + 1, high(wanted));
    if (low(before) != low(wanted)) write(u.window, index, low(wanted));
    entries_[gsi].store(wanted, std::memory_order_relaxed);
  }
  template <typename F>
  result<void, irq_error> change(std::uint32_t gsi, F&& f) {
    if (!has(gsi)) return failure{irq_error::out_of_range};
    irq_spin_guard<Cpu> const guard{lock_};
    store(gsi, f(kept(gsi)));
    return {};
  }
  /// Clears Remote IRR of an entry in hardware and leaves it masked and edge-triggered: the EOI register does so where
  /// there is one, and making it edge-triggered where there is none.
  static void forget_level(unit& u, std::uint32_t index, std::uint64_t e) {
    write(u.window, index, low(masked(e)));
    if (u.has_eoi) u.window.write32(vdev::io_apic_reg::eoi, f_intvec::get(e));
    write(u.window, index, low(masked(f_trigger::with(e, false))));
  }

  spin_lock<Cpu> lock_{};
  unit units_[MaxIoApics]{};
  std::uint32_t unit_count_{};
  std::uint32_t line_count_{};
  std::uint8_t owner_[MaxLines] = {};               ///< 0: none, else one more than the unit's index
  std::atomic<std::uint64_t> entries_[MaxLines]{};  ///< what the hardware has, but for its status bits
};

template <MmioWindow Window, CpuPolicy Cpu, unsigned MaxIoApics, std::uint32_t MaxLines>
result<void, irq_error> io_apics<Window, Cpu, MaxIoApics, MaxLines>::add(Window window, std::uint32_t gsi_base) {
  if (unit_count_ == MaxIoApics) return failure{irq_error::unsupported};
  std::uint32_t const word = read(window, vdev::io_apic_reg::ioapicver);
  std::uint32_t const lines = (word >> 16 & 0xff) + 1;
  std::uint32_t const version = word & 0xff;
  // Where nothing answers, all bits are alike. 120 lines are the most that IOREGSEL can name.
  constexpr std::uint32_t most = (0x100 - vdev::io_apic_reg::ioredtbl) / 2;
  if (version == 0 || version == 0xff || lines > most) return failure{irq_error::unsupported};
  if (gsi_base >= MaxLines || lines > MaxLines - gsi_base) return failure{irq_error::out_of_range};
  for (std::uint32_t i = 0; i < lines; ++i) {
    if (has(gsi_base + i)) return failure{irq_error::out_of_range};
  }
  constexpr std::uint32_t first_with_eoi = 0x20;
  units_[unit_count_] = {window, gsi_base, version >= first_with_eoi};
  unit& u = units_[unit_count_];
  ++unit_count_;
  for (std::uint32_t i = 0; i < lines; ++i) {
    std::uint32_t const index = vdev::io_apic_reg::ioredtbl + i * 2;
    std::uint32_t const left = read(u.window, index);
    // What firmware took and never ended would hold the line back for good.
    if (f_remote_irr::get(left)) forget_level(u, index, left);
    bool const isa = gsi_base + i < isa_lines;
    std::uint64_t const e = masked(f_intpol::make(!isa) | f_trigger::make(!isa));
    write(u.window, index, low(e));
    write(u.window, index + 1, high(e));
    entries_[gsi_base + i].store(e, std::memory_order_relaxed);
    owner_[gsi_base + i] = static_cast<std::uint8_t>(unit_count_);
  }
  if (gsi_base + lines > line_count_) line_count_ = gsi_base + lines;
  return {};
}

}  // namespace axhal::x86_64
