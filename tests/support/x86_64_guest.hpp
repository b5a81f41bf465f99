// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "support/exit_recorder.hpp"

#include <axhal/arch/x86_64/guest_view.hpp>
#include <axhal/arch/x86_64/msr.hpp>
#include <axhal/arch/x86_64/stopped_guest.hpp>
#include <axhal/core/address.hpp>
#include <axhal/vcpu/exit.hpp>

#include <cstddef>
#include <cstdint>

/// Stopped x86 guests without an extension: registers, what was done to them, and a handler with a CPUID table.
namespace axhal::test::x86 {

using namespace axhal::x86_64;

/// What there is of a guest.
struct sim_guest {
  std::uint64_t gpr[16]{};
  std::uint64_t rip{0x1000};
  std::uint64_t rflags{0x202};
  segment_register segments[6]{};
  code_size code{code_size::bits_64};
  unsigned cpl{};
  std::uint64_t cr0{0x11}, cr2{}, cr3{}, cr4{}, efer{}, pat{0x0007'0406'0007'0406};
  guest_event events[4]{};
  unsigned raised{};
  unsigned forgets{};
  unsigned steps{};
  unsigned stray_registers{};  ///< accesses to registers that are out of reach

  friend constexpr bool operator==(sim_guest const&, sim_guest const&) = default;
};

/// Both tiers' contexts: the fast one reaches the registers that the compiler does not keep.
template <bool Fast>
struct sim_context {
  sim_guest* guest;

  [[nodiscard]] constexpr bool holds(unsigned n) const { return !Fast || (n != 5 && n < 12); }
  [[nodiscard]] constexpr std::uint64_t gpr(unsigned n) const {
    if (!holds(n)) ++guest->stray_registers;
    return guest->gpr[n];
  }
  constexpr void set_gpr(unsigned n, std::uint64_t v) const {
    if (!holds(n)) ++guest->stray_registers;
    guest->gpr[n] = v;
  }
  [[nodiscard]] constexpr std::uint64_t rip() const { return guest->rip; }
  constexpr void set_rip(std::uint64_t v) const { guest->rip = v; }
  [[nodiscard]] constexpr std::uint64_t rflags() const { return guest->rflags; }
  constexpr void set_rflags(std::uint64_t v) const { guest->rflags = v; }
  [[nodiscard]] constexpr code_size code() const { return guest->code; }
  [[nodiscard]] constexpr unsigned cpl() const { return guest->cpl; }
  [[nodiscard]] constexpr segment_register segment_of(segment s) const {
    return guest->segments[static_cast<unsigned>(s) % 6];
  }
  [[nodiscard]] constexpr std::uint64_t segment_base(segment s) const { return segment_of(s).base; }
  constexpr void step_over(unsigned length) const {
    guest->rip += length;
    ++guest->steps;
  }
  [[nodiscard]] constexpr std::uint64_t cr0() const { return guest->cr0; }
  [[nodiscard]] constexpr std::uint64_t cr2() const { return guest->cr2; }
  [[nodiscard]] constexpr std::uint64_t cr3() const { return guest->cr3; }
  [[nodiscard]] constexpr std::uint64_t cr4() const { return guest->cr4; }
  [[nodiscard]] constexpr std::uint64_t efer() const { return guest->efer; }
  [[nodiscard]] constexpr std::uint64_t pat() const { return guest->pat; }
  constexpr void set_cr0(std::uint64_t v) const { guest->cr0 = v; }
  constexpr void set_cr2(std::uint64_t v) const { guest->cr2 = v; }
  constexpr void set_cr3(std::uint64_t v) const { guest->cr3 = v; }
  constexpr void set_cr4(std::uint64_t v) const { guest->cr4 = v; }
  constexpr void set_efer(std::uint64_t v) const { guest->efer = v; }
  constexpr void set_pat(std::uint64_t v) const { guest->pat = v; }
  constexpr void raise(guest_event const& e) const {
    guest->events[guest->raised % 4] = e;
    ++guest->raised;
  }
  constexpr void offer_interrupt(std::uint8_t) const {}
  constexpr void withdraw_interrupt() const {}
  [[nodiscard]] constexpr accepted_interrupt take_accepted() const { return {}; }
  constexpr void offer_nmi() const {}
  constexpr void forget_translations() const { ++guest->forgets; }
};
using fast_context = sim_context<true>;
using slow_context = sim_context<false>;
static_assert(StoppedGuest<fast_context> && StoppedGuest<slow_context>);

/// Guest-physical memory from zero.
template <std::size_t Room>
struct sim_ram {
  std::uint8_t bytes[Room]{};
  unsigned asked{};

  constexpr std::uint8_t* at(guest_phys address, std::uint64_t size) {
    ++asked;
    if (size > Room || address.value > Room - size) return nullptr;
    return bytes + address.value;
  }
  constexpr void put64(std::uint64_t address, std::uint64_t value) {
    for (unsigned n = 0; n < 8; ++n) bytes[(address + n) % Room] = static_cast<std::uint8_t>(value >> (8 * n));
  }
};
static_assert(GuestRam<sim_ram<64>>);

/// A recorder that offers what the answers of x86 ask for. Its table has one line for each of a few leaves.
template <std::size_t Room = 4096>
struct x86_handler : recorder {
  static constexpr exit_set fast = exits<exit::hypercall, exit::register_read, exit::register_write, exit::port_read,
                                         exit::port_write, exit::idle, exit::yield>;
  cpuid_result leaf_1{}, leaf_7{}, leaf_d{}, leaf_d_1{}, extended_1{}, extended_8{};
  cpuid_result states[63]{};  ///< leaf 0DH, from subleaf 2
  sim_ram<Room> memory{};

  constexpr sim_ram<Room>& ram() { return memory; }
  [[nodiscard]] constexpr cpuid_result cpuid(std::uint32_t leaf, std::uint32_t subleaf) const {
    switch (leaf) {
      case 1: return leaf_1;
      case 7: return subleaf == 0 ? leaf_7 : cpuid_result{};
      case 0xd:
        return subleaf == 0 ? leaf_d : subleaf == 1 ? leaf_d_1 : subleaf < 63 ? states[subleaf] : cpuid_result{};
      case 0x8000'0001: return extended_1;
      case 0x8000'0008: return extended_8;
      default: return {.eax = leaf, .ebx = subleaf, .ecx = ~leaf, .edx = 0x5a5a'5a5a};
    }
  }
};

}  // namespace axhal::test::x86
