// SPDX-License-Identifier: BSL-1.0
#include <axhal/arch/aarch64/paging_stage2.hpp>
#include <axhal/arch/host/counting_frames.hpp>
#include <axhal/arch/host/paging.hpp>
#include <axhal/paging/page_table.hpp>

#include <support/frame_source_archetype.hpp>
#include <support/paging_archetype.hpp>

#include <catch2/catch_template_test_macros.hpp>
#include <catch2/catch_test_macros.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>

// The contract is all that the generic class uses.
template class axhal::paging::page_table<axhal::test::paging_archetype, axhal::test::frame_source_archetype,
                                         axhal::test::tlb_archetype>;

namespace {

using namespace axhal;
using paging::holes;
using paging::mapping;
using paging::paging_error;

constexpr page_attributes rw{read_write, memory_type::normal};
constexpr page_attributes ro{axhal::access::read, memory_type::normal};
constexpr page_attributes rx{read_execute, memory_type::normal};
constexpr page_attributes device{read_write, memory_type::device};

using frames = host::counting_frames<64>;
using tlb = host::recording_tlb<guest_phys>;
using what = tlb::what;

template <typename P>
struct fixture {
  std::unique_ptr<frames> memory = std::make_unique<frames>();
  paging::page_table<P, frames, tlb> table{*memory, tlb{}};
  fixture() {
    REQUIRE(table.create());
    table.tlb().clear();
  }
  ~fixture() {
    table.destroy();
    CHECK(memory->outstanding() == 0);
    CHECK(memory->refused_releases() == 0);
  }
};

using stage2 = aarch64::stage2<40>;
using simulated = host::paging;

}  // namespace

