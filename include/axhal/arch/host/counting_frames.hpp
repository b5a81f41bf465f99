// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/core/address.hpp>
#include <axhal/core/result.hpp>
#include <axhal/memory/frame_pool.hpp>
#include <axhal/policy/frame_source.hpp>

#include <cstddef>
#include <cstdint>

namespace axhal::host {

/// A frame source for tests: a fixed pool that counts, that can be told to fail, and that never hands out clean memory.
///
/// Fresh and returned frames are filled with `dirt`, so that code which forgets to clear a frame, or reads one that it
/// gave back, does not get away with it.
template <std::size_t Frames>
class counting_frames {
 public:
  static constexpr std::uint8_t dirt = 0xa5;

  /// FrameSource.
  result<host_phys, frame_error> allocate(std::size_t frames, std::size_t alignment_frames) {
    ++attempts_;
    if (attempts_left_ == 0) return failure{frame_error::exhausted};
    auto const run = pool_.allocate(frames, alignment_frames);
    if (!run) return run;
    if (attempts_left_ != unlimited) --attempts_left_;
    soil(*run, frames);
    ++allocations_;
    outstanding_ += frames;
    if (outstanding_ > peak_) peak_ = outstanding_;
    return run;
  }
  /// FrameSource.
  result<void, frame_error> release(host_phys run, std::size_t frames) {
    auto const released = pool_.release(run, frames);
    if (!released) {
      ++refused_releases_;
      return released;
    }
    soil(run, frames);
    ++releases_;
    outstanding_ -= frames;
    return released;
  }
  /// FrameSource.
  [[nodiscard]] void* pointer(host_phys frame) const { return pool_.pointer(frame); }

  /// From now on `count` allocations succeed (if there is room), and every later one is `exhausted`.
  void fail_after(std::size_t count) { attempts_left_ = count; }
  /// Nothing fails on purpose any more.
  void stop_failing() { attempts_left_ = unlimited; }

  [[nodiscard]] std::size_t attempts() const { return attempts_; }                  ///< calls of `allocate`
  [[nodiscard]] std::size_t allocations() const { return allocations_; }            ///< of these, how many succeeded
  [[nodiscard]] std::size_t releases() const { return releases_; }                  ///< successful ones
  [[nodiscard]] std::size_t refused_releases() const { return refused_releases_; }  ///< double, foreign or wrong ones
  [[nodiscard]] std::size_t outstanding() const { return outstanding_; }            ///< frames that are out
  [[nodiscard]] std::size_t peak() const { return peak_; }                          ///< most frames ever out at once
  [[nodiscard]] std::size_t free_frames() const { return pool_.free_frames(); }

 private:
  static constexpr std::size_t unlimited = SIZE_MAX;

  void soil(host_phys run, std::size_t frames) {
    auto* const p = static_cast<std::uint8_t*>(pool_.pointer(run));
    for (std::size_t i = 0; i < frames * frame_size; ++i) p[i] = dirt;
  }

  memory::frame_pool<Frames> pool_{};
  std::size_t attempts_left_{unlimited};
  std::size_t attempts_{};
  std::size_t allocations_{};
  std::size_t releases_{};
  std::size_t refused_releases_{};
  std::size_t outstanding_{};
  std::size_t peak_{};
};

static_assert(FrameSource<counting_frames<1>>);

}  // namespace axhal::host
