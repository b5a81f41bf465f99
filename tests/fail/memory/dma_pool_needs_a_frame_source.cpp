// SPDX-License-Identifier: BSL-1.0
// EXPECT: FrameSource
#include <axhal/memory/dma.hpp>
#include <axhal/memory/frame_pool.hpp>

struct no_source {};

#if defined(AXHAL_CORRECT)
using source = axhal::memory::frame_pool<8>;
#else
using source = no_source;
#endif
axhal::memory::dma_pool<source>* pool = nullptr;
