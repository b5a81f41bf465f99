// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/core/address.hpp>
#include <axhal/core/bytes.hpp>
#include <axhal/policy/virt_ext.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>

namespace axhal::laws {

/// One instruction of a scripted guest, 4 bytes of its address space. Registers are numbered 0 to 7: 0 to 3 are results
/// and the first arguments of a call, 0 holds the boot argument.
struct guest_step {
  enum class kind : std::uint8_t {
    set,             ///< register `reg` becomes `value`
    set_system,      ///< the system register becomes `value`: state that exits do not save
    get_system,      ///< register `reg` becomes the system register
    call,            ///< hypercall with register 0 as its number and `value` as its immediate
    load,            ///< `size` bytes from guest-physical `value`, sign-extended when `sign`, into `reg`
    store,           ///< the low `size` bytes of `reg` to guest-physical `value`
    register_read,   ///< trapped register `value` into `reg`
    register_write,  ///< `reg` to trapped register `value`
    idle,
    yield,
  };
  kind what{};
  std::uint8_t reg{};
  std::uint64_t value{};
  std::uint8_t size{};
  bool sign{};
};

/// A guest's program: step n is at `base + 4 * n`. A fault that the guest takes continues at step `fault_entry`, with
/// the address of the refused step in register 6.
struct guest_script {
  guest_phys base{};
  view<guest_step const> steps{};
  std::size_t fault_entry{};
};

/// A virtualization extension whose guests can be scripted: a simulated one, or a real one with a rig that assembles
/// the steps.
///
/// `use_script(p)` gives a vCPU its program; `reset` keeps it. `V::decode(vcpu, handler)` tells `handler` the exit that
/// `enter` returned with, steps over the instruction when the answer is `next_instruction`, and gives back `stop` or
/// not.
template <typename V>
concept ScriptedVirtExt = VirtExtPolicy<V> && requires(typename V::vcpu& s, guest_script const& p) {
  { s.use_script(p) } -> std::same_as<void>;
};

}  // namespace axhal::laws
