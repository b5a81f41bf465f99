// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/arch/aarch64/esr.hpp>
#include <axhal/arch/aarch64/guest_exception.hpp>
#include <axhal/arch/aarch64/guest_frame.hpp>
#include <axhal/arch/aarch64/guest_view.hpp>
#include <axhal/arch/aarch64/mmio_decoder.hpp>
#include <axhal/core/address.hpp>
#include <axhal/core/bit_field.hpp>
#include <axhal/core/result.hpp>
#include <axhal/vcpu/emulation.hpp>
#include <axhal/vcpu/exit.hpp>

#include <cstdint>

/// Device accesses that the syndrome does not describe (ESR_EL2.ISV 0): the instruction is read from the guest and done
/// here, one device access at a time.
namespace axhal::aarch64::detail {

/// The guest's current stack pointer: SP_EL0 at EL0 and in EL1t, SP_EL1 in EL1h.
template <TrapContext C>
[[nodiscard]] constexpr std::uint64_t stack_pointer(C const& c) {
  return pstate::f_mode::get(c.pstate()) == pstate::el1h ? c.template read_el1<sysreg::sp_el1>()
                                                         : c.template read_el1<sysreg::sp_el0>();
}
template <TrapContext C>
constexpr void set_stack_pointer(C& c, std::uint64_t value) {
  if (pstate::f_mode::get(c.pstate()) == pstate::el1h) {
    c.template write_el1<sysreg::sp_el1>(value);
  } else {
    c.template write_el1<sysreg::sp_el0>(value);
  }
}

template <TrapContext C>
[[nodiscard]] constexpr std::uint64_t base_of(C const& c, load_store const& a) {
  if (a.mode == load_store::addressing::literal) return c.pc();
  return a.rn == 31 ? stack_pointer(c) : c.x(a.rn);
}

/// The access that the guest's instruction makes, or a failure when it cannot be known. What was fetched counts only
/// when it agrees with the syndrome: same direction, same address, all of it inside the page that the fault is about.
template <FetchContext C>
[[nodiscard]] constexpr result<load_store, undecoded> fetch_access(C const& c, std::uint64_t syndrome) {
  if (pstate::f_aarch32::get(c.pstate())) return failure{undecoded::unsupported};
  auto const word = c.fetch(c.pc());
  if (!word) return failure{undecoded::not_load_store};
  auto const a = decode_load_store(*word);
  if (!a) return a;
  if (a->load == abort_iss::f_wnr::get(syndrome)) return failure{undecoded::not_load_store};
  // The top byte may be a tag.
  std::uint64_t const difference = a->address(base_of(c, *a), c.x(a->rm)) ^ c.far();
  if ((difference & low_bits(56)) != 0) return failure{undecoded::not_load_store};
  if ((c.far() & 0xfff) + a->total() > 0x1000) return failure{undecoded::unsupported};
  return a;
}

/// Tells the handler one half of the access, at `distance` bytes from its start.
template <TrapContext C, typename H>
constexpr resume access_register(C& c, H& handler, load_store const& a, guest_phys start, std::uint8_t reg,
                                 std::uint64_t distance) {
  guest_view<C> guest{c, distance};
  guest_phys const address = start + distance;
  if (!a.load) return handler(guest, exit::mmio_write{address, a.size, truncated(c.x(reg), a.size)});
  return handler(guest, exit::mmio_read{address, a.size, reg < 31 ? reg : exit::mmio_read::no_register, a.sign_extend,
                                        a.register_size});
}

/// Does the access with the handler's help. A pair is two exits, lower address first, and the second one happens only
/// after `next_instruction` to the first. Unless both end so, the base and the first register are as before,
/// and what the handler answered last comes back: a fault that it injected finds the registers as the architecture
/// wants them.
template <TrapContext C, typename H>
constexpr resume emulate(C& c, H& handler, load_store const& a, guest_phys start) {
  std::uint64_t const base = base_of(c, a);
  auto const half = [&](std::uint8_t reg, std::uint64_t distance) {
    return access_register(c, handler, a, start, reg, distance);
  };
  std::uint64_t const first = c.x(a.rt);
  auto const answer = !a.pair ? half(a.rt, 0)
                              : in_two_exits([&] { return half(a.rt, 0); }, [&] { return half(a.rt2, a.size); },
                                             [&] {
                                               if (a.load) c.set_x(a.rt, first);
                                             });
  if (answer != resume::next_instruction) return answer;
  if (a.writes_base()) {
    if (a.rn == 31) {
      set_stack_pointer(c, a.new_base(base));
    } else {
      c.set_x(a.rn, a.new_base(base));
    }
  }
  return resume::next_instruction;
}

}  // namespace axhal::aarch64::detail