TEMPLATE_TEST_CASE("a region gets the largest pages that fit", "", stage2, simulated) {
  fixture<TestType> f;
  // One small page, 511 large ones, a gigabyte, and one small page again.
  REQUIRE(f.table.map({0x3fff'f000}, {0x7fff'f000}, 0x4000'2000, rw));
  CHECK(f.table.query({0x3fff'f000}) == mapping{{0x7fff'f000}, 0, rw});
  CHECK(f.table.query({0x4000'0000}) == mapping{{0x8000'0000}, 2, rw});
  CHECK(f.table.query({0x7fff'ffff}) == mapping{{0x8000'0000}, 2, rw});
  CHECK(f.table.query({0x8000'0000}) == mapping{{0xc000'0000}, 0, rw});
  CHECK(f.table.translate({0x4012'3456}) == host_phys{0x8012'3456});
  CHECK(f.table.translate({0x8000'0fff}) == host_phys{0xc000'0fff});
  CHECK(f.table.query({0x8000'1000}) == failure{paging_error::not_mapped});
  CHECK(f.table.query({0x3fff'efff}) == failure{paging_error::not_mapped});

  SECTION("a target aligned to less gets smaller ones") {
    REQUIRE(f.table.map({0x1'0000'0000}, {0x2'0020'0000}, 0x40'0000, rw));
    CHECK(f.table.query({0x1'0000'0000})->level == 1);
    REQUIRE(f.table.map({0x1'4000'0000}, {0x2'0020'1000}, 0x40'0000, rw));
    CHECK(f.table.query({0x1'4000'0000})->level == 0);
  }
  SECTION("or what the caller allows") {
    REQUIRE(f.table.map({0x1'0000'0000}, {0x2'0000'0000}, 0x4000'0000, rw, 1));
    CHECK(f.table.query({0x1'0000'0000})->level == 1);
  }
}

TEST_CASE("every refusal has its own error and changes nothing") {
  fixture<stage2> f;
  REQUIRE(f.table.map({0x20'0000}, {0x40'0000}, 0x20'0000, rw));
  std::size_t const used = f.memory->outstanding();

  CHECK(f.table.map({0x800}, {0}, 0x1000, rw) == failure{paging_error::misaligned});
  CHECK(f.table.map({0}, {0x800}, 0x1000, rw) == failure{paging_error::misaligned});
  CHECK(f.table.map({0}, {0}, 0x1800, rw) == failure{paging_error::misaligned});
  CHECK(f.table.map({0xff'ffff'f000}, {0}, 0x2000, rw) == failure{paging_error::out_of_range});
  CHECK(f.table.map({UINT64_MAX - 0xfff}, {0}, 0x2000, rw) == failure{paging_error::out_of_range});
  CHECK(f.table.map({0}, {0xffff'ffff'f000}, 0x2000, rw) == failure{paging_error::out_of_range});
  CHECK(f.table.map({0}, {0}, UINT64_MAX - 0xfff, rw) == failure{paging_error::out_of_range});
  CHECK(f.table.map({0}, {0}, 0x1000, {axhal::access::write}) == failure{paging_error::not_representable});
  CHECK(f.table.map({0}, {0}, 0x1000, {}) == failure{paging_error::not_representable});
  CHECK(f.table.map({0x3f'f000}, {0}, 0x1000, rw) == failure{paging_error::already_mapped});
  CHECK(f.table.map({0}, {0}, 0x20'1000, rw) == failure{paging_error::already_mapped});

  CHECK(f.table.unmap({0x1f'f000}, 0x2000) == failure{paging_error::not_mapped});
  CHECK(f.table.unmap({0x20'0000}, 0x800) == failure{paging_error::misaligned});
  CHECK(f.table.unmap({0x100'0000'0000}, 0x1000) == failure{paging_error::out_of_range});
  CHECK(f.table.protect({0x1f'f000}, 0x2000, ro) == failure{paging_error::not_mapped});
  CHECK(f.table.protect({0x20'0000}, 0x1000, {}) == failure{paging_error::not_representable});
  CHECK(f.table.protect({0x20'0800}, 0x1000, {}) == failure{paging_error::misaligned});
  CHECK(f.table.split({0x100'0000'0000}, 0x1000) == failure{paging_error::out_of_range});
  CHECK(f.table.merge({0x20'0800}, 0x1000) == failure{paging_error::misaligned});
  CHECK(f.table.query({0x100'0000'0000}) == failure{paging_error::out_of_range});
  CHECK(f.table.translate({0x100'0000'0000}) == failure{paging_error::out_of_range});
  CHECK(f.table.create() == failure{paging_error::already_mapped});

  CHECK(f.memory->outstanding() == used);
  CHECK(f.table.query({0x20'0000}) == mapping{{0x40'0000}, 1, rw});
}

TEST_CASE("no bytes are nothing to do") {
  fixture<stage2> f;
  CHECK(f.table.map({0x123}, {0x456}, 0, {}));
  CHECK(f.table.unmap({0x123}, 0));
  CHECK(f.table.protect({0x123}, 0, {}));
  CHECK(f.table.split({0x123}, 0));
  CHECK(f.table.merge({0x123}, 0) == std::size_t{0});
  CHECK(f.table.first_mapped({0}, 0) == failure{paging_error::not_mapped});
  CHECK(f.memory->outstanding() == 2);
  CHECK(f.table.tlb().size() == 0);
}

TEST_CASE("without a root every address is out of range") {
  auto const memory = std::make_unique<frames>();
  paging::page_table<stage2, frames> table{*memory};
  CHECK_FALSE(table.is_live());
  CHECK(table.map({0}, {0}, 0x1000, rw) == failure{paging_error::out_of_range});
  CHECK(table.unmap({0}, 0x1000, holes::skip) == failure{paging_error::out_of_range});
  CHECK(table.merge({0}, 0x1000) == failure{paging_error::out_of_range});
  CHECK(table.query({0}) == failure{paging_error::out_of_range});
  CHECK(table.first_mapped({0}, 0x1000) == failure{paging_error::out_of_range});
  table.destroy();

  memory->fail_after(0);
  CHECK(table.create() == failure{paging_error::no_memory});
  CHECK_FALSE(table.is_live());
  memory->stop_failing();
  REQUIRE(table.create());
  CHECK(memory->outstanding() == 2);  // 40 bits: two concatenated tables
  CHECK(table.root().value % 0x2000 == 0);
  CHECK(table.query({0}) == failure{paging_error::not_mapped});  // fresh frames are dirty, roots are not
  CHECK(table.query({0xff'ffff'f000}) == failure{paging_error::not_mapped});
  REQUIRE(table.map({0}, {0}, 0x1000, rw));
  table.destroy();
  CHECK(memory->outstanding() == 0);
  CHECK(table.query({0}) == failure{paging_error::out_of_range});
  REQUIRE(table.create());
  CHECK(table.query({0}) == failure{paging_error::not_mapped});
  table.destroy();
}

TEMPLATE_TEST_CASE("a large page is split at the edges, with exactly the frames that it takes", "", stage2, simulated) {
  fixture<TestType> f;
  REQUIRE(f.table.map({0x4000'0000}, {0x8000'0000}, 0x4000'0000, rw));
  std::size_t const used = f.memory->outstanding();

  SECTION("a page in the middle of a gigabyte: one table of each level") {
    f.memory->fail_after(2);
    REQUIRE(f.table.unmap({0x4060'3000}, 0x1000));
    CHECK(f.memory->outstanding() == used + 2);
    CHECK(f.table.query({0x4060'3000}) == failure{paging_error::not_mapped});
    CHECK(f.table.query({0x4060'2000}) == mapping{{0x8060'2000}, 0, rw});
    CHECK(f.table.query({0x4060'4000}) == mapping{{0x8060'4000}, 0, rw});
    CHECK(f.table.query({0x4040'0000}) == mapping{{0x8040'0000}, 1, rw});
    CHECK(f.table.query({0x4080'0000}) == mapping{{0x8080'0000}, 1, rw});
  }
  SECTION("edges in different large pages: two small tables") {
    f.memory->fail_after(3);
    REQUIRE(f.table.protect({0x4060'3000}, 0x60'0000, ro));
    CHECK(f.memory->outstanding() == used + 3);
    CHECK(f.table.query({0x4060'2000}) == mapping{{0x8060'2000}, 0, rw});
    CHECK(f.table.query({0x4060'3000}) == mapping{{0x8060'3000}, 0, ro});
    CHECK(f.table.query({0x4080'0000}) == mapping{{0x8080'0000}, 1, ro});
    CHECK(f.table.query({0x40c0'2fff}) == mapping{{0x80c0'2000}, 0, ro});
    CHECK(f.table.query({0x40c0'3000}) == mapping{{0x80c0'3000}, 0, rw});
  }
  SECTION("edges of large pages need no small table") {
    f.memory->fail_after(1);
    REQUIRE(f.table.unmap({0x4020'0000}, 0x40'0000));
    CHECK(f.table.query({0x4060'0000}) == mapping{{0x8060'0000}, 1, rw});
  }
  SECTION("a whole large page needs nothing") {
    f.memory->fail_after(0);
    REQUIRE(f.table.protect({0x4000'0000}, 0x4000'0000, ro));
    CHECK(f.table.query({0x4000'0000}) == mapping{{0x8000'0000}, 2, ro});
    REQUIRE(f.table.unmap({0x4000'0000}, 0x4000'0000));
    CHECK(f.table.query({0x4000'0000}) == failure{paging_error::not_mapped});
  }
  SECTION("nor does a part that has the attributes already") {
    f.memory->fail_after(0);
    REQUIRE(f.table.protect({0x4000'1000}, 0x1000, rw));
    CHECK(f.table.query({0x4000'1000})->level == 2);
  }
  SECTION("split alone keeps every translation") {
    f.memory->fail_after(2);
    REQUIRE(f.table.split({0x4060'3000}, 0x1000));
    CHECK(f.table.query({0x4060'3000}) == mapping{{0x8060'3000}, 0, rw});
    CHECK(f.table.query({0x4040'0000}) == mapping{{0x8040'0000}, 1, rw});
    REQUIRE(f.table.unmap({0x4060'3000}, 0x1000));
  }
  SECTION("one frame too few is no change") {
    f.memory->fail_after(1);
    CHECK(f.table.unmap({0x4060'3000}, 0x1000) == failure{paging_error::no_memory});
    CHECK(f.memory->outstanding() == used);
    CHECK(f.table.query({0x4060'3000}) == mapping{{0x8000'0000}, 2, rw});
  }
}

TEST_CASE("map asks for exactly the tables that it needs") {
  fixture<stage2> f;
  f.memory->fail_after(4);  // levels 1 and 0 at both ends
  REQUIRE(f.table.map({0x3fff'f000}, {0x7fff'f000}, 0x2000, rw));
  CHECK(f.memory->outstanding() == 2 + 4);
  f.memory->fail_after(0);  // and none where they are
  REQUIRE(f.table.map({0x3fff'e000}, {0x1000}, 0x1000, rw));
}

TEST_CASE("tables that became empty are released, up to the root") {
  fixture<stage2> f;
  REQUIRE(f.table.map({0x4000'0000}, {0x1000}, 0x1000, rw));
  REQUIRE(f.table.map({0x4000'5000}, {0x9000}, 0x1000, rw));
  CHECK(f.memory->outstanding() == 2 + 2);
  REQUIRE(f.table.unmap({0x4000'0000}, 0x1000));
  CHECK(f.memory->outstanding() == 2 + 2);
  REQUIRE(f.table.unmap({0x4000'5000}, 0x1000));
  CHECK(f.memory->outstanding() == 2);

  SECTION("by one entry, when the range holds the whole table") {
    REQUIRE(f.table.map({0x4000'0000}, {0x1000}, 0x20'0000, rw));
    REQUIRE(f.table.map({0x4020'0000}, {0x100'1000}, 0x20'0000, rw));
    REQUIRE(f.table.unmap({0}, 0x100'0000'0000, holes::skip));
    CHECK(f.memory->outstanding() == 2);
  }
}

TEST_CASE("merge undoes a split and is asked for, not automatic") {
  fixture<stage2> f;
  REQUIRE(f.table.map({0x4000'0000}, {0x8000'0000}, 0x4000'0000, rw));
  std::size_t const used = f.memory->outstanding();
  REQUIRE(f.table.unmap({0x4060'3000}, 0x1000));
  REQUIRE(f.table.map({0x4060'3000}, {0x8060'3000}, 0x1000, rw));
  CHECK(f.table.query({0x4060'3000})->level == 0);
  f.memory->fail_after(0);

  SECTION("of everything: straight to a gigabyte") {
    CHECK(f.table.merge({0}, 0x100'0000'0000) == std::size_t{1});
    CHECK(f.table.query({0x4060'3000}) == mapping{{0x8000'0000}, 2, rw});
    CHECK(f.memory->outstanding() == used);
    CHECK(f.table.merge({0}, 0x100'0000'0000) == std::size_t{0});
  }
  SECTION("not beyond the range that was asked for") {
    CHECK(f.table.merge({0x4060'0000}, 0x20'0000) == std::size_t{1});
    CHECK(f.table.query({0x4060'3000}) == mapping{{0x8060'0000}, 1, rw});
    CHECK(f.table.merge({0x4000'0000}, 0x3fff'f000) == std::size_t{0});
  }
  SECTION("not over other attributes") {
    f.memory->stop_failing();
    REQUIRE(f.table.protect({0x4060'7000}, 0x1000, ro));
    CHECK(f.table.merge({0x4000'0000}, 0x4000'0000) == std::size_t{0});
    REQUIRE(f.table.protect({0x4060'7000}, 0x1000, {read_write, memory_type::normal_uncached}));
    CHECK(f.table.merge({0x4000'0000}, 0x4000'0000) == std::size_t{0});
  }
  SECTION("not over a hole, nor out of order") {
    REQUIRE(f.table.unmap({0x4060'7000}, 0x1000));
    CHECK(f.table.merge({0x4000'0000}, 0x4000'0000) == std::size_t{0});
    REQUIRE(f.table.map({0x4060'7000}, {0x8060'8000}, 0x1000, rw));
    CHECK(f.table.merge({0x4000'0000}, 0x4000'0000) == std::size_t{0});
  }
  SECTION("not where the target is not aligned") {
    f.memory->stop_failing();
    REQUIRE(f.table.map({0x20'0000}, {0x1000}, 0x20'0000, rw));
    CHECK(f.table.merge({0x20'0000}, 0x20'0000) == std::size_t{0});
    CHECK(f.table.query({0x20'0000}) == mapping{{0x1000}, 0, rw});
  }
}

TEST_CASE("what was absent needs no invalidation, only publication") {
  fixture<stage2> f;
  REQUIRE(f.table.map({0x4000'0000}, {0x1000}, 0x10'0000, rw));
  REQUIRE(f.table.tlb().size() == 1);
  CHECK(f.table.tlb()[0].kind == what::publish);
}

TEST_CASE("rights change in place, one wait for the whole range") {
  fixture<stage2> f;
  REQUIRE(f.table.map({0x4000'0000}, {0x1000}, 0x4000, rw));
  f.table.tlb().clear();
  REQUIRE(f.table.protect({0x4000'0000}, 0x4000, ro));
  auto const& log = f.table.tlb();
  REQUIRE(log.size() == 3);
  CHECK(log[0].kind == what::invalidate);
  CHECK(log[0].range.start == guest_phys{0x4000'0000});
  CHECK(log[0].range.size == 0x4000);
  CHECK(log[0].range.last_level);
  CHECK(log[1].kind == what::complete);
  CHECK(log[2].kind == what::publish);
}

TEST_CASE("another memory type breaks before it makes, where the format asks for that") {
  SECTION("it does") {
    fixture<stage2> f;
    REQUIRE(f.table.map({0x4000'0000}, {0x1000}, 0x2000, rw));
    f.table.tlb().clear();
    REQUIRE(f.table.protect({0x4000'0000}, 0x2000, device));
    CHECK(f.table.tlb().count(what::complete) == 2);
  }
  SECTION("it does not") {
    fixture<simulated> f;
    REQUIRE(f.table.map({0x4000'0000}, {0x1000}, 0x2000, rw));
    f.table.tlb().clear();
    REQUIRE(f.table.protect({0x4000'0000}, 0x2000, device));
    CHECK(f.table.tlb().count(what::complete) == 1);
  }
}

TEST_CASE("one request is enough for a large page") {
  fixture<stage2> f;
  REQUIRE(f.table.map({0x4000'0000}, {0x8000'0000}, 0x40'0000, rx));
  REQUIRE(f.table.map({0x4040'0000}, {0x1000}, 0x1000, rx));
  f.table.tlb().clear();
  REQUIRE(f.table.unmap({0x4000'0000}, 0x40'0000));
  auto const& log = f.table.tlb();
  REQUIRE(log.size() == 2);
  CHECK(log[0].range.start == guest_phys{0x4000'0000});
  CHECK(log[0].range.size == 0x40'0000);
  CHECK(log[0].range.step == 0x20'0000);
  CHECK(log[0].range.last_level);
}

TEST_CASE("first_mapped passes over what is empty") {
  fixture<stage2> f;
  REQUIRE(f.table.map({0xff'ffff'f000}, {0x5000}, 0x1000, rw));
  REQUIRE(f.table.map({0x40'0000'0000}, {0x80'0000'0000}, 0x20'0000, ro));
  auto const first = f.table.first_mapped({0}, 0x100'0000'0000);
  REQUIRE(first);
  CHECK(first->input == 0x40'0000'0000);
  CHECK(first->leaf == mapping{{0x80'0000'0000}, 1, ro});
  auto const inside = f.table.first_mapped({0x40'0000'5000}, 0x1000);
  REQUIRE(inside);
  CHECK(inside->input == 0x40'0000'0000);
  auto const next = f.table.first_mapped({0x40'0020'0000}, 0xbf'ffe0'0000);
  REQUIRE(next);
  CHECK(next->input == 0xff'ffff'f000);
  CHECK(f.table.first_mapped({0x40'0020'0000}, 0xbf'ffdf'f000) == failure{paging_error::not_mapped});
}
