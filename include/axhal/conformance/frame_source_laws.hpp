// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/core/address.hpp>
#include <axhal/policy/frame_source.hpp>

#include <cstddef>
#include <cstdint>

namespace axhal::laws {

namespace frame_source_detail {

struct run {
  host_phys start{};
  std::size_t frames{};
  [[nodiscard]] host_range range() const { return {start, frames * frame_size}; }
};

/// The byte that run `i` has at `offset`: differs between runs, frames and neighbours.
[[nodiscard]] constexpr std::uint8_t pattern(std::size_t i, std::uint64_t offset) {
  return static_cast<std::uint8_t>((i + 1) * 37 + offset * 3 + offset / 256 * 11 + offset / frame_size * 7);
}

template <FrameSource S>
void fill(S& source, run const& r, std::size_t i) {
  auto* const p = static_cast<std::uint8_t volatile*>(source.pointer(r.start));
  for (std::uint64_t k = 0; k < r.frames * frame_size; ++k) p[k] = pattern(i, k);
}

template <FrameSource S>
[[nodiscard]] bool is_filled(S& source, run const& r, std::size_t i) {
  auto const* const p = static_cast<std::uint8_t const volatile*>(source.pointer(r.start));
  for (std::uint64_t k = 0; k < r.frames * frame_size; ++k) {
    if (p[k] != pattern(i, k)) return false;
  }
  return true;
}

/// How many single frames the source gives at once, up to `limit`; `lost` when it does not take one of them back.
/// The list of them is kept in the frames themselves.
inline constexpr std::size_t lost = SIZE_MAX;
template <FrameSource S>
[[nodiscard]] std::size_t capacity(S& source, std::size_t limit) {
  std::uint64_t last = 0;
  std::size_t count = 0;
  while (count < limit) {
    auto const frame = source.allocate(1, 1);
    if (!frame) break;
    *static_cast<std::uint64_t*>(source.pointer(*frame)) = last;
    last = frame->value;
    ++count;
  }
  for (std::size_t i = 0; i < count; ++i) {
    std::uint64_t const next = *static_cast<std::uint64_t*>(source.pointer({last}));
    if (!source.release({last}, 1)) return lost;
    last = next;
  }
  return count;
}

/// Law 5: what makes no sense is refused as such.
template <FrameSource S>
[[nodiscard]] bool refuses_nonsense(S& source) {
  auto const refused = [](result<host_phys, frame_error> const& r) {
    return !r && r.error() == frame_error::bad_request;
  };
  return refused(source.allocate(0, 1)) && refused(source.allocate(1, 0)) && refused(source.allocate(1, 3)) &&
         refused(source.allocate(2, 6)) && refused(source.allocate(0, 0));
}

/// Law 6, for a run that is out: what is not exactly it is not taken back.
template <FrameSource S>
[[nodiscard]] bool refuses_wrong_release(S& source, run const& r, host_phys stranger) {
  auto const is = [](result<void, frame_error> const& got, frame_error wanted) {
    return !got && got.error() == wanted;
  };
  if (!is(source.release(stranger, r.frames), frame_error::foreign)) return false;
  if (!is(source.release(r.start, r.frames + 1), frame_error::not_allocated)) return false;
  if (r.frames > 1 && !is(source.release(r.start, r.frames - 1), frame_error::not_allocated)) return false;
  if (r.frames > 1 && !is(source.release(r.start + frame_size, r.frames - 1), frame_error::not_allocated)) return false;
  return is(source.release(r.start + 8, r.frames), frame_error::not_allocated);
}

}  // namespace frame_source_detail

/// The first law of FrameSource (policy/frame_source.hpp) that `source` breaks, or 0.
///
/// `stranger` is the address of a frame that is never the source's. The laws take at most `limit` frames at once beside
/// some 50 for their runs, and give everything back. They need about 1 KiB of stack and no other memory; to say much,
/// the source should have 64 frames or more.
template <FrameSource S>
[[nodiscard]] int first_broken_frame_source_law(S& source, host_phys stranger = {~std::uint64_t{0} - (frame_size - 1)},
                                                std::size_t limit = 4096) {
  using namespace frame_source_detail;
  // Memory first: what follows keeps its notes in the frames.
  run singles[8]{};
  std::size_t taken = 0;
  for (run& r : singles) {
    auto const start = source.allocate(1, 1);
    if (!start) break;
    r = {*start, 1};
    for (std::size_t j = 0; j < taken; ++j) {
      if (singles[j].start == r.start) return 2;
    }
    fill(source, r, taken++);
  }
  for (std::size_t i = 0; i < taken; ++i) {
    if (!is_filled(source, singles[i], i)) return 3;
  }
  for (std::size_t i = 0; i < taken; ++i) {
    if (!source.release(singles[i].start, 1)) return 4;
  }

  std::size_t const before = capacity(source, limit);
  if (before == lost) return 4;

  constexpr std::size_t max_runs = 24;
  run runs[max_runs]{};
  std::size_t count = 0;
  for (std::size_t i = 0; i < max_runs; ++i) {
    std::size_t const frames = i % 3 + 1;
    std::size_t const alignment = std::size_t{1} << i % 4;
    auto const start = source.allocate(frames, alignment);
    if (!start) continue;
    run const fresh{*start, frames};
    if (!is_aligned(fresh.start, alignment * frame_size)) return 1;
    for (std::size_t j = 0; j < count; ++j) {
      if (runs[j].range().overlaps(fresh.range())) return 2;
    }
    fill(source, fresh, count);
    runs[count++] = fresh;
  }
  for (std::size_t i = 0; i < count; ++i) {
    if (!is_filled(source, runs[i], i)) return 3;
  }

  if (!refuses_nonsense(source)) return 5;
  for (std::size_t i = 0; i < count; ++i) {
    if (!refuses_wrong_release(source, runs[i], stranger)) return 6;
  }

  // More than there is: no source has 2^50 frames, and most have no run of `limit` frames left.
  auto const more = source.allocate(std::size_t{1} << (sizeof(std::size_t) * 8 - 14), 1);
  if (more) return 7;
  if (auto const many = source.allocate(limit, 1); many && !source.release(*many, limit)) return 4;
  for (std::size_t i = 0; i < count; ++i) {
    if (!is_filled(source, runs[i], i)) return 7;
  }

  // Every second run first, so that gaps have to grow together again.
  for (std::size_t step = 0; step < 2; ++step) {
    for (std::size_t i = step; i < count; i += 2) {
      if (!source.release(runs[i].start, runs[i].frames)) return 4;
      auto const again = source.release(runs[i].start, runs[i].frames);
      if (again || again.error() != frame_error::not_allocated) return 6;
    }
  }
  if (capacity(source, limit) != before) return 4;
  // Single frames may be back while their neighbourhood is not: the same runs must fit again.
  for (std::size_t i = 0; i < count; ++i) {
    auto const start = source.allocate(runs[i].frames, std::size_t{1} << i % 4);
    runs[i].start = start ? *start : host_phys{};
    if (!start) return 4;
  }
  for (std::size_t i = 0; i < count; ++i) {
    if (!source.release(runs[i].start, runs[i].frames)) return 4;
  }
  return 0;
}

}  // namespace axhal::laws
