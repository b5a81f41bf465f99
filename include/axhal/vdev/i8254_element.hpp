// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/core/bit_field.hpp>

#include <cstdint>

namespace axhal::vdev {

/// Words of the 8254 (Intel 82C54 data sheet, "Control Word Format", "Counter Latch Command", "Read-Back Command").
namespace i8254_word {
using f_bcd = bit_field<bool, 0, 0, std::uint8_t>;
using f_m = bit_field<unsigned, 3, 1, std::uint8_t>;
using f_rw = bit_field<unsigned, 5, 4, std::uint8_t>;  ///< 0: latch; 1: low byte, 2: high byte, 3: low byte, then high
using f_sc = bit_field<unsigned, 7, 6, std::uint8_t>;  ///< 3: read back

// Read back.
using f_no_status = bit_field<bool, 4, 4, std::uint8_t>;
using f_no_count = bit_field<bool, 5, 5, std::uint8_t>;

// Status.
using f_null_count = bit_field<bool, 6, 6, std::uint8_t>;
using f_out = bit_field<bool, 7, 7, std::uint8_t>;

inline constexpr std::uint8_t control = 0x3f;  ///< what a counter keeps of its control word
}  // namespace i8254_word

/// The counting half of one counter of an 8254: count and OUT as a function of time (Intel 82C54 data sheet, "Mode
/// Definitions"). Times are CLK pulses and never fall below `origin`; each call brings the counter to its time, in a
/// few steps however far that is.
///
/// A count of 1 in modes 2 and 3, which the data sheet calls illegal, is taken for 2.
class i8254_element {
 public:
  static constexpr std::uint64_t never = UINT64_MAX;
  /// Times begin here, so that a cycle may begin before them.
  static constexpr std::uint64_t origin = 0x1'0000;

  constexpr explicit i8254_element(bool gate) : gate_{gate} {}

  /// A control word, of six bits: OUT goes to where the mode begins, and nothing is counted until a count comes.
  constexpr void set_mode(std::uint8_t control, std::uint64_t now) {
    before_ = count(now);
    unsigned const m = i8254_word::f_m::get(control);
    mode_ = static_cast<std::uint8_t>(m > 5 ? m - 4 : m);
    bcd_ = i8254_word::f_bcd::get(control);
    out_before_ = mode_ != 0;
    state_ = state::idle;
  }
  /// The first byte of two has been written: mode 0 stops.
  constexpr void begin_count(std::uint64_t now) {
    if (mode_ != 0) return;
    before_ = count(now);
    out_before_ = false;
    if (state_ == state::counting && now >= start_) state_ = state::stopped;
    if (state_ == state::counting) state_ = state::idle;
  }
  /// A whole count has been written.
  constexpr void set_count(std::uint16_t written, std::uint64_t now) {
    catch_up(now);
    bool const in_cycle = is_periodic() && state_ == state::counting && now >= start_;
    reload_ = steps(written);
    fresh_ = true;
    if (is_triggered()) {
      // It waits for the trigger, and what runs goes on.
      if (state_ == state::idle) state_ = state::armed;
      if (state_ == state::counting && now < start_) period_ = reload_;
    } else if (in_cycle) {
      boundary_ = gate_ ? cycle_end(now) : never;
    } else {
      load(now, mode_ != 0 && out(now));
    }
  }
  /// GATE is driven.
  constexpr void set_gate(bool up, std::uint64_t now) {
    catch_up(now);
    if (up == gate_) return;
    if (!up) {
      // Modes 1 and 5 look at the edge alone. The others stop, and 2 and 3 raise OUT.
      held_ = elapsed(now);
      if (is_periodic()) {
        before_ = count(now);
        out_before_ = true;
        boundary_ = never;
      }
      gate_ = false;
      return;
    }
    bool const was_out = out(now);
    if (is_triggered()) {
      gate_ = true;
      if (state_ != state::idle) load(now, was_out);
    } else if (is_periodic()) {
      if (state_ == state::counting) load(now, true);
      gate_ = true;
    } else {
      if (now >= start_) start_ = now - held_;
      gate_ = true;
    }
  }
  [[nodiscard]] constexpr bool gate() const { return gate_; }

