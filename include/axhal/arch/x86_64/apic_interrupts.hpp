// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/arch/x86_64/apic_irq.hpp>
#include <axhal/arch/x86_64/apic_message.hpp>
#include <axhal/arch/x86_64/apic_vectors.hpp>
#include <axhal/arch/x86_64/io_apics.hpp>
#include <axhal/arch/x86_64/local_apic.hpp>
#include <axhal/core/result.hpp>
#include <axhal/cpu/spin_lock.hpp>
#include <axhal/policy/irq_controller.hpp>

#include <atomic>
#include <cstdint>

namespace axhal::x86_64 {

/// Local APICs and I/O APICs in one numbering: `apic_irq`. Numbers below 32 are a CPU's own, then come messages of
/// devices, then global system interrupts. One object serves all CPUs.
///
/// Boot: `io_apics::add` for each, then `init_cpu(n)` on every CPU, the booting one first.
///
/// `claim` is what comes after the CPU has gone through a gate: the local APIC has the vector in service then, and only
/// vectors of a higher class come through until `complete`, which is the end of interrupt. Complete in the reverse
/// order of `claim`. The local APIC ends the highest vector in service, whatever was claimed.
///
/// A line's priority is its vector's class, 12 levels of them. The CPU's own interrupts are the most urgent, and their
/// order is fixed. An edge or a message that comes while its line is disabled, or still claimed, is kept and comes once
/// more; a level is masked until it is completed.
///
/// Safe from all CPUs at once but for `set_*` of one line, and boot.
template <LocalApicAccess Access, typename IoApics, VectorSource V, CpuPolicy Cpu, unsigned MaxCpus>
class apic_interrupts {
 public:
  static constexpr std::uint8_t default_priority = 0xa0;  ///< of every line until `set_priority`

  constexpr apic_interrupts(local_apic<Access>& local, IoApics& io) : local_{&local}, io_{&io} {
    for (auto& id : ids_) id.store(no_id, std::memory_order_relaxed);
  }

  // --- boot ---

  /// Opens this CPU's local APIC, with its own interrupts masked but for those between CPUs. Lines go to the first CPU
  /// until `set_affinity`. `out_of_range` when there is no such CPU, `unsupported` when no local APIC answers.
  [[nodiscard]] result<void, irq_error> init_cpu(cpu_number self);
  /// Takes no interrupts on this CPU any more.
  void disable_cpu() { local_->disable(); }
  /// A number for a device that sends messages by itself, edge-triggered and disabled; `unsupported` when there are
  /// 32 already, or before `init_cpu`.
  [[nodiscard]] result<irq_number, irq_error> add_message();
  /// What the device is to store so that `irq` comes. Changes with `set_priority` and `set_affinity`: ask again then.
  /// `out_of_range` for a number that `add_message` did not give, `unsupported` when its CPU has an APIC ID that a
  /// message cannot name, or there is no vector.
  [[nodiscard]] result<msi, irq_error> message_of(irq_number irq);

  // --- IrqControllerPolicy ---

  [[nodiscard]] std::uint32_t line_count() const { return apic_irq::first_gsi + io_->line_count(); }

  /// `unsupported` for one of the CPU's own that this CPU does not have, and when no vector is left at the line's
  /// priority.
  result<void, irq_error> enable(irq_number irq);
  /// `unsupported` for those between CPUs.
  result<void, irq_error> disable(irq_number irq);
  /// Of the CPU's own: on this CPU.
  [[nodiscard]] bool is_enabled(irq_number irq) {
    if (irq.value < apic_irq::ipi_count) return true;
    if (is_own(irq)) return !local_->is_masked(entry_of(irq));
    return is_line(irq) && (line(irq).state.load(std::memory_order_relaxed) & enabled) != 0;
  }
  /// `unsupported` for the CPU's own, and when no vector is left.
  result<void, irq_error> set_priority(irq_number irq, std::uint8_t priority);
  /// The polarity stays. `unsupported` for a level of what is an edge by its nature.
  result<void, irq_error> set_trigger(irq_number irq, irq_trigger trigger) {
    if (irq.value >= apic_irq::first_gsi) return io_->set_trigger(gsi_of(irq), trigger);
    if (!is_own(irq) && !is_line(irq)) return failure{irq_error::out_of_range};
    if (trigger != irq_trigger::edge) return failure{irq_error::unsupported};
    return {};
  }
  /// A CPU is known from its `init_cpu` on. `unsupported` for the CPU's own, and for a CPU whose APIC ID has more than
  /// 8 bits.
  result<void, irq_error> set_affinity(irq_number irq, cpu_number cpu);

