// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/arch/x86_64/vlapics.hpp>

#include "support/vlapic_model.hpp"

#include <cstdint>
#include <optional>
#include <vector>

namespace axhal::test {

/// The virtual local APICs of a machine in the form of the model, which has no types of the library.
template <unsigned Vcpus>
class real_vlapics {
 public:
  using events = vlapic_model::events;

  std::uint64_t woken{};
  std::vector<std::uint8_t> completed{};
  bool asked_for_deadline{};

  std::uint64_t load(unsigned v, std::uint64_t offset, unsigned bytes) { return apics_.read({v}, offset, bytes, now_); }
  void store(unsigned v, std::uint64_t offset, unsigned bytes, std::uint64_t value) {
    apics_.write({v}, offset, bytes, value, now_, around_);
    settle();
  }
  std::optional<std::uint64_t> rdmsr(unsigned v, std::uint32_t number) {
    auto const r = apics_.read_msr({v}, number, now_);
    return r ? std::optional{*r} : std::nullopt;
  }
  bool wrmsr(unsigned v, std::uint32_t number, std::uint64_t value) {
    bool const done = apics_.write_msr({v}, number, value, now_, around_).has_value();
    settle();
    return done;
  }
  void set_cr8(unsigned v, unsigned value) { apics_[{v}].set_cr8(value); }
  void send(std::uint32_t destination, bool logical, unsigned delivery, std::uint8_t vector, bool level, bool one) {
    apics_.send(x86_64::apic_message{.destination = destination,
                                     .destination_mode = static_cast<x86_64::apic_destination_mode>(logical),
                                     .mode = static_cast<x86_64::apic_delivery_mode>(delivery),
                                     .vector = vector,
                                     .trigger = static_cast<x86_64::apic_trigger>(level),
                                     .to_one_only = one},
                around_);
  }
  void pin(unsigned v, unsigned n, bool high) { apics_[{v}].set_pin(n, high); }
  void raise(unsigned v, unsigned n) { apics_[{v}].raise(static_cast<x86_64::apic_lvt_entry>(n)); }
  void pass(std::uint64_t t) {
    now_.value += t;
    settle();
  }
  std::optional<std::uint8_t> highest(unsigned v) {
    bool const work = apics_[{v}].has_work();
    auto const h = apics_[{v}].highest();
    if (h && !work) hidden_ = true;
    return h ? std::optional{*h} : std::nullopt;
  }
  bool accept(unsigned v, std::uint8_t vector) { return apics_[{v}].accept(vector); }
  events take_events(unsigned v) {
    bool const work = apics_[{v}].has_work();
    auto const e = apics_[{v}].take_events();
    if (e != x86_64::vlapic_events{} && !work) hidden_ = true;
    return {e.init, e.start, e.page, e.nmi, e.extint};
  }
  [[nodiscard]] bool takes_extint(unsigned v) const { return apics_[{v}].takes_extint(); }
  /// The next time of the timer's interrupt.
  [[nodiscard]] std::optional<std::uint64_t> deadline(unsigned v) const {
    auto const d = apics_[{v}].deadline();
    return d ? std::optional{d->value} : std::nullopt;
  }
  /// True when something was found of which `has_work` had said that it was not there.
  [[nodiscard]] bool hid_something() const { return hidden_; }

 private:
  struct surroundings {
    real_vlapics& to;
    void wake(std::uint64_t vcpus) { to.woken |= vcpus; }
    void end_of_interrupt(std::uint8_t vector) { to.completed.push_back(vector); }
    void deadline_changed() { to.asked_for_deadline = true; }
  };
  void settle() {
    for (unsigned v = 0; v < Vcpus; ++v) apics_[{v}].advance(now_);
  }

