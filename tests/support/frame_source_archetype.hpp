// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/policy/frame_source.hpp>

namespace axhal::test {

/// Exactly what FrameSource asks for and nothing else, not even a default constructor or a const member. A generic
/// class that compiles with it needs no more than the contract gives. Nothing here is ever called.
class frame_source_archetype {
 public:
  frame_source_archetype() = delete;
  frame_source_archetype(frame_source_archetype const&) = delete;
  frame_source_archetype& operator=(frame_source_archetype const&) = delete;

  result<host_phys, frame_error> allocate(std::size_t, std::size_t) { __builtin_trap(); }
  result<void, frame_error> release(host_phys, std::size_t) { __builtin_trap(); }
  void* pointer(host_phys) { __builtin_trap(); }
};
static_assert(FrameSource<frame_source_archetype>);

}  // namespace axhal::test
