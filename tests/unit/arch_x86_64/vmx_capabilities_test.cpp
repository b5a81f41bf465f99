// SPDX-License-Identifier: BSL-1.0
#include "support/simulated_vmx.hpp"

#include <axhal/arch/x86_64/paging_ept.hpp>
#include <axhal/arch/x86_64/vmx_capabilities.hpp>

#include <catch2/catch_test_macros.hpp>

#include <cstdint>

namespace {
using namespace axhal;
using namespace axhal::test::x86;

vmx_support found() { return find_vmx<ept, sim_vmx_cpu>(); }

void fresh() { the_vmx = {}; }
/// The control cannot be set.
void without(std::uint32_t number, std::uint32_t bit) { the_vmx.msrs[number] &= ~(std::uint64_t{bit} << 32); }
void forced(std::uint32_t number, std::uint32_t bit) { the_vmx.msrs[number] |= bit; }

TEST_CASE("a Haswell has all that is needed, and its fixed bits are honoured") {
  fresh();
  auto const s = found();
  REQUIRE(s.ok);
  CHECK(s.missing.empty());
  CHECK(the_vmx.unknown_msrs == 0);
  // By hand: default1 bits 1, 2, 4; external interrupts, NMIs, virtual NMIs, timer
  CHECK(s.controls[vmx_control_word::pin_based] == 0x7f);
  CHECK(s.controls[vmx_control_word::secondary] == 0x10ea);
  CHECK(s.controls[vmx_control_word::entry] == 0xd1ff);
  CHECK(s.controls.vpid());
  CHECK(s.controls.slices());
  CHECK(s.capabilities.physical_bits == 40);
  CHECK(s.capabilities.guest_cr0_ones() == 0x20);
  CHECK(s.capabilities.guest_cr4_ones() == 0x2000);
  for (unsigned i = 0; i < vmx_control_words; ++i) {
    auto const allowed = s.capabilities.allowed[i];
    CHECK((s.controls.words[i] & allowed.ones()) == allowed.ones());
    CHECK((s.controls.words[i] & ~allowed.may_be_one()) == 0);
  }
  // Those that are chosen by each guest, or never
  constexpr auto windows = processor_based::interrupt_window_exiting | processor_based::nmi_window_exiting;
  CHECK_FALSE(s.controls.has(vmx_control_word::processor_based, windows));
  CHECK_FALSE(s.controls.has(vmx_control_word::processor_based, processor_based::cr3_load_exiting));
  CHECK_FALSE(s.controls.has(vmx_control_word::exit, exit_control::acknowledge_interrupt));
  CHECK_FALSE(s.controls.has(vmx_control_word::entry, entry_control::ia32e_mode_guest));
}

TEST_CASE("nothing but CPUID is asked without VMX; firmware may have locked it") {
  fresh();
  the_vmx.leaf_1_ecx = 0;
  the_vmx.msrs.clear();
  CHECK(found().error == virt_error::absent);
  CHECK(found().missing == "VT-x");
  CHECK(the_vmx.unknown_msrs == 0);

  fresh();
  the_vmx.msrs[msr::feature_control] = 1;
  CHECK(found().error == virt_error::locked);
  CHECK(found().missing == "VT-x, which firmware has locked off");
  the_vmx.msrs[msr::feature_control] = 3;  // inside SMX alone
  CHECK(found().error == virt_error::locked);
  the_vmx.msrs[msr::feature_control] = 0;  // not locked: it can be switched on
  CHECK(found().ok);
}

TEST_CASE("what is missing has a name") {
  struct line {
    std::uint32_t msr, bit;
    text name;
  };
  for (line const l :
       {line{msr::vmx_true_procbased_ctls, 1U << 31, "secondary VMX controls"},
        line{msr::vmx_procbased_ctls2, 1U << 1, "EPT"}, line{msr::vmx_procbased_ctls2, 1U << 7, "unrestricted guest"},
        line{msr::vmx_true_procbased_ctls, 1U << 28, "MSR bitmaps"},
        line{msr::vmx_true_pinbased_ctls, 1U << 0, "external-interrupt exiting"},
        line{msr::vmx_true_pinbased_ctls, 1U << 5, "virtual NMIs"},
        line{msr::vmx_true_procbased_ctls, 1U << 2, "interrupt-window and NMI-window exiting"},
        line{msr::vmx_true_exit_ctls, 1U << 21, "loading of the host's EFER"},
        line{msr::vmx_true_entry_ctls, 1U << 14, "loading of PAT"},
        line{msr::vmx_true_entry_ctls, 1U << 9, "guests in IA-32e mode"}}) {
    fresh();
    without(l.msr, l.bit);
    auto const s = found();
    CHECK_FALSE(s.ok);
    CHECK(s.error == virt_error::missing_part);
    CHECK(s.missing == l.name);
  }
  fresh();
  forced(msr::vmx_true_procbased_ctls, 1U << 15);
  CHECK(found().missing == "CR3 loads without exits");
  fresh();  // the MSRs without "true" force the same
  the_vmx.msrs[msr::vmx_basic] &= ~(std::uint64_t{1} << 55);
  CHECK(found().missing == "CR3 loads without exits");
  fresh();
  the_vmx.msrs[msr::vmx_ept_vpid_cap] &= ~std::uint64_t{1 << 20};
  CHECK(found().missing == "EPT as this program's tables have it (levels, page sizes, INVEPT)");
  fresh();
  the_vmx.msrs[msr::vmx_misc] &= ~std::uint64_t{1 << 5};
  CHECK(found().missing == "exits that keep EFER.LMA");
}

TEST_CASE("a CPU without what is only nice to have is good enough") {
  fresh();
  without(msr::vmx_procbased_ctls2, secondary::enable_vpid | secondary::enable_rdtscp | secondary::enable_invpcid);
  without(msr::vmx_true_pinbased_ctls, pin_based::preemption_timer);
  auto const s = found();
  REQUIRE(s.ok);
  CHECK_FALSE(s.controls.vpid());
  CHECK_FALSE(s.controls.slices());
  // VPIDs whose translations cannot be forgotten are none.
  fresh();
  the_vmx.msrs[msr::vmx_ept_vpid_cap] &= ~(std::uint64_t{1} << 32);
  REQUIRE(found().ok);
  CHECK_FALSE(found().controls.vpid());
  fresh();
  the_vmx.msrs[msr::vmx_ept_vpid_cap] &= ~(std::uint64_t{0b0110} << 40);
  CHECK_FALSE(found().controls.vpid());
  fresh();
  CHECK(found().controls.vpid());
  fresh();
  without(msr::vmx_true_exit_ctls, exit_control::save_preemption_timer);
  CHECK_FALSE(found().controls.slices());
}

}  // namespace
