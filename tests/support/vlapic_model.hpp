// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

namespace axhal::test {

/// Ways in which a local APIC can be wrong: what a comparison must be able to find.
enum class vlapic_flaw : std::uint8_t {
  none,
  lowest_vector_first,
  same_class_interrupts,
  task_priority_ignored,
  subclass_counts,
  end_of_oldest,
  no_broadcast_of_level,
  broadcast_of_edge,
  trigger_mode_stays,
  disabled_delivers,
  disable_keeps_entries,
  entry_unmasked_while_disabled,
  esr_reads_at_once,
  illegal_vector_sent,
  illegal_vector_received,
  error_interrupts_each_time,
  performance_stays_unmasked,
  level_pin_once,
  pin_interrupts_when_low,
  cluster_is_flat,
  cluster_15_is_one,
  x2apic_cluster_ignored,
  lowest_priority_highest,
  lowest_priority_disabled,
  all_but_self_with_self,
  broadcast_missed,
  init_forgets_mode,
  init_keeps_registers,
  start_twice,
  periodic_once,
  one_shot_again,
  divide_by_one_more,
  mode_keeps_deadline,
  deadline_late,
  x2apic_to_xapic,
  disabled_to_x2apic,
  off_keeps_registers,
  reserved_bits_pass,
  read_only_is_written,
  wakes_itself,
  count,
};

/// The local APICs of a machine as the manual tells of them, a sentence a line, with a search through everything at
/// every question, and a timer that counts every tick of the TSC. Numbers are written out. The timer's clock is a third
/// as fast as the TSC.
class vlapic_model {
 public:
  struct events {
    bool init{};
    bool start{};
    std::uint8_t page{};
    bool nmi{};
    bool extint{};
  };

  explicit vlapic_model(unsigned vcpus, vlapic_flaw flaw = vlapic_flaw::none) : cpus_(vcpus), flaw_{flaw} {
    for (unsigned v = 0; v < vcpus; ++v) reset(v);
  }

  std::uint64_t woken{};                    ///< since it was cleared last
  std::vector<std::uint8_t> completed{};    ///< the same
  std::optional<std::uint64_t> fired[8]{};  ///< when each timer has interrupted first, the same

  void reset(unsigned v) {
    bool const pins[2] = {cpus_[v].pin[0], cpus_[v].pin[1]};
    cpus_[v] = {};
    cpus_[v].pin = {pins[0], pins[1]};
    cpus_[v].waits = v != 0;
    cpus_[v].base = 0xfee00800 | (v == 0 ? 0x100 : 0);
    clear(v);
  }

  // --- the guest's accesses ---

