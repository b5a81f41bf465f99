// SPDX-License-Identifier: BSL-1.0
#include <axhal/arch/aarch64/paging_stage1.hpp>
#include <axhal/arch/aarch64/paging_stage2.hpp>
#include <axhal/arch/host/paging.hpp>
#include <axhal/arch/riscv64/paging_stage1.hpp>
#include <axhal/arch/riscv64/paging_stage2.hpp>
#include <axhal/arch/x86_64/paging_ept.hpp>
#include <axhal/arch/x86_64/paging_host.hpp>
#include <axhal/arch/x86_64/paging_npt.hpp>
#include <axhal/conformance/paging_laws.hpp>

#include <catch2/catch_template_test_macros.hpp>
#include <catch2/catch_test_macros.hpp>

using axhal::aarch64::el2_mode;
using axhal::aarch64::stage1_el2;
using axhal::aarch64::stage2;
namespace riscv64 = axhal::riscv64;
namespace x86_64 = axhal::x86_64;

using ept_of_large_pages = x86_64::ept_format<4, x86_64::ept_options{.largest = x86_64::largest_page::page_2m,
                                                                     .types = x86_64::guest_pat::combined}>;
using ept_with_everything = x86_64::ept_format<5, x86_64::ept_options{.execute_only = x86_64::ept_execute_only::yes,
                                                                      .flags = x86_64::ept_flags::used}>;

// A model joins the suite by joining this list.
TEMPLATE_TEST_CASE("paging models obey the paging laws", "", stage2<32>, stage2<33>, stage2<34>, stage2<35>, stage2<36>,
                   stage2<37>, stage2<38>, stage2<39>, stage2<40>, stage2<41>, stage2<42>, stage2<43>, stage2<44>,
                   stage2<45>, stage2<46>, stage2<47>, stage2<48>, (stage1_el2<el2_mode::nvhe, 31>),
                   (stage1_el2<el2_mode::nvhe, 39>), (stage1_el2<el2_mode::nvhe, 48>), (stage1_el2<el2_mode::vhe, 31>),
                   (stage1_el2<el2_mode::vhe, 39>), (stage1_el2<el2_mode::vhe, 48>), axhal::host::paging, riscv64::sv39,
                   riscv64::sv48, riscv64::sv57, riscv64::sv39x4, riscv64::sv48x4, riscv64::sv57x4,
                   riscv64::sv39_svpbmt, riscv64::sv48_svpbmt, riscv64::sv57_svpbmt, riscv64::sv39x4_svpbmt,
                   riscv64::sv48x4_svpbmt, riscv64::sv57x4_svpbmt, x86_64::paging_4_level, x86_64::paging_5_level,
                   (x86_64::host_format<4, x86_64::largest_page::page_2m>),
                   (x86_64::host_format<5, x86_64::largest_page::page_4k>), x86_64::npt, x86_64::npt_5_level,
                   (x86_64::npt_format<4, x86_64::largest_page::page_2m>), x86_64::ept, x86_64::ept_5_level,
                   ept_of_large_pages, ept_with_everything) {
  STATIC_REQUIRE(axhal::explain_paging_policy<TestType>());
  STATIC_REQUIRE(axhal::laws::first_broken_paging_law<TestType>() == 0);  // in the compiler
  CHECK(axhal::laws::first_broken_paging_law<TestType>() == 0);           // and in the binary
}
