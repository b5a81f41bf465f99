// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace axhal::test {

/// A file that is built field by field, little-endian.
struct file_builder {
  std::vector<std::uint8_t> data;

  explicit file_builder(std::size_t size) : data(size) {}
  file_builder& put(std::size_t at, unsigned size, std::uint64_t value) {
    for (unsigned i = 0; i < size; ++i) data.at(at + i) = static_cast<std::uint8_t>(value >> 8 * i);
    return *this;
  }
};

/// A Linux Image of `size` bytes with the header that 64-bit ARM and RISC-V share.
inline file_builder linux_file(std::uint32_t magic, std::uint64_t text_offset, std::uint64_t image_size,
                               std::size_t size = 4096) {
  file_builder f{size};
  return f.put(8, 8, text_offset).put(16, 8, image_size).put(24, 8, 0xa).put(56, 4, magic);
}

struct elf_segment {
  std::uint64_t offset, virtual_address, physical_address, file_size, memory_size;
};

/// An ELF64 with these segments behind its header.
inline file_builder elf_file(std::uint16_t machine, std::uint16_t type, std::uint64_t entry,
                             std::vector<elf_segment> const& segments, std::size_t size = 4096) {
  file_builder f{size};
  f.put(0, 4, 0x464c457f).put(4, 1, 2).put(5, 1, 1).put(6, 1, 1);
  f.put(16, 2, type).put(18, 2, machine).put(20, 4, 1).put(24, 8, entry).put(32, 8, 64);
  f.put(52, 2, 64).put(54, 2, 56).put(56, 2, segments.size());
  std::size_t at = 64;
  for (elf_segment const& s : segments) {
    f.put(at, 4, 1).put(at + 4, 4, 5).put(at + 8, 8, s.offset).put(at + 16, 8, s.virtual_address);
    f.put(at + 24, 8, s.physical_address).put(at + 32, 8, s.file_size).put(at + 40, 8, s.memory_size);
    at += 56;
  }
  return f;
}

}  // namespace axhal::test
