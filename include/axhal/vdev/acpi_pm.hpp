// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/core/bit_field.hpp>
#include <axhal/core/units.hpp>
#include <axhal/time/clock_scale.hpp>

#include <cstdint>

namespace axhal::vdev {

/// ACPI's fixed hardware registers (ACPI 6.5, 4.8.3 "Fixed Hardware Registers").
namespace acpi_pm_reg {
// Offsets, as chip sets lay the blocks out.
inline constexpr std::uint64_t pm1_sts = 0x0;  ///< the PM1a event block: 4 bytes
inline constexpr std::uint64_t pm1_en = 0x2;
inline constexpr std::uint64_t pm1_cnt = 0x4;  ///< the PM1a control block: 2 bytes
inline constexpr std::uint64_t pm_tmr = 0x8;   ///< the timer block: 4 bytes

// Status and enable (4.8.3.1 "PM1 Event Grouping"): the same bits, but for those that have no enable.
using f_tmr = bit_field<bool, 0, 0, std::uint16_t>;
using f_gbl = bit_field<bool, 5, 5, std::uint16_t>;
using f_pwrbtn = bit_field<bool, 8, 8, std::uint16_t>;
using f_slpbtn = bit_field<bool, 9, 9, std::uint16_t>;
using f_rtc = bit_field<bool, 10, 10, std::uint16_t>;
using f_wak = bit_field<bool, 15, 15, std::uint16_t>;  ///< status alone

// Control (4.8.3.2 "PM1 Control Grouping").
using f_sci_en = bit_field<bool, 0, 0, std::uint16_t>;
using f_bm_rld = bit_field<bool, 1, 1, std::uint16_t>;
using f_gbl_rls = bit_field<bool, 2, 2, std::uint16_t>;  ///< reads 0
using f_slp_typx = bit_field<std::uint8_t, 12, 10, std::uint16_t>;
using f_slp_en = bit_field<bool, 13, 13, std::uint16_t>;  ///< reads 0
}  // namespace acpi_pm_reg

/// What a guest asked for by setting SLP_EN: the sleep type is the one that the guest's tables gave for some state in
/// `\_Sx`.
struct sleep_request {
  bool asked{};
  std::uint8_t type{};  ///< 0..7

  friend constexpr bool operator==(sleep_request, sleep_request) = default;
};

/// The events of ACPI's fixed hardware that have a button or a source of their own.
enum class acpi_event : std::uint16_t {
  power_button = acpi_pm_reg::f_pwrbtn::mask,
  sleep_button = acpi_pm_reg::f_slpbtn::mask,
  rtc_alarm = acpi_pm_reg::f_rtc::mask,
  wake = acpi_pm_reg::f_wak::mask,  ///< the machine has left a sleep state; no interrupt
};

/// ACPI's fixed hardware as a guest sees it (ACPI 6.5, 4.8.3 "Fixed Hardware Registers"): PM1a event and control block
/// and the PM timer, of 3579545 Hz, with 24 bits or 32 (FADT: TMR_VAL_EXT).
///
/// Time is what a clock of the caller's shows: it begins at any value, the timer follows it exactly and never drifts.
/// Where a reading is before an earlier one, the earlier one counts.
///
/// SCI_EN belongs to the owner: guests keep it as it is. It is set from the start, for guests whose tables have no SMI
/// command port; else see `set_acpi_mode`. Status bits are cleared by writing ones. An access of any size reaches the
/// bytes that it covers; where no register is, zero is read.
///
/// `sci_level` is a level: sample it after every call, and at `next_edge`. Not synchronised.
class acpi_pm {
 public:
  static constexpr std::uint64_t size = 0x10;  ///< ports
  static constexpr hertz timer_frequency{3'579'545};

  /// `clock` is the rate of the caller's clock, above 0; the timer has 32 bits or with `wide` false 24.
  constexpr explicit acpi_pm(hertz clock, bool wide = true)
      : to_timer_{timer_frequency.value, clock.value},
        to_clock_{clock.value, timer_frequency.value},
        top_{wide ? 31U : 23U} {}

  /// All registers as at power-on. The timer goes on.
  constexpr void reset() {
    status_ = 0;
    enable_ = 0;
    control_ = acpi_pm_reg::f_sci_en::mask;
  }

  // --- what the guest does ---

