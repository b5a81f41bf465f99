// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/core/address.hpp>
#include <axhal/policy/paging.hpp>

#include <cstddef>
#include <cstdint>

namespace axhal::paging {

/// Collects what a change made stale and has it forgotten in one go: range by range while that is little, everything
/// under the translation's tag once it is more than `most_requests` single requests or more than `most_ranges` ranges.
///
/// Forgetting everything costs the guest a refill of all that it uses; a request costs every CPU of the machine a
/// broadcast. Where one becomes cheaper than the other is a judgement, not a law: 128 requests cover half a megabyte of
/// small pages.
template <typename InputAddress, TlbMaintenance<InputAddress> T>
class tlb_batch {
 public:
  static constexpr std::size_t most_ranges = 8;
  static constexpr std::uint64_t most_requests = 128;

  explicit constexpr tlb_batch(T& hardware) : tlb_{&hardware} {}
  tlb_batch(tlb_batch const&) = delete;
  tlb_batch& operator=(tlb_batch const&) = delete;

  /// True when something waits for `flush`.
  [[nodiscard]] constexpr bool pending() const { return all_ || count_ > 0; }

  /// Adds a range whose entries were changed already. Ranges that touch and are of one kind become one.
  constexpr void add(stale_range<InputAddress> range) {
    if (all_) return;
    requests_ += range.size / range.step;
    if (requests_ > most_requests) {
      all_ = true;
      return;
    }
    if (count_ > 0) {
      auto& before = ranges_[count_ - 1];
      bool const same_kind = before.step == range.step && before.last_level == range.last_level;
      if (same_kind && before.start + before.size == range.start) {
        before.size += range.size;
        return;
      }
    }
    if (count_ == most_ranges) {
      all_ = true;
      return;
    }
    ranges_[count_++] = range;
  }

  /// Returns when all CPUs have forgotten what was added. Does nothing when that is nothing.
  constexpr void flush() {
    if (!pending()) return;
    if (all_) {
      tlb_->invalidate_all();
    } else {
      for (std::size_t i = 0; i < count_; ++i) tlb_->invalidate(ranges_[i]);
    }
    tlb_->complete();
    count_ = 0;
    requests_ = 0;
    all_ = false;
  }

 private:
  T* tlb_;
  stale_range<InputAddress> ranges_[most_ranges]{};
  std::size_t count_{};
  std::uint64_t requests_{};
  bool all_{};
};

}  // namespace axhal::paging
