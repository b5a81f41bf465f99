// SPDX-License-Identifier: BSL-1.0
// Does to a hypervisor what Linux does not: every access width and sign, wrong calls, faults on purpose, unknown
// registers. Each check prints a line when it fails; the last lines are the counts and the verdict.
//
// It runs on the bare machine too, without a hypervisor: then it checks what the manuals say, and leaves out what only
// this project's hypervisor promises. So the checks themselves are checked.

#include "address_checks.hpp"
#include "device_checks.hpp"
#include "instruction_checks.hpp"
#include "interrupt_checks.hpp"
#include "machine.hpp"
#include "plic_checks.hpp"
#include "sbi_checks.hpp"
#include "state_checks.hpp"
#include "translation_checks.hpp"

using namespace payload;

extern "C" void on_trap(stopped&) {
  auto const why = read<csr::scause>();
  if (why >> 63 != 0) {
    take_interrupt(why & (ones >> 1));
  } else {
    note_exception(why);
  }
}

extern "C" void payload_main(std::uint64_t hart, std::uint64_t tree) {
  check("the first hart is number 0", hart, 0);
  machine const m{tree};
  print("AXHAL-GUEST isa=");
  print(m.isa());
  print("\r\nAXHAL-GUEST machine=");
  print(m.is_ours() ? axhal::text{"axhal"} : axhal::text{"bare"});
  print("\r\n");
  sbi_base(m);
  sbi_harts(m);
  sbi_reset();
  sbi_console(m);
  devices(m);
  addresses(m);
  instructions(m);
  translations(m);
  state(m);
  interrupts(m);
  external(m);
  conclude();
}
