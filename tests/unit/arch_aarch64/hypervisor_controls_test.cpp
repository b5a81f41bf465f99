// SPDX-License-Identifier: BSL-1.0
#include <axhal/arch/aarch64/hypervisor_controls.hpp>

#include <catch2/catch_test_macros.hpp>

#include <map>

using namespace axhal::aarch64;

namespace {

using nvhe = hypervisor_controls<el2_mode::nvhe>;
using vhe = hypervisor_controls<el2_mode::vhe>;

/// A CPU with the ID registers it is given, that writes down what is written.
struct machine {
  static inline std::map<sysreg, std::uint64_t> id;
  static inline std::map<sysreg, std::uint64_t> written;
  template <sysreg Id>
  static std::uint64_t read() {
    auto const found = id.find(Id);
    return found == id.end() ? 0 : found->second;
  }
  template <sysreg Id>
  static void write(std::uint64_t value) {
    written[Id] = value;
  }
};

}  // namespace

TEST_CASE("a guest's interrupts, calls and identification come to EL2 in both modes") {
  for (auto const value : {nvhe::hcr_guest, vhe::hcr_guest}) {
    CHECK(hcr::f_vm::get(value));
    CHECK(hcr::f_imo::get(value));
    CHECK(hcr::f_fmo::get(value));
    CHECK(hcr::f_amo::get(value));
    CHECK(hcr::f_tsc::get(value));
    CHECK(hcr::f_tid3::get(value));
    CHECK(hcr::f_rw::get(value));
    CHECK_FALSE(hcr::f_tge::get(value));
    CHECK_FALSE(hcr::f_apk::get(value));
    CHECK_FALSE(hcr::f_api::get(value));
    CHECK_FALSE(hcr::f_ata::get(value));
    CHECK_FALSE(hcr::f_vse::get(value));
  }
  CHECK_FALSE(hcr::f_vm::get(nvhe::hcr_host));
  CHECK_FALSE(hcr::f_e2h::get(nvhe::hcr_guest));
  CHECK(hcr::f_e2h::get(vhe::hcr_guest));
  CHECK(hcr::f_e2h::get(vhe::hcr_host));
  CHECK_FALSE(hcr::f_tge::get(vhe::hcr_host));
}

TEST_CASE("the number of event counters is kept") {
  CHECK((nvhe::mdcr_guest(0x1f) & 0x1f) == 0x1f);
  CHECK((nvhe::mdcr_guest(~std::uint64_t{0}) & ~std::uint64_t{0x1f}) == (nvhe::mdcr_guest(0) & ~std::uint64_t{0x1f}));
}

TEST_CASE("FP is the only difference between the two values of CPTR_EL2") {
  STATIC_CHECK((nvhe::cptr_fp_live ^ nvhe::cptr_fp_trapped) == 1 << 10);
  STATIC_CHECK((vhe::cptr_fp_live ^ vhe::cptr_fp_trapped) == 3 << 20);
}

TEST_CASE("a CPU of the first architecture version has nothing to hide") {
  machine::id.clear();
  machine::written.clear();
  hide_optional_features<machine>();
  CHECK(machine::written.empty());
}

TEST_CASE("later features are shut where they exist") {
  machine::id = {{sysreg::id_aa64mmfr1_el1, 1ULL << 40},
                 {sysreg::id_aa64mmfr0_el1, 2ULL << 56},
                 {sysreg::id_aa64pfr0_el1, 1ULL << 44 | 1ULL << 40 | 1ULL << 28}};
  machine::written.clear();
  hide_optional_features<machine>();
  for (auto const r :
       {sysreg::hcrx_el2, sysreg::hfgrtr_el2, sysreg::hfgwtr_el2, sysreg::hfgitr_el2, sysreg::hdfgrtr_el2,
        sysreg::hdfgwtr_el2, sysreg::hafgrtr_el2, sysreg::hfgrtr2_el2, sysreg::hfgwtr2_el2, sysreg::hfgitr2_el2,
        sysreg::hdfgrtr2_el2, sysreg::hdfgwtr2_el2, sysreg::vsesr_el2}) {
    REQUIRE(machine::written.contains(r));
    CHECK(machine::written[r] == 0);
  }
  CHECK(machine::written[sysreg::mpam2_el2] == 0x3'0000'0000'0000);
  CHECK(machine::written.size() == 14);

  machine::id = {{sysreg::id_aa64mmfr0_el1, 1ULL << 56}};
  machine::written.clear();
  hide_optional_features<machine>();
  CHECK(machine::written.size() == 5);
  CHECK_FALSE(machine::written.contains(sysreg::hafgrtr_el2));
}
