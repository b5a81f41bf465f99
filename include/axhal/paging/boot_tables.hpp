// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/core/access.hpp>
#include <axhal/core/address.hpp>
#include <axhal/paging/geometry.hpp>
#include <axhal/policy/frame_source.hpp>
#include <axhal/policy/paging.hpp>

#include <cstddef>
#include <cstdint>

namespace axhal::paging {

/// One line of a map that the compiler turns into tables.
template <typename InputAddress>
struct boot_region {
  InputAddress start{};
  host_phys target{};
  std::uint64_t size{};
  page_attributes attributes{};
};

/// A region that is mapped where it is.
[[nodiscard]] constexpr boot_region<host_virt> boot_identity(host_range range, page_attributes attributes) {
  return {{range.start.value}, range.start, range.size, attributes};
}

/// Why a map cannot become tables.
enum class boot_map_error : std::uint8_t {
  none,
  misaligned,
  out_of_range,
  overlapping,
  not_representable,
  too_many_tables
};

/// Page tables in one block of memory, the root first. An object of this type goes into read-only data, at the address
/// that its tables were computed for.
template <PagingPolicy P, std::size_t Frames>
struct alignas(geometry<P>::frames(geometry<P>::root_level) * frame_size) boot_tables {
  static constexpr std::size_t per_frame = frame_size / sizeof(typename P::entry);

  typename P::entry entries[Frames * per_frame];
};

/// Computes tables at their link address. Use `make_boot_tables`.
template <PagingPolicy P, std::size_t Frames>
struct boot_table_builder {
  using shape = geometry<P>;
  static constexpr std::size_t root_frames = shape::frames(shape::root_level);

  boot_tables<P, Frames> tables{};
  std::size_t used{root_frames};
  boot_map_error error{boot_map_error::none};

  constexpr void add(host_phys base, boot_region<typename P::input_address> const& region) {
    if (region.size == 0) return;
    auto const in = shape::input_extent(region.start.value, region.size);
    auto const out = shape::output_extent(region.target.value, region.size);
    if (!in || !out)
      return fail((in ? out.error() : in.error()) == paging_error::misaligned ? boot_map_error::misaligned
                                                                              : boot_map_error::out_of_range);
    if (!P::representable(region.attributes)) return fail(boot_map_error::not_representable);
    fill(base, region, 0, shape::root_level, *in);
  }

 private:
  constexpr void fail(boot_map_error e) {
    if (error == boot_map_error::none) error = e;
  }

  constexpr void fill(host_phys base, boot_region<typename P::input_address> const& region, std::size_t table,
                      unsigned level, extent all) {
    shape::each_part(all, level, [&](extent part) {
      auto& e = tables.entries[table * boot_tables<P, Frames>::per_frame + shape::index(part.first, level)];
      host_phys const to = region.target + (part.first - region.start.value);
      if (P::is_present(e) && (level == 0 || P::is_leaf(e, level))) {
        fail(boot_map_error::overlapping);
      } else if (shape::is_leaf_shaped(part, to, level)) {
        // A table here means that an earlier region has something inside this one.
        if (P::is_present(e)) fail(boot_map_error::overlapping);
        e = P::leaf(to, region.attributes, level);
      } else {
        if (!P::is_present(e)) {
          if (used == Frames) {
            fail(boot_map_error::too_many_tables);
            return false;
          }
          e = P::table(base + used++ * frame_size);
        }
        fill(base, region, static_cast<std::size_t>((P::target(e, level) - base) / frame_size), level - 1, part);
      }
      return error == boot_map_error::none;
    });
  }
};

/// The most frames that tables made by the compiler may take: what compilers compute within their default limits.
inline constexpr std::size_t most_boot_frames = 16;

/// What is wrong with a map of regions, and how many frames its tables take.
struct boot_map_summary {
  boot_map_error error{};
  std::size_t frames{};
};

template <PagingPolicy P, typename Regions>
[[nodiscard]] consteval boot_map_summary check_boot_map(Regions const& regions, host_phys base) {
  boot_table_builder<P, most_boot_frames> builder;
  if (!is_aligned(base, geometry<P>::frames(geometry<P>::root_level) * frame_size))
    return {boot_map_error::misaligned, 0};
  for (auto const& region : regions) builder.add(base, region);
  return {builder.error, builder.used};
}

/// The tables of `Regions`, a constant array of `boot_region`, computed for an object that will lie at `Base`.
///
///     constexpr boot_region<host_virt> map[] = {boot_identity(devices, device_rw), boot_identity(text, code), ...};
///     [[gnu::section(".boot_tables")]] constinit auto const tables = make_boot_tables<format, map,
///     host_phys{0x4050'0000}>();
///
/// Leaves are as large as each region allows, so a map of large blocks takes few tables. The root is the first frame. A
/// map that is wrong does not compile, and the error says in which way. Only the linker knows where the object really
/// lies: let its script place the section at `Base`, and compare the address once at boot before the MMU is turned on.
template <PagingPolicy P, auto const& Regions, host_phys Base>
[[nodiscard]] consteval auto make_boot_tables() {
  constexpr boot_map_summary found = check_boot_map<P>(Regions, Base);
  static_assert(found.error != boot_map_error::misaligned,
                "boot tables: a region is no multiple of the page, or the base is not aligned to the root");
  static_assert(found.error != boot_map_error::out_of_range,
                "boot tables: a region is beyond what the format can translate");
  static_assert(found.error != boot_map_error::overlapping, "boot tables: two regions overlap");
  static_assert(
      found.error != boot_map_error::not_representable,
      "boot tables: the format cannot express the attributes of a region (writable and executable at once, say)");
  static_assert(found.error != boot_map_error::too_many_tables,
                "boot tables: the map takes more than 16 frames; align its regions to larger pages");
  if constexpr (found.error == boot_map_error::none) {
    boot_table_builder<P, found.frames> builder;
    for (auto const& region : Regions) builder.add(Base, region);
    return builder.tables;
  } else {
    return boot_tables<P, 1>{};
  }
}

}  // namespace axhal::paging
