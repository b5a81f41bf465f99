// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/arch/x86_64/control_registers.hpp>
#include <axhal/arch/x86_64/rflags.hpp>
#include <axhal/arch/x86_64/segment_register.hpp>
#include <axhal/core/address.hpp>

#include <cstdint>

namespace axhal::x86_64 {

/// The mode in which a virtual CPU begins.
enum class entry_mode : std::uint8_t {
  real_mode,       ///< 16-bit, as after reset
  protected_mode,  ///< 32-bit, flat segments, no paging
  long_mode,       ///< 64-bit, on tables that map 4 GiB where they are
};

/// A GDTR or IDTR.
struct table_register {
  std::uint64_t base{};
  std::uint16_t limit{};
  friend constexpr bool operator==(table_register const&, table_register const&) = default;
};

/// What a virtual CPU holds when it begins. Interrupts are masked, A20 is open. Control registers are what the guest
/// will read: bits that an extension wants beside them (CR0.NE and CR4.VMXE of VT-x, EFER.SVME of SVM) are not in here.
/// What is not named has its reset value.
struct guest_entry {
  entry_mode mode{};
  std::uint64_t rip{};
  std::uint64_t rflags = x86_64::rflags::reserved_one;
  std::uint64_t gpr[16]{};  ///< in the order of the encodings, as `guest_frame`
  std::uint64_t cr0{};
  std::uint64_t cr3{};
  std::uint64_t cr4{};
  std::uint64_t efer{};
  segment_register cs{};
  segment_register ds{};  ///< DS, ES, FS and GS
  segment_register ss{};
  segment_register tr{};
  segment_register ldtr{};
  table_register gdtr{};
  table_register idtr{};

  static constexpr unsigned rax = 0;
  static constexpr unsigned rcx = 1;
  static constexpr unsigned rdx = 2;
  static constexpr unsigned rbx = 3;
  static constexpr unsigned rsp = 4;
  static constexpr unsigned rbp = 5;
  static constexpr unsigned rsi = 6;
  static constexpr unsigned rdi = 7;

