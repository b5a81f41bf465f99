// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/boot/elf_program.hpp>
#include <axhal/boot/image_convention.hpp>
#include <axhal/boot/image_fault.hpp>
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
    image_segment found = elf_.segment(i);
    found.address += bias_;
    return found;
  }

 private:
  using elf_reader = basic_elf_program<elf_classes::elf64>;

  constexpr explicit kernel_image(bytes file) : file_{file} {}

  [[nodiscard]] constexpr result<void, image_error> read_linux();
  [[nodiscard]] constexpr result<void, image_error> read_elf();

  [[nodiscard]] static constexpr failure<image_error> refuse(image_fault what, std::uint64_t offset) {
    return failure{image_error{what, offset}};
  }

  bytes file_;
  image_kind kind_{image_kind::raw};
  bool absolute_{};
  bool size_known_{};
  std::uint32_t segments_{1};
  std::uint64_t start_{};
  std::uint64_t size_{};
  std::uint64_t entry_{};
  elf_reader elf_{};
  std::uint64_t bias_{};  ///< added to the addresses of the file's segments (position-independent ELF)
};

}  // namespace axhal::boot

#include <axhal/boot/detail/kernel_image_open.hpp>
