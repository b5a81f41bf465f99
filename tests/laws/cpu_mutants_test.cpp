// SPDX-License-Identifier: BSL-1.0
// Laws that no wrong model can break are no laws: each mutant breaks the law named beside it.
#include <axhal/arch/host/cpu.hpp>
#include <axhal/conformance/cpu_laws.hpp>

#include <catch2/catch_test_macros.hpp>

#include <cstdint>

namespace {
using namespace axhal;
using host::cpu;

template <typename C>
int broken() {
  cpu::self() = {};
  int const law = laws::first_broken_cpu_law<C>();
  cpu::self() = {};
  return law;
}

struct does_not_mask : cpu {
  static irq_state mask_interrupts() { return {cpu::interrupts_masked()}; }
};
struct always_unmasks : cpu {  // restores to "on", whatever it was
  static void restore_interrupts(irq_state) { cpu::restore_interrupts({false}); }
};
struct never_unmasks : cpu {
  static void restore_interrupts(irq_state) {}
};
struct keeps_one_state : cpu {  // one global for all pairs: nesting overwrites it
  static inline bool saved{};
  static irq_state mask_interrupts() {
    saved = cpu::interrupts_masked();
    return cpu::mask_interrupts();
  }
  static void restore_interrupts(irq_state) { cpu::restore_interrupts({saved}); }
};
struct loses_the_base : cpu {
  static void* per_cpu_base() { return nullptr; }
};
struct sets_the_base_once : cpu {
  static void set_per_cpu_base(void* p) {
    if (cpu::per_cpu_base() == nullptr) cpu::set_per_cpu_base(p);
  }
};
struct counts_as_identity : cpu {
  static inline std::uint64_t next{};
  static std::uint64_t hardware_id() { return next++; }
};

TEST_CASE("each CPU law is broken by a mutant", "[laws][cpu]") {
  CHECK(broken<cpu>() == 0);
  CHECK(broken<does_not_mask>() == 1);
  CHECK(broken<always_unmasks>() == 2);
  CHECK(broken<never_unmasks>() == 2);
  CHECK(broken<keeps_one_state>() == 2);
  CHECK(broken<loses_the_base>() == 3);
  CHECK(broken<sets_the_base_once>() == 3);
  CHECK(broken<counts_as_identity>() == 4);
}

}  // namespace
