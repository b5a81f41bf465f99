// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/policy/paging.hpp>

#include <cstdint>

namespace axhal::test {

/// Exactly what PagingPolicy asks for and nothing else: an entry that cannot be taken apart, built from a number or
/// ordered. A generic class that compiles with it needs no more than the contract gives. Nothing here is ever called.
struct paging_archetype {
  class entry {
   public:
    friend bool operator==(entry, entry) { __builtin_trap(); }

   private:
    std::uint64_t word_{};
  };
  using input_address = guest_phys;
  static constexpr unsigned levels = 3;
  static constexpr unsigned index_bits(unsigned) { return 9; }
  static constexpr unsigned largest_leaf_level = 1;
  static constexpr unsigned output_bits = 40;
  static constexpr bool break_before_make = true;
  static constexpr bool caches_absent = false;
  static entry leaf(host_phys, page_attributes, unsigned) { __builtin_trap(); }
  static entry table(host_phys) { __builtin_trap(); }
  static bool is_present(entry) { __builtin_trap(); }
  static bool is_leaf(entry, unsigned) { __builtin_trap(); }
  static host_phys target(entry, unsigned) { __builtin_trap(); }
  static page_attributes attributes(entry) { __builtin_trap(); }
  static bool representable(page_attributes) { __builtin_trap(); }
};
static_assert(PagingPolicy<paging_archetype>);

/// Exactly what TlbMaintenance asks for, without a default constructor.
class tlb_archetype {
 public:
  explicit tlb_archetype(int) {}
  void publish() { __builtin_trap(); }
  void invalidate(stale_range<guest_phys>) { __builtin_trap(); }
  void invalidate_all() { __builtin_trap(); }
  void complete() { __builtin_trap(); }
};
static_assert(TlbMaintenance<tlb_archetype, guest_phys>);

}  // namespace axhal::test
