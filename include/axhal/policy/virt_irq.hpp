// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/core/result.hpp>
#include <axhal/core/units.hpp>

#include <concepts>
#include <cstdint>
#include <type_traits>

namespace axhal {

/// An interrupt to be shown to a guest.
struct virtual_irq {
  irq_number irq{};          ///< the number the guest sees
  std::uint8_t priority{};   ///< 0 is most urgent
  std::uint8_t source{};     ///< for inter-processor interrupts: the sending vCPU (GIC: 0..7), else 0
  bool hardware{};           ///< when the guest completes it, the physical interrupt `physical` is completed too
  irq_number physical{};     ///< the physical line behind it; meaningful when `hardware`
  bool notify_completion{};  ///< the host wants an interrupt when the guest has completed it, where hardware can tell
  std::uint8_t group{};      ///< for controllers that sort interrupts into groups (GIC: 0 or 1), else 0
  friend constexpr bool operator==(virtual_irq const&, virtual_irq const&) = default;
};

/// Why a virtual interrupt was not shown.
enum class virt_irq_error : std::uint8_t {
  full,          ///< no room in hardware; it stays with the caller, and `request_room_event` asks to be called
  out_of_range,  ///< the guest cannot have such a number
  unsupported,   ///< this hardware cannot complete a physical interrupt for the guest
};

/// How long an interrupt is shown, and what of its end the hardware tells.
enum class shown_until : std::uint8_t {
  completed,  ///< until the guest completes it, which `reap` reports
  taken,      ///< until the guest takes it, which `reap` reports; what the guest then does with it is its own affair
  withdrawn,  ///< a line that is up until `withdraw`: the caller knows when, `reap` reports nothing
};

namespace virt_irq_req {

template <typename V>
concept Presents = requires(V& v, virtual_irq const& irq) {
  { v.present(irq) } -> std::same_as<result<void, virt_irq_error>>;
  { v.withdraw(irq.irq) } -> std::same_as<bool>;
  { v.capacity() } -> std::same_as<unsigned>;
};

template <typename V>
concept Describes = requires {
  { V::lifetime } -> std::convertible_to<shown_until>;
  { V::has_priorities } -> std::convertible_to<bool>;
};

template <typename V>
concept Reaps = requires(V& v, void (*consumed)(virtual_irq const&)) {
  { v.reap(consumed) } -> std::same_as<void>;
  { v.request_room_event(bool{}) } -> std::same_as<void>;
};

template <typename V>
concept Switches = std::is_trivially_copyable_v<typename V::state> && requires(V& v, typename V::state& s) {
  { v.save(s) } -> std::same_as<void>;
  { v.restore(s) } -> std::same_as<void>;
};

}  // namespace virt_irq_req

/// How interrupts are shown to the guest that runs on this CPU.
///
/// `V::lifetime` is how long one is shown, `V::has_priorities` whether the guest takes them by `virtual_irq::priority`
/// or in a fixed order of their numbers. Which numbers a guest can have is the model's business.
///
/// `present` makes the interrupt pending for the guest. What is shown already stays as it is, but for one that the
/// guest is handling while it is shown until completed: then a second edge is kept (pending while active). One that
/// completes a physical interrupt has no second edge: while it is active, that is `full`. Only hardware that shows
/// interrupts until they are completed can complete a physical one; other models say `unsupported`. `withdraw(n)` takes
/// back one the guest has not taken yet; false when it is not shown or the guest is handling it (a second edge behind
/// that one is taken back all the same). What is shown until withdrawn is taken back at any time. `reap(f)` calls `f`
/// once for each interrupt that was shown and came to its end since the last call, and frees its room.
/// `request_room_event(true)` asks for an interrupt to the host when room becomes free; a model that has room for every
/// number needs none. `save` moves everything that is shown into `state` and leaves the hardware empty; `restore` is
/// its inverse.
///
/// Laws (conformance/virt_irq_laws.hpp):
///   1. what is presented is taken by the guest exactly once, most urgent first
///   2. `present` past `capacity()` is `full` and changes nothing
///   3. `reap` reports each interrupt once when it has come to its end, as `lifetime` says, and never before
///   4. `withdraw` of an untaken interrupt means the guest never sees it
///   5. `save` then `restore` loses and invents nothing, including what the guest is handling
///   6. presenting what is pending already changes nothing; what the guest is handling comes once more after that,
///      unless it is shown until withdrawn: then there is nothing to come
///   7. a number the guest cannot have is `out_of_range`
///   8. one that completes a physical interrupt is `unsupported`, and not shown, unless `lifetime` is `completed`
///
/// Models: aarch64::gich (completed), riscv64::imsic_guest_file (taken), riscv64::hvip_lines (withdrawn),
/// x86_64::offered_interrupts (taken), host::virt_irq (each).
template <typename V>
concept VirtIrqPolicy =
    virt_irq_req::Describes<V> && virt_irq_req::Presents<V> && virt_irq_req::Reaps<V> && virt_irq_req::Switches<V>;

/// Names every requirement `V` misses, one error each.
template <typename V>
consteval bool explain_virt_irq_policy() {
  static_assert(virt_irq_req::Describes<V>,
                "VirtIrqPolicy: needs static `lifetime` (shown_until) and `has_priorities` (bool)");
  static_assert(
      virt_irq_req::Presents<V>,
      "VirtIrqPolicy: needs `present(virtual_irq) -> result<void, virt_irq_error>`, `withdraw(irq) -> bool` and "
      "`capacity() -> unsigned`");
  static_assert(virt_irq_req::Reaps<V>, "VirtIrqPolicy: needs `reap(callable)` and `request_room_event(bool)`");
  static_assert(requires { typename V::state; }, "VirtIrqPolicy: needs a nested type `state`");
  static_assert(virt_irq_req::Switches<V>,
                "VirtIrqPolicy: needs a trivially copyable `state`, `save(state&)` and `restore(state&)`");
  return VirtIrqPolicy<V>;
}

}  // namespace axhal
