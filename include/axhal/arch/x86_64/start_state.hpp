// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/arch/x86_64/guest_entry.hpp>
#include <axhal/core/address.hpp>

#include <cstdint>

namespace axhal::x86_64 {

/// What `reset(entry, argument)` of a vCPU makes of two numbers: 32-bit protected mode with flat segments and without
/// paging, `argument` in EBX (as PVH has it: Xen, "x86/HVM direct boot ABI"). Entry and argument lie below 4 GiB; what
/// is above is cut off. The guest has no descriptor tables: it loads its own before it loads a segment.
[[nodiscard]] constexpr guest_entry plain_start(guest_phys entry, std::uint64_t argument) {
  guest_entry start = protected_mode_entry(static_cast<std::uint32_t>(entry.value & 0xffff'ffff), 0, {0});
  start.gdtr = {};
  start.gpr[guest_entry::rbx] = argument & 0xffff'ffff;
  return start;
}

}  // namespace axhal::x86_64
