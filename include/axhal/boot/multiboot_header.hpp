// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/boot/detail/little_endian.hpp>
#include <axhal/core/bytes.hpp>
#include <axhal/core/result.hpp>

#include <cstddef>
#include <cstdint>

namespace axhal::boot {

/// What is wrong with a Multiboot header or information structure.
enum class multiboot_fault : std::uint8_t {
  not_found,     ///< no header, or information that the loader did not give
  bad_magic,     ///< the machine was not started by a Multiboot loader
  bad_checksum,  ///< a header whose first three words do not add up to zero
  unreadable,    ///< the memory reader gives no bytes for where it should be
  bad_entry,     ///< an entry is too short, ends behind its list, or ends before it begins
  unterminated,  ///< a string is longer than `multiboot_format::max_string`
  unsupported,   ///< a header that wants what no loader of this specification knows
  cut_off,       ///< the file ends inside the header
};

/// The sentence for a fault, for a log.
[[nodiscard]] constexpr text to_text(multiboot_fault fault) {
  switch (fault) {
    case multiboot_fault::not_found: return "not there";
    case multiboot_fault::bad_magic: return "not started by a Multiboot loader";
    case multiboot_fault::bad_checksum: return "wrong checksum";
    case multiboot_fault::unreadable: return "outside readable memory";
    case multiboot_fault::bad_entry: return "a damaged entry";
    case multiboot_fault::unterminated: return "a string has no end";
    case multiboot_fault::unsupported: return "unknown requirements";
    case multiboot_fault::cut_off: return "the file ends inside the header";
  }
  return "unknown fault";
}

/// A fault and where: a physical address, or in a file the byte offset.
struct multiboot_error {
  multiboot_fault what{};
  std::uint64_t where{};
  friend constexpr bool operator==(multiboot_error, multiboot_error) = default;
};

/// Numbers of the Multiboot Specification 0.6.96, chapter 3 "Specification".
namespace multiboot_format {

inline constexpr std::uint32_t header_magic = 0x1bad'b002;  ///< begins the header in an image
inline constexpr std::uint32_t loader_magic = 0x2bad'b002;  ///< in EAX when the image is entered; EBX: the information

/// Where a loader looks for the header: on 4-byte boundaries of the image's first 8 KiB.
inline constexpr std::size_t search_size = 8192;
inline constexpr std::size_t header_alignment = 4;
/// What loaders align modules to when the header asks for it.
inline constexpr std::uint32_t module_alignment = 4096;

/// Longest string that is read, without its zero.
inline constexpr std::size_t max_string = 4096;

/// What an image asks for (3.1.2 "The magic fields of Multiboot header"). A loader refuses an image with an unknown one
/// among bits 15:0.
enum header_flag : std::uint32_t {
  align_modules = 1U << 0,
  want_memory = 1U << 1,
  want_video = 1U << 2,
  has_addresses = 1U << 16,  ///< the address fields count, not the image's ELF headers
};

/// What the loader has filled in (3.3 "Boot information format").
enum info_flag : std::uint32_t {
  has_memory = 1U << 0,
  has_boot_device = 1U << 1,
  has_command_line = 1U << 2,
  has_modules = 1U << 3,
  has_memory_map = 1U << 6,
  has_loader_name = 1U << 9,
  has_framebuffer = 1U << 12,
};

/// Byte offsets in the information structure (3.3).
enum info : std::uint32_t {
  i_flags = 0,
  i_mem_lower = 4,
  i_mem_upper = 8,
  i_cmdline = 16,
  i_mods_count = 20,
  i_mods_addr = 24,
  i_mmap_length = 44,
  i_mmap_addr = 48,
  i_boot_loader_name = 64,
};
inline constexpr std::uint32_t module_size = 16;

}  // namespace multiboot_format

/// The header of an image (3.1.1 "The layout of Multiboot header"), for the image itself: 4-byte aligned, in its first
/// 8 KiB. The address fields count with `has_addresses`, the video fields with `want_video`.
struct multiboot_header {
  std::uint32_t magic = multiboot_format::header_magic;
  std::uint32_t flags{};
  std::uint32_t checksum{};
  std::uint32_t header_addr{};    ///< physical address of `magic`
  std::uint32_t load_addr{};      ///< where what follows in the file goes
  std::uint32_t load_end_addr{};  ///< end of what is loaded, zero for all of the file
  std::uint32_t bss_end_addr{};   ///< end of what is zeroed, zero for none
  std::uint32_t entry_addr{};
  std::uint32_t mode_type{};
  std::uint32_t width{};
  std::uint32_t height{};
  std::uint32_t depth{};

  static constexpr std::size_t size_plain = 12;
  static constexpr std::size_t size_with_addresses = 32;
  static constexpr std::size_t size_with_video = 48;

  /// What makes magic, flags and checksum add up to zero.
  [[nodiscard]] static constexpr std::uint32_t checksum_for(std::uint32_t flags) {
    return 0U - multiboot_format::header_magic - flags;
  }
  /// A header that asks for `flags`, its image being an ELF.
  [[nodiscard]] static constexpr multiboot_header make(std::uint32_t flags) {
    return {.flags = flags, .checksum = checksum_for(flags)};
  }
  friend constexpr bool operator==(multiboot_header const&, multiboot_header const&) = default;
};
static_assert(sizeof(multiboot_header) == multiboot_header::size_with_video);

/// A header in a file, and where.
struct multiboot_header_found {
  multiboot_header header{};
  std::uint32_t offset{};
};

/// The first sound header of `file`, as a loader finds it. Fields that its flags do not announce read as zero.
/// Errors: `not_found`, `bad_checksum` (where only damaged ones are), `unsupported` (an unknown flag below bit 16),
/// `cut_off`; the offset is the header's.
[[nodiscard]] constexpr result<multiboot_header_found, multiboot_error> find_multiboot_header(bytes file) {
  using namespace multiboot_format;
  multiboot_error missing{multiboot_fault::not_found, 0};
  bytes const area = file.sub(0, search_size);
  for (std::size_t at = 0; at < area.size && area.size - at >= multiboot_header::size_plain; at += header_alignment) {
    auto const word = [&](std::size_t i) { return detail::load_le<std::uint32_t>(area, at + 4 * i); };
    if (word(0) != header_magic) continue;
    multiboot_header found = multiboot_header::make(word(1));
    if (found.checksum != word(2)) {
      if (missing.what == multiboot_fault::not_found) missing = {multiboot_fault::bad_checksum, at};
      continue;
    }
    if ((found.flags & 0xffff & ~(align_modules | want_memory | want_video)) != 0) {
      return failure{multiboot_error{multiboot_fault::unsupported, at}};
    }
    std::size_t size = multiboot_header::size_plain;
    if ((found.flags & has_addresses) != 0) size = multiboot_header::size_with_addresses;
    if ((found.flags & want_video) != 0) size = multiboot_header::size_with_video;
    if (area.size - at < size) return failure{multiboot_error{multiboot_fault::cut_off, at}};
    if ((found.flags & has_addresses) != 0) {
      found.header_addr = word(3);
      found.load_addr = word(4);
      found.load_end_addr = word(5);
      found.bss_end_addr = word(6);
      found.entry_addr = word(7);
    }
    if ((found.flags & want_video) != 0) {
      found.mode_type = word(8);
      found.width = word(9);
      found.height = word(10);
      found.depth = word(11);
    }
    return multiboot_header_found{found, static_cast<std::uint32_t>(at)};
  }
  return failure{missing};
}

}  // namespace axhal::boot
