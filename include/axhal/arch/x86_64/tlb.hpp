// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/arch/x86_64/ept_capabilities.hpp>
#include <axhal/arch/x86_64/owed_flushes.hpp>
#include <axhal/arch/x86_64/tlb_operations.hpp>
#include <axhal/core/address.hpp>
#include <axhal/core/bit_field.hpp>
#include <axhal/core/units.hpp>
#include <axhal/policy/frame_source.hpp>
#include <axhal/policy/paging.hpp>

#include <atomic>
#include <concepts>
#include <cstddef>
#include <cstdint>

namespace axhal::x86_64 {

namespace detail {

/// Entries are stored in the order of the program, and absent ones are not remembered: all that publication takes is
/// that the compiler has made the stores.
inline void publish_entries() { std::atomic_signal_fence(std::memory_order_seq_cst); }

/// Entries that this CPU has written are seen by every CPU before it is told to forget.
inline void order_before_remote() { std::atomic_thread_fence(std::memory_order_seq_cst); }

/// Maintenance of the hypervisor's own tables in the format `Format` by operations of the kind `Operations`.
///
/// One INVLPG is enough for a page of any size ("Recommended Invalidation"), and forgets the cached entries that lead
/// to its address ("Operations that Invalidate TLBs and Paging-Structure Caches"; APM, "TLB Management", on INVLPG and
/// EFER.TCE). So a range is one request for every step, whether leaves changed or tables.
template <typename Format, typename Operations>
class host_maintenance {
 public:
  host_maintenance() = default;
  explicit host_maintenance(Operations operations) : operations_{operations} {}

  static void publish() { publish_entries(); }
  void invalidate(stale_range<host_virt> range) {
    // Between the lower and the upper half of the addresses there is a gap.
    constexpr std::uint64_t upper = std::uint64_t{1} << (Format::va_bits - 1);
    bool const crosses = range.start.value < upper && range.size > upper - range.start.value;
    whole_ = whole_ || crosses;
    if (whole_) return;
    for (std::uint64_t offset = 0; offset < range.size; offset += range.step) {
      operations_.local_page(Format::canonical(range.start + offset).value);
    }
    if constexpr (!Operations::is_local) {
      order_before_remote();
      if (range.step == frame_size) return operations_.remote(Format::canonical(range.start).value, range.size);
      for (std::uint64_t offset = 0; offset < range.size; offset += range.step) {
        operations_.remote(Format::canonical(range.start + offset).value, frame_size);
      }
    }
  }
  void invalidate_all() { whole_ = true; }
  void complete() {
    if (!whole_) return;
    whole_ = false;
    operations_.local_everything();
    if constexpr (!Operations::is_local) {
      order_before_remote();
      operations_.remote(0, every_address);
    }
  }

 private:
  Operations operations_{};
  bool whole_{};
};

template <HostTlbInstructions I, RemoteHostFlushes Remote>
struct current_pcid {
  static constexpr bool is_local = std::same_as<Remote, this_cpu_alone>;
  [[no_unique_address]] Remote others{};

  static void local_page(std::uint64_t at) { I::invlpg(at); }
  static void local_everything() { I::write_cr3(I::read_cr3()); }
  void remote(std::uint64_t start, std::uint64_t size) const { others.remote_invlpg(start, size); }
};

template <PcidInstructions I, RemoteHostFlushes Remote>
struct given_pcid {
  static constexpr bool is_local = std::same_as<Remote, this_cpu_alone>;
  [[no_unique_address]] Remote others{};
  std::uint64_t pcid{};

  void local_page(std::uint64_t at) const { I::invpcid(invpcid_type::individual_address, pcid, at); }
  void local_everything() const { I::invpcid(invpcid_type::single_context, pcid, 0); }
  void remote(std::uint64_t start, std::uint64_t size) const { others.remote_invpcid(start, size, pcid); }
};

}  // namespace detail

/// Maintenance for the hypervisor's own tables, which CR3 holds on this CPU: INVLPG by address, and CR3 written anew
/// for everything, which reaches every page, as `host_format` makes none with G. `Remote` reaches the other CPUs that
/// use these tables.
template <typename Format, HostTlbInstructions I, RemoteHostFlushes Remote = this_cpu_alone>
class host_tlb : public detail::host_maintenance<Format, detail::current_pcid<I, Remote>> {
  using operations = detail::current_pcid<I, Remote>;

 public:
  host_tlb() = default;
  explicit host_tlb(Remote remote) : detail::host_maintenance<Format, operations>{operations{remote}} {}
};

/// The same for an address space with a PCID of its own, whatever CR3 holds: INVPCID.
template <typename Format, PcidInstructions I, RemoteHostFlushes Remote = this_cpu_alone>
class tagged_host_tlb : public detail::host_maintenance<Format, detail::given_pcid<I, Remote>> {
  using operations = detail::given_pcid<I, Remote>;

