// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/core/bit_field.hpp>

#include <cstddef>
#include <cstdint>

/// The tables that a CPU in 64-bit mode wants: GDT, TSS, IDT (Intel SDM vol. 3, "Segment Descriptors", "64-Bit Task
/// State Segment", "64-Bit Mode IDT").
namespace axhal::x86_64 {

/// The task state segment of 64-bit mode: stacks by privilege level and by interrupt-stack-table number.
struct [[gnu::packed]] task_state_segment {
  std::uint32_t reserved0{};
  std::uint64_t rsp[3]{};
  std::uint64_t reserved1{};
  std::uint64_t ist[7]{};  ///< IST1 is the first
  std::uint64_t reserved2{};
  std::uint16_t reserved3{};
  std::uint16_t io_map_base{104};  ///< at the limit: no I/O permission map
};
static_assert(sizeof(task_state_segment) == 104);
static_assert(offsetof(task_state_segment, rsp) == 4 && offsetof(task_state_segment, ist) == 36);
static_assert(offsetof(task_state_segment, io_map_base) == 102);

/// Descriptors of eight bytes.
namespace descriptor {
inline constexpr std::uint64_t kernel_code = 0x00af'9b00'0000'ffff;  ///< 64-bit code, DPL 0, accessed
inline constexpr std::uint64_t kernel_data = 0x00cf'9300'0000'ffff;  ///< flat, writable, DPL 0, accessed

/// The first half of the descriptor of an available 64-bit TSS; the second is `base >> 32`.
[[nodiscard]] constexpr std::uint64_t tss_low(std::uint64_t base) {
  constexpr std::uint64_t available_present = 0x89;
  return (sizeof(task_state_segment) - 1) | (base & 0xff'ffff) << 16 | available_present << 40 |
         (base >> 24 & 0xff) << 56;
}
}  // namespace descriptor

/// The host's GDT: code, data, and one TSS.
struct alignas(8) host_gdt {
  static constexpr std::uint16_t code_selector = 0x08;
  static constexpr std::uint16_t data_selector = 0x10;
  static constexpr std::uint16_t tss_selector = 0x18;

  std::uint64_t entries[5]{0, descriptor::kernel_code, descriptor::kernel_data};

  /// Precondition: `base` is where a `task_state_segment` is, at a linear address.
  constexpr void set_tss(std::uint64_t base) {
    entries[3] = descriptor::tss_low(base);
    entries[4] = base >> 32;
  }
};

/// An interrupt gate: interrupts are masked when it is gone through.
struct idt_gate {
  std::uint64_t low{};
  std::uint64_t high{};

  using f_offset_15_0 = bit_field<std::uint16_t, 15, 0>;
  using f_selector = bit_field<std::uint16_t, 31, 16>;
  using f_ist = bit_field<std::uint8_t, 34, 32>;
  using f_type = bit_field<std::uint8_t, 43, 40>;
  using f_dpl = bit_field<std::uint8_t, 46, 45>;
  using f_p = bit_field<bool, 47>;
  using f_offset_31_16 = bit_field<std::uint16_t, 63, 48>;
  static constexpr std::uint8_t interrupt_gate = 14;

  /// To `handler` on the stack IST`ist` (1 to 7), or on the stack in use (0).
  [[nodiscard]] static constexpr idt_gate to(std::uint64_t handler, std::uint16_t selector, std::uint8_t ist) {
    return {f_offset_15_0::make(static_cast<std::uint16_t>(handler)) | f_selector::make(selector) | f_ist::make(ist) |
                f_type::make(interrupt_gate) | f_p::mask |
                f_offset_31_16::make(static_cast<std::uint16_t>(handler >> 16)),
            handler >> 32};
  }
  friend constexpr bool operator==(idt_gate, idt_gate) = default;
};
static_assert(sizeof(idt_gate) == 16);

struct alignas(16) host_idt {
  idt_gate gates[256]{};
};

}  // namespace axhal::x86_64
