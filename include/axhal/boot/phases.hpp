// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/boot/boot_platform.hpp>

#include <type_traits>

namespace axhal::boot {

/// Says that phase `P` is reached on this CPU and not undone. Only `phases` makes one; it moves, and is never copied.
///
/// A proof that was given away is spent: to use it again is a broken precondition, and traps.
template <phase P, cpu_role Role, BootPlatform Platform>
class [[nodiscard]] proof {
 public:
  static constexpr phase reached = P;
  static constexpr cpu_role role = Role;
  using platform_type = Platform;

  proof(proof const&) = delete;
  proof& operator=(proof const&) = delete;
  proof& operator=(proof&&) = delete;
  constexpr proof(proof&& from) noexcept : platform_{from.spend()} {}

  /// False once it was given away.
  [[nodiscard]] constexpr bool is_live() const { return platform_ != nullptr; }
  /// The platform, which lives as long as the machine. Precondition: `is_live()`.
  [[nodiscard]] constexpr Platform& platform() const {
    if (platform_ == nullptr) __builtin_trap();
    return *platform_;
  }

 private:
  friend class phases;
  constexpr explicit proof(Platform* platform) : platform_{platform} {}
  [[nodiscard]] constexpr Platform* spend() {
    if (platform_ == nullptr) __builtin_trap();
    Platform* const p = platform_;
    platform_ = nullptr;
    return p;
  }

  Platform* platform_;
};

/// What the CPU that booted has done for all: phases one and two. Copies may be handed to other CPUs.
template <BootPlatform Platform>
class common_ground {
 private:
  friend class phases;
  constexpr explicit common_ground(Platform* platform) : platform_{platform} {}
  Platform* platform_;
};

/// The end of a phase: its proof, or why it failed and the proof of the phase before, from which tear-down can go on.
/// `Before` is `void` where nothing came before.
template <typename Reached, typename Before>
class [[nodiscard]] attempt {
 public:
  using platform_type = typename Reached::platform_type;
  using error_type = typename platform_type::error;

  attempt(attempt const&) = delete;
  attempt& operator=(attempt const&) = delete;

  [[nodiscard]] constexpr explicit operator bool() const { return ok_; }
  /// Precondition: it failed.
  [[nodiscard]] constexpr error_type error() const {
    if (ok_) __builtin_trap();
    return error_;
  }
  /// The phase that failed. Precondition: it failed.
  [[nodiscard]] constexpr phase failed() const {
    if (ok_) __builtin_trap();
    return failed_;
  }
  /// The proof. Precondition: it did not fail, and the proof was not taken yet.
  [[nodiscard]] constexpr Reached take();
  /// The proof of the phase before. Precondition: it failed, and the proof was not taken yet.
  [[nodiscard]] constexpr Before give_back()
    requires(!std::is_void_v<Before>);

 private:
  friend class phases;
  constexpr explicit attempt(platform_type* platform) : platform_{platform}, ok_{true} {}
  constexpr attempt(platform_type* platform, phase failed, error_type error)
      : platform_{platform}, error_{error}, failed_{failed} {}

  platform_type* platform_;
  error_type error_{};
  phase failed_{};
  bool ok_{};
};

/// The way up and the way down. Each phase takes the proof of the one before, by `std::move`, so that no other order
/// compiles.
class phases {
  template <typename T>
  struct shape {
    static constexpr int reached = 0;
  };
  template <phase P, cpu_role Role, typename Platform>
  struct shape<proof<P, Role, Platform>> {
    static constexpr int reached = static_cast<int>(P);
  };
  template <typename Proof>
  static constexpr bool is_moved = !std::is_reference_v<Proof> && !std::is_const_v<Proof>;
  template <typename Proof, int Wanted>
  static constexpr bool proves = shape<std::remove_cvref_t<Proof>>::reached == Wanted;

