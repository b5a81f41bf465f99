// SPDX-License-Identifier: BSL-1.0
// EXPECT: vlapics: 1 to 64 vCPUs
// EXPECT: VlapicSurroundings
#include <axhal/arch/x86_64/vlapics.hpp>

using namespace axhal;
using namespace axhal::x86_64;

struct deaf {
  void wake(std::uint64_t) {}
  void deadline_changed() {}
};
struct around : deaf {
  void end_of_interrupt(std::uint8_t) {}
};
#if defined(AXHAL_CORRECT)
using chosen = around;
template class axhal::x86_64::vlapics<64>;
#else
using chosen = deaf;
vlapics<65> too_many{{}};
#endif

void eoi(vlapics<1>& apics, chosen& around) { apics.write({0}, 0xb0, 4, 0, {}, around); }
