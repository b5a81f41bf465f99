// SPDX-License-Identifier: BSL-1.0
#include <axhal/arch/host/cpu.hpp>
#include <axhal/conformance/cpu_laws.hpp>
#include <axhal/cpu/cross_call.hpp>
#include <axhal/cpu/per_cpu.hpp>
#include <axhal/cpu/spin_lock.hpp>

#include "support/cpu_archetype.hpp"

#include <catch2/catch_test_macros.hpp>

// Every member of every generic class compiles with what the contract grants and nothing else.
template class axhal::spin_lock<axhal::test::cpu_archetype>;
template class axhal::spin_guard<axhal::test::cpu_archetype>;
template class axhal::irq_guard<axhal::test::cpu_archetype>;
template class axhal::irq_spin_guard<axhal::test::cpu_archetype>;
template class axhal::per_cpu<axhal::test::cpu_archetype, int, 2>;
template class axhal::cross_call<axhal::test::cpu_archetype, 2>;

namespace {
using namespace axhal;

[[maybe_unused]] auto* const laws_on_archetype = &laws::first_broken_cpu_law<test::cpu_archetype>;

TEST_CASE("host::cpu obeys the CPU laws, masked or not", "[conformance][cpu]") {
  host::cpu::self() = {};
  CHECK(laws::first_broken_cpu_law<host::cpu>() == 0);
  CHECK(!host::cpu::interrupts_masked());
  host::cpu::self().masked = true;
  CHECK(laws::first_broken_cpu_law<host::cpu>() == 0);
  CHECK(host::cpu::interrupts_masked());
  host::cpu::self() = {};
}

}  // namespace
