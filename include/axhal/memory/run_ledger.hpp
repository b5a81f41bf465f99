// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/core/result.hpp>
#include <axhal/memory/bitmap.hpp>
#include <axhal/policy/frame_source.hpp>

#include <bit>
#include <cstdint>

namespace axhal::memory {

/// Which frames of one region are free, and where each run that is out begins: two bits a frame, in words that someone
/// else owns. Frames are numbered from 0 in the region; `origin` is the number of frame 0 in the whole machine, which
/// is what alignment counts from.
class run_ledger {
 public:
  /// Words that a ledger of `frames` frames needs.
  [[nodiscard]] static constexpr std::uint64_t words_for(std::uint64_t frames) { return 2 * bitmap::words_for(frames); }

  constexpr run_ledger() = default;
  /// All frames free. Takes `words_for(frames)` words at `words`.
  constexpr run_ledger(std::uint64_t* words, std::uint64_t frames, std::uint64_t origin)
      : free_{words, frames}, first_{words + bitmap::words_for(frames), frames}, origin_{origin}, free_count_{frames} {
    free_.add(0, frames);
  }

  [[nodiscard]] constexpr std::uint64_t size() const { return free_.size(); }
  [[nodiscard]] constexpr std::uint64_t free_count() const { return free_count_; }

  /// Takes the first free run of `count` frames aligned to `alignment` frames that lies in `[from, limit)`; its first
  /// frame. Errors: `exhausted`. Precondition: `count > 0`, `alignment` is a power of two.
  constexpr result<std::uint64_t, frame_error> take(std::uint64_t count, std::uint64_t alignment, std::uint64_t from,
                                                    std::uint64_t limit) {
    if (limit > size()) limit = size();
    if (count > free_count_) return failure{frame_error::exhausted};
    for (std::uint64_t at = free_.next(from); at < limit;) {
      std::uint64_t const mask = alignment - 1;
      std::uint64_t const padding = (alignment - ((origin_ + at) & mask)) & mask;
      if (padding > limit - at || count > limit - at - padding) break;
      std::uint64_t const start = at + padding;
      std::uint64_t const gap = free_.next_gap(start, start + count);
      if (gap == start + count) {
        mark_taken(start, count);
        return start;
      }
      at = free_.next(gap);
    }
    return failure{frame_error::exhausted};
  }

  /// Takes exactly these frames. Errors: `exhausted` when one of them is out. Precondition: they are in the region.
  constexpr result<void, frame_error> take_at(std::uint64_t first, std::uint64_t count) {
    if (free_.next_gap(first, first + count) != first + count) return failure{frame_error::exhausted};
    mark_taken(first, count);
    return {};
  }

  /// True when a run that is out begins at `first` and has exactly `count` frames. Precondition: `first < size()`.
  [[nodiscard]] constexpr bool is_run(std::uint64_t first, std::uint64_t count) const {
    return count > 0 && count <= size() - first && first_.has(first) && run_length(first) == count;
  }

  /// Frames of the run that begins at `first`. Precondition: one does.
  [[nodiscard]] constexpr std::uint64_t run_length(std::uint64_t first) const {
    std::uint64_t const next_run = first_.next(first + 1);
    std::uint64_t const next_free = free_.next(first);
    return (next_run < next_free ? next_run : next_free) - first;
  }

  /// First frame of the first run at or above `from`, or `size()`.
  [[nodiscard]] constexpr std::uint64_t next_run(std::uint64_t from) const { return first_.next(from); }

  /// Gives a run back. Precondition: `is_run(first, count)`.
  constexpr void give(std::uint64_t first, std::uint64_t count) {
    first_.remove(first, 1);
    free_.add(first, count);
    free_count_ += count;
  }

 private:
  constexpr void mark_taken(std::uint64_t first, std::uint64_t count) {
    free_.remove(first, count);
    first_.add(first, 1);
    free_count_ -= count;
  }

  bitmap free_{};
  bitmap first_{};
  std::uint64_t origin_{};
  std::uint64_t free_count_{};
};

}  // namespace axhal::memory
