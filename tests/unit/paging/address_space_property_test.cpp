// SPDX-License-Identifier: BSL-1.0
// Random operations on an address space against an array of units, each first run out of memory at every allocation.
#include <axhal/arch/aarch64/paging_stage2.hpp>
#include <axhal/arch/host/counting_frames.hpp>
#include <axhal/arch/host/paging.hpp>
#include <axhal/paging/address_space.hpp>

#include <catch2/catch_template_test_macros.hpp>
#include <catch2/catch_test_macros.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <random>
#include <set>

namespace {

using namespace axhal;
using paging::area_error;
using paging::backing;
using paging::fault_outcome;
using paging::overlap;

constexpr std::size_t units = 32;
constexpr std::size_t capacity = 6;
constexpr std::uint64_t unit = 0x4'0000;  // a large page is eight of them
constexpr std::uint64_t base = 0x4000'0000;

struct contents {
  bool used{};
  backing kind{};
  page_attributes attributes{};
  std::uint64_t target{};  // linear: of this unit
};
using model = std::array<contents, units>;

bool continues(contents const& a, contents const& b) {
  return a.used && b.used && a.kind == b.kind && a.attributes == b.attributes &&
         (a.kind == backing::lazy || a.target + unit == b.target);
}
std::size_t areas_of(model const& m) {
  std::size_t n = 0;
  for (std::size_t i = 0; i < units; ++i) n += m[i].used && (i == 0 || !continues(m[i - 1], m[i])) ? 1U : 0U;
  return n;
}

using frames = host::counting_frames<512>;

template <typename P>
struct run {
  using table_type = paging::page_table<P, frames>;
  using space_type = paging::address_space<table_type, frames, capacity>;

  std::unique_ptr<frames> memory = std::make_unique<frames>();
  table_type table{*memory};
  space_type space{{{base}, units* unit}, table, *memory};
  model expected{};
  std::set<std::uint64_t> touched{};  // lazy pages with memory
  std::size_t refused_for_room{};
  std::size_t refused_for_memory{};

  void check() {
    CHECK(space.areas().size() == areas_of(expected));
    for (std::size_t i = 0; i < units; ++i) {
      contents const& want = expected[i];
      for (std::uint64_t const at : {base + i * unit, base + (i + 1) * unit - 0x1000}) {
        auto const* const area = space.find({at});
        REQUIRE((area != nullptr) == want.used);
        auto const page = table.query({at});
        bool const mapped = want.used && (want.kind == backing::linear || touched.contains(at));
        REQUIRE(page.has_value() == mapped);
        if (want.used) {
          CHECK(area->kind == want.kind);
          CHECK(area->attributes == want.attributes);
        }
        if (!mapped) continue;
        CHECK(page->attributes == want.attributes);
        if (want.kind == backing::linear) CHECK(table.translate({at})->value == want.target + (at - base) % unit);
      }
    }
    std::size_t lazy_frames = touched.size();
    CHECK(memory->outstanding() >= lazy_frames + paging::geometry<P>::frames(P::levels - 1));
  }

  void forget(std::size_t a, std::size_t b) {
    touched.erase(touched.lower_bound(base + a * unit), touched.lower_bound(base + b * unit));
    for (std::size_t i = a; i < b; ++i) expected[i] = {};
  }

