// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/core/bit_field.hpp>

#include <concepts>
#include <cstdint>

namespace axhal::riscv64 {

/// Control and status registers that HS-mode reaches, by the manual's names and numbers
/// (RISC-V Privileged Architecture, "CSR Listing", chapter "Control and Status Registers").
enum class csr : std::uint16_t {
  fflags = 0x001,
  frm = 0x002,
  fcsr = 0x003,
  vstart = 0x008,
  vxsat = 0x009,
  vxrm = 0x00a,
  vcsr = 0x00f,
  seed = 0x015,
  jvt = 0x017,

  sstatus = 0x100,
  sie = 0x104,
  stvec = 0x105,
  scounteren = 0x106,
  senvcfg = 0x10a,
  sstateen0 = 0x10c,
  scountinhibit = 0x120,
  sscratch = 0x140,
  sepc = 0x141,
  scause = 0x142,
  stval = 0x143,
  sip = 0x144,
  stimecmp = 0x14d,
  siselect = 0x150,
  sireg = 0x151,
  stopei = 0x15c,
  satp = 0x180,
  scontext = 0x5a8,
  stopi = 0xdb0,

  vsstatus = 0x200,
  vsie = 0x204,
  vstvec = 0x205,
  vsscratch = 0x240,
  vsepc = 0x241,
  vscause = 0x242,
  vstval = 0x243,
  vsip = 0x244,
  vstimecmp = 0x24d,
  vsiselect = 0x250,
  vsireg = 0x251,
  vstopei = 0x25c,
  vsatp = 0x280,
  vstopi = 0xeb0,

  hstatus = 0x600,
  hedeleg = 0x602,
  hideleg = 0x603,
  hie = 0x604,
  htimedelta = 0x605,
  hcounteren = 0x606,
  hgeie = 0x607,
  hvien = 0x608,
  hvictl = 0x609,
  henvcfg = 0x60a,
  hstateen0 = 0x60c,
  hstateen1 = 0x60d,
  hstateen2 = 0x60e,
  hstateen3 = 0x60f,
  htval = 0x643,
  hip = 0x644,
  hvip = 0x645,
  hviprio1 = 0x646,
  hviprio2 = 0x647,
  htinst = 0x64a,
  hgatp = 0x680,
  hgeip = 0xe12,