  std::uint64_t load(unsigned v, std::uint64_t offset, unsigned bytes) {
    if (mode(v) != 1) return bytes >= 8 ? ~0ULL : (1ULL << 8 * (bytes == 0 ? 1 : bytes)) - 1;
    if (bytes != 4 || offset % 16 != 0 || offset > 0xff0) return 0;
    if (!exists(offset)) return error(v, 0x80), 0;
    return get(v, offset);
  }
  void store(unsigned v, std::uint64_t offset, unsigned bytes, std::uint64_t value) {
    if (mode(v) != 1 || bytes != 4 || offset % 16 != 0 || offset > 0xff0) return;
    if (!exists(offset)) return error(v, 0x80);
    if (offset == 0x310) {
      cpus_[v].icr = (cpus_[v].icr & 0xffffffff) | (value & 0xff000000) << 32;
    } else {
      put(v, offset, static_cast<std::uint32_t>(value));
    }
  }
  std::optional<std::uint64_t> rdmsr(unsigned v, std::uint32_t number) {
    cpu const& c = cpus_[v];
    if (number == 0x1b) return c.base;
    if (number == 0x6e0) return timer_mode(v) == 2 ? c.deadline : 0;
    if (mode(v) != 2 || number < 0x800 || number > 0x83f) return {};
    std::uint32_t const offset = (number - 0x800) * 16;
    for (std::uint32_t no : {0x090U, 0x0b0U, 0x0c0U, 0x0e0U, 0x310U, 0x3f0U}) {
      if (offset == no) return {};
    }
    if (!exists(offset)) return {};
    if (offset == 0x300) return c.icr;
    if (offset == 0x020) return v;
    if (offset == 0x0d0) return (v / 16) << 16 | 1U << v % 16;
    return get(v, offset);
  }
  bool wrmsr(unsigned v, std::uint32_t number, std::uint64_t value) {
    cpu& c = cpus_[v];
    if (number == 0x1b) return set_base(v, value);
    if (number == 0x6e0) {
      if (timer_mode(v) == 2) c.deadline = value;
      tick_deadline(v);
      return true;
    }
    if (mode(v) != 2 || number < 0x800 || number > 0x83f) return false;
    std::uint32_t const offset = (number - 0x800) * 16;
    std::uint64_t allowed = 0;
    switch (offset) {
      case 0x080:
      case 0x3f0: allowed = 0xff; break;
      case 0x0b0:
      case 0x280: allowed = 0; break;
      case 0x0f0: allowed = 0x3ff; break;
      case 0x300: allowed = 0xffffffff000cdfff; break;
      case 0x380: allowed = 0xffffffff; break;
      case 0x3e0: allowed = 0xb; break;
      case 0x320: allowed = 0x710ff; break;
      case 0x370: allowed = 0x110ff; break;
      case 0x350:
      case 0x360: allowed = 0x1f7ff; break;
      case 0x2f0:
      case 0x330:
      case 0x340: allowed = 0x117ff; break;
      default: return false;
    }
    if ((value & ~allowed) != 0 && flaw_ != vlapic_flaw::reserved_bits_pass) return false;
    if (offset == 0x300) c.icr = value & 0xffffffff00000000;
    if (offset == 0x3f0) {
      // The same as ICR with the shorthand "self".
      if (value < 16) return error(v, 0x20), true;
      request(v, static_cast<std::uint8_t>(value), false);
    } else {
      put(v, offset, static_cast<std::uint32_t>(value));
    }
    return true;
  }
  void set_cr8(unsigned v, unsigned value) { cpus_[v].tpr = static_cast<std::uint8_t>(value * 16); }

  // --- what comes from outside ---

  /// `mode` as in ICR; `destination` has 32 bits, all ones for everyone. `from` sends it, or nobody does.
  void send(std::uint32_t destination, bool logical, unsigned delivery, std::uint8_t vector, bool level, bool one,
            std::optional<unsigned> from = {}) {
    std::vector<unsigned> to;
    for (unsigned v = 0; v < cpus_.size(); ++v) {
      if (is_meant(v, destination, logical)) to.push_back(v);
    }
    deliver(to, delivery, vector, level, one, from);
  }
  void pin(unsigned v, unsigned n, bool high) {
    cpu& c = cpus_[v];
    if (mode(v) == 0) {
      if (n == 1 && high) c.mail.nmi = true;
      return;
    }
    bool const rises = flaw_ == vlapic_flaw::pin_interrupts_when_low ? c.pin[n] && !high : !c.pin[n] && high;
    c.pin[n] = high;
    std::uint32_t const entry = c.lvt[3 + n];
    bool const is_level = n == 0 && (entry & 0x8700) == 0x8000;
    if (is_level) {
      level_pin(v);
    } else if (rises) {
      local(v, 3 + n);
    }
  }
  /// Entry n of the local vector table, in the order of its registers and CMCI last.
  void raise(unsigned v, unsigned n) { local(v, n); }
  /// Time goes on by `ticks`.
  void pass(std::uint64_t ticks) {
    for (std::uint64_t i = 0; i < ticks; ++i) {
      ++now_;
      for (unsigned v = 0; v < cpus_.size(); ++v) {
        tick(v);
        tick_deadline(v);
      }
    }
  }

