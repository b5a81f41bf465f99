// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/arch/riscv64/csr.hpp>
#include <axhal/arch/riscv64/sbi.hpp>

#include <cstdint>
#include <vector>

namespace axhal::test {

/// The counter and the timer registers of one hart in HS-mode, as the privileged manual describes them, with firmware
/// that has the Timer Extension and nothing else. Without `has_sstc`, stimecmp and vstimecmp do not exist.
///
/// Static, as the instructions are; `Tag` keeps the harts of different tests apart.
template <typename Tag = void>
struct simulated_hart_timers {
  struct event {
    enum class kind { write, set, clear, call } what;
    riscv64::csr id{};
    std::uint64_t value{};
    friend bool operator==(event const&, event const&) = default;
  };
  struct hart {
    std::uint64_t counter{};
    bool has_sstc{};
    std::uint64_t stimecmp{0xdead};  // registers have no defined reset value
    std::uint64_t vstimecmp{0xdead};
    std::uint64_t htimedelta{0xbad};
    std::uint64_t hvip{0x444};
    std::uint64_t mtimecmp{~std::uint64_t{0}};  ///< what firmware compares with
    bool undefined{};                           ///< a register that is not there was used, or a call that is not
    std::vector<event> events{};
  };
  static inline hart m{};

  template <riscv64::csr Id>
  static std::uint64_t read() {
    if constexpr (Id == riscv64::csr::time) return m.counter;
    return *place(Id);
  }
  template <riscv64::csr Id>
  static void write(std::uint64_t v) {
    m.events.push_back({event::kind::write, Id, v});
    *place(Id) = v;
  }
  template <riscv64::csr Id>
  static void set(std::uint64_t bits) {
    m.events.push_back({event::kind::set, Id, bits});
    *place(Id) |= bits;
  }
  template <riscv64::csr Id>
  static void clear(std::uint64_t bits) {
    m.events.push_back({event::kind::clear, Id, bits});
    *place(Id) &= ~bits;
  }
  static riscv64::sbi_return sbi_call(std::uint64_t eid, std::uint64_t fid, std::uint64_t a0, std::uint64_t,
                                      std::uint64_t, std::uint64_t, std::uint64_t, std::uint64_t) {
    m.events.push_back({event::kind::call, {}, a0});
    if (eid != 0x5449'4d45 || fid != 0) {
      m.undefined = true;
      return {-2, 0};
    }
    m.mtimecmp = a0;
    return {0, 0};
  }

  /// The level of the hypervisor's timer interrupt.
  static bool host_line() { return m.counter >= (m.has_sstc ? m.stimecmp : m.mtimecmp); }
  /// What the loaded guest reads from its counter.
  static std::uint64_t guest_counter() { return m.counter + m.htimedelta; }
  /// The level of the guest's timer interrupt, hip.VSTIP.
  static bool guest_line() { return (m.hvip >> 6 & 1) != 0 || (m.has_sstc && guest_counter() >= m.vstimecmp); }

 private:
  static std::uint64_t* place(riscv64::csr id) {
    using riscv64::csr;
    static std::uint64_t nowhere;
    switch (id) {
      case csr::htimedelta: return &m.htimedelta;
      case csr::hvip: return &m.hvip;
      case csr::stimecmp:
        if (m.has_sstc) return &m.stimecmp;
        break;
      case csr::vstimecmp:
        if (m.has_sstc) return &m.vstimecmp;
        break;
      default: break;
    }
    m.undefined = true;
    return &nowhere;
  }
};

}  // namespace axhal::test
