// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/core/address.hpp>

#include <concepts>
#include <cstdint>

namespace axhal::x86_64 {

/// Where the hypervisor's own objects are for hardware that takes physical addresses (VMCB, VMCS, permission maps).
/// `of(object)` holds for the page that `object` is in, and for as long as it lives.
template <typename A>
concept HostAddresses = requires(void const* object) {
  { A::of(object) } -> std::same_as<host_phys>;
};

/// For a hypervisor whose own memory is mapped where it is.
struct identity_addresses {
  [[nodiscard]] static host_phys of(void const* object) { return {reinterpret_cast<std::uint64_t>(object)}; }
};
static_assert(HostAddresses<identity_addresses>);

}  // namespace axhal::x86_64