  // --- what the processor asks ---

  [[nodiscard]] std::optional<std::uint8_t> highest(unsigned v) const {
    cpu const& c = cpus_[v];
    if ((c.svr & 0x100) == 0 && flaw_ != vlapic_flaw::disabled_delivers) return {};
    std::optional<std::uint8_t> found;
    for (unsigned n = 16; n < 256; ++n) {
      if (!c.irr[n]) continue;
      if (flaw_ != vlapic_flaw::lowest_vector_first || !found) found = static_cast<std::uint8_t>(n);
    }
    if (!found) return {};
    unsigned const priority = ppr(v);
    if (flaw_ == vlapic_flaw::subclass_counts) return *found > priority ? found : std::nullopt;
    if (flaw_ == vlapic_flaw::same_class_interrupts) return *found / 16 >= priority / 16 ? found : std::nullopt;
    return *found / 16 > priority / 16 ? found : std::nullopt;
  }
  bool accept(unsigned v, std::uint8_t vector) {
    cpu& c = cpus_[v];
    if (vector < 16 || !c.irr[vector]) return false;
    for (unsigned n = vector / 16 * 16; n < 256; ++n) {
      if (c.isr[n]) return false;
    }
    c.irr[vector] = false;
    c.isr[vector] = true;
    return true;
  }
  events take_events(unsigned v) {
    cpu& c = cpus_[v];
    mailbox const mail = c.mail;
    c.mail = {};
    events e{.nmi = mail.nmi, .extint = mail.extint};
    if (mail.init) {
      if (flaw_ != vlapic_flaw::init_keeps_registers) clear(v);
      if (flaw_ == vlapic_flaw::init_forgets_mode) c.base &= ~0x400ULL;
      c.waits = v != 0;
      e.init = true;
    }
    if (mail.start && (c.waits || flaw_ == vlapic_flaw::start_twice)) {
      c.waits = false;
      e.start = true;
      e.page = mail.page;
    }
    if (mail.error) local(v, 5);
    return e;
  }
  [[nodiscard]] bool has_mail(unsigned v) const {
    mailbox const& m = cpus_[v].mail;
    return m.nmi || m.init || m.start || m.extint || m.error;
  }
  [[nodiscard]] bool takes_extint(unsigned v) const { return mode(v) == 0 || (cpus_[v].lvt[3] & 0x10700) == 0x700; }

 private:
  struct mailbox {
    bool nmi{}, init{}, start{}, extint{}, error{};
    std::uint8_t page{};
  };
  struct cpu {
    std::uint64_t base{};
    std::array<bool, 256> irr{}, isr{}, tmr{};
    std::uint8_t tpr{};
    std::uint32_t ldr{}, dfr{}, svr{}, esr{}, errors{};
    std::uint64_t icr{};
    std::array<std::uint32_t, 7> lvt{};
    std::array<bool, 2> pin{};
    mailbox mail{};
    bool waits{};
    std::uint32_t initial{}, count{}, dcr{};
    std::uint64_t started{}, cycles{};  ///< when the count was started or its pace changed, and timer clocks since
    std::uint64_t deadline{};
  };

