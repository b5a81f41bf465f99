// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/boot/image_convention.hpp>
#include <axhal/core/bit_field.hpp>
#include <axhal/core/bytes.hpp>
#include <axhal/core/result.hpp>

#include <cstddef>
#include <cstdint>

namespace axhal::boot {

/// What a file of a guest is.
enum class image_kind : std::uint8_t {
  linux_image,  ///< a Linux Image with its 64-byte header
  elf,          ///< an ELF64 executable with program headers
  raw,          ///< no known header: a flat binary that is entered at its first byte
};

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

}  // namespace image_detail

/// A file that holds a guest's kernel, and what it says about how to load it.
///
/// `open` recognises the file and checks everything a loader will use; it looks at no byte outside the file. The file
/// must stay and stay unchanged while the image is in use.
template <ImageConvention Convention>
class kernel_image {
 public:
  [[nodiscard]] static constexpr result<kernel_image, image_error> open(bytes file);

  [[nodiscard]] constexpr image_kind kind() const { return kind_; }
  [[nodiscard]] constexpr bytes file() const { return file_; }

  /// True when segments name addresses in the guest (an ELF that is not position-independent); else they are relative
  /// to a base that is a multiple of `Convention::base_alignment`.
  [[nodiscard]] constexpr bool is_absolute() const { return absolute_; }
  /// The lowest address that the image occupies, and how many bytes from there, zeroed memory included.
  [[nodiscard]] constexpr std::uint64_t start() const { return start_; }
  [[nodiscard]] constexpr std::uint64_t size() const { return size_; }
  /// Where it is entered, in the same terms as `start`.
  [[nodiscard]] constexpr std::uint64_t entry() const { return entry_; }
  /// False where the file does not tell how much memory it uses past its end (a raw binary, a kernel older than 3.17):
  /// leave what follows it free.
  [[nodiscard]] constexpr bool size_is_known() const { return size_known_; }

  /// How many segments there are to copy; at least 1.
  [[nodiscard]] constexpr std::uint32_t segment_count() const { return segments_; }
  /// Precondition: `i < segment_count()`.
  [[nodiscard]] constexpr image_segment segment(std::uint32_t i) const {
    if (kind_ != image_kind::elf) return {0, file_.size, start_, size_};
    for (std::uint32_t header = 0;; ++header) {
      if (is_load(header) && i-- == 0) return load_segment(header);
    }
  }

 private:
  constexpr explicit kernel_image(bytes file) : file_{file} {}

  [[nodiscard]] static constexpr result<void, image_error> refuse_foreign(bytes file);
  [[nodiscard]] constexpr result<void, image_error> read_linux();
  [[nodiscard]] constexpr result<void, image_error> read_elf();

  [[nodiscard]] static constexpr failure<image_error> refuse(image_fault what, std::uint64_t offset) {
    return failure{image_error{what, offset}};
  }

  // ELF64 (System V ABI, "Object Files", ELF header and program header).
  static constexpr std::uint64_t elf_header_size = 64;
  static constexpr std::uint64_t program_header_size = 56;
  static constexpr std::uint32_t max_program_headers = 128;
  [[nodiscard]] constexpr std::uint64_t header_at(std::uint32_t i) const { return headers_ + i * program_header_size; }
  [[nodiscard]] constexpr bool is_load(std::uint32_t i) const {
    // PT_LOAD with no memory occupies nothing.
    return image_detail::load(file_, header_at(i), 4) == 1 && image_detail::load(file_, header_at(i) + 40, 8) != 0;
  }
  [[nodiscard]] constexpr image_segment load_segment(std::uint32_t i) const {
    std::uint64_t const at = header_at(i);
    return {image_detail::load(file_, at + 8, 8), image_detail::load(file_, at + 32, 8),
            image_detail::load(file_, at + 24, 8) + bias_, image_detail::load(file_, at + 40, 8)};
  }

  bytes file_;
  image_kind kind_{image_kind::raw};
  bool absolute_{};
  bool size_known_{};
  std::uint32_t segments_{1};
  std::uint64_t start_{};
  std::uint64_t size_{};
  std::uint64_t entry_{};
  std::uint64_t headers_{};
  std::uint64_t bias_{};  ///< added to the addresses of the file's segments (position-independent ELF)
};

}  // namespace axhal::boot

#include <axhal/boot/detail/kernel_image_open.hpp>
