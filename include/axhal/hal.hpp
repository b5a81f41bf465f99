// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/core/address.hpp>
#include <axhal/detail/hana.hpp>
#include <axhal/policy/clock.hpp>
#include <axhal/policy/console.hpp>
#include <axhal/policy/cpu.hpp>
#include <axhal/policy/firmware.hpp>
#include <axhal/policy/frame_source.hpp>
#include <axhal/policy/irq_controller.hpp>
#include <axhal/policy/paging.hpp>
#include <axhal/policy/virt_ext.hpp>
#include <axhal/policy/virt_irq.hpp>

#include <concepts>
#include <cstdint>

namespace axhal {

/// Facts about one machine: a type with at least `ram`, where memory starts, and `max_cpus`. Models: everything in
/// board/.
template <typename B>
concept Board = requires {
  { B::ram } -> std::convertible_to<host_phys>;
  { B::max_cpus } -> std::convertible_to<unsigned>;
};

/// What an option of `hal` can be.
enum class option_kind : std::uint8_t {
  board,
  cpu,
  paging,        ///< a stage that translates the host's own addresses
  guest_paging,  ///< a stage that translates guests' physical addresses
  irq_controller,
  virt_irq,
  clock,
  virt_ext,
  firmware,
  console,
  frame_source,
};

/// An option with its kind said aloud: for a type that models two policies, or to be told what one lacks.
template <option_kind Kind, typename T>
struct as {};

namespace detail {

/// Hana's maps hash types, not values of other enumerations: the key of a kind is a type.
template <option_kind K>
struct kind_key {
  static constexpr option_kind value = K;
};
template <option_kind K>
inline constexpr auto kind_c = hana::type_c<kind_key<K>>;

/// True when `T` models the policy behind `K`.
template <option_kind K, typename T>
inline constexpr bool models = [] {
  if constexpr (K == option_kind::board) {
    return Board<T>;
  } else if constexpr (K == option_kind::cpu) {
    return CpuPolicy<T>;
  } else if constexpr (K == option_kind::paging || K == option_kind::guest_paging) {
    if constexpr (PagingPolicy<T>) {
      return std::same_as<typename T::input_address, guest_phys> == (K == option_kind::guest_paging);
    } else {
      return false;
    }
  } else if constexpr (K == option_kind::irq_controller) {
    return IrqControllerPolicy<T>;
  } else if constexpr (K == option_kind::virt_irq) {
    return VirtIrqPolicy<T>;
  } else if constexpr (K == option_kind::clock) {
    return ClockPolicy<T>;
  } else if constexpr (K == option_kind::virt_ext) {
    return VirtExtPolicy<T>;
  } else if constexpr (K == option_kind::firmware) {
    return FirmwarePolicy<T>;
  } else if constexpr (K == option_kind::console) {
    return ConsolePolicy<T>;
  } else {
    static_assert(K == option_kind::frame_source);
    return FrameSource<T>;
  }
}();

/// Names what `T` lacks to be a `K`.
template <option_kind K, typename T>
consteval bool explain() {
  if constexpr (K == option_kind::board) {
    static_assert(Board<T>, "Board: needs `ram` (host_phys) and `max_cpus`");
    return Board<T>;
  } else if constexpr (K == option_kind::cpu) {
    return explain_cpu_policy<T>();
  } else if constexpr (K == option_kind::paging || K == option_kind::guest_paging) {
    if constexpr (PagingPolicy<T>) {
      static_assert(models<K, T>, "hal: a `paging` option translates host_virt, a `guest_paging` option guest_phys");
    }
    return explain_paging_policy<T>();
  } else if constexpr (K == option_kind::irq_controller) {
    return explain_irq_controller_policy<T>();
  } else if constexpr (K == option_kind::virt_irq) {
    return explain_virt_irq_policy<T>();
  } else if constexpr (K == option_kind::clock) {
    return explain_clock_policy<T>();
  } else if constexpr (K == option_kind::virt_ext) {
    return explain_virt_ext_policy<T>();
  } else if constexpr (K == option_kind::firmware) {
    return explain_firmware_policy<T>();
  } else if constexpr (K == option_kind::console) {
    return explain_console_policy<T>();
  } else {
    return explain_frame_source<T>();
  }
}

inline constexpr auto all_kinds =
    hana::make_tuple(kind_c<option_kind::board>, kind_c<option_kind::cpu>, kind_c<option_kind::paging>,
                     kind_c<option_kind::guest_paging>, kind_c<option_kind::irq_controller>,
                     kind_c<option_kind::virt_irq>, kind_c<option_kind::clock>, kind_c<option_kind::virt_ext>,
                     kind_c<option_kind::firmware>, kind_c<option_kind::console>, kind_c<option_kind::frame_source>);

/// What one option turned out to be.
struct recognised {
  unsigned kinds{};  ///< how many policies it models
  option_kind kind{};
  [[nodiscard]] constexpr bool is(option_kind k) const { return kinds == 1 && kind == k; }
};

/// An option's type and kind.
template <typename Option>
struct option_traits {
  using type = Option;
  static constexpr recognised what = [] {
    recognised r;
    hana::for_each(all_kinds, [&](auto k) {
      if (models<decltype(k)::type::value, Option>) r = {r.kinds + 1, decltype(k)::type::value};
    });
    return r;
  }();
  static consteval bool check() {
    static_assert(what.kinds != 0,
                  "hal: an option is no board and models no policy; `as<option_kind::..., T>` in its place tells "
                  "what it lacks");
    static_assert(what.kinds <= 1,
                  "hal: an option models more than one policy; say which is meant by `as<option_kind::..., T>`");
    return what.kinds == 1;
  }
};
template <option_kind K, typename T>
struct option_traits<as<K, T>> {
  using type = T;
  static constexpr recognised what{1, K};
  static consteval bool check() { return explain<K, T>(); }
};

/// How many of the options are a `k`.
template <typename... Options>
[[nodiscard]] constexpr unsigned count_of(option_kind k) {
  return (0U + ... + (option_traits<Options>::what.is(k) ? 1U : 0U));
}

/// Says which kind is given twice.
template <typename... Options>
consteval bool none_doubled() {
  constexpr auto count = [](option_kind k) { return count_of<Options...>(k); };
  static_assert(count(option_kind::board) <= 1, "hal: two options are boards; there is one of each kind");
  static_assert(count(option_kind::cpu) <= 1, "hal: two options model CpuPolicy; there is one of each kind");
  static_assert(count(option_kind::paging) <= 1,
                "hal: two options model PagingPolicy for the host; there is one of each kind");
  static_assert(count(option_kind::guest_paging) <= 1,
                "hal: two options model PagingPolicy for guests; there is one of each kind");
  static_assert(count(option_kind::irq_controller) <= 1,
                "hal: two options model IrqControllerPolicy; there is one of each kind");
  static_assert(count(option_kind::virt_irq) <= 1, "hal: two options model VirtIrqPolicy; there is one of each kind");
  static_assert(count(option_kind::clock) <= 1, "hal: two options model ClockPolicy; there is one of each kind");
  static_assert(count(option_kind::virt_ext) <= 1, "hal: two options model VirtExtPolicy; there is one of each kind");
  static_assert(count(option_kind::firmware) <= 1, "hal: two options model FirmwarePolicy; there is one of each kind");
  static_assert(count(option_kind::console) <= 1, "hal: two options model ConsolePolicy; there is one of each kind");
  static_assert(count(option_kind::frame_source) <= 1, "hal: two options model FrameSource; there is one of each kind");
  bool doubled = false;
  hana::for_each(all_kinds, [&](auto k) { doubled = doubled || count(decltype(k)::type::value) > 1; });
  return !doubled;
}

/// Says which of the kinds is missing that every program needs.
template <typename... Options>
consteval bool none_missing() {
  constexpr auto has = [](option_kind k) { return count_of<Options...>(k) != 0; };
  static_assert(has(option_kind::board), "hal: no option is a board");
  static_assert(has(option_kind::cpu), "hal: no option models CpuPolicy");
  static_assert(has(option_kind::paging), "hal: no option models PagingPolicy for the host's addresses");
  static_assert(has(option_kind::irq_controller), "hal: no option models IrqControllerPolicy");
  static_assert(has(option_kind::clock), "hal: no option models ClockPolicy");
  static_assert(has(option_kind::console), "hal: no option models ConsolePolicy");
  constexpr bool hosts_guests = has(option_kind::virt_ext);
  static_assert(!hosts_guests || has(option_kind::guest_paging),
                "hal: with a VirtExtPolicy there must be a PagingPolicy for guests' addresses");
  static_assert(!hosts_guests || has(option_kind::virt_irq), "hal: with a VirtExtPolicy there must be a VirtIrqPolicy");
  return has(option_kind::board) && has(option_kind::cpu) && has(option_kind::paging) &&
         has(option_kind::irq_controller) && has(option_kind::clock) && has(option_kind::console) &&
         (!hosts_guests || (has(option_kind::guest_paging) && has(option_kind::virt_irq)));
}

/// The options by kind.
template <typename... Options>
inline constexpr auto options_by_kind = hana::make_map(
    hana::make_pair(kind_c<option_traits<Options>::what.kind>, hana::type_c<typename option_traits<Options>::type>)...);

/// True when every option is of one kind and no kind is given twice: only then is there a map.
template <typename... Options>
[[nodiscard]] consteval bool is_map() {
  bool sound = ((option_traits<Options>::what.kinds == 1) && ... && true);
  hana::for_each(all_kinds, [&](auto k) { sound = sound && count_of<Options...>(decltype(k)::type::value) <= 1; });
  return sound;
}

/// The option of kind `K`; says so when there is none.
template <option_kind K, typename... Options>
struct chosen {
  // What is wrong with the whole has been said by then.
  static_assert(!is_map<Options...>() || count_of<Options...>(K) == 1,
                "hal: this composition has no option of the kind that was asked for");
  using type = void;
};
template <option_kind K, typename... Options>
  requires(is_map<Options...>() && count_of<Options...>(K) == 1)
struct chosen<K, Options...> {
  using type = typename decltype(+hana::at_key(options_by_kind<Options...>, kind_c<K>))::type;
};

}  // namespace detail

/// A machine for one program: a board and the models it uses, told apart by what they model, in any order.
///
/// Needs a board, and models of CpuPolicy, PagingPolicy (host), IrqControllerPolicy, ClockPolicy and ConsolePolicy. May
/// have FirmwarePolicy, FrameSource and VirtExtPolicy, which brings PagingPolicy (guests) and VirtIrqPolicy with it. An
/// option that is missing, doubled or models nothing is an error that says so. The class has no members but names: it
/// costs nothing.
///
///     using machine = axhal::hal<board::qemu_virt_aarch64, aarch64::cpu, aarch64::stage1_el2, ...>;
///     machine::clock clock;
template <typename... Options>
struct hal {
  static_assert((detail::option_traits<Options>::check() && ... && true));
  static_assert(detail::none_doubled<Options...>());
  static_assert(detail::none_missing<Options...>());

  /// True when there is an option of kind `K`.
  template <option_kind K>
  static constexpr bool has = detail::count_of<Options...>(K) == 1;
  /// The option of kind `K`; asking for one that is not there is an error.
  template <option_kind K>
  using get = typename detail::chosen<K, Options...>::type;

  using board = get<option_kind::board>;
  using cpu = get<option_kind::cpu>;
  using paging = get<option_kind::paging>;
  using irq_controller = get<option_kind::irq_controller>;
  using clock = get<option_kind::clock>;
  using console = get<option_kind::console>;
};

}  // namespace axhal
