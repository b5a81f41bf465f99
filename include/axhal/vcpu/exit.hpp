// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/core/access.hpp>
#include <axhal/core/address.hpp>

#include <concepts>
#include <cstdint>

namespace axhal {

/// Why a guest stopped, in words that all architectures share.
namespace exit {

/// Asked the hypervisor for a service (HVC, SMC, ECALL, VMCALL). Number and arguments are in the vCPU's registers.
/// Answer `next_instruction`, whether or not hardware has stepped over the instruction already: the decoder knows.
struct hypercall {
  std::uint64_t number;     ///< which service, from the register where the convention has it (X0, a7, RAX)
  std::uint16_t immediate;  ///< the number inside the instruction where there is one, else 0
  bool firmware_conduit;    ///< meant for the firmware (SMC)
};

/// Loaded from an address that no memory is mapped at. Answer with `complete_read`.
struct mmio_read {
  guest_phys address;
  std::uint8_t size;           ///< bytes: 1, 2, 4 or 8
  std::uint8_t reg;            ///< the register to be written; `no_register` when the value is dropped
  bool sign_extend;            ///< the value's sign bit fills the register's upper bits
  std::uint8_t register_size;  ///< bytes of the register that are written: 4 or 8 (the rest is zeroed)
  static constexpr std::uint8_t no_register = 0xff;
};

/// Stored to an address that no memory is mapped at.
struct mmio_write {
  guest_phys address;
  std::uint8_t size;    ///< bytes: 1, 2, 4 or 8
  std::uint64_t value;  ///< the low `size` bytes; the rest is zero
};

/// Touched guest-physical memory in a way that is no plain device access: no mapping or no right, and the access could
/// not be decoded as a load or store, or was an instruction fetch.
struct memory_fault {
  guest_phys address;
  access wanted;
  bool walk;  ///< the access was made by the guest's own page-table walk
};

/// Read a system register, CSR or MSR that is trapped.
struct register_read {
  std::uint32_t id;  ///< the architecture's own number of the register
  std::uint8_t reg;  ///< the register to be written
};

/// Wrote a system register, CSR or MSR that is trapped.
struct register_write {
  std::uint32_t id;
  std::uint64_t value;
};

/// Read an I/O port (x86). Answer with `complete_port_read`.
struct port_read {
  std::uint16_t port;
  std::uint8_t size;
};

/// Wrote an I/O port (x86).
struct port_write {
  std::uint16_t port;
  std::uint8_t size;
  std::uint32_t value;
};

/// Has nothing to do until an interrupt (WFI, HLT).
struct idle {};

/// Waits for another CPU in a loop (WFE, PAUSE).
struct yield {};

/// Used state that is switched lazily for the first time since it was switched away.
struct lazy_state {
  /// Which registers. Where FP, SIMD and vectors are the same registers it is always `fp`.
  enum class part : std::uint8_t { fp, vector };
  part used{part::fp};
};

/// Executed an instruction that this virtual machine does not have. The architecture's answer is an
/// undefined-instruction exception.
struct refused_instruction {
  std::uint64_t raw;  ///< the hardware's own word about it
};

/// The host has work to do first: a physical interrupt is pending.
struct host_interrupt {};

/// The machine reports an error that happened while the guest ran (SError, NMI, machine check).
struct host_error {
  std::uint64_t raw;
};

/// A reason that this library has no word for. Carries the hardware's own word, never dropped.
struct unknown {
  std::uint64_t raw;
};

}  // namespace exit

/// The kinds of exit, as an index for counters and a bit for sets. The order is the order of a report.
enum class exit_kind : std::uint8_t {
  hypercall,
  mmio_read,
  mmio_write,
  memory_fault,
  register_read,
  register_write,
  port_read,
  port_write,
  idle,
  yield,
  lazy_state,
  refused_instruction,
  host_interrupt,
  host_error,
  unknown,
};
inline constexpr unsigned exit_kind_count = 15;

// clang-format off
namespace detail {
template <typename E>
struct kind_of;
template <>
struct kind_of<exit::hypercall> {
  static constexpr auto value = exit_kind::hypercall;
};
template <>
struct kind_of<exit::mmio_read> {
  static constexpr auto value = exit_kind::mmio_read;
};
template <>
struct kind_of<exit::mmio_write> {
  static constexpr auto value = exit_kind::mmio_write;
};
template <>
struct kind_of<exit::memory_fault> {
  static constexpr auto value = exit_kind::memory_fault;
};
template <>
struct kind_of<exit::register_read> {
  static constexpr auto value = exit_kind::register_read;
};
template <>
struct kind_of<exit::register_write> {
  static constexpr auto value = exit_kind::register_write;
};
template <>
struct kind_of<exit::port_read> {
  static constexpr auto value = exit_kind::port_read;
};
template <>
struct kind_of<exit::port_write> {
  static constexpr auto value = exit_kind::port_write;
};
template <>
struct kind_of<exit::idle> {
  static constexpr auto value = exit_kind::idle;
};
template <>
struct kind_of<exit::yield> {
  static constexpr auto value = exit_kind::yield;
};
template <>
struct kind_of<exit::lazy_state> {
  static constexpr auto value = exit_kind::lazy_state;
};
template <>
struct kind_of<exit::refused_instruction> {
  static constexpr auto value = exit_kind::refused_instruction;
};
template <>
struct kind_of<exit::host_interrupt> {
  static constexpr auto value = exit_kind::host_interrupt;
};
template <>
struct kind_of<exit::host_error> {
  static constexpr auto value = exit_kind::host_error;
};
template <>
struct kind_of<exit::unknown> {
  static constexpr auto value = exit_kind::unknown;
};
}  // namespace detail

/// The kind of an exit type.
template <typename E>
inline constexpr exit_kind kind_of = detail::kind_of<E>::value;

/// What the hypervisor wants next.
enum class resume : std::uint8_t {
  retry,             ///< run the guest; the instruction that stopped is executed again, or was completed by hardware
  next_instruction,  ///< step over the instruction that stopped, then run the guest
  slow,              ///< fast tier only: not answered; save everything and ask the slow tier
  stop,              ///< do not run the guest
};

/// A set of exit kinds.
struct exit_set {
  std::uint32_t bits{};
  [[nodiscard]] constexpr bool contains(exit_kind k) const { return ((bits >> static_cast<unsigned>(k)) & 1) != 0; }
};

/// The set of the kinds of these exits: `exits<exit::hypercall, exit::mmio_read>`.
template <typename... E>
inline constexpr exit_set exits{(std::uint32_t{0} | ... | (std::uint32_t{1} << static_cast<unsigned>(kind_of<E>)))};

namespace exit_req {
/// `H` answers exits of type `Exit` of a guest seen through `Guest`.
template <typename H, typename Guest, typename Exit>
concept Handles = requires(H& h, Guest& guest, Exit const& e) {
  { h(guest, e) } -> std::same_as<resume>;
};
}  // namespace exit_req

/// Answers every kind of exit. A missing overload is a compile error that names the exit.
///
/// `Guest` is what the handler sees of the vCPU (`GuestContext`): its registers, and ways to complete or refuse.
template <typename H, typename Guest>
concept ExitHandler =
    exit_req::Handles<H, Guest, exit::hypercall> && exit_req::Handles<H, Guest, exit::mmio_read> &&
    exit_req::Handles<H, Guest, exit::mmio_write> && exit_req::Handles<H, Guest, exit::memory_fault> &&
    exit_req::Handles<H, Guest, exit::register_read> && exit_req::Handles<H, Guest, exit::register_write> &&
    exit_req::Handles<H, Guest, exit::port_read> && exit_req::Handles<H, Guest, exit::port_write> &&
    exit_req::Handles<H, Guest, exit::idle> && exit_req::Handles<H, Guest, exit::yield> &&
    exit_req::Handles<H, Guest, exit::lazy_state> && exit_req::Handles<H, Guest, exit::refused_instruction> &&
    exit_req::Handles<H, Guest, exit::host_interrupt> && exit_req::Handles<H, Guest, exit::host_error> &&
    exit_req::Handles<H, Guest, exit::unknown>;

/// What a guest is made to suffer when the hypervisor refuses.
struct guest_fault {
  enum class kind : std::uint8_t {
    undefined_instruction,  ///< the instruction does not exist for this guest
    bus_error,              ///< nothing answers at that address (external abort, access fault)
    misaligned,             ///< what is there does no access at this alignment
  };
  kind what{kind::undefined_instruction};
  std::uint64_t address{};      ///< not for instructions: guest-virtual; 0 is the access that stopped the guest
  access wanted{access::read};  ///< not for instructions
  friend constexpr bool operator==(guest_fault, guest_fault) = default;
};

/// What an exit handler sees of a stopped vCPU, whichever tier it is called from.
///
/// `argument(n)` is the n-th argument register of the architecture's calling convention (n in 0..6; others read 0);
/// `set_result(n, v)` writes the n-th result register (n in 0..3, as many as the convention has; others are ignored).
/// `complete_read(e, v)` puts a loaded value into the register that `e` names, extended as `e` says.
/// `complete_register_read(e, v)` likewise. An instruction that reads and then writes is told as a read and a write, and
/// what it writes is made of what the read was completed with.
/// `inject(f)` makes the guest take `f` when it runs next; answer `resume::retry` after it.
template <typename G>
concept GuestContext = requires(G& g, G const& c, unsigned n, std::uint64_t v, exit::mmio_read const& load,
                                exit::register_read const& read, guest_fault fault) {
  { c.argument(n) } -> std::same_as<std::uint64_t>;
  { g.set_result(n, v) } -> std::same_as<void>;
  { g.complete_read(load, v) } -> std::same_as<void>;
  { g.complete_register_read(read, v) } -> std::same_as<void>;
  { g.inject(fault) } -> std::same_as<void>;
};

/// A stopped vCPU of an architecture that has I/O ports: the guest of which `exit::port_read` and `exit::port_write`
/// are told. `complete_port_read(e, v)` puts `v`'s low `e.size` bytes where the instruction wants them.
template <typename G>
concept PortGuestContext = GuestContext<G> && requires(G& g, exit::port_read const& e, std::uint64_t v) {
  { g.complete_port_read(e, v) } -> std::same_as<void>;
};

}  // namespace axhal