  /// What a read finds, in the digits that the guest has chosen.
  [[nodiscard]] constexpr std::uint16_t count(std::uint64_t now) {
    catch_up(now);
    if (state_ != state::counting || now < start_) return before_;
    std::uint64_t const passed = elapsed(now);
    std::uint32_t left = 0;
    if (mode_ == 2) {
      left = period_ - static_cast<std::uint32_t>(passed % period_);
    } else if (mode_ == 3) {
      // It counts by two, from the even number at or below the count, in each half.
      auto const phase = static_cast<std::uint32_t>(passed % period_);
      std::uint32_t const high = high_half();
      left = (period_ & ~1U) - 2 * (phase < high ? phase : phase - high);
    } else {
      std::uint32_t const turn = wrap();
      left = (period_ + turn - static_cast<std::uint32_t>(passed % turn)) % turn;
    }
    return digits(left);
  }
  /// The level of OUT.
  [[nodiscard]] constexpr bool out(std::uint64_t now) {
    catch_up(now);
    if (state_ != state::counting || now < start_) return out_before_;
    std::uint64_t const passed = elapsed(now);
    switch (mode_) {
      case 0:
      case 1: return passed >= period_;
      case 2: return !gate_ || passed % period_ != period_ - 1;
      case 3: return !gate_ || passed % period_ < high_half();
      default: return passed != period_;
    }
  }
  /// True from a count's writing until it is counted.
  [[nodiscard]] constexpr bool null_count(std::uint64_t now) {
    catch_up(now);
    return state_ == state::counting ? fresh_ : state_ != state::stopped;
  }
  /// When OUT rises next, after `now`; `never` if it does not without help.
  [[nodiscard]] constexpr std::uint64_t next_rise(std::uint64_t now) {
    catch_up(now);
    if (state_ != state::counting) return never;
    if (now < start_ && !out_before_ && mode_ >= 4) return start_;
    std::uint64_t const passed = now < start_ ? 0 : elapsed(now);
    switch (mode_) {
      case 0: return gate_ && passed < period_ ? start_ + period_ : never;
      case 1: return passed < period_ ? start_ + period_ : never;
      case 2:
      case 3: {
        if (!gate_) return never;
        std::uint64_t const end = now < start_ ? start_ + period_ : now + (period_ - passed % period_);
        // A new count that comes in the middle of the cycle gives the low half another length.
        return boundary_ < end ? boundary_ + reload_ / 2 : end;
      }
      case 4: return gate_ && passed <= period_ ? start_ + period_ + 1 : never;
      default: return passed <= period_ ? start_ + period_ + 1 : never;
    }
  }

 private:
  enum class state : std::uint8_t {
    idle,      ///< no count since the control word
    stopped,   ///< the first byte of another count has come
    armed,     ///< a count waits for its trigger
    counting,  ///< from `start_` on
  };

  [[nodiscard]] constexpr bool is_periodic() const { return mode_ == 2 || mode_ == 3; }
  [[nodiscard]] constexpr bool is_triggered() const { return mode_ == 1 || mode_ == 5; }
  [[nodiscard]] constexpr std::uint32_t wrap() const { return bcd_ ? 10'000 : 0x1'0000; }
  [[nodiscard]] constexpr std::uint32_t high_half() const { return (period_ + 1) / 2; }

  /// How many steps a written count means: zero is the largest.
  [[nodiscard]] constexpr std::uint32_t steps(std::uint16_t written) const {
    std::uint32_t n = written;
    if (bcd_) {
      // Digits above 9 count for what they are: no count is above 16665.
      n = (n >> 12) * 1000 + (n >> 8 & 15) * 100 + (n >> 4 & 15) * 10 + (n & 15);
    }
    if (n == 0) n = wrap();
    return is_periodic() && n == 1 ? 2 : n;
  }
  [[nodiscard]] constexpr std::uint16_t digits(std::uint32_t n) const {
    n %= wrap();
    if (!bcd_) return static_cast<std::uint16_t>(n);
    return static_cast<std::uint16_t>(n / 1000 << 12 | n / 100 % 10 << 8 | n / 10 % 10 << 4 | n % 10);
  }

  /// Pulses counted since the count was loaded; modulo 2^64 before that.
  [[nodiscard]] constexpr std::uint64_t elapsed(std::uint64_t now) const {
    if (!gate_ && !is_triggered()) return held_;
    return now < start_ ? 0 : now - start_;
  }
  /// The next pulse loads the count. Until then the counter shows what it showed.
  constexpr void load(std::uint64_t now, bool out_until_then) {
    before_ = count(now);
    out_before_ = out_until_then;
    period_ = reload_;
    start_ = now + 1;
    held_ = 0;
    boundary_ = never;
    loading_ = true;
    state_ = state::counting;
  }
  /// Where a running counter takes a new count: at the end of the cycle, in mode 3 of the half.
  [[nodiscard]] constexpr std::uint64_t cycle_end(std::uint64_t now) const {
    std::uint64_t const phase = (now - start_) % period_;
    bool const high = mode_ == 3 && phase < high_half();
    return now - phase + (high ? high_half() : period_);
  }
  constexpr void catch_up(std::uint64_t now) {
    if (state_ != state::counting) return;
    if (loading_ && now >= start_) {
      loading_ = false;
      fresh_ = false;
    }
    if (now < boundary_) return;
    bool const low_half = mode_ == 3 && (boundary_ - start_) % period_ != 0;
    period_ = reload_;
    start_ = low_half ? boundary_ - high_half() : boundary_;
    boundary_ = never;
    fresh_ = false;
  }

  std::uint64_t start_{origin};
  std::uint64_t boundary_{never};  ///< when a new count of a running counter takes over
  std::uint64_t held_{};           ///< with GATE down: pulses counted before
  std::uint32_t period_{2};
  std::uint32_t reload_{2};
  std::uint16_t before_{};  ///< the count until it is loaded
  std::uint8_t mode_{};
  state state_{state::idle};
  bool bcd_{};
  bool gate_;
  bool out_before_{};  ///< OUT until the count is loaded
  bool fresh_{};       ///< `reload_` is not counted yet
  bool loading_{};     ///< `start_` is to come
};

}  // namespace axhal::vdev
