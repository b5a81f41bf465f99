// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "guest_machine.hpp"
#include "guest_tree.hpp"
#include "host_devices.hpp"

#include "../guest_loader.hpp"
#include "../host_memory.hpp"
#include "../log.hpp"
#include "../tree_source.hpp"

#include <axhal/arch/aarch64/el2.hpp>
#include <axhal/arch/aarch64/insn.hpp>
#include <axhal/arch/aarch64/linux_images.hpp>
#include <axhal/arch/aarch64/tlb.hpp>
#include <axhal/core/address.hpp>
#include <axhal/core/bytes.hpp>
#include <axhal/core/result.hpp>

#include <cstddef>

namespace example {

/// What a virtual machine is made of on AArch64.
struct target {
  template <typename Handler>
  using virt_ext = axhal::aarch64::el2<el2_use, Handler>;
  using cpu = axhal::aarch64::cpu;
  /// The whole composition, checked: the board's usual one with this program's virtualization.
  template <typename Handler>
  using platform = axhal::board::qemu_virt_aarch64_platform<axhal::aarch64::el2_mode::nvhe, virt_ext<Handler>>;
  using stage2 = host_devices::platform::get<axhal::option_kind::guest_paging>;
  using stage2_tlb = axhal::aarch64::tagged_stage2_tlb<cpu, cpu>;
  using images = axhal::aarch64::linux_images;
  using guest_machine = example::guest_machine;
  using source = tree_source;
  using devices = host_devices;

  static constexpr axhal::guest_phys guest_ram{board::ram.value};
  static constexpr std::uint64_t most_guest_memory = 255 * axhal::gib;  ///< what QEMU's machine can have
  static constexpr std::size_t tree_size = 4096;
  static constexpr bool takes_vcpu_off = false;  ///< exits leave the vCPU where it is

  template <typename VirtExt>
  static auto write_tree(axhal::mutable_bytes out, guest_tree_facts const& facts, devices const&, VirtExt const&) {
    return write_guest_tree(out, facts);
  }

  template <typename Memory, typename VirtExt>
  [[nodiscard]] static axhal::result<guest_start, trouble> load(guest_order const& order, Memory& memory,
                                                                devices const& host, VirtExt const& cpu) {
    return load_with_tree<target>(order, memory, host, cpu);
  }
  template <typename Vcpu>
  static void set_start(Vcpu& vcpu, guest_start const& start) {
    vcpu.reset(start.entry, start.tree.value);
  }

  /// Nothing is kept from guests beyond what `el2` does.
  template <typename VirtExt>
  static void withhold(VirtExt const&, devices const&) {}

  /// The guest's CPU interface is the hardware's virtual one: two pages, with GICC_DIR in the second.
  template <typename Tables>
  [[nodiscard]] static bool map_devices(Tables& tables) {
    constexpr axhal::page_attributes device{axhal::read_write, axhal::memory_type::device};
    return tables
        .map(axhal::guest_phys{board::gic_cpu_interface.start.value}, board::gic_virtual_cpu.start, 0x2000, device)
        .has_value();
  }

  /// The guest begins with its caches off: what the hypervisor has stored must be in memory.
  template <typename VirtExt>
  static void publish(axhal::mutable_bytes memory, VirtExt const&, devices const&) {
    cpu::clean_invalidate(memory.data, memory.size);
    cpu::invalidate_instruction_cache();
  }

  /// The vCPU's controls: VMID 1 is this guest's, as long as there is one guest.
  template <typename Vcpu>
  [[nodiscard]] static axhal::result<void, trouble> prepare(Vcpu& vcpu, axhal::host_phys root) {
    auto const features = axhal::aarch64::el2<el2_use, guest_machine>::probe();
    if (!features)
      return axhal::failure{trouble{"the CPU cannot run guests", static_cast<std::uint64_t>(features.error())}};
    if (!stage2::is_supported(features->output_address_bits)) {
      return axhal::failure{trouble{"the CPU's physical addresses are too short for guests, in bits",
                                    features->output_address_bits, stage2::ipa_bits}};
    }
    vcpu.vtcr = stage2::vtcr_el2(features->output_address_bits, features->vmid_bits);
    vcpu.vmpidr = Vcpu::mpidr_res1;
    vcpu.set_translation(root, axhal::vmid{1});
    return {};
  }

  [[nodiscard]] static trouble cannot_run_guests(axhal::virt_error why) {
    return {"this CPU cannot run guests", static_cast<std::uint64_t>(why)};
  }
  /// How this CPU runs guests, for the log.
  template <typename Log>
  static void log_how(Log& out, devices const&) {
    bool const vhe = (cpu::read<axhal::aarch64::sysreg::hcr_el2>() >> 34 & 1) != 0;
    out.write(vhe ? axhal::text{"EL2 with VHE"} : axhal::text{"EL2 without VHE"});
  }
  /// Where a guest that crashed had come to.
  template <typename Log, typename Vcpu>
  static void log_where(Log& out, Vcpu const& vcpu, std::uint64_t syndrome) {
    out("the guest was stopped at PC ", hex{vcpu.elr}, ", PSTATE ", hex{vcpu.spsr}, ", syndrome ", hex{syndrome});
  }

  /// From here on changes of the tables are made known for this guest's VMID.
  template <typename Tables, typename Vcpu>
  static void name_translation(Tables& tables, Vcpu const& vcpu) {
    tables.tlb().set_translation(vcpu.vttbr);
  }

  /// Guest time begins, just before the vCPU is loaded; no translation of an earlier guest is left.
  template <typename Vcpu, typename Handler, typename VirtExt>
  static void begin(Vcpu& vcpu, Handler& handler, VirtExt const&) {
    vcpu.time_offset = handler.start();
    axhal::aarch64::forget_all_guests<cpu>();
  }
};

}  // namespace example
