// SPDX-License-Identifier: BSL-1.0
// Tables that the library makes, walked as the manuals say, from end to end.
#include <axhal/arch/host/counting_frames.hpp>
#include <axhal/arch/x86_64/paging_ept.hpp>
#include <axhal/arch/x86_64/paging_host.hpp>
#include <axhal/arch/x86_64/paging_npt.hpp>
#include <axhal/paging/page_table.hpp>

#include <support/x86_walker.hpp>

#include <catch2/catch_template_test_macros.hpp>
#include <catch2/catch_test_macros.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <type_traits>

namespace {

using namespace axhal;
using test::x86_walker;
using kind = x86_walker::kind;
using type = x86_walker::type;
using x86_64::ept_execute_only;
using x86_64::ept_flags;
using x86_64::ept_format;
using x86_64::ept_options;
using x86_64::guest_pat;
using x86_64::host_format;
using x86_64::largest_page;
using x86_64::npt_format;
using frames = host::counting_frames<64>;

constexpr std::uint64_t page = 0x1000;
constexpr std::uint64_t mega = 0x20'0000;
constexpr std::uint64_t giga = 0x4000'0000;

constexpr page_attributes normal(axhal::access rights) { return {rights, memory_type::normal}; }

template <typename P>
concept Ept = requires { P::eptp(host_phys{}); };
template <typename P>
concept Nested = requires { P::ncr3(host_phys{}); };

template <typename P>
struct machine {
  std::unique_ptr<frames> memory = std::make_unique<frames>();
  paging::page_table<P, frames> table{*memory};
  x86_walker walker{};

  machine() {
    walker.load = [this](std::uint64_t at) { return *static_cast<std::uint64_t const*>(memory->pointer({at})); };
    walker.levels = P::levels;
    walker.nested = Nested<P>;
    walker.pat = x86_64::pat_layout::ia32_pat;
    if constexpr (Ept<P>) {
      walker.execute_only = P::options.execute_only == ept_execute_only::yes;
      walker.accessed_dirty = P::options.flags == ept_flags::used;
    }
    walker.pages_1g = P::largest_leaf_level >= 2;
    walker.pages_2m = P::largest_leaf_level >= 1;
    REQUIRE(table.create());
  }
  ~machine() { table.destroy(); }
  machine(machine const&) = delete;
  machine& operator=(machine const&) = delete;

  void map(std::uint64_t from, std::uint64_t to, std::uint64_t size, page_attributes a) {
    REQUIRE(table.map({from}, {to}, size, a));
  }
  [[nodiscard]] std::optional<x86_walker::found> look(std::uint64_t at, kind k = kind::load) const {
    if constexpr (Ept<P>) {
      return walker.translate_ept(P::eptp(table.root()), at, k);
    } else if constexpr (Nested<P>) {
      return walker.translate(P::ncr3(table.root()), at, k);
    } else {
      return walker.translate(P::cr3(table.root()), at, k);
    }
  }
  /// What a load finds; where it finds nothing, what no table here says.
  [[nodiscard]] x86_walker::found seen(std::uint64_t at) const {
    return look(at).value_or(x86_walker::found{~std::uint64_t{0}, type::uc_minus, false, 0});
  }
  [[nodiscard]] std::optional<std::uint64_t> walk(std::uint64_t at, kind k = kind::load) const {
    auto const f = look(at, k);
    if (!f) return std::nullopt;
    return f->address;
  }
  [[nodiscard]] std::uint64_t& root(std::size_t index) {
    return static_cast<std::uint64_t*>(memory->pointer(table.root()))[index];
  }
  /// The table that entry `index` of the root names.
  [[nodiscard]] std::uint64_t* below(std::size_t index) {
    return static_cast<std::uint64_t*>(memory->pointer(P::target(root(index), P::levels - 1)));
  }
};

using ept_small = ept_format<4, ept_options{.largest = largest_page::page_2m}>;
using ept_all =
    ept_format<5, ept_options{largest_page::page_1g, ept_execute_only::yes, guest_pat::combined, ept_flags::used}>;

}  // namespace

