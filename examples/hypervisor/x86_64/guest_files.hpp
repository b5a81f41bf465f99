// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "../host_memory.hpp"
#include "guest_board.hpp"

#include <axhal/arch/x86_64/guest_entry.hpp>
#include <axhal/arch/x86_64/guest_image.hpp>
#include <axhal/arch/x86_64/guest_load.hpp>
#include <axhal/arch/x86_64/guest_plan.hpp>
#include <axhal/board/pc.hpp>
#include <axhal/boot/acpi_madt_entries.hpp>
#include <axhal/core/address.hpp>
#include <axhal/core/bytes.hpp>
#include <axhal/core/result.hpp>

#include <cstdint>

namespace example {

/// Puts a guest's files into its memory, with the tables that tell it of its machine (`guest_board`).
template <typename Memory>
[[nodiscard]] axhal::result<axhal::x86_64::guest_entry, trouble> load_pc_guest(guest_order const& order,
                                                                               Memory& memory) {
  using axhal::failure;
  namespace x86 = axhal::x86_64;
  auto const image = x86::guest_image::open(order.kernel);
  if (!image)
    return failure{trouble{axhal::boot::to_text(image.error().what), image.error().offset, 0, "the guest's kernel"}};

  x86::guest_order const wanted{.ram = memory.range().size,
                                .command_line = order.command_line,
                                .initrd = order.initrd,
                                .machine = {.cpus = static_cast<std::uint16_t>(order.vcpus),
                                            .has_8259 = true,
                                            .sci = guest_board::sci_irq,
                                            .pm1a_event = guest_board::pm_base,
                                            .pm1a_control = guest_board::pm_base + 4,
                                            .pm_timer = guest_board::pm_base + 8,
                                            .sleep_type = guest_board::sleep_type,
                                            .has_cmos_clock = true}};
  auto const plan = x86::plan_guest(*image, wanted);
  if (!plan) return failure{trouble{x86::to_text(plan.error().what), plan.error().needed, plan.error().available}};
  static constinit std::uint8_t scratch[x86::load_scratch_size]{};
  auto const entry = x86::load_guest(
      *image, wanted, *plan, {scratch, sizeof scratch},
      [&](axhal::guest_phys to, axhal::bytes from) { memory.copy(to, from); },
      [&](axhal::guest_phys from, std::uint64_t size) { memory.clear(from, size); });
  if (!entry) return failure{trouble{"the guest's ACPI tables do not fit", static_cast<std::uint64_t>(entry.error())}};
  return *entry;
}

}  // namespace example
