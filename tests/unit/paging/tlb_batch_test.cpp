// SPDX-License-Identifier: BSL-1.0
#include <axhal/arch/host/paging.hpp>
#include <axhal/paging/tlb_batch.hpp>

#include <catch2/catch_test_macros.hpp>

#include <cstdint>

namespace {

using namespace axhal;
using tlb = host::recording_tlb<guest_phys>;
using batch = paging::tlb_batch<guest_phys, tlb>;
using what = tlb::what;

constexpr stale_range<guest_phys> page(std::uint64_t at, bool last_level = true) {
  return {{at}, 0x1000, last_level, 0x1000};
}

}  // namespace

TEST_CASE("nothing stale costs nothing") {
  tlb t;
  batch b{t};
  CHECK_FALSE(b.pending());
  b.flush();
  CHECK(t.size() == 0);
}

TEST_CASE("neighbours become one range and one wait") {
  tlb t;
  batch b{t};
  for (std::uint64_t at = 0x1000; at < 0x9000; at += 0x1000) b.add(page(at));
  CHECK(b.pending());
  b.flush();
  CHECK_FALSE(b.pending());
  REQUIRE(t.size() == 2);
  CHECK(t[0].kind == what::invalidate);
  CHECK(t[0].range.start == guest_phys{0x1000});
  CHECK(t[0].range.size == 0x8000);
  CHECK(t[1].kind == what::complete);
  b.flush();
  CHECK(t.size() == 2);
}

TEST_CASE("ranges of another kind or with a gap stay apart") {
  tlb t;
  batch b{t};
  b.add(page(0x1000));
  b.add(page(0x2000, false));
  b.add(page(0x4000, false));
  b.add({{0x20'0000}, 0x20'0000, true, 0x20'0000});
  b.flush();
  REQUIRE(t.size() == 5);
  CHECK(t[0].range.size == 0x1000);
  CHECK(t[0].range.last_level);
  CHECK(t[1].range.start == guest_phys{0x2000});
  CHECK_FALSE(t[1].range.last_level);
  CHECK(t[2].range.start == guest_phys{0x4000});
  CHECK(t[3].range.step == 0x20'0000);
  CHECK(t[4].kind == what::complete);
}

TEST_CASE("many requests become one for everything") {
  tlb t;
  batch b{t};
  SECTION("exactly the limit is still single requests") {
    b.add({{0}, batch::most_requests * 0x1000, true, 0x1000});
    b.flush();
    CHECK(t.count(what::invalidate) == 1);
    CHECK(t.count(what::invalidate_all) == 0);
  }
  SECTION("one more is not") {
    b.add({{0}, batch::most_requests * 0x1000, true, 0x1000});
    b.add(page(0x1000'0000));
    b.flush();
    CHECK(t.count(what::invalidate) == 0);
    CHECK(t.count(what::invalidate_all) == 1);
    CHECK(t.count(what::complete) == 1);
  }
  SECTION("large pages count once each") {
    b.add({{0}, batch::most_requests * 0x20'0000, true, 0x20'0000});
    b.flush();
    CHECK(t.count(what::invalidate) == 1);
  }
  SECTION("too many ranges") {
    for (std::uint64_t i = 0; i <= batch::most_ranges; ++i) b.add(page(i * 0x2000));
    b.flush();
    CHECK(t.count(what::invalidate) == 0);
    CHECK(t.count(what::invalidate_all) == 1);
  }
  SECTION("as many ranges as there are places") {
    for (std::uint64_t i = 0; i < batch::most_ranges; ++i) b.add(page(i * 0x2000));
    b.flush();
    CHECK(t.count(what::invalidate) == batch::most_ranges);
    CHECK(t.count(what::invalidate_all) == 0);
  }
  SECTION("a flushed batch starts anew") {
    b.add({{0}, 0x1000'0000, true, 0x1000});
    b.flush();
    t.clear();
    b.add(page(0));
    b.flush();
    CHECK(t.count(what::invalidate) == 1);
    CHECK(t.count(what::invalidate_all) == 0);
  }
}
