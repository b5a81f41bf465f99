// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/arch/riscv64/external_interrupts.hpp>
#include <axhal/arch/riscv64/hart_map.hpp>
#include <axhal/arch/riscv64/sbi.hpp>
#include <axhal/policy/cpu.hpp>

#include <cstdint>

namespace axhal::riscv64 {

/// Software interrupts for other harts by way of firmware (RISC-V SBI specification, "IPI Extension"). `harts` says
/// which hart is which CPU and outlives this object.
template <SbiCall Hart, unsigned MaxCpus>
  requires cpu_req::HasBarriers<Hart>
class firmware_ipi {
 public:
  constexpr explicit firmware_ipi(hart_map<MaxCpus> const& harts) : harts_{&harts} {}

  /// `unsupported` when firmware refuses.
  result<void, irq_error> send_ipi(cpu_number cpu) {
    auto const hartid = harts_->hartid_of(cpu);
    if (!hartid) return failure{irq_error::out_of_range};
    Hart::template order<barrier::device>();
    // A mask of one, with the hart itself as its base: hart ids need not fit a mask.
    auto const done = Hart::sbi_call(static_cast<std::uint64_t>(sbi_extension::ipi),
                                     static_cast<std::uint64_t>(sbi_ipi::send_ipi), 1, *hartid, 0, 0, 0, 0);
    if (done.error != 0) return failure{irq_error::unsupported};
    return {};
  }

 private:
  hart_map<MaxCpus> const* harts_;
};

}  // namespace axhal::riscv64
