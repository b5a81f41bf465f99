// SPDX-License-Identifier: BSL-1.0
#include "cpuid_checks.hpp"
#include "machine.hpp"

using namespace payload;

extern "C" void on_trap(stopped& f) { answer_trap(f); }

extern "C" void payload_main(std::uint64_t magic, std::uint64_t information) {
  machine const m{magic, information};
  print("AXHAL-GUEST machine=");
  print(m.is_ours() ? axhal::text{"axhal"} : axhal::text{"bare"});
  print("\r\n");
  cpuid_checks(m);
  conclude();
}
