// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/core/address.hpp>
#include <axhal/core/result.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>

namespace axhal {

/// Why a frame source refused.
enum class frame_error : std::uint8_t {
  exhausted,      ///< no run of that size and alignment is free
  bad_request,    ///< zero frames, or an alignment that is not a power of two
  foreign,        ///< the frames to release are not this source's
  not_allocated,  ///< the frames to release are free already (double free), or were not allocated as this run
};

/// The size of a frame, the unit of every frame source. All supported formats have a 4 KiB granule.
inline constexpr std::uint64_t frame_size = 4096;

namespace frame_source_req {

/// `S` hands out runs of frames and takes them back.
template <typename S>
concept Allocates = requires(S& s, std::size_t frames, std::size_t alignment_frames, host_phys run) {
  { s.allocate(frames, alignment_frames) } -> std::same_as<result<host_phys, frame_error>>;
  { s.release(run, frames) } -> std::same_as<result<void, frame_error>>;
};

/// `S` lets the program reach a frame.
template <typename S>
concept Reaches = requires(S& s, host_phys frame) {
  { s.pointer(frame) } -> std::same_as<void*>;
};

}  // namespace frame_source_req

/// Who supplies memory for page tables and guests, in frames of `frame_size` bytes.
///
/// `allocate(n, a)` returns the address of `n` contiguous frames, aligned to `a` frames (a power of two).
/// `release(p, n)` takes exactly what one `allocate` gave. `pointer(p)` is where the program finds the frame at `p`;
/// it is stable, and every byte of the run is reachable from the pointer to its first frame.
///
/// Laws (conformance/frame_source_laws.hpp):
///   1. a run that was handed out is aligned as asked
///   2. two runs that are out at the same time share no frame
///   3. every byte of a run can be written and read back through `pointer`
///   4. after everything was released, as much can be allocated as before
///   5. zero frames, or an alignment that is no power of two, is `bad_request`; nothing changes
///   6. releasing twice is `not_allocated`, releasing what never was the source's is `foreign`; nothing changes
///   7. when `allocate` fails, what was allocated before is untouched
///
/// Contents of fresh frames are not defined: who needs zeros writes them.
///
/// Models: memory::frame_allocator, memory::frame_pool, host::counting_frames (tests).
template <typename S>
concept FrameSource = frame_source_req::Allocates<S> && frame_source_req::Reaches<S>;

/// Names every requirement `S` misses, one error each.
template <typename S>
consteval bool explain_frame_source() {
  static_assert(frame_source_req::Allocates<S>,
                "FrameSource: needs `allocate(frames, alignment_frames) -> result<host_phys, frame_error>` and "
                "`release(run, frames) -> result<void, frame_error>`");
  static_assert(frame_source_req::Reaches<S>, "FrameSource: needs `pointer(host_phys) -> void*`");
  return FrameSource<S>;
}

}  // namespace axhal