  /// 0: no local APIC, 1: xAPIC, 2: x2APIC.
  [[nodiscard]] unsigned mode(unsigned v) const {
    std::uint64_t const b = cpus_[v].base;
    return (b & 0x800) == 0 ? 0 : (b & 0x400) == 0 ? 1 : 2;
  }
  [[nodiscard]] unsigned timer_mode(unsigned v) const { return cpus_[v].lvt[0] >> 17 & 3; }
  [[nodiscard]] static bool exists(std::uint64_t offset) {
    if (offset >= 0x100 && offset < 0x280) return true;
    for (std::uint32_t known :
         {0x020U, 0x030U, 0x080U, 0x090U, 0x0a0U, 0x0b0U, 0x0c0U, 0x0d0U, 0x0e0U, 0x0f0U, 0x280U, 0x2f0U,
          0x300U, 0x310U, 0x320U, 0x330U, 0x340U, 0x350U, 0x360U, 0x370U, 0x380U, 0x390U, 0x3e0U}) {
      if (offset == known) return true;
    }
    return false;
  }
  void clear(unsigned v) {
    cpu& c = cpus_[v];
    c.irr = c.isr = c.tmr = {};
    c.tpr = 0;
    c.ldr = 0;
    c.dfr = 0xffffffff;
    c.svr = 0xff;
    c.esr = c.errors = 0;
    c.icr = 0;
    for (auto& e : c.lvt) e = 0x10000;
    c.initial = c.count = c.dcr = 0;
    c.deadline = 0;
  }

  [[nodiscard]] unsigned in_service(unsigned v) const {
    for (unsigned n = 255; n >= 16; --n) {
      if (cpus_[v].isr[n]) return n;
    }
    return 0;
  }
  [[nodiscard]] unsigned ppr(unsigned v) const {
    unsigned const tpr = flaw_ == vlapic_flaw::task_priority_ignored ? 0U : cpus_[v].tpr;
    unsigned const isrv = in_service(v);
    return tpr / 16 >= isrv / 16 ? tpr : isrv / 16 * 16;
  }
  [[nodiscard]] unsigned apr(unsigned v) const {
    unsigned irrv = 0;
    for (unsigned n = 16; n < 256; ++n) {
      if (cpus_[v].irr[n]) irrv = n / 16;
    }
    unsigned const isrv = in_service(v) / 16;
    unsigned const tpr = cpus_[v].tpr / 16U;
    if (tpr >= irrv && tpr > isrv) return cpus_[v].tpr;
    unsigned const both = tpr & isrv;
    return (both > irrv ? both : irrv) * 16;
  }
  [[nodiscard]] static std::uint32_t bits(std::array<bool, 256> const& set, unsigned word) {
    std::uint32_t b = 0;
    for (unsigned i = 0; i < 32; ++i) b |= std::uint32_t{set[word * 32 + i]} << i;
    return b;
  }

