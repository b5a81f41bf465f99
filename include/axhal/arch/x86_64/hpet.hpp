// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/arch/x86_64/apic_message.hpp>
#include <axhal/arch/x86_64/hpet_registers.hpp>
#include <axhal/core/mmio.hpp>
#include <axhal/core/result.hpp>
#include <axhal/core/units.hpp>
#include <axhal/time/calibration.hpp>

#include <cstdint>

namespace axhal::x86_64 {

/// Why an HPET did not do what it was asked for.
enum class hpet_error : std::uint8_t {
  absent,        ///< no HPET answers
  bad_period,    ///< its period is zero or longer than the specification allows
  stopped,       ///< its counter does not run, though it was started
  out_of_range,  ///< no such timer
  unsupported,   ///< this timer cannot do that: no periodic mode, no such input, no messages
  passed,        ///< the time has passed already
};

/// What one timer of an HPET can do.
struct hpet_timer {
  bool periodic{};
  bool wide{};             ///< compares 64 bits, as its counter has
  bool messages{};         ///< sends messages instead of driving a line
  std::uint32_t inputs{};  ///< of the I/O APIC, one bit each, that it can drive
  friend constexpr bool operator==(hpet_timer const&, hpet_timer const&) = default;
};

/// A block of high precision event timers: one counter, and timers that compare it (IA-PC HPET Specification 1.0a).
/// The counter is a reference for others (ReferenceCounter).
///
/// `init` first. Timers are disabled from then on. The counter may be read by all CPUs at once; a timer belongs to one.
template <MmioWindow Window>
class hpet {
 public:
  constexpr explicit hpet(Window window) : window_{window} {}

  /// Looks at what there is, takes every timer away from whoever had it, and lets the counter run from where it is.
  /// Errors: `absent`, `bad_period`, `stopped`.
  [[nodiscard]] result<void, hpet_error> init();

  // --- the counter ---

  /// Femtoseconds a tick: 1 to 10^8; 0 before `init`.
  [[nodiscard]] std::uint64_t period() const { return period_; }
  /// Ticks per second, to the nearest whole number; 0 before `init`.
  [[nodiscard]] hertz frequency() const {
    return {period_ == 0 ? 0 : (femtoseconds_per_second + period_ / 2) / period_};
  }
  /// 64 or 32.
  [[nodiscard]] unsigned width() const { return wide_ ? 64 : 32; }
  /// Precondition: `init` succeeded.
  [[nodiscard]] tick_rate rate() const { return {femtoseconds_per_second, period_}; }
  [[nodiscard]] std::uint64_t now() { return wide_ ? read64(reg::main_cnt) : window_.read32(reg::main_cnt); }

  // --- timers ---

