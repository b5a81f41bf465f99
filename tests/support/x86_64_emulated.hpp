// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/arch/x86_64/mmio_emulation.hpp>
#include <axhal/core/address.hpp>
#include <axhal/core/result.hpp>
#include <axhal/vcpu/exit.hpp>

#include <cstddef>
#include <cstdint>
#include <cstring>

/// Guests for the emulation of single instructions: registers, memory that is translated one to one, and device bytes.
namespace axhal::test::x86 {

using namespace axhal::x86_64;

/// A model of `EmulatedRegisters`.
struct sim_cpu {
  std::uint64_t regs[16]{};
  std::uint64_t ip{};
  std::uint64_t flags{0x202};
  std::uint64_t bases[6]{};
  code_size mode{code_size::bits_64};
  unsigned steps{};

  constexpr std::uint64_t gpr(unsigned n) const { return regs[n]; }
  constexpr void set_gpr(unsigned n, std::uint64_t v) { regs[n] = v; }
  constexpr std::uint64_t rip() const { return ip; }
  constexpr std::uint64_t rflags() const { return flags; }
  constexpr void set_rflags(std::uint64_t v) { flags = v; }
  constexpr std::uint64_t segment_base(segment s) const { return bases[static_cast<unsigned>(s)]; }
  constexpr code_size code() const { return mode; }
  constexpr void step_over(unsigned length) {
    ip += length;
    ++steps;
  }
};
static_assert(EmulatedRegisters<sim_cpu>);

/// What a handler sees of a `sim_cpu`.
struct sim_view {
  sim_cpu& cpu;
  std::uint64_t completed{};
  unsigned injected{};

  static constexpr std::uint64_t argument(unsigned) { return 0; }
  static constexpr void set_result(unsigned, std::uint64_t) {}
  constexpr void complete_read(exit::mmio_read const& e, std::uint64_t value) {
    completed = extended(e, value);
    if (e.reg < 16) cpu.regs[e.reg] = completed;
  }
  static constexpr void complete_register_read(exit::register_read const&, std::uint64_t) {}
  constexpr void inject(guest_fault) { ++injected; }
};
static_assert(CompletingView<sim_view>);

/// Memory at its own address, `room` bytes from `start`, some of which belongs to a device.
template <std::size_t Room>
struct sim_memory {
  std::uint64_t start{};
  std::uint64_t device_from{};  ///< bytes into it: what lies from here to `device_to` is a device
  std::uint64_t device_to{};
  std::uint8_t bytes[Room]{};
  unsigned reads{}, writes{}, finds{};
  std::uint64_t refuses_at{~std::uint64_t{0}};  ///< the guest's own tables lack what is here

  constexpr result<operand_place, resume> find(memory_reference r, unsigned, access) {
    ++finds;
    if (r.linear.value == refuses_at) return failure{resume::retry};
    std::uint64_t const offset = r.linear.value - start;
    return operand_place{{r.linear.value}, offset >= device_from && offset < device_to};
  }
  constexpr std::uint64_t get(guest_phys at, unsigned size) const {
    std::uint64_t value = 0;
    for (unsigned n = 0; n < size; ++n) value |= std::uint64_t{bytes[(at.value - start + n) % Room]} << (8 * n);
    return value;
  }
  constexpr void put(guest_phys at, unsigned size, std::uint64_t value) {
    for (unsigned n = 0; n < size; ++n)
      bytes[(at.value - start + n) % Room] = static_cast<std::uint8_t>(value >> (8 * n));
  }
  constexpr std::uint64_t read(guest_phys at, unsigned size) {
    ++reads;
    return get(at, size);
  }
  constexpr void write(guest_phys at, unsigned size, std::uint64_t value) {
    ++writes;
    put(at, size, value);
  }
};

/// A handler whose device has the bytes of a `sim_memory`.
template <typename Memory>
struct device_bytes {
  Memory& memory;
  unsigned reads{}, writes{}, others{};

  template <typename Guest, typename Exit>
  constexpr resume operator()(Guest& guest, Exit const& e) {
    if constexpr (kind_of<Exit> == exit_kind::mmio_read) {
      ++reads;
      guest.complete_read(e, memory.get(e.address, e.size));
    } else if constexpr (kind_of<Exit> == exit_kind::mmio_write) {
      ++writes;
      memory.put(e.address, e.size, e.value);
    } else {
      ++others;
      return resume::stop;
    }
    return resume::next_instruction;
  }
};

}  // namespace axhal::test::x86
