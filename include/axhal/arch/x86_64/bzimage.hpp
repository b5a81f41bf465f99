// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/boot/image_fault.hpp>
#include <axhal/core/bit_field.hpp>
#include <axhal/core/bytes.hpp>
#include <axhal/core/result.hpp>
#include <axhal/core/units.hpp>

#include <bit>
#include <cstddef>
#include <cstdint>

namespace axhal::x86_64 {

/// The setup header of a bzImage: byte offsets, the same in the file and in Linux's boot parameters (Linux,
/// Documentation/arch/x86/boot.rst, "The Real-Mode Kernel Header").
namespace setup_header {

enum field : std::uint32_t {
  h_setup_sects = 0x1f1,
  h_syssize = 0x1f4,
  h_boot_flag = 0x1fe,
  h_jump = 0x200,
  h_header = 0x202,
  h_version = 0x206,
  h_type_of_loader = 0x210,
  h_loadflags = 0x211,
  h_code32_start = 0x214,
  h_ramdisk_image = 0x218,
  h_ramdisk_size = 0x21c,
  h_heap_end_ptr = 0x224,
  h_cmd_line_ptr = 0x228,
  h_initrd_addr_max = 0x22c,
  h_kernel_alignment = 0x230,
  h_relocatable_kernel = 0x234,
  h_min_alignment = 0x235,
  h_xloadflags = 0x236,
  h_cmdline_size = 0x238,
  h_setup_data = 0x250,
  h_pref_address = 0x258,
  h_init_size = 0x260,
};
/// Where the header begins, and where the room for it in the boot parameters ends.
inline constexpr std::uint32_t begin = h_setup_sects;
inline constexpr std::uint32_t room_end = 0x290;

inline constexpr std::uint32_t sector = 512;
inline constexpr std::uint16_t boot_flag = 0xaa55;
inline constexpr std::uint8_t undefined_loader = 0xff;  ///< type_of_loader: no number is assigned to us

/// loadflags
using f_loaded_high = bit_field<bool, 0, 0, std::uint8_t>;    ///< the kernel proper goes to 1 MiB or above
using f_quiet = bit_field<bool, 5, 5, std::uint8_t>;          ///< no early messages
using f_keep_segments = bit_field<bool, 6, 6, std::uint8_t>;  ///< the 32-bit entry leaves the segment registers alone
using f_can_use_heap = bit_field<bool, 7, 7, std::uint8_t>;   ///< heap_end_ptr is valid (real-mode entry)
/// xloadflags
using f_kernel_64 = bit_field<bool, 0, 0, std::uint16_t>;               ///< there is a 64-bit entry, at 0x200
using f_can_be_loaded_above_4g = bit_field<bool, 1, 1, std::uint16_t>;  ///< also the RAM disk and the command line

}  // namespace setup_header

/// A Linux kernel as a bzImage: 16-bit setup code with the header that is read here, and behind it the kernel proper,
/// which unpacks itself. Boot protocol 2.06 (Linux 2.6.22) and later.
///
/// `open` checks everything a loader will use, and looks at no byte outside of the file. The file must stay, and stay
/// unchanged, as long as the image is in use.
class bzimage {
 public:
  /// No kernel.
  constexpr bzimage() = default;

  static constexpr std::uint16_t oldest_version = 0x206;
  /// Where the 64-bit entry is, from the start of the kernel proper. The 32-bit one is the start.
  static constexpr std::uint64_t entry_64 = 0x200;

  /// True when the file has the header's two magic numbers.
  [[nodiscard]] static constexpr bool is_bzimage(bytes file) {
    return boot::image_detail::has_magic(file, setup_header::h_boot_flag, "\x55\xaa") &&
           boot::image_detail::has_magic(file, setup_header::h_header, "HdrS");
  }
  /// Errors, with the offset of the field: `unknown_format` (no header), `old_protocol`, `bad_header` (it ends before
  /// what its version promises, the kernel is a zImage that wants to lie below 1 MiB, an alignment is no power of two),
  /// `outside_file` (the kernel is longer than the file), `too_large` (it would pass 4 GiB).
  [[nodiscard]] static constexpr result<bzimage, boot::image_error> open(bytes file);

  [[nodiscard]] constexpr bytes file() const { return file_; }
  /// Of the boot protocol: major in the high byte.
  [[nodiscard]] constexpr std::uint16_t version() const { return half(setup_header::h_version); }
  /// What goes into the boot parameters, from `setup_header::begin` on; at most up to `setup_header::room_end`.
  [[nodiscard]] constexpr bytes header() const {
    return file_.sub(setup_header::begin, header_end_ - setup_header::begin);
  }
  /// What is loaded: the kernel proper.
  [[nodiscard]] constexpr bytes kernel() const { return file_.sub(kernel_offset_); }
  [[nodiscard]] constexpr std::uint64_t kernel_offset() const { return kernel_offset_; }

  /// True with a 64-bit entry; without one the kernel is entered in 32-bit mode.
  [[nodiscard]] constexpr bool has_64_bit_entry() const { return setup_header::f_kernel_64::get(xloadflags()); }
  /// Where the kernel is loaded, and runs. It moves itself up to `pref_address` from anywhere below, so that loading it
  /// there, rounded up to its alignment where it can be moved, needs the least memory.
  [[nodiscard]] constexpr std::uint64_t load_address() const { return load_address_; }
  /// How much memory it uses from there before it reads the memory map: at least its file's size.
  [[nodiscard]] constexpr std::uint64_t memory_size() const {
    return init_size() > kernel().size ? init_size() : kernel().size;
  }
  /// False before protocol 2.10, where `memory_size()` is the file's and what the kernel takes beyond is unknown.
  [[nodiscard]] constexpr bool size_is_known() const { return version() >= 0x20a; }

