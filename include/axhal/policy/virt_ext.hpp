// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/core/address.hpp>
#include <axhal/core/result.hpp>
#include <axhal/core/units.hpp>

#include <concepts>
#include <cstdint>

namespace axhal {

/// Why a CPU cannot run guests.
enum class virt_error : std::uint8_t {
  absent,        ///< the CPU has no virtualization extension
  wrong_mode,    ///< the program does not run at the privilege level that may use it
  locked,        ///< firmware has switched it off for good
  missing_part,  ///< it is there, but lacks something this backend needs (second-stage translation, a page size)
};

/// What the virtualization extension of this CPU can do.
struct virt_features {
  unsigned vmid_bits{};            ///< width of the tag of translations
  unsigned guest_address_bits{};   ///< largest width of guest-physical addresses
  unsigned output_address_bits{};  ///< width of host-physical addresses
  friend constexpr bool operator==(virt_features, virt_features) = default;
};

namespace virt_ext_req {

template <typename V>
concept Probes = requires {
  { V::probe() } -> std::same_as<result<virt_features, virt_error>>;
};

template <typename V>
concept Switches = requires(V& v) {
  { v.enable() } -> std::same_as<result<void, virt_error>>;
  { v.disable() } -> std::same_as<void>;
};

template <typename V>
concept HasVcpu = requires(typename V::vcpu& s, guest_phys entry, std::uint64_t argument, host_phys root, vmid id) {
  { s.reset(entry, argument) } -> std::same_as<void>;
  { s.set_translation(root, id) } -> std::same_as<void>;
};

template <typename V>
concept Runs = requires(V& v, typename V::vcpu& s) {
  { v.load(s) } -> std::same_as<void>;
  { v.put(s) } -> std::same_as<void>;
  { v.enter(s) } -> std::same_as<void>;
};

}  // namespace virt_ext_req

/// A CPU's virtualization extension: how guests are run on it.
///
/// `probe()` says whether and how well, changing nothing. `enable()`/`disable()` switch it on and off on this CPU.
/// A `vcpu` is the whole state of one virtual CPU: `reset(entry, argument)` gives it the architecture's reset state
/// with the boot argument in place; `set_translation` names its second-stage root. `load` puts a vCPU's state on this
/// CPU, `put` takes it off; in between, `enter` runs the guest until an exit that the fast tier leaves to the slow one,
/// and leaves the reason in the vCPU, where `V::decode(vcpu, handler)` reads it: one call of the handler per exit, with
/// the exit's portable meaning.
///
/// Laws (conformance/virt_ext_laws.hpp, run on models whose guest can be scripted):
///   1. `probe()` without `enable()` changes nothing; after `enable()` `probe()` still answers the same
///   2. after `reset(e, a)` the first instruction the guest executes is at `e` with `a` as its argument
///   3. `put` then `load` gives the guest back what it had: no register changes
///   4. each exit reaches the handler exactly once, with the kind and operands the guest caused
///   5. `resume::next_instruction` steps over exactly one instruction, `resume::retry` over none
///   6. two vCPUs that take turns never see each other's registers
///   7. an injected fault is the first thing the guest sees when it runs next
///
/// Models: aarch64::el2, riscv64::h_extension, x86_64::svm, x86_64::vt_x, host::virt_ext.
template <typename V>
concept VirtExtPolicy =
    virt_ext_req::Probes<V> && virt_ext_req::Switches<V> && virt_ext_req::HasVcpu<V> && virt_ext_req::Runs<V>;

/// Names every requirement `V` misses, one error each.
template <typename V>
consteval bool explain_virt_ext_policy() {
  static_assert(virt_ext_req::Probes<V>, "VirtExtPolicy: needs `probe() -> result<virt_features, virt_error>`");
  static_assert(virt_ext_req::Switches<V>,
                "VirtExtPolicy: needs `enable() -> result<void, virt_error>` and `disable()`");
  static_assert(requires { typename V::vcpu; }, "VirtExtPolicy: needs a nested type `vcpu`");
  static_assert(virt_ext_req::HasVcpu<V>,
                "VirtExtPolicy: `vcpu` needs `reset(guest_phys entry, uint64_t argument)` and "
                "`set_translation(host_phys, vmid)`");
  static_assert(virt_ext_req::Runs<V>, "VirtExtPolicy: needs `load(vcpu&)`, `put(vcpu&)` and `enter(vcpu&)`");
  return VirtExtPolicy<V>;
}

}  // namespace axhal