  void step(std::mt19937_64& random) {
    std::size_t a = random() % units;
    std::size_t b = a + 1 + random() % (units - a);
    if (random() % 2 == 0 && b > a + 3) b = a + 3;
    host::paging::input_address const start{base + a * unit};
    std::uint64_t const size = (b - a) * unit;
    page_attributes const attributes{random() % 2 == 0 ? read_write : axhal::access::read, memory_type::normal};
    auto const rule = random() % 2 == 0 ? overlap::replace : overlap::refuse;
    auto const kind = random() % 8;
    // Often the identity, so that neighbours join and large pages fit.
    std::uint64_t const to = (random() % 4 == 0 ? 0x1'0000'0000 : 0) + start.value;

    if (kind >= 5) return touch(random);
    bool const maps = kind <= 2;
    bool const lazy = kind == 0;

    model after = expected;
    bool in_the_way = false;
    bool complete = true;
    for (std::size_t i = a; i < b; ++i) {
      in_the_way = in_the_way || expected[i].used;
      complete = complete && expected[i].used;
      after[i] = {};
    }
    std::optional<area_error> wanted;
    if (maps) {
      contents first{true, lazy ? backing::lazy : backing::linear, attributes, lazy ? 0 : to};
      contents last = first;
      if (!lazy) last.target += size - unit;
      bool const joins = (a > 0 && continues(expected[a - 1], first)) || (b < units && continues(last, expected[b]));
      if (in_the_way && rule == overlap::refuse) {
        wanted = area_error::overlaps;
      } else if (areas_of(after) > capacity || (areas_of(after) == capacity && !joins)) {
        wanted = area_error::no_room;
      }
      for (std::size_t i = a; i < b; ++i) {
        after[i] = first;
        if (!lazy) after[i].target += (i - a) * unit;
      }
    } else if (kind == 3) {
      if (areas_of(after) > capacity) wanted = area_error::no_room;
    } else {
      after = expected;
      for (std::size_t i = a; i < b; ++i) after[i].attributes = attributes;
      std::size_t const edges = (a > 0 && continues(expected[a - 1], expected[a]) ? 1U : 0U) +
                                (b < units && continues(expected[b - 1], expected[b]) ? 1U : 0U);
      if (!complete) {
        wanted = area_error::no_area;
      } else if (areas_of(expected) + edges > capacity) {
        wanted = area_error::no_room;
      }
    }

    for (std::size_t allowed = 0;; ++allowed) {
      memory->fail_after(allowed);
      auto const done = lazy        ? space.map_lazy(start, size, attributes, 0, rule)
                        : maps      ? space.map_linear(start, {to}, size, attributes, rule)
                        : kind == 3 ? space.unmap(start, size)
                                    : space.protect(start, size, attributes);
      memory->stop_failing();
      if (done) {
        REQUIRE(!wanted);
        if (kind != 4) forget(a, b);
        expected = after;
        break;
      }
      if (wanted) {
        REQUIRE(done.error() == *wanted);
        refused_for_room += *wanted == area_error::no_room ? 1U : 0U;
        break;
      }
      REQUIRE(done.error() == area_error::no_memory);
      ++refused_for_memory;
      // What was replaced may be gone, all of it; anything else is as it was.
      if (maps && in_the_way && !any_area(start.value, size)) {
        forget(a, b);
        in_the_way = false;
      }
      check();
    }
    check();
  }

  [[nodiscard]] bool any_area(std::uint64_t start, std::uint64_t size) const {
    return space.areas().overlaps({{start}, size});
  }

  void touch(std::mt19937_64& random) {
    std::uint64_t const at = base + random() % (units * unit);
    std::uint64_t const page = at & ~std::uint64_t{0xfff};
    contents const& here = expected[(at - base) / unit];
    auto const wanted = random() % 2 == 0 ? axhal::access::read : axhal::access::write;
    auto const answer = space.handle_fault({at}, wanted);
    if (!here.used) {
      CHECK(answer == failure{area_error::no_area});
    } else if (!has(here.attributes.rights, wanted)) {
      CHECK(answer == failure{area_error::denied});
    } else if (here.kind == backing::linear || touched.contains(page)) {
      CHECK(answer == fault_outcome::spurious);
    } else {
      REQUIRE(answer == fault_outcome::populated);
      touched.insert(page);
    }
  }
};

}  // namespace

TEMPLATE_TEST_CASE("an address space does what an array of units does", "", axhal::aarch64::stage2<36>,
                   axhal::host::paging) {
  for (std::uint64_t const seed : {1U, 2U, 3U, 4U}) {
    std::mt19937_64 random{seed};
    run<TestType> r;
    REQUIRE(r.table.create());
    for (int i = 0; i < 1500; ++i) {
      CAPTURE(seed, i);
      r.step(random);
    }
    CHECK(r.refused_for_room > 5);
    CHECK(r.refused_for_memory > 50);
    r.space.clear();
    CHECK(r.memory->outstanding() == paging::geometry<TestType>::frames(TestType::levels - 1));
    r.table.destroy();
    CHECK(r.memory->outstanding() == 0);
    CHECK(r.memory->refused_releases() == 0);
  }
}
