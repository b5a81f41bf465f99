// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/core/address.hpp>
#include <axhal/core/result.hpp>
#include <axhal/memory/frame_access.hpp>
#include <axhal/memory/run_ledger.hpp>
#include <axhal/policy/frame_source.hpp>

#include <bit>
#include <cstddef>
#include <cstdint>

namespace axhal::memory {

/// `Frames` frames inside the object itself: a frame source for programs that give page tables a fixed share of memory.
///
/// The object is large and aligned to a frame: let it be a static one. With an `Access` of zeros it is zero as a whole
/// before its first use, and costs an image nothing but `.bss`. It can be neither copied nor moved, because what it
/// handed out lies in it. Not for use by two CPUs at once.
template <std::size_t Frames, FrameAccess Access = identity_access>
class frame_pool {
  static_assert(Frames > 0, "frame_pool: has at least one frame");

 public:
  explicit constexpr frame_pool(Access access = {}) : access_{access} {}
  frame_pool(frame_pool const&) = delete;
  frame_pool& operator=(frame_pool const&) = delete;

  [[nodiscard]] static constexpr std::size_t capacity() { return Frames; }
  [[nodiscard]] std::size_t free_frames() const {
    return ledger_.size() == 0 ? Frames : static_cast<std::size_t>(ledger_.free_count());
  }

  /// FrameSource.
  result<host_phys, frame_error> allocate(std::size_t frames, std::size_t alignment_frames) {
    if (frames == 0 || !std::has_single_bit(alignment_frames)) return failure{frame_error::bad_request};
    prepare();
    auto const first = ledger_.take(frames, alignment_frames, 0, Frames);
    if (!first) return failure{first.error()};
    return base() + *first * frame_size;
  }
  /// FrameSource.
  result<void, frame_error> release(host_phys run, std::size_t frames) {
    if (frames == 0) return failure{frame_error::bad_request};
    if (!host_range{base(), Frames * frame_size}.contains(run)) return failure{frame_error::foreign};
    prepare();
    std::uint64_t const first = (run - base()) / frame_size;
    if (!is_aligned(run, frame_size) || !ledger_.is_run(first, frames)) return failure{frame_error::not_allocated};
    ledger_.give(first, frames);
    return {};
  }
  /// FrameSource. Precondition: `frame` lies in this pool.
  [[nodiscard]] void* pointer(host_phys frame) const { return access_.pointer(frame); }

 private:
  /// The first use fills the records in: until then all of the object is zero, so that a static one takes no space in
  /// an image and needs no code that runs before `main`.
  void prepare() {
    if (ledger_.size() == 0) ledger_ = run_ledger{words_, Frames, base().value / frame_size};
  }
  [[nodiscard]] host_phys base() const { return access_.physical(storage_); }

  alignas(frame_size) std::uint8_t storage_[Frames * frame_size]{};
  std::uint64_t words_[run_ledger::words_for(Frames)]{};
  [[no_unique_address]] Access access_;
  run_ledger ledger_{};
};

static_assert(FrameSource<frame_pool<1>>);

}  // namespace axhal::memory
