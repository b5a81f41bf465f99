// SPDX-License-Identifier: BSL-1.0
// Numbers of the ACPI Specification 6.5, the HPET and the PCI Firmware Specification, by hand.
#include <axhal/boot/acpi_fadt.hpp>
#include <axhal/boot/acpi_hpet.hpp>
#include <axhal/boot/acpi_madt.hpp>
#include <axhal/boot/acpi_mcfg.hpp>
#include <axhal/boot/acpi_sleep.hpp>
#include <axhal/boot/acpi_tables.hpp>
#include <axhal/boot/acpi_writer.hpp>
#include <axhal/boot/e820.hpp>

#include <catch2/catch_test_macros.hpp>

#include <cstddef>
#include <cstdint>

namespace {

using namespace axhal;
using namespace axhal::boot;

template <std::size_t N>
constexpr bytes view_of(std::uint8_t const (&b)[N]) {
  return {b, N};
}

/// What an entry of the MADT looks like in the table.
template <MadtEntry E, std::size_t N>
void is(E const& entry, std::uint8_t const (&expected)[N]) {
  STATIC_REQUIRE(N == E::size);
  STATIC_REQUIRE(E::size >= 2);
  std::uint8_t made[N]{};
  made[0] = E::kind;
  made[1] = E::size;
  entry.store({made, N});
  for (std::size_t i = 0; i < N; ++i) {
    INFO(i);
    CHECK(made[i] == expected[i]);
  }
  CHECK(E::load(view_of(expected)) == entry);
}

}  // namespace

