// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/vcpu/exit.hpp>

#include <concepts>
#include <type_traits>

namespace axhal {

/// A handler that names the kinds it answers from the fast tier: `static constexpr exit_set fast = exits<...>`.
template <typename H>
concept HasFastTier = requires {
  { H::fast } -> std::convertible_to<exit_set>;
};

/// A handler that answers some hypercalls at once: `answer_at_once(guest, call)`, inline and without a call of another
/// function, is true when the call is answered and the guest goes on after it, and otherwise false, and nothing has
/// happened. A fast tier asks it first, and needs no stack for what it answers.
template <typename H, typename Guest>
concept AnswersAtOnce = requires(H& h, Guest& guest, exit::hypercall const& call) {
  { h.answer_at_once(guest, call) } -> std::same_as<bool>;
};

/// The fast tier's view of a handler: exits in `H::fast` go to it, for all others the answer is `resume::slow` when the
/// program is compiled, and their decoding disappears.
template <HasFastTier H>
struct fast_handler {
  H& handler;

  /// True when exits of this kind reach the handler in this tier.
  [[nodiscard]] static constexpr bool answers(exit_kind kind) { return H::fast.contains(kind); }

  template <typename Guest, typename Exit>
    requires exit_req::Handles<H, Guest, Exit>
  [[gnu::always_inline]] constexpr resume operator()(Guest& guest, Exit const& e) {
    if constexpr (answers(kind_of<Exit>)) {
      return handler(guest, e);
    } else {
      return resume::slow;
    }
  }
};

/// True for the fast tier's view of a handler.
template <typename H>
inline constexpr bool is_fast = requires { H::answers(exit_kind{}); };

/// False when `H` will answer `resume::slow` to exits of this kind whatever they are: a decoder may spare itself the
/// work.
template <typename H>
[[nodiscard]] constexpr bool may_answer(exit_kind kind) {
  if constexpr (is_fast<H>) {
    return H::answers(kind);
  } else {
    return true;
  }
}

/// The handler itself, for what it offers beside the answers to exits.
template <typename H>
[[nodiscard, gnu::always_inline]] constexpr auto& handler_of(H& h) {
  if constexpr (is_fast<H>) {
    return h.handler;
  } else {
    return h;
  }
}

/// Names every kind of exit that `H` does not answer for guests seen through `Guest`, one error each.
template <typename H, typename Guest>
consteval bool explain_exit_handler() {
  using exit_req::Handles;
  static_assert(Handles<H, Guest, exit::hypercall>, "ExitHandler: does not answer `exit::hypercall`");
  static_assert(Handles<H, Guest, exit::mmio_read>, "ExitHandler: does not answer `exit::mmio_read`");
  static_assert(Handles<H, Guest, exit::mmio_write>, "ExitHandler: does not answer `exit::mmio_write`");
  static_assert(Handles<H, Guest, exit::memory_fault>, "ExitHandler: does not answer `exit::memory_fault`");
  static_assert(Handles<H, Guest, exit::register_read>, "ExitHandler: does not answer `exit::register_read`");
  static_assert(Handles<H, Guest, exit::register_write>, "ExitHandler: does not answer `exit::register_write`");
  static_assert(Handles<H, Guest, exit::port_read>, "ExitHandler: does not answer `exit::port_read`");
  static_assert(Handles<H, Guest, exit::port_write>, "ExitHandler: does not answer `exit::port_write`");
  static_assert(Handles<H, Guest, exit::idle>, "ExitHandler: does not answer `exit::idle`");
  static_assert(Handles<H, Guest, exit::yield>, "ExitHandler: does not answer `exit::yield`");
  static_assert(Handles<H, Guest, exit::lazy_state>, "ExitHandler: does not answer `exit::lazy_state`");
  static_assert(Handles<H, Guest, exit::refused_instruction>,
                "ExitHandler: does not answer `exit::refused_instruction`");
  static_assert(Handles<H, Guest, exit::host_interrupt>, "ExitHandler: does not answer `exit::host_interrupt`");
  static_assert(Handles<H, Guest, exit::host_error>, "ExitHandler: does not answer `exit::host_error`");
  static_assert(Handles<H, Guest, exit::unknown>, "ExitHandler: does not answer `exit::unknown`");
  return ExitHandler<H, Guest>;
}

}  // namespace axhal
