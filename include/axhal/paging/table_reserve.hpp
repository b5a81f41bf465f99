// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/core/address.hpp>
#include <axhal/core/result.hpp>
#include <axhal/paging/paging_error.hpp>
#include <axhal/policy/frame_source.hpp>

#include <cstddef>
#include <cstdint>

namespace axhal::paging {

/// Frames set aside for the tables that a change will need, so that the change itself cannot run out of memory.
///
/// The frames are linked through their own first bytes: any number fits. What was not taken goes back at the end.
template <FrameSource F>
class table_reserve {
 public:
  explicit constexpr table_reserve(F& frames) : frames_{&frames} {}
  table_reserve(table_reserve const&) = delete;
  table_reserve& operator=(table_reserve const&) = delete;
  ~table_reserve() {
    while (count_ > 0) static_cast<void>(frames_->release(take(), 1));
  }

  /// Sets `count` more frames aside. After `no_memory` there may be fewer; they too go back at the end.
  result<void, paging_error> add(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      auto const frame = frames_->allocate(1, 1);
      if (!frame) return failure{paging_error::no_memory};
      __builtin_memcpy(frames_->pointer(*frame), &head_, sizeof head_);
      head_ = *frame;
      ++count_;
    }
    return {};
  }

  /// One of the frames; its contents are not defined. Precondition: one is left.
  [[nodiscard]] host_phys take() {
    host_phys const frame = head_;
    __builtin_memcpy(&head_, frames_->pointer(frame), sizeof head_);
    --count_;
    return frame;
  }

  [[nodiscard]] std::size_t count() const { return count_; }

 private:
  F* frames_;
  host_phys head_{};
  std::size_t count_{};
};

}  // namespace axhal::paging
