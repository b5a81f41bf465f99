// SPDX-License-Identifier: BSL-1.0
// Every model of FrameSource that the library has; a new one joins by joining the list.
#include "support/frame_source_archetype.hpp"

#include <axhal/arch/host/counting_frames.hpp>
#include <axhal/conformance/frame_source_laws.hpp>
#include <axhal/memory/dma.hpp>
#include <axhal/memory/frame_allocator.hpp>
#include <axhal/memory/frame_pool.hpp>

#include <catch2/catch_template_test_macros.hpp>

#include <cstdint>

namespace {

using namespace axhal;

/// An allocator with its memory, so that it can be made from nothing.
template <std::uint64_t Frames>
struct allocator_with_memory : memory::frame_allocator<2> {
  allocator_with_memory() {
    host_phys const start = memory::identity_access::physical(store);
    static_cast<void>(add_region({start, Frames / 2 * frame_size}));
    static_cast<void>(add_region({start + Frames / 2 * frame_size, Frames / 2 * frame_size}));
  }
  alignas(frame_size) std::uint8_t store[Frames * frame_size];
};

/// The share of one owner in such an allocator.
struct share : memory::owner_view<memory::frame_allocator<2>> {
  share() : memory::owner_view<memory::frame_allocator<2>>{all, {3}} { all.set_quota({3}, 100); }
  static inline allocator_with_memory<256> all{};
};

}  // namespace

TEMPLATE_TEST_CASE("frame sources obey the frame source laws", "", allocator_with_memory<300>, share,
                   memory::frame_pool<128>, host::counting_frames<128>) {
  STATIC_REQUIRE(explain_frame_source<TestType>());
  static TestType source;
  CHECK(laws::first_broken_frame_source_law(source) == 0);
}

// Generic code over a frame source uses nothing that the contract does not give.
template class memory::dma_pool<test::frame_source_archetype>;
template int laws::first_broken_frame_source_law<test::frame_source_archetype>(test::frame_source_archetype&, host_phys,
                                                                               std::size_t);
