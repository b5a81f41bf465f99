// SPDX-License-Identifier: BSL-1.0
// Numbers of the RISC-V Advanced Interrupt Architecture 1.0, written down apart from the headers that use them.
#include <axhal/arch/riscv64/aplic_registers.hpp>
#include <axhal/arch/riscv64/hart_interrupts.hpp>
#include <axhal/arch/riscv64/hvip_lines.hpp>
#include <axhal/arch/riscv64/imsic.hpp>

#include <catch2/catch_test_macros.hpp>

#include "support/simulated_harts.hpp"

using namespace axhal;
using namespace axhal::riscv64;
using aplic = aplic_registers;

TEST_CASE("control region of an interrupt domain") {
  STATIC_REQUIRE(aplic::domaincfg == 0x0000);
  STATIC_REQUIRE(aplic::sourcecfg_of(1) == 0x0004);
  STATIC_REQUIRE(aplic::sourcecfg_of(1023) == 0x0ffc);
  STATIC_REQUIRE(aplic::mmsiaddrcfg == 0x1bc0);
  STATIC_REQUIRE(aplic::mmsiaddrcfgh == 0x1bc4);
  STATIC_REQUIRE(aplic::smsiaddrcfg == 0x1bc8);
  STATIC_REQUIRE(aplic::smsiaddrcfgh == 0x1bcc);
  STATIC_REQUIRE(aplic::setip == 0x1c00);
  STATIC_REQUIRE(aplic::setipnum == 0x1cdc);
  STATIC_REQUIRE(aplic::in_clrip == 0x1d00);
  STATIC_REQUIRE(aplic::clripnum == 0x1ddc);
  STATIC_REQUIRE(aplic::setie == 0x1e00);
  STATIC_REQUIRE(aplic::setienum == 0x1edc);
  STATIC_REQUIRE(aplic::clrie == 0x1f00);
  STATIC_REQUIRE(aplic::clrienum == 0x1fdc);
  STATIC_REQUIRE(aplic::setipnum_le == 0x2000);
  STATIC_REQUIRE(aplic::setipnum_be == 0x2004);
  STATIC_REQUIRE(aplic::genmsi == 0x3000);
  STATIC_REQUIRE(aplic::target_of(1) == 0x3004);
  STATIC_REQUIRE(aplic::target_of(1023) == 0x3ffc);
}

TEST_CASE("interrupt delivery control structures") {
  STATIC_REQUIRE(aplic::idc_of(0, aplic::idelivery) == 0x4000);
  STATIC_REQUIRE(aplic::idc_of(0, aplic::iforce) == 0x4004);
  STATIC_REQUIRE(aplic::idc_of(0, aplic::ithreshold) == 0x4008);
  STATIC_REQUIRE(aplic::idc_of(0, aplic::topi) == 0x4018);
  STATIC_REQUIRE(aplic::idc_of(0, aplic::claimi) == 0x401c);
  STATIC_REQUIRE(aplic::idc_of(1, aplic::claimi) == 0x403c);
  STATIC_REQUIRE(aplic::idc_of(16383, aplic::idelivery) == 0x4000 + 16383 * 32);
}

