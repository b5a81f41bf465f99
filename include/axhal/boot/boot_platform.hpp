// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/core/result.hpp>

#include <concepts>
#include <cstdint>
#include <type_traits>

namespace axhal::boot {

/// The six steps of starting a machine, in their order.
enum class phase : std::uint8_t {
  platform = 1,      ///< platform detection: which machine is this
  memory = 2,        ///< memory map: what is there and what is free
  architecture = 3,  ///< this CPU's translation, vectors, virtualization
  interrupts = 4,    ///< interrupt controller
  timer = 5,         ///< clock and deadline
  cpu = 6,           ///< per-CPU state; afterwards this CPU can run virtual machines
};

/// Which road a CPU takes: the one that booted goes through all phases, the others begin at the third.
enum class cpu_role : std::uint8_t { boot, secondary };

namespace boot_platform_req {

template <typename P>
concept HasError = std::is_trivially_copyable_v<typename P::error>;

template <typename P>
concept SetsUp = requires(P& p, cpu_role role) {
  { p.detect_platform() } -> std::same_as<result<void, typename P::error>>;
  { p.map_memory() } -> std::same_as<result<void, typename P::error>>;
  { p.set_up_architecture(role) } -> std::same_as<result<void, typename P::error>>;
  { p.set_up_interrupts(role) } -> std::same_as<result<void, typename P::error>>;
  { p.set_up_timer(role) } -> std::same_as<result<void, typename P::error>>;
  { p.set_up_cpu(role) } -> std::same_as<result<void, typename P::error>>;
};

template <typename P>
concept TearsDown = requires(P& p, cpu_role role) {
  { p.forget_platform() } -> std::same_as<void>;
  { p.unmap_memory() } -> std::same_as<void>;
  { p.tear_down_architecture(role) } -> std::same_as<void>;
  { p.tear_down_interrupts(role) } -> std::same_as<void>;
  { p.tear_down_timer(role) } -> std::same_as<void>;
  { p.tear_down_cpu(role) } -> std::same_as<void>;
};

}  // namespace boot_platform_req

/// What each phase does on one kind of machine, and how it is undone. A phase that fails has undone its own part.
template <typename P>
concept BootPlatform =
    boot_platform_req::HasError<P> && boot_platform_req::SetsUp<P> && boot_platform_req::TearsDown<P>;

/// Names every requirement `P` misses, one error each.
template <typename P>
consteval bool explain_boot_platform() {
  static_assert(requires { typename P::error; }, "BootPlatform: needs a nested type `error`");
  static_assert(boot_platform_req::HasError<P>, "BootPlatform: `error` must be trivially copyable");
  static_assert(boot_platform_req::SetsUp<P>,
                "BootPlatform: needs `detect_platform()`, `map_memory()`, and with a cpu_role `set_up_architecture`, "
                "`set_up_interrupts`, `set_up_timer`, `set_up_cpu`, all `-> result<void, error>`");
  static_assert(
      boot_platform_req::TearsDown<P>,
      "BootPlatform: needs `forget_platform()`, `unmap_memory()`, and with a cpu_role `tear_down_architecture`, "
      "`tear_down_interrupts`, `tear_down_timer`, `tear_down_cpu`");
  return BootPlatform<P>;
}

}  // namespace axhal::boot
