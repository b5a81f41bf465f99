// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/arch/x86_64/apic_registers.hpp>
#include <axhal/arch/x86_64/msr.hpp>
#include <axhal/arch/x86_64/vlapic_interrupts.hpp>
#include <axhal/arch/x86_64/vlapic_mailbox.hpp>
#include <axhal/arch/x86_64/vlapic_rules.hpp>
#include <axhal/arch/x86_64/vlapic_sources.hpp>
#include <axhal/arch/x86_64/vlapic_timer.hpp>
#include <axhal/core/bit_field.hpp>
#include <axhal/core/result.hpp>
#include <axhal/core/units.hpp>

#include <atomic>
#include <cstdint>

namespace axhal::x86_64 {

/// What a machine's virtual local APICs offer; CPUID must say the same.
struct vlapic_options {
  hertz tsc{};                 ///< of the guest's TSC, which `now` counts
  hertz bus{};                 ///< of the timer's clock: CPUID leaf 0x15 says it as the core crystal clock
  unsigned physical_bits{52};  ///< MAXPHYADDR of the guest, 32 to 52
  bool x2apic{true};           ///< CPUID.1:ECX bit 21
  bool tsc_deadline{true};     ///< CPUID.1:ECX bit 24
};

/// What a write asks of those around the local APIC.
struct vlapic_effect {
  bool command{};    ///< ICR was written: `icr` has what is to be sent
  bool completed{};  ///< a level-triggered interrupt was completed: I/O APICs are to be told of `vector`
  std::uint8_t vector{};
  bool deadline{};  ///< `deadline` may be another
};

/// The registers of one virtual local APIC: what `vlapic` is made of, beside its short paths.
class vlapic_registers {
 public:
  using reg = apic_registers;

  vlapic_registers() = default;
  vlapic_registers(vlapic_registers const&) = delete;
  vlapic_registers& operator=(vlapic_registers const&) = delete;

  [[nodiscard]] bool is_xapic() const { return (base_ & mode_mask) == apic_base::f_en::mask; }
  [[nodiscard]] bool is_x2apic() const { return (base_ & mode_mask) == mode_mask; }
  /// Lets the timer do what it should have done until `now`. Afterwards `deadline` is another if it has.
  void advance(ticks now) {
    if (timer_.advance(now)) sources_.raise(apic_lvt_entry::timer);
  }
  /// An error that routing has found in what this APIC was to send.
  void add_error(std::uint32_t bits) { sources_.add_error(bits); }
  /// An interrupt of this APIC for itself, `vector` 16 to 255. Dropped while software has it disabled.
  void request(std::uint8_t vector) {
    if (apic_svr::f_enable::get(svr_)) requests_.post(vector, apic_trigger::edge);
  }

  /// What others need to know to find it.
  struct addressing {
    using f_logical_id = apic_field<std::uint32_t, 7, 0>;  ///< LDR of xAPIC mode
    using f_flat = apic_field<bool, 8>;                    ///< DFR says flat
    using f_present = apic_field<bool, 9>;                 ///< not disabled in IA32_APIC_BASE
    using f_x2apic = apic_field<bool, 10>;
    using f_enabled = apic_field<bool, 11>;  ///< by software
  };

 protected:
  static constexpr std::uint64_t mode_mask = apic_base::f_en::mask | apic_base::f_extd::mask;
  // "Local APIC Version Register": an integrated one, with all entries.
  static constexpr std::uint32_t version =
      apic_version::f_version::make(0x14) | apic_version::f_max_lvt_entry::make(vlapic_rules::lvt_entries - 1);

  [[gnu::always_inline]] vlapic_effect end() {
    vlapic_vector const ended = requests_.end();
    if (!ended || !requests_.is_level(ended.vector)) [[likely]]
      return {};
    return end_of_level(ended.vector);
  }
  [[gnu::noinline]] vlapic_effect end_of_level(std::uint8_t vector) {
    sources_.end_of_level(vector);
    return {.completed = true, .vector = vector};
  }
  [[gnu::always_inline]] vlapic_effect set_tpr(std::uint64_t value) {
    requests_.set_tpr(static_cast<std::uint8_t>(value));
    return {};
  }
  [[gnu::always_inline]] vlapic_effect set_initial_count(std::uint32_t count, ticks now) {
    advance(now);
    timer_.set_initial_count(count, now);
    return {.deadline = true};
  }
  [[gnu::always_inline]] vlapic_effect set_tsc_deadline(std::uint64_t value, ticks now) {
    advance(now);
    timer_.set_tsc_deadline(value);
    return {.deadline = true};
  }

  void mail(std::uint32_t what) {
    mail_.put(what);
    requests_.alert();
  }
  void reset_registers() {
    ldr_ = 0;
    dfr_ = ~0U;
    svr_ = 0xff;
    // First of all, so that others post nothing more.
    publish();
    requests_.reset();
    sources_.reset();
    timer_.reset();
    icr_ = 0;
  }

