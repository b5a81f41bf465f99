// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "support/simulated_vmx.hpp"
#include "support/x86_64_guest.hpp"

#include <axhal/arch/x86_64/host_addresses.hpp>
#include <axhal/arch/x86_64/paging_ept.hpp>
#include <axhal/arch/x86_64/vmx_extension.hpp>

#include <cstdint>
#include <memory>
#include <utility>

/// A vCPU of VT-x on the simulated CPU, loaded, with a handler that writes down what it is told.
namespace axhal::test::x86 {

/// Is told of triple faults as well.
struct vmx_handler : x86_handler<> {
  unsigned triple_faults{};
  template <typename Guest>
  resume triple_fault(Guest&) {
    ++triple_faults;
    return resume::stop;
  }
};

struct vmx_bench {
  using extension = vmx_extension<vmx_handler, sim_vmx_cpu, identity_addresses, ept, sim_vmx_switch>;
  static_assert(VirtExtPolicy<extension>);
  using vcpu = extension::vcpu;
  using slow = extension::context;
  using fast = extension::fast_context;

  std::unique_ptr<extension> virt = std::make_unique<extension>();
  std::unique_ptr<vcpu> v = std::make_unique<vcpu>();
  std::unique_ptr<vmx_handler> h = std::make_unique<vmx_handler>();

  /// Starts with `start`; `loads` false leaves it in memory.
  explicit vmx_bench(guest_entry const& start = real_mode_entry(0, 0x7c00), bool loads = true) {
    the_vmx = {};
    ready = static_cast<bool>(virt->enable());
    v->handler = h.get();
    v->set_translation({0x9000}, {7});
    v->set_start(start);
    if (loads) virt->load(*v);
  }
  bool ready{};

  [[nodiscard]] slow context() const { return slow{*v}; }

  /// The guest exits with `reason` at `qualification`, behind nothing; both tiers answer.
  resume exit(std::uint32_t reason, std::uint64_t qualification = 0, std::uint32_t length = 0) {
    the_vmx.guest = [=](guest_frame&) {
      set_field(vmcs::exit_reason, reason);
      set_field(vmcs::exit_qualification, qualification);
      set_field(vmcs::exit_instruction_length, length);
      // Once: when the fast tier has answered, the host has something to do.
      the_vmx.guest = [](guest_frame&) { set_field(vmcs::exit_reason, 1); };
    };
    virt->enter(*v);
    return extension::decode(*v, *h);
  }
  resume exit(vmx_reason reason, std::uint64_t qualification = 0, std::uint32_t length = 0) {
    return exit(static_cast<std::uint32_t>(reason), qualification, length);
  }
  /// The slow tier alone.
  resume slow_exit(vmx_reason reason, std::uint64_t qualification = 0, std::uint32_t length = 0) {
    set_field(vmcs::exit_reason, static_cast<std::uint32_t>(reason));
    set_field(vmcs::exit_qualification, qualification);
    set_field(vmcs::exit_instruction_length, length);
    v->exit_word = static_cast<std::uint32_t>(reason);
    return extension::decode(*v, *h);
  }
  /// The last exit interrupted the delivery of `e`.
  static void interrupted(guest_event const& e) {
    set_field(vmcs::idt_vectoring_information, e.word());
    set_field(vmcs::idt_vectoring_error_code, e.error_code);
  }
  /// An entry was made, and its event delivered.
  static void delivered() {
    set_field(vmcs::entry_interruption_information,
              field(vmcs::entry_interruption_information) & ~std::uint64_t{event_word::f_valid::mask});
  }
  [[nodiscard]] static std::uint32_t event() {
    return static_cast<std::uint32_t>(field(vmcs::entry_interruption_information));
  }
};

}  // namespace axhal::test::x86
