// SPDX-License-Identifier: BSL-1.0
// Numbers from the Intel SDM vol. 3C, "EPT Translation Mechanism" (the formats of the entries), "Extended-Page-Table
// Pointer (EPTP)", and vol. 3D, "VPID and EPT Capabilities", put together by hand.
#include <axhal/arch/x86_64/paging_ept.hpp>
#include <axhal/arch/x86_64/tlb.hpp>
#include <axhal/paging/geometry.hpp>

#include <catch2/catch_test_macros.hpp>

#include <cstdint>

namespace {

using namespace axhal;
using x86_64::ept;
using x86_64::ept_5_level;
using x86_64::ept_execute_only;
using x86_64::ept_flags;
using x86_64::ept_format;
using x86_64::ept_options;
using x86_64::guest_pat;
using x86_64::largest_page;

using combined = ept_format<4, ept_options{.types = guest_pat::combined}>;
using flagged = ept_format<4, ept_options{.flags = ept_flags::used}>;
using execute_only = ept_format<4, ept_options{.execute_only = ept_execute_only::yes}>;
using small = ept_format<4, ept_options{.largest = largest_page::page_4k}>;
using middle = ept_format<4, ept_options{.largest = largest_page::page_2m}>;

constexpr page_attributes normal(axhal::access rights) { return {rights, memory_type::normal}; }
constexpr auto reads = axhal::access::read;
constexpr auto executes = axhal::access::execute;

/// What Bochs 2.7 says for its model corei7_haswell_4770.
constexpr std::uint64_t haswell = 0x0f01'0633'4141;

}  // namespace

