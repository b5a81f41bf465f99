// SPDX-License-Identifier: BSL-1.0
#include <axhal/paging/area_list.hpp>

#include <catch2/catch_test_macros.hpp>

#include <cstdint>
#include <initializer_list>

namespace {

using namespace axhal;
using paging::backing;
using list = paging::area_list<guest_phys, 4>;
using area = list::area_type;

constexpr page_attributes rw{read_write, memory_type::normal};
constexpr page_attributes ro{axhal::access::read, memory_type::normal};

constexpr area linear(std::uint64_t start, std::uint64_t size, std::uint64_t to, page_attributes a = rw) {
  return {{{start}, size}, a, backing::linear, {to}, 0};
}
constexpr area lazy(std::uint64_t start, std::uint64_t size, page_attributes a = rw) {
  return {{{start}, size}, a, backing::lazy, {}, 0};
}

/// Start, end, start, end... of every area.
void check(list const& l, std::initializer_list<std::uint64_t> edges) {
  REQUIRE(l.size() * 2 == edges.size());
  auto edge = edges.begin();
  for (area const& a : l) {
    CHECK(a.range.start.value == *edge++);
    CHECK(a.range.start.value + a.range.size == *edge++);
  }
}

}  // namespace

TEST_CASE("areas stay in order") {
  list l;
  CHECK(l.insert(lazy(0x5000, 0x1000)));
  CHECK(l.insert(lazy(0x1000, 0x1000, ro)));
  CHECK(l.insert(lazy(0x3000, 0x1000, ro)));
  check(l, {0x1000, 0x2000, 0x3000, 0x4000, 0x5000, 0x6000});
  CHECK(l.find({0x0fff}) == nullptr);
  CHECK(l.find({0x1000}) == &l[0]);
  CHECK(l.find({0x1fff}) == &l[0]);
  CHECK(l.find({0x2000}) == nullptr);
  CHECK(l.find({0x5fff}) == &l[2]);
  CHECK(l.find({0x6000}) == nullptr);
  CHECK(l.find({UINT64_MAX}) == nullptr);
  CHECK(l.overlaps({{0x1fff}, 1}));
  CHECK_FALSE(l.overlaps({{0x2000}, 0x1000}));
  CHECK(l.overlaps({{0x2000}, 0x1001}));
  CHECK(l.overlaps({{0}, UINT64_MAX}));
}

TEST_CASE("neighbours that are alike are one area") {
  list l;
  CHECK(l.insert(linear(0x1000, 0x1000, 0x8000)));
  CHECK(l.insert(linear(0x3000, 0x1000, 0xa000)));
  CHECK(l.can_join(linear(0x2000, 0x1000, 0x9000)));
  CHECK(l.insert(linear(0x2000, 0x1000, 0x9000)));
  check(l, {0x1000, 0x4000});
  CHECK(l[0].target == host_phys{0x8000});
  SECTION("to the front too") {
    CHECK(l.insert(linear(0, 0x1000, 0x7000)));
    check(l, {0, 0x4000});
    CHECK(l[0].target == host_phys{0x7000});
  }
  SECTION("but not with another target, other attributes or another backing") {
    CHECK_FALSE(l.can_join(linear(0x4000, 0x1000, 0xc000)));
    CHECK(l.insert(linear(0x4000, 0x1000, 0xc000)));
    CHECK(l.insert(linear(0x5000, 0x1000, 0xd000, ro)));
    CHECK(l.insert(lazy(0x6000, 0x1000, ro)));
    CHECK(l.size() == 4);
    CHECK_FALSE(l.insert(lazy(0x8000, 0x1000, ro)));
    CHECK(l.insert(lazy(0x7000, 0x1000, ro)));  // grows one
    check(l, {0x1000, 0x4000, 0x4000, 0x5000, 0x5000, 0x6000, 0x6000, 0x8000});
  }
}

