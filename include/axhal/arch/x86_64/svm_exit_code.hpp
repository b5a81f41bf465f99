// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/core/bit_field.hpp>
#include <axhal/core/bytes.hpp>

#include <cstdint>

namespace axhal::x86_64 {

/// Why a guest stopped (AMD64 APM vol. 2, appendix "SVM Intercept Exit Codes"). Those below 0xc0 have an intercept bit
/// each, at the same place in the VMCB's intercept words.
enum class svm_exit : std::uint32_t {
  read_cr0 = 0x00,  ///< and so on to CR15
  read_cr8 = 0x08,
  write_cr0 = 0x10,  ///< and so on to CR15
  write_cr4 = 0x14,
  write_cr8 = 0x18,
  write_cr15 = 0x1f,
  read_dr0 = 0x20,   ///< and so on to DR15
  write_dr0 = 0x30,  ///< and so on to DR15
  write_dr15 = 0x3f,
  exception_db = 0x41,  ///< exception n is 0x40 + n
  exception_ac = 0x51,
  exception_mc = 0x52,
  exception_31 = 0x5f,
  intr = 0x60,
  nmi = 0x61,
  smi = 0x62,
  init = 0x63,
  vintr = 0x64,
  cr0_sel_write = 0x65,
  idtr_read = 0x66,
  gdtr_read = 0x67,
  ldtr_read = 0x68,
  tr_read = 0x69,
  idtr_write = 0x6a,
  gdtr_write = 0x6b,
  ldtr_write = 0x6c,
  tr_write = 0x6d,
  rdtsc = 0x6e,
  rdpmc = 0x6f,
  pushf = 0x70,
  popf = 0x71,
  cpuid = 0x72,
  rsm = 0x73,
  iret = 0x74,
  swint = 0x75,
  invd = 0x76,
  pause = 0x77,
  hlt = 0x78,
  invlpg = 0x79,
  invlpga = 0x7a,
  ioio = 0x7b,
  msr = 0x7c,
  task_switch = 0x7d,
  ferr_freeze = 0x7e,
  shutdown = 0x7f,
  vmrun = 0x80,
  vmmcall = 0x81,
  vmload = 0x82,
  vmsave = 0x83,
  stgi = 0x84,
  clgi = 0x85,
  skinit = 0x86,
  rdtscp = 0x87,
  icebp = 0x88,
  wbinvd = 0x89,
  monitor = 0x8a,
  mwait = 0x8b,
  mwait_conditional = 0x8c,
  xsetbv = 0x8d,
  rdpru = 0x8e,
  efer_write_trap = 0x8f,
  invlpgb = 0xa0,
  illegal_invlpgb = 0xa1,
  invpcid = 0xa2,
  mcommit = 0xa3,
  tlbsync = 0xa4,
  bus_lock = 0xa5,
  idle_hlt = 0xa6,
  npf = 0x400,
  avic_incomplete_ipi = 0x401,
  avic_noaccel = 0x402,
  vmgexit = 0x403,
  busy = 0xffff'fffe,
  invalid = 0xffff'ffff,  ///< the low half of -1: some emulators write no more of it
};

/// The low half of EXITCODE, which tells all codes apart.
[[nodiscard]] constexpr svm_exit exit_code(std::uint64_t exitcode) {
  return static_cast<svm_exit>(static_cast<std::uint32_t>(exitcode & 0xffff'ffff));
}

/// The manual's word for an exit, without its prefix: for a report. "?" for those that this library never asks for.
[[nodiscard]] constexpr text name_of(svm_exit code) {
  if (code < svm_exit::write_cr0) return "CR_READ";
  if (code <= svm_exit::write_cr15) return "CR_WRITE";
  if (code < svm_exit::write_dr0) return "DR_READ";
  if (code <= svm_exit::write_dr15) return "DR_WRITE";
  if (code <= svm_exit::exception_31) return "EXCP";
  switch (code) {
    case svm_exit::intr: return "INTR";
    case svm_exit::nmi: return "NMI";
    case svm_exit::smi: return "SMI";
    case svm_exit::init: return "INIT";
    case svm_exit::vintr: return "VINTR";
    case svm_exit::cr0_sel_write: return "CR0_SEL_WRITE";
    case svm_exit::rdpmc: return "RDPMC";
    case svm_exit::cpuid: return "CPUID";
    case svm_exit::iret: return "IRET";
    case svm_exit::invd: return "INVD";
    case svm_exit::pause: return "PAUSE";
    case svm_exit::hlt: return "HLT";
    case svm_exit::invlpga: return "INVLPGA";
    case svm_exit::ioio: return "IOIO";
    case svm_exit::msr: return "MSR";
    case svm_exit::shutdown: return "SHUTDOWN";
    case svm_exit::vmrun: return "VMRUN";
    case svm_exit::vmmcall: return "VMMCALL";
    case svm_exit::vmload: return "VMLOAD";
    case svm_exit::vmsave: return "VMSAVE";
    case svm_exit::stgi: return "STGI";
    case svm_exit::clgi: return "CLGI";
    case svm_exit::skinit: return "SKINIT";
    case svm_exit::wbinvd: return "WBINVD";
    case svm_exit::monitor: return "MONITOR";
    case svm_exit::mwait: return "MWAIT";
    case svm_exit::mwait_conditional: return "MWAIT_CONDITIONAL";
    case svm_exit::xsetbv: return "XSETBV";
    case svm_exit::rdpru: return "RDPRU";
    case svm_exit::mcommit: return "MCOMMIT";
    case svm_exit::npf: return "NPF";
    case svm_exit::busy: return "BUSY";
    case svm_exit::invalid: return "INVALID";
    default: return "?";
  }
}

/// EXITINFO1 of IOIO ("IOIO Intercept Information").
namespace ioio_info {
using f_type = bit_field<bool, 0>;  ///< IN
using f_str = bit_field<bool, 2>;
using f_rep = bit_field<bool, 3>;
using f_size = bit_field<std::uint8_t, 6, 4>;          ///< one bit each for 8, 16 and 32 bits: the number of bytes
using f_address_size = bit_field<std::uint8_t, 9, 7>;  ///< one bit each for 16, 32 and 64 bits
using f_seg = bit_field<std::uint8_t, 12, 10>;         ///< of OUTS; ES, CS, SS, DS, FS, GS
using f_port = bit_field<std::uint16_t, 31, 16>;
}  // namespace ioio_info

/// EXITINFO1 of MSR.
namespace msr_info {
using f_write = bit_field<bool, 0>;
}

/// EXITINFO1 of MOV with control registers, on processors with decode assists ("MOV CRx/DRx Intercepts").
namespace mov_cr_info {
using f_gpr = bit_field<std::uint8_t, 3, 0>;
using f_mov = bit_field<bool, 63>;  ///< MOV, and not LMSW, SMSW or CLTS
}  // namespace mov_cr_info

/// EXITINFO1 of NPF ("Nested versus Guest Page Faults, Fault Ordering").
namespace npf_info {
using f_p = bit_field<bool, 0>;
using f_rw = bit_field<bool, 1>;
using f_us = bit_field<bool, 2>;
using f_rsv = bit_field<bool, 3>;
using f_id = bit_field<bool, 4>;
using f_final = bit_field<bool, 32>;  ///< in the translation of the guest's final address
using f_walk = bit_field<bool, 33>;   ///< in that of its page tables
}  // namespace npf_info

}  // namespace axhal::x86_64
