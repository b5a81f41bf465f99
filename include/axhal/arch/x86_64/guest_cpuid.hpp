// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/arch/x86_64/cpu_feature.hpp>
#include <axhal/arch/x86_64/host_features.hpp>
#include <axhal/arch/x86_64/msr.hpp>

#include <cstdint>

namespace axhal::x86_64 {

/// What the APIC ID of the asking vCPU is part of.
enum class cpuid_identity : std::uint8_t {
  none,
  initial_apic_id,   ///< leaf 1, EBX[31:24]
  x2apic_id,         ///< leaves 0BH and 1FH, EDX
  extended_apic_id,  ///< leaf 8000_001EH, EAX, and the core in EBX[7:0]
};

/// A guest's CPUID: a table that is filled once (guest_cpuid_table.hpp does) and then only read. A copy of it is the
/// same guest's.
///
/// An answer is a handful of instructions: ranges are told apart by the leaf's two upper bits, and each has its leaves
/// side by side.
class guest_cpuid {
 public:
  static constexpr std::uint32_t hypervisor_base = 0x4000'0000;
  static constexpr std::uint32_t extended_base = 0x8000'0000;
  /// Leaves that the table has room for, from the start of each range; the table names no later one.
  static constexpr unsigned basic_room = 0x20;
  static constexpr unsigned hypervisor_room = 0x11;
  static constexpr unsigned extended_room = 0x22;
  /// Answers that differ by subleaf take a line each. A power of two: every answer finds its line by a remainder.
  static constexpr unsigned lines_room = 128;
  static_assert(lines_room >= basic_room + hypervisor_room + extended_room + 40);

  /// What CPUID answers a vCPU whose APIC ID is `apic_id`. Beyond the last leaf of a range it is what the vendor's
  /// processors do: Intel's give the highest basic leaf, AMD's zeros (Intel SDM vol. 2, "INPUT EAX = 0"; AMD64 APM
  /// vol. 3, "Standard and Extended Function Numbers").
  [[nodiscard, gnu::always_inline]] constexpr cpuid_result answer(std::uint32_t leaf, std::uint32_t subleaf,
                                                                  std::uint32_t apic_id) const {
    range const r = ranges_[leaf >> 30];
    std::uint32_t const offset = leaf & 0x3fff'ffff;
    if (offset >= r.count) [[unlikely]]
      return beyond(subleaf, apic_id);
    return line_of(leaves_[r.first + offset], subleaf, apic_id);
  }

  // --- filling ---

  /// The last leaves of each range, all of which are zero until they are set. Cut to the table's room. To be said
  /// first.
  constexpr void limit(cpu_vendor vendor, std::uint32_t last_basic, std::uint32_t last_hypervisor,
                       std::uint32_t last_extended) {
    vendor_ = vendor;
    ranges_[0] = {0, counted(last_basic, 0, basic_room)};
    ranges_[1] = {basic_room, counted(last_hypervisor, hypervisor_base, hypervisor_room)};
    ranges_[2] = {basic_room + hypervisor_room, counted(last_extended, extended_base, extended_room)};
  }
  /// The last basic, hypervisor's or extended leaf, whichever `base` is the start of; 0 when there is none.
  [[nodiscard]] constexpr std::uint32_t last(std::uint32_t base) const {
    unsigned const count = ranges_[base >> 30].count;
    return count == 0 ? 0 : base + count - 1;
  }
  /// The answer to `leaf`, whatever the subleaf. Without effect on leaves beyond the last.
  constexpr void set(std::uint32_t leaf, cpuid_result const& r, cpuid_identity identity = cpuid_identity::none) {
    if (leaf_entry* const e = take(leaf, 1)) {
      e->identity = identity;
      lines_[e->line % lines_room] = r;
    }
  }
  /// Subleaves 0 to `count - 1` of `leaf` get lines of their own, all zero; those from `count` on are zero. False when
  /// the leaf is beyond the last or there is no room.
  constexpr bool split(std::uint32_t leaf, unsigned count, cpuid_identity identity = cpuid_identity::none) {
    leaf_entry* const e = take(leaf, count);
    if (e == nullptr) return false;
    e->identity = identity;
    e->subleaves = static_cast<std::uint8_t>(count);
    return true;
  }
  /// The answer to a subleaf of a leaf that was split.
  constexpr void set(std::uint32_t leaf, unsigned subleaf, cpuid_result const& r) {
    leaf_entry const* const e = find(leaf);
    if (e != nullptr && subleaf < e->subleaves) lines_[(e->line + subleaf) % lines_room] = r;
  }

