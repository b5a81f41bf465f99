// SPDX-License-Identifier: BSL-1.0
// Control and status registers as the RISC-V Privileged Architecture ("CSR Listing"), the Advanced Interrupt
// Architecture and the extensions' own chapters number them and lay them out, each typed in by hand.
#include <axhal/arch/riscv64/csr.hpp>
#include <axhal/arch/riscv64/hart_interrupts.hpp>
#include <axhal/arch/riscv64/hypervisor_controls.hpp>
#include <axhal/arch/riscv64/scause.hpp>

#include <catch2/catch_test_macros.hpp>

#include <cstdint>
#include <set>

using namespace axhal;
using namespace axhal::riscv64;

namespace {

enum class access_of : std::uint8_t { read_write, read_only };
constexpr auto rw = access_of::read_write;
constexpr auto ro = access_of::read_only;
struct numbered {
  csr id;
  unsigned number;
  access_of access;
};

constexpr numbered unprivileged[] = {
    {csr::fflags, 0x001, rw}, {csr::frm, 0x002, rw},   {csr::fcsr, 0x003, rw},  {csr::vstart, 0x008, rw},
    {csr::vxsat, 0x009, rw},  {csr::vxrm, 0x00a, rw},  {csr::vcsr, 0x00f, rw},  {csr::seed, 0x015, rw},
    {csr::jvt, 0x017, rw},    {csr::cycle, 0xc00, ro}, {csr::time, 0xc01, ro},  {csr::instret, 0xc02, ro},
    {csr::vl, 0xc20, ro},     {csr::vtype, 0xc21, ro}, {csr::vlenb, 0xc22, ro},
};
constexpr numbered supervisor[] = {
    {csr::sstatus, 0x100, rw},    {csr::sie, 0x104, rw},      {csr::stvec, 0x105, rw},
    {csr::scounteren, 0x106, rw}, {csr::senvcfg, 0x10a, rw},  {csr::sstateen0, 0x10c, rw},
    {csr::sscratch, 0x140, rw},   {csr::sepc, 0x141, rw},     {csr::scause, 0x142, rw},
    {csr::stval, 0x143, rw},      {csr::sip, 0x144, rw},      {csr::stimecmp, 0x14d, rw},
    {csr::siselect, 0x150, rw},   {csr::sireg, 0x151, rw},    {csr::stopei, 0x15c, rw},
    {csr::satp, 0x180, rw},       {csr::scontext, 0x5a8, rw}, {csr::scountinhibit, 0x120, rw},
    {csr::stopi, 0xdb0, ro},
};
constexpr numbered virtual_supervisor[] = {
    {csr::vsstatus, 0x200, rw},  {csr::vsie, 0x204, rw},      {csr::vstvec, 0x205, rw}, {csr::vsscratch, 0x240, rw},
    {csr::vsepc, 0x241, rw},     {csr::vscause, 0x242, rw},   {csr::vstval, 0x243, rw}, {csr::vsip, 0x244, rw},
    {csr::vstimecmp, 0x24d, rw}, {csr::vsiselect, 0x250, rw}, {csr::vsireg, 0x251, rw}, {csr::vstopei, 0x25c, rw},
    {csr::vsatp, 0x280, rw},     {csr::vstopi, 0xeb0, ro},
};
constexpr numbered hypervisor[] = {
    {csr::hstatus, 0x600, rw},   {csr::hedeleg, 0x602, rw},    {csr::hideleg, 0x603, rw},
    {csr::hie, 0x604, rw},       {csr::htimedelta, 0x605, rw}, {csr::hcounteren, 0x606, rw},
    {csr::hgeie, 0x607, rw},     {csr::hvien, 0x608, rw},      {csr::hvictl, 0x609, rw},
    {csr::henvcfg, 0x60a, rw},   {csr::hstateen0, 0x60c, rw},  {csr::hstateen1, 0x60d, rw},
    {csr::hstateen2, 0x60e, rw}, {csr::hstateen3, 0x60f, rw},  {csr::htval, 0x643, rw},
    {csr::hip, 0x644, rw},       {csr::hvip, 0x645, rw},       {csr::hviprio1, 0x646, rw},
    {csr::hviprio2, 0x647, rw},  {csr::htinst, 0x64a, rw},     {csr::hgatp, 0x680, rw},
    {csr::hgeip, 0xe12, ro},
};

/// All that are listed have their number; bits 11:10 say whether it can be written, 9:8 from which mode it is reached.
template <std::size_t N>
void check(numbered const (&table)[N], std::set<unsigned> const& levels) {
  std::set<unsigned> seen;
  for (auto const& r : table) {
    CAPTURE(r.number);
    CHECK(static_cast<unsigned>(r.id) == r.number);
    CHECK(is_read_only(r.id) == (r.access == ro));
    CHECK(levels.contains(r.number >> 8 & 3));
    CHECK(seen.insert(r.number).second);
  }
}

}  // namespace

