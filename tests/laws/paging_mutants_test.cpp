// SPDX-License-Identifier: BSL-1.0
// Laws that no wrong format can break are not laws: each mutant below breaks the law named beside it, in the compiler.
#include <axhal/arch/aarch64/paging_stage1.hpp>
#include <axhal/arch/aarch64/paging_stage2.hpp>
#include <axhal/arch/host/paging.hpp>
#include <axhal/conformance/paging_laws.hpp>

#include <catch2/catch_test_macros.hpp>

#include <cstdint>

namespace {

using namespace axhal;
using stage2 = aarch64::stage2<48>;
using stage1 = aarch64::stage1_el2<aarch64::el2_mode::nvhe>;
using simulated = host::paging;
using laws::first_broken_paging_law;

// --- 1: the target ---
struct cuts_the_target : stage2 {
  static constexpr entry leaf(host_phys pa, page_attributes a, unsigned l) {
    return stage2::leaf({pa.value & low_bits(40)}, a, l);
  }
};
struct reads_fewer_bits : stage2 {
  static constexpr host_phys target(entry e, unsigned l) { return {stage2::target(e, l).value & low_bits(47)}; }
};
struct shifts_the_frame : stage2 {
  static constexpr entry leaf(host_phys pa, page_attributes a, unsigned l) {
    return stage2::leaf({pa.value << 1}, a, l);
  }
};
struct drops_the_lowest_bit_of_a_block : stage2 {
  static constexpr host_phys target(entry e, unsigned l) {
    return {stage2::target(e, l).value & ~(l == 1 && is_leaf(e, l) ? std::uint64_t{1} << 21 : 0)};
  }
};
// --- 2: the attributes ---
struct never_forbids_execution : stage2 {
  static constexpr entry leaf(host_phys pa, page_attributes a, unsigned l) {
    return f_xn::with(stage2::leaf(pa, a, l), false);
  }
};
struct grants_write : stage1 {
  static constexpr entry leaf(host_phys pa, page_attributes a, unsigned l) {
    return f_ap2::with(stage1::leaf(pa, a, l), false);
  }
};
struct swaps_uncached_and_device : stage1 {
  static constexpr page_attributes attributes(entry e) {
    page_attributes a = stage1::attributes(e);
    if (a.type == memory_type::device) a.type = memory_type::normal_uncached;
    return a;
  }
};
struct forgets_write_at_level_2 : simulated {
  static constexpr entry leaf(host_phys pa, page_attributes a, unsigned l) {
    if (l == 2) a.rights = a.rights & read_execute;
    return simulated::leaf(pa, a.rights == axhal::access::none ? page_attributes{axhal::access::read, a.type} : a, l);
  }
};
// --- 3: leaves are present leaves ---
struct misses_execute_only : simulated {
  static constexpr bool is_leaf(entry e, unsigned l) {
    return simulated::is_leaf(e, l) && f_rights::get(e.word) != axhal::access::execute;
  }
};
struct ignores_the_level : stage2 {
  static constexpr entry leaf(host_phys pa, page_attributes a, unsigned) { return stage2::leaf(pa, a, 0); }
};
struct hides_devices : stage2 {
  static constexpr bool is_present(entry e) {
    return stage2::is_present(e) && stage2::f_memattr::get(e) != stage2::memattr_device_ngnre;
  }
};
// --- 4: tables are present, and no leaves ---
struct tables_look_like_leaves : stage2 {
  static constexpr entry table(host_phys pa) { return f_table::with(stage2::table(pa), false); }
};
struct absent_tables : simulated {
  static constexpr entry table(host_phys pa) { return {f_present::with(simulated::table(pa).word, false)}; }
};
struct aligns_tables_to_large_pages : stage2 {
  static constexpr host_phys target(entry e, unsigned l) {
    bool const table = l > 0 && f_table::get(e);
    return {stage2::target(e, l).value & ~(table ? low_bits(21) : 0)};
  }
};
// --- 5: zero is absent ---
struct zero_is_present : simulated {
  static constexpr bool is_present(entry e) { return f_present::get(e.word) || e.word == 0; }
};
// --- 6: what everybody needs ---
struct has_no_code : stage1 {
  static constexpr bool representable(page_attributes a) {
    return stage1::representable(a) && !has(a.rights, axhal::access::execute);
  }
};
struct has_no_data : stage1 {
  static constexpr bool representable(page_attributes a) {
    return stage1::representable(a) && !(a.type == memory_type::normal && has(a.rights, axhal::access::write));
  }
};
struct has_no_devices : stage1 {
  static constexpr bool representable(page_attributes a) {
    return stage1::representable(a) && a.type != memory_type::device;
  }
};
struct can_say_nothing : simulated {
  static constexpr bool representable(page_attributes) { return true; }
};
// --- 7: the shape ---
struct wide_in_the_middle : simulated {
  static constexpr unsigned index_bits(unsigned level) { return level == 1 ? 10 : 9; }
};
struct huge_root : simulated {
  static constexpr unsigned index_bits(unsigned level) { return level == 2 ? 14 : 9; }
};
struct empty_level : simulated {
  static constexpr unsigned index_bits(unsigned level) { return level == 1 ? 0 : 9; }
};
struct beyond_64_bits : simulated {
  static constexpr unsigned levels = 6;
  static constexpr unsigned index_bits(unsigned) { return 9; }
  static constexpr unsigned largest_leaf_level = 5;
};
struct leaves_above_the_root : simulated {
  static constexpr unsigned largest_leaf_level = 3;
};
struct no_levels : simulated {
  static constexpr unsigned levels = 0;
};

}  // namespace