 private:
  struct range {
    std::uint16_t first{};
    std::uint16_t count{};
  };
  struct leaf_entry {
    std::uint8_t line{};       ///< 0 is all zero
    std::uint8_t subleaves{};  ///< 0: all are one
    cpuid_identity identity{};
  };
  static_assert(lines_room <= 256);

  [[nodiscard]] static constexpr std::uint16_t counted(std::uint32_t last, std::uint32_t base, unsigned room) {
    if (last < base) return 0;
    std::uint32_t const beyond = last - base;
    return static_cast<std::uint16_t>(beyond < room ? beyond + 1 : room);
  }
  [[nodiscard]] constexpr leaf_entry const* find(std::uint32_t leaf) const {
    range const r = ranges_[leaf >> 30];
    std::uint32_t const offset = leaf & 0x3fff'ffff;
    return offset < r.count ? &leaves_[r.first + offset] : nullptr;
  }
  /// Fresh lines for `leaf`; a leaf of one line that has one keeps it.
  constexpr leaf_entry* take(std::uint32_t leaf, unsigned count) {
    range const r = ranges_[leaf >> 30];
    std::uint32_t const offset = leaf & 0x3fff'ffff;
    if (offset >= r.count || count == 0) return nullptr;
    leaf_entry& e = leaves_[r.first + offset];
    if (count == 1 && e.line != 0 && e.subleaves == 0) return &e;
    if (count > lines_room - used_) return nullptr;
    e = {static_cast<std::uint8_t>(used_), 0, cpuid_identity::none};
    used_ += count;
    return &e;
  }
  [[nodiscard, gnu::always_inline]] constexpr cpuid_result line_of(leaf_entry const& e, std::uint32_t subleaf,
                                                                   std::uint32_t apic_id) const {
    unsigned line = e.line;
    if (e.subleaves != 0) line = subleaf < e.subleaves ? line + subleaf : 0;
    cpuid_result r = lines_[line % lines_room];
    if (e.identity != cpuid_identity::none) identify(e.identity, subleaf, apic_id, r);
    return r;
  }
  static constexpr void identify(cpuid_identity identity, std::uint32_t subleaf, std::uint32_t apic_id,
                                 cpuid_result& r) {
    switch (identity) {
      case cpuid_identity::initial_apic_id: r.ebx = (r.ebx & 0x00ff'ffff) | apic_id << 24; break;
      case cpuid_identity::x2apic_id:
        // Levels that do not exist still have their number and the ID.
        r.ecx = (r.ecx & ~std::uint32_t{0xff}) | (subleaf & 0xff);
        r.edx = apic_id;
        break;
      case cpuid_identity::extended_apic_id:
        r.eax = apic_id;
        r.ebx = (r.ebx & ~std::uint32_t{0xff}) | (apic_id & 0xff);
        break;
      case cpuid_identity::none: break;
    }
  }
  [[nodiscard]] constexpr cpuid_result beyond(std::uint32_t subleaf, std::uint32_t apic_id) const {
    if (vendor_ == cpu_vendor::amd || ranges_[0].count == 0) return {};
    return line_of(leaves_[ranges_[0].count - 1], subleaf, apic_id);
  }

  range ranges_[4]{};
  leaf_entry leaves_[basic_room + hypervisor_room + extended_room]{};
  cpuid_result lines_[lines_room]{};
  unsigned used_{1};
  cpu_vendor vendor_{};
};

}  // namespace axhal::x86_64