  friend constexpr bool operator==(guest_entry const&, guest_entry const&) = default;
};

/// Selectors of the table that `write_boot_gdt` writes, those of Linux's boot protocol (__BOOT_CS, __BOOT_DS).
inline constexpr std::uint16_t boot_cs = 0x10;
inline constexpr std::uint16_t boot_ds = 0x18;
inline constexpr std::uint16_t boot_tss = 0x20;

/// Real mode at `selector`:`offset`, stack and data at `stack_selector`, with the interrupt table at 0.
[[nodiscard]] constexpr guest_entry real_mode_entry(std::uint16_t selector, std::uint16_t offset,
                                                    std::uint16_t data_selector = 0) {
  using namespace segment_attributes;
  guest_entry e{};
  e.mode = entry_mode::real_mode;
  e.rip = offset;
  e.cr0 = cr0::f_et::mask;
  e.cs = {selector, code_16, 0xffff, std::uint64_t{selector} << 4};
  e.ds = {data_selector, data_16, 0xffff, std::uint64_t{data_selector} << 4};
  e.ss = e.ds;
  e.tr = {0, tss_busy, 0xffff, 0};
  e.ldtr = {0, ldt, 0xffff, 0};
  e.gdtr = {0, 0xffff};
  e.idtr = {0, 0x3ff};
  return e;
}

/// Where a processor begins that a start-up IPI of this vector wakes (Intel SDM vol. 3, "MP Initialization Protocol
/// Algorithm for MP Systems"): at the page of that number.
[[nodiscard]] constexpr guest_entry startup_entry(std::uint8_t vector) {
  return real_mode_entry(static_cast<std::uint16_t>(vector << 8), 0);
}

/// 32-bit protected mode at `eip`, in flat segments, without paging: as PVH and Multiboot want it, and Linux at its
/// 32-bit entry. `gdt` is where `write_boot_gdt` has put its table.
[[nodiscard]] constexpr guest_entry protected_mode_entry(std::uint32_t eip, std::uint32_t esp, guest_phys gdt);

/// 64-bit mode at `rip` (Linux, Documentation/arch/x86/boot.rst, "64-bit Boot Protocol"), on `tables`, which
/// `write_identity_tables` has written.
[[nodiscard]] constexpr guest_entry long_mode_entry(std::uint64_t rip, std::uint64_t rsp, guest_phys gdt,
                                                    guest_phys tables);

/// The descriptors of the two entries above: null, null, code, data, and a task state that nothing is ever loaded from.
struct boot_gdt {
  static constexpr unsigned entries = 6;
  static constexpr std::uint16_t size = entries * 8;
  std::uint64_t descriptor[entries]{};
};

/// The descriptor of a segment (Intel SDM vol. 3, "Segment Descriptors"). The limit is a whole number of pages less one
/// where G is set.
[[nodiscard]] constexpr std::uint64_t descriptor_of(segment_register const& s) {
  bool const granular = segment_attributes::f_g::get(s.attributes);
  std::uint64_t const limit = granular ? s.limit >> 12 : s.limit;
  std::uint64_t const attributes = s.attributes;
  return (limit & 0xffff) | (s.base & 0xff'ffff) << 16 | (attributes & 0xff) << 40 | (limit >> 16 & 0xf) << 48 |
         (attributes >> 8 & 0xf) << 52 | (s.base >> 24 & 0xff) << 56;
}

/// The table that goes with an entry: its segments, as they are in its registers.
[[nodiscard]] constexpr boot_gdt gdt_for(guest_entry const& entry) {
  boot_gdt table{};
  table.descriptor[boot_cs / 8] = descriptor_of(entry.cs);
  table.descriptor[boot_ds / 8] = descriptor_of(entry.ds);
  table.descriptor[boot_tss / 8] = descriptor_of(entry.tr);
  return table;
}

/// Identity tables: 4 GiB by pages of 2 MiB, which every 64-bit processor has, in six pages: one of each upper level,
/// and four of directories.
struct identity_tables {
  static constexpr unsigned pages = 6;
  static constexpr std::uint64_t size = pages * 0x1000;
  static constexpr unsigned entries = 512;

  /// Entry `i` (below 512) of page `page` (below 6), when the first page lies at `where` (Intel SDM vol. 3, "4-Level
  /// Paging"): present, writable; the last level with PS.
  [[nodiscard]] static constexpr std::uint64_t entry(guest_phys where, unsigned page, unsigned i) {
    constexpr std::uint64_t present_writable = 3;
    constexpr std::uint64_t ps = 0x80;
    if (page == 0) return i == 0 ? (where.value + 0x1000) | present_writable : 0;
    if (page == 1) return i < 4 ? (where.value + 0x1000 * (std::uint64_t{i} + 2)) | present_writable : 0;
    return (std::uint64_t{page} - 2) << 30 | std::uint64_t{i} << 21 | ps | present_writable;
  }
};

constexpr guest_entry protected_mode_entry(std::uint32_t eip, std::uint32_t esp, guest_phys gdt) {
  using namespace segment_attributes;
  guest_entry e{};
  e.mode = entry_mode::protected_mode;
  e.rip = eip;
  e.gpr[guest_entry::rsp] = esp;
  e.cr0 = cr0::f_pe::mask | cr0::f_et::mask;
  e.cs = {boot_cs, code_32, 0xffff'ffff, 0};
  e.ds = {boot_ds, data_32, 0xffff'ffff, 0};
  e.ss = e.ds;
  e.tr = {boot_tss, tss_busy, 0x67, 0};
  e.ldtr = {0, 0, 0, 0};
  e.gdtr = {gdt.value, boot_gdt::size - 1};
  e.idtr = {0, 0};
  return e;
}

constexpr guest_entry long_mode_entry(std::uint64_t rip, std::uint64_t rsp, guest_phys gdt, guest_phys tables) {
  guest_entry e = protected_mode_entry(0, 0, gdt);
  e.mode = entry_mode::long_mode;
  e.rip = rip;
  e.gpr[guest_entry::rsp] = rsp;
  e.cr0 |= cr0::f_pg::mask;
  e.cr3 = tables.value;
  e.cr4 = cr4::f_pae::mask;
  e.efer = efer::f_lme::mask | efer::f_lma::mask;
  e.cs.attributes = segment_attributes::code_64;
  return e;
}

}  // namespace axhal::x86_64
