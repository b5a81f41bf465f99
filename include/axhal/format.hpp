// SPDX-License-Identifier: BSL-1.0
#pragma once

// Formatters of {fmt} for the public types. For programs with an operating system below them: tests, tools, simulators.
// No other header includes this one.

#include <axhal/core/access.hpp>
#include <axhal/core/address.hpp>
#include <axhal/core/bytes.hpp>
#include <axhal/core/result.hpp>
#include <axhal/core/units.hpp>
#include <axhal/policy/irq_controller.hpp>
#include <axhal/policy/virt_ext.hpp>
#include <axhal/policy/virt_irq.hpp>
#include <axhal/time/timer_queue.hpp>
#include <axhal/vcpu/exit.hpp>

#include <fmt/format.h>

#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>

namespace axhal::detail {

/// How the compiler spells an enumerator: `axhal::irq_error::spurious`, or `(axhal::irq_error)7` for a value without
/// one.
template <auto Value>
[[nodiscard]] constexpr text spelled() {
  text const all{__PRETTY_FUNCTION__};
  // GCC: "... [with auto Value = X; axhal::text = ...]"; Clang: "... [Value = X]".
  text const key{"Value = "};
  std::size_t first = 0;
  while (!all.sub(first).starts_with(key)) ++first;
  first += key.size;
  std::size_t last = first;
  while (all[last] != ';' && all[last] != ']') ++last;
  return all.sub(first, last - first);
}

/// The enumerator's own name, or nothing.
template <auto Value>
[[nodiscard]] constexpr text enumerator_name() {
  text const s = spelled<Value>();
  if (s[0] == '(') return {};
  std::size_t first = s.size;
  while (first > 0 && s[first - 1] != ':') --first;
  return s.sub(first);
}

/// True for enums of this library: nobody else's formatting is changed.
template <typename E>
inline constexpr bool is_axhal_enum = false;
template <typename E>
  requires std::is_enum_v<E>
inline constexpr bool is_axhal_enum<E> = spelled<E{}>().sub(spelled<E{}>()[0] == '(' ? 1 : 0).starts_with("axhal::");

/// The name of `value` among the first `Count` values from `First` on, or nothing.
template <typename E, int First, int Count>
[[nodiscard]] constexpr text find_name(E value) {
  text name;
  [&]<int... I>(std::integer_sequence<int, I...>) {
    ((name = value == static_cast<E>(First + I) ? enumerator_name<static_cast<E>(First + I)>() : name), ...);
  }(std::make_integer_sequence<int, Count>{});
  return name;
}

using format_buffer = fmt::memory_buffer;

using format_out = fmt::appender;

template <typename E>
  requires is_axhal_enum<E>
void write_text(format_out out, E value) {
  using number = std::underlying_type_t<E>;
  constexpr int first = std::is_signed_v<number> ? -32 : 0;
  text const name = find_name<E, first, 64>(value);
  if (!name.empty()) {
    fmt::format_to(out, "{}", fmt::string_view{name.data, name.size});
  } else {
    fmt::format_to(out, "{:#x}", static_cast<std::int64_t>(static_cast<number>(value)));
  }
}
inline void write_text(format_out out, access a) {
  fmt::format_to(out, "{}{}{}", has(a, access::read) ? 'r' : '-', has(a, access::write) ? 'w' : '-',
                 has(a, access::execute) ? 'x' : '-');
}
inline void write_text(format_out out, page_attributes a) {
  write_text(out, a.rights);
  fmt::format_to(out, " ");
  write_text(out, a.type);
}

template <typename Space>
inline constexpr char const* space_name = "";
template <>
inline constexpr char const* space_name<host_phys_space> = "hpa:";
template <>
inline constexpr char const* space_name<host_virt_space> = "hva:";
template <>
inline constexpr char const* space_name<guest_phys_space> = "gpa:";
template <>
inline constexpr char const* space_name<guest_virt_space> = "gva:";

template <typename Space>
void write_text(format_out out, address<Space> a) {
  fmt::format_to(out, "{}{:#x}", space_name<Space>, a.value);
}
template <typename Space>
void write_text(format_out out, address_range<address<Space>> r) {
  if (r.empty()) {
    fmt::format_to(out, "{}[{:#x}, empty)", space_name<Space>, r.start.value);
  } else {
    // The last byte, not the end: the end of a range at the top of the space has no address.
    fmt::format_to(out, "{}[{:#x}..{:#x}]", space_name<Space>, r.start.value, r.start.value + (r.size - 1));
  }
}

inline void write_text(format_out out, ticks t) { fmt::format_to(out, "{} ticks", t.value); }
inline void write_text(format_out out, nanoseconds n) { fmt::format_to(out, "{} ns", n.value); }
inline void write_text(format_out out, hertz f) { fmt::format_to(out, "{} Hz", f.value); }
inline void write_text(format_out out, irq_number n) { fmt::format_to(out, "irq {}", n.value); }
inline void write_text(format_out out, cpu_number n) { fmt::format_to(out, "cpu {}", n.value); }
inline void write_text(format_out out, vcpu_number n) { fmt::format_to(out, "vcpu {}", n.value); }
inline void write_text(format_out out, vmid n) { fmt::format_to(out, "vmid {}", n.value); }
inline void write_text(format_out out, text t) { fmt::format_to(out, "{}", fmt::string_view{t.data, t.size}); }

inline void write_text(format_out out, timer_handle h) { fmt::format_to(out, "timer {} in slot {}", h.id, h.slot); }
inline void write_text(format_out out, claimed_irq c) { fmt::format_to(out, "irq {} (raw {:#x})", c.irq.value, c.raw); }
inline void write_text(format_out out, virtual_irq const& v) {
  fmt::format_to(out, "irq {} priority {:#x}", v.irq.value, v.priority);
  if (v.source != 0) fmt::format_to(out, " from vcpu {}", v.source);
  if (v.hardware) fmt::format_to(out, " backed by irq {}", v.physical.value);
  if (v.notify_completion) fmt::format_to(out, " notifies");
  if (v.group != 0) fmt::format_to(out, " group {}", v.group);
}
inline void write_text(format_out out, virt_features f) {
  fmt::format_to(out, "vmid {} bits, guest address {} bits, output address {} bits", f.vmid_bits, f.guest_address_bits,
                 f.output_address_bits);
}

inline void write_text(format_out out, exit::hypercall const& e) {
  fmt::format_to(out, "hypercall({:#x}, immediate {}{})", e.number, e.immediate,
                 e.firmware_conduit ? ", to firmware" : "");
}
inline void write_text(format_out out, exit::mmio_read const& e) {
  fmt::format_to(out, "mmio_read(gpa:{:#x}, {} bytes", e.address.value, e.size);
  if (e.sign_extend) fmt::format_to(out, ", signed");
  if (e.reg != exit::mmio_read::no_register)
    fmt::format_to(out, ", to register {} of {} bytes", e.reg, e.register_size);
  fmt::format_to(out, ")");
}
inline void write_text(format_out out, exit::mmio_write const& e) {
  fmt::format_to(out, "mmio_write(gpa:{:#x}, {} bytes, {:#x})", e.address.value, e.size, e.value);
}
inline void write_text(format_out out, exit::memory_fault const& e) {
  fmt::format_to(out, "memory_fault(gpa:{:#x}, ", e.address.value);
  write_text(out, e.wanted);
  fmt::format_to(out, "{})", e.walk ? ", in a page-table walk" : "");
}
inline void write_text(format_out out, exit::register_read const& e) {
  fmt::format_to(out, "register_read({:#x}, to register {})", e.id, e.reg);
}
inline void write_text(format_out out, exit::register_write const& e) {
  fmt::format_to(out, "register_write({:#x}, {:#x})", e.id, e.value);
}
inline void write_text(format_out out, exit::port_read const& e) {
  fmt::format_to(out, "port_read({:#x}, {} bytes)", e.port, e.size);
}
inline void write_text(format_out out, exit::port_write const& e) {
  fmt::format_to(out, "port_write({:#x}, {} bytes, {:#x})", e.port, e.size, e.value);
}
inline void write_text(format_out out, exit::idle) { fmt::format_to(out, "idle"); }
inline void write_text(format_out out, exit::yield) { fmt::format_to(out, "yield"); }
inline void write_text(format_out out, exit::lazy_state const& e) {
  fmt::format_to(out, "lazy_state({})", e.used == exit::lazy_state::part::fp ? "fp" : "vector");
}
inline void write_text(format_out out, exit::host_interrupt) { fmt::format_to(out, "host_interrupt"); }
inline void write_text(format_out out, exit::refused_instruction const& e) {
  fmt::format_to(out, "refused_instruction({:#x})", e.raw);
}
inline void write_text(format_out out, exit::host_error const& e) { fmt::format_to(out, "host_error({:#x})", e.raw); }
inline void write_text(format_out out, exit::unknown const& e) { fmt::format_to(out, "unknown({:#x})", e.raw); }

inline void write_text(format_out out, exit_set s) {
  bool first = true;
  fmt::format_to(out, "{{");
  for (unsigned k = 0; k < exit_kind_count; ++k) {
    if (!s.contains(static_cast<exit_kind>(k))) continue;
    fmt::format_to(out, "{}", first ? "" : ", ");
    write_text(out, static_cast<exit_kind>(k));
    first = false;
  }
  fmt::format_to(out, "}}");
}
inline void write_text(format_out out, guest_fault f) {
  write_text(out, f.what);
  if (f.what == guest_fault::kind::undefined_instruction) return;
  fmt::format_to(out, "(gva:{:#x}, ", f.address);
  write_text(out, f.wanted);
  fmt::format_to(out, ")");
}

template <typename E>
void write_text(format_out out, failure<E> const& f) {
  fmt::format_to(out, "error({})", f.error);
}
template <typename T, typename E>
void write_text(format_out out, result<T, E> const& r) {
  if (!r) {
    fmt::format_to(out, "error({})", r.error());
  } else if constexpr (std::is_void_v<T>) {
    fmt::format_to(out, "ok");
  } else {
    fmt::format_to(out, "ok({})", r.value());
  }
}

/// A formatter by way of text: width, fill and alignment work, and nothing else is asked of a type.
template <typename T>
struct text_formatter : fmt::formatter<fmt::string_view> {
  template <typename Context>
  auto format(T const& value, Context& context) const {
    format_buffer out;
    write_text(fmt::appender{out}, value);
    return fmt::formatter<fmt::string_view>::format(fmt::string_view{out.data(), out.size()}, context);
  }
};

}  // namespace axhal::detail

