// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/core/units.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace axhal::x86_64 {

/// TLB_CONTROL of a VMCB: what VMRUN forgets before it enters (AMD64 APM vol. 2, "TLB Flush", the table of encodings).
/// VMRUN does not clear it. Those that name the guest need CPUID Fn8000_000A_EDX[6] (FlushByAsid).
enum class tlb_control : std::uint8_t {
  nothing = 0,
  everything = 1,  ///< every ASID, the host's too
  guest = 3,
  guest_keep_globals = 7,
};

/// What an entry writes to TLB_CONTROL. `all_guests` is `vmid_grant::flush`, `this_guest` is what
/// `owed_flushes::settle` said, `by_asid` whether the CPU has FlushByAsid; without it one guest's flush is everybody's.
[[nodiscard]] constexpr tlb_control entry_tlb_control(bool all_guests, bool this_guest, bool by_asid) {
  if (all_guests) return tlb_control::everything;
  if (!this_guest) return tlb_control::nothing;
  return by_asid ? tlb_control::guest : tlb_control::everything;
}

/// The ASID for a VMCB of what the allocator gave. ASID 0 is the host's, and VMRUN refuses it: guests of a machine with
/// too few ASIDs share ASID 1, and each grant asks for a flush there.
[[nodiscard]] constexpr std::uint32_t guest_asid(vmid given) { return given.value == 0 ? 1 : given.value; }

/// The flushes that CPUs owe a guest: what is forgotten with the next entry, because no instruction forgets it sooner
/// (nested paging), or because the CPU is busy with something else.
///
/// One object goes with what has tables and a tag of its own. `owe` may be called by any CPU, at any time; `settle` by
/// the CPU that it names, with interrupts that would lead to another entry masked until the entry. What was owed before
/// `settle` began is in its answer.
///
/// A guest whose tag was given by an allocator a moment ago owes nothing under it; a flush too many does no harm.
template <std::size_t Cpus>
class owed_flushes {
  static_assert(Cpus > 0, "owed_flushes: there is a CPU");

 public:
  /// From now on every CPU owes a flush.
  void owe() { wanted_.fetch_add(1, std::memory_order_seq_cst); }

  /// True when `cpu` must have its next entry forget the guest's translations; it owes nothing after that.
  /// Precondition: `cpu` is below `Cpus`.
  [[nodiscard]] bool settle(cpu_number cpu) {
    std::uint64_t const now = wanted_.load(std::memory_order_seq_cst);
    bool const owes = settled_[cpu.value] != now;
    settled_[cpu.value] = now;
    return owes;
  }

 private:
  std::atomic<std::uint64_t> wanted_{};
  std::uint64_t settled_[Cpus]{};  ///< each its CPU's own
};

}  // namespace axhal::x86_64
