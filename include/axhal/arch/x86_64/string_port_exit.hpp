// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/arch/x86_64/control_registers.hpp>
#include <axhal/arch/x86_64/emulation_context.hpp>
#include <axhal/arch/x86_64/guest_event.hpp>
#include <axhal/arch/x86_64/guest_view.hpp>
#include <axhal/arch/x86_64/instruction.hpp>
#include <axhal/arch/x86_64/memory_operand.hpp>
#include <axhal/arch/x86_64/port_exit.hpp>
#include <axhal/arch/x86_64/rflags.hpp>
#include <axhal/arch/x86_64/stopped_guest.hpp>
#include <axhal/arch/x86_64/string_emulation.hpp>
#include <axhal/core/access.hpp>
#include <axhal/core/bit_field.hpp>
#include <axhal/vcpu/dispatch.hpp>
#include <axhal/vcpu/emulation.hpp>
#include <axhal/vcpu/exit.hpp>

#include <cstdint>

namespace axhal::x86_64 {
namespace detail {

/// One INS or OUTS of a guest.
template <StoppedGuest C, OperandMemory M, typename H>
struct port_string_emulator {
  static constexpr std::uint8_t cx = 1;
  static constexpr std::uint8_t si = 6;
  static constexpr std::uint8_t di = 7;
  static constexpr unsigned widest = 4;

  C& c;
  M& memory;
  H& handler;
  port_access const& a;
  unsigned length;

  /// Where an element's bytes are: in one piece, or byte by byte when they lie in two pages.
  struct element_places {
    operand_place place[widest]{};
    unsigned piece{};  ///< bytes of each
  };

  [[nodiscard]] constexpr register_operand address_register(std::uint8_t n) const { return {n, a.address_size, false}; }
  [[nodiscard]] constexpr std::uint64_t count() const { return address_register(cx).of(c.gpr(cx)); }
  [[nodiscard]] constexpr memory_operand operand() const {
    return {.seg = a.in ? segment::es : a.seg, .base = a.in ? di : si, .address_size = a.address_size};
  }
  /// The processor checks alignment of this guest's accesses (Intel SDM vol. 3, "Alignment Check Exception (#AC)").
  [[nodiscard]] constexpr bool checks_alignment() const {
    return c.cpl() == 3 && cr0::f_am::get(c.cr0()) && rflags::f_ac::get(c.rflags());
  }

  constexpr result<element_places, resume> find() {
    access const wanted = a.in ? access::write : access::read;
    element_places found{};
    bool const together = in_one_page(locate(c, operand(), length).linear, a.size);
    if (!together && checks_alignment()) {
      c.raise(exception_event(exception::ac, 0));
      return failure{resume::retry};
    }
    found.piece = together ? a.size : 1;
    for (unsigned n = 0; n < widest && n < a.size; n += found.piece) {
      auto const place = memory.find(locate(c, operand(), length, n), found.piece, wanted);
      if (!place) return failure{place.error()};
      found.place[n] = *place;
    }
    return found;
  }

  /// The element's value from memory, or from devices that are read there.
  constexpr resume read(guest_view<C>& guest, element_places const& at, std::uint32_t& value) {
    value = 0;
    for (unsigned n = 0; n < widest && n < a.size; n += at.piece) {
      auto const size = static_cast<std::uint8_t>(at.piece);
      std::uint64_t part = 0;
      if (at.place[n].device) {
        guest.completed = 0;
        exit::mmio_read const e{at.place[n].address, size, exit::mmio_read::no_register, false, 8};
        auto const answer = handler(guest, e);
        if (answer != resume::next_instruction) return answer;
        part = guest.completed;
      } else {
        part = memory.read(at.place[n].address, size);
      }
      value |= static_cast<std::uint32_t>((truncated(part, size) << (8 * n)) & 0xffff'ffff);
    }
    return resume::next_instruction;
  }
  constexpr resume write(guest_view<C>& guest, element_places const& at, std::uint64_t value) {
    for (unsigned n = 0; n < widest && n < a.size; n += at.piece) {
      auto const size = static_cast<std::uint8_t>(at.piece);
      std::uint64_t const part = truncated(value >> (8 * n), size);
      if (at.place[n].device) {
        auto const answer = handler(guest, exit::mmio_write{at.place[n].address, size, part});
        if (answer != resume::next_instruction) return answer;
      } else {
        memory.write(at.place[n].address, size, part);
      }
    }
    return resume::next_instruction;
  }

  /// One element. All that the guest's own tables can refuse is asked before the port is touched.
  constexpr resume element() {
    auto const at = find();
    if (!at) return at.error();
    guest_view<C> guest{c, 0, stopped_by::port_string};
    resume answer{};
    if (a.in) {
      answer = handler(guest, exit::port_read{a.port, a.size});
      if (answer == resume::next_instruction) answer = write(guest, *at, guest.completed);
    } else {
      std::uint32_t value = 0;
      answer = read(guest, *at, value);
      if (answer == resume::next_instruction) answer = handler(guest, exit::port_write{a.port, a.size, value});
    }
    if (answer == resume::next_instruction) advance();
    return answer;
  }

  constexpr void advance() {
    std::uint64_t const step = rflags::f_df::get(c.rflags()) ? std::uint64_t{0} - a.size : std::uint64_t{a.size};
    std::uint8_t const n = a.in ? di : si;
    set_register(c, address_register(n), c.gpr(n) + step);
    if (a.repeated) set_register(c, address_register(cx), c.gpr(cx) - 1);
  }

  constexpr resume run() {
    if (a.repeated && count() == 0) return stepped(c, resume::next_instruction, length);
    bool const single = rflags::f_tf::get(c.rflags());
    unsigned const batch = single ? 1 : string_batch;
    for (unsigned n = 0; n < batch; ++n) {
      auto const answer = element();
      if (answer != resume::next_instruction) return answer;
      if (!a.repeated || count() == 0) return stepped(c, answer, length);
    }
    // With TF there is a debug exception after every element, and RIP is still that of the instruction.
    return single ? stepped(c, resume::next_instruction, 0) : resume::retry;
  }
};

}  // namespace detail

/// INS and OUTS, element by element with the handler's help: one port access for each, and a device access where the
/// operand is no memory (Intel SDM vol. 2, "INS/INSB/INSW/INSD", "OUTS/OUTSB/OUTSW/OUTSD", "REP"). At most
/// `string_batch` elements are done before the guest runs again: registers tell how far it came. `next_instruction` to
/// all that the handler was told is `retry` here; another answer comes back as it is, with registers as before the
/// element. A fast tier leaves all this to the slow one.
template <StoppedGuest C, OperandMemory M, typename H>
  requires exit_req::Handles<H, guest_view<C>, exit::port_read> &&
           exit_req::Handles<H, guest_view<C>, exit::port_write> &&
           exit_req::Handles<H, guest_view<C>, exit::mmio_read> && exit_req::Handles<H, guest_view<C>, exit::mmio_write>
constexpr resume string_port(C& c, M& memory, H& handler, port_access const& a, unsigned length) {
  if constexpr (is_fast<H>) {
    return resume::slow;
  } else {
    return detail::port_string_emulator<C, M, H>{c, memory, handler, a, length}.run();
  }
}

}  // namespace axhal::x86_64
