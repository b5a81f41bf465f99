// SPDX-License-Identifier: BSL-1.0
// EXPECT: FrameSource: needs `allocate\(frames, alignment_frames\)
// EXPECT: FrameSource: needs `pointer\(host_phys\)
#include <axhal/policy/frame_source.hpp>

using namespace axhal;

/// Returns bare addresses, as many allocators do: there is no way to say that there is no memory.
struct bare {
#if defined(AXHAL_CORRECT)
  result<host_phys, frame_error> allocate(std::size_t, std::size_t);
  result<void, frame_error> release(host_phys, std::size_t);
  void* pointer(host_phys);
#else
  host_phys allocate(std::size_t, std::size_t);
  void release(host_phys, std::size_t);
  void* pointer(host_virt);
#endif
};
static_assert(explain_frame_source<bare>());
