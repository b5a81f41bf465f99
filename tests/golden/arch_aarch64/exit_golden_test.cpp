// SPDX-License-Identifier: BSL-1.0
// Numbers as the manual (ARM DDI 0487) and its users write them, each typed in by hand.
#include <axhal/arch/aarch64/esr.hpp>
#include <axhal/arch/aarch64/guest_exception.hpp>
#include <axhal/arch/aarch64/hypervisor_controls.hpp>
#include <axhal/arch/aarch64/sysreg.hpp>

#include <catch2/catch_test_macros.hpp>

using namespace axhal;
using namespace axhal::aarch64;

TEST_CASE("whole syndromes") {
  // HVC #0 from AArch64, as KVM and every other hypervisor sees it.
  STATIC_CHECK(esr::f_ec::get(0x5a00'0000) == exception_class::hvc64);
  // SMC #0.
  STATIC_CHECK(esr::f_ec::get(0x5e00'0000) == exception_class::smc64);
  // ldr w0, [x1] of an unmapped page at stage 2, level 3: EC 0x24, IL, ISV, SAS 2, SRT 0, DFSC 7.
  constexpr std::uint64_t load = 0x9380'0007;
  STATIC_CHECK(esr::f_ec::get(load) == exception_class::data_abort);
  STATIC_CHECK(esr::f_il::get(load));
  STATIC_CHECK(abort_iss::f_isv::get(load));
  STATIC_CHECK(abort_iss::f_sas::get(load) == 2);
  STATIC_CHECK(abort_iss::f_srt::get(load) == 0);
  STATIC_CHECK_FALSE(abort_iss::f_wnr::get(load));
  STATIC_CHECK(fault_status_of(abort_iss::f_fsc::get(load)) == fault_status::translation);
  // strb w3, [x1], level 2: SAS 0, SRT 3, WnR.
  constexpr std::uint64_t store = 0x9303'0046;
  STATIC_CHECK(abort_iss::f_sas::get(store) == 0);
  STATIC_CHECK(abort_iss::f_srt::get(store) == 3);
  STATIC_CHECK(abort_iss::f_wnr::get(store));
  // ldrsw x5, [x1]: SAS 2, SSE, SRT 5, SF.
  constexpr std::uint64_t extended = 0x93a5'8006;
  STATIC_CHECK(abort_iss::f_sse::get(extended));
  STATIC_CHECK(abort_iss::f_sf::get(extended));
  STATIC_CHECK(abort_iss::f_srt::get(extended) == 5);
  // mrs x2, id_aa64pfr0_el1: Op0 3, Op2 0, Op1 0, CRn 0, Rt 2, CRm 4, read.
  constexpr std::uint64_t mrs = 0x6230'0049;
  STATIC_CHECK(esr::f_ec::get(mrs) == exception_class::sysreg);
  STATIC_CHECK(sysreg_iss::f_op0::get(mrs) == 3);
  STATIC_CHECK(sysreg_iss::f_crm::get(mrs) == 4);
  STATIC_CHECK(sysreg_iss::f_rt::get(mrs) == 2);
  STATIC_CHECK(sysreg_iss::f_read::get(mrs));
  // WFI.
  STATIC_CHECK(esr::f_ec::get(0x07e0'0000) == exception_class::wfx);
  STATIC_CHECK(wfx_iss::f_ti::get(0x07e0'0001) == wfx_iss::instruction::wfe);
  // FP trap: EC 7.
  STATIC_CHECK(esr::f_ec::get(0x1fe0'0000) == exception_class::fp_access);
}

TEST_CASE("fault status codes of every level") {
  struct row {
    std::uint8_t fsc;
    fault_status status;
  };
  constexpr row rows[] = {
      {0x00, fault_status::address_size},   {0x03, fault_status::address_size},   {0x04, fault_status::translation},
      {0x07, fault_status::translation},    {0x08, fault_status::access_flag},    {0x0b, fault_status::access_flag},
      {0x0c, fault_status::permission},     {0x0f, fault_status::permission},     {0x10, fault_status::external_abort},
      {0x11, fault_status::other},          {0x13, fault_status::external_abort}, {0x14, fault_status::external_abort},
      {0x17, fault_status::external_abort}, {0x18, fault_status::external_abort}, {0x1c, fault_status::external_abort},
      {0x1f, fault_status::external_abort}, {0x21, fault_status::alignment},      {0x29, fault_status::address_size},
      {0x2b, fault_status::translation},    {0x30, fault_status::tlb_conflict},   {0x35, fault_status::atomic},
      {0x3d, fault_status::other},
  };
  for (auto const& r : rows) CHECK(fault_status_of(r.fsc) == r.status);
}

TEST_CASE("HPFAR_EL2 holds address bits from 12 in its bits from 4") {
  STATIC_CHECK(faulting_page(0x0009'0000) == 0x0900'0000);
  STATIC_CHECK(faulting_page(0x0000'0fff'ffff'fff0) == 0x000f'ffff'ffff'f000);
  STATIC_CHECK(faulting_page(0x8000'0000'0009'0000) == 0x0900'0000);  // NS
  STATIC_CHECK(hpfar_is_valid(0x9200'0007));
  STATIC_CHECK(hpfar_is_valid(0x9200'000b));
  STATIC_CHECK_FALSE(hpfar_is_valid(0x9200'000f));
  STATIC_CHECK(hpfar_is_valid(0x9200'008f));
}

TEST_CASE("instruction lengths") {
  STATIC_CHECK(instruction_size(0x9380'0007) == 4);
  STATIC_CHECK(instruction_size(0x9180'0007) == 2);
}

TEST_CASE("register numbers as the manual's op0, op1, CRn, CRm, op2") {
  STATIC_CHECK(static_cast<unsigned>(sysreg::hcr_el2) == 0xe088);
  STATIC_CHECK(static_cast<unsigned>(sysreg::hcrx_el2) == 0xe092);
  STATIC_CHECK(static_cast<unsigned>(sysreg::vsesr_el2) == 0xe293);
  STATIC_CHECK(static_cast<unsigned>(sysreg::mdscr_el1) == 0x8012);
  STATIC_CHECK(static_cast<unsigned>(sysreg::oslar_el1) == 0x8084);
  STATIC_CHECK(static_cast<unsigned>(sysreg::oslsr_el1) == 0x808c);
  STATIC_CHECK(static_cast<unsigned>(sysreg::osdlr_el1) == 0x809c);
  STATIC_CHECK(static_cast<unsigned>(sysreg::id_aa64isar2_el1) == 0xc032);
}

TEST_CASE("values the CPU runs with") {
  using nvhe = hypervisor_controls<el2_mode::nvhe>;
  using vhe = hypervisor_controls<el2_mode::vhe>;
  STATIC_CHECK(nvhe::hcr_host == 0x8000'0038);
  STATIC_CHECK(vhe::hcr_host == 0x4'8000'0038);
  // TID5 58, TERR 36, TLOR 35, RW 31, TACR 21, TIDCP 20, TSC 19, TID3 18, TWI 13, BSU 10, FB 9, AMO 5, IMO 4, FMO 3,
  // PTW 2, SWIO 1, VM 0.
  STATIC_CHECK(nvhe::hcr_guest == 0x0400'0018'803c'263f);
  STATIC_CHECK(vhe::hcr_guest == 0x0400'001c'803c'263f);
  STATIC_CHECK(nvhe::mdcr_guest(0) == 0x8'4e60);
  STATIC_CHECK(nvhe::cptr_fp_trapped == 0x4010'37ff);
  STATIC_CHECK(nvhe::cptr_fp_live == 0x4010'33ff);
  STATIC_CHECK(vhe::cptr_fp_trapped == 0x5000'0000);
  STATIC_CHECK(vhe::cptr_fp_live == 0x5030'0000);
}
