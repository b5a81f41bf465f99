// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/arch/x86_64/control_registers.hpp>
#include <axhal/arch/x86_64/emulation_context.hpp>
#include <axhal/arch/x86_64/guest_access.hpp>
#include <axhal/arch/x86_64/guest_page_tables.hpp>
#include <axhal/arch/x86_64/guest_walk.hpp>
#include <axhal/arch/x86_64/memory_operand.hpp>
#include <axhal/arch/x86_64/rflags.hpp>
#include <axhal/arch/x86_64/segment_register.hpp>
#include <axhal/arch/x86_64/stopped_guest.hpp>
#include <axhal/core/access.hpp>
#include <axhal/core/address.hpp>
#include <axhal/core/result.hpp>
#include <axhal/vcpu/exit.hpp>

#include <cstdint>

/// Operands in a guest's memory: the checks that its processor makes before an access, and the access.
namespace axhal::x86_64 {
namespace detail {

/// True when `size` bytes at `offset` lie within the segment's limit (Intel SDM vol. 3, "Limit Checking").
[[nodiscard]] constexpr bool within_limit(segment_register const& s, std::uint64_t offset, unsigned size) {
  std::uint64_t const last = offset + (size - 1);
  std::uint64_t const limit = s.limit;
  if (!segment_attributes::expands_down(s.attributes)) return last <= limit;
  std::uint64_t const top = segment_attributes::f_db::get(s.attributes) ? 0xffff'ffff : 0xffff;
  return offset > limit && last <= top;
}

/// True when the segment's type allows `wanted` ("Type Checking"), as protected mode looks at it.
[[nodiscard]] constexpr bool type_allows(std::uint16_t attributes, access wanted) {
  using namespace segment_attributes;
  if (!is_usable(attributes)) return false;  // a null selector too
  if (is_code(attributes)) return !has(wanted, access::write) && second_right(attributes);
  return !has(wanted, access::write) || second_right(attributes);
}

}  // namespace detail

/// What the guest's processor refuses of an access to `size` bytes at `r` before it looks at page tables: segment
/// limits and rights, or in 64-bit mode addresses that are not canonical (Intel SDM vol. 3, "Protection",
/// "Canonicality checking"), and for user mode alignment ("Alignment Check Exception (#AC)"). A #GP is a #SS where the
/// segment is SS. True and no event: nothing is refused.
template <StoppedGuest C>
[[nodiscard]] constexpr result<void, access_refusal> check_operand(C const& c, memory_reference r, unsigned size,
                                                                   access wanted) {
  auto const refused = [&] {
    return failure{access_refusal::fault(c, r.seg == segment::ss ? exception::ss : exception::gp)};
  };
  if (c.code() == code_size::bits_64) {
    unsigned const bits = canonical_bits(c.cr4());
    std::uint64_t const last = r.linear.value + (size - 1);
    if (!is_canonical(r.linear.value, bits) || !is_canonical(last, bits)) return refused();
  } else {
    segment_register const s = c.segment_of(r.seg);
    bool const has_rights = cr0::f_pe::get(c.cr0()) && !rflags::f_vm::get(c.rflags());
    if (has_rights && !detail::type_allows(s.attributes, wanted)) return refused();
    if (!detail::within_limit(s, r.offset, size)) return refused();
  }
  bool const checks_alignment = cr0::f_am::get(c.cr0()) && rflags::f_ac::get(c.rflags()) && c.cpl() == 3;
  if (checks_alignment && (r.linear.value & (size - 1)) != 0) {
    return failure{access_refusal::fault(c, exception::ac)};
  }
  return {};
}

/// A guest's memory for the emulation of instructions (`OperandMemory`). What the processor would refuse makes the
/// guest take the exception; places without RAM are devices, or where that cannot be said told as a `memory_fault`.
template <StoppedGuest C, typename G, typename H>
class operand_memory {
 public:
  constexpr operand_memory(C& c, G& guest, H& handler) : c_{c}, guest_{guest}, handler_{handler} {}