  /// The last byte that an initial RAM disk may occupy.
  [[nodiscard]] constexpr std::uint64_t initrd_last() const { return word(setup_header::h_initrd_addr_max); }
  /// True when a RAM disk may lie anywhere, above 4 GiB too, whatever `initrd_last` says.
  [[nodiscard]] constexpr bool takes_initrd_anywhere() const {
    return has_64_bit_entry() && setup_header::f_can_be_loaded_above_4g::get(xloadflags());
  }
  /// The longest command line, without its zero.
  [[nodiscard]] constexpr std::uint32_t longest_command_line() const { return word(setup_header::h_cmdline_size); }

 private:
  constexpr explicit bzimage(bytes file) : file_{file} {}

  [[nodiscard]] static constexpr failure<boot::image_error> refuse(boot::image_fault what, std::uint64_t offset) {
    return failure{boot::image_error{what, offset}};
  }
  [[nodiscard]] constexpr std::uint16_t half(std::uint32_t at) const {
    return static_cast<std::uint16_t>(boot::image_detail::load(file_, at, 2));
  }
  [[nodiscard]] constexpr std::uint32_t word(std::uint32_t at) const {
    return static_cast<std::uint32_t>(boot::image_detail::load(file_, at, 4));
  }
  [[nodiscard]] constexpr std::uint16_t xloadflags() const {
    return version() >= 0x20c ? half(setup_header::h_xloadflags) : std::uint16_t{0};
  }
  [[nodiscard]] constexpr std::uint64_t init_size() const {
    return size_is_known() ? word(setup_header::h_init_size) : 0;
  }
  /// The byte behind the last field that a version of the protocol has.
  [[nodiscard]] static constexpr std::uint32_t least_header_end(std::uint16_t version) {
    if (version >= 0x20f) return 0x26c;
    if (version >= 0x20b) return 0x268;
    if (version >= 0x20a) return 0x264;
    if (version >= 0x209) return 0x258;
    if (version >= 0x208) return 0x250;
    if (version >= 0x207) return 0x248;
    return 0x23c;
  }
  [[nodiscard]] constexpr result<void, boot::image_error> place();

  bytes file_;
  std::uint32_t header_end_{};
  std::uint32_t kernel_offset_{};
  std::uint64_t load_address_{};
};

constexpr result<bzimage, boot::image_error> bzimage::open(bytes file) {
  using namespace setup_header;
  using boot::image_fault;
  if (file.size < h_version + 2) return refuse(image_fault::outside_file, file.size);
  if (!boot::image_detail::has_magic(file, h_boot_flag, "\x55\xaa")) {
    return refuse(image_fault::unknown_format, h_boot_flag);
  }
  if (!is_bzimage(file)) return refuse(image_fault::unknown_format, h_header);
  bzimage image{file};
  if (image.version() < oldest_version) return refuse(image_fault::old_protocol, h_version);
  // The jump at the entry of the setup code leads over the header.
  std::uint32_t const end = h_header + file[h_jump + 1];
  if (end < least_header_end(image.version())) return refuse(image_fault::bad_header, h_jump + 1);
  image.header_end_ = end < room_end ? end : room_end;
  if (file.size < image.header_end_) return refuse(image_fault::outside_file, file.size);
  if (!f_loaded_high::get(file[h_loadflags])) return refuse(image_fault::bad_header, h_loadflags);

  // Zero stands for four, for the sake of the oldest loaders.
  std::uint32_t const sectors = file[h_setup_sects] == 0 ? 4 : file[h_setup_sects];
  image.kernel_offset_ = (sectors + 1) * sector;
  if (file.size <= image.kernel_offset_) return refuse(image_fault::outside_file, h_setup_sects);
  // In units of 16 bytes. A signature may follow, which is no part of it and does no harm in memory.
  std::uint64_t const stated = std::uint64_t{image.word(h_syssize)} * 16;
  if (stated > file.size - image.kernel_offset_) return refuse(image_fault::outside_file, h_syssize);
  if (auto const placed = image.place(); !placed) return failure{placed.error()};
  return image;
}

constexpr result<void, boot::image_error> bzimage::place() {
  using namespace setup_header;
  using boot::image_fault;
  load_address_ = mib;  // the place of kernels from before they could tell
  if (version() >= 0x20a) {
    std::uint64_t const wanted = boot::image_detail::load(file_, h_pref_address, 8);
    std::uint32_t const alignment = word(h_kernel_alignment);
    bool const moves = file_[h_relocatable_kernel] != 0;
    if (moves && !std::has_single_bit(alignment)) return refuse(image_fault::bad_header, h_kernel_alignment);
    if (wanted >= 4 * gib) return refuse(image_fault::too_large, h_pref_address);
    load_address_ = wanted > mib ? wanted : mib;
    if (moves) load_address_ = (load_address_ + (alignment - 1)) & ~(std::uint64_t{alignment} - 1);
  }
  if (memory_size() > 4 * gib || load_address_ > 4 * gib - memory_size()) {
    return refuse(image_fault::too_large, size_is_known() ? h_init_size : h_syssize);
  }
  // A kernel that has no 64-bit entry where its flag says so would be entered behind its end.
  if (has_64_bit_entry() && kernel().size <= entry_64) return refuse(image_fault::outside_file, h_xloadflags);
  return {};
}

}  // namespace axhal::x86_64
