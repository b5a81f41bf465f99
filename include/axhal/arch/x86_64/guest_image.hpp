// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/arch/x86_64/bzimage.hpp>
#include <axhal/boot/elf_program.hpp>
#include <axhal/boot/image_fault.hpp>
#include <axhal/boot/multiboot_header.hpp>
#include <axhal/core/bytes.hpp>
#include <axhal/core/result.hpp>

#include <cstddef>
#include <cstdint>

namespace axhal::x86_64 {

/// How a guest's file is made, which decides how the guest is entered and what it is told.
enum class guest_kind : std::uint8_t {
  bzimage,      ///< Linux, by its own boot protocol
  pvh,          ///< an ELF with a note that names its 32-bit entry (Xen's PVH, which Linux and BSDs have too)
  multiboot,    ///< an ELF or flat binary with a Multiboot header
  boot_sector,  ///< 512 bytes that end in 55 AA, entered in real mode
};

/// The name of a kind, for a log.
[[nodiscard]] constexpr text to_text(guest_kind kind) {
  switch (kind) {
    case guest_kind::bzimage: return "Linux bzImage";
    case guest_kind::pvh: return "ELF with a PVH entry";
    case guest_kind::multiboot: return "Multiboot";
    case guest_kind::boot_sector: return "boot sector";
  }
  return "unknown kind";
}

/// A file that holds a guest, and what it says about how to load it. Every address is physical and absolute.
///
/// `open` recognises the file and checks everything a loader will use; it looks at no byte outside of the file, which
/// must stay, and stay unchanged, as long as the image is in use.
class guest_image {
 public:
  static constexpr std::uint32_t phys32_entry = 18;        ///< XEN_ELFNOTE_PHYS32_ENTRY (Xen, include/public/elfnote.h)
  static constexpr std::uint64_t boot_sector_at = 0x7c00;  ///< where firmware puts the first sector of a disk
  static constexpr std::size_t boot_sector_size = 512;

  /// A file with both a PVH note and a Multiboot header is entered by the note: it tells more of the machine.
  /// Of Multiboot's requirements the wish for a graphics mode is not heeded: there is no screen.
  /// Errors, with the offset of what shows it: those of `boot::elf_program` and `bzimage`; `no_boot_note` (an ELF with
  /// neither note nor header), `bad_entry`, `bad_header`, `outside_file`; and for what no loader knows the faults of
  /// other formats, or `unknown_format`.
  [[nodiscard]] static constexpr result<guest_image, boot::image_error> open(bytes file);

  [[nodiscard]] constexpr guest_kind kind() const { return kind_; }
  [[nodiscard]] constexpr bytes file() const { return file_; }
  /// The kernel's own header. Precondition: `kind()` is `bzimage`.
  [[nodiscard]] constexpr bzimage const& linux_kernel() const { return linux_; }

  /// The lowest address that it occupies, and how many bytes from there to its end, zeroed memory included.
  [[nodiscard]] constexpr std::uint64_t start() const { return start_; }
  [[nodiscard]] constexpr std::uint64_t size() const { return size_; }
  /// Where it is entered.
  [[nodiscard]] constexpr std::uint64_t entry() const { return entry_; }
  /// How many segments there are to copy; at least 1.
  [[nodiscard]] constexpr std::uint32_t segment_count() const { return elf_.segment_count() + (is_elf_ ? 0U : 1U); }
  /// Precondition: `i < segment_count()`.
  [[nodiscard]] constexpr boot::image_segment segment(std::uint32_t i) const {
    return is_elf_ ? elf_.segment(i) : flat_;
  }

 private:
  using image_fault = boot::image_fault;

  constexpr explicit guest_image(bytes file) : file_{file} {}

  [[nodiscard]] static constexpr failure<boot::image_error> refuse(image_fault what, std::uint64_t offset) {
    return failure{boot::image_error{what, offset}};
  }
  /// One piece of the file, which fills `memory_size` bytes.
  constexpr void set_flat(guest_kind kind, boot::image_segment piece, std::uint64_t entry) {
    kind_ = kind;
    flat_ = piece;
    start_ = piece.address;
    size_ = piece.memory_size;
    entry_ = entry;
  }
  [[nodiscard]] constexpr result<void, boot::image_error> read_bzimage();
  [[nodiscard]] constexpr result<void, boot::image_error> read_elf();
  [[nodiscard]] constexpr result<void, boot::image_error> read_note(bytes note);
  [[nodiscard]] constexpr result<void, boot::image_error> read_addresses(boot::multiboot_header_found const& found);