 public:
  tagged_host_tlb() = default;
  explicit tagged_host_tlb(unsigned pcid, Remote remote = {})
      : detail::host_maintenance<Format, operations>{operations{remote, pcid}} {}
};

/// Which INVEPT forgets one guest on a CPU whose IA32_VMX_EPT_VPID_CAP is `cap`: that of the guest where there is one.
[[nodiscard]] constexpr invept_type guest_invept(std::uint64_t cap) {
  return ept_vpid_cap::f_invept_single::get(cap) ? invept_type::single_context : invept_type::all_contexts;
}

/// Maintenance for a guest's EPT. INVEPT knows no addresses: whatever changed, everything under the guest's EPTP is
/// forgotten once, with what was combined from both stages under any VPID ("Guidelines for Use of the INVEPT
/// Instruction"). `Remote` reaches the other CPUs that run this guest, or ran it since its tables were made.
template <EptInstructions I, RemoteInvept Remote = this_cpu_alone>
class ept_tlb {
 public:
  ept_tlb() = default;
  /// `type` is `guest_invept` of this machine.
  explicit ept_tlb(std::uint64_t eptp, invept_type type = invept_type::single_context, Remote remote = {})
      : remote_{remote}, eptp_{eptp}, type_{type} {}

  /// From now on maintenance is for this EPTP: to be called when the root was made.
  void set_translation(std::uint64_t eptp) { eptp_ = eptp; }

  static void publish() { detail::publish_entries(); }
  void invalidate(stale_range<guest_phys>) { stale_ = true; }
  void invalidate_all() { stale_ = true; }
  void complete() {
    if (!stale_) return;
    stale_ = false;
    I::invept(type_, eptp_);
    if constexpr (!std::same_as<Remote, this_cpu_alone>) {
      detail::order_before_remote();
      remote_.remote_invept(type_, eptp_);
    }
  }

 private:
  [[no_unique_address]] Remote remote_{};
  std::uint64_t eptp_{};
  invept_type type_{invept_type::single_context};
  bool stale_{};
};

/// Maintenance for a guest's tables by flushes that the guest's next entries perform: the only way with nested paging,
/// where INVLPGA takes guest-virtual addresses alone (AMD64 APM vol. 2, "Invalidate Page, Alternate ASID"), and a lazy
/// one with EPT.
///
/// Hardware walks such tables inside the guest alone. So a CPU that is outside of it, and forgets before it enters, has
/// forgotten: `complete` notes the debt of every CPU, and has `Remote` get those out that are inside. An entry asks
/// `owed_flushes::settle`, and puts the answer into TLB_CONTROL (`entry_tlb_control`), or executes INVEPT.
template <std::size_t Cpus, RemoteExits Remote = this_cpu_alone>
class entry_flush_tlb {
 public:
  explicit entry_flush_tlb(owed_flushes<Cpus>& owed, Remote remote = {}) : remote_{remote}, owed_{&owed} {}

  static void publish() { detail::publish_entries(); }
  void invalidate(stale_range<guest_phys>) { stale_ = true; }
  void invalidate_all() { stale_ = true; }
  void complete() {
    if (!stale_) return;
    stale_ = false;
    owed_->owe();
    if constexpr (!std::same_as<Remote, this_cpu_alone>) remote_.leave_guest();
  }

 private:
  [[no_unique_address]] Remote remote_{};
  owed_flushes<Cpus>* owed_;
  bool stale_{};
};

/// This CPU forgets what it keeps for the linear addresses of the vCPU with this VPID: where a vCPU comes back to a CPU
/// that it left. Precondition: `vpid` is not 0, and the CPU has the type (IA32_VMX_EPT_VPID_CAP[41]; [40] for one
/// address).
template <VpidInstructions I>
void forget_guest(vmid vpid) {
  I::invvpid(invvpid_type::single_context, vpid.value, 0);
}

/// The same for one linear address, globals too. An address that is not canonical in `VaBits` bits has no translation,
/// and INVVPID would refuse it: there is nothing to forget.
template <VpidInstructions I, unsigned VaBits = 48>
void forget_guest_address(vmid vpid, guest_virt at) {
  if (sign_extend(at.value, VaBits) != at.value) return;
  I::invvpid(invvpid_type::individual_address, vpid.value, at.value);
}

/// This CPU forgets the linear addresses of all guests under every VPID: what a `vmid_grant` with `flush` asks for.
/// What it keeps of EPT alone bears no VPID, belongs to one EPTP, and stays true.
template <VpidInstructions I>
void forget_all_guests() {
  I::invvpid(invvpid_type::all_contexts, 0, 0);
}

}  // namespace axhal::x86_64
