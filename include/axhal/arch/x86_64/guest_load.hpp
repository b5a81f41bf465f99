// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/arch/x86_64/boot_params.hpp>
#include <axhal/arch/x86_64/guest_acpi.hpp>
#include <axhal/arch/x86_64/guest_entry.hpp>
#include <axhal/arch/x86_64/guest_image.hpp>
#include <axhal/arch/x86_64/guest_plan.hpp>
#include <axhal/arch/x86_64/pvh_start_info.hpp>
#include <axhal/boot/acpi_writer.hpp>
#include <axhal/boot/detail/little_endian.hpp>
#include <axhal/boot/multiboot_header.hpp>
#include <axhal/boot/multiboot_writer.hpp>
#include <axhal/core/address.hpp>
#include <axhal/core/bytes.hpp>
#include <axhal/core/result.hpp>

#include <cstddef>
#include <cstdint>

namespace axhal::x86_64 {

/// What `load_guest` needs to build things in: a page, or the ACPI tables, which take less than 8 KiB with 255
/// processors and no AML of the caller's.
inline constexpr std::size_t load_scratch_size = 8192;

/// Loads a guest, piece by piece, into memory that `copy(guest_phys to, bytes from)` and `clear(guest_phys from,
/// uint64_t size)` write: everything that they are given lies inside the RAM of the plan, none of it across its two
/// pieces. `scratch` holds pieces while they are made, so that no stack has to.
template <typename Copy, typename Clear>
class guest_loader {
 public:
  constexpr guest_loader(guest_image const& image, guest_order const& order, guest_plan const& plan,
                         mutable_bytes scratch, Copy& copy, Clear& clear)
      : image_{image}, order_{order}, plan_{plan}, scratch_{scratch}, copy_{copy}, clear_{clear} {}

  /// See `load_guest`.
  [[nodiscard]] constexpr result<guest_entry, boot::acpi_write_error> load() {
    using namespace machine_layout;
    if (scratch_.size < page) return failure{boot::acpi_write_error::overflow};
    auto const tables = write_guest_acpi(scratch_.sub(0, acpi.size), acpi.start, order_.machine);
    if (!tables) return failure{tables.error()};
    clear_(acpi.start, acpi.size);
    copy_(acpi.start, scratch_.sub(0, static_cast<std::size_t>(tables->size)));
    write_bios_data();
    load_segments();
    if (!plan_.initrd.empty()) copy_(plan_.initrd.start, order_.initrd);
    if (plan_.mode == entry_mode::real_mode) return enter_boot_sector();

    if (plan_.command_line_size != 0) {
      // Texts are bytes of characters.
      mutable_bytes const line = cleared(static_cast<std::size_t>(plan_.command_line_size));
      for (std::size_t i = 0; i + 1 < line.size; ++i) line[i] = static_cast<std::uint8_t>(order_.command_line[i]);
      copy_(command_line.start, line);
    }
    if (!write_boot_info()) return failure{boot::acpi_write_error::overflow};
    guest_entry const entry = plan_.mode == entry_mode::long_mode ? enter_64() : enter_32();
    write_gdt(entry);
    return entry;
  }

 private:
  static constexpr std::size_t page = 0x1000;
  static constexpr guest_phys stack_top{machine_layout::stack.start.value + machine_layout::stack.size};

  /// The front of the scratch memory, zeroed.
  [[nodiscard]] constexpr mutable_bytes cleared(std::size_t size) {
    mutable_bytes const out = scratch_.sub(0, size);
    for (std::uint8_t& b : out) b = 0;
    return out;
  }

  /// What programs without firmware's services look for in firmware's memory.
  constexpr void write_bios_data() {
    using namespace machine_layout;
    using boot::detail::store_le;
    clear_({0}, page);
    std::uint16_t const port = order_.machine.serial_port;
    mutable_bytes const out = cleared(bios_data.size);
    store_le(out, 0x00, port);
    store_le(out, 0x0e, static_cast<std::uint16_t>(extended_bios_data.start.value >> 4));
    // Equipment: an FPU (bit 1), and how many serial ports (bits 11:9).
    store_le(out, 0x10, static_cast<std::uint16_t>(port != 0 ? 0x202 : 0x002));
    store_le(out, 0x13, static_cast<std::uint16_t>(extended_bios_data.start.value >> 10));
    copy_(bios_data.start, out);
    mutable_bytes const extended = cleared(extended_bios_data.size);
    extended[0] = 1;  // its size in KiB
    copy_(extended_bios_data.start, extended);
  }