  bytes file_;
  guest_kind kind_{};
  bool is_elf_{};
  std::uint64_t start_{};
  std::uint64_t size_{};
  std::uint64_t entry_{};
  boot::image_segment flat_{};
  boot::elf_program elf_{};
  bzimage linux_{};
};

constexpr result<guest_image, boot::image_error> guest_image::open(bytes file) {
  using boot::image_detail::has_magic;
  if (file.empty()) return refuse(image_fault::empty, 0);
  guest_image image{file};
  auto const finish = [&](result<void, boot::image_error> read) -> result<guest_image, boot::image_error> {
    if (!read) return failure{read.error()};
    return image;
  };
  if (boot::elf_program::is_elf(file)) return finish(image.read_elf());
  if (has_magic(file, setup_header::h_header, "HdrS")) return finish(image.read_bzimage());
  auto const header = boot::find_multiboot_header(file);
  if (header) {
    // Without addresses the header counts on ELF headers, which are not there.
    if ((header->header.flags & boot::multiboot_format::has_addresses) == 0) {
      return refuse(image_fault::unknown_format, header->offset + 4);
    }
    return finish(image.read_addresses(*header));
  }
  if (file.size == boot_sector_size && has_magic(file, setup_header::h_boot_flag, "\x55\xaa")) {
    image.set_flat(guest_kind::boot_sector, {0, boot_sector_size, boot_sector_at, boot_sector_size}, boot_sector_at);
    return image;
  }
  if (auto const known = boot::image_detail::refuse_foreign(file); !known) return failure{known.error()};
  // A damaged header is worth more than silence.
  bool const was_meant = header.error().what != boot::multiboot_fault::not_found;
  return refuse(was_meant ? image_fault::bad_header : image_fault::unknown_format, header.error().where);
}

constexpr result<void, boot::image_error> guest_image::read_bzimage() {
  auto const read = bzimage::open(file_);
  if (!read) return failure{read.error()};
  linux_ = *read;
  std::uint64_t const at = linux_.load_address();
  set_flat(guest_kind::bzimage, {linux_.kernel_offset(), linux_.kernel().size, at, linux_.kernel().size},
           linux_.has_64_bit_entry() ? at + bzimage::entry_64 : at);
  size_ = linux_.memory_size();
  return {};
}

constexpr result<void, boot::image_error> guest_image::read_elf() {
  auto const program = boot::elf_program::open(file_, {.elf64 = 62, .elf32 = 3});  // EM_X86_64, EM_386
  if (!program) return failure{program.error()};
  elf_ = *program;
  is_elf_ = true;
  start_ = elf_.start();
  size_ = elf_.size();
  // Neither protocol has a place for what is to be moved: addresses are taken as they stand.
  if (elf_.is_position_independent()) return refuse(image_fault::not_executable, 16);

  auto const note = elf_.find_note("Xen", phys32_entry);
  if (!note) return failure{note.error()};
  if (!note->empty()) return read_note(*note);

  auto const header = boot::find_multiboot_header(file_);
  if (!header) {
    bool const was_meant = header.error().what != boot::multiboot_fault::not_found;
    return refuse(was_meant ? image_fault::bad_header : image_fault::no_boot_note, header.error().where);
  }
  if ((header->header.flags & boot::multiboot_format::has_addresses) != 0) return read_addresses(*header);
  kind_ = guest_kind::multiboot;
  // Some images are linked at high addresses and state a physical entry all the same.
  auto const entry = elf_.physical_entry();
  if (!entry && !elf_.has_physical(elf_.stated_entry(), 1)) return failure{entry.error()};
  entry_ = entry ? *entry : elf_.stated_entry();
  return {};
}

constexpr result<void, boot::image_error> guest_image::read_note(bytes note) {
  auto const at = static_cast<std::uint64_t>(note.data - file_.data);
  if (note.size != 4 && note.size != 8) return refuse(image_fault::bad_header, at);
  kind_ = guest_kind::pvh;
  entry_ = boot::image_detail::load(note, 0, static_cast<unsigned>(note.size));
  if (!elf_.has_physical(entry_, 1)) return refuse(image_fault::bad_entry, at);
  return {};
}

/// Multiboot Specification 0.6.96, 3.1.3 "The address fields of Multiboot header".
constexpr result<void, boot::image_error> guest_image::read_addresses(boot::multiboot_header_found const& found) {
  boot::multiboot_header const& h = found.header;
  std::uint64_t const at_header_addr = std::uint64_t{found.offset} + 12;
  is_elf_ = false;
  elf_ = {};
  // The header's own address and offset tell where in the file the first byte to load is.
  if (h.load_addr > h.header_addr || h.header_addr - h.load_addr > found.offset) {
    return refuse(image_fault::bad_header, at_header_addr);
  }
  std::uint64_t const from = found.offset - (h.header_addr - h.load_addr);
  std::uint64_t size = file_.size - from;
  if (h.load_end_addr != 0) {
    if (h.load_end_addr <= h.load_addr) return refuse(image_fault::bad_header, at_header_addr + 8);
    if (h.load_end_addr - h.load_addr > size) return refuse(image_fault::outside_file, at_header_addr + 8);
    size = h.load_end_addr - h.load_addr;
  }
  std::uint64_t memory = size;
  if (h.bss_end_addr != 0) {
    if (h.bss_end_addr < h.load_addr + size) return refuse(image_fault::bad_header, at_header_addr + 12);
    memory = h.bss_end_addr - h.load_addr;
  }
  if (h.entry_addr < h.load_addr || h.entry_addr - h.load_addr >= memory) {
    return refuse(image_fault::bad_entry, at_header_addr + 16);
  }
  set_flat(guest_kind::multiboot, {from, size, h.load_addr, memory}, h.entry_addr);
  return {};
}

}  // namespace axhal::x86_64
