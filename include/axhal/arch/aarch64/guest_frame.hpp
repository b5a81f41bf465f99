// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>

#include <axhal/core/access.hpp>
#include <axhal/core/address.hpp>
#include <axhal/core/result.hpp>

namespace axhal::aarch64 {

/// The registers of a stopped guest that every exit saves, and where the world switch finds the host's stack.
/// The layout is known to world_switch.hpp, which asserts it.
struct guest_frame {
  std::uint64_t x[31];      ///< X0..X30; X19..X29 are only here when the slow tier has been reached
  std::uint64_t host_sp;    ///< the host's stack pointer while the guest runs
  std::uint64_t elr;        ///< the guest's PC (ELR_EL2); valid in the slow tier
  std::uint64_t spsr;       ///< the guest's PSTATE (SPSR_EL2); valid in the slow tier
  std::uint64_t esr;        ///< why it stopped (ESR_EL2); valid in the slow tier
  std::uint64_t far;        ///< FAR_EL2; valid in the slow tier
  std::uint64_t hpfar;      ///< HPFAR_EL2; valid in the slow tier
  std::uint64_t vector;     ///< which vector took the exit: 0 synchronous, 1 IRQ, 2 FIQ, 3 SError
};

/// What the decoder needs of a stopped guest. Two models: the saved frame (slow tier) and the live registers (fast tier,
/// where X19..X29 are out of reach: `holds(n)` is false for them and the decoder leaves the exit to the slow tier).
///
/// `x(n)`: general register n in 0..30, 31 reads zero. `set_x(n, v)`: likewise, 31 is ignored.
/// `guest_address(far, write)`: the guest-physical address behind a virtual one, walked as the guest would (AT S1E1R/W).
template <typename C>
concept TrapContext = requires(C& c, C const& k, unsigned n, std::uint64_t v, bool write) {
  { k.esr() } -> std::same_as<std::uint64_t>;
  { k.far() } -> std::same_as<std::uint64_t>;
  { k.hpfar() } -> std::same_as<std::uint64_t>;
  { k.pc() } -> std::same_as<std::uint64_t>;
  { k.pstate() } -> std::same_as<std::uint64_t>;
  { k.holds(n) } -> std::same_as<bool>;
  { k.x(n) } -> std::same_as<std::uint64_t>;
  { c.set_x(n, v) } -> std::same_as<void>;
  { k.guest_address(v, write) } -> std::same_as<result<guest_phys, access>>;
};

}  // namespace axhal::aarch64