  void publish() {
    address_.store(addressing::f_logical_id::make(apic_ldr::f_logical_id::get(ldr_)) |
                       addressing::f_flat::make(apic_dfr::f_model::get(dfr_) == apic_dfr::flat) |
                       addressing::f_present::make(apic_base::f_en::get(base_)) |
                       addressing::f_x2apic::make(is_x2apic()) |
                       addressing::f_enabled::make(apic_svr::f_enable::get(svr_)),
                   std::memory_order_relaxed);
  }

  vlapic_events open_mail() {
    std::uint32_t const what = mail_.take();
    vlapic_events events{.nmi = (what & vlapic_mailbox::nmi) != 0, .extint = (what & vlapic_mailbox::extint) != 0};
    if ((what & vlapic_mailbox::init) != 0) {
      // The mode stays, and the ID ("Local APIC State After It Receives an INIT Reset", "x2APIC State Transitions").
      reset_registers();
      waits_ = !boots_;
      events.init = true;
    }
    if ((what & vlapic_mailbox::start) != 0 && waits_) {
      waits_ = false;
      events.start = true;
      events.page = mail_.page();
    }
    if ((what & vlapic_mailbox::error) != 0) sources_.raise(apic_lvt_entry::error);
    return events;
  }

  /// "Enabling or Disabling the Local APIC", "x2APIC State Transitions".
  result<vlapic_effect, msr_refused> set_base(std::uint64_t value) {
    unsigned const bits = options_.physical_bits < 32 ? 32 : options_.physical_bits > 52 ? 52 : options_.physical_bits;
    std::uint64_t const offered = apic_base::f_bsp::mask | apic_base::f_en::mask |
                                  (options_.x2apic ? apic_base::f_extd::mask : 0) |
                                  (apic_base::f_base::mask & low_bits(bits));
    bool const en = apic_base::f_en::get(value);
    bool const extd = apic_base::f_extd::get(value);
    bool const was_en = apic_base::f_en::get(base_);
    bool const was_extd = apic_base::f_extd::get(base_);
    bool const legal = !extd ? !(was_extd && en) : en && was_en;
    if ((value & ~offered) != 0 || !legal) return failure{msr_refused{}};
    base_ = value;
    // A local APIC that is turned off forgets everything but its ID.
    if (was_en && !en) reset_registers();
    // The xAPIC's destination means nothing in the MSR.
    if (extd && !was_extd) icr_ &= 0xffff'ffff;
    publish();
    return vlapic_effect{.deadline = true};
  }

  [[nodiscard]] std::uint32_t read_register(std::uint32_t offset, ticks now) const {
    unsigned const word = offset / reg::stride % reg::bitmap_words;
    switch (offset & ~0x70U) {
      case reg::isr: return requests_.isr(word);
      case reg::tmr: return requests_.tmr(word);
      case reg::irr: return requests_.irr(word);
      default: break;
    }
    switch (offset) {
      case reg::id: return is_x2apic() ? id_ : apic_id::f_id::make(id_);
      case reg::version: return version;
      case reg::tpr: return requests_.tpr();
      case reg::apr: return requests_.arbitration_priority();
      case reg::ppr: return requests_.processor_priority();
      case reg::ldr: return is_x2apic() ? apic_ldr::of_x2apic_id(id_) : ldr_;
      case reg::dfr: return dfr_;
      case reg::svr: return svr_;
      case reg::esr: return sources_.esr();
      case reg::icr: return static_cast<std::uint32_t>(icr_);
      case reg::icr_high: return static_cast<std::uint32_t>(icr_ >> 32);
      case reg::initial_count: return timer_.initial_count();
      case reg::current_count: return timer_.current_count(now);
      case reg::dcr: return apic_dcr::of_shift(timer_.shift());
      default: break;
    }
    unsigned const index = vlapic_rules::lvt_index(offset);
    return index < vlapic_rules::lvt_entries ? sources_.entry(index) : 0;
  }

