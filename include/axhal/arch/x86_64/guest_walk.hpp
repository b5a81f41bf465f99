// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/arch/x86_64/guest_access.hpp>
#include <axhal/arch/x86_64/guest_page_tables.hpp>
#include <axhal/arch/x86_64/stopped_guest.hpp>
#include <axhal/core/access.hpp>
#include <axhal/core/address.hpp>
#include <axhal/core/result.hpp>

#include <atomic>
#include <concepts>
#include <cstdint>

/// The walk through a guest's own page tables, as its processor makes it.
namespace axhal::x86_64 {

/// A guest's memory that also tells what its processor's tables may hold: `limits()`. Without it addresses have 52 bits
/// and there are 1 GiB pages, and an address that a smaller processor refuses as reserved is one outside of RAM.
template <typename M>
concept LimitedRam = GuestRam<M> && requires(M const& m) {
  { m.limits() } -> std::same_as<paging_limits>;
};

/// A context that has PAE's four entries of the highest table as the processor keeps them (VMX does, in its guest
/// state: Intel SDM vol. 3, "PDPTE Registers"). Of others they are read from memory, as nested paging does.
template <typename C>
concept KeepsPdptes = requires(C const& c, unsigned n) {
  { c.pdpte(n) } -> std::same_as<std::uint64_t>;
};

/// A walk that finds its tables changed between reading an entry and marking it accessed starts again, so many times.
inline constexpr unsigned walk_attempts = 8;

namespace detail {

template <GuestRam M>
[[nodiscard]] constexpr paging_limits limits_of(M const& ram) {
  if constexpr (LimitedRam<M>) {
    return ram.limits();
  } else {
    return {};
  }
}

/// An entry of the guest's tables, on the host.
struct entry_place {
  std::uint8_t* at{};
  std::uint64_t value{};

  /// Reads the entry at `at`, which is aligned.
  [[nodiscard]] static entry_place read(std::uint8_t* at, unsigned size) {
    if (size == 4) return {at, std::atomic_ref{*reinterpret_cast<std::uint32_t*>(at)}.load()};
    return {at, std::atomic_ref{*reinterpret_cast<std::uint64_t*>(at)}.load()};
  }
  /// Sets `flags` in the entry unless they are set. False when it is not what was read any more; these flags do not
  /// count, which another CPU's walk may set meanwhile, or this one at another level.
  [[nodiscard]] bool mark(unsigned size, std::uint64_t flags) const {
    if (at == nullptr) return true;
    std::uint64_t now = value;
    for (unsigned attempt = 0; attempt < walk_attempts; ++attempt) {
      if ((now | flags) == now || exchange(size, now, now | flags)) return true;
      if (((now ^ value) & ~(guest_pte::accessed | guest_pte::dirty)) != 0) return false;
    }
    return false;
  }

