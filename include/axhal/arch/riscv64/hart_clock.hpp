// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/arch/riscv64/csr.hpp>
#include <axhal/arch/riscv64/sbi.hpp>
#include <axhal/arch/riscv64/sbi_client.hpp>
#include <axhal/core/units.hpp>
#include <axhal/policy/clock.hpp>

#include <cstdint>

namespace axhal::riscv64 {

/// What compares the counter with a deadline.
enum class deadline_by : std::uint8_t {
  sbi,     ///< firmware, by the Timer Extension: one call for each deadline
  sstc,    ///< the CPU, by stimecmp and vstimecmp (extension Sstc)
  either,  ///< decided when the program has looked at its CPU
};

/// Whether the compare registers are used: a constant, or looked up once.
template <deadline_by By>
struct deadline_choice {
  [[nodiscard]] static constexpr bool sstc() { return By == deadline_by::sstc; }
};
template <>
struct deadline_choice<deadline_by::either> {
  // NOLINTNEXTLINE(google-explicit-constructor): a yes or no is all that there is to choose
  constexpr deadline_choice(bool has_sstc) : sstc_{has_sstc} {}
  [[nodiscard]] constexpr bool sstc() const { return sstc_; }

 private:
  bool sstc_;
};

/// The real-time counter as the hypervisor's clock (RISC-V Unprivileged Architecture, "Zicntr"; RISC-V Privileged
/// Architecture, "Sstc Extension", "Hypervisor Time Delta (htimedelta) Register"; SBI Specification 2.0, "Timer
/// Extension").
///
/// No register tells the counter's rate: it is the device tree's `timebase-frequency`. One object belongs to one hart,
/// as a deadline that firmware keeps cannot be read back. The interrupt is number `interrupt::sti`; masking it is the
/// caller's business. Preconditions: firmware has TIME, or the CPU has Sstc and firmware has let supervisors use it
/// (`S::has<csr::stimecmp>()` tells both).
template <CsrAccess S, deadline_by By>
  requires(By == deadline_by::sstc || SbiCall<S>)
class hart_clock {
 public:
  static constexpr bool runs_in_idle = true;  // the counter is the machine's, not the hart's
  static constexpr unsigned width = 64;

  /// `choice` is given for `deadline_by::either` alone: true when the CPU has Sstc.
  constexpr explicit hart_clock(hertz frequency, deadline_choice<By> choice = {})
      : frequency_{frequency}, by_{choice} {}

  /// True when deadlines are the CPU's own.
  [[nodiscard]] constexpr bool uses_sstc() const { return by_.sstc(); }

  // --- ClockPolicy ---

  [[nodiscard]] static ticks now() { return {S::template read<csr::time>()}; }
  [[nodiscard]] constexpr hertz frequency() const { return frequency_; }

  /// 2^64 - 1 is no deadline, as `cancel`.
  void arm(ticks deadline) {
    if (by_.sstc()) {
      S::template write<csr::stimecmp>(deadline.value);
    } else {
      deadline_ = deadline;
      if constexpr (By != deadline_by::sstc) static_cast<void>(sbi_client<S>::set_timer(deadline));
    }
  }
  void cancel() { arm({no_deadline}); }
  [[nodiscard]] bool is_due() const {
    std::uint64_t const deadline = by_.sstc() ? S::template read<csr::stimecmp>() : deadline_.value;
    return deadline != no_deadline && now().value >= deadline;
  }

  /// htimedelta is added to the counter, so it is the offset's negative.
  static void set_guest_offset(ticks offset) { S::template write<csr::htimedelta>(0 - offset.value); }
  [[nodiscard]] static ticks guest_now() { return now() + ticks{S::template read<csr::htimedelta>()}; }

 private:
  hertz frequency_;
  [[no_unique_address]] deadline_choice<By> by_;
  ticks deadline_{no_deadline};  ///< what firmware was asked for last
};

/// The clock of a CPU without Sstc.
template <typename S>
using sbi_clock = hart_clock<S, deadline_by::sbi>;
/// The clock of a CPU with Sstc.
template <typename S>
using sstc_clock = hart_clock<S, deadline_by::sstc>;
/// The clock of an image that runs on both.
template <typename S>
using either_clock = hart_clock<S, deadline_by::either>;

}  // namespace axhal::riscv64
