// SPDX-License-Identifier: BSL-1.0
// Numbers of ARM IHI 0048B, written down apart from the header that uses them.
#include <axhal/arch/aarch64/gic_v2_registers.hpp>
#include <axhal/arch/aarch64/gich.hpp>
#include <axhal/arch/aarch64/vgic_v2_access.hpp>

#include <catch2/catch_test_macros.hpp>

using namespace axhal;
using namespace axhal::aarch64;

TEST_CASE("distributor register map (table 4-1)") {
  STATIC_REQUIRE(gicd::ctlr == 0);
  STATIC_REQUIRE(gicd::typer == 4);
  STATIC_REQUIRE(gicd::iidr == 8);
  STATIC_REQUIRE(gicd::igroupr == 128);
  STATIC_REQUIRE(gicd::isenabler == 256);
  STATIC_REQUIRE(gicd::icenabler == 384);
  STATIC_REQUIRE(gicd::ispendr == 512);
  STATIC_REQUIRE(gicd::icpendr == 640);
  STATIC_REQUIRE(gicd::isactiver == 768);
  STATIC_REQUIRE(gicd::icactiver == 896);
  STATIC_REQUIRE(gicd::ipriorityr == 1024);
  STATIC_REQUIRE(gicd::itargetsr == 2048);
  STATIC_REQUIRE(gicd::icfgr == 3072);
  STATIC_REQUIRE(gicd::nsacr == 3584);
  STATIC_REQUIRE(gicd::sgir == 3840);
  STATIC_REQUIRE(gicd::cpendsgir == 3856);
  STATIC_REQUIRE(gicd::spendsgir == 3872);
  STATIC_REQUIRE(gicd::pidr2 == 0xfe8);
}

TEST_CASE("CPU interface register map (table 4-2)") {
  STATIC_REQUIRE(gicc::ctlr == 0x00);
  STATIC_REQUIRE(gicc::pmr == 0x04);
  STATIC_REQUIRE(gicc::bpr == 0x08);
  STATIC_REQUIRE(gicc::iar == 0x0c);
  STATIC_REQUIRE(gicc::eoir == 0x10);
  STATIC_REQUIRE(gicc::rpr == 0x14);
  STATIC_REQUIRE(gicc::hppir == 0x18);
  STATIC_REQUIRE(gicc::abpr == 0x1c);
  STATIC_REQUIRE(gicc::aiar == 0x20);
  STATIC_REQUIRE(gicc::aeoir == 0x24);
  STATIC_REQUIRE(gicc::ahppir == 0x28);
  STATIC_REQUIRE(gicc::apr == 0xd0);
  STATIC_REQUIRE(gicc::nsapr == 0xe0);
  STATIC_REQUIRE(gicc::iidr == 0xfc);
  STATIC_REQUIRE(gicc::dir == 0x1000);
}

TEST_CASE("virtual interface control register map (table 5-2)") {
  STATIC_REQUIRE(gich_registers::hcr == 0x00);
  STATIC_REQUIRE(gich_registers::vtr == 0x04);
  STATIC_REQUIRE(gich_registers::vmcr == 0x08);
  STATIC_REQUIRE(gich_registers::misr == 0x10);
  STATIC_REQUIRE(gich_registers::eisr == 0x20);
  STATIC_REQUIRE(gich_registers::elrsr == 0x30);
  STATIC_REQUIRE(gich_registers::apr == 0xf0);
  STATIC_REQUIRE(gich_registers::lr == 0x100);
}

