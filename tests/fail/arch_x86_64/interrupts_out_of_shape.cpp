// SPDX-License-Identifier: BSL-1.0
// EXPECT: io_apics: 1 to 254 of them
// EXPECT: apic_interrupts: 1 to 65536 CPUs
// EXPECT: acpi_firmware: a machine has one CPU at least
#include <axhal/arch/x86_64/acpi_firmware.hpp>

#include "support/apic_machine.hpp"
#include "support/simulated_pc_power.hpp"

struct here {};
using pc = axhal::test::simulated_pc_power<here>;
using machine = axhal::test::apic_machine<here>;
#if defined(AXHAL_CORRECT)
constexpr unsigned cpus = 1;
constexpr unsigned controllers = 254;
#else
constexpr unsigned cpus = 0;
constexpr unsigned controllers = 255;
#endif

axhal::x86_64::io_apics<machine::window, machine::bus::cpu, controllers, 96> all;
static_assert(
    sizeof(axhal::x86_64::apic_interrupts<machine::access, machine::io, machine::gates, machine::bus::cpu, cpus>) != 0);
static_assert(sizeof(pc::firmware<cpus>) != 0);
