// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/boot/detail/little_endian.hpp>
#include <axhal/boot/e820.hpp>
#include <axhal/core/address.hpp>
#include <axhal/core/bytes.hpp>

#include <cstddef>
#include <cstdint>

namespace axhal::x86_64 {

/// What a guest with a PVH entry is told, in EBX (Xen, include/public/arch-x86/hvm/start_info.h, struct
/// hvm_start_info of version 1, with its module and memory map entries).
struct pvh_start_info {
  boot::e820_table map{};
  guest_phys command_line{};  ///< of its zero-terminated text; zero for none
  guest_range module{};       ///< the initial RAM disk; empty for none
  guest_phys root_pointer{};  ///< of ACPI; zero for none

  static constexpr std::uint32_t magic = 0x336e'c578;  ///< "xEn3" with the first bit of the E set
  static constexpr std::uint32_t version = 1;
  static constexpr std::size_t header_size = 56;
  static constexpr std::size_t module_size = 32;
  static constexpr std::size_t entry_size = 24;

  /// Byte offsets in the structure.
  enum field : std::uint32_t {
    s_magic = 0,
    s_version = 4,
    s_flags = 8,
    s_nr_modules = 12,
    s_modlist_paddr = 16,
    s_cmdline_paddr = 24,
    s_rsdp_paddr = 32,
    s_memmap_paddr = 40,
    s_memmap_entries = 48,
  };

  /// Bytes of the structure with the module's entry and the memory map behind it.
  [[nodiscard]] constexpr std::size_t size() const { return header_size + module_size + map.size() * entry_size; }

  /// Writes it into `out`, which the guest will see at `where`. False, and nothing is written, when `out` is smaller
  /// than `size()`.
  [[nodiscard]] constexpr bool write(mutable_bytes out, guest_phys where) const {
    using boot::detail::store_le;
    if (out.size < size()) return false;
    for (std::size_t i = 0; i < size(); ++i) out[i] = 0;
    std::size_t const map_at = header_size + module_size;
    store_le(out, s_magic, magic);
    store_le(out, s_version, version);
    if (!module.empty()) {
      store_le(out, s_nr_modules, std::uint32_t{1});
      store_le(out, s_modlist_paddr, where.value + header_size);
      store_le(out, header_size, module.start.value);
      store_le(out, header_size + 8, module.size);
    }
    store_le(out, s_cmdline_paddr, command_line.value);
    store_le(out, s_rsdp_paddr, root_pointer.value);
    store_le(out, s_memmap_paddr, where.value + map_at);
    store_le(out, s_memmap_entries, static_cast<std::uint32_t>(map.size()));
    for (std::size_t i = 0; i < map.size(); ++i) map[i].store(out, map_at + i * entry_size);
    return true;
  }
};

}  // namespace axhal::x86_64