  /// See `OperandMemory`. `size` is 1, 2, 4 or 8, and all bytes are in one page.
  [[nodiscard]] result<operand_place, resume> find(memory_reference r, unsigned size, access wanted) {
    auto const allowed = check_operand(c_, r, size, wanted);
    if (!allowed) return failure{suffered(allowed.error())};
    auto const at = translate(c_, ram_of(handler_), r.linear, wanted);
    if (!at) return failure{suffered(at.error())};
    return operand_place{*at, ram_of(handler_).at(*at, size) == nullptr};
  }
  /// What is at `at`, where `find` found no device. Zero where no RAM is.
  [[nodiscard]] std::uint64_t read(guest_phys at, unsigned size) {
    std::uint8_t const* const from = ram_of(handler_).at(at, size);
    return from == nullptr ? 0 : detail::load_bytes(from, size);
  }
  /// Nothing is written where no RAM is.
  void write(guest_phys at, unsigned size, std::uint64_t value) {
    std::uint8_t* const to = ram_of(handler_).at(at, size);
    if (to != nullptr) detail::store_bytes(to, size, value);
  }

  /// Reads the operand at `r`, of 1, 2, 4 or 8 bytes, which may reach into another page: both are translated before
  /// anything is read. The failure is the answer to the exit.
  [[nodiscard]] result<std::uint64_t, resume> load(memory_reference r, unsigned size) {
    auto const p = find_parts(r, size, access::read);
    if (!p) return failure{p.error()};
    std::uint64_t value = 0;
    if (p->second == nullptr) return detail::load_bytes(p->first, size);
    for (unsigned n = 0; n < size; ++n) value |= detail::load<std::uint8_t>(p->byte(n)) << (8 * n);
    return value;
  }
  /// Writes `value` to the operand at `r`, likewise.
  [[nodiscard]] result<void, resume> store(memory_reference r, unsigned size, std::uint64_t value) {
    auto const p = find_parts(r, size, access::write);
    if (!p) return failure{p.error()};
    if (p->second == nullptr) {
      detail::store_bytes(p->first, size, value);
      return {};
    }
    for (unsigned n = 0; n < size; ++n) detail::store<std::uint8_t>(p->byte(n), value >> (8 * n));
    return {};
  }

 private:
  /// An operand on the host, in one or two pages.
  struct parts {
    std::uint8_t* first{};
    std::uint8_t* second{};  ///< null: there is no other page
    unsigned split{};        ///< bytes in the first

    [[nodiscard]] std::uint8_t* byte(unsigned n) const { return n < split ? first + n : second + (n - split); }
  };

  [[nodiscard]] resume suffered(access_refusal const& r) { return answer_refusal(c_, guest_, handler_, r); }

  /// `size` bytes from `linear`, in one page.
  [[nodiscard]] result<std::uint8_t*, resume> find_ram(guest_virt linear, unsigned size, access wanted) {
    auto const at = translate(c_, ram_of(handler_), linear, wanted);
    if (!at) return failure{suffered(at.error())};
    std::uint8_t* const p = ram_of(handler_).at(*at, size);
    if (p == nullptr) return failure{suffered(access_refusal::outside(*at, wanted, false))};
    return p;
  }
  [[nodiscard]] result<parts, resume> find_parts(memory_reference r, unsigned size, access wanted) {
    auto const allowed = check_operand(c_, r, size, wanted);
    if (!allowed) return failure{suffered(allowed.error())};
    std::uint64_t const in_page = detail::page_offset + 1 - (r.linear.value & detail::page_offset);
    unsigned const split = in_page < size ? static_cast<unsigned>(in_page) : size;
    auto const first = find_ram(r.linear, split, wanted);
    if (!first) return failure{first.error()};
    if (split == size) return parts{*first, nullptr, split};
    guest_virt next = r.linear + split;
    if (c_.code() != code_size::bits_64) next.value &= 0xffff'ffff;
    auto const second = find_ram(next, size - split, wanted);
    if (!second) return failure{second.error()};
    return parts{*first, *second, split};
  }

  C& c_;
  G& guest_;
  H& handler_;
};

}  // namespace axhal::x86_64
