// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/arch/aarch64/sysreg.hpp>
#include <axhal/core/access.hpp>
#include <axhal/core/address.hpp>
#include <axhal/core/result.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace axhal::aarch64 {

/// The registers of a stopped guest that every exit saves, and where the world switch finds the host's stack.
/// The layout is known to world_switch.hpp, which asserts it.
struct guest_frame {
  std::uint64_t x[31];    ///< X0..X30; X19..X29 are only here when the slow tier has been reached
  std::uint64_t host_sp;  ///< the host's stack pointer while the guest runs
  std::uint64_t elr;      ///< the guest's PC (ELR_EL2); valid in the slow tier
  std::uint64_t spsr;     ///< the guest's PSTATE (SPSR_EL2); valid in the slow tier
  std::uint64_t esr;      ///< why it stopped (ESR_EL2); valid in the slow tier
  std::uint64_t far;      ///< FAR_EL2; valid in the slow tier
  std::uint64_t hpfar;    ///< HPFAR_EL2; valid in the slow tier
  std::uint64_t vector;   ///< which vector took the exit: 0 synchronous, 1 IRQ, 2 FIQ, 3 SError
};

/// What the decoder needs of a stopped guest. Two models: the saved frame (slow tier) and the live registers (fast
/// tier, where X19..X29 are out of reach: `holds(n)` is false for them and the decoder leaves the exit to the slow
/// tier).
///
/// A context is a handle: small, and its copies speak of the same guest.
/// `x(n)`: general register n in 0..30, all other numbers read zero. `set_x(n, v)`: likewise, other numbers are
/// ignored. `pc`, `pstate`: where and how the guest goes on. `read_el1<Id>`, `write_el1<Id>`: the guest's own system
/// registers, by their plain EL1 names in both uses of EL2; only asked for when the guest is made to take an exception.
/// `guest_address(va, write)`: the guest-physical address behind a virtual one, walked as the guest would (AT S1E1R/W).
template <typename C>
concept TrapContext =
    std::is_trivially_copyable_v<C> && requires(C& c, C const& k, unsigned n, std::uint64_t v, bool write) {
      { k.esr() } -> std::same_as<std::uint64_t>;
      { k.far() } -> std::same_as<std::uint64_t>;
      { k.hpfar() } -> std::same_as<std::uint64_t>;
      { k.pc() } -> std::same_as<std::uint64_t>;
      { c.set_pc(v) } -> std::same_as<void>;
      { k.pstate() } -> std::same_as<std::uint64_t>;
      { c.set_pstate(v) } -> std::same_as<void>;
      { k.holds(n) } -> std::same_as<bool>;
      { k.x(n) } -> std::same_as<std::uint64_t>;
      { c.set_x(n, v) } -> std::same_as<void>;
      { k.template read_el1<sysreg::vbar_el1>() } -> std::same_as<std::uint64_t>;
      { c.template write_el1<sysreg::elr_el1>(v) } -> std::same_as<void>;
      { k.guest_address(v, write) } -> std::same_as<result<guest_phys, access>>;
    };

/// A context that can also read the guest's instruction at `pc`, through the guest's own tables and from the guest's
/// own memory alone. When it fails the access is not decoded. Another CPU of the guest may change the instruction at
/// any time, so the decoder takes it for a claim and checks it against the syndrome.
template <typename C>
concept FetchContext = TrapContext<C> && requires(C const& k, std::uint64_t pc) {
  { k.fetch(pc) } -> std::same_as<result<std::uint32_t, access>>;
};

/// The saved frame as a `TrapContext`. `Machine` is what the frame does not hold: `guest_address(va, write)`,
/// `read_el1<Id>()`, `write_el1<Id>(v)`, and `fetch(pc)` where there is one.
template <typename Machine>
struct saved_context {
  guest_frame& frame;
  [[no_unique_address]] Machine machine{};

  [[nodiscard]] constexpr std::uint64_t esr() const { return frame.esr; }
  [[nodiscard]] constexpr std::uint64_t far() const { return frame.far; }
  [[nodiscard]] constexpr std::uint64_t hpfar() const { return frame.hpfar; }
  [[nodiscard]] constexpr std::uint64_t pc() const { return frame.elr; }
  constexpr void set_pc(std::uint64_t value) { frame.elr = value; }
  [[nodiscard]] constexpr std::uint64_t pstate() const { return frame.spsr; }
  constexpr void set_pstate(std::uint64_t value) { frame.spsr = value; }
  /// Which vector took the exit: 0 synchronous, 1 IRQ, 2 FIQ, 3 SError.
  [[nodiscard]] constexpr std::uint64_t vector() const { return frame.vector; }

  /// All registers are in the frame.
  [[nodiscard]] static constexpr bool holds(unsigned) { return true; }
  [[nodiscard]] constexpr std::uint64_t x(unsigned n) const { return n < 31 ? frame.x[n] : 0; }
  constexpr void set_x(unsigned n, std::uint64_t value) {
    if (n < 31) frame.x[n] = value;
  }
  template <sysreg Id>
  [[nodiscard]] constexpr std::uint64_t read_el1() const {
    return machine.template read_el1<Id>();
  }
  template <sysreg Id>
  constexpr void write_el1(std::uint64_t value) {
    machine.template write_el1<Id>(value);
  }
  [[nodiscard]] constexpr result<guest_phys, access> guest_address(std::uint64_t va, bool write) const {
    return machine.guest_address(va, write);
  }
  [[nodiscard]] constexpr result<std::uint32_t, access> fetch(std::uint64_t pc) const
    requires requires(Machine const& m) { m.fetch(pc); }
  {
    return machine.fetch(pc);
  }
};

}  // namespace axhal::aarch64
