// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "../guest_loader.hpp"
#include "../host_memory.hpp"
#include "../log.hpp"
#include "../tree_source.hpp"
#include "guest_machine.hpp"
#include "guest_tree.hpp"
#include "host_devices.hpp"

#include <axhal/arch/riscv64/guest_translations.hpp>
#include <axhal/arch/riscv64/h_extension.hpp>
#include <axhal/arch/riscv64/insn.hpp>
#include <axhal/arch/riscv64/linux_images.hpp>
#include <axhal/arch/riscv64/paging_stage2.hpp>
#include <axhal/arch/riscv64/tlb.hpp>
#include <axhal/core/address.hpp>
#include <axhal/core/bytes.hpp>
#include <axhal/core/result.hpp>
#include <axhal/hal.hpp>
#include <axhal/vcpu/exit_counters.hpp>

#include <cstddef>

namespace example {

/// How guests are run: the one way, and a hard one that is there to be tested.
enum class road : std::uint8_t {
  usual,  ///< what the CPU says of trapped instructions is believed, and a vCPU stays where it is
  hard,   ///< each instruction is read from the guest, each exit of the slow tier takes the vCPU off and puts it back,
          ///< and there are no VMIDs
};

/// What a virtual machine is made of on RISC-V.
template <road Road>
struct target {
  using source = tree_source;
  using devices = host_devices;
  using cpu = axhal::riscv64::cpu;
  static constexpr auto htinst =
      Road == road::hard ? axhal::riscv64::htinst_use::walks : axhal::riscv64::htinst_use::whole;
  using stage2 = axhal::riscv64::sv39x4;
  using stage2_tlb = axhal::riscv64::tagged_stage2_tlb<cpu>;
  using images = axhal::riscv64::linux_images;
  using guest_machine = example::guest_machine;
  /// The whole composition, checked: the board's usual one with this program's virtualization.
  template <typename Handler>
  using platform = axhal::board::qemu_virt_riscv64_platform<axhal::riscv64::h_extension<stage2, Handler, htinst>>;
  template <typename Handler>
  using virt_ext = axhal::riscv64::h_extension<stage2, Handler, htinst>;

  static constexpr axhal::guest_phys guest_ram{board::ram.value};
  static constexpr std::uint64_t most_guest_memory = 255 * axhal::gib;
  static constexpr std::size_t tree_size = 4096;
  static constexpr bool takes_vcpu_off = Road == road::hard;

  template <typename VirtExt>
  static auto write_tree(axhal::mutable_bytes out, guest_tree_facts const& facts, devices const& host,
                         VirtExt const& virt) {
    return write_guest_tree(
        out, facts, {host.cpu_node(), virt.features(), static_cast<std::uint32_t>(host.timer.frequency().value)});
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

  /// Everything beside memory is emulated.
  template <typename Tables>
  [[nodiscard]] static bool map_devices(Tables&) {
    return true;
  }

  /// A guest that may map pages as uncached would read what its memory held before it was cleared, were it not written
  /// back. Where that cannot be done, guests do without.
  template <typename VirtExt>
  static void withhold(VirtExt& virt, devices const& host) {
    if (host.cache_block() == 0) virt.withhold(axhal::riscv64::envcfg::f_pbmte::mask);
  }

  /// What was stored is there for the guest's loads and fetches, which this hart makes.
  template <typename VirtExt>
  static void publish(axhal::mutable_bytes memory, VirtExt const& virt, devices const& host) {
    if (axhal::riscv64::envcfg::f_pbmte::get(virt.features().henvcfg)) {
      cpu::flush(memory.data, memory.size, host.cache_block());
    }
    cpu::fence_i();
  }

  /// VMID 1 is this guest's, as long as there is one guest; a hart may have no VMIDs, so that every guest's is 0.
  template <typename Vcpu>
  [[nodiscard]] static axhal::result<void, trouble> prepare(Vcpu& vcpu, axhal::host_phys root) {
    auto const features = virt_ext<axhal::counted<guest_machine>>::probe();
    if (!features) return axhal::failure{cannot_run_guests(features.error())};
    bool const tagged = features->vmid_bits != 0 && Road == road::usual;
    vcpu.set_translation(root, axhal::vmid{tagged ? 1U : 0U});
    return {};
  }

  [[nodiscard]] static trouble cannot_run_guests(axhal::virt_error why) {
    if (why == axhal::virt_error::absent) return {"this CPU has no H extension (QEMU: -cpu rv64,h=true)"};
    if (why == axhal::virt_error::missing_part) return {"this CPU's H extension does not have Sv39x4"};
    return {"this CPU cannot run guests", static_cast<std::uint64_t>(why)};
  }
  /// How this machine runs guests, for the log.
  template <typename Log>
  static void log_how(Log& out, devices const& host) {
    out.write("H extension, Sstc ");
    out.write(host.timer.uses_sstc() ? axhal::text{"on, "} : axhal::text{"off, "});
    out.write(host.controller_name());
  }
  /// Where a guest that crashed had come to.
  template <typename Log, typename Vcpu>
  static void log_where(Log& out, Vcpu const& vcpu, std::uint64_t cause) {
    out("the guest was stopped at PC ", hex{vcpu.sepc}, ", cause ", hex{cause}, ", stval ", hex{vcpu.stval}, ", htval ",
        hex{vcpu.htval}, ", htinst ", hex{vcpu.htinst});
  }

  /// From here on changes of the tables are made known for this guest's VMID.
  template <typename Tables, typename Vcpu>
  static void name_translation(Tables& tables, Vcpu const& vcpu) {
    tables.tlb().set_translation(vcpu.hgatp);
  }

  /// Guest time begins, just before the vCPU is loaded; no translation of an earlier guest is left.
  template <typename Vcpu, typename Handler, typename VirtExt>
  static void begin(Vcpu& vcpu, Handler& handler, VirtExt const& virt) {
    handler.use_timer(virt.timer());
    vcpu.time_offset = handler.start();
    axhal::riscv64::forget_guest<cpu>(vcpu.hgatp);
  }
};

}  // namespace example
