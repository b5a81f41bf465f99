// SPDX-License-Identifier: BSL-1.0
#include <axhal/arch/aarch64/paging_stage2.hpp>
#include <axhal/arch/host/counting_frames.hpp>
#include <axhal/arch/host/paging.hpp>
#include <axhal/paging/address_space.hpp>

#include <support/frame_source_archetype.hpp>
#include <support/paging_archetype.hpp>

#include <catch2/catch_test_macros.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>

using archetype_table = axhal::paging::page_table<axhal::test::paging_archetype, axhal::test::frame_source_archetype,
                                                  axhal::test::tlb_archetype>;
template class axhal::paging::address_space<archetype_table, axhal::test::frame_source_archetype, 4>;

namespace {

using namespace axhal;
using paging::area_error;
using paging::backing;
using paging::fault_outcome;
using paging::overlap;

constexpr auto to_read = axhal::access::read;
constexpr auto to_write = axhal::access::write;
constexpr auto to_execute = axhal::access::execute;
constexpr page_attributes rw{read_write, memory_type::normal};
constexpr page_attributes ro{to_read, memory_type::normal};
constexpr page_attributes rwx{read_write_execute, memory_type::normal};

using format = aarch64::stage2<36>;
using frames = host::counting_frames<2048>;
using tlb = host::recording_tlb<guest_phys, 8>;
using table = paging::page_table<format, frames, tlb>;

/// What the space holds by its own account, checked against the page table page by page.
struct fixture {
  using space_type = paging::address_space<table, frames, 4>;

  std::unique_ptr<frames> memory = std::make_unique<frames>();
  table pages{*memory};
  space_type space{{{0x1000}, 0xf'ffff'e000}, pages, *memory};

  fixture() { REQUIRE(pages.create()); }
  ~fixture() {
    space.clear();
    CHECK(memory->outstanding() == 1);
    pages.destroy();
    CHECK(memory->outstanding() == 0);
    CHECK(memory->refused_releases() == 0);
  }
  bool is_mapped(std::uint64_t at) const { return pages.query({at}).has_value(); }
};

}  // namespace