TEST_CASE("numbers of control and status registers") {
  check(unprivileged, {0});
  check(supervisor, {1});
  check(virtual_supervisor, {2});
  check(hypervisor, {2});
}

TEST_CASE("a register's copy for guests has bit 9 in place of bit 8") {
  constexpr struct {
    csr own, guest;
  } pairs[] = {
      {csr::sstatus, csr::vsstatus},   {csr::sie, csr::vsie},     {csr::stvec, csr::vstvec},
      {csr::sscratch, csr::vsscratch}, {csr::sepc, csr::vsepc},   {csr::scause, csr::vscause},
      {csr::stval, csr::vstval},       {csr::sip, csr::vsip},     {csr::stimecmp, csr::vstimecmp},
      {csr::siselect, csr::vsiselect}, {csr::sireg, csr::vsireg}, {csr::stopei, csr::vstopei},
      {csr::satp, csr::vsatp},         {csr::stopi, csr::vstopi},
  };
  for (auto const& p : pairs) {
    CAPTURE(static_cast<unsigned>(p.own));
    CHECK(static_cast<unsigned>(p.guest) == (static_cast<unsigned>(p.own) ^ 0x300));
  }
}

TEST_CASE("fields of sstatus") {
  STATIC_CHECK(sstatus::f_sie::mask == 0x0000'0000'0000'0002);
  STATIC_CHECK(sstatus::f_spie::mask == 0x0000'0000'0000'0020);
  STATIC_CHECK(sstatus::f_ube::mask == 0x0000'0000'0000'0040);
  STATIC_CHECK(sstatus::f_spp::mask == 0x0000'0000'0000'0100);
  STATIC_CHECK(sstatus::f_vs::mask == 0x0000'0000'0000'0600);
  STATIC_CHECK(sstatus::f_fs::mask == 0x0000'0000'0000'6000);
  STATIC_CHECK(sstatus::f_xs::mask == 0x0000'0000'0001'8000);
  STATIC_CHECK(sstatus::f_sum::mask == 0x0000'0000'0004'0000);
  STATIC_CHECK(sstatus::f_mxr::mask == 0x0000'0000'0008'0000);
  STATIC_CHECK(sstatus::f_spelp::mask == 0x0000'0000'0080'0000);
  STATIC_CHECK(sstatus::f_sdt::mask == 0x0000'0000'0100'0000);
  STATIC_CHECK(sstatus::f_uxl::mask == 0x0000'0003'0000'0000);
  STATIC_CHECK(sstatus::f_sd::mask == 0x8000'0000'0000'0000);
  STATIC_CHECK(sstatus::uxl_64 == 2);
  // "Off", "Initial", "Clean", "Dirty".
  STATIC_CHECK(sstatus::f_fs::get(0x0000) == context_status::off);
  STATIC_CHECK(sstatus::f_fs::get(0x2000) == context_status::initial);
  STATIC_CHECK(sstatus::f_fs::get(0x4000) == context_status::clean);
  STATIC_CHECK(sstatus::f_fs::get(0x6000) == context_status::dirty);
}

TEST_CASE("fields of hstatus") {
  STATIC_CHECK(hstatus::f_vsbe::mask == 0x0000'0000'0000'0020);
  STATIC_CHECK(hstatus::f_gva::mask == 0x0000'0000'0000'0040);
  STATIC_CHECK(hstatus::f_spv::mask == 0x0000'0000'0000'0080);
  STATIC_CHECK(hstatus::f_spvp::mask == 0x0000'0000'0000'0100);
  STATIC_CHECK(hstatus::f_hu::mask == 0x0000'0000'0000'0200);
  STATIC_CHECK(hstatus::f_vgein::mask == 0x0000'0000'0003'f000);
  STATIC_CHECK(hstatus::f_vtvm::mask == 0x0000'0000'0010'0000);
  STATIC_CHECK(hstatus::f_vtw::mask == 0x0000'0000'0020'0000);
  STATIC_CHECK(hstatus::f_vtsr::mask == 0x0000'0000'0040'0000);
  STATIC_CHECK(hstatus::f_vsxl::mask == 0x0000'0003'0000'0000);
}

TEST_CASE("fields of henvcfg and senvcfg") {
  STATIC_CHECK(envcfg::f_fiom::mask == 0x0000'0000'0000'0001);
  STATIC_CHECK(envcfg::f_lpe::mask == 0x0000'0000'0000'0004);
  STATIC_CHECK(envcfg::f_sse::mask == 0x0000'0000'0000'0008);
  STATIC_CHECK(envcfg::f_cbie::mask == 0x0000'0000'0000'0030);
  STATIC_CHECK(envcfg::f_cbcfe::mask == 0x0000'0000'0000'0040);
  STATIC_CHECK(envcfg::f_cbze::mask == 0x0000'0000'0000'0080);
  STATIC_CHECK(envcfg::f_dte::mask == 0x0800'0000'0000'0000);
  STATIC_CHECK(envcfg::f_adue::mask == 0x2000'0000'0000'0000);
  STATIC_CHECK(envcfg::f_pbmte::mask == 0x4000'0000'0000'0000);
  STATIC_CHECK(envcfg::f_stce::mask == 0x8000'0000'0000'0000);
}

TEST_CASE("fields of hcounteren, satp and hgatp") {
  STATIC_CHECK(counteren::f_cy::mask == 1);
  STATIC_CHECK(counteren::f_tm::mask == 2);
  STATIC_CHECK(counteren::f_ir::mask == 4);
  STATIC_CHECK(satp::f_ppn::mask == 0x0000'0fff'ffff'ffff);
  STATIC_CHECK(satp::f_asid::mask == 0x0fff'f000'0000'0000);
  STATIC_CHECK(satp::f_mode::mask == 0xf000'0000'0000'0000);
  STATIC_CHECK(hgatp::f_ppn::mask == 0x0000'0fff'ffff'ffff);
  STATIC_CHECK(hgatp::f_vmid::mask == 0x03ff'f000'0000'0000);
  STATIC_CHECK(hgatp::f_mode::mask == 0xf000'0000'0000'0000);
  STATIC_CHECK(translation_mode::bare == 0);
  STATIC_CHECK(satp::f_mode::make(translation_mode::sv39) == 0x8000'0000'0000'0000);
  STATIC_CHECK(satp::f_mode::make(translation_mode::sv48) == 0x9000'0000'0000'0000);
  STATIC_CHECK(satp::f_mode::make(translation_mode::sv57) == 0xa000'0000'0000'0000);
}

TEST_CASE("numbers of interrupts") {
  STATIC_CHECK(interrupt::bit(interrupt::ssi) == 0x0002);
  STATIC_CHECK(interrupt::bit(interrupt::vssi) == 0x0004);
  STATIC_CHECK(interrupt::bit(interrupt::sti) == 0x0020);
  STATIC_CHECK(interrupt::bit(interrupt::vsti) == 0x0040);
  STATIC_CHECK(interrupt::bit(interrupt::sei) == 0x0200);
  STATIC_CHECK(interrupt::bit(interrupt::vsei) == 0x0400);
  STATIC_CHECK(interrupt::bit(interrupt::sgei) == 0x1000);
  STATIC_CHECK(interrupt::bit(hart_irq::counter_overflow.value) == 0x2000);
  STATIC_CHECK(scause::of_interrupt(interrupt::ssi) == 0x8000'0000'0000'0001);
  STATIC_CHECK(scause::of_interrupt(interrupt::sei) == 0x8000'0000'0000'0009);
  STATIC_CHECK(scause::of_interrupt(interrupt::sgei) == 0x8000'0000'0000'000c);
}

TEST_CASE("what the hypervisor extension is set to while guests run") {
  using controls = hypervisor_controls;
  // 0, 1, 3 to 8, 12, 13, 15, 18; 2 only with FP registers loaded. 9, 10, 11, 16 and 20 to 23 cannot be delegated.
  STATIC_CHECK(controls::hedeleg(false) == 0x0004'b1fb);
  STATIC_CHECK(controls::hedeleg(true) == 0x0004'b1ff);
  STATIC_CHECK((controls::hedeleg(true) & 0x00f1'0e00) == 0);
  STATIC_CHECK(controls::hideleg == 0x444);
  STATIC_CHECK(controls::hcounteren == 0x2);
  STATIC_CHECK(controls::hstatus_guest == 0x2'0020'0180);
  STATIC_CHECK(controls::sstatus_guest == 0x2'0000'0100);
  STATIC_CHECK(controls::henvcfg == 0xe000'0000'0000'00d0);
  STATIC_CHECK(controls::hstateen0 == 0x4000'0000'0000'0000);
}