 public:
  /// Phase 1, on the CPU that booted.
  template <BootPlatform Platform>
  static constexpr auto detect_platform(Platform& platform) {
    using attempted = attempt<proof<phase::platform, cpu_role::boot, Platform>, void>;
    auto const done = platform.detect_platform();
    return done ? attempted{&platform} : attempted{nullptr, phase::platform, done.error()};
  }

  /// Phase 2.
  template <typename Proof>
  static constexpr auto map_memory(Proof&& before) {
    static_assert(proves<Proof, 1>, "boot phase 2 (memory map) needs the proof of phase 1 (platform detection)");
    static_assert(is_moved<Proof>, "a boot proof is used once: give it away with std::move");
    return step<phase::memory>(static_cast<Proof&&>(before), [](auto& p, cpu_role) { return p.map_memory(); });
  }
  /// Phase 3; the first that CPUs other than the one that booted go through.
  template <typename Proof>
  static constexpr auto set_up_architecture(Proof&& before) {
    static_assert(proves<Proof, 2>, "boot phase 3 (architecture) needs the proof of phase 2 (memory map)");
    static_assert(is_moved<Proof>, "a boot proof is used once: give it away with std::move");
    return step<phase::architecture>(static_cast<Proof&&>(before),
                                     [](auto& p, cpu_role r) { return p.set_up_architecture(r); });
  }
  /// Phase 4.
  template <typename Proof>
  static constexpr auto set_up_interrupts(Proof&& before) {
    static_assert(proves<Proof, 3>, "boot phase 4 (interrupt controller) needs the proof of phase 3 (architecture)");
    static_assert(is_moved<Proof>, "a boot proof is used once: give it away with std::move");
    return step<phase::interrupts>(static_cast<Proof&&>(before),
                                   [](auto& p, cpu_role r) { return p.set_up_interrupts(r); });
  }
  /// Phase 5.
  template <typename Proof>
  static constexpr auto set_up_timer(Proof&& before) {
    static_assert(proves<Proof, 4>, "boot phase 5 (timer) needs the proof of phase 4 (interrupt controller)");
    static_assert(is_moved<Proof>, "a boot proof is used once: give it away with std::move");
    return step<phase::timer>(static_cast<Proof&&>(before), [](auto& p, cpu_role r) { return p.set_up_timer(r); });
  }
  /// Phase 6.
  template <typename Proof>
  static constexpr auto set_up_cpu(Proof&& before) {
    static_assert(proves<Proof, 5>, "boot phase 6 (per-CPU state) needs the proof of phase 5 (timer)");
    static_assert(is_moved<Proof>, "a boot proof is used once: give it away with std::move");
    return step<phase::cpu>(static_cast<Proof&&>(before), [](auto& p, cpu_role r) { return p.set_up_cpu(r); });
  }

  /// What other CPUs need to join: phases 1 and 2 are done on the CPU that booted.
  template <typename Proof>
  [[nodiscard]] static constexpr auto ground(Proof const& reached) {
    static_assert(shape<Proof>::reached >= 2, "common ground needs the proof of phase 2 (memory map) or a later one");
    return common_ground<typename Proof::platform_type>{&reached.platform()};
  }
  /// A CPU that did not boot stands after phase 2 and goes on with phase 3.
  template <BootPlatform Platform>
  [[nodiscard]] static constexpr auto join(common_ground<Platform> ground) {
    return proof<phase::memory, cpu_role::secondary, Platform>{ground.platform_};
  }

  /// Undoes the phase that `reached` proves and returns the proof of the one before; nothing before phase 1, and
  /// nothing before phase 3 on a CPU that joined. Other CPUs are taken down before the one that booted.
  template <phase P, cpu_role Role, typename Platform>
  static constexpr auto tear_down(proof<P, Role, Platform>&& reached) {
    static_assert(Role == cpu_role::boot || P >= phase::architecture,
                  "a CPU that joined has nothing of its own before phase 3 (architecture)");
    Platform& p = *reached.spend();
    if constexpr (P == phase::cpu) p.tear_down_cpu(Role);
    if constexpr (P == phase::timer) p.tear_down_timer(Role);
    if constexpr (P == phase::interrupts) p.tear_down_interrupts(Role);
    if constexpr (P == phase::architecture) p.tear_down_architecture(Role);
    if constexpr (P == phase::memory) p.unmap_memory();
    if constexpr (P == phase::platform) {
      p.forget_platform();
    } else {
      return proof<static_cast<phase>(static_cast<int>(P) - 1), Role, Platform>{&p};
    }
  }