TEST_CASE("a linear area is mapped at once, with large pages") {
  fixture f;
  REQUIRE(f.space.map_linear({0x4000'0000}, {0x8000'0000}, 0x4020'1000, rwx));
  CHECK(f.pages.query({0x4000'0000})->level == 2);
  CHECK(f.pages.query({0x8000'0000})->level == 1);
  CHECK(f.pages.translate({0x8020'0123}) == host_phys{0xc020'0123});
  CHECK(f.space.find({0x4000'0000})->kind == backing::linear);
  CHECK(f.space.find({0x8020'1000}) == nullptr);
  CHECK(f.space.handle_fault({0x4000'0000}, to_execute) == fault_outcome::spurious);
  REQUIRE(f.space.map_linear({0x1'0000'0000}, {0x1'0000'0000}, 0x4000'0000, rw, overlap::refuse, 0));
  CHECK(f.pages.query({0x1'0000'0000})->level == 0);
}

TEST_CASE("a lazy area has memory where it was touched") {
  fixture f;
  REQUIRE(f.space.map_lazy({0x10'0000}, 0x10'0000, rw));
  CHECK(f.memory->outstanding() == 1);
  CHECK_FALSE(f.is_mapped(0x10'0000));
  CHECK(f.space.handle_fault({0x10'3456}, to_write) == fault_outcome::populated);
  CHECK(f.is_mapped(0x10'3000));
  CHECK_FALSE(f.is_mapped(0x10'4000));
  CHECK(f.space.handle_fault({0x10'3fff}, to_read) == fault_outcome::spurious);
  auto const* const bytes = static_cast<std::uint8_t const*>(f.memory->pointer(f.pages.query({0x10'3000})->target));
  bool clean = true;
  for (int i = 0; i < 4096; ++i) clean = clean && bytes[i] == 0;
  CHECK(clean);

  CHECK(f.space.handle_fault({0x10'3456}, to_execute) == failure{area_error::denied});
  CHECK(f.space.handle_fault({0x0f'ffff}, to_read) == failure{area_error::no_area});
  CHECK(f.space.handle_fault({0x20'0000}, to_read) == failure{area_error::no_area});
  CHECK(f.space.handle_fault({UINT64_MAX}, to_read) == failure{area_error::no_area});

  f.memory->fail_after(0);
  CHECK(f.space.handle_fault({0x10'5000}, to_read) == failure{area_error::no_memory});
  f.memory->stop_failing();
  CHECK(f.space.handle_fault({0x10'5000}, to_read) == fault_outcome::populated);

  std::size_t const used = f.memory->outstanding();
  REQUIRE(f.space.unmap({0x10'3000}, 0x1000));
  CHECK(f.memory->outstanding() == used - 1);
  CHECK(f.space.handle_fault({0x10'3000}, to_read) == failure{area_error::no_area});
}

TEST_CASE("a lazy block that finds no table gives its memory back") {
  fixture f;
  REQUIRE(f.space.map_lazy({0x10'0000}, 0x1000, rw));
  f.memory->fail_after(1);  // the page, not the tables
  CHECK(f.space.handle_fault({0x10'0000}, to_read) == failure{area_error::no_memory});
  f.memory->stop_failing();
  CHECK(f.memory->outstanding() == 1);
}

TEST_CASE("large blocks: one fault, one large page, and no cut inside it") {
  fixture f;
  REQUIRE(f.space.map_lazy({0x40'0000}, 0x60'0000, rw, 1));
  CHECK(f.space.handle_fault({0x7f'ffff}, to_write) == fault_outcome::populated);
  CHECK(f.pages.query({0x60'0000})->level == 1);
  CHECK_FALSE(f.is_mapped(0x5f'f000));
  CHECK_FALSE(f.is_mapped(0x80'0000));
  CHECK(f.space.unmap({0x60'0000}, 0x1000) == failure{area_error::misaligned});
  CHECK(f.space.protect({0x61'0000}, 0x1f'0000, ro) == failure{area_error::misaligned});
  CHECK(f.space.map_linear({0x50'0000}, {0}, 0x20'0000, rw, overlap::replace) == failure{area_error::misaligned});
  REQUIRE(f.space.protect({0x60'0000}, 0x20'0000, ro));
  CHECK(f.space.handle_fault({0x60'0000}, to_write) == failure{area_error::denied});
  CHECK(f.pages.query({0x60'0000})->attributes == ro);
  REQUIRE(f.space.unmap({0x60'0000}, 0x20'0000));
  CHECK(f.memory->outstanding() == 1);

  CHECK(f.space.map_lazy({0x1000}, 0x20'0000, rw, 1) == failure{area_error::misaligned});
  CHECK(f.space.map_lazy({0x4000'0000}, 0x20'1000, rw, 1) == failure{area_error::misaligned});
  CHECK(f.space.map_lazy({0x4000'0000}, 0x4000'0000, rw, 3) == failure{area_error::not_representable});
}

TEST_CASE("areas in the way are refused or replaced") {
  fixture f;
  REQUIRE(f.space.map_linear({0x10'0000}, {0x100'0000}, 0x10'0000, rw));
  CHECK(f.space.map_lazy({0x1f'f000}, 0x2000, rw) == failure{area_error::overlaps});
  CHECK(f.space.map_linear({0x0f'f000}, {0}, 0x2000, rw) == failure{area_error::overlaps});
  CHECK(f.space.areas().size() == 1);

  REQUIRE(f.space.map_linear({0x14'0000}, {0x200'0000}, 0x1'0000, ro, overlap::replace));
  REQUIRE(f.space.areas().size() == 3);
  CHECK(f.pages.translate({0x13'f000}) == host_phys{0x103'f000});
  CHECK(f.pages.translate({0x14'0000}) == host_phys{0x200'0000});
  CHECK(f.pages.translate({0x15'0000}) == host_phys{0x105'0000});
  CHECK(f.space.areas()[2].target == host_phys{0x105'0000});

  REQUIRE(f.space.map_lazy({0x10'0000}, 0x10'0000, rw, 0, overlap::replace));
  CHECK(f.space.areas().size() == 1);
  CHECK_FALSE(f.is_mapped(0x14'0000));
}

TEST_CASE("unmap and protect cut linear areas anywhere") {
  fixture f;
  REQUIRE(f.space.map_linear({0x4000'0000}, {0x8000'0000}, 0x4000'0000, rw));
  REQUIRE(f.space.unmap({0x4000'5000}, 0x1000));
  CHECK(f.space.areas().size() == 2);
  CHECK_FALSE(f.is_mapped(0x4000'5000));
  CHECK(f.pages.translate({0x4000'6000}) == host_phys{0x8000'6000});
  REQUIRE(f.space.protect({0x4000'6000}, 0x1000, ro));
  CHECK(f.space.areas().size() == 3);
  CHECK(f.space.handle_fault({0x4000'6000}, to_write) == failure{area_error::denied});
  CHECK(f.space.handle_fault({0x4000'7000}, to_write) == fault_outcome::spurious);
  CHECK(f.space.protect({0x4000'5000}, 0x1000, ro) == failure{area_error::no_area});
  CHECK(f.space.protect({0x4000'4000}, 0x3000, ro) == failure{area_error::no_area});
  REQUIRE(f.space.protect({0x4000'6000}, 0x1000, rw));  // and joins again
  CHECK(f.space.areas().size() == 2);
  REQUIRE(f.space.unmap({0x1000}, 0xf'ffff'e000));
  CHECK(f.space.areas().size() == 0);
  REQUIRE(f.space.unmap({0x1000}, 0x1000));  // holes are fine
}

TEST_CASE("a full list refuses before anything changes") {
  fixture f;
  for (std::uint64_t i = 0; i < 4; ++i) REQUIRE(f.space.map_lazy({0x10'0000 + i * 0x10'0000}, 0x8000, rw));
  CHECK(f.space.map_lazy({0x90'0000}, 0x1000, rw) == failure{area_error::no_room});
  CHECK(f.space.map_linear({0x90'0000}, {0}, 0x1000, rw) == failure{area_error::no_room});
  CHECK_FALSE(f.is_mapped(0x90'0000));
  CHECK(f.space.unmap({0x10'1000}, 0x1000) == failure{area_error::no_room});
  CHECK(f.space.protect({0x10'0000}, 0x1000, ro) == failure{area_error::no_room});
  CHECK(f.space.map_lazy({0x10'1000}, 0x1000, ro, 0, overlap::replace) == failure{area_error::no_room});
  CHECK(f.space.find({0x10'1000})->attributes == rw);
  REQUIRE(f.space.map_lazy({0x10'8000}, 0x1000, rw));  // grows the first
  REQUIRE(f.space.unmap({0x10'0000}, 0x1000));         // shortens it
  REQUIRE(f.space.map_lazy({0x20'0000}, 0x8000, ro, 0, overlap::replace));
  REQUIRE(f.space.protect({0x30'0000}, 0x8000, ro));
  CHECK(f.space.areas().size() == 4);
}

TEST_CASE("every refusal has its own error") {
  fixture f;
  CHECK(f.space.map_lazy({0x800}, 0x1000, rw) == failure{area_error::misaligned});
  CHECK(f.space.map_lazy({0x1000}, 0, rw) == failure{area_error::out_of_range});
  CHECK(f.space.map_linear({0x1000}, {0}, 0, rw) == failure{area_error::out_of_range});
  CHECK(f.space.map_lazy({0}, 0x1000, rw) == failure{area_error::out_of_range});
  CHECK(f.space.map_lazy({0xf'ffff'f000}, 0x1000, rw) == failure{area_error::out_of_range});
  CHECK(f.space.map_lazy({UINT64_MAX - 0xfff}, 0x2000, rw) == failure{area_error::out_of_range});
  CHECK(f.space.map_lazy({0x1000}, 0x1000, {}) == failure{area_error::not_representable});
  CHECK(f.space.map_linear({0x1000}, {0x800}, 0x1000, rw) == failure{area_error::misaligned});
  CHECK(f.space.map_linear({0x1000}, {0x1'0000'0000'0000}, 0x1000, rw) == failure{area_error::out_of_range});
  CHECK(f.space.unmap({0}, 0x2000) == failure{area_error::out_of_range});
  REQUIRE(f.space.map_lazy({0x1000}, 0x1000, rw));
  CHECK(f.space.protect({0x1000}, 0x1000, {}) == failure{area_error::not_representable});
  f.memory->fail_after(0);
  CHECK(f.space.map_linear({0x4000'0000}, {0}, 0x1000, rw) == failure{area_error::no_memory});
  f.memory->stop_failing();
  CHECK(f.space.areas().size() == 1);
}

TEST_CASE("unmap and protect without memory change nothing") {
  fixture f;
  REQUIRE(f.space.map_linear({0x4000'0000}, {0x8000'0000}, 0x4000'0000, rw));
  REQUIRE(f.space.map_lazy({0x8000'0000}, 0x10'0000, rw));
  REQUIRE(f.space.handle_fault({0x8000'0000}, to_read));
  std::size_t const used = f.memory->outstanding();
  // The range begins inside the gigabyte page, which must be split, and takes the lazy page too.
  for (std::size_t allowed = 0; allowed < 2; ++allowed) {
    f.memory->fail_after(allowed);
    CHECK(f.space.unmap({0x7fff'f000}, 0x2000) == failure{area_error::no_memory});
    CHECK(f.space.protect({0x7fff'f000}, 0x2000, ro) == failure{area_error::no_memory});
    CHECK(f.memory->outstanding() == used);
    CHECK(f.space.areas().size() == 2);
    CHECK(f.pages.query({0x7fff'f000})->level == 2);
    CHECK(f.is_mapped(0x8000'0000));
  }
  f.memory->stop_failing();
  REQUIRE(f.space.unmap({0x7fff'f000}, 0x2000));
  CHECK_FALSE(f.is_mapped(0x7fff'f000));
  CHECK_FALSE(f.is_mapped(0x8000'0000));
  CHECK(f.is_mapped(0x7fff'e000));
  CHECK(f.space.find({0x8000'1000}) != nullptr);
}

TEST_CASE("a sparse lazy area of all memory is given back quickly and wholly") {
  fixture f;
  REQUIRE(f.space.map_lazy({0x1000}, 0xf'ffff'e000, rw));
  std::uint64_t touched = 0;
  for (std::uint64_t at = 0x1000; at < 0xf'ffff'e000; at = at * 2 + 0x3000) {
    REQUIRE(f.space.handle_fault({at}, to_write));
    ++touched;
  }
  for (std::uint64_t at = 0x4000'0000; at < 0x4000'0000 + 100 * 0x1000; at += 0x1000) {
    REQUIRE(f.space.handle_fault({at}, to_write));
  }
  CHECK(touched > 15);
  f.space.clear();
  CHECK(f.memory->outstanding() == 1);
}

TEST_CASE("find_free respects window, limits and alignment") {
  fixture f;
  CHECK(f.space.find_free(0x1000) == guest_phys{0x1000});
  CHECK(f.space.find_free(0x1000, 0x20'0000) == guest_phys{0x20'0000});
  REQUIRE(f.space.map_lazy({0x1000}, 0x10'0000, rw));
  CHECK(f.space.find_free(0x1000) == guest_phys{0x10'1000});
  CHECK(f.space.find_free(0x1000, 0x1000, {{0x8000'0000}, 0x1000}) == guest_phys{0x8000'0000});
  CHECK(f.space.find_free(0x2000, 0x1000, {{0x8000'0000}, 0x1000}) == failure{area_error::no_room});
  CHECK(f.space.find_free(0x10'0000'0000) == failure{area_error::no_room});
  CHECK(f.space.find_free(0) == failure{area_error::out_of_range});
  CHECK(f.space.find_free(0x1000, 0x1000, {{0}, 0x1000}) == failure{area_error::out_of_range});
  CHECK(f.space.find_free(0x1800) == failure{area_error::misaligned});
  CHECK(f.space.find_free(0x1000, 0x1800) == failure{area_error::misaligned});
  CHECK(f.space.find_free(0x1000, 0x800) == failure{area_error::misaligned});
  CHECK(f.space.find_free(0x1000, 0) == failure{area_error::misaligned});
}

TEST_CASE("fresh memory passes through the caller's preparation") {
  struct mark {
    std::size_t* bytes;
    void operator()(void* start, std::uint64_t size) const {
      __builtin_memset(start, 0x11, size);
      *bytes += size;
    }
  };
  std::size_t prepared = 0;
  auto const memory = std::make_unique<frames>();
  table pages{*memory};
  REQUIRE(pages.create());
  paging::address_space<table, frames, 2, mark> space{{{0}, 0x1000'0000}, pages, *memory, mark{&prepared}};
  REQUIRE(space.map_lazy({0}, 0x40'0000, rw, 1));
  REQUIRE(space.handle_fault({0x20'0000}, to_read));
  CHECK(prepared == 0x20'0000);
  CHECK(*static_cast<std::uint8_t const*>(memory->pointer(*pages.translate({0x3f'ffff}))) == 0x11);
  space.clear();
  pages.destroy();
}
