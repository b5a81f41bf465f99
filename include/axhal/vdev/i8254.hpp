// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/core/units.hpp>
#include <axhal/time/clock_scale.hpp>
#include <axhal/vdev/byte_ports.hpp>
#include <axhal/vdev/i8254_element.hpp>

#include <cstdint>

namespace axhal::vdev {

/// One counter of an 8254 with what a guest reads and writes of it: control word, latches and the order of bytes.
class i8254_counter {
 public:
  constexpr explicit i8254_counter(bool gate) : element_{gate} {}

  [[nodiscard]] constexpr i8254_element& element() { return element_; }

  /// A control word for this counter, the latch command among them.
  constexpr void write_control(std::uint8_t word, std::uint64_t now) {
    if (i8254_word::f_rw::get(word) == 0) {
      latch_count(now);
      return;
    }
    control_ = word & i8254_word::control;
    latched_ = 0;
    status_latched_ = false;
    high_next_read_ = false;
    high_next_write_ = false;
    element_.set_mode(control_, now);
  }
  /// Keeps the count to be read; one that is kept already stays.
  constexpr void latch_count(std::uint64_t now) {
    if (latched_ != 0) return;
    latch_ = element_.count(now);
    latched_ = bytes() == both ? 2 : 1;
  }
  /// Keeps the status to be read, before any count; one that is kept already stays.
  constexpr void latch_status(std::uint64_t now) {
    if (status_latched_) return;
    using namespace i8254_word;
    status_ = static_cast<std::uint8_t>(control_ | f_null_count::make(element_.null_count(now)) |
                                        f_out::make(element_.out(now)));
    status_latched_ = true;
  }
  /// The guest loads a byte.
  constexpr std::uint8_t read(std::uint64_t now) {
    if (status_latched_) {
      status_latched_ = false;
      return status_;
    }
    unsigned value = 0;
    if (latched_ != 0) {
      value = latch_;
      --latched_;
    } else {
      value = element_.count(now);
    }
    bool const high = bytes() == high_byte || (bytes() == both && high_next_read_);
    if (bytes() == both) high_next_read_ = !high_next_read_;
    return static_cast<std::uint8_t>(high ? value >> 8 : value);
  }
  /// The guest stores a byte.
  constexpr void write(std::uint8_t value, std::uint64_t now) {
    if (bytes() == both && !high_next_write_) {
      low_ = value;
      high_next_write_ = true;
      element_.begin_count(now);
      return;
    }
    high_next_write_ = false;
    unsigned const high = unsigned{value} << 8;
    unsigned const count = bytes() == both ? high | low_ : bytes() == high_byte ? high : value;
    element_.set_count(static_cast<std::uint16_t>(count), now);
  }

 private:
  static constexpr unsigned high_byte = 2;
  static constexpr unsigned both = 3;
  [[nodiscard]] constexpr unsigned bytes() const { return i8254_word::f_rw::get(control_); }

  i8254_element element_;
  std::uint16_t latch_{};
  std::uint8_t control_{0x30};
  std::uint8_t latched_{};  ///< bytes of the kept count that are to be read
  std::uint8_t status_{};
  std::uint8_t low_{};
  bool status_latched_{};
  bool high_next_read_{};
  bool high_next_write_{};
};

/// The 8254 interval timer of a PC as a guest sees it (Intel 82C54 data sheet), and the system control port B at 0x61
/// that belongs to its third counter. Counters 0 and 1 have their GATE up for ever.
///
/// Time is what a clock of the caller's shows, of any rate: the counters follow it exactly and never drift, and are
/// brought to any time in a few steps. Where a reading is before an earlier one, the earlier one counts, so that CPUs
/// whose clocks differ a little may use one timer.
///
/// The owner drives line 0 with OUT of counter 0: after every write to counter 0 or the control port, and at
/// `next_edge`, it asks `take_edge`, pulses the line if it must, and leaves it at `output(0, now)`. A guest may ask for
/// an edge every two pulses of 838 ns; how many of them it gets is the owner's choice: one that comes late finds a
/// single edge. Not synchronised.
class i8254 {
 public:
  static constexpr hertz frequency{1'193'182};
  static constexpr std::uint16_t port = 0x40;            ///< four ports: the counters' and the control word's
  static constexpr std::uint16_t control_b_port = 0x61;  ///< one port
  static constexpr ticks never{UINT64_MAX};

  /// `clock` is the rate of the caller's clock, above 0: 1'000'000'000 for nanoseconds.
  constexpr explicit i8254(hertz clock)
      : to_pulses_{frequency.value, clock.value}, to_clock_{clock.value, frequency.value} {}

  // --- what the guest does ---