  /// Undoes everything that `reached` rests on, in reverse order: on a CPU that joined, down to phase 3.
  template <phase P, cpu_role Role, typename Platform>
  static constexpr void tear_down_all(proof<P, Role, Platform>&& reached) {
    if constexpr (Role == cpu_role::secondary && P == phase::memory) {
      static_cast<void>(reached.spend());
    } else if constexpr (P == phase::platform) {
      tear_down(static_cast<proof<P, Role, Platform>&&>(reached));
    } else {
      tear_down_all(tear_down(static_cast<proof<P, Role, Platform>&&>(reached)));
    }
  }

  /// All six phases on the CPU that booted. When one fails, what was done is undone in reverse order.
  template <BootPlatform Platform>
  static constexpr auto bring_up(Platform& platform) {
    using attempted = attempt<proof<phase::cpu, cpu_role::boot, Platform>, void>;
    auto detected = detect_platform(platform);
    if (!detected) return attempted{nullptr, detected.failed(), detected.error()};
    auto mapped = map_memory(detected.take());
    if (!mapped) return undo<attempted>(mapped);
    return climb<attempted>(mapped.take());
  }
  /// Phases three to six on a CPU that joins. When one fails, what was done on it is undone in reverse order.
  template <BootPlatform Platform>
  static constexpr auto bring_up(common_ground<Platform> ground) {
    return climb<attempt<proof<phase::cpu, cpu_role::secondary, Platform>, void>>(join(ground));
  }

 private:
  template <typename Reached, typename Before>
  friend class attempt;

  template <phase Next, typename Proof, typename Act>
  static constexpr auto step(Proof&& before, Act act) {
    using platform = typename Proof::platform_type;
    using attempted = attempt<proof<Next, Proof::role, platform>, Proof>;
    platform* const p = before.spend();
    auto const done = act(*p, Proof::role);
    return done ? attempted{p} : attempted{p, Next, done.error()};
  }

  template <typename Attempted, typename Failed>
  static constexpr Attempted undo(Failed& failed) {
    tear_down_all(failed.give_back());
    return Attempted{nullptr, failed.failed(), failed.error()};
  }

  template <typename Attempted, typename Proof>
  static constexpr Attempted climb(Proof&& mapped) {
    auto architecture = set_up_architecture(static_cast<Proof&&>(mapped));
    if (!architecture) return undo<Attempted>(architecture);
    auto interrupts = set_up_interrupts(architecture.take());
    if (!interrupts) return undo<Attempted>(interrupts);
    auto timer = set_up_timer(interrupts.take());
    if (!timer) return undo<Attempted>(timer);
    auto cpu = set_up_cpu(timer.take());
    if (!cpu) return undo<Attempted>(cpu);
    return Attempted{cpu.take().spend()};
  }

  template <typename Proof, typename Platform>
  static constexpr Proof make(Platform*& platform) {
    if (platform == nullptr) __builtin_trap();
    Platform* const p = platform;
    platform = nullptr;
    return Proof{p};
  }
};

template <typename Reached, typename Before>
constexpr Reached attempt<Reached, Before>::take() {
  if (!ok_) __builtin_trap();
  return phases::make<Reached>(platform_);
}

template <typename Reached, typename Before>
constexpr Before attempt<Reached, Before>::give_back()
  requires(!std::is_void_v<Before>)
{
  if (ok_) __builtin_trap();
  return phases::make<Before>(platform_);
}

}  // namespace axhal::boot
