// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/hal.hpp>

#include "support/clock_archetype.hpp"
#include "support/console_archetype.hpp"
#include "support/cpu_archetype.hpp"
#include "support/firmware_archetype.hpp"
#include "support/frame_source_archetype.hpp"
#include "support/irq_controller_archetype.hpp"
#include "support/virt_ext_archetype.hpp"
#include "support/virt_irq_archetype.hpp"

namespace axhal::test {

/// A board, and a translation stage for each kind of address.
struct some_board {
  static constexpr host_phys ram{0x4000'0000};
  static constexpr unsigned max_cpus = 4;
};
template <typename Input>
struct some_stage {
  struct entry {
    std::uint64_t word;
    friend constexpr bool operator==(entry, entry) = default;
  };
  using input_address = Input;
  static constexpr unsigned levels = 4;
  static constexpr unsigned largest_leaf_level = 2;
  static constexpr unsigned output_bits = 48;
  static constexpr bool break_before_make = true;
  static constexpr bool caches_absent = false;
  static unsigned index_bits(unsigned);
  static entry leaf(host_phys, page_attributes, unsigned);
  static entry table(host_phys);
  static bool is_present(entry);
  static bool is_leaf(entry, unsigned);
  static host_phys target(entry, unsigned);
  static page_attributes attributes(entry);
  static bool representable(page_attributes);
};
using host_stage = some_stage<host_virt>;
using guest_stage = some_stage<guest_phys>;

}  // namespace axhal::test
