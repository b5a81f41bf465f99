// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/arch/x86_64/guest_acpi.hpp>
#include <axhal/arch/x86_64/guest_entry.hpp>
#include <axhal/arch/x86_64/guest_image.hpp>
#include <axhal/boot/e820.hpp>
#include <axhal/core/address.hpp>
#include <axhal/core/bytes.hpp>
#include <axhal/core/result.hpp>
#include <axhal/core/units.hpp>
#include <axhal/policy/frame_source.hpp>

#include <cstddef>
#include <cstdint>

namespace axhal::x86_64 {

/// Where a guest's machine has what, of the things that do not depend on its kernel. Below 1 MiB:
///
/// | from     | size   | what |
/// |----------|--------|------|
/// | 0x400    | 0x100  | the BIOS data area: the serial port, how much memory is below 640 KiB, where the next is |
/// | 0x1000   | 48     | GDT, for a 32-bit or 64-bit entry |
/// | 0x2000   | 0x1000 | what the kernel is told: boot parameters, PVH start info or Multiboot information |
/// | 0x3000   | 0x1000 | the command line |
/// | 0x6000   | 0x1000 | the first stack |
/// | 0x7c00   | 0x200  | a boot sector, if the guest is one |
/// | 0x9000   | 0x6000 | identity page tables, for a 64-bit entry |
/// | 0x9fc00  | 0x400  | the extended BIOS data area (reserved) |
/// | 0xe0000  | 0x20000 | ACPI tables (reserved) |
///
/// RAM begins at 0; what does not fit below 3 GiB goes on at 4 GiB, and devices lie between.
namespace machine_layout {
inline constexpr guest_range bios_data{{0x400}, 0x100};
inline constexpr guest_range gdt{{0x1000}, boot_gdt::size};
inline constexpr guest_range boot_info{{0x2000}, 0x1000};
inline constexpr guest_range command_line{{0x3000}, 0x1000};
inline constexpr guest_range stack{{0x6000}, 0x1000};
inline constexpr guest_range page_tables{{0x9000}, identity_tables::size};
inline constexpr guest_range extended_bios_data{{0x9'fc00}, 0x400};
inline constexpr guest_range acpi{{0xe'0000}, 0x2'0000};

inline constexpr std::uint64_t low_ram_end = 3 * gib;
inline constexpr std::uint64_t high_ram_start = 4 * gib;
inline constexpr std::uint64_t least_ram = mib;
inline constexpr std::uint64_t most_ram = std::uint64_t{1} << 46;
}  // namespace machine_layout

/// What a guest gets beside its kernel. Texts and files must stay until the guest is loaded.
struct guest_order {
  std::uint64_t ram{};  ///< bytes: a multiple of the page size, at least 1 MiB
  text command_line{};
  bytes initrd{};  ///< an initial RAM disk, or Multiboot's module; empty for none
  acpi_machine machine{};
};

/// What does not fit.
enum class plan_fault : std::uint8_t {
  bad_ram,                ///< less than 1 MiB, more than 64 TiB, or no whole number of pages
  kernel_outside_ram,     ///< the kernel wants to lie where there is no RAM, or not enough
  kernel_on_boot_data,    ///< the kernel wants to lie where what it is told has to be
  initrd_too_large,       ///< no room for the RAM disk within the kernel's reach
  command_line_too_long,  ///< longer than the kernel takes, or than the room for it
  takes_no_arguments,     ///< a boot sector gets neither a command line nor a RAM disk
  ecam_in_ram,            ///< the configuration space in memory lies in RAM
};

/// The sentence for a fault, for a log.
[[nodiscard]] constexpr text to_text(plan_fault fault) {
  switch (fault) {
    case plan_fault::bad_ram: return "the guest's RAM has no usable size";
    case plan_fault::kernel_outside_ram: return "the kernel's addresses are not in the guest's RAM";
    case plan_fault::kernel_on_boot_data: return "the kernel lies where its boot data has to be";
    case plan_fault::initrd_too_large: return "the initial RAM disk does not fit into the guest's RAM";
    case plan_fault::command_line_too_long: return "the command line is too long for the kernel";
    case plan_fault::takes_no_arguments: return "a boot sector takes no command line and no RAM disk";
    case plan_fault::ecam_in_ram: return "the PCI configuration space lies in the guest's RAM";
  }
  return "unknown fault";
}

/// A fault with the number that was needed (of bytes, or an address) and the one that was there.
struct plan_error {
  plan_fault what{};
  std::uint64_t needed{};
  std::uint64_t available{};
  friend constexpr bool operator==(plan_error, plan_error) = default;
};

/// Where everything goes. Ranges of one plan are disjoint, and inside the RAM.
struct guest_plan {
  guest_kind kind{};
  entry_mode mode{};
  guest_phys entry{};
  guest_range low_ram{};              ///< from 0
  guest_range high_ram{};             ///< from 4 GiB; empty when all of it fits below
  guest_range kernel{};               ///< from its first to its last segment, with what it uses beyond its file
  guest_range initrd{};               ///< empty for none; begins at a page
  std::uint64_t command_line_size{};  ///< with its zero; zero for none

  static constexpr std::size_t most_map_entries = 6;
  /// The memory map that the guest is told, in ascending order.
  [[nodiscard]] constexpr boot::e820_table map() const {
    return boot::e820_table{bytes{map_bytes, map_entries * boot::e820_entry::size}};
  }
  std::uint8_t map_bytes[most_map_entries * boot::e820_entry::size]{};
  std::size_t map_entries{};

  constexpr void add_to_map(std::uint64_t from, std::uint64_t to, boot::e820_type type) {
    if (to <= from || map_entries == most_map_entries) return;
    boot::e820_entry{from, to - from, type}.store({map_bytes, sizeof map_bytes},
                                                  map_entries++ * boot::e820_entry::size);
  }
  /// True when all of `r` is RAM that the map calls usable.
  [[nodiscard]] constexpr bool is_usable(guest_range r) const {
    for (boot::e820_entry const run : map()) {
      if (run.type == boot::e820_type::usable && guest_range{{run.base}, run.length}.contains(r)) return true;
    }
    return false;
  }
  /// The low memory that boot data has, beside which a kernel has to lie.
  [[nodiscard]] constexpr std::uint64_t boot_data_end() const {
    guest_range const last = mode == entry_mode::long_mode ? machine_layout::page_tables : machine_layout::stack;
    return mode == entry_mode::real_mode ? machine_layout::bios_data.start.value + machine_layout::bios_data.size
                                         : last.start.value + last.size;
  }
};

namespace plan_detail {

[[nodiscard]] constexpr entry_mode mode_of(guest_image const& image) {
  if (image.kind() == guest_kind::boot_sector) return entry_mode::real_mode;
  bool const wide = image.kind() == guest_kind::bzimage && image.linux_kernel().has_64_bit_entry();
  return wide ? entry_mode::long_mode : entry_mode::protected_mode;
}

/// RAM in its two pieces, and the map of it.
constexpr void lay_out_ram(guest_plan& plan, std::uint64_t ram, guest_range ecam) {
  using namespace machine_layout;
  using boot::e820_type;
  std::uint64_t const low = ram < low_ram_end ? ram : low_ram_end;
  plan.low_ram = {{0}, low};
  plan.high_ram = {{high_ram_start}, ram - low};
  std::uint64_t const high_end = high_ram_start + (ram - low);
  plan.add_to_map(0, extended_bios_data.start.value, e820_type::usable);
  plan.add_to_map(extended_bios_data.start.value, extended_bios_data.start.value + extended_bios_data.size,
                  e820_type::reserved);
  plan.add_to_map(acpi.start.value, acpi.start.value + acpi.size, e820_type::reserved);
  plan.add_to_map(mib, low, e820_type::usable);
  bool const ecam_first = ecam.start.value < high_ram_start;
  if (ecam_first) plan.add_to_map(ecam.start.value, ecam.start.value + ecam.size, e820_type::reserved);
  plan.add_to_map(high_ram_start, high_end, e820_type::usable);
  if (!ecam_first) plan.add_to_map(ecam.start.value, ecam.start.value + ecam.size, e820_type::reserved);
}

/// The highest page-aligned place for `size` bytes in [`low`, `high`).
[[nodiscard]] constexpr bool place_high(std::uint64_t low, std::uint64_t high, std::uint64_t size, guest_range& out) {
  if (low >= high || size > high - low) return false;
  guest_phys const start = align_down(guest_phys{high - size}, frame_size);
  if (start.value < low) return false;
  out = {start, size};
  return true;
}

/// As high as the kernel can reach, so that what it takes beyond its image is free: above it, or below it when that is
/// too small, or above 4 GiB where it takes that.
[[nodiscard]] constexpr bool place_initrd(guest_plan& plan, guest_image const& image, std::uint64_t size) {
  std::uint64_t const low_end = plan.low_ram.size;
  std::uint64_t reach = low_end;
  bool anywhere = false;
  if (image.kind() == guest_kind::bzimage) {
    std::uint64_t const last = image.linux_kernel().initrd_last();
    reach = last < low_end ? last + 1 : low_end;
    anywhere = image.linux_kernel().takes_initrd_anywhere();
  }
  std::uint64_t const kernel_end = plan.kernel.start.value + plan.kernel.size;
  std::uint64_t const above = kernel_end > mib ? kernel_end : mib;
  std::uint64_t const below = plan.kernel.start.value < reach ? plan.kernel.start.value : reach;
  if (place_high(above, reach, size, plan.initrd)) return true;
  if (anywhere && place_high(above, low_end, size, plan.initrd)) return true;
  if (place_high(mib, below, size, plan.initrd)) return true;
  std::uint64_t const high_start = plan.high_ram.start.value;
  return anywhere && place_high(high_start, high_start + plan.high_ram.size, size, plan.initrd);
}

}  // namespace plan_detail

/// Plans where `image` and what goes with it lie in a guest's RAM. Errors: see `plan_fault`.
[[nodiscard]] constexpr result<guest_plan, plan_error> plan_guest(guest_image const& image, guest_order const& order) {
  using namespace machine_layout;
  auto const refuse = [](plan_fault what, std::uint64_t needed, std::uint64_t available) {
    return failure{plan_error{what, needed, available}};
  };
  if (order.ram < least_ram || order.ram > most_ram || order.ram % frame_size != 0) {
    return refuse(plan_fault::bad_ram, least_ram, order.ram);
  }
  guest_plan plan{};
  plan.kind = image.kind();
  plan.mode = plan_detail::mode_of(image);
  plan.entry = {image.entry()};
  plan.kernel = {{image.start()}, image.size()};
  bool const has_ecam = order.machine.ecam.base.value != 0;
  host_range const window = has_ecam ? order.machine.ecam.range() : host_range{};
  guest_range const ecam{{window.start.value}, window.size};
  plan_detail::lay_out_ram(plan, order.ram, ecam);
  if (has_ecam) {
    bool const forms = order.machine.ecam.last_bus >= order.machine.ecam.first_bus && ecam.is_valid();
    if (!forms || ecam.start.value < low_ram_end || ecam.overlaps(plan.high_ram)) {
      return refuse(plan_fault::ecam_in_ram, ecam.start.value, low_ram_end);
    }
  }

  std::uint64_t const low_end = plan.low_ram.size;
  for (std::uint32_t i = 0; i < image.segment_count(); ++i) {
    boot::image_segment const s = image.segment(i);
    // Of a bzImage the memory that it will use counts, not only what is copied.
    std::uint64_t const size = image.kind() == guest_kind::bzimage ? image.size() : s.memory_size;
    if (!plan.is_usable({{s.address}, size})) return refuse(plan_fault::kernel_outside_ram, s.address + size, low_end);
    if (s.address < plan.boot_data_end()) {
      return refuse(plan_fault::kernel_on_boot_data, s.address, plan.boot_data_end());
    }
  }

  if (plan.mode == entry_mode::real_mode) {
    std::uint64_t const given = order.command_line.size + order.initrd.size;
    if (given != 0) return refuse(plan_fault::takes_no_arguments, given, 0);
    return plan;
  }
  if (!order.command_line.empty()) {
    std::uint64_t longest = command_line.size - 1;
    if (image.kind() == guest_kind::bzimage && image.linux_kernel().longest_command_line() < longest) {
      longest = image.linux_kernel().longest_command_line();
    }
    if (order.command_line.size > longest) {
      return refuse(plan_fault::command_line_too_long, order.command_line.size, longest);
    }
    plan.command_line_size = order.command_line.size + 1;
  }
  if (!order.initrd.empty() && !plan_detail::place_initrd(plan, image, order.initrd.size)) {
    std::uint64_t const used = plan.kernel.start.value + plan.kernel.size;
    return refuse(plan_fault::initrd_too_large, order.initrd.size, used < low_end ? low_end - used : 0);
  }
  return plan;
}

}  // namespace axhal::x86_64