TEST_CASE("a root pointer of ACPI 1.0, byte for byte") {
  // 5.2.5.3: signature, checksum, OEM ID, revision, RSDT address. The letters add up to 0x21f and 0x18f, the
  // address to 0x1f5; the checksum makes it 0x600.
  constexpr std::uint8_t pointer[20] = {'R', 'S', 'D', ' ', 'P', 'T', 'R',  ' ',  0x5d, 'B',
                                        'O', 'C', 'H', 'S', ' ', 0,   0x5e, 0x1a, 0xfe, 0x7f};
  STATIC_REQUIRE(read_root_pointer(view_of(pointer)) == acpi_root{{0x7ffe'1a5e}, false, 0});
}

TEST_CASE("MADT entries (5.2.12.2 to 5.2.12.13), byte for byte") {
  inti_flags const low_level{inti_polarity::active_low, inti_trigger::level};
  inti_flags const high_edge{inti_polarity::active_high, inti_trigger::edge};
  is(madt_local_apic{0x11, 0x22, 1}, {0, 8, 0x11, 0x22, 1, 0, 0, 0});
  is(madt_io_apic{0x33, 0xfec0'0000, 24}, {1, 12, 0x33, 0, 0, 0, 0xc0, 0xfe, 24, 0, 0, 0});
  is(madt_source_override{0, 9, 0x0102'0304, low_level}, {2, 10, 0, 9, 4, 3, 2, 1, 0x0f, 0});
  is(madt_nmi_source{high_edge, 0x0102'0304}, {3, 8, 0x05, 0, 4, 3, 2, 1});
  is(madt_local_nmi{0xff, high_edge, 1}, {4, 6, 0xff, 0x05, 0, 1});
  is(madt_address_override{0x1'fee0'0000}, {5, 12, 0, 0, 0, 0, 0xe0, 0xfe, 1, 0, 0, 0});
  is(madt_local_x2apic{0x0102'0304, 3, 0x0506'0708}, {9, 16, 0, 0, 4, 3, 2, 1, 3, 0, 0, 0, 8, 7, 6, 5});
  is(madt_local_x2apic_nmi{low_level, 0xffff'ffff, 1}, {10, 12, 0x0f, 0, 0xff, 0xff, 0xff, 0xff, 1, 0, 0, 0});
}

TEST_CASE("offsets and flags of the FADT (5.2.9)") {
  using namespace fadt_format;
  STATIC_REQUIRE(f_firmware_ctrl == 36);
  STATIC_REQUIRE(f_dsdt == 40);
  STATIC_REQUIRE(f_sci_int == 46);
  STATIC_REQUIRE(f_smi_cmd == 48);
  STATIC_REQUIRE(f_acpi_enable == 52);
  STATIC_REQUIRE(f_pm1a_evt_blk == 56);
  STATIC_REQUIRE(f_pm1a_cnt_blk == 64);
  STATIC_REQUIRE(f_pm1b_cnt_blk == 68);
  STATIC_REQUIRE(f_pm_tmr_blk == 76);
  STATIC_REQUIRE(f_pm1_cnt_len == 89);
  STATIC_REQUIRE(f_pm_tmr_len == 91);
  STATIC_REQUIRE(f_century == 108);
  STATIC_REQUIRE(f_iapc_boot_arch == 109);
  STATIC_REQUIRE(f_flags == 112);
  STATIC_REQUIRE(f_reset_reg == 116);
  STATIC_REQUIRE(f_reset_value == 128);
  STATIC_REQUIRE(f_minor_version == 131);
  STATIC_REQUIRE(f_x_firmware_ctrl == 132);
  STATIC_REQUIRE(f_x_dsdt == 140);
  STATIC_REQUIRE(f_x_pm1a_evt_blk == 148);
  STATIC_REQUIRE(f_x_pm1a_cnt_blk == 172);
  STATIC_REQUIRE(f_x_pm1b_cnt_blk == 184);
  STATIC_REQUIRE(f_x_pm_tmr_blk == 208);
  STATIC_REQUIRE(f_sleep_control_reg == 244);
  STATIC_REQUIRE(f_sleep_status_reg == 256);
  STATIC_REQUIRE(fadt_format::size == 276);
  STATIC_REQUIRE(tmr_val_ext == 0x100);
  STATIC_REQUIRE(reset_reg_sup == 0x400);
  STATIC_REQUIRE(hw_reduced_acpi == 0x10'0000);
  STATIC_REQUIRE(cmos_rtc_not_present == 0x20);
}

TEST_CASE("the sleep type field and SLP_EN (4.8.3.2.1)") {
  STATIC_REQUIRE(acpi_sleep_type::slp_typ_mask == 0x1c00);
  STATIC_REQUIRE(acpi_sleep_type::slp_en == 0x2000);
  STATIC_REQUIRE(acpi_sleep_type::enter(0, 5) == 0x3400);
}

TEST_CASE("a generic address (5.2.3.2), byte for byte") {
  constexpr std::uint8_t raw[12] = {1, 8, 0, 1, 0xf9, 0x0c, 0, 0, 0, 0, 0, 0};
  STATIC_REQUIRE(acpi_register::load(view_of(raw), 0) == acpi_register{acpi_space::system_io, 8, 0, 1, 0xcf9});
}

TEST_CASE("S5 in AML (20.2), byte for byte") {
  // NameOp, NameSeg, PackageOp, PkgLength, NumElements, then constants.
  std::uint8_t out[512]{};
  acpi_writer w{{out, sizeof out}, {0x1000}};
  w.dsdt(5);
  REQUIRE(w.state());
  constexpr std::uint8_t expected[] = {0x08, 0x5f, 0x53, 0x35, 0x5f, 0x12, 0x0a, 0x04,
                                       0x0a, 0x05, 0x0a, 0x05, 0x0a, 0x00, 0x0a, 0x00};
  // The root pointer's 36 bytes, to the next 16-byte boundary, and the header's 36.
  for (std::size_t i = 0; i < sizeof expected; ++i) CHECK(out[48 + 36 + i] == expected[i]);
}

TEST_CASE("address range types (15.1) and the entry's layout") {
  STATIC_REQUIRE(static_cast<unsigned>(e820_type::usable) == 1);
  STATIC_REQUIRE(static_cast<unsigned>(e820_type::reserved) == 2);
  STATIC_REQUIRE(static_cast<unsigned>(e820_type::acpi_reclaimable) == 3);
  STATIC_REQUIRE(static_cast<unsigned>(e820_type::acpi_nvs) == 4);
  STATIC_REQUIRE(static_cast<unsigned>(e820_type::unusable) == 5);
  STATIC_REQUIRE(static_cast<unsigned>(e820_type::persistent) == 7);
  constexpr std::uint8_t raw[20] = {0, 0, 0x10, 0, 0, 0, 0, 0, 0, 0, 0xee, 0x7f, 0, 0, 0, 0, 1, 0, 0, 0};
  STATIC_REQUIRE(e820_entry::load(view_of(raw), 0) == e820_entry{0x10'0000, 0x7fee'0000, e820_type::usable});
}
