// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/arch/x86_64/guest_access.hpp>
#include <axhal/arch/x86_64/guest_fetch.hpp>
#include <axhal/arch/x86_64/guest_view.hpp>
#include <axhal/arch/x86_64/intercepted_instruction.hpp>
#include <axhal/arch/x86_64/quick_fetch.hpp>
#include <axhal/arch/x86_64/stopped_guest.hpp>
#include <axhal/core/bit_field.hpp>
#include <axhal/core/result.hpp>
#include <axhal/vcpu/exit.hpp>

#include <cstdint>

/// The instruction that stopped a guest by itself, and its length, for processors that tell neither.
namespace axhal::x86_64 {

/// The instruction at the guest's RIP, which is known to be a `what`. When it is not any more, or cannot be fetched,
/// another CPU of the guest has changed code or tables: the failure is the answer to the exit. The guest tries again,
/// takes the fault that the fetch meets, or the handler is told that the code is in no memory.
template <StoppedGuest C, typename H>
[[nodiscard, gnu::noinline]] result<intercepted_instruction, resume> intercepted_at_rip(C c, H& handler,
                                                                                        intercepted what) {
  auto const i =
      decode_at_rip(c, ram_of(handler), [](bytes code, code_size mode) { return decode_intercepted(code, mode); });
  if (i) {
    if (i->what == what) return *i;
    return failure{resume::retry};
  }
  if (i.error().why != undecoded::truncated) return failure{resume::retry};
  guest_view<C> guest{c};
  return failure{answer_refusal(c, guest, handler, i.error().refusal)};
}

namespace detail {

/// An instruction as assemblers write it.
struct plain_encoding {
  std::uint32_t code{};   ///< the bytes, the first lowest
  std::uint8_t length{};  ///< 0: it has operands
};
[[nodiscard, gnu::always_inline]] constexpr plain_encoding plain(intercepted what) {
  switch (what) {
    case intercepted::cpuid: return {0xa20f, 2};
    case intercepted::hlt: return {0xf4, 1};
    case intercepted::pause: return {0x90f3, 2};
    case intercepted::rdmsr: return {0x320f, 2};
    case intercepted::wrmsr: return {0x300f, 2};
    case intercepted::rdtsc: return {0x310f, 2};
    case intercepted::rdtscp: return {0xf9'010f, 3};
    case intercepted::rdpmc: return {0x330f, 2};
    case intercepted::invd: return {0x080f, 2};
    case intercepted::wbinvd: return {0x090f, 2};
    case intercepted::invlpga: return {0xdf'010f, 3};
    case intercepted::xsetbv: return {0xd1'010f, 3};
    case intercepted::monitor: return {0xc8'010f, 3};
    case intercepted::mwait: return {0xc9'010f, 3};
    case intercepted::clts: return {0x060f, 2};
    case intercepted::int3: return {0xcc, 1};
    case intercepted::icebp: return {0xf1, 1};
    case intercepted::iret: return {0xcf, 1};
    case intercepted::rsm: return {0xaa0f, 2};
    case intercepted::vmcall: return {0xc1'010f, 3};
    case intercepted::vmmcall: return {0xd9'010f, 3};
    case intercepted::vmrun: return {0xd8'010f, 3};
    case intercepted::vmload: return {0xda'010f, 3};
    case intercepted::vmsave: return {0xdb'010f, 3};
    case intercepted::stgi: return {0xdc'010f, 3};
    case intercepted::clgi: return {0xdd'010f, 3};
    case intercepted::skinit: return {0xde'010f, 3};
    default: return {};
  }
}

}  // namespace detail

/// The length in bytes of the instruction at the guest's RIP, which is known to be a `what`, or the answer to the exit,
/// as `intercepted_at_rip` has it. The usual encodings in 64-bit code are found in a few dozen instructions, without a
/// stack; the others by the decoder.
template <StoppedGuest C, typename H>
[[nodiscard, gnu::always_inline]] inline result<unsigned, resume> intercepted_length(C c, H& handler,
                                                                                     intercepted what) {
  detail::plain_encoding const usual = detail::plain(what);
  if (usual.length != 0) {
    // The bytes after it are its own page's, or it goes the long way.
    if (auto const* const code = detail::code_within_reach(c, ram_of(handler), 4); code != nullptr) [[likely]] {
      std::uint64_t const word = detail::load<std::uint32_t>(code);
      if ((word & low_bits(8U * usual.length)) == usual.code) [[likely]]
        return unsigned{usual.length};
    }
  }
  auto const i = intercepted_at_rip(c, handler, what);
  if (!i) return failure{i.error()};
  return unsigned{i->length};
}

}  // namespace axhal::x86_64
