// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/arch/riscv64/csr.hpp>
#include <axhal/arch/riscv64/fences.hpp>
#include <axhal/core/address.hpp>
#include <axhal/core/units.hpp>
#include <axhal/policy/frame_source.hpp>
#include <axhal/policy/paging.hpp>

#include <atomic>
#include <concepts>
#include <cstdint>

namespace axhal::riscv64 {

namespace detail {

/// Maintenance of one stage by fences of the kind `Fences`.
///
/// A fence with an address covers the leaf of that address and nothing else; a change of an entry that names a table
/// takes the fence without one ("Supervisor Memory-Management Fence Instruction", the common situations). Such fences
/// are put off to `complete`, so that a change that asks for several pays for one.
template <typename InputAddress, typename Fences>
class stage_tlb {
 public:
  stage_tlb() = default;
  explicit stage_tlb(Fences fences) : fences_{fences} {}

  /// A hart may remember that an entry was absent, so this is a fence over everything under the tag.
  void publish() { fence_everything(); }

  void invalidate(stale_range<InputAddress> range) {
    whole_ = whole_ || !range.last_level || !fences_.is_one_run(range);
    if (whole_) return;
    for (std::uint64_t offset = 0; offset < range.size; offset += range.step) {
      fences_.local_page(range.start + offset);
    }
    if constexpr (!Fences::is_local) {
      store_barrier();
      if (range.step == frame_size) return fences_.remote_run(range.start, range.size);
      // One address in a large page is enough.
      for (std::uint64_t offset = 0; offset < range.size; offset += range.step) {
        fences_.remote_run(range.start + offset, frame_size);
      }
    }
  }
  void invalidate_all() { whole_ = true; }
  void complete() {
    if (whole_) fence_everything();
    whole_ = false;
  }

 protected:
  Fences fences_{};

 private:
  void fence_everything() {
    fences_.local_everything();
    if constexpr (!Fences::is_local) {
      store_barrier();
      fences_.remote_everything();
    }
  }
  /// Entries that this hart has written are seen by every hart before it is told to fence.
  static void store_barrier() { std::atomic_thread_fence(std::memory_order_seq_cst); }

  bool whole_{};
};

template <typename Format, FenceInstructions I, RemoteFences Remote>
struct stage1_fences {
  static constexpr bool is_local = std::same_as<Remote, this_hart_alone>;
  [[no_unique_address]] Remote remote{};

  static void local_page(host_virt at) { I::sfence_vma(Format::canonical(at).value); }
  static void local_everything() { I::sfence_vma(); }
  void remote_run(host_virt start, std::uint64_t size) const {
    remote.remote_sfence_vma(Format::canonical(start).value, size);
  }
  void remote_everything() const { remote.remote_sfence_vma(0, every_address); }
  /// Between the lower and the upper half of the addresses there is a gap.
  static bool is_one_run(stale_range<host_virt> range) {
    std::uint64_t const upper = std::uint64_t{1} << (Format::va_bits - 1);
    return range.start.value >= upper || range.size <= upper - range.start.value;
  }
};

template <typename Format, FenceInstructions I, RemoteFences Remote>
struct tagged_stage1_fences : stage1_fences<Format, I, Remote> {
  std::uint64_t asid{};

  void local_page(host_virt at) const { I::sfence_vma(Format::canonical(at).value, asid); }
  void local_everything() const { I::sfence_vma_asid(asid); }
  void remote_run(host_virt start, std::uint64_t size) const {
    this->remote.remote_sfence_vma_asid(Format::canonical(start).value, size, asid);
  }
  void remote_everything() const { this->remote.remote_sfence_vma_asid(0, every_address, asid); }
};

/// `Tag` tells which VMID is meant.
template <FenceInstructions I, RemoteFences Remote, typename Tag>
struct stage2_fences {
  static constexpr bool is_local = std::same_as<Remote, this_hart_alone>;
  [[no_unique_address]] Remote remote{};
  [[no_unique_address]] Tag tag{};