  /// The guest loads `bytes` bytes at `offset` from `port`: counters at 0 to 2; the control port, and what is not
  /// there, reads ones. Loading moves on among latches and bytes.
  [[nodiscard]] constexpr std::uint64_t read(std::uint64_t offset, unsigned bytes, ticks now) {
    std::uint64_t const at = pulses(now);
    return detail::read_bytes(offset, bytes, 3, [&](unsigned which) { return counters_[which].read(at); });
  }
  /// The guest stores the low `bytes` bytes of `value` at `offset` from `port`.
  constexpr void write(std::uint64_t offset, unsigned bytes, std::uint64_t value, ticks now) {
    std::uint64_t const at = pulses(now);
    detail::write_bytes(offset, bytes, 4, value, [&](unsigned which, std::uint8_t byte) {
      bool const was = counters_[0].element().out(at);
      if (which < 3) {
        counters_[which].write(byte, at);
      } else {
        write_control(byte, at);
      }
      // A control word may raise OUT at once.
      if (!was && counters_[0].element().out(at)) edge_ = true;
      next_ = counters_[0].element().next_rise(at);
    });
  }
  /// The guest loads from port 0x61: gate 2 and speaker as written, a bit that changes with every refresh of memory (15
  /// microseconds), and OUT of counter 2. Changes nothing.
  [[nodiscard]] constexpr std::uint8_t read_control_b(ticks now) {
    std::uint64_t const at = pulses(now);
    return static_cast<std::uint8_t>(control_b_ | f_refresh::make((at / refresh_pulses & 1) != 0) |
                                     f_out2::make(counters_[2].element().out(at)));
  }
  /// The guest stores to port 0x61.
  constexpr void write_control_b(std::uint8_t value, ticks now) {
    control_b_ = value & control_b_writable;
    counters_[2].element().set_gate(f_gate2::get(value), pulses(now));
  }

  // --- what the owner does ---

  /// The level of a counter's OUT, 0 to 2; that of others is low.
  [[nodiscard]] constexpr bool output(unsigned counter, ticks now) {
    return counter < 3 && counters_[counter].element().out(pulses(now));
  }
  /// When OUT of counter 0 rises next, after `now`; `never` if it waits for the guest. By then `take_edge` finds it.
  [[nodiscard]] constexpr ticks next_edge(ticks now) {
    std::uint64_t const rise = counters_[0].element().next_rise(pulses(now));
    return rise == i8254_element::never ? never : ticks{to_clock_.ceil(rise - i8254_element::origin)};
  }
  /// True when OUT of counter 0 has risen since the last call, once or more often.
  constexpr bool take_edge(ticks now) {
    static_cast<void>(pulses(now));
    bool const risen = edge_;
    edge_ = false;
    return risen;
  }
  /// True while the speaker's membrane is pushed out: OUT of counter 2 and the speaker's bit of port 0x61.
  [[nodiscard]] constexpr bool speaker(ticks now) { return f_speaker::get(control_b_) && output(2, now); }

 private:
  using f_gate2 = bit_field<bool, 0, 0, std::uint8_t>;
  using f_speaker = bit_field<bool, 1, 1, std::uint8_t>;
  using f_refresh = bit_field<bool, 4, 4, std::uint8_t>;
  using f_out2 = bit_field<bool, 5, 5, std::uint8_t>;
  static constexpr std::uint8_t control_b_writable = 0x0f;
  static constexpr std::uint64_t refresh_pulses = 18;
  static constexpr std::uint64_t last = UINT64_MAX >> 1;  // 245 thousand years

  /// The time in pulses, which never goes back; edges on the way are noted.
  constexpr std::uint64_t pulses(ticks now) {
    std::uint64_t const passed = to_pulses_.floor(now.value);
    std::uint64_t const at = i8254_element::origin + (passed < last ? passed : last);
    if (at > now_) now_ = at;
    if (now_ >= next_) {
      edge_ = true;
      next_ = counters_[0].element().next_rise(now_);
    }
    return now_;
  }

  constexpr void write_control(std::uint8_t word, std::uint64_t at) {
    unsigned const which = i8254_word::f_sc::get(word);
    if (which < 3) {
      counters_[which].write_control(word, at);
      return;
    }
    for (unsigned i = 0; i < 3; ++i) {
      if ((word >> (i + 1) & 1) == 0) continue;
      if (!i8254_word::f_no_count::get(word)) counters_[i].latch_count(at);
      if (!i8254_word::f_no_status::get(word)) counters_[i].latch_status(at);
    }
  }

  ratio to_pulses_;
  ratio to_clock_;
  i8254_counter counters_[3]{i8254_counter{true}, i8254_counter{true}, i8254_counter{false}};
  std::uint64_t now_{i8254_element::origin};
  std::uint64_t next_{i8254_element::never};  ///< when OUT of counter 0 rises next
  bool edge_{};                               ///< it has risen, and nobody was told
  std::uint8_t control_b_{};
};

}  // namespace axhal::vdev