TEMPLATE_TEST_CASE("pages of every size arrive where they should", "", x86_64::paging_4_level, x86_64::paging_5_level,
                   (host_format<4, largest_page::page_2m>), (host_format<5, largest_page::page_4k>), x86_64::npt,
                   x86_64::npt_5_level, (npt_format<4, largest_page::page_2m>), x86_64::ept, x86_64::ept_5_level,
                   ept_small, ept_all) {
  machine<TestType> m;
  m.map(page, 0x8000'3000, page, normal(read_write));
  m.map(mega, 0x8020'0000, mega, normal(read_execute));
  if constexpr (TestType::largest_leaf_level > 0) {
    m.map(giga, 0x1'0000'0000, TestType::largest_leaf_level == 2 ? giga : 4 * mega, normal(axhal::access::read));
    CHECK(m.seen(giga + 0x1f'ffff).page_bits == (TestType::largest_leaf_level == 2 ? 30U : 21U));
    CHECK(m.walk(giga + 4 * mega - 1) == 0x1'007f'ffff);
    CHECK_FALSE(m.walk(giga, kind::fetch));
    CHECK_FALSE(m.walk(giga, kind::store));
  }
  m.map(2 * giga, 0x1000'0000, 3 * page, {read_write, memory_type::device});
  m.map(2 * giga + mega, 0x9000'0000, mega, {read_write, memory_type::normal_uncached});

  CHECK(m.walk(0x1234) == 0x8000'3234);
  CHECK(m.walk(0x1fff, kind::store) == 0x8000'3fff);
  CHECK_FALSE(m.walk(0x1000, kind::fetch));
  CHECK_FALSE(m.walk(0));
  CHECK_FALSE(m.walk(0x2000));
  CHECK(m.walk(mega + 0x1'2345, kind::fetch) == 0x8021'2345);
  CHECK_FALSE(m.walk(mega, kind::store));
  CHECK(m.walk(2 * giga + 0x2ff8, kind::store) == 0x1000'2ff8);
  CHECK_FALSE(m.walk(2 * giga + 0x3000));
  CHECK_FALSE(m.walk(2 * giga, kind::fetch));
  CHECK(m.walk(2 * giga + mega + 0x10'0000) == 0x9010'0000);

  CHECK(m.seen(0x1000).type == type::wb);
  CHECK(m.seen(mega).type == type::wb);
  CHECK(m.seen(2 * giga).type == type::uc);
  CHECK(m.seen(2 * giga + mega).type == type::wc);
}

TEMPLATE_TEST_CASE("the top of what is translated, and beyond", "", x86_64::npt, x86_64::npt_5_level, x86_64::ept,
                   x86_64::ept_5_level) {
  machine<TestType> m;
  std::uint64_t const top = std::uint64_t{1} << TestType::gpa_bits;
  m.map(top - page, 0x000f'ffff'ffff'f000, page, normal(read_write));
  CHECK(m.walk(top - 8) == 0x000f'ffff'ffff'fff8);
  CHECK_FALSE(m.walk(top));
  CHECK(m.table.map({top}, {0}, page, normal(read_write)) == failure{paging::paging_error::out_of_range});
  CHECK(m.table.map({0}, {std::uint64_t{1} << 52}, page, normal(read_write)) ==
        failure{paging::paging_error::out_of_range});
  m.walker.physical_bits = 46;
  CHECK_FALSE(m.walk(top - 8));
}

TEMPLATE_TEST_CASE("the upper half of the host's addresses", "", x86_64::paging_4_level, x86_64::paging_5_level) {
  machine<TestType> m;
  constexpr host_virt last_page{~std::uint64_t{0xfff}};
  constexpr host_virt lowest_high = TestType::canonical({std::uint64_t{1} << (TestType::va_bits - 1)});
  STATIC_REQUIRE(TestType::is_canonical(last_page));
  STATIC_REQUIRE(TestType::is_canonical(lowest_high));
  STATIC_REQUIRE(!TestType::is_canonical({lowest_high.value - 1}));
  STATIC_REQUIRE(!TestType::is_canonical({std::uint64_t{1} << (TestType::va_bits - 1)}));
  STATIC_REQUIRE(TestType::is_canonical({(std::uint64_t{1} << (TestType::va_bits - 1)) - 1}));
  m.map(TestType::folded(last_page).value, 0x8000'0000, page, normal(read_write));
  m.map(TestType::folded(lowest_high).value, 0x9000'0000, page, normal(read_write));
  CHECK(m.walk(last_page.value + 0x18) == 0x8000'0018);
  CHECK(m.walk(lowest_high.value) == 0x9000'0000);
  CHECK_FALSE(m.walk(TestType::folded(last_page).value));  // not canonical
  CHECK(TestType::canonical(TestType::folded(lowest_high)) == lowest_high);
}

TEMPLATE_TEST_CASE("no access finds an A or D bit to set", "", x86_64::paging_4_level, x86_64::npt, x86_64::ept) {
  machine<TestType> m;
  m.map(0, 0x8000'0000, page, normal(read_write));
  m.map(page, 0x8000'1000, page, normal(axhal::access::read));
  m.map(giga, giga, giga, normal(read_write));
  REQUIRE(m.table.protect({page}, page, normal(read_write)));
  for (std::uint64_t const at : {std::uint64_t{0}, page, giga}) {
    CHECK(m.walk(at, kind::load));
    CHECK(m.walk(at, kind::store));
  }
  CHECK(m.walker.updates == 0);
}

TEST_CASE("EPT with flags: hardware notes what is used, and the entry tells") {
  machine<ept_all> m;
  m.map(0, 0x8000'0000, page, normal(read_write));
  CHECK(m.walk(0));
  CHECK(m.walker.updates == 5);  // one for each level
  CHECK(m.walk(0, kind::store));
  CHECK(m.walker.updates == 10);
  auto const e = ept_all::leaf({0x8000'0000}, normal(read_write), 0);
  CHECK_FALSE(ept_all::is_accessed(e));
  CHECK_FALSE(ept_all::is_dirty(e));
  CHECK(ept_all::is_accessed(e | 0x100));
  CHECK_FALSE(ept_all::is_dirty(e | 0x100));
  CHECK(ept_all::is_dirty(e | 0x300));
  CHECK(ept_all::attributes(e | 0x300) == normal(read_write));
  CHECK(ept_all::target(e | 0x300, 0) == host_phys{0x8000'0000});
  m.walker.accessed_dirty = false;
  CHECK_FALSE(m.walk(0));  // VM entry would refuse
}

TEST_CASE("what ring 3 and the host's own code may do in the host's tables") {
  machine<x86_64::paging_4_level> m;
  m.map(0, 0x8000'0000, page, normal(read_execute));
  m.map(page, 0x8000'1000, page, normal(read_write));
  CHECK(m.walk(0, kind::fetch) == 0x8000'0000);  // SMEP and SMAP are no matter
  CHECK(m.walk(page, kind::store) == 0x8000'1000);
  CHECK_FALSE(m.walk(0, kind::store));
  CHECK_FALSE(m.walk(page, kind::fetch));
  m.walker.user = true;
  for (auto const k : {kind::load, kind::store, kind::fetch}) {
    CHECK_FALSE(m.walk(0, k));
    CHECK_FALSE(m.walk(page, k));
  }
  m.walker.user = false;
  m.walker.wp = false;
  CHECK(m.walk(0, kind::store));  // why CR0.WP is set
  m.walker.nxe = false;
  CHECK_FALSE(m.walk(page));  // why EFER.NXE is: bit 63 is reserved without
  CHECK(m.walk(0));
}

TEST_CASE("what a guest may do in nested tables") {
  machine<x86_64::npt> m;
  m.map(0, 0x8000'0000, page, normal(read_write_execute));
  m.map(page, 0x8000'1000, page, normal(axhal::access::read));
  CHECK(m.walk(0, kind::fetch));
  CHECK(m.walk(0, kind::store));
  m.walker.wp = false;
  CHECK_FALSE(m.walk(page, kind::store));  // hCR0.WP does not count
  CHECK(m.walk(page));
  // Supervisor entries keep a guest out: the whole path must be the user's.
  m.root(0) &= ~std::uint64_t{4};
  CHECK_FALSE(m.walk(page));
}

TEST_CASE("the PAT bit says nothing, and lies at another place in large pages") {
  for (auto const t : {memory_type::normal, memory_type::normal_uncached, memory_type::device}) {
    machine<x86_64::paging_4_level> m;
    m.map(0, 0x8000'0000, giga, {read_write, t});
    m.map(giga, 0x8000'1000, page, {read_write, t});
    std::uint64_t* const second = m.below(0);
    auto const before = m.seen(8).type;
    CHECK(m.seen(giga).type == before);
    second[0] |= std::uint64_t{1} << 12;
    CHECK(m.seen(8).type == before);
    CHECK(m.walk(8) == 0x8000'0008);
    CHECK(m.table.query({8})->target == host_phys{0x8000'0000});
    CHECK(m.table.query({8})->attributes == page_attributes{read_write, t});
    // With the register as after a reset, cached and device pages are the same: a loader's switch is safe.
    m.walker.pat = 0x0007'0406'0007'0406;
    if (t != memory_type::normal_uncached) CHECK(m.seen(8).type == before);
    // Where the halves differ the walker sees the bit: at 12 in a large page, at 7 in a small one.
    m.walker.pat = 0x0404'0404'0007'0106;
    CHECK(m.seen(8).type == type::wt);
    CHECK(m.seen(giga).type == before);
    auto* const directory = static_cast<std::uint64_t*>(m.memory->pointer({second[1] & 0x000f'ffff'ffff'f000}));
    auto* const pages = static_cast<std::uint64_t*>(m.memory->pointer({directory[0] & 0x000f'ffff'ffff'f000}));
    pages[0] |= 0x80;
    CHECK(m.seen(giga).type == type::wt);
    CHECK(m.table.query({giga})->level == 0);
    CHECK(m.table.query({giga})->target == host_phys{0x8000'1000});
  }
}

TEST_CASE("EPT: a page for execution alone, where the options say so") {
  using may = ept_format<4, ept_options{.execute_only = ept_execute_only::yes}>;
  machine<may> m;
  m.map(0, 0x8000'0000, page, normal(axhal::access::execute));
  CHECK(m.walk(0x10, kind::fetch) == 0x8000'0010);
  CHECK_FALSE(m.walk(0x10, kind::load));
  CHECK_FALSE(m.walk(0x10, kind::store));
  CHECK_FALSE(m.walker.misconfigured);
  m.walker.execute_only = false;
  CHECK_FALSE(m.walk(0x10, kind::fetch));
  CHECK(m.walker.misconfigured);
  machine<x86_64::ept> other;
  CHECK(other.table.map({0}, {0}, page, normal(axhal::access::execute)) ==
        failure{paging::paging_error::not_representable});
}

TEST_CASE("EPT: the guest's PAT is ignored or combined") {
  machine<x86_64::ept> alone;
  machine<ept_all> together;
  for (auto const t : {memory_type::normal, memory_type::normal_uncached, memory_type::device}) {
    std::uint64_t const at = static_cast<std::uint64_t>(t) * giga;
    alone.map(at, 0, giga, {read_write, t});
    together.map(at, 0, mega, {read_write, t});
    CHECK(alone.seen(at).ignore_pat);
    CHECK_FALSE(together.seen(at).ignore_pat);
    CHECK(alone.seen(at).type == together.seen(at).type);
  }
}

TEMPLATE_TEST_CASE("a large page is never made where its target is not aligned", "", x86_64::paging_4_level,
                   x86_64::npt_5_level, x86_64::ept) {
  machine<TestType> m;
  m.map(giga, 0x8000'0000 + mega, giga, normal(read_write));
  m.map(mega, 0x7000'0000 + page, mega, normal(read_write));
  CHECK(m.walk(giga + 0x1234) == 0x8020'1234);
  CHECK(m.walk(mega + 0x1234) == 0x7000'2234);
  CHECK(m.seen(giga).page_bits == 21);
  CHECK(m.seen(mega).page_bits == 12);
}

TEST_CASE("the walker refuses what the manual reserves in long mode") {
  machine<x86_64::npt> m;
  m.map(0, 0x8000'0000, giga, normal(read_write));
  std::uint64_t& e = m.below(0)[0];
  std::uint64_t const good = e;
  REQUIRE(m.walk(0) == 0x8000'0000);
  for (unsigned const bit : {0U, 2U, 13U, 20U, 29U}) {  // P, U/S, and what lies below the address
    e = good ^ std::uint64_t{1} << bit;
    CHECK_FALSE(m.walk(0));
  }
  for (unsigned const bit : {8U, 9U, 10U, 11U, 52U, 62U}) {  // G in nested tables, and what is software's
    e = good ^ std::uint64_t{1} << bit;
    CHECK(m.walk(0) == 0x8000'0000);
  }
  e = good;
  m.walker.pages_1g = false;
  CHECK_FALSE(m.walk(0));
  m.root(1) = good;  // a leaf in the root
  m.walker.pages_1g = true;
  CHECK_FALSE(m.walk(std::uint64_t{1} << 39));
  m.root(1) = 0;
}

TEST_CASE("the walker refuses what the manual reserves in EPT") {
  machine<x86_64::ept> m;
  m.map(0, 0x8000'0000, giga, normal(read_write));
  std::uint64_t& e = m.below(0)[0];
  std::uint64_t const good = e;
  REQUIRE(m.walk(0) == 0x8000'0000);
  // Memory type 7; bits below the address.
  for (std::uint64_t const bad : {good ^ 0x8, good ^ 0x1000, good ^ 0x2000'0000, good ^ 0x1}) {
    e = bad;
    CHECK_FALSE(m.walk(0));
    CHECK(m.walker.misconfigured);
  }
  for (unsigned const bit : {8U, 9U, 10U, 11U, 52U, 62U, 63U}) {  // ignored with the controls that are off
    e = good ^ std::uint64_t{1} << bit;
    CHECK(m.walk(0) == 0x8000'0000);
  }
  e = good;
  for (unsigned const bit : {3U, 4U, 5U, 6U, 7U}) {  // of the root's entry
    m.root(0) ^= std::uint64_t{1} << bit;
    CHECK_FALSE(m.walk(0));
    CHECK(m.walker.misconfigured);
    m.root(0) ^= std::uint64_t{1} << bit;
  }
  CHECK(m.walk(0) == 0x8000'0000);
  m.walker.levels = 5;
  CHECK_FALSE(m.walk(0));  // the EPTP says 4
}
