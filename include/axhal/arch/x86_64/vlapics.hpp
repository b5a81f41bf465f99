// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/arch/x86_64/apic_message.hpp>
#include <axhal/arch/x86_64/apic_registers.hpp>
#include <axhal/arch/x86_64/msr.hpp>
#include <axhal/arch/x86_64/vlapic.hpp>
#include <axhal/core/bit_field.hpp>
#include <axhal/core/result.hpp>
#include <axhal/core/units.hpp>

#include <atomic>
#include <bit>
#include <concepts>
#include <cstdint>

namespace axhal::x86_64 {

/// What the local APICs of a machine ask of those around them, while they are called.
///
/// `wake(vcpus)`, one bit each: there is something new for these in `has_work`. Those that run a guest are interrupted,
/// those that wait go on. The vCPU whose access it was is not among them: it looks before it runs on anyhow. A vCPU
/// that says that it waits, or that it runs, and then looks at `has_work` with a sequentially consistent fence between,
/// has either seen what is new or is seen by `wake`. `end_of_interrupt(vector)`: a level-triggered interrupt was
/// completed; for I/O APICs. They may send again at once. `deadline_changed()`: `deadline` of the vCPU whose access it
/// was may be another.
template <typename S>
concept VlapicSurroundings = requires(S& s, std::uint64_t vcpus, std::uint8_t vector) {
  s.wake(vcpus);
  s.end_of_interrupt(vector);
  s.deadline_changed();
};

/// The local APICs of one virtual machine with up to `Vcpus` vCPUs (at most 64), and the way of messages between them
/// (Intel SDM vol. 3, "Issuing Interprocessor Interrupts", "Determining IPI Destination"). vCPU n has APIC ID n.
///
///     guest: page, MSRs -> read, write, read_msr, write_msr --- ICR ---v
///     I/O APIC, device -> send ----------------------------------> IRR or mailbox of each destination -> wake
///     vCPU's CPU: has_work -> take_events, highest -> event injection -> accept
///     vCPU's CPU: deadline -> host's timer -> advance
///
/// `send` may be called on any CPU at any time, the others on the CPU that runs the vCPU; no lock is needed. vCPU
/// numbers are those of vCPUs that exist. Where a message is for the one destination with the lowest priority, that is
/// the lowest PPR, and the lowest number among equals.
template <unsigned Vcpus>
class vlapics {
  static_assert(Vcpus >= 1 && Vcpus <= 64, "vlapics: 1 to 64 vCPUs");

 public:
  /// With `vcpus` vCPUs, brought into 1..`Vcpus`. vCPU 0 boots.
  explicit vlapics(vlapic_options const& options, unsigned vcpus = Vcpus)
      : vcpus_{vcpus < 1       ? 1
               : vcpus > Vcpus ? Vcpus
                               : vcpus} {
    for (unsigned v = 0; v < Vcpus; ++v) apics_[v].set_up(v, v == 0, options);
    note_modes();
  }

  /// The machine's reset. Pins keep what is wired to them. Precondition: no vCPU runs.
  void reset() {
    for (vlapic& apic : apics_) apic.reset();
    note_modes();
  }
  /// The reset of one vCPU, which does not run.
  void reset(vcpu_number vcpu) {
    apics_[vcpu.value].reset();
    note_mode(vcpu.value);
  }

  [[nodiscard]] constexpr unsigned vcpus() const {
    // The constructor has seen to that; said again for those who index by what is below.
    if (vcpus_ < 1 || vcpus_ > Vcpus) __builtin_unreachable();
    return vcpus_;
  }
  /// One of them, for what concerns it alone. It is reset, and its MSRs are written, through the functions here: its
  /// mode is known to the others.
  [[nodiscard]] vlapic& operator[](vcpu_number vcpu) { return apics_[vcpu.value]; }
  [[nodiscard]] vlapic const& operator[](vcpu_number vcpu) const { return apics_[vcpu.value]; }

  // --- what the guest does on a vCPU ---

