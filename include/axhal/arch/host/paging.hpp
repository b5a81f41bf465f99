// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/core/access.hpp>
#include <axhal/core/address.hpp>
#include <axhal/core/bit_field.hpp>
#include <axhal/policy/paging.hpp>

#include <cstddef>
#include <cstdint>

namespace axhal::host {

/// Second-stage tables of the simulated machine, and a template for a port: three levels, a root of 16 KiB, large pages
/// of 2 MiB and 1 GiB, every set of rights, changes of live entries without a break.
struct paging {
  /// A word with a type of its own: nothing can be done with it by accident.
  struct entry {
    std::uint64_t word{};
    friend constexpr bool operator==(entry, entry) = default;
  };
  using input_address = guest_phys;

  static constexpr unsigned levels = 3;
  static constexpr unsigned index_bits(unsigned level) { return level == 2 ? 11 : 9; }
  static constexpr unsigned largest_leaf_level = 2;
  static constexpr unsigned output_bits = 52;
  static constexpr bool break_before_make = false;
  static constexpr bool caches_absent = false;

  // clang-format off
  using f_present = bit_field<bool,           0>;
  using f_leaf    = bit_field<bool,           1>;
  using f_rights  = bit_field<access,      4, 2>;
  using f_type    = bit_field<memory_type, 6, 5>;
  using f_frame   = bit_field<std::uint64_t, 51, 12>;
  // clang-format on
  static_assert(disjoint_fields<f_present, f_leaf, f_rights, f_type, f_frame>);

  static constexpr bool representable(page_attributes a) { return a.rights != access::none; }
  static constexpr entry leaf(host_phys pa, page_attributes a, unsigned) {
    return {f_present::make(true) | f_leaf::make(true) | f_rights::make(a.rights) | f_type::make(a.type) |
            f_frame::make(pa.value >> 12)};
  }
  static constexpr entry table(host_phys pa) { return {f_present::make(true) | f_frame::make(pa.value >> 12)}; }
  static constexpr bool is_present(entry e) { return f_present::get(e.word); }
  static constexpr bool is_leaf(entry e, unsigned) { return f_present::get(e.word) && f_leaf::get(e.word); }
  static constexpr host_phys target(entry e, unsigned) { return {f_frame::get(e.word) << 12}; }
  static constexpr page_attributes attributes(entry e) { return {f_rights::get(e.word), f_type::get(e.word)}; }
};
static_assert(PagingPolicy<paging>);

/// What a table asked of the translation hardware, in order. For tests.
template <typename InputAddress, std::size_t Capacity = 256>
class recording_tlb {
 public:
  enum class what : std::uint8_t { publish, invalidate, invalidate_all, complete };
  struct event {
    what kind{};
    stale_range<InputAddress> range{};
  };

  void publish() { add({what::publish, {}}); }
  void invalidate(stale_range<InputAddress> range) { add({what::invalidate, range}); }
  void invalidate_all() { add({what::invalidate_all, {}}); }
  void complete() { add({what::complete, {}}); }

  /// How many events there were, also beyond the capacity.
  [[nodiscard]] std::size_t size() const { return size_; }
  /// Precondition: `i` is below `size()` and the capacity.
  [[nodiscard]] event const& operator[](std::size_t i) const { return events_[i]; }
  [[nodiscard]] std::size_t count(what kind) const {
    std::size_t n = 0;
    for (std::size_t i = 0; i < size_ && i < Capacity; ++i) n += events_[i].kind == kind ? 1U : 0U;
    return n;
  }
  void clear() { size_ = 0; }

 private:
  void add(event e) {
    if (size_ < Capacity) events_[size_] = e;
    ++size_;
  }

  event events_[Capacity]{};
  std::size_t size_{};
};
static_assert(TlbMaintenance<recording_tlb<guest_phys>, guest_phys> &&
              TlbMaintenance<recording_tlb<host_virt>, host_virt>);

}  // namespace axhal::host