TEST_CASE("fields of an interrupt domain") {
  STATIC_REQUIRE(aplic_domaincfg::f_be::mask == 0x0000'0001);
  STATIC_REQUIRE(aplic_domaincfg::f_dm::mask == 0x0000'0004);
  STATIC_REQUIRE(aplic_domaincfg::f_ie::mask == 0x0000'0100);
  STATIC_REQUIRE(aplic_domaincfg::marker == 0x8000'0000);
  STATIC_REQUIRE(aplic_sourcecfg::f_sm::mask == 0x0000'0007);
  STATIC_REQUIRE(aplic_sourcecfg::f_child_index::mask == 0x0000'03ff);
  STATIC_REQUIRE(aplic_sourcecfg::f_d::mask == 0x0000'0400);
  STATIC_REQUIRE(aplic_target::f_iprio::mask == 0x0000'00ff);
  STATIC_REQUIRE(aplic_target::f_eiid::mask == 0x0000'07ff);
  STATIC_REQUIRE(aplic_target::f_guest_index::mask == 0x0003'f000);
  STATIC_REQUIRE(aplic_target::f_hart_index::mask == 0xfffc'0000);
  STATIC_REQUIRE(aplic_genmsi::f_eiid::mask == 0x0000'07ff);
  STATIC_REQUIRE(aplic_genmsi::f_busy::mask == 0x0000'1000);
  STATIC_REQUIRE(aplic_genmsi::f_hart_index::mask == 0xfffc'0000);
  STATIC_REQUIRE(aplic_topi::f_priority::mask == 0x0000'00ff);
  STATIC_REQUIRE(aplic_topi::f_identity::mask == 0x03ff'0000);
  STATIC_REQUIRE(static_cast<unsigned>(aplic_source_mode::inactive) == 0);
  STATIC_REQUIRE(static_cast<unsigned>(aplic_source_mode::detached) == 1);
  STATIC_REQUIRE(static_cast<unsigned>(aplic_source_mode::edge1) == 4);
  STATIC_REQUIRE(static_cast<unsigned>(aplic_source_mode::edge0) == 5);
  STATIC_REQUIRE(static_cast<unsigned>(aplic_source_mode::level1) == 6);
  STATIC_REQUIRE(static_cast<unsigned>(aplic_source_mode::level0) == 7);
}

TEST_CASE("interrupt files: registers behind siselect with XLEN 64, their page, and stopei") {
  STATIC_REQUIRE(imsic_registers::eidelivery == 0x70);
  STATIC_REQUIRE(imsic_registers::eithreshold == 0x72);
  STATIC_REQUIRE(imsic_registers::eip(0) == 0x80);
  STATIC_REQUIRE(imsic_registers::eip(1) == 0x82);
  STATIC_REQUIRE(imsic_registers::eip(31) == 0xbe);
  STATIC_REQUIRE(imsic_registers::eie(0) == 0xc0);
  STATIC_REQUIRE(imsic_registers::eie(3) == 0xc6);
  STATIC_REQUIRE(imsic_registers::eie(31) == 0xfe);
  STATIC_REQUIRE(imsic_registers::max_identities == 2047);
  STATIC_REQUIRE(imsic_registers::seteipnum_le == 0);
  STATIC_REQUIRE(imsic_registers::seteipnum_be == 4);
  STATIC_REQUIRE(topei::f_identity::mask == 0x07ff'0000);
  STATIC_REQUIRE(topei::f_priority::mask == 0x0000'07ff);
  STATIC_REQUIRE(static_cast<unsigned>(csr::siselect) == 0x150);
  STATIC_REQUIRE(static_cast<unsigned>(csr::sireg) == 0x151);
  STATIC_REQUIRE(static_cast<unsigned>(csr::stopei) == 0x15c);
  STATIC_REQUIRE(static_cast<unsigned>(csr::vsiselect) == 0x250);
  STATIC_REQUIRE(static_cast<unsigned>(csr::vsireg) == 0x251);
  STATIC_REQUIRE(static_cast<unsigned>(csr::vstopei) == 0x25c);
  STATIC_REQUIRE(static_cast<unsigned>(csr::hgeie) == 0x607);
  STATIC_REQUIRE(static_cast<unsigned>(csr::hgeip) == 0xe12);
}

TEST_CASE("pages of interrupt files") {
  // QEMU's virt machine with three guests a hart: 0x2800'0000 + hart * 4 pages.
  constexpr imsic_layout virt{.hart_index_bits = 3, .guest_index_bits = 2};
  STATIC_REQUIRE(virt.page_of(0) == 0);
  STATIC_REQUIRE(virt.page_of(1) == 0x4000);
  STATIC_REQUIRE(virt.page_of(1, 3) == 0x7000);
  STATIC_REQUIRE(virt.page_of(7, 1) == 0x1d000);
  STATIC_REQUIRE(virt.contains(7, 3));
  STATIC_REQUIRE(!virt.contains(8));
  STATIC_REQUIRE(!virt.contains(0, 4));
  // Two harts on each of four chips, 1 GiB apart.
  constexpr imsic_layout chips{.hart_index_bits = 1, .group_index_bits = 2, .group_index_shift = 30};
  STATIC_REQUIRE(chips.page_of(1) == 0x1000);
  STATIC_REQUIRE(chips.page_of(2) == 0x4000'0000);
  STATIC_REQUIRE(chips.page_of(7) == 0xc000'1000);
  STATIC_REQUIRE(chips.contains(7));
  STATIC_REQUIRE(!chips.contains(8));
  // One hart without guests: one page.
  STATIC_REQUIRE(imsic_layout{}.page_of(0) == 0);
  STATIC_REQUIRE(imsic_layout{}.contains(0));
  STATIC_REQUIRE(!imsic_layout{}.contains(1));
}

TEST_CASE("numbers of a hart's interrupts and the bits of hvip (Privileged Architecture, scause and hvip)") {
  STATIC_REQUIRE(hart_irq::software.value == 1);
  STATIC_REQUIRE(hart_irq::timer.value == 5);
  STATIC_REQUIRE(hart_irq::guest_external.value == 12);
  STATIC_REQUIRE(hart_irq::counter_overflow.value == 13);
  STATIC_REQUIRE(hart_irq::external(10).value == 74);
  using lines = hvip_lines<test::test_hart>;
  STATIC_REQUIRE(lines::bit_of({1}) == 0x004);
  STATIC_REQUIRE(lines::bit_of({5}) == 0x040);
  STATIC_REQUIRE(lines::bit_of({9}) == 0x400);
}
