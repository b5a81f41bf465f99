// SPDX-License-Identifier: BSL-1.0
// Tables that the library makes, walked as the manual says, from end to end.
#include <axhal/arch/host/counting_frames.hpp>
#include <axhal/arch/riscv64/paging_stage1.hpp>
#include <axhal/arch/riscv64/paging_stage2.hpp>
#include <axhal/paging/page_table.hpp>

#include <support/riscv_walker.hpp>

#include <catch2/catch_template_test_macros.hpp>
#include <catch2/catch_test_macros.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <type_traits>

namespace {

using namespace axhal;
using test::riscv_walker;
using kind = riscv_walker::kind;
using frames = host::counting_frames<64>;

constexpr std::uint64_t page = 0x1000;
constexpr std::uint64_t mega = 0x20'0000;
constexpr std::uint64_t giga = 0x4000'0000;

template <typename P>
struct machine {
  std::unique_ptr<frames> memory = std::make_unique<frames>();
  paging::page_table<P, frames> table{*memory};
  riscv_walker walker{[this](std::uint64_t at) {
                        return *static_cast<std::uint64_t const*>(memory->pointer({at & ~std::uint64_t{7}}));
                      },
                      P::levels, std::is_same_v<typename P::input_address, guest_phys>,
                      P::memory_types == riscv64::svpbmt::present};

  machine() { REQUIRE(table.create()); }
  ~machine() { table.destroy(); }
  machine(machine const&) = delete;
  machine& operator=(machine const&) = delete;

  void map(std::uint64_t from, std::uint64_t to, std::uint64_t size, page_attributes a) {
    REQUIRE(table.map({from}, {to}, size, a));
  }
  [[nodiscard]] std::optional<std::uint64_t> walk(std::uint64_t at, kind k = kind::load) const {
    return walker.translate(table.root().value, at, k);
  }
};

constexpr page_attributes normal(axhal::access rights) { return {rights, memory_type::normal}; }

}  // namespace

