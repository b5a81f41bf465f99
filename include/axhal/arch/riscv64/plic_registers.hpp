// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstdint>

namespace axhal::riscv64 {

/// Registers of the Platform-Level Interrupt Controller as offsets (RISC-V Platform-Level Interrupt Controller
/// Specification 1.0, "Memory Map"). All are 32 bits wide. A context is one privilege mode of one hart.
struct plic_registers {
  //                                                            access  one for each       what
  static constexpr std::uint64_t priority = 0x00'0000;   // rw      source             0: never; more is more urgent
  static constexpr std::uint64_t pending = 0x00'1000;    // ro      32 sources         1 bit a source
  static constexpr std::uint64_t enable = 0x00'2000;     // rw      context, 32 s.     1 bit a source
  static constexpr std::uint64_t threshold = 0x20'0000;  // rw      context            only more urgent ones pass
  static constexpr std::uint64_t claim_complete = 0x20'0004;  // rw      context            r: take one, w: done with it
  static constexpr std::uint64_t enable_stride = 0x80;        // from one context to the next
  static constexpr std::uint64_t context_stride = 0x1000;     // the same, of threshold and claim
  static constexpr std::uint32_t max_sources = 1023;          // source 0 means "none"
  static constexpr std::uint32_t max_contexts = 15872;

  /// The priority of `source`.
  [[nodiscard]] static constexpr std::uint64_t priority_of(std::uint32_t source) {
    return priority + std::uint64_t{source} * 4;
  }
  /// The pending bits of the 32 sources from `word * 32` on.
  [[nodiscard]] static constexpr std::uint64_t pending_word(std::uint32_t word) {
    return pending + std::uint64_t{word} * 4;
  }
  /// The enable bits of the 32 sources from `word * 32` on, for `context`.
  [[nodiscard]] static constexpr std::uint64_t enable_word(std::uint32_t context, std::uint32_t word) {
    return enable + context * enable_stride + std::uint64_t{word} * 4;
  }
  /// The threshold of `context`.
  [[nodiscard]] static constexpr std::uint64_t threshold_of(std::uint32_t context) {
    return threshold + context * context_stride;
  }
  /// The claim and completion register of `context`.
  [[nodiscard]] static constexpr std::uint64_t claim_of(std::uint32_t context) {
    return claim_complete + context * context_stride;
  }
};

}  // namespace axhal::riscv64
