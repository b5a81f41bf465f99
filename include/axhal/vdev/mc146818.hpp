// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/core/bit_field.hpp>
#include <axhal/core/units.hpp>
#include <axhal/time/clock_scale.hpp>
#include <axhal/vdev/byte_ports.hpp>
#include <axhal/vdev/mc146818_time.hpp>

#include <cstdint>

namespace axhal::vdev {

/// The CMOS clock of a PC as a guest sees it: an MC146818A (Motorola data sheet) with 128 bytes, of which those past
/// the clock's 14 keep what is written, and a century at 0x32.
///
/// Time comes from the caller, as nanoseconds since the beginning of 1970 (UTC, or what the guest is to see). The clock
/// begins with it and counts its seconds; what the guest writes into the time registers stays, and goes on from there.
/// Where a reading is before an earlier one, the earlier one counts. Any time that has passed is caught up in a few
/// steps.
///
/// What differs from silicon, on purpose:
///   - an update takes no time, at the end of a second; UIP announces it 244 microseconds before, and is clear after
///   it;
///   - every divider setting but reset runs at the crystal's 32768 Hz; out of reset the first update comes after half a
///     second, as on silicon;
///   - register values that are no time count for what their digits say, until the next update has made a time of them;
///   - DSE is kept and means nothing.
/// Port 0x70 reads ones.
///
/// `irq_level` is line 8, a level: sample it after every call, and at `next_edge`. Not synchronised.
class mc146818 {
 public:
  static constexpr std::uint16_t port = 0x70;  ///< two ports: index and data
  static constexpr nanoseconds never{UINT64_MAX};

  constexpr explicit mc146818(nanoseconds now) { set_time(now); }

  /// Makes the clock show the caller's time.
  constexpr void set_time(nanoseconds now) {
    seen_ = now.value > seen_ ? now.value : seen_;
    origin_ = 0;
    second_ = seen_ / per_second;
    registers_.show(second_);
  }
  /// The RESET pin: interrupts are disabled and none is told. Time and storage stay.
  constexpr void reset() {
    flags_ = 0;
    registers_.b = static_cast<std::uint8_t>(registers_.b & ~(interrupts | f_sqwe::mask));
    index_ = 0;
  }

  // --- what the guest does; offsets are those of ports from `port` ---

  /// The guest loads. Reading register C ends what the interrupt line tells.
  [[nodiscard]] constexpr std::uint64_t read(std::uint64_t offset, unsigned bytes, nanoseconds now) {
    return detail::read_bytes(offset, bytes, 2, [&](unsigned at) { return at == 0 ? 0xffU : load(now); });
  }
  /// The guest stores the low `bytes` bytes of `value`.
  constexpr void write(std::uint64_t offset, unsigned bytes, std::uint64_t value, nanoseconds now) {
    detail::write_bytes(offset, bytes, 2, value, [&](unsigned at, std::uint8_t byte) {
      if (at == 0) {
        index_ = byte;
      } else {
        store(byte, now);
      }
    });
  }

  // --- what the owner does ---

  /// The level of the interrupt line.
  [[nodiscard]] constexpr bool irq_level(nanoseconds now) {
    catch_up(now);
    return (flags_ & registers_.b & interrupts) != 0;
  }
  /// When the line rises next by itself, after `now`; `never` if it is up or waits for the guest.
  [[nodiscard]] constexpr nanoseconds next_edge(nanoseconds now);

  /// The guest has masked NMIs: bit 7 of port 0x70.
  [[nodiscard]] constexpr bool nmi_masked() const { return (index_ & 0x80) != 0; }

  /// A byte of the storage, 0x0e to 0x7f, as firmware would leave it for the guest; others read zero and keep what they
  /// are.
  [[nodiscard]] constexpr std::uint8_t stored(unsigned index) const {
    return index >= first_stored && index < 128 ? registers_.bytes[index] : std::uint8_t{0};
  }
  constexpr void set_stored(unsigned index, std::uint8_t value) {
    if (index >= first_stored && index < 128) registers_.bytes[index] = value;
  }

 private:
  using f_rs = bit_field<unsigned, 3, 0, std::uint8_t>;
  using f_dv = bit_field<unsigned, 6, 4, std::uint8_t>;
  using f_uip = bit_field<bool, 7, 7, std::uint8_t>;
  using f_sqwe = bit_field<bool, 3, 3, std::uint8_t>;
  using f_uie = bit_field<bool, 4, 4, std::uint8_t>;
  using f_aie = bit_field<bool, 5, 5, std::uint8_t>;
  using f_pie = bit_field<bool, 6, 6, std::uint8_t>;
  using f_set = bit_field<bool, 7, 7, std::uint8_t>;
  using f_irqf = bit_field<bool, 7, 7, std::uint8_t>;
  /// Enables in register B; the flags of register C are the same bits.
  static constexpr std::uint8_t interrupts = f_uie::mask | f_aie::mask | f_pie::mask;
  static constexpr unsigned register_a = 0x0a;
  static constexpr unsigned register_b = 0x0b;
  static constexpr unsigned register_c = 0x0c;
  static constexpr unsigned register_d = 0x0d;
  static constexpr unsigned first_stored = 0x0e;
  static constexpr std::uint8_t valid = 0x80;  // register D: the battery has never been empty

