// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "support/x86_64_guest.hpp"

#include <axhal/arch/x86_64/guest_page_tables.hpp>
#include <axhal/core/address.hpp>

#include <cstdint>
#include <cstring>
#include <functional>
#include <optional>
#include <vector>

/// A guest's RAM on the host, aligned as frames are, with tables that tests put together.
namespace axhal::test::x86 {

/// `pages` pages of RAM from `start`.
class paged_ram {
 public:
  explicit paged_ram(std::uint64_t pages, std::uint64_t start = 0) : start_{start}, pages_(pages) {}

  std::uint8_t* at(guest_phys address, std::uint64_t size) {
    if (on_look) on_look(address.value);
    std::uint64_t const room = pages_.size() * sizeof(page);
    std::uint64_t const offset = address.value - start_;
    return offset <= room && size <= room - offset ? pages_[0].bytes + offset : nullptr;
  }
  [[nodiscard]] paging_limits limits() const { return limits_; }

  [[nodiscard]] std::optional<std::uint64_t> get(std::uint64_t address, unsigned size = 8) const {
    std::uint64_t const room = pages_.size() * sizeof(page);
    std::uint64_t const offset = address - start_;
    if (offset > room || size > room - offset) return std::nullopt;
    std::uint64_t value = 0;
    std::memcpy(&value, pages_[0].bytes + offset, size);
    return value;
  }
  void put(std::uint64_t address, std::uint64_t value, unsigned size = 8) {
    std::memcpy(pages_[0].bytes + (address - start_), &value, size);
  }
  template <std::size_t N>
  void put(std::uint64_t address, std::uint8_t const (&code)[N]) {
    std::memcpy(pages_[0].bytes + (address - start_), code, N);
  }

  std::function<void(std::uint64_t)> on_look;  ///< is called before each `at`
  paging_limits limits_{};

 private:
  struct alignas(4096) page {
    std::uint8_t bytes[4096];
  };
  std::uint64_t start_;
  std::vector<page> pages_;
};

/// A recorder with such RAM.
struct memory_handler : recorder {
  static constexpr exit_set fast = exits<exit::mmio_read, exit::mmio_write>;
  paged_ram memory{64};
  paged_ram& ram() { return memory; }
};

inline constexpr std::uint64_t table_flags = 0x27;   // P, R/W, U/S, A
inline constexpr std::uint64_t kernel_flags = 0x63;  // P, R/W, A, D
inline constexpr std::uint64_t user_flags = 0x67;

/// Makes `g` one of 64-bit mode with tables of four levels, of which the highest is at 1000 and those for `linear` at
/// 2000, 3000 and 4000; the last one is empty but for `linear`, whose page is `page`.
inline void map_64(sim_guest& g, paged_ram& ram, std::uint64_t linear, std::uint64_t page,
                   std::uint64_t flags = kernel_flags) {
  g.cr0 = 0x8001'0033;  // PG, WP, NE, ET, MP, PE
  g.cr4 = 0x20;
  g.efer = 0xd00;  // NXE, LMA, LME
  g.cr3 = 0x1000;
  g.code = code_size::bits_64;
  std::uint64_t const upper = table_flags;
  ram.put(0x1000 + 8 * (linear >> 39 & 511), 0x2000 | upper);
  ram.put(0x2000 + 8 * (linear >> 30 & 511), 0x3000 | upper);
  ram.put(0x3000 + 8 * (linear >> 21 & 511), 0x4000 | upper);
  ram.put(0x4000 + 8 * (linear >> 12 & 511), page | flags);
}

}  // namespace axhal::test::x86
