// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/arch/x86_64/bzimage.hpp>
#include <axhal/boot/detail/little_endian.hpp>
#include <axhal/boot/e820.hpp>
#include <axhal/core/address.hpp>
#include <axhal/core/bytes.hpp>

#include <cstddef>
#include <cstdint>

namespace axhal::x86_64 {

/// What Linux is told, in RSI: its page of boot parameters (Linux, Documentation/arch/x86/zero-page.rst; the setup
/// header in it: boot.rst).
struct boot_params {
  boot::e820_table map{};     ///< at most `most_entries`
  guest_phys command_line{};  ///< of its zero-terminated text; zero for none
  guest_range initrd{};       ///< empty for none
  guest_phys root_pointer{};  ///< of ACPI; zero where it is to be searched for

  static constexpr std::size_t size = 4096;
  static constexpr std::size_t most_entries = 128;

  /// Byte offsets outside of the setup header.
  enum field : std::uint32_t {
    p_acpi_rsdp_addr = 0x070,
    p_ext_ramdisk_image = 0x0c0,
    p_ext_ramdisk_size = 0x0c4,
    p_ext_cmd_line_ptr = 0x0c8,
    p_e820_entries = 0x1e8,
    p_sentinel = 0x1ef,  ///< zero from a loader that has cleared the page, as this one
    p_e820_table = 0x2d0,
  };

  /// Writes the page into the first 4096 bytes of `out`, with the setup header of `kernel`. There is no screen, and all
  /// that is not known is zero. False, and nothing is written, when `out` is smaller or the map has too many entries.
  [[nodiscard]] constexpr bool write(mutable_bytes out, bzimage const& kernel) const {
    using boot::detail::store_le;
    using namespace setup_header;
    if (out.size < size || map.size() > most_entries) return false;
    for (std::size_t i = 0; i < size; ++i) out[i] = 0;
    bytes const header = kernel.header();
    // A header that passes its room would run into the tables behind it.
    for (std::size_t i = 0; i < header.size && begin + i < room_end; ++i) out[begin + i] = header[i];

    out[h_type_of_loader] = undefined_loader;
    std::uint8_t flags = out[h_loadflags];
    flags = f_keep_segments::with(flags, false);
    flags = f_can_use_heap::with(flags, false);
    out[h_loadflags] = f_quiet::with(flags, false);
    store_le(out, h_setup_data, std::uint64_t{0});
    put_wide(out, h_cmd_line_ptr, p_ext_cmd_line_ptr, command_line.value);
    put_wide(out, h_ramdisk_image, p_ext_ramdisk_image, initrd.empty() ? 0 : initrd.start.value);
    put_wide(out, h_ramdisk_size, p_ext_ramdisk_size, initrd.size);
    store_le(out, h_code32_start, static_cast<std::uint32_t>(kernel.load_address()));
    store_le(out, p_acpi_rsdp_addr, root_pointer.value);
    out[p_e820_entries] = static_cast<std::uint8_t>(map.size());
    for (std::size_t i = 0; i < map.size(); ++i) map[i].store(out, p_e820_table + i * boot::e820_entry::size);
    return true;
  }

 private:
  static constexpr void put_wide(mutable_bytes out, std::uint32_t low, std::uint32_t high, std::uint64_t value) {
    boot::detail::store_le(out, low, static_cast<std::uint32_t>(value));
    boot::detail::store_le(out, high, static_cast<std::uint32_t>(value >> 32));
  }
};

}  // namespace axhal::x86_64