  x86_64::vlapics<Vcpus> apics_{{.tsc = {3'000'000'000}, .bus = {1'000'000'000}, .physical_bits = 40}};
  surroundings around_{*this};
  ticks now_{};
  bool hidden_{};
};

/// A model in the place of the device: it has no opinion on deadlines and work.
class flawed_vlapics : public vlapic_model {
 public:
  using vlapic_model::vlapic_model;
  static std::optional<std::uint64_t> deadline(unsigned) { return {}; }
  static bool hid_something() { return false; }
};

/// Does the same with `device` and with `model` for `steps` steps, which `below(n)` (numbers from 0 to n - 1) chooses,
/// and looks at everything that can be seen. The step at which there was a difference for the first time, or ~0.
template <unsigned Vcpus, bool HasDeadlines, typename Device, typename Below>
unsigned long vlapic_difference(Device& device, vlapic_model& model, unsigned long steps, Below&& below) {
  static constexpr std::uint16_t places[] = {0x020, 0x080, 0x0b0, 0x0d0, 0x0e0, 0x0f0, 0x280, 0x2f0, 0x300,
                                             0x310, 0x320, 0x330, 0x340, 0x350, 0x360, 0x370, 0x380, 0x3e0};
  auto const vector = [&] { return static_cast<std::uint8_t>(below(16) == 0 ? below(16) : 16 + below(60) * 4); };
  // What a guest would write there, mostly.
  auto const value_for = [&](std::uint32_t place) -> std::uint32_t {
    switch (below(12) == 0 ? 0 : place) {
      case 0x080: return below(256);
      case 0x0b0: return 0;
      case 0x0d0: return (below(2) == 0 ? 1U << below(8) : below(256)) << 24;
      case 0x0e0: return below(2) == 0 ? ~0U : 0;
      case 0x0f0: return below(8) == 0 ? 0xff : 0x1ff;
      case 0x280: return 0;
      case 0x300: {
        std::uint32_t const kinds[] = {0, 0, 0, 0x100, 0x400, 0x500, 0x600, 0x700, 0x8500};
        std::uint32_t const shorthand = below(2) == 0 ? 0 : below(4) << 18;
        return vector() | kinds[below(9)] | below(2) << 11 | below(2) << 14 | shorthand;
      }
      case 0x310: return (below(4) == 0 ? below(256) : below(Vcpus)) << 24;
      case 0x320: return vector() | below(4) << 17 | (below(4) == 0 ? 0x10000U : 0);
      case 0x380: return below(200);
      case 0x3e0: return (below(2) << 3 | below(4));
      case 0x350:
      case 0x360:
        return vector() | (below(2) == 0 ? below(8) << 8 : 0) | below(2) << 15 | (below(4) == 0 ? 0x10000U : 0);
      case 0x2f0:
      case 0x330:
      case 0x340:
      case 0x370: return vector() | (below(4) == 0 ? below(8) << 8 : 0) | (below(4) == 0 ? 0x10000U : 0);
      default: return below(0x10000) << 16 | below(0x10000);
    }
  };
  std::uint64_t now = 0;

  for (unsigned long step = 0; step < steps; ++step) {
    unsigned const v = below(Vcpus);
    device.woken = model.woken = 0;
    device.completed.clear();
    model.completed.clear();
    for (auto& f : model.fired) f.reset();
    switch (below(20)) {
      case 0:
      case 1:
      case 2: {
        std::uint32_t const place = places[below(18)];
        std::uint32_t const value = value_for(place);
        device.store(v, place, 4, value);
        model.store(v, place, 4, value);
        break;
      }
      case 3:
      case 4:
      case 5: {
        std::uint32_t const place = below(8) == 0 ? 0x3f0 : places[below(18)];
        std::uint32_t const low = place == 0x3f0 ? vector() : value_for(place);
        std::uint64_t high = place == 0x300 ? (below(2) == 0 ? below(Vcpus) : below(8)) : 0;
        if (below(20) == 0) high = below(2) == 0 ? 0xffffffff : below(256) << 16 | below(0x10000);
        std::uint32_t const number = 0x800 + place / 16;
        if (device.wrmsr(v, number, high << 32 | low) != model.wrmsr(v, number, high << 32 | low)) return step;
        break;
      }
      case 6: {
        std::uint64_t const bases[] = {0xfee00800, 0xfee00c00, 0xfee00c00, 0xfee00000, 0xfee00400, 0xfec00900};
        std::uint64_t const base = below(4) == 0 ? bases[below(6)] | std::uint64_t{1} << below(48) : bases[below(6)];
        if (below(3) != 0) break;
        if (device.wrmsr(v, 0x1b, base) != model.wrmsr(v, 0x1b, base)) return step;
        break;
      }
      case 7: {
        std::uint64_t const at = below(8) == 0 ? 0 : now + below(400);
        if (device.wrmsr(v, 0x6e0, at) != model.wrmsr(v, 0x6e0, at)) return step;
        break;
      }
      case 8:
      case 9: {
        std::uint32_t const destination = below(8) == 0 ? ~0U : below(4) == 0 ? 1U << below(8) : below(256);
        bool const logical = below(2) != 0;
        unsigned const kinds[] = {0, 0, 0, 1, 1, 2, 3, 4, 5, 6, 7};
        unsigned const delivery = kinds[below(11)];
        std::uint8_t const n = vector();
        bool const level = below(2) != 0;
        bool const one = below(6) == 0;
        std::uint32_t const to = logical ? destination : below(4) == 0 ? destination : below(Vcpus);
        device.send(to, logical, delivery, n, level, one);
        model.send(to, logical, delivery, n, level, one);
        break;
      }
      case 10: {
        unsigned const pin = below(2);
        bool const high = below(2) != 0;
        device.pin(v, pin, high);
        model.pin(v, pin, high);
        break;
      }
      case 11: {
        unsigned const entries[] = {1, 2, 6};
        unsigned const n = entries[below(3)];
        device.raise(v, n);
        model.raise(v, n);
        break;
      }
      case 12: {
        std::uint64_t const t = below(4) == 0 ? below(600) : below(30);
        std::optional<std::uint64_t> due[Vcpus];
        for (unsigned c = 0; c < Vcpus; ++c) due[c] = device.deadline(c);
        device.pass(t);
        model.pass(t);
        now += t;
        for (unsigned c = 0; HasDeadlines && c < Vcpus; ++c) {
          bool const is_due = due[c] && *due[c] <= now;
          if (is_due != model.fired[c].has_value() || (is_due && *due[c] != *model.fired[c])) return step;
        }
        break;
      }
      case 13: {
        vlapic_model::events const a = device.take_events(v);
        vlapic_model::events const b = model.take_events(v);
        if (a.init != b.init || a.start != b.start || a.page != b.page) return step;
        if (a.nmi != b.nmi || a.extint != b.extint) return step;
        break;
      }
      case 14: {
        std::uint8_t const n = vector();
        if (device.accept(v, n) != model.accept(v, n)) return step;
        break;
      }
      case 15: {
        std::uint64_t const offset = below(4) == 0 ? below(0x1100) : below(70) * 16;
        unsigned const bytes = below(8) == 0 ? 1U << below(4) : 4;
        if (device.load(v, offset, bytes) != model.load(v, offset, bytes)) return step;
        if (below(8) == 0) {
          device.store(v, offset, bytes, offset << 24);
          model.store(v, offset, bytes, offset << 24);
        }
        break;
      }
      case 16: {
        std::uint32_t const number = 0x7f0 + below(0x60);
        if (device.rdmsr(v, number) != model.rdmsr(v, number)) return step;
        break;
      }
      case 17: {
        unsigned const value = below(16);
        if (below(4) == 0) {
          device.set_cr8(v, value);
          model.set_cr8(v, value);
        }
        break;
      }
      default: {
        // The end of an interrupt, in the mode of the day.
        device.store(v, 0x0b0, 4, 0);
        model.store(v, 0x0b0, 4, 0);
        if (device.wrmsr(v, 0x80b, 0) != model.wrmsr(v, 0x80b, 0)) return step;
        break;
      }
    }
    if (device.woken != model.woken || device.completed != model.completed) return step;
    for (unsigned c = 0; c < Vcpus; ++c) {
      auto const first = model.highest(c);
      if (device.highest(c) != first || device.takes_extint(c) != model.takes_extint(c)) return step;
      // A processor that takes interrupts, most of the time.
      if (first && below(2) == 0 && device.accept(c, *first) != model.accept(c, *first)) return step;
      for (std::uint32_t r : {0x30U, 0x0a0U, 0x090U, 0x390U, 0x280U, 0x0f0U}) {
        if (device.load(c, r, 4) != model.load(c, r, 4)) return step;
        if (device.rdmsr(c, 0x800 + r / 16) != model.rdmsr(c, 0x800 + r / 16)) return step;
      }
      if (device.rdmsr(c, 0x1b) != model.rdmsr(c, 0x1b) || device.rdmsr(c, 0x6e0) != model.rdmsr(c, 0x6e0)) return step;
      // One word of each set, in turn.
      std::uint32_t const word = static_cast<std::uint32_t>(step % 8) * 16;
      for (std::uint32_t set : {0x100U, 0x180U, 0x200U}) {
        if (device.load(c, set + word, 4) != model.load(c, set + word, 4)) return step;
        if (device.rdmsr(c, 0x800 + (set + word) / 16) != model.rdmsr(c, 0x800 + (set + word) / 16)) return step;
      }
      for (std::uint32_t entry = 0x320; entry <= 0x370; entry += 0x10) {
        if (device.load(c, entry, 4) != model.load(c, entry, 4)) return step;
        if (device.rdmsr(c, 0x800 + entry / 16) != model.rdmsr(c, 0x800 + entry / 16)) return step;
      }
    }
    if (device.hid_something()) return step;
  }
  return ~0UL;
}

}  // namespace axhal::test
