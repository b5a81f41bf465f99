// SPDX-License-Identifier: BSL-1.0
#pragma once

// Formatters of {fmt} for what boot/, memory/ and paging/ say of files, trees, memory and pages. As format.hpp: for
// programs with an operating system below them.

#include <axhal/boot/acpi_format.hpp>
#include <axhal/boot/command_line.hpp>
#include <axhal/boot/device_tree_format.hpp>
#include <axhal/boot/guest_layout.hpp>
#include <axhal/boot/kernel_image.hpp>
#include <axhal/boot/multiboot_header.hpp>
#include <axhal/format.hpp>
#include <axhal/memory/frame_owner.hpp>
#include <axhal/memory/memory_map.hpp>
#include <axhal/paging/walk.hpp>

// The texts stand in the namespaces of their types, where the formatter's call finds them.
namespace axhal::boot {

inline void write_text(axhal::detail::format_out out, tree_error e) {
  fmt::format_to(out, "{} at byte {:#x}", e.what, e.offset);
}
inline void write_text(axhal::detail::format_out out, image_error e) {
  fmt::format_to(out, "{} at byte {:#x}", e.what, e.offset);
}
inline void write_text(axhal::detail::format_out out, option_error e) {
  fmt::format_to(out, "{} at {}", e.what, e.offset);
}
inline void write_text(axhal::detail::format_out out, layout_error e) {
  fmt::format_to(out, "{}: {} bytes needed, {} there", e.what, e.needed, e.available);
}
/// The name, with a '?' for what cannot be printed.
inline void write_text(axhal::detail::format_out out, acpi_name const& n) {
  for (char const c : n.letters) *out++ = c >= ' ' && c <= '~' ? c : '?';
}
inline void write_text(axhal::detail::format_out out, acpi_error const& e) {
  write_text(out, e.table);
  fmt::format_to(out, ": {} at byte {:#x}", e.what, e.offset);
}
inline void write_text(axhal::detail::format_out out, multiboot_error e) {
  fmt::format_to(out, "{} at {:#x}", e.what, e.where);
}
inline void write_text(axhal::detail::format_out out, guest_layout const& l) {
  fmt::format_to(out, "kernel {} entered at {}, tree {}", l.kernel, l.entry, l.tree);
  if (!l.initrd.empty()) fmt::format_to(out, ", initrd {}", l.initrd);
}

}  // namespace axhal::boot

namespace axhal::memory {

inline void write_text(axhal::detail::format_out out, map_error const& e) {
  fmt::format_to(out, "{}", e.what);
  if (!e.range.empty()) fmt::format_to(out, " {}", e.range);
  if (e.what == map_fault::tree) fmt::format_to(out, ": {} at byte {:#x}", e.tree.what, e.tree.offset);
}
inline void write_text(axhal::detail::format_out out, frame_owner o) { fmt::format_to(out, "owner {}", o.value); }
inline void write_text(axhal::detail::format_out out, frame_account a) {
  if (a.quota == ~std::uint64_t{0}) {
    fmt::format_to(out, "{} frames", a.used);
  } else {
    fmt::format_to(out, "{} of {} frames", a.used, a.quota);
  }
}

}  // namespace axhal::memory

namespace axhal::paging {

inline void write_text(axhal::detail::format_out out, mapping const& m) {
  fmt::format_to(out, "{} level {} {}", m.target, m.level, m.attributes);
}

}  // namespace axhal::paging

// clang-format off
template <> struct fmt::formatter<axhal::boot::acpi_name> : axhal::detail::text_formatter<axhal::boot::acpi_name> {};
template <> struct fmt::formatter<axhal::boot::acpi_error> : axhal::detail::text_formatter<axhal::boot::acpi_error> {};
template <> struct fmt::formatter<axhal::boot::multiboot_error> : axhal::detail::text_formatter<axhal::boot::multiboot_error> {};
template <> struct fmt::formatter<axhal::boot::tree_error> : axhal::detail::text_formatter<axhal::boot::tree_error> {};
template <> struct fmt::formatter<axhal::boot::image_error> : axhal::detail::text_formatter<axhal::boot::image_error> {};
template <> struct fmt::formatter<axhal::boot::option_error> : axhal::detail::text_formatter<axhal::boot::option_error> {};
template <> struct fmt::formatter<axhal::boot::layout_error> : axhal::detail::text_formatter<axhal::boot::layout_error> {};
template <> struct fmt::formatter<axhal::boot::guest_layout> : axhal::detail::text_formatter<axhal::boot::guest_layout> {};
template <> struct fmt::formatter<axhal::memory::map_error> : axhal::detail::text_formatter<axhal::memory::map_error> {};
template <> struct fmt::formatter<axhal::memory::frame_owner> : axhal::detail::text_formatter<axhal::memory::frame_owner> {};
template <> struct fmt::formatter<axhal::memory::frame_account> : axhal::detail::text_formatter<axhal::memory::frame_account> {};
template <> struct fmt::formatter<axhal::paging::mapping> : axhal::detail::text_formatter<axhal::paging::mapping> {};
// clang-format on
