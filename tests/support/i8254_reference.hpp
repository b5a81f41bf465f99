// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstdint>

namespace axhal::test {

/// One counter of an 8254 the slow way: clocked pulse by pulse, as the mode definitions of the data sheet tell it.
class i8254_reference {
 public:
  explicit i8254_reference(bool gate) : gate_{gate} {}

  void set_mode(std::uint8_t word) {
    shown_ = count();
    bcd_ = (word & 1) != 0;
    unsigned const m = word >> 1 & 7;
    mode_ = m > 5 ? m - 4 : m;
    out_ = mode_ != 0;
    running_ = false;
    load_ = false;
    written_ = false;
    stopped_ = false;
    null_ = true;
    strobe_ = false;
    ended_ = false;
  }
  void begin_count() {
    if (mode_ != 0) return;
    shown_ = count();
    out_ = false;
    if (load_) null_ = true;
    load_ = false;
    if (running_) stopped_ = true;
    running_ = false;
  }
  void set_count(std::uint16_t value) {
    std::uint32_t n = value;
    if (bcd_) n = (value >> 12) * 1000U + (value >> 8 & 15) * 100U + (value >> 4 & 15) * 10U + (value & 15);
    if (n == 0) n = wrap();
    if (n == 1 && (mode_ == 2 || mode_ == 3)) n = 2;
    reload_ = n;
    written_ = true;
    null_ = true;
    if (mode_ == 0) out_ = false;
    if (mode_ == 0 || mode_ == 4) load_ = true;
    if ((mode_ == 2 || mode_ == 3) && !running_) load_ = true;
  }
  void set_gate(bool up) {
    bool const rises = up && !gate_;
    bool const falls = !up && gate_;
    gate_ = up;
    if (falls && (mode_ == 2 || mode_ == 3)) out_ = true;
    if (rises && written_ && (mode_ == 1 || mode_ == 2 || mode_ == 3 || mode_ == 5)) load_ = true;
  }

  /// One pulse.
  void clock() {
    if (load_) {
      load_ = false;
      begin();
      return;
    }
    if (!running_) return;
    if (strobe_) {
      // OUT is low for one pulse; while GATE holds the count it stays what it is.
      if (mode_ == 5 || gate_) {
        strobe_ = false;
        out_ = true;
      }
    }
    if (mode_ != 1 && mode_ != 5 && !gate_) return;
    switch (mode_) {
      case 2:
        if (left_ == 1) {
          begin();
          return;
        }
        --left_;
        if (left_ == 1) out_ = false;
        return;
      case 3:
        // Each half ends when its pulses have gone.
        if (--half_ > 0) {
          left_ -= 2;
          return;
        }
        out_ = !out_;
        take();
        half_ = out_ ? (period_ + 1) / 2 : period_ / 2;
        left_ = period_ & ~1U;
        return;
      default: break;
    }
    left_ = left_ == 0 ? wrap() - 1 : left_ - 1;
    if (left_ != 0 || ended_) return;
    ended_ = true;
    if (mode_ <= 1) {
      out_ = true;
    } else {
      out_ = false;
      strobe_ = true;
    }
  }

  bool out() const { return out_; }
  bool null_count() const { return null_; }
  unsigned mode() const { return mode_; }
  std::uint16_t count() const {
    if (!running_) return shown_;
    std::uint32_t const n = left_ % wrap();
    if (!bcd_) return static_cast<std::uint16_t>(n);
    return static_cast<std::uint16_t>(n / 1000 << 12 | n / 100 % 10 << 8 | n / 10 % 10 << 4 | n % 10);
  }

 private:
  std::uint32_t wrap() const { return bcd_ ? 10'000 : 0x1'0000; }
  void take() {
    period_ = reload_;
    null_ = false;
  }
  /// The count register goes into the counting element.
  void begin() {
    take();
    running_ = true;
    stopped_ = false;
    strobe_ = false;
    ended_ = false;
    left_ = period_;
    switch (mode_) {
      case 1: out_ = false; break;
      case 3:
        out_ = true;
        half_ = (period_ + 1) / 2;
        left_ = period_ & ~1U;
        break;
      case 0: break;
      default: out_ = true; break;
    }
  }

  unsigned mode_{};
  std::uint32_t reload_{2};
  std::uint32_t period_{2};
  std::uint32_t left_{};
  std::uint32_t half_{};
  std::uint16_t shown_{};
  bool bcd_{};
  bool gate_;
  bool out_{};
  bool running_{};
  bool stopped_{};
  bool load_{};
  bool written_{};
  bool null_{true};
  bool strobe_{};
  bool ended_{};
};

}  // namespace axhal::test
