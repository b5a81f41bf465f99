// SPDX-License-Identifier: BSL-1.0
// A way to other harts that forgets about guests cannot keep a guest's translations in order.
// EXPECT: RemoteFences
#include <axhal/arch/riscv64/tlb.hpp>

#include <cstdint>

struct fences {
  static void sfence_vma() {}
  static void sfence_vma(std::uint64_t) {}
  static void sfence_vma_asid(std::uint64_t) {}
  static void sfence_vma(std::uint64_t, std::uint64_t) {}
  static void hfence_gvma() {}
  static void hfence_gvma(std::uint64_t) {}
  static void hfence_gvma_vmid(std::uint64_t) {}
  static void hfence_gvma(std::uint64_t, std::uint64_t) {}
  static void hfence_vvma() {}
  static void hfence_vvma(std::uint64_t) {}
  static void hfence_vvma_asid(std::uint64_t) {}
  static void hfence_vvma(std::uint64_t, std::uint64_t) {}
};

struct others {
  void remote_sfence_vma(std::uint64_t, std::uint64_t) const {}
  void remote_sfence_vma_asid(std::uint64_t, std::uint64_t, std::uint64_t) const {}
#if defined(AXHAL_CORRECT)
  void remote_hfence_gvma_vmid(std::uint64_t, std::uint64_t, std::uint64_t) const {}
#endif
};
static_assert(axhal::TlbMaintenance<axhal::riscv64::tagged_stage2_tlb<fences, others>, axhal::guest_phys>);