TEST_CASE("a hole is punched with exactly the places that it takes") {
  list l;
  CHECK(l.insert(linear(0x1000, 0x4000, 0x10'1000)));
  CHECK(l.insert(lazy(0x6000, 0x2000)));
  SECTION("in the middle of one") {
    CHECK(l.size_without({{0x2000}, 0x1000}) == 3);
    l.punch({{0x2000}, 0x1000});
    check(l, {0x1000, 0x2000, 0x3000, 0x5000, 0x6000, 0x8000});
    CHECK(l[1].target == host_phys{0x10'3000});
  }
  SECTION("across two") {
    CHECK(l.size_without({{0x4000}, 0x3000}) == 2);
    l.punch({{0x4000}, 0x3000});
    check(l, {0x1000, 0x4000, 0x7000, 0x8000});
  }
  SECTION("over one whole") {
    CHECK(l.size_without({{0}, 0x6000}) == 1);
    l.punch({{0}, 0x6000});
    check(l, {0x6000, 0x8000});
  }
  SECTION("over everything") {
    CHECK(l.size_without({{0}, 0x1'0000}) == 0);
    l.punch({{0}, 0x1'0000});
    CHECK(l.size() == 0);
  }
  SECTION("where nothing is") {
    CHECK(l.size_without({{0x5000}, 0x1000}) == 2);
    l.punch({{0x5000}, 0x1000});
    CHECK(l.size() == 2);
  }
  SECTION("to the very end of an area") {
    CHECK(l.size_without({{0x2000}, 0x3000}) == 2);
    l.punch({{0x2000}, 0x3000});
    check(l, {0x1000, 0x2000, 0x6000, 0x8000});
  }
}

TEST_CASE("repainting cuts, and joins what became alike") {
  list l;
  CHECK(l.insert(linear(0x1000, 0x4000, 0x10'1000)));
  address_range<guest_phys> const middle{{0x2000}, 0x1000};
  CHECK(l.size_with_edges(middle) == 3);
  l.cut({0x2000});
  l.cut({0x3000});
  l.cut({0x3000});
  l.repaint(middle, ro);
  check(l, {0x1000, 0x2000, 0x2000, 0x3000, 0x3000, 0x5000});
  CHECK(l[1].attributes == ro);
  CHECK(l[1].target == host_phys{0x10'2000});
  CHECK(l[2].target == host_phys{0x10'3000});
  l.repaint(middle, rw);
  check(l, {0x1000, 0x5000});
  CHECK(l[0].target == host_phys{0x10'1000});
}

TEST_CASE("free runs are found lowest first") {
  list l;
  guest_phys found{};
  address_range<guest_phys> const window{{0x1000}, 0xf000};
  CHECK(l.find_free(window, 0x1000, 0x1000, found));
  CHECK(found == guest_phys{0x1000});
  CHECK(l.insert(lazy(0x1000, 0x1000)));
  CHECK(l.insert(lazy(0x4000, 0x4000)));
  CHECK(l.find_free(window, 0x2000, 0x1000, found));
  CHECK(found == guest_phys{0x2000});
  CHECK(l.find_free(window, 0x3000, 0x1000, found));
  CHECK(found == guest_phys{0x8000});
  CHECK(l.find_free(window, 0x1000, 0x8000, found));
  CHECK(found == guest_phys{0x8000});
  CHECK(l.find_free(window, 0x8000, 0x1000, found));
  CHECK(found == guest_phys{0x8000});
  CHECK_FALSE(l.find_free(window, 0x9000, 0x1000, found));
  CHECK_FALSE(l.find_free(window, 0x1000, 0x1'0000, found));

  // At the end of everything nothing wraps.
  address_range<guest_phys> const top{{0xffff'ffff'ffff'0000}, 0x1'0000};
  CHECK(l.find_free(top, 0x1'0000, 0x1000, found));
  CHECK(l.insert(lazy(0xffff'ffff'ffff'8000, 0x8000)));
  CHECK(l.find_free(top, 0x8000, 0x1000, found));
  CHECK(found == guest_phys{0xffff'ffff'ffff'0000});
  CHECK_FALSE(l.find_free(top, 0x9000, 0x1000, found));
  CHECK(l.find({UINT64_MAX}) == &l[2]);
  l.punch({{0xffff'ffff'ffff'f000}, 0x1000});
  CHECK(l.find({UINT64_MAX}) == nullptr);
  CHECK(l.find({0xffff'ffff'ffff'efff}) == &l[2]);
  CHECK_FALSE(l.find_free(top, 0x1000, std::uint64_t{1} << 63, found));
}
