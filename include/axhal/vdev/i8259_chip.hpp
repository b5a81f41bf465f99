// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/core/bit_field.hpp>

#include <bit>
#include <cstdint>

namespace axhal::vdev {

/// Command words of the 8259A (Intel 8259A data sheet, "Programming the 8259A").
namespace i8259_word {
using f_icw1 = bit_field<bool, 4, 4, std::uint8_t>;          ///< at A0 = 0: this is ICW1
using f_ltim = bit_field<bool, 3, 3, std::uint8_t>;          ///< ICW1: level-triggered
using f_sngl = bit_field<bool, 1, 1, std::uint8_t>;          ///< ICW1: no ICW3
using f_ic4 = bit_field<bool, 0, 0, std::uint8_t>;           ///< ICW1: ICW4 comes
using f_sfnm = bit_field<bool, 4, 4, std::uint8_t>;          ///< ICW4: special fully nested mode
using f_aeoi = bit_field<bool, 1, 1, std::uint8_t>;          ///< ICW4: automatic end of interrupt
using f_ocw3 = bit_field<bool, 3, 3, std::uint8_t>;          ///< at A0 = 0 without ICW1: this is OCW3, else OCW2
using f_r_sl_eoi = bit_field<unsigned, 7, 5, std::uint8_t>;  ///< OCW2: what to do
using f_l = bit_field<unsigned, 2, 0, std::uint8_t>;         ///< OCW2: the level that it is done to
using f_esmm = bit_field<bool, 6, 6, std::uint8_t>;          ///< OCW3: SMM counts
using f_smm = bit_field<bool, 5, 5, std::uint8_t>;           ///< OCW3: special mask mode
using f_p = bit_field<bool, 2, 2, std::uint8_t>;             ///< OCW3: poll
using f_rr = bit_field<bool, 1, 1, std::uint8_t>;            ///< OCW3: RIS counts
using f_ris = bit_field<bool, 0, 0, std::uint8_t>;           ///< OCW3: read ISR, else IRR
}  // namespace i8259_word

/// One 8259A. What it does as master or slave is the pair's business.
class i8259_chip {
 public:
  /// The guest loads from A0 = `a0`. After a poll command this acknowledges; else it changes nothing.
  [[nodiscard]] constexpr std::uint8_t read(unsigned a0) {
    if (poll_) return poll();
    if (a0 != 0) return imr_;
    return read_isr_ ? isr_ : irr_;
  }
  /// The guest stores to A0 = `a0`.
  constexpr void write(unsigned a0, std::uint8_t value) {
    if (a0 != 0) {
      write_data(value);
    } else if (i8259_word::f_icw1::get(value)) {
      begin(value);
    } else if (i8259_word::f_ocw3::get(value)) {
      write_ocw3(value);
    } else {
      write_ocw2(value);
    }
  }

  /// True when the next `read` acknowledges.
  [[nodiscard]] constexpr bool is_polled() const { return poll_; }

  /// A line, 0..7, is driven.
  constexpr void set_level(unsigned line, bool up) {
    auto const bit = static_cast<std::uint8_t>(1U << (line & 7));
    if (!up) {
      // A request lasts no longer than its line, edge-triggered or not.
      lines_ = static_cast<std::uint8_t>(lines_ & ~bit);
      irr_ = static_cast<std::uint8_t>(irr_ & ~bit);
    } else {
      bool const rises = (lines_ & bit) == 0;
      lines_ |= bit;
      if (rises || (levels() & bit) != 0) irr_ |= bit;
    }
  }

  /// The level of INT: an unmasked request is more urgent than what is in service.
  [[nodiscard]] constexpr bool output() const { return request() < 8; }
  /// The line that INT is for; 8 for none.
  [[nodiscard]] constexpr unsigned request() const {
    auto const open = static_cast<std::uint8_t>(irr_ & ~imr_);
    if (open == 0 || !ready_) return 8;
    unsigned const rank = first_rank(open);
    auto const serviced = static_cast<std::uint8_t>(special_mask_ ? isr_ & ~imr_ : isr_);
    unsigned const line = line_of(rank);
    if (serviced != 0) {
      unsigned const limit = first_rank(serviced);
      bool const nested = (nested_ >> line & 1) != 0 && rank == limit;
      if (rank >= limit && !nested) return 8;
    }
    return line;
  }
  /// The INTA sequence's effect: `line`, which `request` gave, is in service.
  constexpr void acknowledge(unsigned line) {
    auto const bit = static_cast<std::uint8_t>(1U << (line & 7));
    if ((levels() & bit) == 0) irr_ = static_cast<std::uint8_t>(irr_ & ~bit);
    if (i8259_word::f_aeoi::get(icw4_)) {
      if (rotate_in_aeoi_) lowest_ = static_cast<std::uint8_t>(line & 7);
    } else {
      isr_ |= bit;
    }
  }
  /// The vector of a line; 7 stands for spurious ones, too.
  [[nodiscard]] constexpr std::uint8_t vector(unsigned line) const {
    return static_cast<std::uint8_t>((icw2_ & 0xf8U) | (line & 7));
  }

