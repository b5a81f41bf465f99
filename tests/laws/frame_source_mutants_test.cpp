// SPDX-License-Identifier: BSL-1.0
// Laws that no wrong source can break are not laws: each mutant below breaks the law named beside it.
#include <axhal/arch/host/counting_frames.hpp>
#include <axhal/conformance/frame_source_laws.hpp>

#include <catch2/catch_test_macros.hpp>

#include <bit>
#include <cstddef>
#include <cstdint>

namespace {

using namespace axhal;

/// A correct source for the mutants to spoil; each replaces one of the three operations.
struct sound {
  result<host_phys, frame_error> allocate(std::size_t n, std::size_t a) { return frames.allocate(n, a); }
  result<void, frame_error> release(host_phys p, std::size_t n) { return frames.release(p, n); }
  void* pointer(host_phys p) { return frames.pointer(p); }
  host::counting_frames<128> frames{};
};

struct ignores_alignment : sound {
  result<host_phys, frame_error> allocate(std::size_t n, std::size_t a) {
    if (!std::has_single_bit(a)) return failure{frame_error::bad_request};
    return sound::allocate(n, 1);
  }
};
struct aligns_to_half : sound {
  result<host_phys, frame_error> allocate(std::size_t n, std::size_t a) {
    return sound::allocate(n, std::has_single_bit(a) && a > 1 ? a / 2 : a);
  }
};
/// Every run is one frame shorter than it says.
struct hands_out_overlapping_runs : sound {
  result<host_phys, frame_error> allocate(std::size_t n, std::size_t a) {
    return sound::allocate(n > 1 ? n - 1 : n, a);
  }
  result<void, frame_error> release(host_phys p, std::size_t n) { return sound::release(p, n > 1 ? n - 1 : n); }
};
/// All frames are seen through one window.
struct aliases_frames : sound {
  void* pointer(host_phys p) { return p.value % (2 * frame_size) == 0 ? sound::pointer(p) : window; }
  alignas(8) std::uint8_t window[4 * frame_size]{};
};
/// Neighbours share their bytes.
struct aliases_pairs : sound {
  void* pointer(host_phys p) { return sound::pointer({p.value & ~frame_size}); }
};
struct keeps_large_runs : sound {
  result<void, frame_error> release(host_phys p, std::size_t n) {
    if (n == 3 && p != host_phys{~std::uint64_t{0} - 4095}) return failure{frame_error::not_allocated};
    return sound::release(p, n);
  }
};
/// Says that it takes a run back, and keeps all but its first frame as single frames that stay out.
struct forgets_the_tail : sound {
  result<void, frame_error> release(host_phys p, std::size_t n) {
    auto const released = sound::release(p, n);
    if (released && n == 2) static_cast<void>(sound::allocate(1, 1));
    return released;
  }
};
struct gives_something_for_nothing : sound {
  result<host_phys, frame_error> allocate(std::size_t n, std::size_t a) { return sound::allocate(n == 0 ? 1 : n, a); }
};
struct accepts_any_alignment : sound {
  result<host_phys, frame_error> allocate(std::size_t n, std::size_t a) {
    return sound::allocate(n, std::has_single_bit(a) ? a : 1);
  }
};
struct calls_nonsense_exhausted : sound {
  result<host_phys, frame_error> allocate(std::size_t n, std::size_t a) {
    auto const r = sound::allocate(n, a);
    if (!r) return failure{frame_error::exhausted};
    return r;
  }
};
struct accepts_double_release : sound {
  result<void, frame_error> release(host_phys p, std::size_t n) {
    auto const r = sound::release(p, n);
    return !r && r.error() == frame_error::not_allocated && last == p ? result<void, frame_error>{} : (last = p, r);
  }
  host_phys last{};
};
struct accepts_strangers : sound {
  result<void, frame_error> release(host_phys p, std::size_t n) {
    auto const r = sound::release(p, n);
    return !r && r.error() == frame_error::foreign ? result<void, frame_error>{} : r;
  }
};
struct trusts_the_length : sound {
  result<void, frame_error> release(host_phys p, std::size_t n) {
    for (std::size_t guess = 1; guess <= 4; ++guess) {
      if (guess != n && sound::release(p, guess)) return {};
    }
    return sound::release(p, n);
  }
};
struct rounds_addresses : sound {
  result<void, frame_error> release(host_phys p, std::size_t n) { return sound::release(align_down(p, frame_size), n); }
};
struct confuses_the_errors : sound {
  result<void, frame_error> release(host_phys p, std::size_t n) {
    auto const r = sound::release(p, n);
    if (!r) return failure{frame_error::foreign};
    return r;
  }
};
struct clears_on_failure : sound {
  result<host_phys, frame_error> allocate(std::size_t n, std::size_t a) {
    auto const r = sound::allocate(n, a);
    if (r) last = *r;
    if (!r && r.error() == frame_error::exhausted) ++static_cast<std::uint8_t*>(pointer(last))[17];
    return r;
  }
  host_phys last{};
};
struct promises_everything : sound {
  result<host_phys, frame_error> allocate(std::size_t n, std::size_t a) { return sound::allocate(n > 4096 ? 1 : n, a); }
};

template <typename S>
int broken() {
  static S source;
  return laws::first_broken_frame_source_law(source);
}

}  // namespace

TEST_CASE("the frame source laws hold for a sound source") { CHECK(broken<sound>() == 0); }

TEST_CASE("each frame source law can fail") {
  CHECK(broken<ignores_alignment>() == 1);
  CHECK(broken<aligns_to_half>() == 1);
  CHECK(broken<hands_out_overlapping_runs>() == 2);
  CHECK(broken<aliases_frames>() == 3);
  CHECK(broken<aliases_pairs>() == 3);
  CHECK(broken<keeps_large_runs>() == 4);
  CHECK(broken<forgets_the_tail>() == 4);
  CHECK(broken<gives_something_for_nothing>() == 5);
  CHECK(broken<accepts_any_alignment>() == 5);
  CHECK(broken<calls_nonsense_exhausted>() == 5);
  CHECK(broken<accepts_double_release>() == 6);
  CHECK(broken<accepts_strangers>() == 6);
  CHECK(broken<trusts_the_length>() == 6);
  CHECK(broken<rounds_addresses>() == 6);
  CHECK(broken<confuses_the_errors>() == 6);
  CHECK(broken<clears_on_failure>() == 7);
  CHECK(broken<promises_everything>() == 7);
}