TEST_CASE("EPT leaves: R W X in bits 0 to 2, the type in 5:3, ignore PAT in 6, large in 7") {
  STATIC_REQUIRE(ept::leaf({0x8020'0000}, normal(reads), 0) == 0x8020'0071);
  STATIC_REQUIRE(ept::leaf({0x8020'0000}, normal(read_write), 0) == 0x8020'0073);
  STATIC_REQUIRE(ept::leaf({0x8020'0000}, normal(read_execute), 0) == 0x8020'0075);
  STATIC_REQUIRE(ept::leaf({0x8020'0000}, normal(read_write_execute), 1) == 0x8020'00f7);
  STATIC_REQUIRE(ept::leaf({0x8000'0000}, normal(read_write_execute), 2) == 0x8000'00f7);
  STATIC_REQUIRE(ept::leaf({0xe000'0000}, {read_write, memory_type::normal_uncached}, 1) == 0xe000'00cb);
  STATIC_REQUIRE(ept::leaf({0xfee0'0000}, {read_write, memory_type::device}, 0) == 0xfee0'0043);
  STATIC_REQUIRE(ept_5_level::leaf({0x000f'ffff'ffff'f000}, normal(reads), 0) == 0x000f'ffff'ffff'f071);
  STATIC_REQUIRE(execute_only::leaf({0x8020'0000}, normal(executes), 0) == 0x8020'0074);
  STATIC_REQUIRE(ept::table({0x8050'1000}) == 0x8050'1007);
  STATIC_REQUIRE(ept_5_level::table({0x000f'ffff'ffff'f000}) == 0x000f'ffff'ffff'f007);
}

TEST_CASE("EPT leaves of other options") {
  STATIC_REQUIRE(combined::leaf({0x8020'0000}, normal(read_write), 0) == 0x8020'0033);
  STATIC_REQUIRE(combined::leaf({0x8020'0000}, normal(read_write_execute), 1) == 0x8020'00b7);
  STATIC_REQUIRE(combined::leaf({0xfee0'0000}, {read_write, memory_type::device}, 0) == 0xfee0'0003);
  STATIC_REQUIRE(flagged::leaf({0x8020'0000}, normal(read_write), 0) == 0x8020'0073);  // A 8 and D 9 are hardware's
  STATIC_REQUIRE(small::largest_leaf_level == 0);
  STATIC_REQUIRE(middle::largest_leaf_level == 1);
  STATIC_REQUIRE(ept::largest_leaf_level == 2);
}

TEST_CASE("EPT reads entries that others wrote") {
  STATIC_REQUIRE(!ept::is_present(0x8020'0070));
  STATIC_REQUIRE(ept::is_present(0x8020'0074));  // X alone
  STATIC_REQUIRE(ept::is_present(0x8020'0072));  // W alone: a misconfiguration, but not absent
  STATIC_REQUIRE(!ept::is_leaf(0x8050'1007, 1));
  STATIC_REQUIRE(ept::is_leaf(0x8050'1007, 0));
  STATIC_REQUIRE(ept::is_leaf(0x8040'00b7, 1));
  STATIC_REQUIRE(ept::attributes(0x8020'0374) == normal(executes));
  STATIC_REQUIRE(ept::attributes(0x8020'0023).type == memory_type::device);  // WT is nobody's: the strictest
  STATIC_REQUIRE(ept::target(0xfff0'0000'8020'0fff, 0) == host_phys{0x8020'0000});
}

TEST_CASE("what EPT refuses to express") {
  STATIC_REQUIRE(!ept::representable(normal(axhal::access::none)));
  STATIC_REQUIRE(!ept::representable(normal(axhal::access::write)));
  STATIC_REQUIRE(!ept::representable(normal(executes)));
  STATIC_REQUIRE(!ept::representable(normal(axhal::access::write | executes)));
  STATIC_REQUIRE(!execute_only::representable(normal(axhal::access::write | executes)));
  STATIC_REQUIRE(!execute_only::representable({executes, memory_type::device}));
  STATIC_REQUIRE(!execute_only::representable({read_execute, memory_type::device}));
  STATIC_REQUIRE(execute_only::representable(normal(executes)));
  STATIC_REQUIRE(ept::representable(normal(read_write_execute)));
}

TEST_CASE("EPTP: WB walks, the levels less one in 5:3, A/D in 6") {
  STATIC_REQUIRE(ept::eptp({0x9000'4000}) == 0x9000'401e);
  STATIC_REQUIRE(ept_5_level::eptp({0x9000'4000}) == 0x9000'4026);
  STATIC_REQUIRE(flagged::eptp({0x000f'ffff'ffff'f000}) == 0x000f'ffff'ffff'f05e);
  STATIC_REQUIRE(paging::geometry<ept>::inputs.last == 0xffff'ffff'ffff);
  STATIC_REQUIRE(paging::geometry<ept_5_level>::inputs.last == 0x1ff'ffff'ffff'ffff);
}

TEST_CASE("IA32_VMX_EPT_VPID_CAP decides what a CPU can walk and forget") {
  STATIC_REQUIRE(ept::is_supported(haswell));
  STATIC_REQUIRE(execute_only::is_supported(haswell));
  STATIC_REQUIRE(flagged::is_supported(haswell));
  STATIC_REQUIRE(combined::is_supported(haswell));
  STATIC_REQUIRE(!ept_5_level::is_supported(haswell));
  STATIC_REQUIRE(ept_5_level::is_supported(haswell | 0x80));
  STATIC_REQUIRE(!ept::is_supported(0));
  STATIC_REQUIRE(!ept::is_supported(haswell & ~0x40ULL));           // four levels
  STATIC_REQUIRE(!ept::is_supported(haswell & ~0x4000ULL));         // WB walks
  STATIC_REQUIRE(!ept::is_supported(haswell & ~0x2'0000ULL));       // 1 GiB
  STATIC_REQUIRE(middle::is_supported(haswell & ~0x2'0000ULL));     //
  STATIC_REQUIRE(!middle::is_supported(haswell & ~0x1'0000ULL));    // 2 MiB
  STATIC_REQUIRE(small::is_supported(haswell & ~0x3'0000ULL));      //
  STATIC_REQUIRE(!execute_only::is_supported(haswell & ~1ULL));     //
  STATIC_REQUIRE(!flagged::is_supported(haswell & ~0x20'0000ULL));  // A and D
  STATIC_REQUIRE(!ept::is_supported(haswell & ~0x10'0000ULL));      // INVEPT
  STATIC_REQUIRE(!ept::is_supported(haswell & ~0x600'0000ULL));     // neither type
  STATIC_REQUIRE(ept::is_supported(haswell & ~0x200'0000ULL));
  STATIC_REQUIRE(x86_64::guest_invept(haswell) == x86_64::invept_type::single_context);
  STATIC_REQUIRE(x86_64::guest_invept(haswell & ~0x200'0000ULL) == x86_64::invept_type::all_contexts);
  using c = x86_64::ept_vpid_cap;
  STATIC_REQUIRE((c::f_invvpid::mask | c::f_invvpid_address::mask | c::f_invvpid_single::mask | c::f_invvpid_all::mask |
                  c::f_invvpid_single_keeps_globals::mask) == 0x0f01'0000'0000);
  STATIC_REQUIRE(c::f_uc::get(0x100));
}

TEST_CASE("the types of INVPCID, INVEPT and INVVPID, and TLB_CONTROL") {
  STATIC_REQUIRE(static_cast<unsigned>(x86_64::invpcid_type::individual_address) == 0);
  STATIC_REQUIRE(static_cast<unsigned>(x86_64::invpcid_type::single_context) == 1);
  STATIC_REQUIRE(static_cast<unsigned>(x86_64::invpcid_type::all_contexts_and_globals) == 2);
  STATIC_REQUIRE(static_cast<unsigned>(x86_64::invpcid_type::all_contexts) == 3);
  STATIC_REQUIRE(static_cast<unsigned>(x86_64::invept_type::single_context) == 1);
  STATIC_REQUIRE(static_cast<unsigned>(x86_64::invept_type::all_contexts) == 2);
  STATIC_REQUIRE(static_cast<unsigned>(x86_64::invvpid_type::individual_address) == 0);
  STATIC_REQUIRE(static_cast<unsigned>(x86_64::invvpid_type::single_context) == 1);
  STATIC_REQUIRE(static_cast<unsigned>(x86_64::invvpid_type::all_contexts) == 2);
  STATIC_REQUIRE(static_cast<unsigned>(x86_64::invvpid_type::single_context_keep_globals) == 3);
  STATIC_REQUIRE(static_cast<unsigned>(x86_64::tlb_control::nothing) == 0);
  STATIC_REQUIRE(static_cast<unsigned>(x86_64::tlb_control::everything) == 1);
  STATIC_REQUIRE(static_cast<unsigned>(x86_64::tlb_control::guest) == 3);
  STATIC_REQUIRE(static_cast<unsigned>(x86_64::tlb_control::guest_keep_globals) == 7);
}