  [[nodiscard]] std::uint32_t get(unsigned v, std::uint64_t offset) const {
    cpu const& c = cpus_[v];
    unsigned const word = static_cast<unsigned>(offset / 16 % 8);
    if (offset >= 0x200 && offset < 0x280) return bits(c.irr, word);
    if (offset >= 0x180 && offset < 0x200) return bits(c.tmr, word);
    if (offset >= 0x100 && offset < 0x180) return bits(c.isr, word);
    switch (offset) {
      case 0x020: return v << 24;
      case 0x030: return 0x00060014;
      case 0x080: return c.tpr;
      case 0x090: return apr(v);
      case 0x0a0: return ppr(v);
      case 0x0d0: return c.ldr;
      case 0x0e0: return c.dfr;
      case 0x0f0: return c.svr;
      case 0x280: return flaw_ == vlapic_flaw::esr_reads_at_once ? c.errors : c.esr;
      case 0x2f0: return c.lvt[6];
      case 0x300: return static_cast<std::uint32_t>(c.icr);
      case 0x310: return static_cast<std::uint32_t>(c.icr >> 32);
      case 0x380: return c.initial;
      case 0x390: return c.count;
      case 0x3e0: return c.dcr;
      default: break;
    }
    return offset >= 0x320 && offset <= 0x370 ? c.lvt[(offset - 0x320) / 16] : 0;
  }
  void put(unsigned v, std::uint64_t offset, std::uint32_t value) {
    cpu& c = cpus_[v];
    switch (offset) {
      case 0x020:
        if (flaw_ == vlapic_flaw::read_only_is_written) c.tpr = static_cast<std::uint8_t>(value >> 24);
        return;
      case 0x080: c.tpr = static_cast<std::uint8_t>(value); return;
      case 0x0b0: return end(v);
      case 0x0d0: c.ldr = value & 0xff000000; return;
      case 0x0e0: c.dfr = value | 0x0fffffff; return;
      case 0x0f0:
        c.svr = value & 0x3ff;
        if ((value & 0x100) == 0 && flaw_ != vlapic_flaw::disable_keeps_entries) {
          for (auto& e : c.lvt) e |= 0x10000;
        }
        return;
      case 0x280:
        c.esr = c.errors;
        c.errors = 0;
        return;
      case 0x300:
        c.icr = (c.icr & 0xffffffff00000000) | (value & 0xccfff);
        c.icr &= ~0x1000ULL;
        return command(v);
      case 0x380:
        if (timer_mode(v) > 1) return;
        c.initial = c.count = value;
        c.started = now_;
        c.cycles = 0;
        return;
      case 0x3e0:
        c.dcr = value & 0xb;
        c.started = now_;
        c.cycles = 0;
        return;
      case 0x2f0: return entry(v, 6, value, 0x107ff);
      case 0x320: {
        unsigned const before = timer_mode(v);
        entry(v, 0, value, 0x700ff);
        unsigned const after = timer_mode(v);
        if (before != after && (before > 1 || after > 1) && flaw_ != vlapic_flaw::mode_keeps_deadline) {
          c.deadline = 0;
          c.initial = c.count = 0;
        }
        return;
      }
      case 0x330: return entry(v, 1, value, 0x107ff);
      case 0x340: return entry(v, 2, value, 0x107ff);
      case 0x350:
      case 0x360: return entry(v, static_cast<unsigned>(offset - 0x320) / 16, value, 0x1a7ff);
      case 0x370: return entry(v, 5, value, 0x100ff);
      default: return;
    }
  }
  void entry(unsigned v, unsigned n, std::uint32_t value, std::uint32_t writable) {
    cpu& c = cpus_[v];
    std::uint32_t const remote = c.lvt[n] & 0x4000;
    c.lvt[n] = value & writable;
    if ((c.svr & 0x100) == 0 && flaw_ != vlapic_flaw::entry_unmasked_while_disabled) c.lvt[n] |= 0x10000;
    if (n != 3) return;
    if ((c.lvt[3] & 0x8700) == 0x8000) c.lvt[3] |= remote;
    level_pin(v);
  }

  void end(unsigned v) {
    cpu& c = cpus_[v];
    unsigned n = in_service(v);
    if (n == 0) return;
    if (flaw_ == vlapic_flaw::end_of_oldest) {
      for (n = 16; !c.isr[n];) ++n;
    }
    c.isr[n] = false;
    bool const level = c.tmr[n] ? flaw_ != vlapic_flaw::no_broadcast_of_level : flaw_ == vlapic_flaw::broadcast_of_edge;
    if (!level) return;
    completed.push_back(static_cast<std::uint8_t>(n));
    if ((c.lvt[3] & 0x4000) != 0 && (c.lvt[3] & 0xff) == n) {
      c.lvt[3] &= ~0x4000U;
      if (flaw_ != vlapic_flaw::level_pin_once) level_pin(v);
    }
  }
  /// LINT0 as a level: it interrupts while it is active, once until the interrupt is completed.
  void level_pin(unsigned v) {
    cpu& c = cpus_[v];
    if (!c.pin[0] || (c.lvt[3] & 0x1c700) != 0x8000) return;
    if ((c.lvt[3] & 0xff) >= 16) c.lvt[3] |= 0x4000;
    own(v, static_cast<std::uint8_t>(c.lvt[3]), true);
  }
  void local(unsigned v, unsigned n) {
    cpu& c = cpus_[v];
    std::uint32_t const e = c.lvt[n];
    if ((e & 0x10000) != 0) return;
    if (n == 2 && flaw_ != vlapic_flaw::performance_stays_unmasked) c.lvt[n] |= 0x10000;
    switch (n == 0 || n == 5 ? 0 : e >> 8 & 7) {
      case 0: own(v, static_cast<std::uint8_t>(e), false); break;
      case 4: c.mail.nmi = true; break;
      case 5:
        c.mail.init = true;
        c.mail.start = false;
        break;
      case 7: c.mail.extint = true; break;
      default: break;
    }
  }
  void own(unsigned v, std::uint8_t vector, bool level) {
    if (vector < 16) return error(v, 0x40);
    set_request(v, vector, level);
  }
  void request(unsigned v, std::uint8_t vector, bool level) {
    if ((cpus_[v].svr & 0x100) != 0) set_request(v, vector, level);
  }
  bool set_request(unsigned v, std::uint8_t vector, bool level) {
    cpu& c = cpus_[v];
    bool const fresh = !c.irr[vector];
    c.irr[vector] = true;
    if (flaw_ == vlapic_flaw::trigger_mode_stays) {
      c.tmr[vector] = c.tmr[vector] || level;
    } else {
      c.tmr[vector] = level;
    }
    return fresh;
  }
  void error(unsigned v, std::uint32_t bit) {
    bool const first = cpus_[v].errors == 0;
    cpus_[v].errors |= bit;
    if (first || (flaw_ == vlapic_flaw::error_interrupts_each_time && bit != 0x40)) local(v, 5);
  }

