// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/arch/x86_64/translation.hpp>
#include <axhal/core/access.hpp>
#include <axhal/core/address.hpp>
#include <axhal/policy/paging.hpp>

#include <cstdint>

namespace axhal::x86_64 {

/// AMD's nested paging: guest-physical to system-physical, through nCR3 of the VMCB (AMD64 APM vol. 2, "Nested
/// Paging").
///
/// The format is the one that the host runs with: nested tables have as many levels as hCR4.LA57 says at VMRUN, obey
/// bit 63 when the host's EFER.NXE is 1, and take memory types from the host's IA32_PAT ("Combining Memory Types,
/// MTRRs"). Every access of a guest counts as one of user mode, walks of its own tables among them, so all entries have
/// U/S 1; G means nothing, and is 0. hCR0.WP is ignored: what is not writable here is written by no guest.
///
/// A guest's own types are combined with these. They cannot make cached what is not; where they make less of WB,
/// hardware uses types that look into the caches (WC+, CD), so that the host sees through its caches what the guest
/// wrote.
template <unsigned Levels, largest_page Largest = largest_page::page_1g>
struct npt_format : table_format<Levels, Largest, true> {
  using format = table_format<Levels, Largest, true>;
  using entry = typename format::entry;
  using input_address = guest_phys;

  /// How wide the guest-physical addresses are that it translates: 48 or 57 bits.
  static constexpr unsigned gpa_bits = 12 + 9 * Levels;

  static constexpr bool representable(page_attributes a) { return format::can_express(a); }

  /// The value of N_CR3 for the tables at `root`.
  [[nodiscard]] static constexpr std::uint64_t ncr3(host_phys root) { return cr3::f_address::make(root.value >> 12); }
};

using npt = npt_format<4>;
using npt_5_level = npt_format<5>;

static_assert(PagingPolicy<npt> && PagingPolicy<npt_5_level>);
static_assert(PagingPolicy<npt_format<4, largest_page::page_2m>>);

}  // namespace axhal::x86_64