  /// A register that exists in the mode and may be written; `value` may have bits that are ignored.
  vlapic_effect write_register(std::uint32_t offset, std::uint32_t value, ticks now) {
    switch (offset) {
      case reg::tpr: return set_tpr(value);
      case reg::eoi: return end();
      case reg::ldr:
        ldr_ = value & apic_ldr::f_logical_id::mask;
        publish();
        return {};
      case reg::dfr:
        dfr_ = value | ~apic_dfr::f_model::mask;
        publish();
        return {};
      case reg::svr:
        svr_ = value & vlapic_rules::svr_writable;
        if (!apic_svr::f_enable::get(svr_)) {
          advance(now);
          sources_.mask_all();
        }
        publish();
        requests_.recheck();
        return {.deadline = true};
      case reg::esr: sources_.latch_errors(); return {};
      case reg::icr:
        icr_ = (icr_ & ~std::uint64_t{0xffff'ffff}) | (value & vlapic_rules::icr_writable);
        return {.command = true};
      case reg::icr_high:
        icr_ = (icr_ & 0xffff'ffff) | std::uint64_t{value & apic_icr::f_high_destination::mask} << 32;
        return {};
      case reg::initial_count: return set_initial_count(value, now);
      case reg::dcr:
        advance(now);
        timer_.set_shift(apic_dcr::shift_of(value), now);
        return {.deadline = true};
      case reg::self_ipi:
        if (value < reg::first_vector) {
          add_error(apic_esr::f_send_illegal_vector::mask);
        } else {
          request(static_cast<std::uint8_t>(value));
        }
        return {};
      default: break;
    }
    unsigned const index = vlapic_rules::lvt_index(offset);
    if (index >= vlapic_rules::lvt_entries) return {};
    bool const is_timer = index == vlapic_rules::index_of(apic_lvt_entry::timer);
    if (is_timer) {
      advance(now);
      // The upper bit of the mode is reserved where there is no TSC-deadline mode.
      if (!options_.tsc_deadline) value &= ~(1U << 18);
      timer_.set_mode(apic_lvt::f_timer_mode::get(value));
    }
    sources_.set_entry(index, value, apic_svr::f_enable::get(svr_));
    return {.deadline = is_timer};
  }

  [[nodiscard, gnu::noinline]] std::uint64_t read_slow(std::uint64_t offset, unsigned bytes, ticks now) {
    // In the other modes there is nothing at the address.
    if (!is_xapic()) return ~std::uint64_t{0} >> (bytes >= 8 ? 0 : 64 - (bytes == 0 ? 1 : bytes) * 8);
    if (bytes != 4 || offset % reg::stride != 0 || offset >= reg::size) return 0;
    auto const place = static_cast<std::uint32_t>(offset);
    if (vlapic_rules::is_in_page(place)) return read_register(place, now);
    sources_.add_error(apic_esr::f_illegal_register_address::mask);
    return 0;
  }

  [[nodiscard, gnu::noinline]] vlapic_effect write_slow(std::uint64_t offset, unsigned bytes, std::uint64_t value,
                                                        ticks now) {
    if (!is_xapic() || bytes != 4 || offset % reg::stride != 0 || offset >= reg::size) return {};
    auto const place = static_cast<std::uint32_t>(offset);
    if (vlapic_rules::is_in_page(place)) return write_register(place, static_cast<std::uint32_t>(value), now);
    sources_.add_error(apic_esr::f_illegal_register_address::mask);
    return {};
  }

  [[nodiscard, gnu::noinline]] result<std::uint64_t, msr_refused> read_msr_slow(std::uint32_t number, ticks now) {
    if (number == apic_base::msr) return base_;
    if (number == apic_tsc_deadline::msr && options_.tsc_deadline) {
      advance(now);
      return timer_.tsc_deadline();
    }
    std::uint32_t const place = (number - reg::first_msr) * reg::stride;
    bool const exists = is_x2apic() && number - reg::first_msr < 64 && vlapic_rules::is_readable(place);
    if (!exists) return failure{msr_refused{}};
    return place == reg::icr ? icr_ : std::uint64_t{read_register(place, now)};
  }

  [[nodiscard, gnu::noinline]] result<vlapic_effect, msr_refused> write_msr_slow(std::uint32_t number,
                                                                                 std::uint64_t value, ticks now) {
    if (number == apic_base::msr) return set_base(value);
    std::uint32_t const place = (number - reg::first_msr) * reg::stride;
    bool const exists = is_x2apic() && number - reg::first_msr < 64 && vlapic_rules::is_writable(place);
    if (!exists || (value & ~vlapic_rules::may_be_set(place)) != 0) return failure{msr_refused{}};
    bool const reserved_mode = place == reg::lvt_timer && !options_.tsc_deadline && (value >> 18 & 1) != 0;
    if (reserved_mode) return failure{msr_refused{}};
    if (place == reg::icr) icr_ = value & 0xffff'ffff'0000'0000;
    return write_register(place, static_cast<std::uint32_t>(value), now);
  }

  std::uint64_t base_{};
  std::uint64_t icr_{};
  vlapic_interrupts requests_{};
  vlapic_mailbox mail_{};
  std::atomic<std::uint32_t> address_{};
  std::uint32_t id_{};
  std::uint32_t svr_{};
  std::uint32_t ldr_{};
  std::uint32_t dfr_{};
  bool boots_{};
  bool waits_{};
  vlapic_options options_{};
  vlapic_timer timer_{vlapic_clock{{1}, {1}}};
  vlapic_sources sources_{requests_, mail_};
};

}  // namespace axhal::x86_64
