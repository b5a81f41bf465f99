// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <concepts>
#include <cstdint>

namespace axhal::x86_64 {

/// INVPCID's types (Intel SDM vol. 2A, "INVPCID - Invalidate Process-Context Identifier").
enum class invpcid_type : std::uint64_t {
  individual_address = 0,
  single_context = 1,
  all_contexts_and_globals = 2,
  all_contexts = 3,
};

/// INVEPT's types (Intel SDM vol. 3C, "INVEPT - Invalidate Translations Derived from EPT").
enum class invept_type : std::uint64_t { single_context = 1, all_contexts = 2 };

/// INVVPID's types (Intel SDM vol. 3C, "INVVPID - Invalidate Translations Based on VPID").
enum class invvpid_type : std::uint64_t {
  individual_address = 0,
  single_context = 1,
  all_contexts = 2,
  single_context_keep_globals = 3,
};

/// How this CPU forgets its own translations of the PCID that it uses: INVLPG, and CR3 written with what it holds. Each
/// is complete when it returns, and comes after the stores before it.
template <typename I>
concept HostTlbInstructions = requires(std::uint64_t value) {
  { I::invlpg(value) } -> std::same_as<void>;
  { I::read_cr3() } -> std::same_as<std::uint64_t>;
  { I::write_cr3(value) } -> std::same_as<void>;
};

/// The same under a PCID that may be another one (CPUID 7.0:EBX[10]). The descriptor is `pcid`, 12 bits, and a
/// canonical `address`, 0 where the type takes none. With CR4.PCIDE 0 the PCID is 0.
template <typename I>
concept PcidInstructions = requires(invpcid_type type, std::uint64_t pcid, std::uint64_t address) {
  { I::invpcid(type, pcid, address) } -> std::same_as<void>;
};

/// INVEPT, in VMX root operation. It returns when the CPU has forgotten: a CPU that refuses (VMfail, because it lacks
/// the type or the EPTP is none) is a mistake that `I` does not return from.
template <typename I>
concept EptInstructions = requires(invept_type type, std::uint64_t eptp) {
  { I::invept(type, eptp) } -> std::same_as<void>;
};

/// INVVPID, in VMX root operation, under the same condition. `address` is canonical, 0 where the type takes none.
template <typename I>
concept VpidInstructions = requires(invvpid_type type, std::uint64_t vpid, std::uint64_t address) {
  { I::invvpid(type, vpid, address) } -> std::same_as<void>;
};

/// The `size` of a remote request for all addresses; its start is then 0.
inline constexpr std::uint64_t every_address = ~std::uint64_t{0};

/// A way to the other CPUs that use the hypervisor's tables: no instruction here reaches them, an inter-processor
/// interrupt does. Each function returns when every CPU of the set that `r` stands for has forgotten the bytes
/// `[start, start + size)`, canonical addresses, a start that is a multiple of the page, and what led to them; one
/// INVLPG (INVPCID) for every 4 KiB, or everything, as the CPU likes. It cannot fail.
template <typename R>
concept RemoteHostFlushes =
    std::copy_constructible<R> && requires(R const& r, std::uint64_t start, std::uint64_t size, std::uint64_t pcid) {
      { r.remote_invlpg(start, size) } -> std::same_as<void>;
      { r.remote_invpcid(start, size, pcid) } -> std::same_as<void>;
    };

/// A way to the other CPUs that run a guest of VT-x, or ran it since its tables were made. Returns when each of them
/// has executed INVEPT with these operands, out of the guest. It cannot fail.
template <typename R>
concept RemoteInvept = std::copy_constructible<R> && requires(R const& r, invept_type type, std::uint64_t eptp) {
  { r.remote_invept(type, eptp) } -> std::same_as<void>;
};

/// A way to get the other CPUs out of a guest. Returns when every CPU that was in it when the call began has left it. A
/// CPU that comes in later is no matter, as long as it says that it is in the guest before it asks what it owes
/// (`owed_flushes::settle`), both sequentially consistent. It cannot fail.
template <typename R>
concept RemoteExits = std::copy_constructible<R> && requires(R const& r) {
  { r.leave_guest() } -> std::same_as<void>;
};

/// For tables that no other CPU walks: a machine of one CPU, or a guest that is bound to this one.
struct this_cpu_alone {
  static constexpr void remote_invlpg(std::uint64_t, std::uint64_t) {}
  static constexpr void remote_invpcid(std::uint64_t, std::uint64_t, std::uint64_t) {}
  static constexpr void remote_invept(invept_type, std::uint64_t) {}
  static constexpr void leave_guest() {}
};
static_assert(RemoteHostFlushes<this_cpu_alone> && RemoteInvept<this_cpu_alone> && RemoteExits<this_cpu_alone>);

}  // namespace axhal::x86_64
