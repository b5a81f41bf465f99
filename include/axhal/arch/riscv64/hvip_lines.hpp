// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/arch/riscv64/csr.hpp>
#include <axhal/policy/virt_irq.hpp>

#include <cstdint>

namespace axhal::riscv64 {

/// The interrupts that a guest on this hart finds in its sip, by register hvip (RISC-V Privileged Architecture,
/// "Hypervisor Interrupt (hvip, hip, and hie) Registers"). A guest has three, by its own numbers: 1 software, 5 timer
/// and 9 external. They are lines: up until they are withdrawn, by the virtual interrupt controller, timer or firmware
/// behind them. The guest itself can take the software interrupt down. Stateless: the register is the state.
///
/// The guest's order is fixed: external, software, timer. Needs hideleg to delegate what is to be taken in VS-mode.
template <CsrAccess Hart>
class hvip_lines {
 public:
  static constexpr shown_until lifetime = shown_until::withdrawn;
  static constexpr bool has_priorities = false;

  static constexpr irq_number software{interrupt::ssi};
  static constexpr irq_number timer{interrupt::sti};
  static constexpr irq_number external{interrupt::sei};

  /// What a vCPU takes along when it leaves this hart: bits of hvip.
  struct state {
    std::uint64_t hvip{};
  };

  // --- VirtIrqPolicy ---

  [[nodiscard]] static constexpr unsigned capacity() { return 3; }
  static result<void, virt_irq_error> present(virtual_irq const& irq) {
    std::uint64_t const bit = bit_of(irq.irq);
    if (bit == 0) return failure{virt_irq_error::out_of_range};
    if (irq.hardware) return failure{virt_irq_error::unsupported};
    Hart::template set<csr::hvip>(bit);
    return {};
  }
  static bool withdraw(irq_number irq) {
    std::uint64_t const bit = bit_of(irq);
    if ((Hart::template read<csr::hvip>() & bit) == 0) return false;
    Hart::template clear<csr::hvip>(bit);
    return true;
  }
  /// Nothing is reported: who raised a line knows when it ends.
  template <typename Consumed>
  static void reap(Consumed&&) {}
  /// There is room for every number at any time.
  static void request_room_event(bool) {}
  static void save(state& s) {
    s.hvip = Hart::template read<csr::hvip>() & lines;
    if (s.hvip != 0) Hart::template clear<csr::hvip>(lines);
  }
  static void restore(state const& s) {
    if ((s.hvip & lines) != 0) Hart::template set<csr::hvip>(s.hvip & lines);
  }

  // --- beyond it ---

  /// Raises or lowers a line. Nothing happens for a number that the guest does not have.
  static void set_level(irq_number irq, bool high) {
    std::uint64_t const bit = bit_of(irq);
    if (bit == 0) return;
    if (high) {
      Hart::template set<csr::hvip>(bit);
    } else {
      Hart::template clear<csr::hvip>(bit);
    }
  }
  /// The same for a vCPU that is on no hart.
  static constexpr void set_level(state& s, irq_number irq, bool high) {
    s.hvip = high ? s.hvip | bit_of(irq) : s.hvip & ~bit_of(irq);
  }
  /// The bit of hvip for the guest's interrupt `irq`, or 0: VS-level numbers are one above the guest's own.
  [[nodiscard]] static constexpr std::uint64_t bit_of(irq_number irq) {
    return irq == software || irq == timer || irq == external ? interrupt::bit(irq.value + 1) : 0;
  }

 private:
  static constexpr std::uint64_t lines =
      interrupt::bit(interrupt::vssi) | interrupt::bit(interrupt::vsti) | interrupt::bit(interrupt::vsei);
};

}  // namespace axhal::riscv64
