// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/boot/image_convention.hpp>
#include <axhal/boot/kernel_image.hpp>
#include <axhal/core/address.hpp>
#include <axhal/core/bytes.hpp>
#include <axhal/core/result.hpp>
#include <axhal/core/units.hpp>
#include <axhal/policy/frame_source.hpp>

#include <cstddef>
#include <cstdint>

namespace axhal::boot {

/// What does not fit.
enum class layout_fault : std::uint8_t {
  bad_ram,             ///< the RAM is empty or its end has no address
  kernel_too_large,    ///< the kernel with its offset needs more RAM than there is
  kernel_outside_ram,  ///< a kernel with absolute addresses wants to lie where no RAM is
  tree_too_large,      ///< no room for the device tree, or it has more than the 2 MiB that kernels accept
  initrd_too_large,    ///< no room for the initial RAM disk beside kernel and device tree, within the kernel's reach
};

/// The sentence for a fault, for a log.
[[nodiscard]] constexpr text to_text(layout_fault fault) {
  switch (fault) {
    case layout_fault::bad_ram: return "the guest's RAM is no usable range";
    case layout_fault::kernel_too_large: return "the kernel does not fit into the guest's RAM";
    case layout_fault::kernel_outside_ram: return "the kernel's addresses are not in the guest's RAM";
    case layout_fault::tree_too_large: return "the device tree does not fit";
    case layout_fault::initrd_too_large: return "the initial RAM disk does not fit into the guest's RAM";
  }
  return "unknown fault";
}

/// A fault with the bytes that were needed and the bytes that were there in one piece.
struct layout_error {
  layout_fault what{};
  std::uint64_t needed{};
  std::uint64_t available{};
  friend constexpr bool operator==(layout_error, layout_error) = default;
};

/// Where everything goes in a guest's RAM. Ranges are disjoint, inside the RAM, and begin at a page, except the
/// kernel's, which begins where its file wants.
struct guest_layout {
  guest_range kernel{};  ///< with the memory it uses past its file, as far as the file tells
  guest_phys entry{};
  guest_range tree{};
  guest_range initrd{};  ///< empty when there is none
  std::uint64_t bias{};  ///< to be added to the addresses of the image's segments
  friend constexpr bool operator==(guest_layout const&, guest_layout const&) = default;
};

/// The largest device tree a kernel accepts (arm64 booting.rst, "Setup the device tree").
inline constexpr std::uint64_t largest_guest_tree = 2 * mib;

namespace layout_detail {

/// The highest place for `size` bytes in `[low, high)`, at a page. Precondition: `low <= high`.
[[nodiscard]] constexpr bool place_high(std::uint64_t low, std::uint64_t high, std::uint64_t size, guest_range& out) {
  if (size > high - low) return false;
  guest_phys const start = align_down(guest_phys{high - size}, frame_size);
  if (start.value < low) return false;
  out = {start, size};
  return true;
}

}  // namespace layout_detail

/// Plans where `image`, a device tree of `tree_size` bytes and an initial RAM disk of `initrd_size` bytes (0: none) go.
///
/// The kernel lies as low as its convention allows: a base-aligned address plus its own offset. Tree and RAM disk lie
/// at the top of what the kernel can reach, so that whatever it uses behind its image is free; below the kernel only
/// when they do not fit above.
template <ImageConvention Convention>
[[nodiscard]] constexpr result<guest_layout, layout_error> plan_guest(kernel_image<Convention> const& image,
                                                                      guest_range ram, std::uint64_t tree_size,
                                                                      std::uint64_t initrd_size) {
  auto const refuse = [](layout_fault what, std::uint64_t needed, std::uint64_t available) {
    return failure{layout_error{what, needed, available}};
  };
  std::uint64_t const low = ram.start.value;
  std::uint64_t const high = low + ram.size;
  if (ram.empty() || high <= low) return refuse(layout_fault::bad_ram, image.size(), ram.size);

  guest_layout plan{};
  if (!image.is_absolute()) {
    guest_phys const base = align_up(ram.start, Convention::base_alignment);
    if (base < ram.start || base.value >= high || image.start() > high - base.value ||
        image.size() > high - base.value - image.start()) {
      std::uint64_t const room = base < ram.start || base.value >= high ? 0 : high - base.value;
      return refuse(layout_fault::kernel_too_large, image.start() + image.size(), room);
    }
    plan.bias = base.value;
  }
  plan.kernel = {{image.start() + plan.bias}, image.size()};
  plan.entry = {image.entry() + plan.bias};
  if (!ram.contains(plan.kernel)) return refuse(layout_fault::kernel_outside_ram, image.start(), ram.size);

  std::uint64_t const kernel_start = plan.kernel.start.value;
  std::uint64_t const kernel_end = kernel_start + plan.kernel.size;
  std::uint64_t const window = align_down(plan.kernel.start, Convention::window_alignment).value;
  std::uint64_t const reach = Convention::initrd_window > high - window ? high : window + Convention::initrd_window;
  // The free pieces, as [start, end): above the kernel first.
  std::uint64_t starts[2] = {kernel_end < reach ? kernel_end : reach, low > window ? low : window};
  std::uint64_t ends[2] = {reach, kernel_start};

  auto const place = [&](std::uint64_t size, guest_range& out) {
    for (unsigned i = 0; i < 2; ++i) {
      if (!layout_detail::place_high(starts[i], ends[i], size, out)) continue;
      ends[i] = out.start.value;
      return true;
    }
    return false;
  };
  auto const room = [&] {
    return ends[0] - starts[0] > ends[1] - starts[1] ? ends[0] - starts[0] : ends[1] - starts[1];
  };
  if (tree_size > largest_guest_tree) return refuse(layout_fault::tree_too_large, tree_size, largest_guest_tree);
  if (!place(tree_size, plan.tree)) return refuse(layout_fault::tree_too_large, tree_size, room());
  if (initrd_size != 0 && !place(initrd_size, plan.initrd)) {
    return refuse(layout_fault::initrd_too_large, initrd_size, room());
  }
  return plan;
}

/// Hands out what a loader has to do: `copy(guest_phys to, bytes from)` and `clear(guest_phys from, uint64_t size)`,
/// for every segment. All of it lies inside `plan.kernel`.
template <ImageConvention Convention, typename Copy, typename Clear>
constexpr void load_kernel(kernel_image<Convention> const& image, guest_layout const& plan, Copy&& copy,
                           Clear&& clear) {
  for (std::uint32_t i = 0; i < image.segment_count(); ++i) {
    image_segment const s = image.segment(i);
    guest_phys const to{s.address + plan.bias};
    if (s.file_size != 0) {
      copy(to, image.file().sub(static_cast<std::size_t>(s.file_offset), static_cast<std::size_t>(s.file_size)));
    }
    if (s.memory_size > s.file_size) clear(to + s.file_size, s.memory_size - s.file_size);
  }
}

}  // namespace axhal::boot