  /// The guest loads `bytes` bytes at `offset`.
  [[nodiscard]] constexpr std::uint64_t read(std::uint64_t offset, unsigned bytes, ticks now) {
    if (offset == acpi_pm_reg::pm_tmr && bytes == 4) return timer(count(now));
    if (offset >= size) return 0;
    catch_up(now);
    std::uint64_t const low = std::uint64_t{control_} << 32 | std::uint64_t{enable_} << 16 | status_;
    std::uint64_t const high = timer(seen_);
    unsigned const shift = 8 * static_cast<unsigned>(offset & 7);
    std::uint64_t value = (offset < 8 ? low : high) >> shift;
    if (offset < 8 && shift != 0) value |= high << (64 - shift);
    return value & low_bits(bytes < 8 ? 8 * bytes : 64);
  }
  /// The guest stores the low `bytes` bytes of `value` at `offset`. Gives what it asks for.
  constexpr sleep_request write(std::uint64_t offset, unsigned bytes, std::uint64_t value, ticks now) {
    using namespace acpi_pm_reg;
    if (offset >= 8) return {};
    catch_up(now);
    unsigned const shift = 8 * static_cast<unsigned>(offset);
    std::uint64_t const reached = low_bits(bytes < 8 ? 8 * bytes : 64) << shift;
    std::uint64_t const stored = (value << shift) & reached;
    status_ = static_cast<std::uint16_t>(status_ & ~stored);
    enable_ = merge(enable_, stored >> 16, reached >> 16, enables);
    auto const control = static_cast<std::uint16_t>(stored >> 32);
    control_ = merge(control_, control, reached >> 32, f_bm_rld::mask | f_slp_typx::mask);
    if (!f_slp_en::get(control)) return {};
    return {true, f_slp_typx::get(control_)};
  }

  // --- what the owner does ---

  /// A button is pressed, an alarm rings, the machine has woken.
  constexpr void raise(acpi_event event) {
    status_ = static_cast<std::uint16_t>(status_ | static_cast<unsigned>(event));
  }
  /// Leaves or enters ACPI mode: SCI_EN. For an owner that has an SMI command port.
  constexpr void set_acpi_mode(bool on) { control_ = acpi_pm_reg::f_sci_en::with(control_, on); }

  /// The level of the system control interrupt's line.
  [[nodiscard]] constexpr bool sci_level(ticks now) {
    catch_up(now);
    return acpi_pm_reg::f_sci_en::get(control_) && (status_ & enable_ & enables) != 0;
  }
  /// When the line may rise next by itself, from `now` on: the timer's top bit changes, and the guest wants to know.
  /// 2^64 - 1: never.
  [[nodiscard]] constexpr ticks next_edge(ticks now) {
    catch_up(now);
    using namespace acpi_pm_reg;
    if (!f_sci_en::get(control_) || !f_tmr::get(enable_) || f_tmr::get(status_)) return {UINT64_MAX};
    std::uint64_t const half = std::uint64_t{1} << top_;
    std::uint64_t const next = (seen_ | (half - 1));
    return next == UINT64_MAX ? ticks{UINT64_MAX} : ticks{to_clock_.ceil(next + 1)};
  }

 private:
  static constexpr std::uint16_t enables = acpi_pm_reg::f_tmr::mask | acpi_pm_reg::f_gbl::mask |
                                           acpi_pm_reg::f_pwrbtn::mask | acpi_pm_reg::f_slpbtn::mask |
                                           acpi_pm_reg::f_rtc::mask;

  static constexpr std::uint16_t merge(std::uint16_t old, std::uint64_t stored, std::uint64_t reached,
                                       std::uint16_t writable) {
    std::uint64_t const changed = reached & writable;
    return static_cast<std::uint16_t>((old & ~changed) | (stored & changed));
  }

  /// Periods of the timer until `now`.
  [[nodiscard]] constexpr std::uint64_t count(ticks now) const {
    std::uint64_t const c = to_timer_.floor(now.value);
    return c < seen_ ? seen_ : c;
  }
  [[nodiscard]] constexpr std::uint64_t timer(std::uint64_t count) const { return count & low_bits(top_ + 1); }
  /// TMR_STS tells of every change of the top bit.
  constexpr void catch_up(ticks now) {
    std::uint64_t const c = count(now);
    if (c >> top_ != seen_ >> top_) status_ |= acpi_pm_reg::f_tmr::mask;
    seen_ = c;
  }

  ratio to_timer_;
  ratio to_clock_;
  std::uint64_t seen_{};
  unsigned top_;
  std::uint16_t status_{};
  std::uint16_t enable_{};
  std::uint16_t control_{acpi_pm_reg::f_sci_en::mask};
};

}  // namespace axhal::vdev
