// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/arch/x86_64/descriptor_tables.hpp>
#include <axhal/arch/x86_64/guest_event.hpp>
#include <axhal/arch/x86_64/insn.hpp>
#include <axhal/arch/x86_64/world_switch_host.hpp>

#include <cstddef>
#include <cstdint>

namespace axhal::x86_64 {

/// GDT, TSS, IDT and the stacks of one CPU of the host. NMI, double fault and machine check have stacks of their own
/// (IST1 to IST3), since they may come when the stack in use cannot be trusted. Can be `constinit`.
class host_tables {
 public:
  static constexpr std::size_t stack_size = 4096;

  /// From here on this CPU uses these tables, and its traps end in `Tier`. This object stays where it is.
  template <HostTier Tier>
  void use() {
    constexpr exception own_stacks[] = {exception::nmi, exception::df, exception::mc};
    std::uint64_t const first = host_vectors<Tier>::address();
    for (unsigned n = 0; n < 256; ++n) {
      std::uint8_t ist = 0;
      for (std::uint8_t i = 0; i < 3; ++i) {
        if (n == static_cast<unsigned>(own_stacks[i])) ist = static_cast<std::uint8_t>(i + 1);
      }
      idt_.gates[n] = idt_gate::to(first + n * host_vector_size, host_gdt::code_selector, ist);
    }
    for (unsigned i = 0; i < 3; ++i) {
      tss_.ist[i] = reinterpret_cast<std::uint64_t>(stacks_[i]) + stack_size;
    }
    gdt_.set_tss(reinterpret_cast<std::uint64_t>(&tss_));
    cpu::lgdt({sizeof(gdt_.entries) - 1, reinterpret_cast<std::uint64_t>(gdt_.entries)});
    cpu::load_segments(host_gdt::code_selector, host_gdt::data_selector);
    cpu::lidt({sizeof(idt_.gates) - 1, reinterpret_cast<std::uint64_t>(idt_.gates)});
    cpu::ltr(host_gdt::tss_selector);
  }

  /// Where the TSS is: what VM exits load into TR (VT-x).
  [[nodiscard]] std::uint64_t tss_base() const { return reinterpret_cast<std::uint64_t>(&tss_); }

 private:
  host_gdt gdt_{};
  task_state_segment tss_{};
  host_idt idt_{};
  alignas(16) std::uint8_t stacks_[3][stack_size]{};
};

}  // namespace axhal::x86_64