  [[nodiscard]] constexpr std::uint8_t icw3() const { return icw3_; }
  [[nodiscard]] constexpr std::uint8_t imr() const { return imr_; }
  [[nodiscard]] constexpr std::uint8_t elcr() const { return elcr_; }
  constexpr void set_elcr(std::uint8_t value) {
    elcr_ = value;
    irr_ = static_cast<std::uint8_t>(irr_ | (lines_ & levels()));
  }
  /// Lines at which a request is let through while an earlier one of the same line is in service: those of slaves, in
  /// special fully nested mode.
  constexpr void set_slaves(std::uint8_t lines) { slaves_ = lines; }

 private:
  enum class step : std::uint8_t { none, icw2, icw3, icw4 };

  [[nodiscard]] constexpr std::uint8_t levels() const {
    return i8259_word::f_ltim::get(icw1_) ? std::uint8_t{0xff} : elcr_;
  }
  // Ranks are lines in the order of urgency: 0 is the line after the lowest.
  [[nodiscard]] constexpr unsigned line_of(unsigned rank) const { return (rank + lowest_ + 1) & 7; }
  /// The rank of the most urgent line of a set that is not empty.
  [[nodiscard]] constexpr unsigned first_rank(std::uint8_t lines) const {
    return static_cast<unsigned>(std::countr_zero(std::rotr(lines, (lowest_ + 1) & 7)));
  }

  constexpr std::uint8_t poll() {
    poll_ = false;
    unsigned const line = request();
    if (line >= 8) return 0;
    acknowledge(line);
    return static_cast<std::uint8_t>(0x80U | line);
  }

  constexpr void begin(std::uint8_t icw1) {
    i8259_chip fresh{};
    fresh.lines_ = lines_;
    fresh.elcr_ = elcr_;
    fresh.slaves_ = slaves_;
    fresh.icw1_ = icw1;
    fresh.icw2_ = icw2_;
    fresh.icw3_ = 7;
    fresh.step_ = step::icw2;
    *this = fresh;
    // An edge is to come yet; a level is there.
    irr_ = static_cast<std::uint8_t>(lines_ & levels());
  }

  constexpr void write_data(std::uint8_t value) {
    using namespace i8259_word;
    switch (step_) {
      case step::none: imr_ = value; return;
      case step::icw2:
        icw2_ = value;
        step_ = f_sngl::get(icw1_) ? step::icw4 : step::icw3;
        break;
      case step::icw3:
        icw3_ = value;
        step_ = step::icw4;
        break;
      case step::icw4:
        icw4_ = value;
        nested_ = f_sfnm::get(value) ? slaves_ : std::uint8_t{0};
        step_ = step::none;
        break;
    }
    if (step_ == step::icw4 && !f_ic4::get(icw1_)) step_ = step::none;
    ready_ = step_ == step::none;
  }

  constexpr void write_ocw2(std::uint8_t value) {
    unsigned const line = i8259_word::f_l::get(value);
    switch (i8259_word::f_r_sl_eoi::get(value)) {
      case 0: rotate_in_aeoi_ = false; break;
      case 1: static_cast<void>(end()); break;
      case 3: end(line); break;
      case 4: rotate_in_aeoi_ = true; break;
      case 5: {
        unsigned const ended = end();
        if (ended < 8) lowest_ = static_cast<std::uint8_t>(ended);
        break;
      }
      case 6: lowest_ = static_cast<std::uint8_t>(line); break;
      case 7:
        end(line);
        lowest_ = static_cast<std::uint8_t>(line);
        break;
      default: break;  // no operation
    }
  }
  constexpr void write_ocw3(std::uint8_t value) {
    using namespace i8259_word;
    if (f_esmm::get(value)) special_mask_ = f_smm::get(value);
    // Poll wins over the choice of a register (data sheet, "Reading the 8259A Status").
    poll_ = f_p::get(value);
    if (f_rr::get(value) && !poll_) read_isr_ = f_ris::get(value);
  }

  constexpr void end(unsigned line) { isr_ = static_cast<std::uint8_t>(isr_ & ~(1U << (line & 7))); }
  /// Ends the most urgent service; in special mask mode one that is not masked. Gives its line, or 8.
  constexpr unsigned end() {
    auto const serviced = static_cast<std::uint8_t>(special_mask_ ? isr_ & ~imr_ : isr_);
    if (serviced == 0) return 8;
    unsigned const line = line_of(first_rank(serviced));
    end(line);
    return line;
  }

  std::uint8_t lines_{};  ///< what is driven
  std::uint8_t irr_{};
  std::uint8_t isr_{};
  std::uint8_t imr_{};
  std::uint8_t elcr_{};
  std::uint8_t slaves_{};
  std::uint8_t nested_{};
  std::uint8_t icw1_{};
  std::uint8_t icw2_{};
  std::uint8_t icw3_{};
  std::uint8_t icw4_{};
  std::uint8_t lowest_{7};  ///< the line of the lowest priority
  step step_{step::none};
  bool ready_{};  ///< has been set up since power came
  bool special_mask_{};
  bool rotate_in_aeoi_{};
  bool read_isr_{};
  bool poll_{};
};

}  // namespace axhal::vdev