 private:
  /// Writes `wanted` where `now` is; else `now` becomes what is there.
  [[nodiscard]] bool exchange(unsigned size, std::uint64_t& now, std::uint64_t wanted) const {
    if (size != 4) {
      return std::atomic_ref{*reinterpret_cast<std::uint64_t*>(at)}.compare_exchange_strong(now, wanted);
    }
    auto narrow = static_cast<std::uint32_t>(now);
    bool const done = std::atomic_ref{*reinterpret_cast<std::uint32_t*>(at)}.compare_exchange_strong(
        narrow, static_cast<std::uint32_t>(wanted));
    now = narrow;
    return done;
  }
};

/// One attempt of a walk.
template <StoppedGuest C, GuestRam M>
[[nodiscard]] result<guest_phys, access_refusal> walk_once(C const& c, M& ram, paging_state const& s,
                                                           std::uint64_t linear, access wanted, accessor who) {
  constexpr unsigned most_levels = 5;
  paging_limits const limits = limits_of(ram);
  unsigned const size = s.entry_size();
  entry_place entries[most_levels]{};
  page_rights rights{};
  std::uint64_t at = s.root();
  unsigned const top = s.levels() < most_levels ? s.levels() : most_levels;
  for (unsigned above = top; above != 0; --above) {
    unsigned const level = above - 1;
    std::uint64_t const index = (linear & s.linear_mask()) >> s.shift(level) & low_bits(s.index_bits());
    std::uint64_t value = 0;
    bool kept = false;
    if constexpr (KeepsPdptes<C>) {
      kept = s.is_pdpte(level);
      if (kept) value = c.pdpte(static_cast<unsigned>(index));
    }
    if (!kept) {
      at += index * size;
      std::uint8_t* const place = ram.at({at}, size);
      if (place == nullptr) return failure{access_refusal::outside({at}, access::read, true)};
      entry_place const read = entry_place::read(place, size);
      value = read.value;
      if (!s.is_pdpte(level)) entries[level] = read;
    }
    bool const present = (value & guest_pte::present) != 0;
    bool const refused = present && (value & guest_pte::reserved(s, limits, level, value)) != 0;
    if (!present || refused) {
      return failure{access_refusal::page_fault(linear, fault_code(s, wanted, who, present, refused))};
    }
    if (!s.is_pdpte(level)) {
      rights.writable &= (value & guest_pte::writable) != 0;
      rights.user &= (value & guest_pte::user) != 0;
      rights.executable &= (value & guest_pte::no_execute) == 0;
    }
    at = guest_pte::target(s, level, value, linear);
    if (!guest_pte::is_page(s, level, value)) continue;
    if (!may_access(s, rights, wanted, who)) {
      return failure{access_refusal::page_fault(linear, fault_code(s, wanted, who, true, false))};
    }
    // From the top, as the processor does; an entry that is marked and then not used is what speculation leaves too.
    for (unsigned unmarked = top; unmarked > level; --unmarked) {
      unsigned const marked = unmarked - 1;
      bool const dirties = marked == level && has(wanted, access::write);
      if (!entries[marked].mark(size, guest_pte::accessed | (dirties ? guest_pte::dirty : 0))) {
        return failure{access_refusal::moving()};
      }
    }
    return guest_phys{at};
  }
  return guest_phys{linear & low_bits(32)};  // no paging
}

}  // namespace detail

/// Where `linear` lies in the guest's physical memory for an access of `who` that wants `wanted`, by the guest's own
/// tables, whatever kind it uses. Does what its processor does: rights with CR0.WP, EFER.NXE, SMEP and SMAP, reserved
/// bits, accessed and dirty bits. Those are set one by one, each unless its entry has changed; other CPUs of the guest
/// may write the tables meanwhile.
///
/// `linear` is canonical, or has 32 bits outside of IA-32e mode: that is checked before. Whether RAM is at the address
/// that comes back is not looked at. A refusal has done nothing but, at most, mark entries as accessed. Protection keys
/// and shadow stacks are not modelled.
template <StoppedGuest C, GuestRam M>
[[nodiscard]] result<guest_phys, access_refusal> translate(C const& c, M& ram, guest_virt linear, access wanted,
                                                           accessor who) {
  paging_state const s = paging_state_of(c);
  for (unsigned attempt = 0; attempt < walk_attempts; ++attempt) {
    auto const found = detail::walk_once(c, ram, s, linear.value, wanted, who);
    if (found || found.error().why != access_refusal::kind::moving) return found;
  }
  return failure{access_refusal::moving()};
}

/// `translate` for whom the guest runs now: user mode is CPL 3.
template <StoppedGuest C, GuestRam M>
[[nodiscard]] result<guest_phys, access_refusal> translate(C const& c, M& ram, guest_virt linear, access wanted) {
  return translate(c, ram, linear, wanted, c.cpl() == 3 ? accessor::user : accessor::supervisor);
}

}  // namespace axhal::x86_64