  /// It loads `bytes` bytes at `offset` of its APIC's page.
  [[nodiscard, gnu::always_inline]] std::uint64_t read(vcpu_number vcpu, std::uint64_t offset, unsigned bytes,
                                                       ticks now) {
    return apics_[vcpu.value].read(offset, bytes, now);
  }
  /// It stores the low `bytes` bytes of `value`.
  template <VlapicSurroundings S>
  [[gnu::always_inline]] void write(vcpu_number vcpu, std::uint64_t offset, unsigned bytes, std::uint64_t value,
                                    ticks now, S& around) {
    vlapic& apic = apics_[vcpu.value];
    vlapic_effect effect{};
    if (apic.write_quickly(offset, bytes, value, now, effect)) return finish(effect, around);
    if (offset == apic_registers::icr && bytes == 4 && apic.is_xapic()) {
      if (send_quickly(vcpu, apic.icr() >> 56, static_cast<std::uint32_t>(value), value & 0xffff'ffff, around)) return;
    }
    write_rest(vcpu, offset, bytes, value, now, around);
  }
  /// It reads an MSR for which `vlapic::has_msr` is true; `msr_refused`: the answer is a general-protection exception.
  [[nodiscard, gnu::always_inline]] result<std::uint64_t, msr_refused> read_msr(vcpu_number vcpu, std::uint32_t number,
                                                                                ticks now) {
    return apics_[vcpu.value].read_msr(number, now);
  }
  /// It writes one.
  template <VlapicSurroundings S>
  [[gnu::always_inline]] result<void, msr_refused> write_msr(vcpu_number vcpu, std::uint32_t number,
                                                             std::uint64_t value, ticks now, S& around) {
    vlapic& apic = apics_[vcpu.value];
    vlapic_effect effect{};
    if (apic.write_msr_quickly(number, value, now, effect)) {
      finish(effect, around);
      return {};
    }
    if (number == apic_registers::msr(apic_registers::icr) && apic.is_x2apic()) {
      if (send_quickly(vcpu, value >> 32, static_cast<std::uint32_t>(value), value, around)) return {};
    }
    return write_msr_rest(vcpu, number, value, now, around);
  }

  // --- what comes from elsewhere ---

  /// Delivers a message of an I/O APIC or a device.
  template <VlapicSurroundings S>
  void send(apic_message const& message, S& around) {
    wake(deliver(message, destinations(message)), around);
  }
  /// The same in the form in which a device stores it; an address that is no message's is ignored.
  template <VlapicSurroundings S>
  void send(msi const& stored, S& around) {
    if (auto const message = stored.message()) send(*message, around);
  }

  /// The vCPUs, one bit each, that a message without a shorthand is for. One that chooses has one destination at most.
  [[nodiscard]] std::uint64_t destinations(apic_message const& m) const {
    std::uint64_t const found = m.destination == apic_message::everyone                 ? present()
                                : m.destination_mode == apic_destination_mode::physical ? physical(m.destination)
                                                                                        : logical(m.destination);
    return m.chooses() ? least_busy(found) : found;
  }

 private:
  using addressing = vlapic::addressing;

  [[nodiscard]] std::uint64_t all() const { return low_bits(vcpus()); }
  /// Those of which `holds(address)`.
  template <std::predicate<std::uint32_t> P>
  [[nodiscard]] std::uint64_t which(P holds) const {
    std::uint64_t set = 0;
    for (unsigned v = 0; v < vcpus(); ++v) set |= std::uint64_t{holds(apics_[v].address())} << v;
    return set;
  }
  [[nodiscard]] std::uint64_t present() const { return present_.load(std::memory_order_relaxed); }
  /// Says who has a local APIC, and whose is in x2APIC mode.
  void note_modes() {
    for (unsigned v = 0; v < vcpus(); ++v) note_mode(v);
  }
  void note_mode(unsigned v) {
    std::uint32_t const a = apics_[v].address();
    put(present_, v, addressing::f_present::get(a));
    put(wide_, v, addressing::f_x2apic::get(a));
  }
  static void put(std::atomic<std::uint64_t>& set, unsigned v, bool member) {
    std::uint64_t const bit = std::uint64_t{1} << v;
    if (member) {
      set.fetch_or(bit, std::memory_order_relaxed);
    } else {
      set.fetch_and(~bit, std::memory_order_relaxed);
    }
  }
  [[nodiscard]] std::uint64_t physical(std::uint32_t destination) const {
    return destination < vcpus() ? std::uint64_t{1} << destination : 0;
  }
  /// The vCPUs whose logical x2APIC ID is in `destination`.
  [[nodiscard]] std::uint64_t members(std::uint32_t destination) const {
    std::uint32_t const cluster = apic_ldr::f_cluster::get(destination);
    if (cluster >= 4) return 0;
    return std::uint64_t{apic_ldr::f_members::get(destination)} << cluster * 16 & all();
  }
  /// "Logical Destination Mode", "Logical Destination Mode in x2APIC Mode". An APIC in x2APIC mode compares 32 bits,
  /// one in xAPIC mode 8, and cannot be meant by more.
  [[nodiscard]] std::uint64_t logical(std::uint32_t destination) const {
    std::uint64_t const wide = wide_.load(std::memory_order_relaxed);
    std::uint64_t const found = wide & members(destination);
    if (destination > 0xff || wide == all()) return found;
    return found | (~wide & which([destination](std::uint32_t a) {
             std::uint32_t const id = addressing::f_logical_id::get(a);
             if (addressing::f_flat::get(a)) return (id & destination) != 0;
             // Cluster: the upper half names the cluster, the lower half its members; 15 is every cluster.
             bool const same = id >> 4 == destination >> 4 || destination >> 4 == 15;
             return same && (id & destination & 15) != 0;
           }));
  }
  /// Of those of `set` that software has enabled, the one with the lowest priority.
  [[nodiscard]] std::uint64_t least_busy(std::uint64_t set) const {
    std::uint64_t best = 0;
    unsigned least = 256;
    for (; set != 0; set &= set - 1) {
      vlapic const& apic = apics_[static_cast<unsigned>(std::countr_zero(set)) % Vcpus];
      std::uint32_t const a = apic.address();
      if (!addressing::f_enabled::get(a) || !addressing::f_present::get(a)) continue;
      if (apic.processor_priority() >= least) continue;
      least = apic.processor_priority();
      best = set & -set;
    }
    return best;
  }
  /// Hands a message to each of `set`; returns who must be woken.
  std::uint64_t deliver(apic_message const& m, std::uint64_t set) {
    std::uint64_t woken = 0;
    // A level that goes away has been delivered already; of INIT it only arbitrated on an old bus.
    if (!m.asserted) return 0;
    for (; set != 0; set &= set - 1) {
      unsigned const v = static_cast<unsigned>(std::countr_zero(set)) % Vcpus;
      if (apics_[v].receive(m.mode, m.vector, m.trigger)) woken |= set & -set;
    }
    return woken;
  }

  /// What is to be done after a write that sent nothing, if anything.
  template <typename S>
  [[gnu::always_inline]] static void finish(vlapic_effect effect, S& around) {
    if (effect.completed) around.end_of_interrupt(effect.vector);
    if (effect.deadline) around.deadline_changed();
  }
  // Kept out of line, so that both tiers of exits share them.
  template <typename S>
  [[gnu::noinline]] void write_rest(vcpu_number vcpu, std::uint64_t offset, unsigned bytes, std::uint64_t value,
                                    ticks now, S& around) {
    vlapic_effect const effect = apics_[vcpu.value].write(offset, bytes, value, now);
    finish(effect, around);
    if (effect.command) wake(command(vcpu), around);
  }
  template <typename S>
  [[gnu::noinline]] result<void, msr_refused> write_msr_rest(vcpu_number vcpu, std::uint32_t number,
                                                             std::uint64_t value, ticks now, S& around) {
    if (number == apic_registers::msr(apic_registers::icr) && send_to_cluster(vcpu, value, around)) return {};
    auto const effect = apics_[vcpu.value].write_msr(number, value, now);
    if (!effect) return failure{effect.error()};
    if (number == apic_base::msr) note_mode(vcpu.value);
    finish(*effect, around);
    if (effect->command) wake(command(vcpu), around);
    return {};
  }
  template <typename S>
  static void wake(std::uint64_t vcpus, S& around) {
    if (vcpus != 0) around.wake(vcpus);
  }
  /// Most of what is written to ICR: a vector, to another vCPU by its ID `to`. `low` is the lower half of ICR, `icr`
  /// what is written. False, and nothing happened, when it is something else.
  template <typename S>
  [[gnu::always_inline]] bool send_quickly(vcpu_number from, std::uint64_t to, std::uint32_t low, std::uint64_t icr,
                                           S& around) {
    constexpr std::uint32_t usual = apic_icr::f_vector::mask | apic_icr::f_assert::mask;
    bool const quick = (low & ~usual) == 0 && (low & 0xf0) != 0 && to < vcpus_ && to != from.value;
    if (!quick) return false;
    apics_[from.value].note_command(icr);
    if (apics_[to % Vcpus].receive_fixed(apic_icr::f_vector::get(low))) around.wake(std::uint64_t{1} << to);
    return true;
  }
  /// The same for a set in the form of x2APIC mode, where all are in that mode.
  template <typename S>
  [[gnu::always_inline]] bool send_to_cluster(vcpu_number from, std::uint64_t icr, S& around) {
    auto const low = static_cast<std::uint32_t>(icr);
    auto const destination = static_cast<std::uint32_t>(icr >> 32);
    constexpr std::uint32_t set_bits = apic_icr::f_destination_mode::mask;
    constexpr std::uint32_t usual = apic_icr::f_vector::mask | apic_icr::f_assert::mask;
    bool const quick = (low & ~usual) == set_bits && (low & 0xf0) != 0 && destination != apic_message::everyone;
    if (!quick || wide_.load(std::memory_order_relaxed) != all()) return false;
    apics_[from.value].note_command(icr);
    std::uint64_t woken = 0;
    for (std::uint64_t set = members(destination); set != 0; set &= set - 1) {
      unsigned const v = static_cast<unsigned>(std::countr_zero(set)) % Vcpus;
      if (apics_[v].receive_fixed(apic_icr::f_vector::get(low))) woken |= set & -set;
    }
    wake(woken & ~(std::uint64_t{1} << from.value), around);
    return true;
  }
  /// Does what ICR of `from` says; returns who must be woken.
  [[nodiscard]] std::uint64_t command(vcpu_number from) {
    vlapic& apic = apics_[from.value];
    std::uint64_t const icr = apic.icr();
    auto const low = static_cast<std::uint32_t>(icr);
    apic_command const c = apic.is_x2apic() ? apic_command::of_x2apic(icr)
                                            : apic_command::of_xapic(static_cast<std::uint32_t>(icr >> 32), low);
    apic_message const& m = c.message;
    bool const has_vector = m.mode == apic_delivery_mode::fixed || m.mode == apic_delivery_mode::lowest_priority;
    if (has_vector && m.vector < apic_registers::first_vector) {
      apic.add_error(apic_esr::f_send_illegal_vector::mask);
      return 0;
    }
    // ICR cannot send these.
    if (m.mode == apic_delivery_mode::extint) return 0;
    std::uint64_t const self = std::uint64_t{1} << from.value;
    std::uint64_t set = 0;
    switch (c.shorthand) {
      case apic_shorthand::none: set = destinations(m); break;
      case apic_shorthand::self: set = self; break;
      case apic_shorthand::all: set = present(); break;
      case apic_shorthand::all_but_self: set = present() & ~self; break;
    }
    if (c.shorthand != apic_shorthand::none && m.chooses()) set = least_busy(set);
    return deliver(m, set) & ~self;
  }

  unsigned vcpus_;
  std::atomic<std::uint64_t> present_{};  ///< those with a local APIC
  std::atomic<std::uint64_t> wide_{};     ///< those in x2APIC mode
  vlapic apics_[Vcpus]{};
};

}  // namespace axhal::x86_64
