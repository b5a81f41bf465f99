// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "support/image_files.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace axhal::test {

/// A bzImage of Linux 6.12's shape: protocol 2.15, one sector of setup code, `kernel_size` bytes of 0xcc behind it, a
/// 64-bit entry, at 16 MiB, with 32 MiB of memory.
inline file_builder bzimage_file(std::size_t kernel_size = 0x2000) {
  file_builder f{1024 + kernel_size};
  f.put(0x1f1, 1, 1).put(0x1f4, 4, kernel_size / 16).put(0x1fe, 2, 0xaa55);
  f.put(0x200, 1, 0xeb).put(0x201, 1, 0x6a).put(0x202, 4, 0x5372'6448).put(0x206, 2, 0x20f);
  f.put(0x211, 1, 1).put(0x214, 4, 0x10'0000).put(0x22c, 4, 0x7fff'ffff);
  f.put(0x230, 4, 0x20'0000).put(0x234, 1, 1).put(0x235, 1, 21).put(0x236, 2, 0x3f).put(0x238, 4, 2047);
  f.put(0x258, 8, 0x100'0000).put(0x260, 4, 0x200'0000);
  for (std::size_t i = 1024; i < f.data.size(); ++i) f.data[i] = 0xcc;
  return f;
}

/// Adds a PT_NOTE behind the segments of an ELF64 that `elf_file` has made; the note goes to `at` in the file.
inline void add_note(file_builder& f, std::size_t at, std::string const& owner, std::uint32_t type,
                     std::uint64_t content, unsigned content_size = 8) {
  std::size_t const count = f.data[56];
  std::size_t const header = 64 + count * 56;
  std::size_t const padded = (owner.size() + 1 + 3) / 4 * 4;
  f.put(56, 2, count + 1);
  f.put(header, 4, 4).put(header + 8, 8, at).put(header + 32, 8, 12 + padded + content_size);
  f.put(header + 40, 8, 12 + padded + content_size).put(header + 48, 8, 4);
  f.put(at, 4, owner.size() + 1).put(at + 4, 4, content_size).put(at + 8, 4, type);
  for (std::size_t i = 0; i < owner.size(); ++i) f.put(at + 12 + i, 1, static_cast<std::uint8_t>(owner[i]));
  f.put(at + 12 + padded, content_size, content);
}

/// An ELF32 with these segments behind its header.
inline file_builder elf32_file(std::uint16_t machine, std::uint32_t entry, std::vector<elf_segment> const& segments,
                               std::size_t size = 4096) {
  file_builder f{size};
  f.put(0, 4, 0x464c'457f).put(4, 1, 1).put(5, 1, 1).put(6, 1, 1);
  f.put(16, 2, 2).put(18, 2, machine).put(20, 4, 1).put(24, 4, entry).put(28, 4, 52);
  f.put(40, 2, 52).put(42, 2, 32).put(44, 2, segments.size());
  std::size_t at = 52;
  for (elf_segment const& s : segments) {
    f.put(at, 4, 1).put(at + 4, 4, s.offset).put(at + 8, 4, s.virtual_address).put(at + 12, 4, s.physical_address);
    f.put(at + 16, 4, s.file_size).put(at + 20, 4, s.memory_size).put(at + 24, 4, 5);
    at += 32;
  }
  return f;
}

/// Puts a Multiboot header into a file: with addresses when `addresses` has the five of them.
inline void add_multiboot(file_builder& f, std::size_t at, std::vector<std::uint32_t> const& addresses = {}) {
  std::uint32_t const flags = addresses.empty() ? 3 : 0x1'0003;
  f.put(at, 4, 0x1bad'b002).put(at + 4, 4, flags).put(at + 8, 4, 0U - 0x1bad'b002U - flags);
  for (std::size_t i = 0; i < addresses.size(); ++i) f.put(at + 12 + 4 * i, 4, addresses[i]);
}

/// 512 bytes that end in 55 AA.
inline file_builder boot_sector_file() {
  file_builder f{512};
  f.put(0, 2, 0xfeeb).put(510, 2, 0xaa55);
  return f;
}

}  // namespace axhal::test
