// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/core/bit_field.hpp>

#include <cstdint>

namespace axhal::x86_64 {

/// CR0 (Intel SDM vol. 3, "Control Registers").
namespace cr0 {
using f_pe = bit_field<bool, 0>;   ///< protected mode
using f_mp = bit_field<bool, 1>;   ///< WAIT heeds TS
using f_em = bit_field<bool, 2>;   ///< no x87
using f_ts = bit_field<bool, 3>;   ///< FP state belongs to another task
using f_et = bit_field<bool, 4>;   ///< reads as one
using f_ne = bit_field<bool, 5>;   ///< x87 errors are exceptions
using f_wp = bit_field<bool, 16>;  ///< supervisors heed read-only pages
using f_am = bit_field<bool, 18>;  ///< alignment can be checked
using f_nw = bit_field<bool, 29>;  ///< not write-through
using f_cd = bit_field<bool, 30>;  ///< caches are off
using f_pg = bit_field<bool, 31>;  ///< paging

/// The bits that exist. Writing others is ignored below bit 32, and a #GP above.
inline constexpr std::uint64_t defined = f_pe::mask | f_mp::mask | f_em::mask | f_ts::mask | f_et::mask | f_ne::mask |
                                         f_wp::mask | f_am::mask | f_nw::mask | f_cd::mask | f_pg::mask;
}  // namespace cr0

/// CR4 (Intel SDM vol. 3, "Control Registers").
namespace cr4 {
using f_vme = bit_field<bool, 0>;
using f_pvi = bit_field<bool, 1>;
using f_tsd = bit_field<bool, 2>;
using f_de = bit_field<bool, 3>;
using f_pse = bit_field<bool, 4>;  ///< 4 MiB pages
using f_pae = bit_field<bool, 5>;  ///< page-table entries of 64 bits
using f_mce = bit_field<bool, 6>;
using f_pge = bit_field<bool, 7>;  ///< global pages
using f_pce = bit_field<bool, 8>;
using f_osfxsr = bit_field<bool, 9>;
using f_osxmmexcpt = bit_field<bool, 10>;
using f_umip = bit_field<bool, 11>;
using f_la57 = bit_field<bool, 12>;  ///< tables of five levels
using f_vmxe = bit_field<bool, 13>;
using f_smxe = bit_field<bool, 14>;
using f_fsgsbase = bit_field<bool, 16>;
using f_pcide = bit_field<bool, 17>;  ///< process-context identifiers
using f_osxsave = bit_field<bool, 18>;
using f_smep = bit_field<bool, 20>;  ///< supervisors fetch no instructions of users
using f_smap = bit_field<bool, 21>;  ///< supervisors read no data of users
using f_pke = bit_field<bool, 22>;
using f_cet = bit_field<bool, 23>;
using f_pks = bit_field<bool, 24>;
}  // namespace cr4

/// IA32_EFER (Intel SDM vol. 4; AMD64 APM vol. 2, "Extended Feature Enable Register (EFER)").
namespace efer {
using f_sce = bit_field<bool, 0>;    ///< SYSCALL
using f_lme = bit_field<bool, 8>;    ///< long mode, once there is paging
using f_lma = bit_field<bool, 10>;   ///< long mode is active
using f_nxe = bit_field<bool, 11>;   ///< no-execute pages
using f_svme = bit_field<bool, 12>;  ///< SVM
using f_lmsle = bit_field<bool, 13>;
using f_ffxsr = bit_field<bool, 14>;
using f_tce = bit_field<bool, 15>;
}  // namespace efer

/// XCR0: which states XSAVE manages (Intel SDM vol. 1, "Enabling the XSAVE Feature Set and XSAVE-Enabled Features").
namespace xcr0 {
using f_x87 = bit_field<bool, 0>;  ///< always one
using f_sse = bit_field<bool, 1>;
using f_avx = bit_field<bool, 2>;
using f_bndregs = bit_field<bool, 3>;
using f_bndcsr = bit_field<bool, 4>;
using f_opmask = bit_field<bool, 5>;
using f_zmm_hi256 = bit_field<bool, 6>;
using f_hi16_zmm = bit_field<bool, 7>;
using f_pkru = bit_field<bool, 9>;
using f_tilecfg = bit_field<bool, 17>;
using f_tiledata = bit_field<bool, 18>;
}  // namespace xcr0

}  // namespace axhal::x86_64