  /// How many there are: 1 to 24; 0 before `init`.
  [[nodiscard]] unsigned timer_count() const { return timers_; }
  /// What timer `n` can do; nothing when there is none.
  [[nodiscard]] hpet_timer timer(unsigned n) {
    if (n >= timers_) return {};
    std::uint64_t const conf = read64(reg::conf_of(n));
    return {conf_reg::f_per_int_cap::get(conf), wide_ && conf_reg::f_size_cap::get(conf),
            conf_reg::f_fsb_int_del_cap::get(conf), conf_reg::f_int_route_cap::get(conf)};
  }
  /// Timer `n` drives input `input` of the I/O APIC, edge-triggered, or with `level` until `acknowledge`. It is
  /// stopped. Errors: `out_of_range`, `unsupported`.
  [[nodiscard]] result<void, hpet_error> route(unsigned n, unsigned input, bool level = false) {
    if (n >= timers_) return failure{hpet_error::out_of_range};
    if (input >= 32 || (timer(n).inputs >> input & 1) == 0) return failure{hpet_error::unsupported};
    stop(n);
    acknowledge(n);
    write_conf(n, conf_reg::f_int_type_cnf::make(level) | conf_reg::f_int_route_cnf::make(input));
    // Which inputs are really there the register tells by what it keeps.
    std::uint64_t const kept = window_.read32(reg::conf_of(n));
    if (conf_reg::f_int_route_cnf::get(kept) != input) return failure{hpet_error::unsupported};
    return {};
  }
  /// Timer `n` sends `message` when its time has come. It is stopped. Errors: `out_of_range`; `unsupported` also for an
  /// address of more than 32 bits.
  [[nodiscard]] result<void, hpet_error> route_message(unsigned n, msi message) {
    if (n >= timers_) return failure{hpet_error::out_of_range};
    if (!timer(n).messages || message.address >> 32 != 0) return failure{hpet_error::unsupported};
    stop(n);
    acknowledge(n);
    write_conf(n, conf_reg::f_fsb_en_cnf::make(true));
    window_.write32(reg::fsb_rout_of(n), message.data);
    window_.write32(reg::fsb_rout_of(n) + 4, static_cast<std::uint32_t>(message.address));
    return {};
  }
  /// Timer `n` interrupts once, when the counter is `deadline`; a timer that is not wide compares 32 bits of it.
  /// `passed` when the counter was so near that the interrupt may not come, and then it is stopped. `out_of_range`.
  [[nodiscard]] result<void, hpet_error> start_once(unsigned n, std::uint64_t deadline) {
    if (n >= timers_) return failure{hpet_error::out_of_range};
    bool const wide = timer(n).wide;
    set_mode(n, false, !wide);
    write_comparator(n, deadline, wide);
    // A level of before would count for now. Some note a comparison as well while the timer is disabled.
    acknowledge(n);
    std::uint32_t const conf = window_.read32(reg::conf_of(n));
    window_.write32(reg::conf_of(n), static_cast<std::uint32_t>(conf_reg::f_int_enb_cnf::with(conf, true)));
    // The comparison is for equality, and begins a moment after the write: what was passed until here will not come.
    std::uint64_t const left = (deadline - now()) & (wide ? ~std::uint64_t{0} : 0xffff'ffffU);
    std::uint64_t const half = std::uint64_t{1} << (wide ? 63 : 31);
    if (left >= least_distance && left < half) return {};
    stop(n);
    return failure{hpet_error::passed};
  }
  /// Timer `n` interrupts every `ticks` ticks of the counter, the first time after so many. Errors: `out_of_range`;
  /// `unsupported` when it has no periodic mode, or `ticks` is 0.
  [[nodiscard]] result<void, hpet_error> start_periodic(unsigned n, std::uint32_t ticks) {
    if (n >= timers_) return failure{hpet_error::out_of_range};
    if (!timer(n).periodic || ticks == 0) return failure{hpet_error::unsupported};
    // With 32 bits, each of the writes below is one: the flag that tells them apart clears itself after the first.
    set_mode(n, true, true);
    acknowledge(n);
    std::uint32_t const conf = window_.read32(reg::conf_of(n));
    std::uint64_t const begin = conf_reg::f_val_set_cnf::with(conf_reg::f_int_enb_cnf::with(conf, true), true);
    window_.write32(reg::conf_of(n), static_cast<std::uint32_t>(begin));
    // Where it begins, and how often it comes. Some need a moment in between.
    write_comparator(n, now() + ticks, false);
    static_cast<void>(now());
    write_comparator(n, ticks, false);
    return {};
  }
  /// Timer `n` interrupts no more. A level that it drives stays until `acknowledge`.
  void stop(unsigned n) {
    if (n >= timers_) return;
    std::uint32_t const conf = window_.read32(reg::conf_of(n));
    window_.write32(reg::conf_of(n), static_cast<std::uint32_t>(conf_reg::f_int_enb_cnf::with(conf, false)));
  }
  /// Ends the level that timer `n` drives. Nothing happens when it is edge-triggered: its bit is to be left alone then.
  void acknowledge(unsigned n) {
    if (n < timers_ && conf_reg::f_int_type_cnf::get(window_.read32(reg::conf_of(n)))) {
      window_.write32(reg::gintr_sta, std::uint32_t{1} << n);
    }
  }
  /// True while timer `n` drives a level.
  [[nodiscard]] bool is_driving(unsigned n) { return n < timers_ && (window_.read32(reg::gintr_sta) >> n & 1) != 0; }

 private:
  using reg = hpet_registers;
  using conf_reg = hpet_tim_conf;
  static constexpr std::uint64_t femtoseconds_per_second = 1'000'000'000'000'000;
  static constexpr std::uint64_t least_distance = 8;  ///< ticks within which a comparison may be missed
  static constexpr unsigned most_timers = (reg::size - reg::first_timer) / reg::timer_stride;

  /// The counter may go on between the reads of its halves: again until the upper one is the same.
  [[nodiscard]] std::uint64_t read64(std::uint64_t offset) {
    std::uint32_t high = window_.read32(offset + 4);
    for (unsigned i = 0;; ++i) {
      std::uint32_t const low = window_.read32(offset);
      std::uint32_t const again = window_.read32(offset + 4);
      // It cannot change twice in so short a time; a device that says so is not waited for.
      if (again == high || i == 2) return std::uint64_t{again} << 32 | low;
      high = again;
    }
  }
  void write_conf(unsigned n, std::uint64_t conf) {
    window_.write32(reg::conf_of(n), static_cast<std::uint32_t>(conf));
  }
  /// Stops a timer and chooses its mode. Its route stays.
  void set_mode(unsigned n, bool periodic, bool narrow) {
    constexpr std::uint64_t route =
        conf_reg::f_int_type_cnf::mask | conf_reg::f_int_route_cnf::mask | conf_reg::f_fsb_en_cnf::mask;
    std::uint64_t const kept = window_.read32(reg::conf_of(n)) & route;
    write_conf(n, kept | conf_reg::f_type_cnf::make(periodic) | conf_reg::f_32mode_cnf::make(narrow));
  }
  void write_comparator(unsigned n, std::uint64_t value, bool wide) {
    window_.write32(reg::comp_of(n), static_cast<std::uint32_t>(value));
    if (wide) window_.write32(reg::comp_of(n) + 4, static_cast<std::uint32_t>(value >> 32));
  }

  [[no_unique_address]] Window window_;
  std::uint64_t period_{};
  unsigned timers_{};
  bool wide_{};
};

template <MmioWindow Window>
result<void, hpet_error> hpet<Window>::init() {
  period_ = 0;
  timers_ = 0;
  std::uint64_t const id = read64(reg::gcap_id);
  // Where nothing answers, all bits are alike; a revision of 0 is not allowed.
  if (id == ~std::uint64_t{0} || hpet_gcap_id::f_rev_id::get(id) == 0) return failure{hpet_error::absent};
  std::uint64_t const period = hpet_gcap_id::f_counter_clk_period::get(id);
  if (period == 0 || period > reg::max_period) return failure{hpet_error::bad_period};
  unsigned const timers = hpet_gcap_id::f_num_tim_cap::get(id) + 1;
  wide_ = hpet_gcap_id::f_count_size_cap::get(id);
  // Levels first, while it can be seen which they are.
  window_.write32(reg::gintr_sta, window_.read32(reg::gintr_sta));
  for (unsigned n = 0; n < timers && n < most_timers; ++n) write_conf(n, 0);
  // The replacement of the 8254 would send timer 0 to the input of an interrupt that is somebody else's.
  window_.write32(reg::gen_conf, static_cast<std::uint32_t>(hpet_gen_conf::f_enable_cnf::make(true)));
  std::uint32_t const first = window_.read32(reg::main_cnt);
  constexpr unsigned looks = 100'000;
  unsigned look = 0;
  while (look < looks && window_.read32(reg::main_cnt) == first) ++look;
  if (look == looks) return failure{hpet_error::stopped};
  period_ = period;
  timers_ = timers < most_timers ? timers : most_timers;
  return {};
}

}  // namespace axhal::x86_64