  static constexpr std::uint64_t per_second = 1'000'000'000;
  static constexpr std::uint64_t announced = 244'141;  // eight periods of the crystal
  // 32768 periods of the crystal in 10^9 nanoseconds.
  static constexpr ratio to_periods{64, 1'953'125};
  static constexpr ratio to_nanoseconds{1'953'125, 64};

  [[nodiscard]] constexpr bool is_halted() const { return f_dv::get(a_) >= 6; }
  [[nodiscard]] constexpr bool is_set() const { return f_set::get(registers_.b); }
  /// The periodic interrupt comes every 2^n periods of the crystal; 64 for never (data sheet, table 5).
  [[nodiscard]] constexpr unsigned periodic_shift() const {
    unsigned const rs = f_rs::get(a_);
    return rs == 0 ? 64 : rs < 3 ? rs + 6 : rs - 1;
  }
  [[nodiscard]] constexpr bool is_updating() const {
    return !is_halted() && !is_set() && (seen_ - origin_) % per_second >= per_second - announced;
  }

  constexpr std::uint8_t load(nanoseconds now);
  constexpr void store(std::uint8_t value, nanoseconds now);
  constexpr void write_a(std::uint8_t value);

  constexpr void catch_up(nanoseconds now) {
    if (now.value <= seen_) return;
    std::uint64_t const before = seen_ - origin_;
    seen_ = now.value;
    if (is_halted()) return;
    std::uint64_t const passed = seen_ - origin_;
    unsigned const shift = periodic_shift();
    if (shift < 64 && to_periods.floor(before) >> shift != to_periods.floor(passed) >> shift) flags_ |= f_pie::mask;
    std::uint64_t const second = passed / per_second;
    std::uint64_t const more = second - second_;
    second_ = second;
    if (more == 0 || is_set()) return;
    flags_ |= f_uie::mask;
    if (registers_.advance(more)) flags_ |= f_aie::mask;
  }
  /// The point in time `after` nanoseconds after the count of seconds began.
  [[nodiscard]] constexpr nanoseconds point(std::uint64_t after) const {
    return after <= UINT64_MAX - origin_ ? nanoseconds{origin_ + after} : never;
  }
  [[nodiscard]] constexpr nanoseconds end_of_second(std::uint64_t more) const {
    std::uint64_t const seconds = second_ + more;
    return seconds <= UINT64_MAX / per_second ? point(seconds * per_second) : never;
  }

  mc146818_time registers_{};
  std::uint64_t seen_{};    ///< the latest reading of the caller's clock
  std::uint64_t origin_{};  ///< when the divider chain began
  std::uint64_t second_{};  ///< seconds since then that have been counted
  std::uint8_t a_{0x26};
  std::uint8_t flags_{};
  std::uint8_t index_{};
};

constexpr nanoseconds mc146818::next_edge(nanoseconds now) {
  catch_up(now);
  std::uint8_t const b = registers_.b;
  if (is_halted() || (flags_ & b & interrupts) != 0) return never;
  nanoseconds next = never;
  unsigned const shift = periodic_shift();
  if (f_pie::get(b) && shift < 64) {
    std::uint64_t const periods = ((to_periods.floor(seen_ - origin_) >> shift) + 1) << shift;
    next = point(to_nanoseconds.ceil(periods));
  }
  if (is_set()) return next;
  if (f_uie::get(b)) {
    nanoseconds const update = end_of_second(1);
    next = update < next ? update : next;
  } else if (f_aie::get(b)) {
    std::uint32_t const left = registers_.until_alarm();
    nanoseconds const alarm = left == mc146818_time::no_alarm ? never : end_of_second(left);
    next = alarm < next ? alarm : next;
  }
  return next;
}

constexpr std::uint8_t mc146818::load(nanoseconds now) {
  catch_up(now);
  unsigned const index = index_ & 0x7fU;
  switch (index) {
    case register_a: return f_uip::with(a_, is_updating());
    case register_b: return registers_.b;
    case register_c: {
      std::uint8_t const told = f_irqf::with(flags_, (flags_ & registers_.b & interrupts) != 0);
      flags_ = 0;
      return told;
    }
    case register_d: return valid;
    default: return registers_.bytes[index];
  }
}

constexpr void mc146818::store(std::uint8_t value, nanoseconds now) {
  catch_up(now);
  unsigned const index = index_ & 0x7fU;
  switch (index) {
    case register_a: write_a(value); break;
    case register_b:
      // Who begins to set the time is not told of updates.
      if (f_set::get(value) && !is_set()) value = f_uie::with(value, false);
      registers_.b = value;
      break;
    case register_c:
    case register_d: break;
    case 0x00: registers_.bytes[0] = value & 0x7f; break;
    default: registers_.bytes[index] = value; break;
  }
}

constexpr void mc146818::write_a(std::uint8_t value) {
  bool const was_halted = is_halted();
  a_ = value & static_cast<std::uint8_t>(~f_uip::mask);
  if (!was_halted || is_halted()) return;
  // The chain begins anew, in the middle of a second.
  origin_ = seen_ < per_second / 2 ? 0 : seen_ - per_second / 2;
  second_ = 0;
}

}  // namespace axhal::vdev
