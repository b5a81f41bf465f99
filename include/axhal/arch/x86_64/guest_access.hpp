// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/arch/x86_64/control_registers.hpp>
#include <axhal/arch/x86_64/guest_event.hpp>
#include <axhal/arch/x86_64/stopped_guest.hpp>
#include <axhal/core/access.hpp>
#include <axhal/core/address.hpp>
#include <axhal/vcpu/exit.hpp>

#include <cstdint>

/// What is made of accesses to the guest's memory that cannot be made, and how its bytes are read and written.
namespace axhal::x86_64 {

/// Why an access to the guest's memory was not made.
struct access_refusal {
  enum class kind : std::uint8_t {
    event,    ///< the guest's processor refuses it with `event`
    outside,  ///< there is no RAM at `address`, which is where the access or a step of the walk goes
    moving,   ///< the tables change under the walk: the guest had better try again
  };
  kind why{};
  guest_event event{};
  std::uint64_t linear{};  ///< of a page fault: what CR2 gets
  guest_phys address{};
  access wanted{};
  bool walk{};  ///< `address` is an entry of the guest's tables

  [[nodiscard]] static constexpr access_refusal outside(guest_phys address, access wanted, bool walk) {
    return {.why = kind::outside, .address = address, .wanted = wanted, .walk = walk};
  }
  [[nodiscard]] static constexpr access_refusal moving() { return {.why = kind::moving}; }
  [[nodiscard]] static constexpr access_refusal page_fault(std::uint64_t linear, std::uint32_t code) {
    return {.event = exception_event(exception::pf, code), .linear = linear};
  }
  /// #GP, #SS or #AC, whose error code is 0, in the mode that the guest is in: real mode has no error codes.
  template <StoppedGuest C>
  [[nodiscard]] static constexpr access_refusal fault(C const& c, exception e) {
    return {.event = cr0::f_pe::get(c.cr0()) ? exception_event(e, 0) : exception_event(e)};
  }
};

/// Has the guest suffer `r`, or the handler be told where no memory is. What is answered is never `next_instruction`:
/// how long the instruction is cannot be known.
template <StoppedGuest C, typename G, typename H>
constexpr resume answer_refusal(C& c, G& guest, H& handler, access_refusal const& r) {
  switch (r.why) {
    case access_refusal::kind::event:
      if (r.event.vector == static_cast<std::uint8_t>(exception::pf)) c.set_cr2(r.linear);
      c.raise(r.event);
      return resume::retry;
    case access_refusal::kind::outside: {
      auto const answer = handler(guest, exit::memory_fault{r.address, r.wanted, r.walk});
      return answer == resume::next_instruction ? resume::retry : answer;
    }
    case access_refusal::kind::moving: break;
  }
  return resume::retry;
}

/// The guest's memory that a handler, of either tier, gives access to.
template <typename H>
[[nodiscard, gnu::always_inline]] constexpr auto& ram_of(H& handler) {
  if constexpr (requires { handler.ram(); }) {
    return handler.ram();
  } else {
    return handler.handler.ram();
  }
}

namespace detail {

/// Numbers of `T` at any address, each read or written in one go where the machine can: other CPUs of the guest look.
template <typename T>
struct [[gnu::packed, gnu::may_alias]] unaligned {
  T value;
};
template <typename T>
[[nodiscard, gnu::always_inline]] inline std::uint64_t load(std::uint8_t const* at) {
  return reinterpret_cast<unaligned<T> const volatile*>(at)->value;
}
template <typename T>
[[gnu::always_inline]] inline void store(std::uint8_t* at, std::uint64_t value) {
  reinterpret_cast<unaligned<T> volatile*>(at)->value = static_cast<T>(value);
}

/// The number of `size` (1 to 8) bytes at `at`, and no byte more is read.
[[nodiscard]] inline std::uint64_t load_bytes(std::uint8_t const* at, unsigned size) {
  switch (size) {
    case 1: return load<std::uint8_t>(at);
    case 2: return load<std::uint16_t>(at);
    case 4: return load<std::uint32_t>(at);
    case 8: return load<std::uint64_t>(at);
    default: break;
  }
  std::uint64_t value = 0;
  for (unsigned n = 0; n < size && n < 8; ++n) value |= load<std::uint8_t>(at + n) << (8 * n);
  return value;
}
/// The low `size` (1 to 8) bytes of `value` to `at`, and no byte more is written.
inline void store_bytes(std::uint8_t* at, unsigned size, std::uint64_t value) {
  switch (size) {
    case 1: return store<std::uint8_t>(at, value);
    case 2: return store<std::uint16_t>(at, value);
    case 4: return store<std::uint32_t>(at, value);
    case 8: return store<std::uint64_t>(at, value);
    default: break;
  }
  for (unsigned n = 0; n < size && n < 8; ++n) store<std::uint8_t>(at + n, value >> (8 * n));
}

}  // namespace detail
}  // namespace axhal::x86_64
