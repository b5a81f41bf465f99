// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/arch/aarch64/generic_timer.hpp>
#include <axhal/arch/aarch64/gic_v2.hpp>
#include <axhal/arch/aarch64/gich.hpp>
#include <axhal/arch/aarch64/insn.hpp>
#include <axhal/arch/aarch64/paging_stage1.hpp>
#include <axhal/arch/aarch64/paging_stage2.hpp>
#include <axhal/arch/aarch64/psci_client.hpp>
#include <axhal/board/qemu_virt_aarch64.hpp>
#include <axhal/console/pl011.hpp>
#include <axhal/core/mmio.hpp>
#include <axhal/hal.hpp>

namespace axhal::board {

/// The usual composition for QEMU's `virt` machine with EL2: devices at addresses that are constants of the program, so
/// that a driver is stateless where its device is. `Mode` is the use of EL2 whose format the hypervisor's own tables
/// have; all else serves both. `More` adds what a program brings itself: its VirtExtPolicy with its exit handler, its
/// frame source.
///
///     using machine = axhal::board::qemu_virt_aarch64_platform<aarch64::el2_mode::vhe, aarch64::el2<..., my_handler>>;
///     machine::console console{{}};
template <aarch64::el2_mode Mode, typename... More>
using qemu_virt_aarch64_platform =
    hal<qemu_virt_aarch64, aarch64::cpu, aarch64::stage1_el2<Mode, 39>, aarch64::stage2<40>,
        aarch64::gic_v2<fixed_mmio<qemu_virt_aarch64::gic_distributor.start.value>,
                        fixed_mmio<qemu_virt_aarch64::gic_cpu_interface.start.value>, aarch64::cpu>,
        aarch64::gich<fixed_mmio<qemu_virt_aarch64::gic_virtual_control.start.value>>,
        aarch64::generic_timer<aarch64::cpu, aarch64::el2_mode::either>, aarch64::psci_client<aarch64::cpu::smc>,
        console::pl011<fixed_mmio<qemu_virt_aarch64::uart.start.value>>, More...>;

}  // namespace axhal::board
