// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/arch/x86_64/guest_access.hpp>
#include <axhal/arch/x86_64/guest_page_tables.hpp>
#include <axhal/arch/x86_64/guest_walk.hpp>
#include <axhal/arch/x86_64/instruction_prefixes.hpp>
#include <axhal/arch/x86_64/stopped_guest.hpp>
#include <axhal/core/address.hpp>
#include <axhal/core/bit_field.hpp>

#include <cstdint>

/// The short way to a guest's code, for exits that happen often.
namespace axhal::x86_64::detail {

/// The first `size` (1 to 15) bytes at the guest's RIP on the host, when that is easy: 64-bit code, tables of four
/// levels, all of them in RAM, whose entries are marked accessed already and allow the fetch without a second look, and
/// bytes in one page. Null otherwise, which says nothing: `fetch_instruction` is the judge. Writes nothing.
template <StoppedGuest C, GuestRam M>
[[nodiscard, gnu::always_inline]] inline std::uint8_t const* code_within_reach(C const& c, M& ram, unsigned size) {
  std::uint64_t const linear = c.rip();
  if (c.code() != code_size::bits_64 || cr4::f_la57::get(c.cr4()) || !is_canonical(linear, 48)) return nullptr;
  if ((linear & 0xfff) > 0x1000 - size) return nullptr;
  std::uint64_t at = c.cr3() & guest_pte::address;
  std::uint64_t all = ~std::uint64_t{0};
  std::uint64_t any = 0;
  auto const follow = [&](unsigned shift) __attribute__((always_inline)) {
    std::uint8_t const* const place = ram.at({at | (linear >> (shift - 3) & 0xff8)}, 8);
    if (place == nullptr) return false;
    // An entry that is absent is followed as well: it leads nowhere but into RAM, and is found out in the end.
    at = load<std::uint64_t>(place);
    all &= at;
    any |= at;
    return true;
  };
  auto const is_large = [&] { return (at & guest_pte::page_size) != 0; };
  unsigned page_bits = 12;
  if (!follow(39) || is_large()) return nullptr;
  at &= guest_pte::address;
  if (!follow(30)) return nullptr;
  if (is_large()) {
    if (!limits_of(ram).pages_1g) return nullptr;
    page_bits = 30;
  } else {
    at &= guest_pte::address;
    if (!follow(21)) return nullptr;
    if (is_large()) {
      page_bits = 21;
    } else {
      at &= guest_pte::address;
      if (!follow(12)) return nullptr;
    }
  }
  // Supervisors' code in users' pages is a matter of SMEP: not here. No entry may have bit 63, reserved or not.
  std::uint64_t const user = c.cpl() == 3 ? guest_pte::user : 0;
  constexpr std::uint64_t needed = guest_pte::present | guest_pte::accessed;
  if ((all & (needed | guest_pte::user)) != (needed | user) || (any & guest_pte::no_execute) != 0) return nullptr;
  std::uint64_t const offset = low_bits(page_bits);
  if ((at & offset & ~low_bits(13)) != 0) return nullptr;  // reserved in large pages
  return ram.at({(at & guest_pte::address & ~offset) | (linear & offset)}, size);
}

}  // namespace axhal::x86_64::detail
