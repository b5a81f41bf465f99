// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/core/bytes.hpp>

namespace axhal {

namespace detail {

template <unsigned Count>
struct text_array {
  text of[Count]{};
};
template <auto Of, unsigned Count, typename E>
inline constexpr text_array<Count> texts = [] {
  text_array<Count> t;
  for (unsigned n = 0; n < Count; ++n) t.of[n] = Of(static_cast<E>(n));
  return t;
}();

}  // namespace detail

/// `Of(value)`, for an enumeration with the values 0 to `Count` - 1; `otherwise` for others. The texts are put into a
/// table when the program is compiled: to look there is less code than what `Of` does to choose.
template <auto Of, unsigned Count, typename E>
[[nodiscard]] constexpr text text_from_table(E value, text otherwise) {
  auto const n = static_cast<unsigned>(value);
  return n < Count ? detail::texts<Of, Count, E>.of[n] : otherwise;
}

}  // namespace axhal