// A type's formatter is one line: the text is above.
template <typename E>
  requires axhal::detail::is_axhal_enum<E>
struct fmt::formatter<E> : axhal::detail::text_formatter<E> {};
template <typename Space>
struct fmt::formatter<axhal::address<Space>> : axhal::detail::text_formatter<axhal::address<Space>> {};
template <typename Address>
struct fmt::formatter<axhal::address_range<Address>> : axhal::detail::text_formatter<axhal::address_range<Address>> {};
template <typename T, typename E>
struct fmt::formatter<axhal::result<T, E>> : axhal::detail::text_formatter<axhal::result<T, E>> {};
template <typename E>
struct fmt::formatter<axhal::failure<E>> : axhal::detail::text_formatter<axhal::failure<E>> {};
// clang-format off
template <> struct fmt::formatter<axhal::page_attributes> : axhal::detail::text_formatter<axhal::page_attributes> {};
template <> struct fmt::formatter<axhal::ticks> : axhal::detail::text_formatter<axhal::ticks> {};
template <> struct fmt::formatter<axhal::nanoseconds> : axhal::detail::text_formatter<axhal::nanoseconds> {};
template <> struct fmt::formatter<axhal::hertz> : axhal::detail::text_formatter<axhal::hertz> {};
template <> struct fmt::formatter<axhal::irq_number> : axhal::detail::text_formatter<axhal::irq_number> {};
template <> struct fmt::formatter<axhal::cpu_number> : axhal::detail::text_formatter<axhal::cpu_number> {};
template <> struct fmt::formatter<axhal::vcpu_number> : axhal::detail::text_formatter<axhal::vcpu_number> {};
template <> struct fmt::formatter<axhal::vmid> : axhal::detail::text_formatter<axhal::vmid> {};
template <> struct fmt::formatter<axhal::text> : axhal::detail::text_formatter<axhal::text> {};
template <> struct fmt::formatter<axhal::timer_handle> : axhal::detail::text_formatter<axhal::timer_handle> {};
template <> struct fmt::formatter<axhal::claimed_irq> : axhal::detail::text_formatter<axhal::claimed_irq> {};
template <> struct fmt::formatter<axhal::virtual_irq> : axhal::detail::text_formatter<axhal::virtual_irq> {};
template <> struct fmt::formatter<axhal::virt_features> : axhal::detail::text_formatter<axhal::virt_features> {};
template <> struct fmt::formatter<axhal::guest_fault> : axhal::detail::text_formatter<axhal::guest_fault> {};
template <> struct fmt::formatter<axhal::exit_set> : axhal::detail::text_formatter<axhal::exit_set> {};
template <> struct fmt::formatter<axhal::exit::hypercall> : axhal::detail::text_formatter<axhal::exit::hypercall> {};
template <> struct fmt::formatter<axhal::exit::mmio_read> : axhal::detail::text_formatter<axhal::exit::mmio_read> {};
template <> struct fmt::formatter<axhal::exit::mmio_write> : axhal::detail::text_formatter<axhal::exit::mmio_write> {};
template <> struct fmt::formatter<axhal::exit::memory_fault> : axhal::detail::text_formatter<axhal::exit::memory_fault> {};
template <> struct fmt::formatter<axhal::exit::register_read> : axhal::detail::text_formatter<axhal::exit::register_read> {};
template <> struct fmt::formatter<axhal::exit::register_write> : axhal::detail::text_formatter<axhal::exit::register_write> {};
template <> struct fmt::formatter<axhal::exit::port_read> : axhal::detail::text_formatter<axhal::exit::port_read> {};
template <> struct fmt::formatter<axhal::exit::port_write> : axhal::detail::text_formatter<axhal::exit::port_write> {};
template <> struct fmt::formatter<axhal::exit::idle> : axhal::detail::text_formatter<axhal::exit::idle> {};
template <> struct fmt::formatter<axhal::exit::yield> : axhal::detail::text_formatter<axhal::exit::yield> {};
template <> struct fmt::formatter<axhal::exit::lazy_state> : axhal::detail::text_formatter<axhal::exit::lazy_state> {};
template <> struct fmt::formatter<axhal::exit::refused_instruction> : axhal::detail::text_formatter<axhal::exit::refused_instruction> {};
template <> struct fmt::formatter<axhal::exit::host_interrupt> : axhal::detail::text_formatter<axhal::exit::host_interrupt> {};
template <> struct fmt::formatter<axhal::exit::host_error> : axhal::detail::text_formatter<axhal::exit::host_error> {};
template <> struct fmt::formatter<axhal::exit::unknown> : axhal::detail::text_formatter<axhal::exit::unknown> {};
// clang-format on
