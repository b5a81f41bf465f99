// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/arch/riscv64/csr.hpp>
#include <axhal/core/access.hpp>
#include <axhal/core/address.hpp>
#include <axhal/core/result.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace axhal::riscv64 {

/// The registers of a stopped guest that every exit saves, and where the world switch finds the host's stack.
/// The layout is known to world_switch.hpp, which asserts it.
struct guest_frame {
  std::uint64_t x[32];    ///< x1..x31; x[0] is 0. x3, x4, x8, x9 and x18..x27 are only sure to be here in the slow tier
  std::uint64_t host_sp;  ///< the host's stack pointer while the guest runs
  std::uint64_t host_gp;  ///< the host's gp and tp, which the guest's replace
  std::uint64_t host_tp;  ///< likewise
  std::uint64_t sepc;     ///< the guest's PC; valid in the slow tier
  std::uint64_t sstatus;  ///< sstatus to run the guest with: SPP and FS, VS; valid in the slow tier
  std::uint64_t hstatus;  ///< hstatus to run the guest with; SPVP of the exit; valid in the slow tier
  std::uint64_t scause;   ///< why it stopped; valid in the slow tier
  std::uint64_t stval;    ///< valid in the slow tier
  std::uint64_t htval;    ///< guest-physical address, shifted right by two; valid in the slow tier
  std::uint64_t htinst;   ///< the trapped instruction, transformed, or 0; valid in the slow tier
};

/// True for registers that the fast tier leaves where they are, s0..s11: the compiler keeps them, as the calling
/// convention asks.
[[nodiscard, gnu::always_inline]] constexpr bool is_callee_saved(unsigned n) {
  return n == 8 || n == 9 || (n >= 18 && n <= 27);
}

/// What the decoder needs of a stopped guest. Two models: the saved frame (slow tier) and the live registers (fast
/// tier, where gp, tp and s0..s11 are out of reach: `holds(n)` is false for them and the decoder leaves the exit to the
/// slow tier).
///
/// A context is a handle: small, and its copies speak of the same guest.
/// `x(n)`: general register n, 0 and numbers past 31 read zero. `set_x(n, v)`: likewise, they are ignored. `pc`: where
/// the guest goes on. `from_user`: it stopped in VU-mode. `sstatus`: the host's, as the guest ran with it: whether FS
/// and VS let it use FP and vector registers. `read_vs<Id>`, `write_vs<Id>`: the guest's own supervisor registers, by
/// their vs names where they have one, by their own where they do not (scounteren); only asked for when an instruction
/// was refused or the guest is made to take an exception. `set_user(user)`: the mode it goes on in.
template <typename C>
concept TrapContext = std::is_trivially_copyable_v<C> && requires(C& c, C const& k, unsigned n, std::uint64_t v) {
  { k.scause() } -> std::same_as<std::uint64_t>;
  { k.stval() } -> std::same_as<std::uint64_t>;
  { k.htval() } -> std::same_as<std::uint64_t>;
  { k.htinst() } -> std::same_as<std::uint64_t>;
  { k.pc() } -> std::same_as<std::uint64_t>;
  { c.set_pc(v) } -> std::same_as<void>;
  { k.sstatus() } -> std::same_as<std::uint64_t>;
  { k.from_user() } -> std::same_as<bool>;
  { c.set_user(bool{}) } -> std::same_as<void>;
  { k.holds(n) } -> std::same_as<bool>;
  { k.x(n) } -> std::same_as<std::uint64_t>;
  { c.set_x(n, v) } -> std::same_as<void>;
  { k.template read_vs<csr::vsstatus>() } -> std::same_as<std::uint64_t>;
  { c.template write_vs<csr::vsepc>(v) } -> std::same_as<void>;
};

/// A context that can also read the guest's instruction at `pc`, as the guest would fetch it (HLVX.HU): the low
/// 16 bits when the instruction is a compressed one, 32 bits otherwise. When it fails, the guest's own tables or memory
/// refuse by now. Another CPU of the guest may change the instruction at any time, so the decoder takes it for a claim
/// and checks it against the cause.
template <typename C>
concept FetchContext = TrapContext<C> && requires(C const& k, std::uint64_t pc) {
  { k.fetch(pc) } -> std::same_as<result<std::uint32_t, access>>;
};

/// The saved frame as a `TrapContext`. `Machine` is what the frame does not hold: `read_vs<Id>()`, `write_vs<Id>(v)`,
/// and `fetch(pc)` where there is one.
template <typename Machine>
struct saved_context {
  guest_frame& frame;
  [[no_unique_address]] Machine machine{};

  [[nodiscard]] constexpr std::uint64_t scause() const { return frame.scause; }
  [[nodiscard]] constexpr std::uint64_t stval() const { return frame.stval; }
  [[nodiscard]] constexpr std::uint64_t htval() const { return frame.htval; }
  [[nodiscard]] constexpr std::uint64_t htinst() const { return frame.htinst; }
  [[nodiscard]] constexpr std::uint64_t pc() const { return frame.sepc; }
  constexpr void set_pc(std::uint64_t value) { frame.sepc = value; }
  [[nodiscard]] constexpr std::uint64_t sstatus() const { return frame.sstatus; }
  [[nodiscard]] constexpr bool from_user() const { return !sstatus::f_spp::get(frame.sstatus); }
  constexpr void set_user(bool user) { frame.sstatus = sstatus::f_spp::with(frame.sstatus, !user); }

  /// All registers are in the frame.
  [[nodiscard]] static constexpr bool holds(unsigned) { return true; }
  [[nodiscard]] constexpr std::uint64_t x(unsigned n) const { return n < 32 ? frame.x[n] : 0; }
  constexpr void set_x(unsigned n, std::uint64_t value) {
    if (n != 0 && n < 32) frame.x[n] = value;
  }
  template <csr Id>
  [[nodiscard]] constexpr std::uint64_t read_vs() const {
    return machine.template read_vs<Id>();
  }
  template <csr Id>
  constexpr void write_vs(std::uint64_t value) {
    machine.template write_vs<Id>(value);
  }
  [[nodiscard]] constexpr result<std::uint32_t, access> fetch(std::uint64_t pc) const
    requires requires(Machine const& m) { m.fetch(pc); }
  {
    return machine.fetch(pc);
  }
};

}  // namespace axhal::riscv64
