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
  if (elf_reader::is_elf(file)) {
    if (auto const read = image.read_elf(); !read) return failure{read.error()};
    return image;
  }
  if (magic == Convention::magic) {
    if (auto const read = image.read_linux(); !read) return failure{read.error()};
    return image;
  }
  if (auto const known = image_detail::refuse_foreign(file); !known) return failure{known.error()};
  image.start_ = Convention::unstated_offset;
  image.entry_ = image.start_;
  image.size_ = file.size;
  return image;
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
  kind_ = image_kind::elf;
  auto const opened = elf_reader::open(file_, {.elf64 = Convention::elf_machine});
  if (!opened) return failure{opened.error()};
  elf_ = *opened;
  auto const entry = elf_.physical_entry();
  if (!entry) return failure{entry.error()};
  absolute_ = !elf_.is_position_independent();
  size_known_ = true;
  segments_ = elf_.segment_count();
  start_ = elf_.start();
  size_ = elf_.size();
  entry_ = *entry;
  if (!absolute_) {
    // A position-independent image keeps its own alignment: it is moved by whole multiples of the base's.
    bias_ = std::uint64_t{0} - (start_ & ~(Convention::base_alignment - 1));
    start_ += bias_;
    entry_ += bias_;
  }
  return {};
}

}  // namespace axhal::boot