  void local_page(guest_phys at) const { I::hfence_gvma(at.value >> 2, tag.vmid()); }
  void local_everything() const { I::hfence_gvma_vmid(tag.vmid()); }
  void remote_run(guest_phys start, std::uint64_t size) const {
    remote.remote_hfence_gvma_vmid(start.value, size, tag.vmid());
  }
  void remote_everything() const { remote.remote_hfence_gvma_vmid(0, every_address, tag.vmid()); }
  static bool is_one_run(stale_range<guest_phys>) { return true; }
};

template <CsrAccess S>
struct loaded_vmid {
  static std::uint64_t vmid() { return hgatp::f_vmid::get(S::template read<csr::hgatp>()); }
};

struct given_vmid {
  std::uint64_t id{};
  [[nodiscard]] std::uint64_t vmid() const { return id; }
};

}  // namespace detail

/// Maintenance for the hypervisor's own tables in the format `Format`, under every ASID: right whatever satp holds, and
/// for pages with G as well. `Remote` reaches the other harts that use these tables.
template <typename Format, FenceInstructions I, RemoteFences Remote = this_hart_alone>
class stage1_tlb : public detail::stage_tlb<host_virt, detail::stage1_fences<Format, I, Remote>> {
  using fences = detail::stage1_fences<Format, I, Remote>;

 public:
  stage1_tlb() = default;
  explicit stage1_tlb(Remote remote) : detail::stage_tlb<host_virt, fences>{fences{remote}} {}
};

/// The same for one address space, whose satp has this ASID and whose pages have G 0, as `stage1` makes them.
template <typename Format, FenceInstructions I, RemoteFences Remote = this_hart_alone>
class tagged_stage1_tlb : public detail::stage_tlb<host_virt, detail::tagged_stage1_fences<Format, I, Remote>> {
  using fences = detail::tagged_stage1_fences<Format, I, Remote>;

 public:
  tagged_stage1_tlb() = default;
  explicit tagged_stage1_tlb(unsigned asid, Remote remote = {})
      : detail::stage_tlb<host_virt, fences>{fences{{remote}, asid}} {}
};

/// Maintenance for the G-stage tables of the VMID that hgatp holds at each call. `Remote` reaches the other harts that
/// run this guest, or ran it since its VMID was given.
///
/// HFENCE.GVMA is all that a change of these tables takes: what a hart keeps of both stages at once goes with it, and
/// what it keeps of the guest's own stage stays true ("Hypervisor Memory-Management Fence Instructions").
template <FenceInstructions I, RemoteFences Remote = this_hart_alone>
  requires CsrAccess<I>
class stage2_tlb : public detail::stage_tlb<guest_phys, detail::stage2_fences<I, Remote, detail::loaded_vmid<I>>> {
  using fences = detail::stage2_fences<I, Remote, detail::loaded_vmid<I>>;

 public:
  stage2_tlb() = default;
  explicit stage2_tlb(Remote remote) : detail::stage_tlb<guest_phys, fences>{fences{remote, {}}} {}
};

/// The same for the guest whose hgatp was given, whatever is loaded: the fences take the VMID as an operand, so nothing
/// is put in and taken out.
template <FenceInstructions I, RemoteFences Remote = this_hart_alone>
class tagged_stage2_tlb : public detail::stage_tlb<guest_phys, detail::stage2_fences<I, Remote, detail::given_vmid>> {
  using fences = detail::stage2_fences<I, Remote, detail::given_vmid>;

 public:
  tagged_stage2_tlb() = default;
  explicit tagged_stage2_tlb(std::uint64_t guest_hgatp, Remote remote = {})
      : detail::stage_tlb<guest_phys, fences>{fences{remote, {hgatp::f_vmid::get(guest_hgatp)}}} {}

  /// From now on maintenance is for this guest's VMID. To be called whenever the guest gets another one.
  void set_translation(std::uint64_t guest_hgatp) { this->fences_.tag.id = hgatp::f_vmid::get(guest_hgatp); }
};

}  // namespace axhal::riscv64
