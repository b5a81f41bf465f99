// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/core/address.hpp>
#include <axhal/core/result.hpp>
#include <axhal/memory/frame_access.hpp>
#include <axhal/memory/frame_owner.hpp>
#include <axhal/memory/run_ledger.hpp>
#include <axhal/policy/frame_source.hpp>

#include <bit>
#include <cstddef>
#include <cstdint>
#include <new>

namespace axhal::memory {

/// Why a region was not taken in.
enum class region_error : std::uint8_t {
  full,       ///< the allocator has as many regions as its type allows
  too_small,  ///< no whole frame is left beside the region's own records
  overlaps,   ///< it shares frames with a region that is there already
  wraps,      ///< its end has no address
};

/// All of a machine's free memory, in up to `Regions` separate pieces, charged to up to `Owners` owners.
///
/// First fit, from the lowest address of the region that was added first. No heap: the records of a region (ten bits a
/// frame, 0.031 % of it) lie in its own first frames, so any amount of memory is managed, and taking in a region costs
/// time in proportion to two bits a frame. One frame is found in a few steps whatever the size; a long run in steps of
/// 64 frames. Every release is checked against what was handed out: address, length and owner.
///
/// Not for use by two CPUs at once: guard it with a lock, or give each its own regions.
template <std::size_t Regions, FrameAccess Access = identity_access, std::size_t Owners = 16>
class frame_allocator {
  static_assert(Regions > 0, "frame_allocator: has at least one region");
  static_assert(Owners > 0 && Owners <= 256, "frame_allocator: owners are numbered by one byte");

 public:
  explicit constexpr frame_allocator(Access access = {}) : access_{access} {}
  frame_allocator(frame_allocator const&) = delete;
  frame_allocator& operator=(frame_allocator const&) = delete;

  /// Takes in the whole frames of `range`, which `Access` reaches and nobody else uses. On an error nothing changes.
  result<void, region_error> add_region(host_range range) {
    if (!range.is_valid()) return failure{region_error::wraps};
    if (count_ == Regions) return failure{region_error::full};
    std::uint64_t const lost = (frame_size - range.start.value % frame_size) % frame_size;
    if (range.size < lost) return failure{region_error::too_small};
    host_phys const start = range.start + lost;
    std::uint64_t const frames = (range.size - lost) / frame_size;
    for (std::size_t i = 0; i < count_; ++i) {
      if (regions_[i].whole.overlaps({start, frames * frame_size})) return failure{region_error::overlaps};
    }
    std::uint64_t const records = record_frames(frames);
    if (frames <= records) return failure{region_error::too_small};

    std::uint64_t const usable = frames - records;
    std::uint64_t const words = run_ledger::words_for(usable);
    void* const memory = access_.pointer(start);
    auto* const bits = ::new (memory) std::uint64_t[static_cast<std::size_t>(words)];
    region& r = regions_[count_];
    r.whole = {start, frames * frame_size};
    r.base = start + records * frame_size;
    r.ledger = run_ledger{bits, usable, r.base.value / frame_size};
    // Owners are written when a run is handed out and read only for runs that are out, so nothing is cleared here.
    r.owners = static_cast<std::uint8_t*>(memory) + words * sizeof(std::uint64_t);
    ++count_;
    return {};
  }

  /// Frames of records that a region of `frames` frames carries.
  [[nodiscard]] static constexpr std::uint64_t record_frames(std::uint64_t frames) {
    std::uint64_t const size = run_ledger::words_for(frames) * sizeof(std::uint64_t) + frames;
    return (size + frame_size - 1) / frame_size;
  }

  /// FrameSource; charged to the host.
  result<host_phys, frame_error> allocate(std::size_t frames, std::size_t alignment_frames) {
    return allocate_for({}, frames, alignment_frames);
  }

  /// A run charged to `owner`. Errors: `bad_request` also for an owner there is not; `exhausted` also when it would
  /// pass the owner's quota (`account` tells which).
  result<host_phys, frame_error> allocate_for(frame_owner owner, std::size_t frames, std::size_t alignment_frames) {
    return allocate_in(owner, {{0}, ~std::uint64_t{0}}, frames, alignment_frames);
  }

  /// A run that lies inside `window` (memory that a device can reach, say), charged to `owner`.
  result<host_phys, frame_error> allocate_in(frame_owner owner, host_range window, std::size_t frames,
                                             std::size_t alignment_frames) {
    if (!std::has_single_bit(alignment_frames) || !window.is_valid()) return failure{frame_error::bad_request};
    if (auto const allowed = may_take(owner, frames); !allowed) return failure{allowed.error()};
    for (std::size_t i = 0; i < count_; ++i) {
      region& r = regions_[i];
      std::uint64_t const usable = r.ledger.size();
      std::uint64_t const skip = window.start <= r.base ? 0 : window.start - r.base;
      std::uint64_t const below = skip / frame_size + (skip % frame_size != 0 ? 1 : 0);
      // The end of the window, in whole frames of this region; a window that ends at 2^64 - 1 or later ends nowhere.
      std::uint64_t const last = window.start.value + (window.size - 1);
      bool const open = window.size != 0 && last >= ~std::uint64_t{0} - 1;
      std::uint64_t const end = window.start.value + window.size;
      std::uint64_t const limit = open ? usable : end <= r.base.value ? 0 : (end - r.base.value) / frame_size;
      auto const first = r.ledger.take(frames, alignment_frames, below, limit);
      if (!first) continue;
      charge(r, *first, owner, frames);
      return r.base + *first * frame_size;
    }
    return failure{frame_error::exhausted};
  }

