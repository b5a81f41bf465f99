// SPDX-License-Identifier: BSL-1.0
#include <axhal/arch/host/counting_frames.hpp>
#include <axhal/memory/dma.hpp>
#include <axhal/memory/frame_allocator.hpp>

#include <catch2/catch_test_macros.hpp>

#include <cstdint>

namespace {

using namespace axhal;
using memory::bus_address;
using memory::dma_error;

/// Records the order of what is done to a region, with what the source looked like at that moment.
struct recorder {
  struct log {
    unsigned shared{};
    unsigned taken_back{};
    std::size_t outstanding_when_taken_back{};
  };
  void share(host_phys, std::uint64_t) const { ++where->shared; }
  void take_back(host_phys, std::uint64_t) const {
    ++where->taken_back;
    where->outstanding_when_taken_back = frames->outstanding();
  }
  log* where{};
  host::counting_frames<64>* frames{};
};

}  // namespace

TEST_CASE("a device gets what it asked for") {
  static host::counting_frames<64> frames;
  recorder::log log;
  memory::dma_pool<host::counting_frames<64>, memory::offset_bus, recorder> pool{
      frames, {0x10'0000'0000}, {&log, &frames}};
  auto const region = pool.allocate({.size = 5000, .alignment = 4 * frame_size, .boundary = 4 * frame_size});
  REQUIRE(region);
  CHECK(region->size == 2 * frame_size);
  CHECK(region->bus == bus_address{region->physical.value + 0x10'0000'0000});
  CHECK(is_aligned(region->bus, 4 * frame_size));
  CHECK(region->cpu == frames.pointer(region->physical));
  CHECK(log.shared == 1);
  CHECK(pool.release(*region).has_value());
  CHECK(log.taken_back == 1);
  CHECK(log.outstanding_when_taken_back == 2);  // the frames were not free yet
  CHECK(frames.outstanding() == 0);
  CHECK(pool.release(*region) == failure{dma_error::foreign});
}

TEST_CASE("a region does not cross a boundary") {
  static host::counting_frames<64> frames;
  memory::dma_pool pool{frames};
  for (int i = 0; i < 8; ++i) {
    auto const region = pool.allocate({.size = 3 * frame_size, .boundary = 4 * frame_size});
    REQUIRE(region);
    CHECK(region->bus.value / (4 * frame_size) == (region->bus.value + 3 * frame_size - 1) / (4 * frame_size));
  }
}

TEST_CASE("what makes no sense and what cannot be reached is refused, and nothing is lost") {
  static host::counting_frames<64> frames;
  memory::dma_pool pool{frames};
  CHECK(pool.allocate({}) == failure{dma_error::bad_request});
  CHECK(pool.allocate({.size = 1, .alignment = 0}) == failure{dma_error::bad_request});
  CHECK(pool.allocate({.size = 1, .alignment = 3}) == failure{dma_error::bad_request});
  CHECK(pool.allocate({.size = 1, .boundary = 3}) == failure{dma_error::bad_request});
  CHECK(pool.allocate({.size = 8193, .boundary = 8192}) == failure{dma_error::bad_request});
  CHECK(pool.allocate({.size = ~std::uint64_t{0}}) == failure{dma_error::exhausted});
  CHECK(pool.allocate({.size = 65 * frame_size}) == failure{dma_error::exhausted});
  CHECK(pool.allocate({.size = 1, .highest = {0xfff}}) == failure{dma_error::unreachable});
  CHECK(pool.release({}) == failure{dma_error::foreign});
  CHECK(frames.outstanding() == 0);
}

TEST_CASE("a source that can be asked for a window is") {
  struct low_and_high {
    alignas(frame_size) std::uint8_t store[16 * frame_size];
    memory::frame_allocator<2> frames{};
  };
  static low_and_high m;
  host_phys const base = memory::identity_access::physical(m.store);
  REQUIRE(m.frames.add_region({base + 8 * frame_size, 8 * frame_size}));  // the high half comes first
  REQUIRE(m.frames.add_region({base, 8 * frame_size}));
  auto view = m.frames.for_owner({1});
  memory::dma_pool pool{view};
  bus_address const reach{base.value + 8 * frame_size - 1};
  auto const region = pool.allocate({.size = 7 * frame_size, .highest = reach});
  REQUIRE(region);
  CHECK(region->bus.value + region->size - 1 <= reach.value);
  CHECK(pool.allocate({.size = 1, .highest = reach}) == failure{dma_error::unreachable});
  CHECK(view.account().used == 7);
}
