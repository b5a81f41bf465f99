// SPDX-License-Identifier: BSL-1.0
// Error codes and bits of entries, by hand from the Intel SDM, volume 3: figure "Page-Fault Error Code"; "Access
// Rights"; tables "Format of a 32-Bit Page-Directory Entry that Maps a 4-MByte Page", "Format of a PAE
// Page-Directory-Pointer-Table Entry (PDPTE)", "Format of a PAE Page-Directory Entry that Maps a 2-MByte Page",
// "Format of a PML4 Entry", "Format of a Page-Directory-Pointer-Table Entry that Maps a 1-GByte Page".
#include <axhal/arch/x86_64/guest_page_tables.hpp>

#include <catch2/catch_test_macros.hpp>

#include <cstdint>

using namespace axhal;
using namespace axhal::x86_64;

namespace {

using enum paging_mode;
using who = accessor;
constexpr auto reading = axhal::access::read;
constexpr auto writing = axhal::access::write;
constexpr auto fetching = axhal::access::execute;

constexpr paging_state four{.mode = four_levels, .write_protect = true, .no_execute = true};
constexpr paging_state four_without_nx{.mode = four_levels, .write_protect = true};
constexpr paging_state old{.mode = two_levels, .large_pages = true, .no_execute = true};
constexpr paging_state old_with_smep{.mode = two_levels, .smep = true};
constexpr paging_state wide{.mode = pae, .no_execute = true};

// The figure: P 1, W/R 2, U/S 4, RSVD 8, I/D 10H.
static_assert(fault_code(four, reading, who::supervisor, false, false) == 0x00);
static_assert(fault_code(four, reading, who::user, false, false) == 0x04);
static_assert(fault_code(four, writing, who::supervisor, true, false) == 0x03);
static_assert(fault_code(four, writing, who::user, true, false) == 0x07);
static_assert(fault_code(four, read_write, who::user, true, false) == 0x07);
static_assert(fault_code(four, reading, who::user, true, true) == 0x0d);
static_assert(fault_code(four, fetching, who::supervisor, true, false) == 0x11);
static_assert(fault_code(four, fetching, who::user, false, false) == 0x14);
static_assert(fault_code(four, fetching, who::user, true, true) == 0x1d);
static_assert(fault_code(four, reading, who::processor, true, false) == 0x01);
// I/D: only with SMEP, or with both CR4.PAE and EFER.NXE.
static_assert(fault_code(four_without_nx, fetching, who::user, false, false) == 0x04);
static_assert(fault_code(old, fetching, who::user, false, false) == 0x04);
static_assert(fault_code(old_with_smep, fetching, who::supervisor, true, false) == 0x11);
static_assert(fault_code(wide, fetching, who::supervisor, false, false) == 0x10);

// Reserved bits. 4 MiB pages with PSE-36 and 40 physical bits: bit 21; with 36: 21:17; with 32: 21:13.
constexpr std::uint64_t large = 0x83;
static_assert(guest_pte::reserved(old, {40, true}, 1, large) == 0x0020'0000);
static_assert(guest_pte::reserved(old, {52, true}, 1, large) == 0x0020'0000);
static_assert(guest_pte::reserved(old, {36, true}, 1, large) == 0x003e'0000);
static_assert(guest_pte::reserved(old, {32, true}, 1, large) == 0x003f'e000);
static_assert(guest_pte::reserved(old, {32, true}, 1, 0x03) == 0);
static_assert(guest_pte::reserved(old, {32, true}, 0, 0x83) == 0);                    // bit 7 is PAT there
static_assert(guest_pte::reserved({.mode = two_levels}, {32, true}, 1, large) == 0);  // CR4.PSE 0: bit 7 is ignored

// PAE: PDPTE 2:1, 8:5, 63:MAXPHYADDR; PDE of 2 MiB 20:13, 62:MAXPHYADDR; PTE 62:MAXPHYADDR; 63 without NXE.
static_assert(guest_pte::reserved(wide, {36, true}, 2, 1) == 0xffff'fff0'0000'01e6);
static_assert(guest_pte::reserved(wide, {36, true}, 1, large) == 0x7fff'fff0'001f'e000);
static_assert(guest_pte::reserved(wide, {52, true}, 0, 1) == 0x7ff0'0000'0000'0000);
static_assert(guest_pte::reserved({.mode = pae}, {52, true}, 0, 1) == 0xfff0'0000'0000'0000);

// 4 levels: 51:MAXPHYADDR; PS in PML4E; 1 GiB pages 29:13, 2 MiB pages 20:13; 63 without NXE. 62:52 are ignored.
static_assert(guest_pte::reserved(four, {46, true}, 3, 1) == 0x000f'c000'0000'0080);
static_assert(guest_pte::reserved(four, {52, true}, 2, large) == 0x3fff'e000);
static_assert(guest_pte::reserved(four, {52, false}, 2, large) == 0x80);
static_assert(guest_pte::reserved(four, {52, true}, 1, large) == 0x1f'e000);
static_assert(guest_pte::reserved(four, {52, true}, 0, large) == 0);
static_assert(guest_pte::reserved(four_without_nx, {52, true}, 0, large) == 0x8000'0000'0000'0000);
static_assert(guest_pte::reserved({.mode = five_levels, .no_execute = true}, {39, true}, 4, 1) ==
              0x000f'ff80'0000'0080);

// PSE-36: bits 20:13 of the entry are bits 39:32 of the address.
static_assert(guest_pte::target(old, 1, 0xffc0'0083 | 0xa5U << 13, 0x0012'3456) == 0xa5'ffd2'3456);
static_assert(guest_pte::target(four, 2, 0x8000'0040'0000'1083, 0x3abc'def0) == 0x40'3abc'def0);
static_assert(guest_pte::target(four, 1, 0x0000'0000'0020'1083, 0x001a'bcde) == 0x3a'bcde);

// "Access Rights": supervisors write read-only pages without CR0.WP; SMAP bars users' pages unless AC is set, and the
// processor's own accesses in any case; SMEP bars fetches from them.
constexpr page_rights users{.writable = true, .user = true, .executable = true};
constexpr page_rights users_read_only{.writable = false, .user = true, .executable = true};
constexpr page_rights kernels_read_only{.writable = false, .user = false, .executable = false};
constexpr paging_state no_wp{.mode = four_levels};
constexpr paging_state smap{.mode = four_levels, .write_protect = true, .smap = true};
constexpr paging_state smap_ac{.mode = four_levels, .write_protect = true, .smap = true, .alignment_check = true};
constexpr paging_state smep{.mode = four_levels, .smep = true};
static_assert(may_access(no_wp, kernels_read_only, writing, who::supervisor));
static_assert(!may_access(four, kernels_read_only, writing, who::supervisor));
static_assert(!may_access(no_wp, users_read_only, writing, who::user));
static_assert(!may_access(no_wp, kernels_read_only, reading, who::user));
static_assert(!may_access(no_wp, kernels_read_only, fetching, who::supervisor));
static_assert(!may_access(smap, users, reading, who::supervisor));
static_assert(may_access(smap_ac, users, reading, who::supervisor));
static_assert(!may_access(smap_ac, users, reading, who::processor));
static_assert(!may_access(smap_ac, users_read_only, writing, who::supervisor));
static_assert(may_access(smap, users, fetching, who::supervisor));
static_assert(!may_access(smep, users, fetching, who::supervisor));
static_assert(may_access(smep, users, fetching, who::user));
static_assert(may_access(smap, kernels_read_only, reading, who::processor));

// "Canonical Addressing".
static_assert(is_canonical(0x0000'7fff'ffff'ffff, 48) && !is_canonical(0x0000'8000'0000'0000, 48));
static_assert(is_canonical(0xffff'8000'0000'0000, 48) && !is_canonical(0xffff'7fff'ffff'ffff, 48));
static_assert(is_canonical(0x00ff'ffff'ffff'ffff, 57) && !is_canonical(0x0100'0000'0000'0000, 57));

}  // namespace

TEST_CASE("error codes and reserved bits of a guest's page tables are the manual's") { SUCCEED(); }
