// SPDX-License-Identifier: BSL-1.0
#include <axhal/arch/host/counting_frames.hpp>
#include <axhal/conformance/frame_source_laws.hpp>
#include <axhal/memory/frame_allocator.hpp>
#include <axhal/memory/frame_pool.hpp>

#include <catch2/catch_test_macros.hpp>

#include <cstdint>

using namespace axhal;

namespace {

// Constant-initialised: a program without start-up code has it too.
constinit memory::frame_pool<16> ready_before_main;
constinit memory::frame_allocator<2> empty_before_main;

}  // namespace

TEST_CASE("a pool obeys the frame source laws at any size") {
  static memory::frame_pool<1> one;
  static memory::frame_pool<64> word;
  static memory::frame_pool<200> several;
  CHECK(laws::first_broken_frame_source_law(one) == 0);
  CHECK(laws::first_broken_frame_source_law(word) == 0);
  CHECK(laws::first_broken_frame_source_law(several) == 0);
  CHECK(several.free_frames() == several.capacity());
}

TEST_CASE("a pool hands out its own storage, seen through its translation") {
  static memory::frame_pool<4, memory::offset_access> pool{memory::offset_access{0x1000'0000}};
  auto const frame = pool.allocate(1, 1);
  REQUIRE(frame);
  CHECK(pool.pointer(*frame) == reinterpret_cast<void*>(frame->value + 0x1000'0000));
  CHECK(pool.pointer(*frame) == static_cast<void*>(&pool));
  CHECK(pool.release({frame->value - frame_size}, 1) == failure{frame_error::foreign});
  CHECK(pool.release({frame->value + 4 * frame_size}, 1) == failure{frame_error::foreign});
  CHECK(pool.release({frame->value + 3 * frame_size}, 1) == failure{frame_error::not_allocated});
  CHECK(pool.release(*frame, 0) == failure{frame_error::bad_request});
  CHECK(pool.release(*frame, 1).has_value());
}

TEST_CASE("counting frames count, fail on request and are never clean") {
  static host::counting_frames<100> frames;
  CHECK(laws::first_broken_frame_source_law(frames) == 0);
  CHECK(frames.outstanding() == 0);
  CHECK(frames.allocations() == frames.releases());
  CHECK(frames.refused_releases() > 0);
  CHECK(frames.peak() == 100);

  frames.fail_after(2);
  auto const a = frames.allocate(2, 1);
  auto const b = frames.allocate(1, 1);
  REQUIRE((a && b));
  CHECK(frames.allocate(1, 1) == failure{frame_error::exhausted});
  CHECK(frames.outstanding() == 3);
  auto* const bytes_of_a = static_cast<std::uint8_t*>(frames.pointer(*a));
  CHECK(bytes_of_a[2 * frame_size - 1] == frames.dirt);
  bytes_of_a[5] = 0;
  frames.stop_failing();
  REQUIRE(frames.release(*a, 2));
  CHECK(bytes_of_a[5] == frames.dirt);
  CHECK(frames.allocate(1, 1).has_value());
}

TEST_CASE("a static pool is zero until its first use, and a static allocator empty until its first region") {
  CHECK(ready_before_main.free_frames() == 16);
  host_phys const base{reinterpret_cast<std::uintptr_t>(&ready_before_main)};
  CHECK(ready_before_main.release(base, 1) == failure{frame_error::not_allocated});
  CHECK(ready_before_main.allocate(16, 1) == base);
  CHECK(ready_before_main.free_frames() == 0);
  CHECK(empty_before_main.allocate(1, 1) == failure{frame_error::exhausted});
  CHECK(empty_before_main.release({0x1000}, 1) == failure{frame_error::foreign});
}
