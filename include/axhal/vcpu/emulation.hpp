// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/vcpu/exit.hpp>

#include <cstdint>

/// What the decoders of all architectures share: how values of device accesses become values of registers, and what
/// holds for an instruction that is more than one exit.
namespace axhal {

/// The low `size` bytes of `value`, the rest zero. `size` is 1, 2, 4 or 8.
[[nodiscard, gnu::always_inline]] constexpr std::uint64_t truncated(std::uint64_t value, unsigned size) {
  unsigned const unused = (0U - 8U * size) & 63U;
  return value << unused >> unused;
}

/// `value` as a load of `e` leaves it in the register: `e.size` bytes (1, 2, 4 or 8), extended by sign or zero to
/// `e.register_size`, and zero above.
[[nodiscard, gnu::always_inline]] constexpr std::uint64_t extended(exit::mmio_read const& e, std::uint64_t value) {
  if (!e.sign_extend) [[likely]]
    return truncated(value, e.size);
  unsigned const unused = (0U - 8U * e.size) & 63U;
  auto const wide = static_cast<std::uint64_t>(static_cast<std::int64_t>(value << unused) >> unused);
  return e.register_size == 4 ? wide & 0xffff'ffff : wide;
}

/// Does an instruction that is two exits: `first() -> resume`, then `second() -> resume`, each of them told to the
/// handler. The second happens only after `next_instruction` to the first, so nothing is ever done twice; when it is
/// refused, `undo()` makes the registers what they were before the first, as the architectures want them where an
/// instruction did not complete. Gives back what was answered last.
///
/// Only for a tier in which `slow` is no answer, since the first exit cannot be told again.
template <typename First, typename Second, typename Undo>
constexpr resume in_two_exits(First first, Second second, Undo undo) {
  auto answer = first();
  if (answer != resume::next_instruction) return answer;
  answer = second();
  if (answer != resume::next_instruction) undo();
  return answer;
}

}  // namespace axhal
