// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/arch/riscv64/guest_frame.hpp>
#include <axhal/arch/riscv64/guest_view.hpp>
#include <axhal/arch/riscv64/mmio_decoder.hpp>
#include <axhal/arch/riscv64/scause.hpp>
#include <axhal/arch/riscv64/trapped_instruction.hpp>
#include <axhal/core/address.hpp>
#include <axhal/core/result.hpp>
#include <axhal/vcpu/dispatch.hpp>
#include <axhal/vcpu/emulation.hpp>
#include <axhal/vcpu/exit.hpp>

#include <cstdint>

/// Device accesses that the fast tier leaves: htinst says nothing, or describes an AMO or a misaligned access. What was
/// asked for is found out and done here, one device access at a time.
namespace axhal::riscv64::detail {

/// A guest-page fault's address: htval has bits from 2, stval the two low ones ("Hypervisor Trap Value (htval)
/// Register").
[[nodiscard, gnu::always_inline]] constexpr guest_phys faulting_address(std::uint64_t htval, std::uint64_t stval) {
  return guest_phys{htval << 2 | (stval & 3)};
}

/// True when `distance` bytes before `address` an access of `size` bytes begins that contains it and lies in one page.
[[nodiscard]] constexpr bool in_one_page(std::uint64_t address, std::uint64_t distance, unsigned size) {
  constexpr std::uint64_t page = 0x1000;
  std::uint64_t const offset = address & (page - 1);
  return distance < size && distance <= offset && offset - distance + size <= page;
}

/// How the search for the access ended where there is none to be done.
enum class no_access : std::uint8_t {
  unknown,   ///< it cannot be known, or is one that devices are not accessed with
  unread,    ///< the context does not reach the guest's instruction, or the register with the address
  vanished,  ///< the guest's own tables refuse the instruction by now
};

/// The access that the instruction which stopped with `cause` makes, from htinst or else from the instruction itself.
/// What was fetched counts only when it agrees with the fault: same direction, same address.
template <TrapContext C>
[[nodiscard]] constexpr result<transformed_access, no_access> find_access(C const& c, std::uint64_t cause) {
  bool const wants_write = cause == scause::of(exception::store_guest_page);
  auto const checked = [&](transformed_access const& a) -> result<transformed_access, no_access> {
    if ((a.access.what != load_store::kind::load) != wants_write) return failure{no_access::unknown};
    if (!in_one_page(c.stval(), a.distance, a.access.size)) return failure{no_access::unknown};
    return a;
  };
  auto const described = decode_transformed(c.htinst());
  if (described) return checked(*described);
  if (described.error() == undecoded::unsupported) return failure{no_access::unknown};
  if constexpr (FetchContext<C>) {
    auto const word = c.fetch(c.pc());
    if (!word) return failure{no_access::vanished};
    auto const a = decode_load_store(*word);
    if (!a) return failure{no_access::unknown};
    if (!c.holds(a->rs1)) return failure{no_access::unread};
    std::uint64_t const distance = c.stval() - a->address(c.x(a->rs1));
    if (distance >= a->size) return failure{no_access::unknown};
    return checked({*a, static_cast<std::uint8_t>(distance)});
  } else {
    return failure{no_access::unread};
  }
}

/// The read of a load or an AMO.
[[nodiscard]] constexpr exit::mmio_read read_of(load_store const& a, guest_phys start) {
  return {start, a.size, a.rd != 0 ? a.rd : exit::mmio_read::no_register, a.sign_extend, 8};
}

/// Does the access with the handler's help and steps over the instruction. An AMO is two exits, the read first
/// (`in_two_exits`), and the register holds what it held unless both end with `next_instruction`.
template <TrapContext C, typename H>
constexpr resume emulate(C& c, H& handler, load_store const& a, guest_phys start) {
  guest_view<C> guest{c};
  if (!c.holds(a.rd) || !c.holds(a.rs2)) return resume::slow;
  switch (a.what) {
    case load_store::kind::load: return stepped(c, handler(guest, read_of(a, start)), a.length);
    case load_store::kind::store:
      return stepped(c, handler(guest, exit::mmio_write{start, a.size, truncated(c.x(a.rs2), a.size)}), a.length);
    case load_store::kind::amo: break;
  }
  if (is_fast<H>) return resume::slow;
  std::uint64_t const operand = c.x(a.rs2);
  std::uint64_t const before = c.x(a.rd);
  auto const read = [&] { return handler(guest, read_of(a, start)); };
  auto const write = [&] {
    std::uint64_t const value = truncated(a.combined(guest.completed, operand), a.size);
    return handler(guest, exit::mmio_write{start, a.size, value});
  };
  return stepped(c, in_two_exits(read, write, [&] { c.set_x(a.rd, before); }), a.length);
}

}  // namespace axhal::riscv64::detail
