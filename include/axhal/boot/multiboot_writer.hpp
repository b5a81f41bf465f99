// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/boot/detail/little_endian.hpp>
#include <axhal/boot/e820.hpp>
#include <axhal/boot/multiboot_header.hpp>
#include <axhal/core/address.hpp>
#include <axhal/core/bytes.hpp>

#include <cstddef>
#include <cstdint>

namespace axhal::boot {

/// What a guest with a Multiboot header is told (Multiboot Specification 0.6.96, 3.3 "Boot information format").
struct multiboot_guest {
  e820_table map{};           ///< at least RAM; the lower and upper memory follow from it
  guest_phys command_line{};  ///< of its zero-terminated text; zero for none
  guest_range module{};       ///< one file beside the kernel; empty for none
};

/// Bytes of the information structure with the module's entry and the memory map behind it.
[[nodiscard]] constexpr std::size_t multiboot_info_size(multiboot_guest const& guest) {
  return 128 + multiboot_format::module_size + guest.map.size() * (4 + e820_entry::size);
}

/// Usable memory that begins at `from`, in KiB, up to where the first piece ends.
[[nodiscard]] constexpr std::uint32_t multiboot_memory_kib(e820_table const& map, std::uint64_t from) {
  for (e820_entry const entry : map) {
    if (entry.type != e820_type::usable || entry.base > from || from - entry.base >= entry.length) continue;
    std::uint64_t const kib = (entry.length - (from - entry.base)) / 1024;
    return kib > UINT32_MAX ? UINT32_MAX : static_cast<std::uint32_t>(kib);
  }
  return 0;
}

/// Writes the information structure of a guest into `out`, which the guest will see at `where`; its first 128 bytes are
/// the structure. False, and nothing is written, when `out` is smaller than `multiboot_info_size`, or when an address
/// does not fit into the 32 bits that fields have.
[[nodiscard]] constexpr bool write_multiboot_info(mutable_bytes out, guest_phys where, multiboot_guest const& guest) {
  using namespace multiboot_format;
  std::size_t const size = multiboot_info_size(guest);
  std::uint64_t const limit = std::uint64_t{1} << 32;
  auto const fits = [&](guest_range r) { return r.start.value < limit && r.size <= limit - r.start.value; };
  if (out.size < size || !fits({where, size}) || guest.command_line.value >= limit || !fits(guest.module)) return false;
  for (std::size_t i = 0; i < size; ++i) out[i] = 0;
  auto const put = [&](std::size_t at, std::uint64_t value) {
    detail::store_le(out, at, static_cast<std::uint32_t>(value));
  };
  std::size_t const module_at = 128;
  std::size_t const map_at = module_at + module_size;
  std::uint32_t flags = has_memory | has_memory_map;
  put(i_mem_lower, multiboot_memory_kib(guest.map, 0));
  put(i_mem_upper, multiboot_memory_kib(guest.map, 0x10'0000));
  if (guest.command_line.value != 0) {
    flags |= has_command_line;
    put(i_cmdline, guest.command_line.value);
  }
  if (!guest.module.empty()) {
    flags |= has_modules;
    put(i_mods_count, 1);
    put(i_mods_addr, where.value + module_at);
    put(module_at, guest.module.start.value);
    put(module_at + 4, guest.module.start.value + guest.module.size);
  }
  put(i_mmap_length, guest.map.size() * (4 + e820_entry::size));
  put(i_mmap_addr, where.value + map_at);
  for (std::size_t i = 0; i < guest.map.size(); ++i) {
    std::size_t const at = map_at + i * (4 + e820_entry::size);
    // The size of an entry does not count the word that has it.
    put(at, e820_entry::size);
    guest.map[i].store(out, at + 4);
  }
  put(i_flags, flags);
  return true;
}

}  // namespace axhal::boot
