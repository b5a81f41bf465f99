// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/conformance/guest_script.hpp>
#include <axhal/policy/virt_ext.hpp>
#include <axhal/vcpu/dispatch.hpp>
#include <axhal/vcpu/exit.hpp>

namespace axhal::test {

/// The smallest GuestContext: what the contract grants and nothing else. Nothing is ever called.
struct guest_archetype {
  guest_archetype() = delete;
  guest_archetype(guest_archetype const&) = delete;
  [[nodiscard]] std::uint64_t argument(unsigned) const { __builtin_trap(); }
  void set_result(unsigned, std::uint64_t) { __builtin_trap(); }
  void complete_read(exit::mmio_read const&, std::uint64_t) { __builtin_trap(); }
  void complete_register_read(exit::register_read const&, std::uint64_t) { __builtin_trap(); }
  void inject(guest_fault) { __builtin_trap(); }
};
static_assert(GuestContext<guest_archetype>);

/// The smallest VirtExtPolicy with scripted guests. For explicit instantiation: nothing is ever called.
struct virt_ext_archetype {
  virt_ext_archetype() = delete;
  virt_ext_archetype(virt_ext_archetype const&) = delete;
  struct vcpu {
    void reset(guest_phys, std::uint64_t) { __builtin_trap(); }
    void set_translation(host_phys, vmid) { __builtin_trap(); }
    void use_script(laws::guest_script const&) { __builtin_trap(); }
  };
  static result<virt_features, virt_error> probe() { __builtin_trap(); }
  result<void, virt_error> enable() { __builtin_trap(); }
  void disable() { __builtin_trap(); }
  void load(vcpu&) { __builtin_trap(); }
  void put(vcpu&) { __builtin_trap(); }
  void enter(vcpu&) { __builtin_trap(); }
  template <typename H>
    requires ExitHandler<H, guest_archetype>
  static resume decode(vcpu&, H&) {
    __builtin_trap();
  }
};
static_assert(VirtExtPolicy<virt_ext_archetype> && laws::ScriptedVirtExt<virt_ext_archetype>);

}  // namespace axhal::test
