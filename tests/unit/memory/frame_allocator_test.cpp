// SPDX-License-Identifier: BSL-1.0
#include <axhal/conformance/frame_source_laws.hpp>
#include <axhal/memory/frame_allocator.hpp>

#include <catch2/catch_test_macros.hpp>

#include <cstdint>
#include <cstdlib>
#include <map>
#include <memory>
#include <random>

namespace {

using namespace axhal;
using namespace axhal::memory;

/// Host memory that plays physical memory at an address of our choice.
struct pretended_memory {
  pretended_memory(host_phys at, std::uint64_t frames)
      : store{static_cast<std::uint8_t*>(std::aligned_alloc(frame_size, frames * frame_size)), &std::free},
        range{at, frames * frame_size} {}
  offset_access access() const { return {reinterpret_cast<std::uintptr_t>(store.get()) - range.start.value}; }
  std::unique_ptr<std::uint8_t, void (*)(void*)> store;
  host_range range;
};

/// Two regions with a hole between them; both lie in one block of host memory.
struct machine {
  machine() {
    REQUIRE(frames.add_region({{0x4000'0000}, 300 * frame_size}));
    REQUIRE(frames.add_region({{0x4000'0000 + 400 * frame_size}, 200 * frame_size}));
  }
  pretended_memory ram{{0x4000'0000}, 600};
  frame_allocator<3, offset_access, 4> frames{ram.access()};
};

constexpr frame_owner guest_a{1};
constexpr frame_owner guest_b{2};

}  // namespace

TEST_CASE("a region pays for its records out of its own frames") {
  machine m;
  CHECK(m.frames.total_frames() == 300 - 1 + 200 - 1);
  CHECK(m.frames.free_frames() == m.frames.total_frames());
  CHECK(frame_allocator<1>::record_frames(std::uint64_t{1} << 18) == 81);  // 1 GiB: 320 KiB and the summaries
}

TEST_CASE("regions that cannot be managed are refused and change nothing") {
  machine m;
  auto const before = m.frames.total_frames();
  CHECK(m.frames.add_region({{0x4000'0000 + 299 * frame_size}, 4 * frame_size}) == failure{region_error::overlaps});
  CHECK(m.frames.add_region({{0x9000'0000}, frame_size}) == failure{region_error::too_small});
  CHECK(m.frames.add_region({{0x9000'0001}, frame_size * 2 - 1}) == failure{region_error::too_small});
  CHECK(m.frames.add_region({{0x9000'0001}, 5}) == failure{region_error::too_small});
  CHECK(m.frames.add_region({{~std::uint64_t{0} - 4095}, 8192}) == failure{region_error::wraps});
  CHECK(m.frames.total_frames() == before);
  REQUIRE(m.frames.add_region({{0x4000'0000 + 300 * frame_size + 1}, 10 * frame_size}));
  CHECK(m.frames.total_frames() == before + 8);
  CHECK(m.frames.add_region({{0x4000'0000 + 320 * frame_size}, 10 * frame_size}) == failure{region_error::full});
}

TEST_CASE("the allocator and an owner's view of it obey the frame source laws") {
  machine m;
  CHECK(laws::first_broken_frame_source_law(m.frames) == 0);
  auto view = m.frames.for_owner(guest_a);
  CHECK(laws::first_broken_frame_source_law(view) == 0);
  REQUIRE(m.frames.set_quota(guest_a, 64));
  CHECK(laws::first_broken_frame_source_law(view) == 0);
  CHECK(m.frames.account(guest_a).used == 0);
  CHECK(m.frames.free_frames() == m.frames.total_frames());
}

TEST_CASE("alignment counts from physical zero, not from the region") {
  pretended_memory ram{{0x4000'3000}, 64};
  frame_allocator<1, offset_access> frames{ram.access()};
  REQUIRE(frames.add_region(ram.range));
  CHECK(frames.allocate(4, 16) == host_phys{0x4001'0000});
  CHECK(frames.allocate(1, 1) == host_phys{0x4000'4000});
}

TEST_CASE("a run never spans two regions, and the whole of a region can be one run") {
  machine m;
  CHECK(m.frames.allocate(300, 1) == failure{frame_error::exhausted});
  CHECK(m.frames.allocate(299, 1) == host_phys{0x4000'1000});
  CHECK(m.frames.allocate(199, 1) == host_phys{0x4000'0000 + 401 * frame_size});
  CHECK(m.frames.allocate(1, 1) == failure{frame_error::exhausted});
}

TEST_CASE("frames can be had by address") {
  machine m;
  host_phys const wanted{0x4000'0000 + 100 * frame_size};
  CHECK(m.frames.allocate_at(guest_a, wanted, 50).has_value());
  CHECK(m.frames.account(guest_a).used == 50);
  CHECK(m.frames.allocate_at(guest_b, wanted + 49 * frame_size, 2) == failure{frame_error::exhausted});
  CHECK(m.frames.allocate_at(guest_b, wanted - frame_size, 2) == failure{frame_error::exhausted});
  CHECK(m.frames.allocate_at(guest_b, {0x4000'0000}, 1) == failure{frame_error::foreign});  // records
  CHECK(m.frames.allocate_at(guest_b, {0x4000'0000 + 290 * frame_size}, 20) == failure{frame_error::foreign});
  CHECK(m.frames.allocate_at(guest_b, {0x4000'0000 + 350 * frame_size}, 1) == failure{frame_error::foreign});
  CHECK(m.frames.allocate_at(guest_b, wanted + 1, 1) == failure{frame_error::bad_request});
  CHECK(m.frames.allocate_at(guest_b, wanted, 0) == failure{frame_error::bad_request});
  CHECK(m.frames.allocate_at(guest_b, wanted, SIZE_MAX) == failure{frame_error::foreign});
  CHECK(m.frames.account(guest_b).used == 0);
  CHECK(m.frames.release(wanted, 50).has_value());
  CHECK(m.frames.free_frames() == m.frames.total_frames());
}

TEST_CASE("a run that lies in a window is found, or none") {
  machine m;
  std::uint64_t const second = 0x4000'0000 + 400 * frame_size;
  auto const in = [&](std::uint64_t start, std::uint64_t size, std::size_t n) {
    return m.frames.allocate_in(guest_a, {{start}, size}, n, 1);
  };
  CHECK(in(second + 10 * frame_size, 4 * frame_size, 4) == host_phys{second + 10 * frame_size});
  CHECK(in(second + 10 * frame_size, 5 * frame_size, 2) == failure{frame_error::exhausted});
  CHECK(in(second + 20 * frame_size + 1, 2 * frame_size, 2) == failure{frame_error::exhausted});
  CHECK(in(second + 20 * frame_size + 1, 3 * frame_size, 2) == host_phys{second + 21 * frame_size});
  CHECK(in(0, 0x4000'2000, 1) == host_phys{0x4000'1000});
  CHECK(in(0, 0x4000'2000, 1) == failure{frame_error::exhausted});
  CHECK(in(0, 0, 1) == failure{frame_error::exhausted});
  CHECK(in(~std::uint64_t{0} - 4095, 4096, 1) == failure{frame_error::exhausted});
  CHECK(in(~std::uint64_t{0}, 2, 1) == failure{frame_error::bad_request});
}

TEST_CASE("every wrong release is refused with its reason and changes nothing") {
  machine m;
  auto view = m.frames.for_owner(guest_a);
  auto const run = view.allocate(8, 8);
  REQUIRE(run);
  auto const free = m.frames.free_frames();
  CHECK(m.frames.release(*run, 7) == failure{frame_error::not_allocated});
  CHECK(m.frames.release(*run, 9) == failure{frame_error::not_allocated});
  CHECK(m.frames.release(*run, SIZE_MAX) == failure{frame_error::not_allocated});
  CHECK(m.frames.release(*run, 0) == failure{frame_error::bad_request});
  CHECK(m.frames.release(*run + frame_size, 7) == failure{frame_error::not_allocated});
  CHECK(m.frames.release(*run + 1, 8) == failure{frame_error::not_allocated});
  CHECK(m.frames.release({0x4000'0000}, 1) == failure{frame_error::foreign});
  CHECK(m.frames.release({0}, 1) == failure{frame_error::foreign});
  CHECK(m.frames.for_owner(guest_b).release(*run, 8) == failure{frame_error::foreign});
  CHECK(m.frames.free_frames() == free);
  CHECK(m.frames.account(guest_a).used == 8);
  // A neighbour right behind does not make the run longer.
  auto const neighbour = m.frames.allocate_at(guest_b, *run + 8 * frame_size, 4);
  REQUIRE(neighbour);
  CHECK(view.release(*run, 12) == failure{frame_error::not_allocated});
  CHECK(view.release(*run, 8).has_value());
  CHECK(view.release(*run, 8) == failure{frame_error::not_allocated});
  CHECK(m.frames.account(guest_a).used == 0);
  CHECK(m.frames.account(guest_b).used == 4);
}

TEST_CASE("an owner gets what its quota allows, and all of it goes back at once") {
  machine m;
  CHECK(m.frames.set_quota(guest_a, 10));
  CHECK_FALSE(m.frames.set_quota({4}, 10));
  auto view = m.frames.for_owner(guest_a);
  auto const first = view.allocate(6, 1);
  REQUIRE(first);
  CHECK(view.allocate(5, 1) == failure{frame_error::exhausted});
  CHECK(view.allocate(4, 1).has_value());
  CHECK(view.allocate(1, 1) == failure{frame_error::exhausted});
  CHECK(m.frames.allocate(1, 1).has_value());
  CHECK(m.frames.set_quota(guest_a, 2));
  CHECK(view.allocate(1, 1) == failure{frame_error::exhausted});
  CHECK(view.account() == frame_account{10, 2});
  CHECK(m.frames.for_owner({200}).allocate(1, 1) == failure{frame_error::bad_request});
  CHECK(m.frames.release_all(guest_a) == 10);
  CHECK(m.frames.release_all(guest_a) == 0);
  CHECK(m.frames.release_all({77}) == 0);
  CHECK(view.account().used == 0);
  CHECK(m.frames.account({}).used == 1);
  CHECK(view.release(*first, 6) == failure{frame_error::not_allocated});
  CHECK(m.frames.free_frames() == m.frames.total_frames() - 1);
}

TEST_CASE("random use agrees with a list of runs") {
  machine m;
  struct held {
    std::size_t frames;
    std::uint8_t owner;
  };
  std::map<std::uint64_t, held> out;
  std::uint64_t used[4]{};
  std::mt19937_64 random{11};
  for (int step = 0; step < 60'000; ++step) {
    std::uint8_t const owner = static_cast<std::uint8_t>(random() % 4);
    std::size_t const n = random() % 12 + 1;
    switch (random() % 4) {
      case 0:
      case 1: {
        std::size_t const alignment = std::size_t{1} << random() % 5;
        auto const run = m.frames.allocate_for({owner}, n, alignment);
        if (!run) {
          REQUIRE(run.error() == frame_error::exhausted);
          break;
        }
        REQUIRE(run->value % (alignment * frame_size) == 0);
        auto const above = out.lower_bound(run->value);
        REQUIRE((above == out.end() || above->first >= run->value + n * frame_size));
        if (above != out.begin()) {
          auto const below = std::prev(above);
          REQUIRE(below->first + below->second.frames * frame_size <= run->value);
        }
        out[run->value] = {n, owner};
        used[owner] += n;
        break;
      }
      case 2: {
        if (out.empty()) break;
        auto it = out.lower_bound(0x4000'0000 + random() % (600 * frame_size));
        if (it == out.end()) it = out.begin();
        REQUIRE(m.frames.release_for({it->second.owner}, {it->first}, it->second.frames));
        used[it->second.owner] -= it->second.frames;
        out.erase(it);
        break;
      }
      default: {
        host_phys const guess{0x4000'0000 + random() % 600 * frame_size};
        auto const it = out.find(guess.value);
        bool const right = it != out.end() && it->second.frames == n && it->second.owner == owner;
        REQUIRE(m.frames.release_for({owner}, guess, n).has_value() == right);
        if (right) {
          used[owner] -= n;
          out.erase(it);
        }
      }
    }
    if (step % 64 == 0) {
      std::uint64_t total = 0;
      for (std::uint8_t i = 0; i < 4; ++i) {
        REQUIRE(m.frames.account({i}).used == used[i]);
        total += used[i];
      }
      REQUIRE(m.frames.free_frames() + total == m.frames.total_frames());
    }
  }
  for (auto const& [start, run] : out) REQUIRE(m.frames.release({start}, run.frames));
  CHECK(m.frames.free_frames() == m.frames.total_frames());
}

TEST_CASE("a tebibyte is managed with 0.031 percent of it, and a frame at its end is found at once") {
  std::uint64_t const frames = std::uint64_t{1} << 28;
  std::uint64_t const records = frame_allocator<1>::record_frames(frames);
  CHECK(records * 10'000 < frames * 4);
  // Only the records are touched, so only they need memory.
  pretended_memory head{{std::uint64_t{1} << 40}, records};
  auto allocator = std::make_unique<frame_allocator<1, offset_access>>(head.access());
  REQUIRE(allocator->add_region({head.range.start, frames * frame_size}));
  REQUIRE(allocator->total_frames() == frames - records);
  auto const most = allocator->allocate(static_cast<std::size_t>(frames - records - 3), 1);
  REQUIRE(most);
  for (int i = 0; i < 1000; ++i) {
    auto const frame = allocator->allocate(1, 1);
    REQUIRE(frame == host_phys{head.range.start + (frames - 3) * frame_size});
    REQUIRE(allocator->release(*frame, 1));
  }
  CHECK(allocator->allocate(4, 1) == failure{frame_error::exhausted});
  CHECK(allocator->release(*most, static_cast<std::size_t>(frames - records - 3)).has_value());
  CHECK(allocator->free_frames() == allocator->total_frames());
}
