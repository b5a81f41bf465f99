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
#include <axhal/boot/command_line.hpp>
#include <axhal/core/address.hpp>
#include <axhal/core/bytes.hpp>
#include <axhal/core/result.hpp>
#include <axhal/core/units.hpp>

#include <cstddef>
#include <cstdint>

namespace example {

/// The command line of a Linux guest: its own words, and how fast its TSC runs. Nothing else tells Linux on AMD's
/// processors: it measures, and an exit takes too long for what it measures by where the machine is emulated. A guest
/// that has words of its own about it gets no others.
class linux_words {
 public:
  linux_words(axhal::text words, axhal::hertz tsc) {
    add(words);
    if (axhal::boot::command_line{words}.has("tsc_early_khz")) return;
    add(words.empty() ? axhal::text{"tsc_early_khz="} : axhal::text{" tsc_early_khz="});
    add_number(tsc.value / 1000);
    add(axhal::text{" tsc=reliable"});
  }
  /// Empty when they do not fit.
  [[nodiscard]] axhal::text all() const { return {line_, size_ <= sizeof line_ ? size_ : 0}; }

 private:
  void add(axhal::text t) {
    for (char const c : t) {
      if (size_ < sizeof line_) line_[size_] = c;
      ++size_;
    }
  }
  void add_number(std::uint64_t n) {
    if (n >= 10) add_number(n / 10);
    char const digit[] = {"0123456789"[n % 10]};
    add({digit, 1});
  }

  char line_[4096]{};
  std::size_t size_{};
};

/// Puts a guest's files into its memory, with the tables that tell it of its machine (`guest_board`). `tsc` is the rate
/// of its TSC.
template <typename Memory>
[[nodiscard]] axhal::result<axhal::x86_64::guest_entry, trouble> load_pc_guest(guest_order const& order, Memory& memory,
                                                                               axhal::hertz tsc) {
  using axhal::failure;
  namespace x86 = axhal::x86_64;
  auto const image = x86::guest_image::open(order.kernel);
  if (!image)
    return failure{trouble{axhal::boot::to_text(image.error().what), image.error().offset, 0, "the guest's kernel"}};

  bool const is_linux = image->kind() == x86::guest_kind::bzimage || image->kind() == x86::guest_kind::pvh;
  linux_words const words{order.command_line, tsc};
  x86::guest_order const wanted{.ram = memory.range().size,
                                .command_line = is_linux ? words.all() : order.command_line,
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