  result<claimed_irq, irq_error> claim();
  void complete(claimed_irq claimed);

  /// `ipi` is below `apic_irq::ipi_count`. What this CPU wrote before is visible to the one that takes it.
  /// `unsupported` when the local APIC does not send.
  result<void, irq_error> send_ipi(cpu_number cpu, irq_number ipi) {
    std::uint32_t const id = id_of(cpu);
    if (ipi.value >= apic_irq::ipi_count || id == no_id) return failure{irq_error::out_of_range};
    if (!local_->send_fixed(id, vector_of_ipi(ipi))) return failure{irq_error::unsupported};
    return {};
  }

  // --- beyond it ---

  /// The APIC ID of a CPU; `out_of_range` before its `init_cpu`.
  [[nodiscard]] result<std::uint32_t, irq_error> apic_id(cpu_number cpu) const {
    std::uint32_t const id = id_of(cpu);
    if (id == no_id) return failure{irq_error::out_of_range};
    return id;
  }
  /// The vector of a line or of one of a CPU's own; 0 when it has none yet.
  [[nodiscard]] std::uint8_t vector_of(irq_number irq) const {
    if (irq.value < apic_irq::ipi_count) return vector_of_ipi(irq);
    if (is_own(irq)) return own_vectors[irq.value - apic_irq::timer.value];
    return is_line(irq) ? line(irq).vector.load(std::memory_order_relaxed) : std::uint8_t{0};
  }

 private:
  static constexpr std::uint32_t no_id = ~std::uint32_t{0};
  static constexpr std::uint32_t own_count = 5;
  static constexpr std::uint8_t own_vectors[own_count] = {
      apic_vector::timer, apic_vector::thermal, apic_vector::performance, apic_vector::cmci, apic_vector::error};
  // States of a line, one bit each.
  static constexpr std::uint8_t enabled = 1;    // let through
  static constexpr std::uint8_t active = 2;     // claimed and not completed
  static constexpr std::uint8_t latched = 4;    // an edge that was not let through, to come again
  static constexpr std::uint8_t held_back = 8;  // a level, masked until it is completed