  cycle = 0xc00,
  time = 0xc01,
  instret = 0xc02,
  vl = 0xc20,
  vtype = 0xc21,
  vlenb = 0xc22,
};

/// True for registers that no instruction can write: bits 11:10 of the number are ones
/// (RISC-V Privileged Architecture, "CSR Address Mapping Conventions").
[[nodiscard]] constexpr bool is_read_only(csr id) { return (static_cast<unsigned>(id) >> 10) == 3; }
static_assert(is_read_only(csr::hgeip) && is_read_only(csr::time) && !is_read_only(csr::hgatp));

/// A way to control and status registers: the CPU's own, or a recorder's in a test. `set` and `clear` change single
/// bits in one step (CSRRS, CSRRC), so that bits that hardware changes are never written back old.
template <typename S>
concept CsrAccess = requires(std::uint64_t v) {
  { S::template read<csr::scause>() } -> std::same_as<std::uint64_t>;
  { S::template write<csr::hgatp>(v) } -> std::same_as<void>;
  { S::template set<csr::sie>(v) } -> std::same_as<void>;
  { S::template clear<csr::sie>(v) } -> std::same_as<void>;
};

/// Whether the CPU has `Id`: the access traps where it has not, and the trap is caught.
template <typename S>
concept CsrProbe = CsrAccess<S> && requires {
  { S::template has<csr::henvcfg>() } -> std::same_as<bool>;
};

/// What the FS and VS fields say of a register file's state ("Extension Context Status in mstatus Register").
enum class context_status : std::uint8_t { off, initial, clean, dirty };

/// sstatus and vsstatus ("Supervisor Status (sstatus) Register").
namespace sstatus {
using f_sie = bit_field<bool, 1>;
using f_spie = bit_field<bool, 5>;
using f_ube = bit_field<bool, 6>;
using f_spp = bit_field<bool, 8>;
using f_vs = bit_field<context_status, 10, 9>;
using f_fs = bit_field<context_status, 14, 13>;
using f_xs = bit_field<context_status, 16, 15>;
using f_sum = bit_field<bool, 18>;
using f_mxr = bit_field<bool, 19>;
using f_spelp = bit_field<bool, 23>;
using f_sdt = bit_field<bool, 24>;
using f_uxl = bit_field<std::uint8_t, 33, 32>;  ///< 2: 64 bits
using f_sd = bit_field<bool, 63>;
static_assert(
    disjoint_fields<f_sie, f_spie, f_ube, f_spp, f_vs, f_fs, f_xs, f_sum, f_mxr, f_spelp, f_sdt, f_uxl, f_sd>);
inline constexpr std::uint8_t uxl_64 = 2;
}  // namespace sstatus

/// hstatus ("Hypervisor Status (hstatus) Register").
namespace hstatus {
using f_vsbe = bit_field<bool, 5>;               ///< VS-mode's explicit accesses are big-endian
using f_gva = bit_field<bool, 6>;                ///< stval holds a guest virtual address
using f_spv = bit_field<bool, 7>;                ///< the trap came from V=1; SRET goes there
using f_spvp = bit_field<bool, 8>;               ///< it came from VS, not VU; HLV and HSV act as that
using f_hu = bit_field<bool, 9>;                 ///< U-mode may use HLV and HSV
using f_vgein = bit_field<unsigned, 17, 12>;     ///< the guest external interrupt that VSEIP shows, 0: none
using f_vtvm = bit_field<bool, 20>;              ///< VS: SFENCE, SINVAL and satp are virtual instructions
using f_vtw = bit_field<bool, 21>;               ///< VS: WFI is a virtual instruction
using f_vtsr = bit_field<bool, 22>;              ///< VS: SRET is a virtual instruction
using f_vsxl = bit_field<std::uint8_t, 33, 32>;  ///< 2: 64 bits
static_assert(disjoint_fields<f_vsbe, f_gva, f_spv, f_spvp, f_hu, f_vgein, f_vtvm, f_vtw, f_vtsr, f_vsxl>);
}  // namespace hstatus

/// Numbers of interrupts, as scause has them and as bits of sip, sie, hip, hie, hvip and hideleg
/// ("Supervisor Cause (scause) Register", table "Supervisor cause register values after trap"; "Hypervisor Interrupt
/// (hvip, hip, and hie) Registers").
namespace interrupt {
inline constexpr unsigned ssi = 1;    ///< supervisor software interrupt
inline constexpr unsigned vssi = 2;   ///< virtual supervisor software interrupt
inline constexpr unsigned sti = 5;    ///< supervisor timer interrupt
inline constexpr unsigned vsti = 6;   ///< virtual supervisor timer interrupt
inline constexpr unsigned sei = 9;    ///< supervisor external interrupt
inline constexpr unsigned vsei = 10;  ///< virtual supervisor external interrupt
inline constexpr unsigned sgei = 12;  ///< supervisor guest external interrupt
/// The bit of interrupt `n`, 0..63.
[[nodiscard]] constexpr std::uint64_t bit(unsigned n) { return std::uint64_t{1} << (n & 63); }
}  // namespace interrupt

/// hcounteren and scounteren ("Hypervisor Counter-Enable (hcounteren) Register").
namespace counteren {
using f_cy = bit_field<bool, 0>;
using f_tm = bit_field<bool, 1>;
using f_ir = bit_field<bool, 2>;
static_assert(disjoint_fields<f_cy, f_tm, f_ir>);
}  // namespace counteren

/// henvcfg and senvcfg ("Hypervisor Environment Configuration Register (henvcfg)").
namespace envcfg {
using f_fiom = bit_field<bool, 0>;
using f_lpe = bit_field<bool, 2>;
using f_sse = bit_field<bool, 3>;
using f_cbie = bit_field<unsigned, 5, 4>;  ///< 1: CBO.INVAL flushes; 3: it invalidates
using f_cbcfe = bit_field<bool, 6>;
using f_cbze = bit_field<bool, 7>;
using f_dte = bit_field<bool, 59>;
using f_adue = bit_field<bool, 61>;   ///< Svadu: hardware sets A and D
using f_pbmte = bit_field<bool, 62>;  ///< Svpbmt: page-based memory types
using f_stce = bit_field<bool, 63>;   ///< Sstc: vstimecmp
static_assert(disjoint_fields<f_fiom, f_lpe, f_sse, f_cbie, f_cbcfe, f_cbze, f_dte, f_adue, f_pbmte, f_stce>);
}  // namespace envcfg

/// satp and vsatp ("Supervisor Address Translation and Protection (satp) Register").
namespace satp {
using f_ppn = bit_field<std::uint64_t, 43, 0>;
using f_asid = bit_field<unsigned, 59, 44>;
using f_mode = bit_field<unsigned, 63, 60>;
static_assert(disjoint_fields<f_ppn, f_asid, f_mode>);
}  // namespace satp

/// hgatp ("Hypervisor Guest Address Translation and Protection (hgatp) Register").
namespace hgatp {
using f_ppn = bit_field<std::uint64_t, 43, 0>;
using f_vmid = bit_field<unsigned, 57, 44>;
using f_mode = bit_field<unsigned, 63, 60>;
static_assert(disjoint_fields<f_ppn, f_vmid, f_mode>);
}  // namespace hgatp

/// Values of the MODE fields: satp's Sv39, Sv48 and Sv57, hgatp's Sv39x4, Sv48x4 and Sv57x4.
namespace translation_mode {
inline constexpr unsigned bare = 0;
inline constexpr unsigned sv39 = 8;
inline constexpr unsigned sv48 = 9;
inline constexpr unsigned sv57 = 10;
}  // namespace translation_mode

}  // namespace axhal::riscv64
