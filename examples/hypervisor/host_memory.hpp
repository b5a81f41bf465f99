// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/boot/command_line.hpp>
#include <axhal/core/address.hpp>
#include <axhal/core/bytes.hpp>
#include <axhal/core/result.hpp>
#include <axhal/core/units.hpp>
#include <axhal/memory/frame_allocator.hpp>
#include <axhal/memory/memory_map.hpp>

#include <cstdint>

namespace example {

/// Why a step failed, in words for the log: `what`, up to two numbers that show it, and what it is about where `what`
/// does not say.
struct trouble {
  axhal::text what{};
  std::uint64_t a{};
  std::uint64_t b{};
  axhal::text about{};
};

/// The files and wishes that the boot loader left for the one guest.
struct guest_order {
  axhal::bytes kernel{};
  axhal::bytes initrd{};
  axhal::text command_line{};
  std::uint64_t memory{256 * axhal::mib};
  unsigned vcpus{1};
};

using frame_allocator = axhal::memory::frame_allocator<8>;

[[nodiscard]] inline axhal::bytes bytes_at(axhal::host_range where) {
  return {reinterpret_cast<std::uint8_t const*>(where.start.value), static_cast<std::size_t>(where.size)};
}

/// What the first instructions know.
struct boot_facts {
  axhal::host_range image{};
  axhal::host_phys handed{};  ///< what the loader handed over: the device tree, or its own information
  /// The firmware's number of the CPU that booted; where a loader passes none, the magic number that it passes.
  std::uint64_t cpu{};
};

/// Takes the options of ours that stand in `words` into `order`.
[[nodiscard]] inline axhal::result<void, trouble> read_options(axhal::text words, guest_order& order) {
  using axhal::failure;
  axhal::boot::command_line const options{words};
  if (options.has("axhal.memory")) {
    auto const size = options.size("axhal.memory");
    if (!size || *size == 0) return failure{trouble{"axhal.memory is not a size"}};
    order.memory = *size;
  }
  if (options.has("axhal.vcpus")) {
    auto const count = options.number("axhal.vcpus");
    if (!count || *count == 0 || *count > 0xffff'ffff) return failure{trouble{"axhal.vcpus is not a count"}};
    order.vcpus = static_cast<unsigned>(*count);
  }
  return {};
}

/// Where the hypervisor's own translations end.
inline constexpr axhal::host_phys reachable{256 * axhal::gib};

using machine_memory = axhal::memory::memory_map<32>;

/// Nobody gets what `taken` says.
[[nodiscard]] inline axhal::result<void, trouble> keep(machine_memory& map, axhal::host_range taken) {
  if (!map.reserve(taken)) return axhal::failure{trouble{"too many reserved ranges at", taken.start.value}};
  return {};
}

/// Hands all that is left of `map` to `frames`.
[[nodiscard]] inline axhal::result<void, trouble> hand_out(machine_memory const& map, frame_allocator& frames) {
  using axhal::failure;
  auto const usable = map.usable();
  if (!usable) return failure{trouble{"the memory map has too many pieces"}};
  for (auto const& range : *usable) {
    // A piece that is too small for its own records is not worth having.
    auto const added = frames.add_region(range);
    if (!added && added.error() != axhal::memory::region_error::too_small) {
      return failure{trouble{"the memory map has too many pieces, at", range.start.value}};
    }
  }
  return {};
}

}  // namespace example
