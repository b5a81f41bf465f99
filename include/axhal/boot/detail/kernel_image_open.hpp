// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/boot/kernel_image.hpp>

namespace axhal::boot {

namespace image_detail {

// The header of a Linux Image, 64 bytes, little-endian (Linux, Documentation/arch: booting.rst, "Decompress the kernel
// image", and boot-image-header.rst): the fields that all architectures with one have, at the same places.
inline constexpr std::uint64_t linux_header_size = 64;
inline constexpr std::uint64_t at_text_offset = 8;
inline constexpr std::uint64_t at_image_size = 16;
inline constexpr std::uint64_t at_flags = 24;
inline constexpr std::uint64_t at_magic = 56;
using f_big_endian = bit_field<bool, 0>;

}  // namespace image_detail

template <ImageConvention Convention>
constexpr result<kernel_image<Convention>, image_error> kernel_image<Convention>::open(bytes file) {
  if (file.empty()) return refuse(image_fault::empty, 0);
  kernel_image image{file};
  bool const has_header = file.size >= image_detail::linux_header_size;
  std::uint64_t const magic = has_header ? image_detail::load(file, image_detail::at_magic, 4) : 0;
  if (image_detail::has_magic(file, 0,
                              "\x7f"
                              "ELF")) {
    if (auto const read = image.read_elf(); !read) return failure{read.error()};
    return image;
  }
  if (magic == Convention::magic) {
    if (auto const read = image.read_linux(); !read) return failure{read.error()};
    return image;
  }
  if (auto const known = refuse_foreign(file); !known) return failure{known.error()};
  image.start_ = Convention::unstated_offset;
  image.entry_ = image.start_;
  image.size_ = file.size;
  return image;
}

/// Files that begin like something which is surely no flat binary.
template <ImageConvention Convention>
constexpr result<void, image_error> kernel_image<Convention>::refuse_foreign(bytes file) {
  using image_detail::has_magic;
  if (has_magic(file, image_detail::at_magic, "ARM\x64") || has_magic(file, image_detail::at_magic, "RSC\x05")) {
    return refuse(image_fault::other_machine, image_detail::at_magic);
  }
  if (has_magic(file, 0, "MZ") && has_magic(file, 4, "zimg")) return refuse(image_fault::compressed_zboot, 4);
  if (has_magic(file, 0x202, "HdrS")) return refuse(image_fault::other_machine, 0x202);
  if (has_magic(file, 0, "MZ")) return refuse(image_fault::efi_program, 0);
  if (has_magic(file, 0, "\x27\x05\x19\x56")) return refuse(image_fault::uboot_image, 0);
  bool const compressed = has_magic(file, 0, "\x1f\x8b\x08") ||
                          has_magic(file, 0,
                                    "\xfd"
                                    "7zXZ\0") ||
                          has_magic(file, 0, "\x28\xb5\x2f\xfd") || has_magic(file, 0, "\x02\x21\x4c\x18") ||
                          has_magic(file, 0, "\x04\x22\x4d\x18") || has_magic(file, 0, "\x5d\0\0") ||
                          has_magic(file, 0, "BZh");
  if (compressed) return refuse(image_fault::compressed, 0);
  return {};
}

template <ImageConvention Convention>
constexpr result<void, image_error> kernel_image<Convention>::read_linux() {
  using namespace image_detail;
  kind_ = image_kind::linux_image;
  std::uint64_t const flags = load(file_, at_flags, 8);
  std::uint64_t const stated = load(file_, at_image_size, 8);
  if (f_big_endian::get(flags)) return refuse(image_fault::big_endian, at_flags);
  // With no size the endianness of the other fields is unknown too, and the offset is the one of that time.
  size_known_ = stated != 0;
  start_ = size_known_ ? load(file_, at_text_offset, 8) : Convention::unstated_offset;
  size_ = stated > file_.size ? stated : file_.size;
  entry_ = start_;
  if (start_ % 4 != 0) return refuse(image_fault::bad_header, at_text_offset);
  if (start_ > ~std::uint64_t{0} - size_) {
    return refuse(image_fault::too_large, stated > ~std::uint64_t{0} / 2 ? at_image_size : at_text_offset);
  }
  return {};
}

template <ImageConvention Convention>
constexpr result<void, image_error> kernel_image<Convention>::read_elf() {
  using image_detail::load;
  kind_ = image_kind::elf;
  if (file_.size < elf_header_size) return refuse(image_fault::outside_file, file_.size);
  if (file_[4] != 2) return refuse(image_fault::not_elf64, 4);
  if (file_[5] != 1) return refuse(image_fault::big_endian, 5);
  std::uint64_t const type = load(file_, 16, 2);
  if (type != 2 && type != 3) return refuse(image_fault::not_executable, 16);
  if (load(file_, 18, 2) != Convention::elf_machine) return refuse(image_fault::other_machine, 18);

  headers_ = load(file_, 32, 8);
  if (load(file_, 54, 2) != program_header_size) return refuse(image_fault::bad_header, 54);
  auto const count = static_cast<std::uint32_t>(load(file_, 56, 2));
  // Each pair is compared below; no kernel has nearly as many, and a forged count must not cost minutes.
  if (count > max_program_headers) return refuse(image_fault::bad_header, 56);
  if (headers_ > file_.size || count * program_header_size > file_.size - headers_) {
    return refuse(image_fault::outside_file, 32);
  }

  absolute_ = type == 2;
  size_known_ = true;
  segments_ = 0;
  std::uint64_t low = ~std::uint64_t{0};
  std::uint64_t high = 0;
  bool entry_found = false;
  std::uint64_t const entry = load(file_, 24, 8);
  for (std::uint32_t i = 0; i < count; ++i) {
    if (!is_load(i)) continue;
    image_segment const s = load_segment(i);
    std::uint64_t const at = header_at(i);
    if (s.file_offset > file_.size || s.file_size > file_.size - s.file_offset) {
      return refuse(image_fault::outside_file, at + 8);
    }
    if (s.file_size > s.memory_size) return refuse(image_fault::bad_header, at + 32);
    if (s.address > ~std::uint64_t{0} - s.memory_size) return refuse(image_fault::too_large, at + 24);
    for (std::uint32_t j = 0; j < i; ++j) {
      if (!is_load(j)) continue;
      image_segment const other = load_segment(j);
      if (s.address < other.address + other.memory_size && other.address < s.address + s.memory_size) {
        return refuse(image_fault::segments_overlap, at + 24);
      }
    }
    // The entry is a virtual address, the segments go to physical ones.
    std::uint64_t const virtual_address = load(file_, at + 16, 8);
    if (entry >= virtual_address && entry - virtual_address < s.memory_size && !entry_found) {
      entry_found = true;
      entry_ = s.address + (entry - virtual_address);
    }
    low = s.address < low ? s.address : low;
    high = s.address + s.memory_size > high ? s.address + s.memory_size : high;
    ++segments_;
  }
  if (segments_ == 0) return refuse(image_fault::no_segments, 56);
  if (!entry_found) return refuse(image_fault::bad_entry, 24);
  start_ = low;
  size_ = high - low;
  if (!absolute_) {
    // A position-independent image keeps its own alignment: it is moved by whole multiples of the base's.
    bias_ = std::uint64_t{0} - (low & ~(Convention::base_alignment - 1));
    start_ += bias_;
    entry_ += bias_;
  }
  return {};
}

}  // namespace axhal::boot
