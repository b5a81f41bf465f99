// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/core/bytes.hpp>
#include <axhal/core/result.hpp>

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

/// The sentence for a fault, for a log.
[[nodiscard]] constexpr text to_text(image_fault fault) {
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
  return "unknown fault";
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

/// True when the file has `magic` at `at`.
template <std::size_t N>
[[nodiscard]] constexpr bool has_magic(bytes file, std::size_t at, char const (&magic)[N]) {
  if (file.size < at || file.size - at < N - 1) return false;
  for (std::size_t i = 0; i < N - 1; ++i) {
    if (file[at + i] != static_cast<std::uint8_t>(magic[i])) return false;
  }
  return true;
}

/// True for what gzip, xz, zstd, LZ4, LZMA or bzip2 have packed.
[[nodiscard]] constexpr bool is_compressed(bytes file) {
  return has_magic(file, 0, "\x1f\x8b\x08") ||
         has_magic(file, 0,
                   "\xfd"
                   "7zXZ\0") ||
         has_magic(file, 0, "\x28\xb5\x2f\xfd") || has_magic(file, 0, "\x02\x21\x4c\x18") ||
         has_magic(file, 0, "\x04\x22\x4d\x18") || has_magic(file, 0, "\x5d\0\0") || has_magic(file, 0, "BZh");
}

/// Files that begin like something which surely is no flat binary: `other_machine`, `compressed_zboot`, `efi_program`,
/// `uboot_image`, `compressed`.
[[nodiscard]] constexpr result<void, image_error> refuse_foreign(bytes file) {
  auto const refuse = [](image_fault what, std::uint64_t offset) { return failure{image_error{what, offset}}; };
  // The magic word of Linux Images stands at byte 56.
  if (has_magic(file, 56, "ARM\x64") || has_magic(file, 56, "RSC\x05")) return refuse(image_fault::other_machine, 56);
  if (has_magic(file, 0, "MZ") && has_magic(file, 4, "zimg")) return refuse(image_fault::compressed_zboot, 4);
  if (has_magic(file, 0x202, "HdrS")) return refuse(image_fault::other_machine, 0x202);
  if (has_magic(file, 0, "MZ")) return refuse(image_fault::efi_program, 0);
  if (has_magic(file, 0, "\x27\x05\x19\x56")) return refuse(image_fault::uboot_image, 0);
  if (is_compressed(file)) return refuse(image_fault::compressed, 0);
  return {};
}

}  // namespace image_detail

}  // namespace axhal::boot