  void command(unsigned v) {
    std::uint64_t const icr = cpus_[v].icr;
    auto const low = static_cast<std::uint32_t>(icr);
    auto destination = static_cast<std::uint32_t>(icr >> 32);
    if (mode(v) == 1) {
      destination >>= 24;
      if (destination == 0xff) destination = 0xffffffff;
    }
    unsigned const delivery = low >> 8 & 7;
    auto const vector = static_cast<std::uint8_t>(low);
    if (delivery <= 1 && vector < 16) {
      if (flaw_ != vlapic_flaw::illegal_vector_sent) error(v, 0x20);
      return;
    }
    if (delivery == 7) return;
    // De-assertion of INIT.
    if (delivery == 5 && (low & 0xc000) == 0x8000) return;
    unsigned const shorthand = low >> 18 & 3;
    if (shorthand == 0)
      return send(destination, (low & 0x800) != 0, delivery, vector, delivery == 5 && (low & 0x8000), false, v);
    std::vector<unsigned> to;
    for (unsigned other = 0; other < cpus_.size(); ++other) {
      bool const with_self = flaw_ == vlapic_flaw::all_but_self_with_self;
      bool const meant = shorthand == 1 ? other == v : shorthand == 2 || other != v || with_self;
      if (meant && (mode(other) != 0 || shorthand == 1)) to.push_back(other);
    }
    deliver(to, delivery, vector, false, false, v);
  }
  [[nodiscard]] bool is_meant(unsigned v, std::uint32_t destination, bool logical) const {
    cpu const& c = cpus_[v];
    if (destination == 0xffffffff && flaw_ != vlapic_flaw::broadcast_missed) return mode(v) != 0;
    if (!logical) return destination == v;
    if (mode(v) == 2) {
      bool const same = destination >> 16 == v / 16 || flaw_ == vlapic_flaw::x2apic_cluster_ignored;
      return same && (destination >> v % 16 & 1) != 0;
    }
    if (destination > 0xff) return false;
    std::uint32_t const id = c.ldr >> 24;
    if (c.dfr >> 28 == 15 || flaw_ == vlapic_flaw::cluster_is_flat) return (id & destination) != 0;
    bool const all_clusters = destination >> 4 == 15 && flaw_ != vlapic_flaw::cluster_15_is_one;
    return (all_clusters || id >> 4 == destination >> 4) && (id & destination & 15) != 0;
  }
  void deliver(std::vector<unsigned> to, unsigned delivery, std::uint8_t vector, bool level, bool one,
               std::optional<unsigned> from) {
    if (delivery == 1 || one) {
      std::optional<unsigned> best;
      for (unsigned v : to) {
        bool const off = (cpus_[v].svr & 0x100) == 0 && flaw_ != vlapic_flaw::lowest_priority_disabled;
        if (mode(v) == 0 || off) continue;
        bool const less =
            best && (flaw_ == vlapic_flaw::lowest_priority_highest ? ppr(v) > ppr(*best) : ppr(v) < ppr(*best));
        if (!best || less) best = v;
      }
      to.clear();
      if (best) to.push_back(*best);
    }
    for (unsigned v : to) {
      if (mode(v) == 0) continue;
      bool wake = true;
      mailbox& mail = cpus_[v].mail;
      switch (delivery) {
        case 0:
        case 1:
          wake = false;
          if ((cpus_[v].svr & 0x100) == 0) break;
          if (vector >= 16) {
            wake = set_request(v, vector, level);
          } else if (flaw_ != vlapic_flaw::illegal_vector_received) {
            wake = cpus_[v].errors == 0;
            mail.error = mail.error || wake;
            cpus_[v].errors |= 0x40;
          }
          break;
        case 4: mail.nmi = true; break;
        case 5:
          mail.init = true;
          mail.start = false;
          break;
        case 6:
          mail.start = true;
          mail.page = vector;
          break;
        case 7: mail.extint = true; break;
        default: wake = false; break;
      }
      bool const itself = from == v && flaw_ != vlapic_flaw::wakes_itself;
      if (wake && !itself) woken |= 1ULL << v;
    }
  }