TEST_CASE("each paging law can fail") {
  STATIC_REQUIRE(first_broken_paging_law<cuts_the_target>() == 1);
  STATIC_REQUIRE(first_broken_paging_law<reads_fewer_bits>() == 1);
  STATIC_REQUIRE(first_broken_paging_law<shifts_the_frame>() == 1);
  STATIC_REQUIRE(first_broken_paging_law<drops_the_lowest_bit_of_a_block>() == 1);
  STATIC_REQUIRE(first_broken_paging_law<never_forbids_execution>() == 2);
  STATIC_REQUIRE(first_broken_paging_law<grants_write>() == 2);
  STATIC_REQUIRE(first_broken_paging_law<swaps_uncached_and_device>() == 2);
  STATIC_REQUIRE(first_broken_paging_law<forgets_write_at_level_2>() == 2);
  STATIC_REQUIRE(first_broken_paging_law<misses_execute_only>() == 3);
  STATIC_REQUIRE(first_broken_paging_law<ignores_the_level>() == 3);
  STATIC_REQUIRE(first_broken_paging_law<hides_devices>() == 3);
  STATIC_REQUIRE(first_broken_paging_law<tables_look_like_leaves>() == 4);
  STATIC_REQUIRE(first_broken_paging_law<absent_tables>() == 4);
  STATIC_REQUIRE(first_broken_paging_law<aligns_tables_to_large_pages>() == 4);
  STATIC_REQUIRE(first_broken_paging_law<zero_is_present>() == 5);
  STATIC_REQUIRE(first_broken_paging_law<has_no_code>() == 6);
  STATIC_REQUIRE(first_broken_paging_law<has_no_data>() == 6);
  STATIC_REQUIRE(first_broken_paging_law<has_no_devices>() == 6);
  STATIC_REQUIRE(first_broken_paging_law<can_say_nothing>() == 6);
  STATIC_REQUIRE(first_broken_paging_law<wide_in_the_middle>() == 7);
  STATIC_REQUIRE(first_broken_paging_law<huge_root>() == 7);
  STATIC_REQUIRE(first_broken_paging_law<empty_level>() == 7);
  STATIC_REQUIRE(first_broken_paging_law<beyond_64_bits>() == 7);
  STATIC_REQUIRE(first_broken_paging_law<leaves_above_the_root>() == 7);
  STATIC_REQUIRE(first_broken_paging_law<no_levels>() == 7);
}
