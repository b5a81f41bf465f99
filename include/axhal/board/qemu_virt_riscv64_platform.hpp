// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/arch/riscv64/aplic_msi.hpp>
#include <axhal/arch/riscv64/either_external.hpp>
#include <axhal/arch/riscv64/firmware_ipi.hpp>
#include <axhal/arch/riscv64/hart_clock.hpp>
#include <axhal/arch/riscv64/hart_interrupts.hpp>
#include <axhal/arch/riscv64/hart_map.hpp>
#include <axhal/arch/riscv64/hvip_lines.hpp>
#include <axhal/arch/riscv64/insn.hpp>
#include <axhal/arch/riscv64/paging_stage1.hpp>
#include <axhal/arch/riscv64/paging_stage2.hpp>
#include <axhal/arch/riscv64/plic.hpp>
#include <axhal/arch/riscv64/sbi_firmware.hpp>
#include <axhal/board/qemu_virt_riscv64.hpp>
#include <axhal/console/ns16550.hpp>
#include <axhal/core/mmio.hpp>
#include <axhal/hal.hpp>

namespace axhal::board {

/// Which hart of QEMU's `virt` machine is which CPU.
using qemu_virt_riscv64_harts = riscv64::hart_map<qemu_virt_riscv64::max_cpus>;

/// The PLIC of QEMU's `virt` machine with aia=none, and firmware's messages between harts.
class qemu_virt_riscv64_plic : public riscv64::plic<fixed_mmio<qemu_virt_riscv64::plic.start.value>,
                                                    qemu_virt_riscv64::max_cpus, qemu_virt_riscv64::plic_sources> {
 public:
  /// `harts` outlives this object.
  explicit qemu_virt_riscv64_plic(qemu_virt_riscv64_harts const& harts) : plic{{}}, ipi_{harts} {}

  /// IpiSender.
  result<void, irq_error> send_ipi(cpu_number cpu) { return ipi_.send_ipi(cpu); }

 private:
  riscv64::firmware_ipi<riscv64::cpu, qemu_virt_riscv64::max_cpus> ipi_;
};

/// The APLIC with IMSICs of QEMU's `virt` machine with aia=aplic-imsic.
class qemu_virt_riscv64_aplic
    : public riscv64::aplic_msi<fixed_mmio<qemu_virt_riscv64::aplic_supervisor.start.value>,
                                fixed_mmio<qemu_virt_riscv64::imsic_supervisor.start.value>, riscv64::cpu,
                                qemu_virt_riscv64::max_cpus, qemu_virt_riscv64::aplic_sources> {
 public:
  explicit constexpr qemu_virt_riscv64_aplic(riscv64::imsic_layout layout) : aplic_msi{{}, {}, layout} {}
};

/// Whichever of the two the machine has.
using qemu_virt_riscv64_external = riscv64::either_external<qemu_virt_riscv64_plic, qemu_virt_riscv64_aplic>;

/// The usual composition for QEMU's `virt` machine under SBI firmware: Sv39 for the hypervisor, Sv39x4 for guests, and
/// what is known at run time alone (PLIC or APLIC, deadlines by SBI or Sstc) looked up once. `More` adds what a program
/// brings itself: its VirtExtPolicy with its exit handler, its frame source.
///
///     using machine = axhal::board::qemu_virt_riscv64_platform<riscv64::h_extension<riscv64::sv39x4, my_handler>>;
///     machine::console console{{}};
template <typename... More>
using qemu_virt_riscv64_platform =
    hal<qemu_virt_riscv64, riscv64::cpu, riscv64::sv39, riscv64::sv39x4,
        riscv64::hart_interrupts<riscv64::cpu, qemu_virt_riscv64_external, qemu_virt_riscv64_external>,
        riscv64::hvip_lines<riscv64::cpu>, riscv64::either_clock<riscv64::cpu>, riscv64::sbi_firmware<riscv64::cpu>,
        console::ns16550<fixed_mmio<qemu_virt_riscv64::uart.start.value>>, More...>;

}  // namespace axhal::board