  bool set_base(unsigned v, std::uint64_t value) {
    bool const on = (value & 0x800) != 0;
    bool const extended = (value & 0x400) != 0;
    unsigned const before = mode(v);
    if ((value & ~0xffffffffffd00ULL) != 0) return false;
    if (value >> 40 != 0) return false;
    if (extended && !on) return false;
    if (extended && before == 0 && flaw_ != vlapic_flaw::disabled_to_x2apic) return false;
    if (!extended && on && before == 2 && flaw_ != vlapic_flaw::x2apic_to_xapic) return false;
    cpus_[v].base = value;
    if (!on && before != 0 && flaw_ != vlapic_flaw::off_keeps_registers) clear(v);
    if (extended && before == 1) cpus_[v].icr &= 0xffffffff;
    return true;
  }

  void tick(unsigned v) {
    cpu& c = cpus_[v];
    if (timer_mode(v) > 1 || c.count == 0 || now_ <= c.started) return;
    if ((now_ - c.started) % 3 != 0) return;
    ++c.cycles;
    unsigned const code = (c.dcr >> 1 & 4) | (c.dcr & 3);
    std::uint64_t const by = code == 7 ? 1 : 2ULL << code;
    if (c.cycles % (flaw_ == vlapic_flaw::divide_by_one_more ? by + 1 : by) != 0) return;
    if (--c.count != 0) return;
    if (timer_mode(v) == 1 ? flaw_ != vlapic_flaw::periodic_once : flaw_ == vlapic_flaw::one_shot_again) {
      c.count = c.initial;
    }
    fire(v);
  }
  void tick_deadline(unsigned v) {
    cpu& c = cpus_[v];
    if (timer_mode(v) != 2 || c.deadline == 0) return;
    if (flaw_ == vlapic_flaw::deadline_late ? now_ <= c.deadline : now_ < c.deadline) return;
    c.deadline = 0;
    fire(v);
  }
  void fire(unsigned v) {
    if ((cpus_[v].lvt[0] & 0x10000) == 0 && !fired[v]) fired[v] = now_;
    local(v, 0);
  }

  std::vector<cpu> cpus_;
  std::uint64_t now_{};
  vlapic_flaw flaw_;
};

}  // namespace axhal::test
