// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/arch/x86_64/host_addresses.hpp>
#include <axhal/arch/x86_64/insn.hpp>
#include <axhal/arch/x86_64/svm_extension.hpp>
#include <axhal/arch/x86_64/world_switch_svm.hpp>

namespace axhal::x86_64 {

/// `svm_extension` on a real CPU.
template <typename Handler, typename I = cpu, typename Addresses = identity_addresses>
using svm = svm_extension<Handler, I, Addresses, svm_world_switch>;

}  // namespace axhal::x86_64
