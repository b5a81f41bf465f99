// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "../host_memory.hpp"
#include "../log.hpp"
#include "guest_files.hpp"
#include "guest_machine.hpp"
#include "host_devices.hpp"
#include "multiboot_source.hpp"

#include <axhal/arch/x86_64/guest_entry.hpp>
#include <axhal/arch/x86_64/insn.hpp>
#include <axhal/arch/x86_64/owed_flushes.hpp>
#include <axhal/arch/x86_64/svm.hpp>
#include <axhal/arch/x86_64/tlb.hpp>
#include <axhal/arch/x86_64/vt_x.hpp>
#include <axhal/board/pc_platform.hpp>
#include <axhal/core/address.hpp>
#include <axhal/core/bytes.hpp>
#include <axhal/core/result.hpp>
#include <axhal/vcpu/exit_counters.hpp>

namespace example {

/// AMD's extension, with nested paging. Translations are forgotten with the next entry.
struct svm_road {
  static constexpr axhal::text name{"SVM"};
  using extension = axhal::board::pc_svm;
  /// What the one CPU owes the one guest.
  static inline constinit axhal::x86_64::owed_flushes<1> owed{};
  struct stage2_tlb : axhal::x86_64::entry_flush_tlb<1> {
    stage2_tlb() : entry_flush_tlb{owed} {}
  };
  template <typename Handler>
  using virt_ext = axhal::x86_64::svm<Handler>;

  template <typename Tables, typename Vcpu>
  static void name_translation(Tables&, Vcpu const&) {}
  template <typename Log, typename Vcpu>
  static void log_exit(Log& out, Vcpu const& vcpu) {
    out.write(hex{vcpu.exit_info_1()});
    out.write(axhal::text{", "});
    out.write(hex{vcpu.exit_info_2()});
  }
  template <typename Vcpu>
  static void begin(Vcpu& vcpu, axhal::hertz) {
    vcpu.flush_on_entry(true, owed.settle({0}));
  }
};

/// Intel's, with EPT.
struct vt_x_road {
  static constexpr axhal::text name{"VT-x"};
  using extension = axhal::board::pc_vt_x;
  using stage2_tlb = axhal::x86_64::ept_tlb<axhal::x86_64::cpu>;
  template <typename Handler>
  using virt_ext = axhal::x86_64::vt_x<Handler>;

  template <typename Tables, typename Vcpu>
  static void name_translation(Tables& tables, Vcpu const& vcpu) {
    tables.tlb().set_translation(vcpu.eptp);
  }
  template <typename Log, typename Vcpu>
  static void log_exit(Log& out, Vcpu const& vcpu) {
    out.write(hex{vcpu.exit_info()});
  }
  /// Whatever this CPU remembered was forgotten when the extension was switched on. The guest is stopped once in a
  /// millisecond: an interrupt that comes while it masks its own is no exit in every emulator.
  template <typename Vcpu>
  static void begin(Vcpu& vcpu, axhal::hertz tsc) {
    vcpu.slice = tsc.value / 1000;
  }
};

/// What a virtual machine is made of on a PC. `Road` is the extension that runs it; everything else is alike.
template <typename Road>
struct target {
  using source = multiboot_source;
  using devices = host_devices;
  using cpu = axhal::x86_64::cpu;
  using stage2 = typename Road::extension::stage2;
  using stage2_tlb = typename Road::stage2_tlb;
  using guest_machine = example::guest_machine;
  template <typename Handler>
  using virt_ext = typename Road::template virt_ext<Handler>;
  template <typename Handler>
  using platform = axhal::board::pc_platform<typename Road::extension, virt_ext<Handler>>;

  static constexpr axhal::guest_phys guest_ram{0};
  /// Up to where devices begin.
  static constexpr std::uint64_t most_guest_memory = 3 * axhal::gib;
  static constexpr bool takes_vcpu_off = false;

  template <typename Memory, typename VirtExt>
  [[nodiscard]] static axhal::result<axhal::x86_64::guest_entry, trouble> load(guest_order const& order, Memory& memory,
                                                                               devices const& host, VirtExt const&) {
    return load_pc_guest(order, memory, host.timer.frequency());
  }
  template <typename Vcpu>
  static void set_start(Vcpu& vcpu, axhal::x86_64::guest_entry const& start) {
    vcpu.set_start(start);
  }

  /// Everything beside memory is emulated.
  template <typename Tables>
  [[nodiscard]] static bool map_devices(Tables&) {
    return true;
  }
  template <typename VirtExt>
  static void withhold(VirtExt&, devices const&) {}
  /// Caches are coherent, those of instructions too.
  template <typename VirtExt>
  static void publish(axhal::mutable_bytes, VirtExt const&, devices const&) {}

  /// Tag 1 is this guest's, as long as there is one guest.
  template <typename Vcpu>
  [[nodiscard]] static axhal::result<void, trouble> prepare(Vcpu& vcpu, axhal::host_phys root) {
    vcpu.set_translation(root, axhal::vmid{1});
    return {};
  }
  template <typename Tables, typename Vcpu>
  static void name_translation(Tables& tables, Vcpu const& vcpu) {
    Road::name_translation(tables, vcpu);
  }

  /// What this CPU lacks, by the extension's own word.
  [[nodiscard]] static trouble cannot_run_guests(axhal::virt_error) {
    return {virt_ext<axhal::counted<guest_machine>>::missing(), 0, 0, Road::name};
  }
  template <typename Log>
  static void log_how(Log& out, devices& host) {
    out.write(Road::name);
    out.write(axhal::text{", "});
    out.write(host.controller_name());
    out.write(axhal::text{", "});
    out.write(host.timer_name());
  }
  /// Where a guest that crashed had come to, and which field of its state the CPU refused, if that was it.
  template <typename Log, typename Vcpu>
  static void log_where(Log& out, Vcpu const& vcpu, std::uint64_t word) {
    out.begin();
    out.write(axhal::text{"the guest was stopped at RIP "});
    out.write(hex{vcpu.rip()});
    out.write(axhal::text{", exit "});
    out.write(vcpu.exit_name());
    out.write(axhal::text{", "});
    Road::log_exit(out, vcpu);
    out.write(axhal::text{", word "});
    out.write(hex{word});
    out.end();
    if (!vcpu.refused_field().empty()) out("the CPU refused the guest's state: ", vcpu.refused_field());
  }

  /// Guest time begins, just before the vCPU is loaded; no translation of an earlier guest is left.
  template <typename Vcpu, typename Handler, typename VirtExt>
  static void begin(Vcpu& vcpu, Handler& handler, VirtExt const&) {
    vcpu.time_offset = handler.begin();
    Road::begin(vcpu, handler.tsc());
  }
};

}  // namespace example