TEST_CASE("fields") {
  STATIC_REQUIRE(gicd_typer::f_it_lines_number::mask == 0x0000'001f);
  STATIC_REQUIRE(gicd_typer::f_cpu_number::mask == 0x0000'00e0);
  STATIC_REQUIRE(gicd_typer::f_security_extn::mask == 0x0000'0400);
  STATIC_REQUIRE(gicd_typer::f_lspi::mask == 0x0000'f800);
  STATIC_REQUIRE(gicd_sgir::f_target_list_filter::mask == 0x0300'0000);
  STATIC_REQUIRE(gicd_sgir::f_cpu_target_list::mask == 0x00ff'0000);
  STATIC_REQUIRE(gicd_sgir::f_nsatt::mask == 0x0000'8000);
  STATIC_REQUIRE(gicd_sgir::f_sgi_int_id::mask == 0x0000'000f);
  STATIC_REQUIRE(gicc_iar::f_interrupt_id::mask == 0x0000'03ff);
  STATIC_REQUIRE(gicc_iar::f_cpu_id::mask == 0x0000'1c00);
  STATIC_REQUIRE(gicc_ctlr::f_eoi_mode::mask == 0x200);
  STATIC_REQUIRE(gicc_ctlr::f_bypass_disable::mask == 0x1e0);
  STATIC_REQUIRE(gich_hcr::f_en::mask == 1);
  STATIC_REQUIRE(gich_hcr::f_uie::mask == 2);
  STATIC_REQUIRE(gich_hcr::f_lrenpie::mask == 4);
  STATIC_REQUIRE(gich_hcr::f_npie::mask == 8);
  STATIC_REQUIRE(gich_hcr::f_eoi_count::mask == 0xf800'0000);
  STATIC_REQUIRE(gich_vtr::f_list_regs::mask == 0x0000'003f);
  STATIC_REQUIRE(gich_vtr::f_pre_bits::mask == 0x1c00'0000);
  STATIC_REQUIRE(gich_vtr::f_pri_bits::mask == 0xe000'0000);
  STATIC_REQUIRE(gich_vmcr::f_vm_pri_mask::mask == 0xf800'0000);
  STATIC_REQUIRE(gich_vmcr::f_vm_bp::mask == 0x00e0'0000);
  STATIC_REQUIRE(gich_vmcr::f_vm_abp::mask == 0x001c'0000);
  STATIC_REQUIRE(gich_vmcr::f_vem::mask == 0x0000'0200);
  STATIC_REQUIRE(gich_vmcr::f_vm_cbpr::mask == 0x0000'0010);
}

TEST_CASE("a GIC-400's type register as every board with one has it") {
  // DDI 0471: four list registers, five bits of priority and of preemption.
  STATIC_REQUIRE(gich_vtr::f_list_regs::get(0x9000'0003) + 1 == 4);
  STATIC_REQUIRE(gich_vtr::f_pri_bits::get(0x9000'0003) + 1 == 5);
  STATIC_REQUIRE(gich_vtr::f_pre_bits::get(0x9000'0003) + 1 == 5);
}

TEST_CASE("list registers (5.3.9)") {
  using lr = gich<mmio>;
  // The virtual timer, linked to its own physical PPI, at priority 0xa0.
  STATIC_REQUIRE(lr::encode({.irq = {27}, .priority = 0xa0, .hardware = true, .physical = {27}}) == 0x9a00'6c1b);
  // An SGI 5 from CPU interface 3, most urgent, Group 1.
  STATIC_REQUIRE(lr::encode({.irq = {5}, .source = 3, .group = 1}) == 0x5000'0c05);
  // A level-triggered shared line with a look after its end.
  STATIC_REQUIRE(lr::encode({.irq = {33}, .priority = 0xf8, .notify_completion = true}) == 0x1f88'0021);
}

TEST_CASE("identification of the virtual distributor: a GIC-400 (DDI 0471, table 3-1)") {
  constexpr std::uint32_t expected[12] = {0x04, 0, 0, 0, 0x90, 0xb4, 0x2b, 0x00, 0x0d, 0xf0, 0x05, 0xb1};
  vgic_lines<1, 32> lines{1};
  for (std::uint32_t i = 0; i < 12; ++i) CHECK(vgic_access::read(lines, 0, 0xfd0 + i * 4, 4) == expected[i]);
  CHECK(vgic_access::read(lines, 0, 0xfcc, 4) == 0);
  CHECK(gicd_pidr2::f_arch_rev::get(vgic_access::read(lines, 0, 0xfe8, 4)) == 2);
}
