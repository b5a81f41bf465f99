// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/core/units.hpp>

#include <cstddef>
#include <cstdint>

namespace axhal::paging {

/// What a virtual machine remembers of its VMID. A fresh one has none. The allocator fills it; it lives with the
/// machine.
struct vmid_tag {
  std::uint64_t generation{};  ///< 0: never had a VMID
  vmid id{};

  friend constexpr bool operator==(vmid_tag, vmid_tag) = default;
};

/// The answer to "this CPU is about to run that machine".
struct vmid_grant {
  vmid id{};
  bool flush{};  ///< this CPU must forget all guests' translations, under every VMID, before it enters the guest
};

/// How many VMIDs a machine has, VMID 0 counted: for machines that say a number, which need not be a power of two.
struct vmid_count {
  std::uint32_t value{};
};

/// Hands out VMIDs to more virtual machines than there are VMIDs.
///
/// VMIDs are given in generations. While a generation lasts, a machine keeps its VMID and nothing is forgotten. When
/// all are given, the next generation begins: every CPU forgets all guests' translations once, before it next enters a
/// guest, and machines get VMIDs anew as they run. A machine that is on a CPU in that moment keeps its VMID through the
/// change.
///
/// Guarantees: two machines that are on CPUs never have the same VMID; and no CPU enters a machine under a VMID for
/// which it may still hold translations of another one. VMID 0 is never given: it is left to the host and to machines
/// without guests.
///
/// `Bits` is the width there is room for, `Cpus` the number of CPUs; the machine may have fewer bits (`usable_bits`),
/// or any number of VMIDs (`vmid_count`); more than there is room for are not used. Where it has too few to keep one
/// per CPU and one spare (some machines have none), every machine gets VMID 0 and every grant asks for a flush. Not for
/// use by two CPUs at once: the caller holds a lock. Only a change of the machine on a CPU needs the allocator; a
/// machine that stays may be entered again and again without asking.
template <unsigned Bits, std::size_t Cpus>
class vmid_allocator {
  static_assert(Bits >= 1 && Bits <= 16, "vmid_allocator: a VMID has 1 to 16 bits");
  static_assert(Cpus > 0, "vmid_allocator: there is a CPU");

 public:
  explicit constexpr vmid_allocator(unsigned usable_bits = Bits)
      : vmid_allocator{vmid_count{std::uint32_t{1} << (usable_bits < Bits ? usable_bits : Bits)}} {}
  explicit constexpr vmid_allocator(vmid_count usable) : limit_{usable.value < most ? usable.value : most} {
    begin_generation_map();
  }

  /// Called before `cpu` enters the machine that owns `tag`. Precondition: `cpu` is below `Cpus`.
  [[nodiscard]] constexpr vmid_grant load(vmid_tag& tag, cpu_number cpu) {
    if (!has_enough()) return {{0}, true};
    cpu_state& here = cpus_[cpu.value];
    here.active = {};
    if (tag.generation != generation_) renew(tag);
    here.active = tag;
    // The machine that was here has left: its VMID needs no protection by this CPU any more.
    here.kept = {};
    bool const flush = here.must_flush;
    here.must_flush = false;
    return {tag.id, flush};
  }

  /// Called when `cpu` runs no machine for the time being. Optional: it leaves more VMIDs free at the next change of
  /// generation. Precondition: `cpu` is below `Cpus`.
  constexpr void unload(cpu_number cpu) {
    cpus_[cpu.value].active = {};
    cpus_[cpu.value].kept = {};
  }

  /// How many generations there have been; each but the first began with a flush on every CPU.
  [[nodiscard]] constexpr std::uint64_t generation() const { return generation_; }

 private:
  struct cpu_state {
    vmid_tag active{};  ///< what was loaded here in this generation
    vmid_tag kept{};    ///< what is still loaded here since an earlier one
    bool must_flush{};
  };

  /// One VMID for every CPU, and one for the machine that finds all of those kept.
  [[nodiscard]] constexpr bool has_enough() const { return limit_ > Cpus + 1; }

  [[nodiscard]] constexpr bool is_taken(std::uint32_t id) const { return (taken_[id / 64] >> (id % 64) & 1) != 0; }
  constexpr void take(std::uint32_t id) { taken_[id / 64] |= std::uint64_t{1} << (id % 64); }

  constexpr void renew(vmid_tag& tag) {
    if (is_kept(tag)) {
      vmid_tag const before = tag;
      tag.generation = generation_;
      for (cpu_state& c : cpus_) {
        if (c.kept == before) c.kept = tag;
      }
      return;
    }
    // The VMID it had before, when nobody took it: its number says nothing, but it costs no search.
    if (tag.generation != 0 && !is_taken(tag.id.value)) return give(tag, tag.id.value);
    if (std::uint32_t const id = find_free(); id != 0) return give(tag, id);
    begin_generation();
    give(tag, find_free());
  }

  constexpr void give(vmid_tag& tag, std::uint32_t id) {
    take(id);
    tag = {generation_, {id}};
  }

  [[nodiscard]] constexpr bool is_kept(vmid_tag const& tag) const {
    if (tag.generation == 0) return false;
    for (cpu_state const& c : cpus_) {
      if (c.kept == tag) return true;
    }
    return false;
  }

  /// A VMID that this generation has not given, or 0. Ascends: none below `next_` is free.
  [[nodiscard]] constexpr std::uint32_t find_free() {
    while (next_ < limit_ && is_taken(next_)) ++next_;
    return next_ < limit_ ? next_ : 0;
  }

  constexpr void begin_generation() {
    ++generation_;
    begin_generation_map();
    for (cpu_state& c : cpus_) {
      if (c.active.generation != 0) c.kept = c.active;
      c.active = {};
      c.must_flush = true;
      if (c.kept.generation != 0) take(c.kept.id.value);
    }
  }
  constexpr void begin_generation_map() {
    for (std::uint64_t& word : taken_) word = 0;
    next_ = 1;  // 0 is never given
  }

  static constexpr std::uint32_t most = std::uint32_t{1} << Bits;
  static constexpr std::size_t words = (std::size_t{most} + 63) / 64;

  std::uint64_t taken_[words]{};
  cpu_state cpus_[Cpus]{};
  std::uint64_t generation_{1};
  std::uint32_t limit_;
  std::uint32_t next_{1};
};

}  // namespace axhal::paging