  struct line_state {
    std::atomic<std::uint8_t> state{};
    std::atomic<std::uint8_t> vector{};  ///< 0: none
    std::uint8_t priority{default_priority};
    std::atomic<std::uint16_t> cpu{};
  };
  static_assert(MaxCpus > 0 && MaxCpus <= 0x1'0000, "apic_interrupts: 1 to 65536 CPUs");

  [[nodiscard]] static constexpr bool is_own(irq_number irq) { return irq.value < apic_irq::timer.value + own_count; }
  static constexpr std::uint32_t no_irq = ~std::uint32_t{0};
  [[nodiscard]] static constexpr irq_number own_irq_of(std::uint8_t vector) {
    if (vector < apic_vector::first_ipi) return {no_irq};
    std::uint32_t const n = vector - apic_vector::first_ipi;
    if (n < apic_irq::ipi_count) return {n};
    for (std::uint32_t i = 0; i < own_count; ++i) {
      if (own_vectors[i] == vector) return {apic_irq::timer.value + i};
    }
    return {no_irq};
  }
  [[nodiscard]] static constexpr bool is_gsi(irq_number irq) { return irq.value >= apic_irq::first_gsi; }
  [[nodiscard]] static constexpr std::uint32_t gsi_of(irq_number irq) { return irq.value - apic_irq::first_gsi; }
  [[nodiscard]] static constexpr std::uint8_t vector_of_ipi(irq_number ipi) {
    return static_cast<std::uint8_t>(apic_vector::first_ipi + ipi.value);
  }
  [[nodiscard]] static constexpr local_interrupt entry_of(irq_number irq) {
    if (irq == apic_irq::timer) return local_interrupt::timer;
    if (irq == apic_irq::thermal) return local_interrupt::thermal;
    if (irq == apic_irq::performance) return local_interrupt::performance;
    return irq == apic_irq::cmci ? local_interrupt::cmci : local_interrupt::error;
  }
  [[nodiscard]] bool is_line(irq_number irq) const {
    if (is_gsi(irq)) return io_->has(gsi_of(irq));
    return irq.value >= apic_irq::first_message && irq.value - apic_irq::first_message < messages_;
  }
  [[nodiscard]] line_state& line(irq_number irq) { return lines_[irq.value - apic_irq::first_message]; }
  [[nodiscard]] line_state const& line(irq_number irq) const { return lines_[irq.value - apic_irq::first_message]; }
  [[nodiscard]] std::uint32_t id_of(cpu_number cpu) const {
    return cpu.value < MaxCpus ? ids_[cpu.value].load(std::memory_order_relaxed) : no_id;
  }
  [[nodiscard]] bool is_level(irq_number irq) const { return is_gsi(irq) && io_->mode(gsi_of(irq)).level; }
  [[nodiscard]] bool give_vector(irq_number irq);
  void send_again(irq_number irq);
  void refuse(irq_number irq, std::uint8_t before);
  void let_through(irq_number irq);

  local_apic<Access>* local_;
  IoApics* io_;
  spin_lock<Cpu> lock_{};
  std::uint32_t messages_{};
  apic_vector_pool vectors_{};
  std::atomic<std::uint32_t> ids_[MaxCpus];
  std::atomic<std::uint32_t> first_cpu_{no_id};
  line_state lines_[apic_irq::message_count + IoApics::max_lines]{};
};

template <LocalApicAccess Access, typename IoApics, VectorSource V, CpuPolicy Cpu, unsigned MaxCpus>
result<void, irq_error> apic_interrupts<Access, IoApics, V, Cpu, MaxCpus>::init_cpu(cpu_number self) {
  if (self.value >= MaxCpus) return failure{irq_error::out_of_range};
  if (!local_->enable(apic_vector::spurious)) return failure{irq_error::unsupported};
  for (std::uint32_t i = 0; i < own_count; ++i) {
    // What this CPU does not have stays away.
    static_cast<void>(local_->set_vector(entry_of({apic_irq::timer.value + i}), own_vectors[i]));
  }
  std::uint32_t const id = local_->id();
  ids_[self.value].store(id, std::memory_order_relaxed);
  std::uint32_t nobody = no_id;
  if (!first_cpu_.compare_exchange_strong(nobody, self.value, std::memory_order_relaxed)) return {};
  for (std::uint32_t gsi = 0; gsi < io_->line_count(); ++gsi) {
    if (!io_->has(gsi)) continue;
    line(apic_irq::gsi(gsi)).cpu.store(static_cast<std::uint16_t>(self.value), std::memory_order_relaxed);
    if (!io_->set_destination(gsi, id)) return failure{irq_error::unsupported};
  }
  return {};
}

template <LocalApicAccess Access, typename IoApics, VectorSource V, CpuPolicy Cpu, unsigned MaxCpus>
result<irq_number, irq_error> apic_interrupts<Access, IoApics, V, Cpu, MaxCpus>::add_message() {
  irq_spin_guard<Cpu> const guard{lock_};
  std::uint32_t const first = first_cpu_.load(std::memory_order_relaxed);
  if (messages_ == apic_irq::message_count || first == no_id) return failure{irq_error::unsupported};
  irq_number const irq{apic_irq::first_message + messages_};
  ++messages_;
  line(irq).cpu.store(static_cast<std::uint16_t>(first), std::memory_order_relaxed);
  return irq;
}

template <LocalApicAccess Access, typename IoApics, VectorSource V, CpuPolicy Cpu, unsigned MaxCpus>
result<msi, irq_error> apic_interrupts<Access, IoApics, V, Cpu, MaxCpus>::message_of(irq_number irq) {
  if (is_gsi(irq) || !is_line(irq)) return failure{irq_error::out_of_range};
  irq_spin_guard<Cpu> const guard{lock_};
  line_state& l = line(irq);
  if (l.vector.load(std::memory_order_relaxed) == 0 && !give_vector(irq)) return failure{irq_error::unsupported};
  auto const message = msi::of({.destination = id_of({l.cpu.load(std::memory_order_relaxed)}),
                                .vector = l.vector.load(std::memory_order_relaxed)});
  if (!message) return failure{irq_error::unsupported};
  return *message;
}

template <LocalApicAccess Access, typename IoApics, VectorSource V, CpuPolicy Cpu, unsigned MaxCpus>
result<void, irq_error> apic_interrupts<Access, IoApics, V, Cpu, MaxCpus>::enable(irq_number irq) {
  if (is_own(irq)) {
    if (irq.value < apic_irq::ipi_count) return {};
    local_->unmask(entry_of(irq));
    if (!is_enabled(irq)) return failure{irq_error::unsupported};
    return {};
  }
  if (!is_line(irq)) return failure{irq_error::out_of_range};
  irq_spin_guard<Cpu> const guard{lock_};
  line_state& l = line(irq);
  if (l.vector.load(std::memory_order_relaxed) == 0 && !give_vector(irq)) return failure{irq_error::unsupported};
  std::uint8_t const before = l.state.fetch_or(enabled, std::memory_order_acq_rel);
  if (is_gsi(irq) && (before & held_back) == 0) static_cast<void>(io_->unmask(gsi_of(irq)));
  if ((before & active) == 0) send_again(irq);
  return {};
}

template <LocalApicAccess Access, typename IoApics, VectorSource V, CpuPolicy Cpu, unsigned MaxCpus>
result<void, irq_error> apic_interrupts<Access, IoApics, V, Cpu, MaxCpus>::disable(irq_number irq) {
  if (is_own(irq)) {
    if (irq.value < apic_irq::ipi_count) return failure{irq_error::unsupported};
    local_->mask(entry_of(irq));
    return {};
  }
  if (!is_line(irq)) return failure{irq_error::out_of_range};
  irq_spin_guard<Cpu> const guard{lock_};
  line(irq).state.fetch_and(static_cast<std::uint8_t>(~enabled), std::memory_order_acq_rel);
  if (is_gsi(irq)) static_cast<void>(io_->mask(gsi_of(irq)));
  return {};
}

template <LocalApicAccess Access, typename IoApics, VectorSource V, CpuPolicy Cpu, unsigned MaxCpus>
result<void, irq_error> apic_interrupts<Access, IoApics, V, Cpu, MaxCpus>::set_priority(irq_number irq,
                                                                                        std::uint8_t priority) {
  if (is_own(irq)) return failure{irq_error::unsupported};
  if (!is_line(irq)) return failure{irq_error::out_of_range};
  irq_spin_guard<Cpu> const guard{lock_};
  line_state& l = line(irq);
  std::uint8_t const before = l.priority;
  l.priority = priority;
  bool const moves = apic_vector_pool::level_of(before) != apic_vector_pool::level_of(priority);
  if (l.vector.load(std::memory_order_relaxed) != 0 && moves && !give_vector(irq)) {
    l.priority = before;
    return failure{irq_error::unsupported};
  }
  return {};
}

template <LocalApicAccess Access, typename IoApics, VectorSource V, CpuPolicy Cpu, unsigned MaxCpus>
result<void, irq_error> apic_interrupts<Access, IoApics, V, Cpu, MaxCpus>::set_affinity(irq_number irq,
                                                                                        cpu_number cpu) {
  std::uint32_t const id = id_of(cpu);
  if ((!is_own(irq) && !is_line(irq)) || id == no_id) return failure{irq_error::out_of_range};
  if (is_own(irq) || id > IoApics::last_apic_id) return failure{irq_error::unsupported};
  if (is_gsi(irq)) static_cast<void>(io_->set_destination(gsi_of(irq), id));
  line(irq).cpu.store(static_cast<std::uint16_t>(cpu.value), std::memory_order_relaxed);
  return {};
}

template <LocalApicAccess Access, typename IoApics, VectorSource V, CpuPolicy Cpu, unsigned MaxCpus>
result<claimed_irq, irq_error> apic_interrupts<Access, IoApics, V, Cpu, MaxCpus>::claim() {
  // Each turn uses up one that the CPU took; there is an end even where a wire storms.
  constexpr unsigned most = 256;
  for (unsigned i = 0; i < most; ++i) {
    auto const taken = V::take();
    if (!taken) break;
    std::uint8_t const vector = *taken;
    if (irq_number const own = own_irq_of(vector); own.value != no_irq) return claimed_irq{own, vector};
    irq_number const irq{vectors_.line_of(vector)};
    if (irq.value == apic_vector_pool::no_line) {
      // Nobody's, the spurious vector among them: that one, and what an 8259 makes, are not in service.
      if (local_->is_in_service(vector)) local_->end_of_interrupt();
      continue;
    }
    std::uint8_t const before = line(irq).state.fetch_or(active, std::memory_order_acq_rel);
    if ((before & (enabled | active)) == enabled) [[likely]]
      return claimed_irq{irq, vector};
    refuse(irq, before);
  }
  return failure{irq_error::spurious};
}

template <LocalApicAccess Access, typename IoApics, VectorSource V, CpuPolicy Cpu, unsigned MaxCpus>
void apic_interrupts<Access, IoApics, V, Cpu, MaxCpus>::complete(claimed_irq claimed) {
  bool const of_line = is_line(claimed.irq);
  std::uint8_t before = 0;
  if (of_line) {
    before = line(claimed.irq).state.fetch_and(static_cast<std::uint8_t>(~active), std::memory_order_acq_rel);
  }
  local_->end_of_interrupt();
  if ((before & (latched | held_back)) != 0) [[unlikely]]
    let_through(claimed.irq);
}

/// Gives the line a vector of its priority in the place of the one it has. The lock is held.
template <LocalApicAccess Access, typename IoApics, VectorSource V, CpuPolicy Cpu, unsigned MaxCpus>
bool apic_interrupts<Access, IoApics, V, Cpu, MaxCpus>::give_vector(irq_number irq) {
  line_state& l = line(irq);
  std::uint8_t const old = l.vector.load(std::memory_order_relaxed);
  if (old != 0) vectors_.retire(old);
  std::uint8_t const vector = vectors_.allocate(irq.value, apic_vector_pool::level_of(l.priority));
  if (vector == 0) {
    if (old != 0) vectors_.keep(old);
    return false;
  }
  l.vector.store(vector, std::memory_order_relaxed);
  if (is_gsi(irq)) static_cast<void>(io_->set_vector(gsi_of(irq), vector));
  return true;
}

/// Lets an edge come that was not let through, if there was one.
template <LocalApicAccess Access, typename IoApics, VectorSource V, CpuPolicy Cpu, unsigned MaxCpus>
void apic_interrupts<Access, IoApics, V, Cpu, MaxCpus>::send_again(irq_number irq) {
  line_state& l = line(irq);
  std::uint8_t const before = l.state.fetch_and(static_cast<std::uint8_t>(~latched), std::memory_order_acq_rel);
  std::uint32_t const id = id_of({l.cpu.load(std::memory_order_relaxed)});
  if ((before & latched) == 0 || id == no_id) return;
  static_cast<void>(local_->send_fixed(id, l.vector.load(std::memory_order_relaxed)));
}

/// Ends what is not to be claimed now: its line is disabled, or is claimed already. `before` is the line's state before
/// `active` was set by this.
template <LocalApicAccess Access, typename IoApics, VectorSource V, CpuPolicy Cpu, unsigned MaxCpus>
void apic_interrupts<Access, IoApics, V, Cpu, MaxCpus>::refuse(irq_number irq, std::uint8_t before) {
  line_state& l = line(irq);
  if ((before & active) == 0) l.state.fetch_and(static_cast<std::uint8_t>(~active), std::memory_order_acq_rel);
  if (!is_level(irq)) {
    std::uint8_t const now = l.state.fetch_or(latched, std::memory_order_acq_rel);
    local_->end_of_interrupt();
    // It may have been enabled, or completed, in between: nobody else would send it then.
    if ((now & (enabled | active)) == enabled) send_again(irq);
    return;
  }
  {
    irq_spin_guard<Cpu> const guard{lock_};
    std::uint8_t const now = l.state.fetch_or(held_back, std::memory_order_acq_rel);
    if ((now & active) != 0) {
      static_cast<void>(io_->mask(gsi_of(irq)));
    } else {
      // A level that is masked, or completed by now, comes again by itself.
      l.state.fetch_and(static_cast<std::uint8_t>(~held_back), std::memory_order_acq_rel);
    }
  }
  local_->end_of_interrupt();
}

/// After `complete`: what came meanwhile.
template <LocalApicAccess Access, typename IoApics, VectorSource V, CpuPolicy Cpu, unsigned MaxCpus>
void apic_interrupts<Access, IoApics, V, Cpu, MaxCpus>::let_through(irq_number irq) {
  line_state& l = line(irq);
  irq_spin_guard<Cpu> const guard{lock_};
  std::uint8_t const before = l.state.fetch_and(static_cast<std::uint8_t>(~held_back), std::memory_order_acq_rel);
  if ((before & enabled) == 0) return;
  if ((before & held_back) != 0) static_cast<void>(io_->unmask(gsi_of(irq)));
  send_again(irq);
}

}  // namespace axhal::x86_64
