// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/arch/x86_64/control_registers.hpp>
#include <axhal/arch/x86_64/guest_access.hpp>
#include <axhal/arch/x86_64/guest_page_tables.hpp>
#include <axhal/arch/x86_64/instruction_prefixes.hpp>
#include <axhal/arch/x86_64/stopped_guest.hpp>
#include <axhal/core/address.hpp>
#include <axhal/core/bit_field.hpp>

#include <cstdint>

/// The short way to a guest's code, for exits that happen often.
namespace axhal::x86_64::detail {

/// The first `size` (1 to 15) bytes at the RIP of a guest that stopped at the instruction there, on the host, when that
/// is easy: 64-bit code, tables of four levels, all of it in RAM, and bytes in one page. Null otherwise, which says
/// nothing: `fetch_instruction` is the judge.
///
/// The processor has fetched that instruction a moment ago, so rights, reserved bits and accessed bits were its matter,
/// and RIP is canonical; entries are only asked where they lead. Writes nothing. Made for few instructions: a `ram`
/// whose `at` tells the compiler that what it finds is not null spares the second comparison.
template <StoppedGuest C, GuestRam M>
[[nodiscard, gnu::always_inline]] inline std::uint8_t const* code_within_reach(C const& c, M& ram, unsigned size) {
  constexpr std::uint64_t page = 0x1000;
  std::uint64_t const linear = c.rip();
  if (c.code() != code_size::bits_64 || cr4::f_la57::get(c.cr4())) return nullptr;
  if ((linear & (page - 1)) > page - size) return nullptr;
  std::uint64_t entry = c.cr3();
  std::uint64_t all = guest_pte::present;
  // An absent entry is followed like any other: it leads nowhere but into RAM, and shows in the end.
  auto const follow = [&](unsigned shift) __attribute__((always_inline)) {
    std::uint8_t const* const place = ram.at({(entry & guest_pte::address) | (linear >> (shift - 3) & 0xff8)}, 8);
    if (place == nullptr) return false;
    entry = load<std::uint64_t>(place);
    all &= entry;
    return true;
  };
  auto const code = [&](unsigned bits) __attribute__((always_inline)) -> std::uint8_t const* {
    if (all == 0) return nullptr;
    return ram.at({(entry & guest_pte::address & ~low_bits(bits)) | (linear & low_bits(bits))}, size);
  };
  if (!follow(39) || !follow(30)) return nullptr;
  if ((entry & guest_pte::page_size) != 0) return code(30);
  if (!follow(21)) return nullptr;
  if ((entry & guest_pte::page_size) != 0) return code(21);
  if (!follow(12)) return nullptr;
  return code(12);
}

}  // namespace axhal::x86_64::detail
