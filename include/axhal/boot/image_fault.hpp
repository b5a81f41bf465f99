// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/core/bytes.hpp>
#include <axhal/core/result.hpp>
#include <axhal/core/text_table.hpp>

#include <cstddef>
#include <cstdint>

namespace axhal::boot {

/// Why a file cannot be started.
enum class image_fault : std::uint8_t {
  empty,             ///< no bytes
  compressed,        ///< gzip, xz, zstd, lz4, lzma, bzip2: has to be unpacked before
  compressed_zboot,  ///< an EFI zboot image: a compressed kernel in an EFI program; unpack its payload
  efi_program,       ///< an EFI program or bzImage without this architecture's Linux header
  uboot_image,       ///< wrapped by mkimage; take the payload out
  other_machine,     ///< made for another architecture
  big_endian,        ///< a big-endian kernel or ELF
  not_elf64,         ///< a 32-bit ELF
  not_executable,    ///< an ELF that is neither an executable nor position-independent
  bad_header,        ///< a field contradicts the file or another field
  outside_file,      ///< a table or segment reaches past the end of the file
  too_large,         ///< addresses or sizes pass 2^64
  segments_overlap,  ///< two segments claim the same memory
  no_segments,       ///< an ELF with nothing to load
  bad_entry,         ///< the entry lies in no segment
  no_boot_note,      ///< an ELF that does not say how a machine without firmware enters it
  old_protocol,      ///< of a boot protocol that is too old
  unknown_format,    ///< nothing that a loader knows
};

namespace image_detail {

[[nodiscard]] constexpr text sentence(image_fault fault) {
  switch (fault) {
    case image_fault::empty: return "the file is empty";
    case image_fault::compressed: return "the file is compressed: unpack it first";
    case image_fault::compressed_zboot: return "an EFI zboot image: unpack the kernel inside it first";
    case image_fault::efi_program: return "an EFI program without a Linux header of this architecture";
    case image_fault::uboot_image: return "wrapped for U-Boot: take the payload out first";
    case image_fault::other_machine: return "made for another architecture";
    case image_fault::big_endian: return "big-endian";
    case image_fault::not_elf64: return "a 32-bit ELF";
    case image_fault::not_executable: return "an ELF that is not executable";
    case image_fault::bad_header: return "a header field makes no sense";
    case image_fault::outside_file: return "reaches past the end of the file";
    case image_fault::too_large: return "addresses pass the end of the address space";
    case image_fault::segments_overlap: return "two segments overlap";
    case image_fault::no_segments: return "an ELF without anything to load";
    case image_fault::bad_entry: return "the entry lies in no segment";
    case image_fault::no_boot_note: return "an ELF that no boot protocol of this machine enters";
    case image_fault::old_protocol: return "its boot protocol is too old";
    case image_fault::unknown_format: return "no format that is known";
  }
  return {};
}
inline constexpr unsigned fault_count = static_cast<unsigned>(image_fault::unknown_format) + 1;

}  // namespace image_detail

/// The sentence for a fault, for a log.
[[nodiscard]] constexpr text to_text(image_fault fault) {
  return text_from_table<&image_detail::sentence, image_detail::fault_count>(fault, "unknown fault");
}

/// A fault and the byte offset in the file of the field that shows it.
struct image_error {
  image_fault what{};
  std::uint64_t offset{};
  friend constexpr bool operator==(image_error, image_error) = default;
};

/// A piece of the file and where it goes. Memory past the piece, up to `memory_size`, is zero.
struct image_segment {
  std::uint64_t file_offset{};
  std::uint64_t file_size{};
  std::uint64_t address{};      ///< absolute, or relative to the image's base; see `kernel_image::is_absolute`
  std::uint64_t memory_size{};  ///< at least `file_size`
  friend constexpr bool operator==(image_segment const&, image_segment const&) = default;
};

namespace image_detail {

/// The little-endian number of `size` bytes at `at`. Precondition: it lies inside.
[[nodiscard]] constexpr std::uint64_t load(bytes file, std::uint64_t at, unsigned size) {
  std::uint64_t value = 0;
  for (unsigned i = size; i > 0; --i) value = value << 8 | file[static_cast<std::size_t>(at + i - 1)];
  return value;
}

/// True when the file has the `size` characters of `magic` at `at`.
[[nodiscard]] constexpr bool has_magic(bytes file, std::size_t at, char const* magic, std::size_t size) {
  if (file.size < at || file.size - at < size) return false;
  for (std::size_t i = 0; i < size; ++i) {
    if (file[at + i] != static_cast<std::uint8_t>(magic[i])) return false;
  }
  return true;
}
template <std::size_t N>
[[nodiscard]] constexpr bool has_magic(bytes file, std::size_t at, char const (&magic)[N]) {
  return has_magic(file, at, magic, N - 1);
}

/// What a file begins like that is surely no flat binary.
struct foreign_mark {
  std::uint16_t at;
  std::uint8_t size;
  image_fault what;
  char magic[7];
};
/// In this order. The magic word of Linux Images stands at byte 56.
inline constexpr foreign_mark foreign_marks[] = {
    {56, 4, image_fault::other_machine, "ARM\x64"},
    {56, 4, image_fault::other_machine, "RSC\x05"},
    {4, 4, image_fault::compressed_zboot, "zimg"},  // in an EFI program
    {0x202, 4, image_fault::other_machine, "HdrS"},
    {0, 2, image_fault::efi_program, "MZ"},
    {0, 4, image_fault::uboot_image, "\x27\x05\x19\x56"},
    {0, 3, image_fault::compressed, "\x1f\x8b\x08"},  // gzip
    {0, 6, image_fault::compressed,
     "\xfd"
     "7zXZ"},                                             // xz: a zero comes last
    {0, 4, image_fault::compressed, "\x28\xb5\x2f\xfd"},  // zstd
    {0, 4, image_fault::compressed, "\x02\x21\x4c\x18"},  // LZ4, as Linux has it
    {0, 4, image_fault::compressed, "\x04\x22\x4d\x18"},  // LZ4
    {0, 3, image_fault::compressed, "\x5d"},              // LZMA: two zeros follow
    {0, 3, image_fault::compressed, "BZh"},               // bzip2
};

/// Files that begin like something which surely is no flat binary: `other_machine`, `compressed_zboot`, `efi_program`,
/// `uboot_image`, `compressed`.
[[nodiscard]] constexpr result<void, image_error> refuse_foreign(bytes file) {
  for (foreign_mark const& mark : foreign_marks) {
    if (!has_magic(file, mark.at, mark.magic, mark.size)) continue;
    if (mark.what == image_fault::compressed_zboot && !has_magic(file, 0, "MZ")) continue;
    return failure{image_error{mark.what, mark.at}};
  }
  return {};
}

}  // namespace image_detail

}  // namespace axhal::boot