TEMPLATE_TEST_CASE("pages of every size arrive where they should", "", riscv64::sv39, riscv64::sv48, riscv64::sv57,
                   riscv64::sv39x4, riscv64::sv48x4, riscv64::sv57x4, riscv64::sv39_svpbmt, riscv64::sv48_svpbmt,
                   riscv64::sv57_svpbmt, riscv64::sv39x4_svpbmt, riscv64::sv48x4_svpbmt, riscv64::sv57x4_svpbmt) {
  machine<TestType> m;
  m.map(page, 0x8000'3000, page, normal(read_write));
  m.map(mega, 0x8020'0000, mega, normal(read_execute));
  m.map(giga, 0x1'0000'0000, giga, normal(axhal::access::read));
  m.map(2 * giga, 0x1000'0000, 3 * page, {read_write, memory_type::device});
  m.map(2 * giga + mega, 0x9000'0000, page, {read_write, memory_type::normal_uncached});

  CHECK(m.walk(0x1234) == 0x8000'3234);
  CHECK(m.walk(0x1fff, kind::store) == 0x8000'3fff);
  CHECK_FALSE(m.walk(0x1000, kind::fetch));
  CHECK_FALSE(m.walk(0));
  CHECK_FALSE(m.walk(0x2000));
  CHECK(m.walk(mega + 0x1'2345, kind::fetch) == 0x8021'2345);
  CHECK_FALSE(m.walk(mega, kind::store));
  CHECK(m.walk(giga + 0x3fff'ffff) == 0x1'3fff'ffff);
  CHECK_FALSE(m.walk(giga, kind::fetch));
  CHECK(m.walk(2 * giga + 0x2ff8, kind::store) == 0x1000'2ff8);
  CHECK_FALSE(m.walk(2 * giga + 0x3000));
  CHECK(m.walk(2 * giga + mega) == 0x9000'0000);
}

TEMPLATE_TEST_CASE("no access finds an A or D bit to set, with and without Svadu", "", riscv64::sv39, riscv64::sv39x4) {
  machine<TestType> m;
  m.map(0, 0x8000'0000, page, normal(read_write));
  m.map(page, 0x8000'1000, page, normal(axhal::access::read));
  REQUIRE(m.table.protect({page}, page, normal(read_write)));
  for (bool const svadu : {false, true}) {
    m.walker.svadu = svadu;
    for (std::uint64_t const at : {std::uint64_t{0}, page}) {
      CHECK(m.walk(at, kind::load) == 0x8000'0000 + at);
      CHECK(m.walk(at, kind::store) == 0x8000'0000 + at);
    }
  }
  CHECK(m.walker.updates == 0);
}

TEMPLATE_TEST_CASE("a page for execution alone", "", riscv64::sv39, riscv64::sv48x4) {
  machine<TestType> m;
  m.map(0, 0x8000'0000, page, normal(axhal::access::execute));
  CHECK(m.walk(0x10, kind::fetch) == 0x8000'0010);
  CHECK_FALSE(m.walk(0x10, kind::load));
  CHECK_FALSE(m.walk(0x10, kind::store));
}

TEST_CASE("the largest pages: a terapage and a petapage") {
  machine<riscv64::sv48> tera;
  tera.map(std::uint64_t{1} << 39, 0, std::uint64_t{1} << 39, normal(read_write));
  CHECK(tera.memory->outstanding() == 1);
  CHECK(tera.walk(0x80'1234'5678) == 0x1234'5678);
  machine<riscv64::sv57x4> peta;
  peta.map(std::uint64_t{2047} << 48, std::uint64_t{0xff} << 48, std::uint64_t{1} << 48, normal(read_write_execute));
  CHECK(peta.memory->outstanding() == 4);
  CHECK(peta.walk((std::uint64_t{2047} << 48) + 0xabc, kind::fetch) == (std::uint64_t{0xff} << 48) + 0xabc);
}

TEMPLATE_TEST_CASE("the two upper bits of a guest-physical address choose among 2048 entries", "", riscv64::sv39x4,
                   riscv64::sv48x4, riscv64::sv57x4) {
  machine<TestType> m;
  CHECK(m.table.root().value % 0x4000 == 0);
  CHECK(m.memory->outstanding() == 4);
  std::uint64_t const top = std::uint64_t{1} << TestType::gpa_bits;
  for (unsigned quarter = 0; quarter < 4; ++quarter) {
    m.map(top / 4 * quarter, 0x8000'0000 + quarter * page, page, normal(read_write));
  }
  for (unsigned quarter = 0; quarter < 4; ++quarter) {
    CHECK(m.walk(top / 4 * quarter + 8) == 0x8000'0008 + quarter * page);
  }
  m.map(top - page, 0x9000'0000, page, normal(read_write));
  CHECK(m.walk(top - 8) == 0x9000'0ff8);
  CHECK_FALSE(m.walk(top));
  CHECK(m.table.map({top}, {0}, page, normal(read_write)) == failure{paging::paging_error::out_of_range});
  CHECK(m.table.map({top - page}, {0}, 2 * page, normal(read_write)) == failure{paging::paging_error::out_of_range});
}

TEMPLATE_TEST_CASE("the upper half of the host's addresses", "", riscv64::sv39, riscv64::sv48, riscv64::sv57) {
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

TEST_CASE("a large page is never made where its target is not aligned") {
  machine<riscv64::sv39x4> m;
  m.map(giga, 0x8000'0000 + mega, giga, normal(read_write));  // megapages
  m.map(mega, 0x7000'0000 + page, mega, normal(read_write));  // pages
  CHECK(m.walk(giga + 0x1234) == 0x8020'1234);
  CHECK(m.walk(mega + 0x1234) == 0x7000'2234);
  // The walker does refuse such a page: one made by hand.
  auto* const root = static_cast<std::uint64_t*>(m.memory->pointer(m.table.root()));
  std::uint64_t const kept = root[1];
  root[1] = riscv64::sv39x4::leaf({0x8000'0000 + mega}, normal(read_write), 2);
  CHECK_FALSE(m.walk(giga));
  root[1] = riscv64::sv39x4::leaf({0x8000'0000}, normal(read_write), 2);
  CHECK(m.walk(giga) == 0x8000'0000);
  root[1] = kept;
}

TEST_CASE("the walker refuses what the manual refuses") {
  machine<riscv64::sv39x4> m;
  m.map(0, 0x8000'0000, giga, normal(read_write));
  auto* const root = static_cast<std::uint64_t*>(m.memory->pointer(m.table.root()));
  std::uint64_t const good = root[0];
  REQUIRE(m.walk(0) == 0x8000'0000);
  for (unsigned const bit : {0U, 1U, 4U, 6U, 54U, 60U, 61U, 62U, 63U}) {
    root[0] = good ^ std::uint64_t{1} << bit;
    CHECK_FALSE(m.walk(0));
  }
  for (unsigned const bit : {5U, 8U, 9U}) {  // G is ignored by the G-stage, RSW by everybody
    root[0] = good ^ std::uint64_t{1} << bit;
    CHECK(m.walk(0) == 0x8000'0000);
  }
  root[0] = good;
}
