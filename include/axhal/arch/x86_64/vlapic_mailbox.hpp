// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <atomic>
#include <cstdint>

namespace axhal::x86_64 {

/// What came for a vCPU past IRR, to be done in this order.
struct vlapic_events {
  bool init{};          ///< the processor is to be as after INIT; its local APIC already is
  bool start{};         ///< it waited for a start-up IPI, and runs now from physical address `page` * 4096, real mode
  std::uint8_t page{};  ///< meaningful with `start`
  bool nmi{};
  bool extint{};  ///< an interrupt whose vector an 8259 has
  friend constexpr bool operator==(vlapic_events const&, vlapic_events const&) = default;
};

/// Where other CPUs leave what a local APIC hands to its processor without a place in IRR. Any number of writers; the
/// vCPU's CPU takes it out. Each thing is there once or not at all.
class vlapic_mailbox {
 public:
  enum : std::uint32_t { nmi = 1, init = 2, start = 4, extint = 8, error = 16 };

  void put(std::uint32_t what) { what_.fetch_or(what, std::memory_order_release); }
  /// A start-up IPI that came before means nothing any more.
  void put_init() {
    what_.fetch_and(~std::uint32_t{start}, std::memory_order_relaxed);
    put(init);
  }
  void put_start(std::uint8_t page) {
    page_.store(page, std::memory_order_relaxed);
    put(start);
  }
  [[nodiscard]] bool is_empty() const { return what_.load(std::memory_order_relaxed) == 0; }
  [[nodiscard]] std::uint32_t take() { return what_.exchange(0, std::memory_order_acquire); }
  /// Of the last start-up IPI.
  [[nodiscard]] std::uint8_t page() const { return page_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint32_t> what_{};
  std::atomic<std::uint8_t> page_{};
};

}  // namespace axhal::x86_64
