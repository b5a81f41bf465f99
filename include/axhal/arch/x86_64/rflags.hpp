// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/core/bit_field.hpp>

#include <cstdint>

namespace axhal::x86_64 {

/// RFLAGS (Intel SDM vol. 1, "EFLAGS Register"; the upper 32 bits are reserved).
namespace rflags {
using f_cf = bit_field<bool, 0>;                  ///< carry, borrow, or the bit that BT found
using f_pf = bit_field<bool, 2>;                  ///< the result's low byte has an even number of ones
using f_af = bit_field<bool, 4>;                  ///< carry out of bit 3
using f_zf = bit_field<bool, 6>;                  ///< the result is zero
using f_sf = bit_field<bool, 7>;                  ///< the result's sign
using f_tf = bit_field<bool, 8>;                  ///< single step
using f_if = bit_field<bool, 9>;                  ///< interrupts are taken
using f_df = bit_field<bool, 10>;                 ///< string instructions go down
using f_of = bit_field<bool, 11>;                 ///< signed overflow
using f_iopl = bit_field<std::uint8_t, 13, 12>;   ///< I/O privilege
using f_nt = bit_field<bool, 14>;                 ///< nested task
using f_rf = bit_field<bool, 16>;                 ///< instruction breakpoints are not taken
using f_vm = bit_field<bool, 17>;                 ///< virtual-8086 mode
using f_ac = bit_field<bool, 18>;                 ///< alignment is checked; access to user pages (SMAP)
using f_vif = bit_field<bool, 19>;                ///< virtual IF
using f_vip = bit_field<bool, 20>;                ///< a virtual interrupt waits
using f_id = bit_field<bool, 21>;                 ///< can be changed where CPUID exists
inline constexpr std::uint64_t reserved_one = 2;  ///< bit 1, which is always set

/// The status flags: what arithmetic leaves behind.
inline constexpr std::uint64_t status = f_cf::mask | f_pf::mask | f_af::mask | f_zf::mask | f_sf::mask | f_of::mask;
}  // namespace rflags

/// A condition as the low four bits of Jcc, SETcc and CMOVcc have it; an odd number is the one before, negated
/// (Intel SDM vol. 2, "Condition Test Field").
enum class condition : std::uint8_t { o, no, b, ae, e, ne, be, a, s, ns, p, np, l, ge, le, g };

/// True when `flags` fulfil `c`.
[[nodiscard]] constexpr bool holds(condition c, std::uint64_t flags) {
  using namespace rflags;
  auto const number = static_cast<unsigned>(c);
  bool const less = f_sf::get(flags) != f_of::get(flags);
  bool answer = false;
  switch ((number >> 1) & 7) {
    case 0: answer = f_of::get(flags); break;
    case 1: answer = f_cf::get(flags); break;
    case 2: answer = f_zf::get(flags); break;
    case 3: answer = f_cf::get(flags) || f_zf::get(flags); break;
    case 4: answer = f_sf::get(flags); break;
    case 5: answer = f_pf::get(flags); break;
    case 6: answer = less; break;
    default: answer = less || f_zf::get(flags); break;
  }
  return answer != ((number & 1) != 0);
}

}  // namespace axhal::x86_64
