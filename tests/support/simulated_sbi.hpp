// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/arch/riscv64/sbi.hpp>
#include <axhal/core/result.hpp>
#include <axhal/policy/console.hpp>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <set>
#include <vector>

namespace axhal::test {

/// Firmware of a small machine, as the SBI specification describes it and with the habits of the firmware that QEMU
/// brings: a hart that is neither started nor stopped cannot be started (`invalid_param`), and the console drops what
/// it has no room for without a word. Its memory is the test's own: physical addresses are pointers.
///
/// Static, as the instruction is; `Tag` keeps the machines of different tests apart.
template <typename Tag = void>
struct simulated_sbi {
  struct hart {
    riscv64::hart_state state{riscv64::hart_state::stopped};
    std::uint64_t entry{};
    std::uint64_t opaque{};
    bool was_started{};
  };
  struct machine {
    std::vector<hart> harts{{riscv64::hart_state::started}, {}, {}, {}};
    std::set<riscv64::sbi_extension> missing{};
    std::vector<riscv64::sbi_request> calls{};
    std::uint64_t deadline{~std::uint64_t{0}};
    std::deque<std::uint8_t> sent{}, waiting{};
    std::size_t depth{64};  ///< of the console, in each direction
    std::uint64_t memory_end{0x1'0000'0000};
  };
  static inline machine m{};

  static riscv64::sbi_return sbi_call(std::uint64_t eid, std::uint64_t fid, std::uint64_t a0, std::uint64_t a1,
                                      std::uint64_t a2, std::uint64_t a3, std::uint64_t a4, std::uint64_t a5) {
    using riscv64::sbi_error;
    using riscv64::sbi_extension;
    m.calls.push_back({eid, fid, a0, a1, a2, a3, a4, a5});
    auto const extension = static_cast<sbi_extension>(eid);
    if (!has(extension)) return riscv64::sbi_failure(sbi_error::not_supported);
    switch (extension) {
      case sbi_extension::base:
        if (fid == 0) return riscv64::sbi_success(0x200'0000);
        if (fid == 1) return riscv64::sbi_success(1);
        if (fid == 2) return riscv64::sbi_success(0x1'0005);
        if (fid == 3) return riscv64::sbi_success(has(static_cast<sbi_extension>(a0)) ? 1 : 0);
        break;
      case sbi_extension::time: m.deadline = a0; return riscv64::sbi_success();
      case sbi_extension::hsm: return hsm(fid, a0, a1, a2);
      case sbi_extension::ipi:
      case sbi_extension::rfence: return riscv64::sbi_success();
      case sbi_extension::srst: return riscv64::sbi_failure(sbi_error::failed);  // this machine cannot be ended
      case sbi_extension::dbcn: return console(fid, a0, a1, a2);
      case sbi_extension::legacy_console_putchar: m.sent.push_back(static_cast<std::uint8_t>(a0)); return {0, a1};
      case sbi_extension::legacy_console_getchar: return {m.waiting.empty() ? -1 : received(), a1};
      default: break;
    }
    return riscv64::sbi_failure(sbi_error::not_supported);
  }

  // --- the console's far end ---

  static result<std::uint8_t, console_error> take() {
    if (m.sent.empty()) return failure{console_error::empty};
    auto const byte = m.sent.front();
    m.sent.pop_front();
    return byte;
  }
  static void send(std::uint8_t byte) {
    if (m.waiting.size() < m.depth) m.waiting.push_back(byte);
  }

 private:
  static bool has(riscv64::sbi_extension e) {
    using enum riscv64::sbi_extension;
    if (m.missing.contains(e)) return false;
    return e == base || e == time || e == ipi || e == rfence || e == hsm || e == srst || e == dbcn ||
           e == legacy_console_putchar || e == legacy_console_getchar;
  }
  static std::uint8_t received() {
    auto const byte = m.waiting.front();
    m.waiting.pop_front();
    return byte;
  }
  static riscv64::sbi_return hsm(std::uint64_t fid, std::uint64_t id, std::uint64_t entry, std::uint64_t opaque) {
    using riscv64::hart_state;
    using riscv64::sbi_error;
    if (fid == 1) return riscv64::sbi_failure(sbi_error::failed);
    if (fid != 0 && fid != 2) return riscv64::sbi_failure(sbi_error::not_supported);
    if (id >= m.harts.size()) return riscv64::sbi_failure(sbi_error::invalid_param);
    hart& h = m.harts[id];
    if (fid == 2) return riscv64::sbi_success(static_cast<std::uint64_t>(h.state));
    if (h.state == hart_state::started) return riscv64::sbi_failure(sbi_error::already_available);
    if (h.state != hart_state::stopped) return riscv64::sbi_failure(sbi_error::invalid_param);
    if (entry >= m.memory_end) return riscv64::sbi_failure(sbi_error::invalid_address);
    h = {hart_state::start_pending, entry, opaque, true};
    return riscv64::sbi_success();
  }
  static riscv64::sbi_return console(std::uint64_t fid, std::uint64_t size, std::uint64_t low, std::uint64_t high) {
    if (fid == 2) {
      m.sent.push_back(static_cast<std::uint8_t>(size));
      return riscv64::sbi_success();
    }
    if (high != 0 || fid > 2) return riscv64::sbi_failure(riscv64::sbi_error::invalid_param);
    auto* const memory = reinterpret_cast<std::uint8_t*>(static_cast<std::uintptr_t>(low));
    std::uint64_t done = 0;
    for (; done < size; ++done) {
      if (fid == 0) {
        if (m.sent.size() == m.depth) break;
        m.sent.push_back(memory[done]);
      } else {
        if (m.waiting.empty()) break;
        memory[done] = received();
      }
    }
    return riscv64::sbi_success(done);
  }
};

}  // namespace axhal::test
