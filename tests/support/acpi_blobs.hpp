// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/boot/acpi_writer.hpp>
#include <axhal/boot/memory_reader.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace axhal::test {

using blob = std::vector<std::uint8_t>;

inline bytes view_of(blob const& b) { return {b.data(), b.size()}; }

inline void put(blob& b, std::size_t at, std::uint64_t value, unsigned size) {
  for (unsigned i = 0; i < size; ++i) b.at(at + i) = static_cast<std::uint8_t>(value >> (8 * i));
}

/// Makes the bytes add up to zero by the one at `at`, over the first `size` of them.
inline void seal(blob& b, std::size_t at, std::size_t size) {
  b.at(at) = 0;
  unsigned sum = 0;
  for (std::size_t i = 0; i < size; ++i) sum += b.at(i);
  b.at(at) = static_cast<std::uint8_t>(256 - sum % 256);
}

/// An ACPI table: a header and these bytes.
inline blob acpi_table_of(std::string const& name, blob const& body, std::uint8_t revision = 1) {
  blob t(36 + body.size());
  for (std::size_t i = 0; i < 4; ++i) t[i] = static_cast<std::uint8_t>(name.at(i));
  put(t, 4, t.size(), 4);
  t[8] = revision;
  for (std::size_t i = 0; i < body.size(); ++i) t[36 + i] = body[i];
  seal(t, 9, t.size());
  return t;
}

/// A root pointer of revision 2, or with `wide == 0` of revision 0.
inline blob root_pointer_of(std::uint32_t narrow, std::uint64_t wide) {
  blob p(wide != 0 ? 36 : 20);
  std::string const signature = "RSD PTR ";
  for (std::size_t i = 0; i < 8; ++i) p[i] = static_cast<std::uint8_t>(signature[i]);
  put(p, 16, narrow, 4);
  if (wide != 0) {
    p[15] = 2;
    put(p, 20, 36, 4);
    put(p, 24, wide, 8);
  }
  seal(p, 8, 20);
  if (wide != 0) seal(p, 32, 36);
  return p;
}

/// Memory from `start` on, of which nothing else can be read.
struct some_memory {
  std::uint64_t start{};
  blob content;

  some_memory(std::uint64_t at, std::size_t size) : start{at}, content(size) {}
  void place(std::uint64_t at, blob const& what) {
    for (std::size_t i = 0; i < what.size(); ++i) content.at(at - start + i) = what[i];
  }
  [[nodiscard]] boot::window_reader reader() const { return {{start}, view_of(content)}; }
};

/// A guest's tables, of everything that the writer knows, at `where`.
inline blob sample_acpi(std::uint64_t where) {
  blob out(4096);
  boot::acpi_writer w{{out.data(), out.size()}, {where}};
  w.dsdt(5);
  w.fadt({.pm1a_event = 0x600,
          .pm1a_control = 0x604,
          .pm_timer = 0x608,
          .reset = {boot::acpi_space::system_io, 8, 0, 1, 0xcf9},
          .reset_value = 6,
          .flags = boot::fadt_format::wbinvd | boot::fadt_format::pwr_button | boot::fadt_format::slp_button |
                   boot::fadt_format::tmr_val_ext,
          .boot_flags = boot::fadt_format::legacy_devices | boot::fadt_format::vga_not_present});
  w.begin_madt(0xfee0'0000, true);
  w.madt_entry(boot::madt_local_apic{0, 0, 1});
  w.madt_entry(boot::madt_local_apic{1, 2, 3});
  w.madt_entry(boot::madt_io_apic{4, 0xfec0'0000, 0});
  w.madt_entry(boot::madt_io_apic{5, 0xfec0'1000, 24});
  w.madt_entry(boot::madt_source_override{0, 0, 2, {}});
  w.madt_entry(boot::madt_source_override{0, 9, 9, {boot::inti_polarity::active_low, boot::inti_trigger::level}});
  w.madt_entry(boot::madt_nmi_source{{boot::inti_polarity::active_high, boot::inti_trigger::edge}, 23});
  w.madt_entry(boot::madt_local_nmi{255, {boot::inti_polarity::active_high, boot::inti_trigger::edge}, 1});
  w.madt_entry(boot::madt_local_x2apic{0x1234, 1, 7});
  w.madt_entry(boot::madt_local_x2apic_nmi{{}, boot::every_x2apic_processor, 1});
  w.end_table();
  w.hpet({0x8086'a201, {boot::acpi_space::system_memory, 64, 0, 0, 0xfed0'0000}, 0, 128});
  auto const done = w.finish();
  out.resize(done ? static_cast<std::size_t>(done->size) : 0);
  return out;
}

}  // namespace axhal::test
