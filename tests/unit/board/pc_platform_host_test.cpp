// SPDX-License-Identifier: BSL-1.0
// The composition for a PC, as far as a program that is no hypervisor can look at it: nothing of it runs here.
#include <axhal/arch/x86_64/svm.hpp>
#include <axhal/arch/x86_64/vt_x.hpp>
#include <axhal/board/pc_platform.hpp>
#include <axhal/conformance/cpu_laws.hpp>
#include <axhal/cpu/cross_call.hpp>
#include <axhal/cpu/spin_lock.hpp>

#include <catch2/catch_test_macros.hpp>

#include "support/vmx_bench.hpp"

#include <concepts>
#include <type_traits>

// Every member compiles with the instructions of a real CPU.
template class axhal::spin_lock<axhal::x86_64::cpu>;
template class axhal::irq_guard<axhal::x86_64::cpu>;
template class axhal::irq_spin_guard<axhal::x86_64::cpu>;
template class axhal::cross_call<axhal::x86_64::cpu, 2>;
template class axhal::x86_64::acpi_firmware<axhal::x86_64::cpu, axhal::board::pc_apic_access, 2>;
template class axhal::x86_64::offered_interrupts<
    axhal::x86_64::svm_context<axhal::x86_64::cpu, axhal::x86_64::exit_tier::slow>>;
template class axhal::x86_64::offered_interrupts<axhal::x86_64::vmx_context<axhal::x86_64::cpu, false>>;

using namespace axhal;
using std::same_as;

namespace {

[[maybe_unused]] auto* const cpu_laws = &laws::first_broken_cpu_law<x86_64::cpu>;

using handler = test::x86::vmx_handler;
using amd = board::pc_platform<board::pc_svm, x86_64::svm<handler>>;
using intel = board::pc_platform<board::pc_vt_x, x86_64::vt_x<handler>>;
using no_guests = board::pc_platform<board::pc_svm>;

}  // namespace

TEST_CASE("a PC is composed for both extensions") {
  STATIC_CHECK(same_as<amd::board, board::pc>);
  STATIC_CHECK(Board<board::pc>);
  STATIC_CHECK(same_as<amd::cpu, x86_64::cpu>);
  STATIC_CHECK(same_as<amd::get<option_kind::guest_paging>, x86_64::npt>);
  STATIC_CHECK(same_as<intel::get<option_kind::guest_paging>, x86_64::ept>);
  STATIC_CHECK(same_as<amd::get<option_kind::virt_ext>, x86_64::svm<handler>>);
  STATIC_CHECK(same_as<intel::get<option_kind::virt_ext>, x86_64::vt_x<handler>>);
  STATIC_CHECK(VirtIrqPolicy<amd::get<option_kind::virt_irq>>);
  STATIC_CHECK(VirtIrqPolicy<intel::get<option_kind::virt_irq>>);
  STATIC_CHECK_FALSE(same_as<amd::get<option_kind::virt_irq>, intel::get<option_kind::virt_irq>>);
}

TEST_CASE("what does not depend on the extension is one type in both compositions of a PC") {
  STATIC_CHECK(same_as<amd::irq_controller, intel::irq_controller>);
  STATIC_CHECK(same_as<amd::clock, intel::clock>);
  STATIC_CHECK(same_as<amd::console, intel::console>);
  STATIC_CHECK(same_as<amd::paging, intel::paging>);
  STATIC_CHECK(same_as<amd::get<option_kind::firmware>, intel::get<option_kind::firmware>>);
  STATIC_CHECK(same_as<no_guests::irq_controller, intel::irq_controller>);
  STATIC_CHECK_FALSE(no_guests::has<option_kind::virt_ext>);
  STATIC_CHECK(std::is_empty_v<amd>);
}
