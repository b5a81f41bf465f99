// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/arch/x86_64/control_register_rules.hpp>
#include <axhal/arch/x86_64/control_register_writes.hpp>
#include <axhal/arch/x86_64/emulation_context.hpp>
#include <axhal/arch/x86_64/guest_view.hpp>
#include <axhal/arch/x86_64/msr.hpp>
#include <axhal/arch/x86_64/stopped_guest.hpp>
#include <axhal/vcpu/dispatch.hpp>
#include <axhal/vcpu/exit.hpp>

#include <cstdint>

namespace axhal::x86_64 {

/// True when all eight entries of a page attribute table name a memory type (Intel SDM vol. 3, "IA32_PAT MSR": 0, 1 and
/// 4 to 7).
[[nodiscard]] constexpr bool is_valid_pat(std::uint64_t value) {
  constexpr unsigned types = 0b1111'0011;
  for (unsigned n = 0; n < 8; ++n) {
    auto const type = static_cast<unsigned>(value >> (8 * n) & 0xff);
    if (type > 7 || (types >> type & 1) == 0) return false;
  }
  return true;
}

/// RDMSR of a register that traps. EFER and PAT are answered here, all others by the handler, who injects an undefined
/// instruction for those that do not exist: it becomes a #GP. Answers as `answer_port` does.
template <StoppedGuest C, typename H>
  requires exit_req::Handles<H, guest_view<C>, exit::register_read>
[[gnu::always_inline]] constexpr resume answer_rdmsr(C& c, H& handler, unsigned length) {
  guest_view<C> guest{c, 0, stopped_by::msr_access};
  auto const id = static_cast<std::uint32_t>(c.gpr(1) & 0xffff'ffff);
  exit::register_read const e{id, 0};
  if (id == msr::efer || id == msr::pat) {
    guest.complete_register_read(e, id == msr::efer ? c.efer() : c.pat());
    c.step_over(length);
    return resume::retry;
  }
  if (id >= register_id::first) return detail::refused(c);
  return detail::stepped(c, handler(guest, e), length);
}

/// WRMSR of a register that traps, likewise.
template <StoppedGuest C, typename H>
  requires exit_req::Handles<H, guest_view<C>, exit::register_write>
[[gnu::always_inline]] constexpr resume answer_wrmsr(C& c, H& handler, unsigned length) {
  guest_view<C> guest{c, 0, stopped_by::msr_access};
  auto const id = static_cast<std::uint32_t>(c.gpr(1) & 0xffff'ffff);
  std::uint64_t const value = c.gpr(2) << 32 | (c.gpr(0) & 0xffff'ffff);
  if (id == msr::efer) return detail::write_efer(c, handler, value, length);
  if (id == msr::pat) {
    if (!is_valid_pat(value)) return detail::refused(c);
    c.set_pat(value);
    c.step_over(length);
    return resume::retry;
  }
  if (id >= register_id::first) return detail::refused(c);
  return detail::stepped(c, handler(guest, exit::register_write{id, value}), length);
}

}  // namespace axhal::x86_64
