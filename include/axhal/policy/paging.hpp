// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/core/access.hpp>
#include <axhal/core/address.hpp>

#include <concepts>
#include <cstdint>
#include <type_traits>

namespace axhal {

namespace paging_req {

/// `P` fixes its shape. Level 0 is the level of the last lookup (the smallest pages); level `levels - 1` is the root.
template <typename P>
concept HasGeometry = requires(unsigned level) {
  { P::levels } -> std::convertible_to<unsigned>;
  { P::index_bits(level) } -> std::same_as<unsigned>;
  { P::largest_leaf_level } -> std::convertible_to<unsigned>;
  { P::output_bits } -> std::convertible_to<unsigned>;
  requires std::same_as<typename P::input_address, host_virt> || std::same_as<typename P::input_address, guest_phys>;
};

/// `P` names its entry: a trivially copyable word of 8 bytes, absent when zero.
template <typename P>
concept HasEntry = std::is_trivially_copyable_v<typename P::entry> && std::equality_comparable<typename P::entry> &&
                   sizeof(typename P::entry) == 8;

/// `P` builds entries from portable values.
template <typename P>
concept Encodes = requires(host_phys pa, page_attributes attributes, unsigned level) {
  { P::leaf(pa, attributes, level) } -> std::same_as<typename P::entry>;
  { P::table(pa) } -> std::same_as<typename P::entry>;
};

/// `P` reads entries back into portable values.
template <typename P>
concept Decodes = requires(typename P::entry e, unsigned level) {
  { P::is_present(e) } -> std::same_as<bool>;
  { P::is_leaf(e, level) } -> std::same_as<bool>;
  { P::target(e, level) } -> std::same_as<host_phys>;
  { P::attributes(e) } -> std::same_as<page_attributes>;
};

/// `P` tells what the architecture wants between an old and a new entry, what walks may remember, and which rights its
/// hardware can tell apart.
template <typename P>
concept StatesRules = requires(page_attributes attributes) {
  { P::break_before_make } -> std::convertible_to<bool>;
  { P::caches_absent } -> std::convertible_to<bool>;
  { P::representable(attributes) } -> std::same_as<bool>;
};

}  // namespace paging_req

/// How one translation stage spells its page tables. A model is stateless and pure: it compiles and runs anywhere.
///
/// The page is `frame_size` (4 KiB) at level 0 and grows by `index_bits(level)` bits per level; `index_bits` of the
/// root may differ (concatenated or widened roots), and the root table is `8 << index_bits(levels - 1)` bytes, aligned
/// to its size. Leaves exist at levels `0 .. largest_leaf_level`. `output_bits` is the width of the host-physical
/// addresses an entry can hold. `representable(a)` says whether the format can express exactly these attributes (write
/// without read: mostly not); `leaf` requires it. `break_before_make` says that a present entry must be made absent,
/// and the absence made visible, before an entry with another target, another memory type or another size takes its
/// place; rights alone may change in place. `caches_absent` says that a walk may remember that an entry was absent:
/// then one that is made is forgotten like one that changed, and that also publishes it.
///
/// Laws (conformance/paging_laws.hpp), for every level and every representable attribute:
///   1. target(leaf(pa, a, l), l) == pa                for every pa aligned to level l and below 2^output_bits
///   2. attributes(leaf(pa, a, l)) == a                rights and type are exact
///   3. is_present(leaf(..., l)) and is_leaf(leaf(pa, a, l), l)     for l in 0 .. largest_leaf_level
///   4. is_present(table(pa)), !is_leaf(table(pa), l) and target(table(pa), l) == pa     for every l > 0
///   5. !is_present(entry{})                           a zeroed table maps nothing
///   6. read|execute, read|write and read|write|execute or their W^X halves are representable for normal memory,
///      read|write for device memory; `access::none` is not representable (unmap instead)
///   7. the sum of 12 and all index_bits is at most 64, index_bits is 1..13 and only the root may exceed 9
///
/// Models: aarch64::stage1_el2, aarch64::stage2, riscv64::stage1, riscv64::stage2, x86_64::host_format,
/// x86_64::ept_format, x86_64::npt_format, host::paging.
template <typename P>
concept PagingPolicy = paging_req::HasGeometry<P> && paging_req::HasEntry<P> && paging_req::Encodes<P> &&
                       paging_req::Decodes<P> && paging_req::StatesRules<P>;

/// A run of input addresses whose cached translations must be forgotten.
template <typename InputAddress>
struct stale_range {
  InputAddress start{};
  std::uint64_t size{};   ///< bytes, a multiple of the page
  bool last_level{true};  ///< only leaves changed; false when an entry names or named a table, so cached walks must go
                          ///< with it
  std::uint64_t step{4096};  ///< bytes, a power of two that divides start and size: one request for every step is
                             ///< enough, because each step lay in one leaf or below one table
};

namespace tlb_req {

/// `T` can publish entries and forget translations.
template <typename T, typename InputAddress>
concept Maintains = requires(T& t, stale_range<InputAddress> range) {
  { t.publish() } -> std::same_as<void>;
  { t.invalidate(range) } -> std::same_as<void>;
  { t.invalidate_all() } -> std::same_as<void>;
  { t.complete() } -> std::same_as<void>;
};

}  // namespace tlb_req

/// The half of paging that is instructions: how a change becomes visible to every CPU that walks these tables.
///
/// `publish()`: entries written before it are seen by walks after it. `invalidate(range)`: begins to forget the range.
/// `invalidate_all()`: begins to forget everything under this translation's tag (VMID, ASID). `complete()`: returns
/// when all CPUs have forgotten what was begun, or will before they next use such tables, which they do not now.
/// `invalidate*` order themselves after earlier entry writes, and walks after `complete()` see those writes in what was
/// forgotten.
///
/// Models: aarch64::stage2_tlb, aarch64::tagged_stage2_tlb, aarch64::stage1_el2_tlb, riscv64::stage1_tlb,
/// riscv64::tagged_stage1_tlb, riscv64::stage2_tlb, riscv64::tagged_stage2_tlb, x86_64::host_tlb,
/// x86_64::tagged_host_tlb, x86_64::ept_tlb, x86_64::entry_flush_tlb, host::recording_tlb (tests), no_tlb (tables not
/// yet in use).
template <typename T, typename InputAddress>
concept TlbMaintenance = tlb_req::Maintains<T, InputAddress>;

/// Maintenance for tables that no CPU walks yet.
struct no_tlb {
  static constexpr void publish() {}
  template <typename InputAddress>
  static constexpr void invalidate(stale_range<InputAddress>) {}
  static constexpr void invalidate_all() {}
  static constexpr void complete() {}
};
static_assert(TlbMaintenance<no_tlb, guest_phys>);

/// Names every requirement `P` misses, one error each. Use where a user plugs a policy in.
template <typename P>
consteval bool explain_paging_policy() {
  static_assert(
      paging_req::HasGeometry<P>,
      "PagingPolicy: needs `levels`, `index_bits(level) -> unsigned`, `largest_leaf_level`, `output_bits` and "
      "`input_address` (host_virt or guest_phys)");
  static_assert(requires { typename P::entry; }, "PagingPolicy: needs a nested type `entry`");
  static_assert(paging_req::HasEntry<P>,
                "PagingPolicy: `entry` must be trivially copyable, equality comparable and 8 bytes wide");
  static_assert(
      paging_req::Encodes<P>,
      "PagingPolicy: needs `leaf(host_phys, page_attributes, level) -> entry` and `table(host_phys) -> entry`");
  static_assert(paging_req::Decodes<P>,
                "PagingPolicy: needs `is_present -> bool`, `is_leaf -> bool`, `target -> host_phys` and "
                "`attributes -> page_attributes`");
  static_assert(paging_req::StatesRules<P>,
                "PagingPolicy: needs `break_before_make`, `caches_absent` and `representable(attributes) -> bool`");
  return PagingPolicy<P>;
}

}  // namespace axhal
