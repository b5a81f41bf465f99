// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/arch/x86_64/acpi_firmware.hpp>
#include <axhal/arch/x86_64/apic_interrupts.hpp>
#include <axhal/arch/x86_64/insn.hpp>
#include <axhal/arch/x86_64/io_apics.hpp>
#include <axhal/arch/x86_64/local_apic_access.hpp>
#include <axhal/arch/x86_64/offered_interrupts.hpp>
#include <axhal/arch/x86_64/paging_ept.hpp>
#include <axhal/arch/x86_64/paging_host.hpp>
#include <axhal/arch/x86_64/paging_npt.hpp>
#include <axhal/arch/x86_64/port_window.hpp>
#include <axhal/arch/x86_64/svm_context.hpp>
#include <axhal/arch/x86_64/taken_vectors.hpp>
#include <axhal/arch/x86_64/tsc_clock.hpp>
#include <axhal/arch/x86_64/vmx_context.hpp>
#include <axhal/board/pc.hpp>
#include <axhal/console/ns16550.hpp>
#include <axhal/core/mmio.hpp>
#include <axhal/hal.hpp>

namespace axhal::board {

/// The local APIC of each CPU of a PC, in the mode that the firmware or the program has chosen: looked up once.
using pc_apic_page = x86_64::xapic_access<fixed_mmio<pc::local_apic.start.value>, x86_64::cpu>;
using pc_apic_access = x86_64::either_apic_access<pc_apic_page, x86_64::x2apic_access<x86_64::cpu>>;
/// The I/O APICs, where ACPI says they are.
using pc_io_apics = x86_64::io_apics<mmio, x86_64::cpu>;

/// What goes with AMD's extension, x86_64::svm.
struct pc_svm {
  using stage2 = x86_64::npt;
  using virt_irq = x86_64::offered_interrupts<x86_64::svm_context<x86_64::cpu, x86_64::exit_tier::slow>>;
};
/// What goes with Intel's, x86_64::vt_x.
struct pc_vt_x {
  using stage2 = x86_64::ept;
  using virt_irq = x86_64::offered_interrupts<x86_64::vmx_context<x86_64::cpu, false>>;
};

/// The usual composition for a PC: tables of four levels for the hypervisor, local and I/O APICs, deadlines by the TSC
/// or the APIC's timer, ACPI's registers to end the machine, the first serial port. `Extension` is `pc_svm` or
/// `pc_vt_x`: an image that runs on both kinds of CPU has both compositions in it. `More` adds what a program brings
/// itself: its VirtExtPolicy with its exit handler, its frame source.
///
///     using machine = axhal::board::pc_platform<axhal::board::pc_svm, x86_64::svm<my_handler>>;
///     machine::console console{{}};
template <typename Extension, typename... More>
using pc_platform =
    hal<pc, x86_64::cpu, x86_64::paging_4_level, typename Extension::stage2,
        x86_64::apic_interrupts<pc_apic_access, pc_io_apics, x86_64::taken_vectors, x86_64::cpu, pc::max_cpus>,
        typename Extension::virt_irq, x86_64::tsc_clock<x86_64::cpu, pc_apic_access, x86_64::timer_by::either>,
        x86_64::acpi_firmware<x86_64::cpu, pc_apic_access, pc::max_cpus>,
        console::ns16550<x86_64::port_window<x86_64::cpu, pc::com1>>, More...>;

}  // namespace axhal::board
