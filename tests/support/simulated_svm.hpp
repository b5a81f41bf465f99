// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "support/exit_recorder.hpp"
#include "support/x86_guest_memory.hpp"

#include <axhal/arch/x86_64/host_addresses.hpp>
#include <axhal/arch/x86_64/msr.hpp>
#include <axhal/arch/x86_64/svm_vcpu.hpp>

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

/// A CPU with SVM on which nothing happens but what a test says.
namespace axhal::test::svm_sim {

/// All of a simulated CPU's state; `machine()` is the one in use.
struct state {
  std::map<std::pair<std::uint32_t, std::uint32_t>, x86_64::cpuid_result> leaves;
  std::map<std::uint32_t, std::uint64_t> msrs;
  std::uint64_t cr4{};
  std::uint64_t xcr0{1};
  std::uint64_t dr[4]{};
  std::uint64_t live_states{};                                      ///< what XRSTOR loaded last
  std::vector<std::string> log;                                     ///< what changes the world, in order
  std::vector<std::function<void(x86_64::svm_vcpu_state&)>> guest;  ///< one for each VMRUN: what the guest does
  std::size_t entries{};                                            ///< VMRUNs so far
  x86_64::segment_register gs{};                                    ///< of the guest, for VMSAVE
  x86_64::svm_vcpu_state* loaded{};                                 ///< whose VMCB VMSAVE writes to

  /// What QEMU's `max` with `+svm,+npt` has.
  static state like_qemu() {
    state s;
    s.leaves[{0, 0}] = {.eax = 0xd};
    s.leaves[{1, 0}] = {.ecx = 1U << 26};
    s.leaves[{0xd, 0}] = {.eax = 0x207, .ebx = 0, .ecx = 2696, .edx = 0};
    s.leaves[{0xd, 2}] = {.eax = 256, .ebx = 576};
    s.leaves[{0xd, 9}] = {.eax = 8, .ebx = 2688};
    s.leaves[{0x8000'0000, 0}] = {.eax = 0x8000'001f};
    s.leaves[{0x8000'0001, 0}] = {.ecx = 1U << 2, .edx = 1U << 27};
    s.leaves[{0x8000'0008, 0}] = {.eax = 0x3028};
    s.leaves[{0x8000'000a, 0}] = {.eax = 1, .ebx = 16, .edx = 0x1001'0001};
    return s;
  }
};

inline state& machine() {
  static state the_machine;
  return the_machine;
}

struct cpu {
  static x86_64::cpuid_result cpuid(std::uint32_t leaf, std::uint32_t subleaf = 0) {
    auto const found = machine().leaves.find({leaf, subleaf});
    return found == machine().leaves.end() ? x86_64::cpuid_result{} : found->second;
  }
  static std::uint64_t read_msr(std::uint32_t n) { return machine().msrs[n]; }
  static void write_msr(std::uint32_t n, std::uint64_t v) { machine().msrs[n] = v; }
  static std::uint64_t read_cr4() { return machine().cr4; }
  static void write_cr4(std::uint64_t v) { machine().cr4 = v; }
  static std::uint64_t xgetbv(std::uint32_t) { return machine().xcr0; }
  static void xsetbv(std::uint32_t, std::uint64_t v) {
    machine().xcr0 = v;
    machine().log.push_back("xsetbv " + std::to_string(v));
  }
  static void fninit() { machine().log.emplace_back("fninit"); }
  static void xsave(void* area, std::uint64_t states) {
    static_cast<std::uint8_t*>(area)[100] = 0x5a;
    machine().log.push_back("xsave " + std::to_string(states));
  }
  static void xrstor(void const*, std::uint64_t states) {
    machine().live_states = states;
    machine().log.push_back("xrstor " + std::to_string(states));
  }
  static void fxsave(void*) { machine().log.emplace_back("fxsave"); }
  static void fxrstor(void const*) { machine().log.emplace_back("fxrstor"); }
  template <unsigned N>
  static std::uint64_t read_dr() {
    return machine().dr[N];
  }
  template <unsigned N>
  static void write_dr(std::uint64_t v) {
    machine().dr[N] = v;
  }
  static void vmload(std::uint64_t at) { machine().log.push_back(named("vmload ", at)); }
  static void vmsave(std::uint64_t at) {
    machine().log.push_back(named("vmsave ", at));
    auto* const v = machine().loaded;
    if (v != nullptr && at == v->block_address.value) v->block.save.of(x86_64::segment::gs) = machine().gs;
  }
  static void clgi() { machine().log.emplace_back("clgi"); }
  static void stgi() { machine().log.emplace_back("stgi"); }
  static void sti() { machine().log.emplace_back("sti"); }
  static void cli() { machine().log.emplace_back("cli"); }

 private:
  static std::string named(char const* what, std::uint64_t at) {
    auto* const v = machine().loaded;
    return what + std::string{v != nullptr && at == v->block_address.value ? "guest" : "host"};
  }
};

/// The loop around VMRUN, with the test's guest.
template <typename Tier>
struct scripted_switch {
  static void run(x86_64::svm_vcpu_state* v, std::uint64_t) {
    for (;;) {
      state& m = machine();
      if (m.entries == m.guest.size()) return;
      m.log.emplace_back("vmrun");
      m.guest[m.entries++](*v);
      if (Tier::on_exit(v) == nullptr) return;
    }
  }
};

/// Writes down what it is told, and has RAM and a CPUID table of one line.
struct handler : recorder {
  static constexpr exit_set fast = exits<exit::port_read, exit::port_write, exit::mmio_read, exit::mmio_write,
                                         exit::register_read, exit::register_write, exit::hypercall>;
  x86::paged_ram memory{64};
  unsigned triple_faults{};

  x86::paged_ram& ram() { return memory; }
  x86_64::cpuid_result cpuid(std::uint32_t leaf, std::uint32_t) {
    if (leaf == 0x8000'0008) return {.eax = 0x3028};
    if (leaf == 0xd) return {.eax = 7};
    return leaf == 0x4000'0000 ? x86_64::cpuid_result{1, 2, 3, 4} : x86_64::cpuid_result{};
  }
  template <typename Guest>
  resume triple_fault(Guest&) {
    ++triple_faults;
    return resume::stop;
  }
};

/// EXITCODE and what goes with it.
inline void stop(x86_64::svm_vcpu_state& v, std::uint64_t code, std::uint64_t info1 = 0, std::uint64_t info2 = 0) {
  v.block.control.exitcode = code;
  v.block.control.exitinfo1 = info1;
  v.block.control.exitinfo2 = info2;
}

}  // namespace axhal::test::svm_sim
