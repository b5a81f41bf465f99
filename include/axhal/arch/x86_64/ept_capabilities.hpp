// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/core/bit_field.hpp>

#include <cstdint>

namespace axhal::x86_64 {

/// IA32_VMX_EPT_VPID_CAP, MSR 48CH: what a CPU's EPT and VPID can do (Intel SDM vol. 3D, Appendix A, "VPID and EPT
/// Capabilities"). The MSR exists where the secondary controls allow EPT or VPID.
struct ept_vpid_cap {
  // clang-format off
  using f_execute_only                 = bit_field<bool,  0>;
  using f_walk_4                       = bit_field<bool,  6>;
  using f_walk_5                       = bit_field<bool,  7>;
  using f_uc                           = bit_field<bool,  8>;    // walks may be uncached
  using f_wb                           = bit_field<bool, 14>;    // walks may be write-back cached
  using f_page_2m                      = bit_field<bool, 16>;
  using f_page_1g                      = bit_field<bool, 17>;
  using f_invept                       = bit_field<bool, 20>;
  using f_accessed_dirty               = bit_field<bool, 21>;
  using f_invept_single                = bit_field<bool, 25>;
  using f_invept_all                   = bit_field<bool, 26>;
  using f_invvpid                      = bit_field<bool, 32>;
  using f_invvpid_address              = bit_field<bool, 40>;
  using f_invvpid_single               = bit_field<bool, 41>;
  using f_invvpid_all                  = bit_field<bool, 42>;
  using f_invvpid_single_keeps_globals = bit_field<bool, 43>;
  // clang-format on
  static_assert(disjoint_fields<f_execute_only, f_walk_4, f_walk_5, f_uc, f_wb, f_page_2m, f_page_1g, f_invept,
                                f_accessed_dirty, f_invept_single, f_invept_all, f_invvpid, f_invvpid_address,
                                f_invvpid_single, f_invvpid_all, f_invvpid_single_keeps_globals>);
};

}  // namespace axhal::x86_64
