// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/core/address.hpp>
#include <axhal/core/result.hpp>
#include <axhal/policy/frame_source.hpp>

#include <compare>
#include <cstddef>
#include <cstdint>

namespace axhal::memory {

/// Whom frames are charged to: 0 is the host itself, others are what the program gives numbers to (virtual machines).
struct frame_owner {
  std::uint8_t value{};
  friend constexpr auto operator<=>(frame_owner, frame_owner) = default;
};

/// What one owner has and may have, in frames.
struct frame_account {
  std::uint64_t used{};
  std::uint64_t quota{~std::uint64_t{0}};
  friend constexpr bool operator==(frame_account, frame_account) = default;
};

/// One owner's share of an allocator, as a frame source of its own: everything is charged to that owner, what would
/// exceed the quota is `exhausted`, and runs of other owners are `foreign`.
template <typename Allocator>
class owner_view {
 public:
  constexpr owner_view(Allocator& allocator, frame_owner owner) : allocator_{&allocator}, owner_{owner} {}

  [[nodiscard]] constexpr frame_owner owner() const { return owner_; }
  [[nodiscard]] frame_account account() const { return allocator_->account(owner_); }

  /// FrameSource.
  result<host_phys, frame_error> allocate(std::size_t frames, std::size_t alignment_frames) {
    return allocator_->allocate_for(owner_, frames, alignment_frames);
  }
  /// A run inside `window`; see the allocator.
  result<host_phys, frame_error> allocate_in(host_range window, std::size_t frames, std::size_t alignment_frames) {
    return allocator_->allocate_in(owner_, window, frames, alignment_frames);
  }
  /// Exactly these frames; see the allocator.
  result<void, frame_error> allocate_at(host_phys run, std::size_t frames) {
    return allocator_->allocate_at(owner_, run, frames);
  }
  /// FrameSource.
  result<void, frame_error> release(host_phys run, std::size_t frames) {
    return allocator_->release_for(owner_, run, frames);
  }
  /// FrameSource.
  [[nodiscard]] void* pointer(host_phys frame) const { return allocator_->pointer(frame); }

 private:
  Allocator* allocator_;
  frame_owner owner_;
};

}  // namespace axhal::memory
