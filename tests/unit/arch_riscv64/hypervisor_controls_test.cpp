// SPDX-License-Identifier: BSL-1.0
#include <axhal/arch/riscv64/hypervisor_controls.hpp>

#include <catch2/catch_test_macros.hpp>

#include <cstdint>

using namespace axhal::riscv64;
using controls = hypervisor_controls;

namespace {

constexpr std::uint64_t none = 0;
constexpr bool goes_to_guest(exception e, bool fp_live) { return (controls::hedeleg(fp_live) & bit(e)) != 0; }

}  // namespace

TEST_CASE("calls, refused instructions and faults of the second stage come to the host") {
  for (bool const fp_live : {false, true}) {
    for (exception const e :
         {exception::ecall_s, exception::ecall_vs, exception::ecall_m, exception::virtual_instruction,
          exception::instruction_guest_page, exception::load_guest_page, exception::store_guest_page,
          exception::hardware_error, exception::double_trap}) {
      CAPTURE(static_cast<unsigned>(e));
      CHECK_FALSE(goes_to_guest(e, fp_live));
    }
    for (exception const e : {exception::ecall_u, exception::breakpoint, exception::instruction_page,
                              exception::load_page, exception::store_page, exception::load_misaligned}) {
      CAPTURE(static_cast<unsigned>(e));
      CHECK(goes_to_guest(e, fp_live));
    }
  }
}

TEST_CASE("illegal instructions are the only difference that FP registers make") {
  STATIC_CHECK((controls::hedeleg(true) ^ controls::hedeleg(false)) == 1 << 2);
  STATIC_CHECK(goes_to_guest(exception::illegal_instruction, true));
}

TEST_CASE("guests enter VS-mode with 64 bits, and see neither FP nor vector registers of another") {
  STATIC_CHECK(hstatus::f_spv::get(controls::hstatus_guest));
  STATIC_CHECK(hstatus::f_spvp::get(controls::hstatus_guest));
  STATIC_CHECK(hstatus::f_vsxl::get(controls::hstatus_guest) == 2);
  STATIC_CHECK(hstatus::f_vtw::get(controls::hstatus_guest));
  STATIC_CHECK_FALSE(hstatus::f_vtvm::get(controls::hstatus_guest));
  STATIC_CHECK_FALSE(hstatus::f_vtsr::get(controls::hstatus_guest));
  STATIC_CHECK_FALSE(hstatus::f_hu::get(controls::hstatus_guest));
  STATIC_CHECK_FALSE(hstatus::f_vsbe::get(controls::hstatus_guest));
  STATIC_CHECK(hstatus::f_vgein::get(controls::hstatus_guest) == 0);
  STATIC_CHECK(sstatus::f_spp::get(controls::sstatus_guest));
  STATIC_CHECK(sstatus::f_fs::get(controls::sstatus_guest) == context_status::off);
  STATIC_CHECK(sstatus::f_vs::get(controls::sstatus_guest) == context_status::off);
  // SRET moves SPIE to SIE: the host's own interrupts stay closed where it goes on after an exit.
  STATIC_CHECK_FALSE(sstatus::f_sie::get(controls::sstatus_guest));
  STATIC_CHECK_FALSE(sstatus::f_spie::get(controls::sstatus_guest));
}

TEST_CASE("state that is not switched is out of a guest's reach") {
  STATIC_CHECK((controls::henvcfg & (envcfg::f_lpe::mask | envcfg::f_sse::mask | envcfg::f_dte::mask)) == none);
  STATIC_CHECK((controls::hstateen0 & 1) == none);        // custom state
  STATIC_CHECK((controls::hstateen0 >> 58 & 7) == none);  // IMSIC, AIA, indirect registers
  STATIC_CHECK((controls::hstateen0 >> 63) == none);      // sstateen0 itself
  STATIC_CHECK(counteren::f_tm::get(controls::hcounteren));
  STATIC_CHECK((controls::hcounteren & ~counteren::f_tm::mask) == none);
}

TEST_CASE("a guest cannot throw away cache lines that the host cleared its memory with") {
  // 0: refused, 1: CBO.INVAL flushes, 3: it invalidates.
  STATIC_CHECK(envcfg::f_cbie::get(controls::henvcfg) == 1);
}

TEST_CASE("Sstc is there where henvcfg keeps the bit") {
  STATIC_CHECK_FALSE(h_features{}.sstc());
  STATIC_CHECK_FALSE(h_features{.henvcfg = 0x7fff'ffff'ffff'ffff}.sstc());
  STATIC_CHECK(h_features{.henvcfg = 0x8000'0000'0000'0000}.sstc());
}
