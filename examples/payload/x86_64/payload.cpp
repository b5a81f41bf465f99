// SPDX-License-Identifier: BSL-1.0
// Does to a hypervisor what Linux does not: every form of access to a device, wrong values, faults on purpose,
// registers that nobody has. Each check prints a line when it fails; the last lines are the counts and the verdict.
//
// It runs on the bare machine too, without a hypervisor: then it checks what the manuals say, and leaves out what only
// this project's hypervisor promises, and what the emulated processor leaves out. So the checks themselves are checked.
//
// A word of the command line ends the machine in another way than by ACPI: `end=triple-fault`, `end=halt`, `end=reset`,
// `end=keyboard`, `end=refused-state`.

#include "control_checks.hpp"
#include "cpuid_checks.hpp"
#include "device_checks.hpp"
#include "interrupt_checks.hpp"
#include "machine.hpp"
#include "mmio_checks.hpp"
#include "msr_checks.hpp"
#include "port_checks.hpp"
#include "state_checks.hpp"

using namespace payload;

namespace {

/// Ends this machine as the command line has it; returns when it has nothing to say.
void end_otherwise(machine const& m) {
  if (failed != 0) return;
  if (m.is_told("end=triple-fault")) {
    axhal::x86_64::cpu::lidt({0, 0});
    asm volatile("ud2");
  } else if (m.is_told("end=halt")) {
    for (;;) {
      cpu::cli();
      cpu::halt();
    }
  } else if (m.is_told("end=reset")) {
    cpu::out8(0xcf9, 2);
    cpu::out8(0xcf9, 6);
  } else if (m.is_told("end=keyboard")) {
    cpu::out8(0x64, 0xfe);
  } else if (m.is_told("end=refused-state")) {
    // A processor that takes this instead of refusing it is not entered again.
    run(CODE("mov cr3, rax"), {.rax = cpu::read_cr3() | std::uint64_t{1} << 60});
    static_cast<void>(cpu::cpuid(0));
  } else {
    return;
  }
  m.pause(1000);
  check("the machine has ended", 0, 1);
}

}  // namespace

extern "C" void on_trap(stopped& f) { answer_trap(f); }

extern "C" void payload_main(std::uint64_t magic, std::uint64_t information) {
  wake_uart();
  machine const m{magic, information};
  print("AXHAL-GUEST machine=");
  print(m.is_ours() ? axhal::text{"axhal"} : axhal::text{"bare"});
  print("\r\n");
  cpuid_checks(m);
  msr_checks(m);
  port_checks(m);
  mmio_checks(m);
  interrupt_checks(m);
  device_checks(m);
  control_checks(m);
  state_checks(m);
  end_otherwise(m);
  conclude();
}
