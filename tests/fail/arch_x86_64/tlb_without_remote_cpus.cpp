// SPDX-License-Identifier: BSL-1.0
// A way to other CPUs that forgets about guests cannot keep a guest's translations in order.
// EXPECT: RemoteInvept
#include <axhal/arch/x86_64/tlb.hpp>

#include <cstdint>

struct instructions {
  static void invept(axhal::x86_64::invept_type, std::uint64_t) {}
};

struct others {
  void remote_invlpg(std::uint64_t, std::uint64_t) const {}
  void remote_invpcid(std::uint64_t, std::uint64_t, std::uint64_t) const {}
#if defined(AXHAL_CORRECT)
  void remote_invept(axhal::x86_64::invept_type, std::uint64_t) const {}
#endif
};
static_assert(axhal::TlbMaintenance<axhal::x86_64::ept_tlb<instructions, others>, axhal::guest_phys>);
