// SPDX-License-Identifier: BSL-1.0
#include "cpuid_checks.hpp"
#include "device_checks.hpp"
#include "interrupt_checks.hpp"
#include "machine.hpp"
#include "mmio_checks.hpp"
#include "msr_checks.hpp"
#include "port_checks.hpp"

using namespace payload;

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
  conclude();
}
