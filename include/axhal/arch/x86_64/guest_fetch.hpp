// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/arch/x86_64/guest_access.hpp>
#include <axhal/arch/x86_64/guest_page_tables.hpp>
#include <axhal/arch/x86_64/guest_walk.hpp>
#include <axhal/arch/x86_64/instruction_prefixes.hpp>
#include <axhal/arch/x86_64/memory_operand.hpp>
#include <axhal/arch/x86_64/segment_register.hpp>
#include <axhal/arch/x86_64/stopped_guest.hpp>
#include <axhal/core/bytes.hpp>
#include <axhal/core/result.hpp>

#include <cstddef>
#include <cstdint>

/// The bytes at a guest's RIP.
namespace axhal::x86_64 {

/// Bytes of code: a copy, which no other CPU of the guest can change while it is looked at.
struct code_bytes {
  std::uint8_t data[16]{};  ///< no more than 15 of them are used
  std::uint8_t size{};

  [[nodiscard]] constexpr bytes view() const { return {data, size}; }
};

namespace detail {

/// Appends to `code` what follows it in memory, up to the next page's boundary, the end of the code segment and 15
/// bytes. Fails where not one byte could be fetched.
template <StoppedGuest C, GuestRam M>
[[nodiscard]] result<void, access_refusal> fetch_page(C const& c, M& ram, code_bytes& code) {
  if (code.size >= longest_instruction) return {};
  bool const wide = c.code() == code_size::bits_64;
  std::uint64_t offset = c.rip() + code.size;
  std::uint64_t count = longest_instruction - code.size;
  if (wide) {
    if (!is_canonical(offset, canonical_bits(c.cr4()))) return failure{access_refusal::fault(c, exception::gp)};
  } else {
    // Addresses past the segment's end are refused; they do not wrap around it.
    offset = (c.rip() & low_bits(32)) + code.size;
    std::uint64_t const limit = c.segment_of(segment::cs).limit;
    if (offset > limit) return failure{access_refusal::fault(c, exception::gp)};
    if (count > limit - offset + 1) count = limit - offset + 1;
  }
  guest_virt const linear = linear_address(c, segment::cs, offset);
  std::uint64_t const in_page = 0x1000 - (linear.value & 0xfff);
  if (count > in_page) count = in_page;
  auto const found = translate(c, ram, linear, access::execute);
  if (!found) return failure{found.error()};
  std::uint8_t const* const from = ram.at(*found, count);
  if (from == nullptr) return failure{access_refusal::outside(*found, access::execute, false)};
  for (std::uint64_t n = 0; n < count && code.size < longest_instruction; ++n) {
    code.data[code.size & 15] = static_cast<std::uint8_t>(load<std::uint8_t>(from + n));
    ++code.size;
  }
  return {};
}

}  // namespace detail

/// What is at the guest's RIP, in the page of its first byte: 1 to 15 bytes. The checks are the processor's: the code
/// segment's limit, canonical addresses, the guest's tables for CPL, with their accessed bits.
template <StoppedGuest C, GuestRam M>
[[nodiscard]] result<code_bytes, access_refusal> fetch_instruction(C const& c, M& ram) {
  code_bytes code;
  auto const fetched = detail::fetch_page(c, ram, code);
  if (!fetched) return failure{fetched.error()};
  return code;
}

/// Adds to `code`, which `fetch_instruction` gave, what comes after it, for an instruction that goes on there. A
/// refusal is what the instruction meets; `code` is unchanged then.
template <StoppedGuest C, GuestRam M>
[[nodiscard]] result<void, access_refusal> fetch_rest(C const& c, M& ram, code_bytes& code) {
  return detail::fetch_page(c, ram, code);
}

/// Why there is no decoded instruction.
struct no_instruction {
  undecoded why{};           ///< `truncated`: it could not be fetched, or not all of it
  access_refusal refusal{};  ///< for `truncated` alone
};

/// What `decode(bytes, code_size)`, one of the decoders, makes of the instruction at the guest's RIP. Bytes of the next
/// page are only fetched when it needs them.
template <StoppedGuest C, GuestRam M, typename Decode>
[[nodiscard]] auto decode_at_rip(C const& c, M& ram, Decode decode)
    -> result<typename decltype(decode(bytes{}, code_size{}))::value_type, no_instruction> {
  auto code = fetch_instruction(c, ram);
  if (!code) return failure{no_instruction{undecoded::truncated, code.error()}};
  // The limit of the code segment may end the first part inside of its page: two more parts at most.
  for (;;) {
    auto const i = decode(code->view(), c.code());
    if (i) return *i;
    if (i.error() != undecoded::truncated) return failure{no_instruction{i.error(), {}}};
    auto const more = fetch_rest(c, ram, *code);
    if (!more) return failure{no_instruction{undecoded::truncated, more.error()}};
  }
}

}  // namespace axhal::x86_64
