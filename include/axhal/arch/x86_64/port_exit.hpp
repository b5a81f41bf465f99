// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/arch/x86_64/emulation_context.hpp>
#include <axhal/arch/x86_64/guest_view.hpp>
#include <axhal/arch/x86_64/instruction_prefixes.hpp>
#include <axhal/arch/x86_64/stopped_guest.hpp>
#include <axhal/vcpu/exit.hpp>

#include <cstdint>

namespace axhal::x86_64 {

/// An access to an I/O port, as the extensions tell it (Intel SDM vol. 3, "Exit Qualification for I/O Instructions" and
/// "VM-Exit Instruction Information"; AMD64 APM vol. 2, "IOIO Intercept Information").
struct port_access {
  std::uint16_t port{};
  std::uint8_t size{};          ///< bytes: 1, 2, 4
  bool in{};                    ///< IN, INS; else OUT, OUTS
  bool string{};                ///< INS, OUTS; what follows is theirs
  bool repeated{};              ///< with F2 or F3
  std::uint8_t address_size{};  ///< bytes: 2, 4, 8
  segment seg{};                ///< of OUTS; INS has ES whatever stands here
  friend constexpr bool operator==(port_access const&, port_access const&) = default;
};

/// IN and OUT, done with the handler's help. RAX keeps its upper bits under an IN of one or two bytes (Intel SDM vol.
/// 2, "IN - Input from Port"). `a` is no string access. `next_instruction` from the handler is `retry` here, and the
/// guest is behind the instruction; other answers come back as they are, and nothing has changed.
template <StoppedGuest C, typename H>
  requires exit_req::Handles<H, guest_view<C>, exit::port_read> && exit_req::Handles<H, guest_view<C>, exit::port_write>
[[gnu::always_inline]] constexpr resume answer_port(C& c, H& handler, port_access const& a, unsigned length) {
  guest_view<C> guest{c};
  if (a.in) return detail::stepped(c, handler(guest, exit::port_read{a.port, a.size}), length);
  auto const eax = static_cast<std::uint32_t>(c.gpr(0) & 0xffff'ffff);
  std::uint32_t const value = a.size == 1 ? eax & 0xff : a.size == 2 ? eax & 0xffff : eax;
  return detail::stepped(c, handler(guest, exit::port_write{a.port, a.size, value}), length);
}

}  // namespace axhal::x86_64