  /// Exactly the frames from `run`. Errors: `foreign` when they are not all in one region, `exhausted` when one is out,
  /// `bad_request` for no frames, a misaligned address or an owner there is not.
  result<void, frame_error> allocate_at(frame_owner owner, host_phys run, std::size_t frames) {
    if (!is_aligned(run, frame_size)) return failure{frame_error::bad_request};
    if (auto const allowed = may_take(owner, frames); !allowed) return failure{allowed.error()};
    region* const r = region_of(run);
    if (r == nullptr) return failure{frame_error::foreign};
    std::uint64_t const first = (run - r->base) / frame_size;
    if (frames > r->ledger.size() - first) return failure{frame_error::foreign};
    auto const taken = r->ledger.take_at(first, frames);
    if (taken) charge(*r, first, owner, frames);
    return taken;
  }

  /// FrameSource; the owner, whoever it is, is credited.
  result<void, frame_error> release(host_phys run, std::size_t frames) { return release_checked(run, frames, nullptr); }

  /// Takes back a run of `owner`. Errors: `foreign` also for a run of someone else.
  result<void, frame_error> release_for(frame_owner owner, host_phys run, std::size_t frames) {
    return release_checked(run, frames, &owner);
  }

  /// Takes back all runs of `owner`; the number of frames that became free.
  std::uint64_t release_all(frame_owner owner) {
    std::uint64_t total = 0;
    for (std::size_t i = 0; i < count_; ++i) {
      region& r = regions_[i];
      for (std::uint64_t at = r.ledger.next_run(0); at < r.ledger.size(); at = r.ledger.next_run(at + 1)) {
        if (r.owners[at] != owner.value) continue;
        std::uint64_t const frames = r.ledger.run_length(at);
        r.ledger.give(at, frames);
        total += frames;
      }
    }
    if (owner.value < Owners) accounts_[owner.value].used -= total;
    return total;
  }

  /// FrameSource. Precondition: `frame` lies in one of the regions.
  [[nodiscard]] void* pointer(host_phys frame) const { return access_.pointer(frame); }

  /// What `owner` has and may have; an owner there is not has and may have nothing.
  [[nodiscard]] frame_account account(frame_owner owner) const {
    return owner.value < Owners ? accounts_[owner.value] : frame_account{0, 0};
  }
  /// From now on `owner` gets at most `frames` frames; what it has beyond that it keeps. False: no such owner.
  bool set_quota(frame_owner owner, std::uint64_t frames) {
    if (owner.value >= Owners) return false;
    accounts_[owner.value].quota = frames;
    return true;
  }
  /// `owner`'s share as a frame source.
  [[nodiscard]] owner_view<frame_allocator> for_owner(frame_owner owner) { return {*this, owner}; }

  [[nodiscard]] std::uint64_t free_frames() const {
    std::uint64_t total = 0;
    for (std::size_t i = 0; i < count_; ++i) total += regions_[i].ledger.free_count();
    return total;
  }
  /// Frames that can be handed out, free or not: without the records.
  [[nodiscard]] std::uint64_t total_frames() const {
    std::uint64_t total = 0;
    for (std::size_t i = 0; i < count_; ++i) total += regions_[i].ledger.size();
    return total;
  }

 private:
  struct region {
    host_range whole{};  ///< with the records
    host_phys base{};    ///< of the first frame that is handed out
    run_ledger ledger{};
    std::uint8_t* owners{};  ///< one for each frame; meaningful for the first frame of a run that is out
  };

  [[nodiscard]] result<void, frame_error> may_take(frame_owner owner, std::size_t frames) const {
    if (frames == 0 || owner.value >= Owners) return failure{frame_error::bad_request};
    frame_account const& a = accounts_[owner.value];
    if (a.used > a.quota || frames > a.quota - a.used) return failure{frame_error::exhausted};
    return {};
  }

  void charge(region& r, std::uint64_t first, frame_owner owner, std::uint64_t frames) {
    r.owners[first] = owner.value;
    accounts_[owner.value].used += frames;
  }

  [[nodiscard]] region* region_of(host_phys p) {
    for (std::size_t i = 0; i < count_; ++i) {
      if (host_range{regions_[i].base, regions_[i].ledger.size() * frame_size}.contains(p)) return &regions_[i];
    }
    return nullptr;
  }

  result<void, frame_error> release_checked(host_phys run, std::size_t frames, frame_owner const* by) {
    if (frames == 0) return failure{frame_error::bad_request};
    region* const r = region_of(run);
    if (r == nullptr) return failure{frame_error::foreign};
    std::uint64_t const first = (run - r->base) / frame_size;
    if (!is_aligned(run, frame_size) || !r->ledger.is_run(first, frames)) return failure{frame_error::not_allocated};
    if (by != nullptr && r->owners[first] != by->value) return failure{frame_error::foreign};
    r->ledger.give(first, frames);
    accounts_[r->owners[first]].used -= frames;
    return {};
  }

  [[no_unique_address]] Access access_;
  region regions_[Regions]{};
  frame_account accounts_[Owners]{};
  std::size_t count_{};
};

static_assert(FrameSource<frame_allocator<1>>);
static_assert(FrameSource<owner_view<frame_allocator<1>>>);

}  // namespace axhal::memory
