// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/arch/x86_64/host_addresses.hpp>
#include <axhal/arch/x86_64/insn.hpp>
#include <axhal/arch/x86_64/paging_ept.hpp>
#include <axhal/arch/x86_64/vmx_extension.hpp>
#include <axhal/arch/x86_64/world_switch_vmx.hpp>

namespace axhal::x86_64 {

/// `vmx_extension` on a real CPU.
template <typename Handler, typename I = cpu, typename Addresses = identity_addresses, typename Ept = ept>
using vt_x = vmx_extension<Handler, I, Addresses, Ept, vmx_world_switch>;

}  // namespace axhal::x86_64