  constexpr void load_segments() {
    for (std::uint32_t i = 0; i < image_.segment_count(); ++i) {
      boot::image_segment const s = image_.segment(i);
      guest_phys const to{s.address};
      if (s.file_size != 0) {
        copy_(to, image_.file().sub(static_cast<std::size_t>(s.file_offset), static_cast<std::size_t>(s.file_size)));
      }
      if (s.memory_size > s.file_size) clear_(to + s.file_size, s.memory_size - s.file_size);
    }
  }

  [[nodiscard]] constexpr bool write_boot_info() {
    using namespace machine_layout;
    mutable_bytes const out = cleared(page);
    guest_phys const line = plan_.command_line_size != 0 ? command_line.start : guest_phys{};
    bool done = false;
    switch (plan_.kind) {
      case guest_kind::bzimage:
        done = boot_params{plan_.map(), line, plan_.initrd, acpi.start}.write(out, image_.linux_kernel());
        break;
      case guest_kind::pvh:
        done = pvh_start_info{plan_.map(), line, plan_.initrd, acpi.start}.write(out, boot_info.start);
        break;
      case guest_kind::multiboot:
        done = boot::write_multiboot_info(out, boot_info.start, {plan_.map(), line, plan_.initrd});
        break;
      case guest_kind::boot_sector: break;
    }
    if (done) copy_(boot_info.start, out);
    return done;
  }

  [[nodiscard]] constexpr guest_entry enter_boot_sector() const {
    guest_entry e = real_mode_entry(0, static_cast<std::uint16_t>(guest_image::boot_sector_at));
    e.gpr[guest_entry::rsp] = guest_image::boot_sector_at;
    e.gpr[guest_entry::rdx] = 0x80;  // the number of the first disk, which boot sectors expect in DL
    return e;
  }

  [[nodiscard]] constexpr guest_entry enter_32() const {
    guest_entry e = protected_mode_entry(static_cast<std::uint32_t>(plan_.entry.value),
                                         static_cast<std::uint32_t>(stack_top.value), machine_layout::gdt.start);
    std::uint64_t const told = machine_layout::boot_info.start.value;
    if (plan_.kind == guest_kind::bzimage) {
      e.gpr[guest_entry::rsi] = told;
    } else {
      e.gpr[guest_entry::rbx] = told;
    }
    if (plan_.kind == guest_kind::multiboot) e.gpr[guest_entry::rax] = boot::multiboot_format::loader_magic;
    return e;
  }

  [[nodiscard]] constexpr guest_entry enter_64() {
    using namespace machine_layout;
    for (unsigned table = 0; table < identity_tables::pages; ++table) {
      mutable_bytes const out = scratch_.sub(0, page);
      for (unsigned i = 0; i < identity_tables::entries; ++i) {
        boot::detail::store_le(out, std::size_t{i} * 8, identity_tables::entry(page_tables.start, table, i));
      }
      copy_(page_tables.start + std::uint64_t{table} * page, out);
    }
    guest_entry e = long_mode_entry(plan_.entry.value, stack_top.value, gdt.start, page_tables.start);
    e.gpr[guest_entry::rsi] = boot_info.start.value;
    return e;
  }

  constexpr void write_gdt(guest_entry const& entry) {
    boot_gdt const table = gdt_for(entry);
    mutable_bytes const out = scratch_.sub(0, boot_gdt::size);
    for (unsigned i = 0; i < boot_gdt::entries; ++i) {
      boot::detail::store_le(out, std::size_t{i} * 8, table.descriptor[i]);
    }
    copy_(machine_layout::gdt.start, out);
  }

  guest_image const& image_;
  guest_order const& order_;
  guest_plan const& plan_;
  mutable_bytes scratch_;
  Copy& copy_;
  Clear& clear_;
};

/// Puts into a guest's memory what `plan_guest` has planned for the same image and order: the kernel, the RAM disk, the
/// command line, what the kernel is told, ACPI and firmware's data, descriptors and page tables. RAM that none of this
/// covers stays as it is. Returns the state in which the first virtual CPU begins.
/// `copy`, `clear`, `scratch` (of `load_scratch_size` or more): see `guest_loader`.
/// Errors: of the ACPI tables; nothing has been written then.
template <typename Copy, typename Clear>
[[nodiscard]] constexpr result<guest_entry, boot::acpi_write_error> load_guest(guest_image const& image,
                                                                               guest_order const& order,
                                                                               guest_plan const& plan,
                                                                               mutable_bytes scratch, Copy&& copy,
                                                                               Clear&& clear) {
  return guest_loader{image, order, plan, scratch, copy, clear}.load();
}

}  // namespace axhal::x86_64
