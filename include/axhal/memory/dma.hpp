// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/core/address.hpp>
#include <axhal/core/result.hpp>
#include <axhal/policy/frame_source.hpp>

#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>

namespace axhal::memory {

/// An address as a device puts it on its bus.
using bus_address = address<struct bus_address_space>;

/// What a device asks of memory that it reads and writes by itself.
struct dma_needs {
  std::uint64_t size{};                    ///< bytes, above 0
  std::uint64_t alignment{frame_size};     ///< of the bus address, in bytes, a power of two
  bus_address highest{~std::uint64_t{0}};  ///< the last address that the device can put on the bus
  std::uint64_t boundary{};                ///< the memory crosses no multiple of this power of two; 0: it may
};

/// Memory shared with a device. The size is in whole frames.
struct dma_region {
  bus_address bus{};     ///< what to tell the device
  host_phys physical{};  ///< the frames
  void* cpu{};           ///< where the program finds it
  std::uint64_t size{};  ///< bytes, a multiple of `frame_size`
  friend constexpr bool operator==(dma_region const&, dma_region const&) = default;
};

/// Why there is no memory for a device.
enum class dma_error : std::uint8_t {
  bad_request,  ///< no size, or an alignment or boundary that is no power of two, or more bytes than the boundary
                ///< allows
  exhausted,    ///< no such run is free
  unreachable,  ///< memory is free, but none where the device reaches
  foreign,      ///< `release`: not a region that is out
};

/// How a device's addresses lie to physical ones, by a constant distance.
struct offset_bus {
  std::uint64_t offset{};  ///< bus address minus physical address, modulo 2^64
  [[nodiscard]] constexpr bus_address to_bus(host_phys p) const { return {p.value + offset}; }
  [[nodiscard]] constexpr host_phys to_physical(bus_address b) const { return {b.value - offset}; }
};

/// For machines where devices see what caches hold.
struct always_coherent {
  static void share(host_phys, std::uint64_t) {}
  static void take_back(host_phys, std::uint64_t) {}
};

/// Gives and takes memory for devices out of a frame source.
///
/// `Coherence::share(physical, bytes)` makes CPU and device see the same bytes (cleans caches, changes attributes);
/// `take_back` undoes it, and is called before the frames go back to the source, never after. A source that has
/// `allocate_in(window, frames, alignment)` (an `owner_view`) is asked for frames that the device reaches; from any
/// other the first run it offers must do.
template <FrameSource Source, typename Bus = offset_bus, typename Coherence = always_coherent>
class dma_pool {
 public:
  explicit constexpr dma_pool(Source& source, Bus bus = {}, Coherence coherence = {})
      : source_{&source}, bus_{bus}, coherence_{coherence} {}

  /// Memory as `needs` says; its contents are not defined. On an error nothing changes.
  result<dma_region, dma_error> allocate(dma_needs needs) {
    if (needs.size == 0 || !std::has_single_bit(needs.alignment)) return failure{dma_error::bad_request};
    if (needs.boundary != 0 && (!std::has_single_bit(needs.boundary) || needs.size > needs.boundary)) {
      return failure{dma_error::bad_request};
    }
    std::uint64_t const frames = needs.size / frame_size + (needs.size % frame_size != 0 ? 1 : 0);
    std::uint64_t alignment = needs.alignment > frame_size ? needs.alignment / frame_size : 1;
    // What is aligned to the next power of two at or above its size crosses no boundary that is as large.
    if (needs.boundary > frame_size && frames > alignment) alignment = std::bit_ceil(frames);
    if (frames > SIZE_MAX || alignment > SIZE_MAX || frames > (std::uint64_t{1} << 51)) {
      return failure{dma_error::exhausted};
    }
    auto const run = find(needs, static_cast<std::size_t>(frames), static_cast<std::size_t>(alignment));
    if (!run) return failure{dma_error::exhausted};
    std::uint64_t const size = frames * frame_size;
    if (!suits(*run, needs)) {
      static_cast<void>(source_->release(*run, static_cast<std::size_t>(frames)));
      return failure{dma_error::unreachable};
    }
    coherence_.share(*run, size);
    return dma_region{bus_.to_bus(*run), *run, source_->pointer(*run), size};
  }

  /// Takes a region back. The device must have forgotten it.
  result<void, dma_error> release(dma_region const& region) {
    if (region.size == 0 || region.size % frame_size != 0) return failure{dma_error::foreign};
    coherence_.take_back(region.physical, region.size);
    auto const released = source_->release(region.physical, static_cast<std::size_t>(region.size / frame_size));
    if (released) return {};
    coherence_.share(region.physical, region.size);
    return failure{dma_error::foreign};
  }

 private:
  /// Asks for the window that the device reaches first, where the source can be asked so.
  result<host_phys, frame_error> find(dma_needs const& needs, std::size_t frames, std::size_t alignment) {
    if constexpr (requires(host_range window) { source_->allocate_in(window, frames, alignment); }) {
      host_phys const lowest = bus_.to_physical({0});
      host_range const window{lowest,
                              needs.highest.value == ~std::uint64_t{0} ? needs.highest.value : needs.highest.value + 1};
      if (window.is_valid()) {
        if (auto const run = source_->allocate_in(window, frames, alignment)) return run;
      }
    }
    return source_->allocate(frames, alignment);
  }

  /// The bus may shift addresses so that physical alignment is not enough: the result is judged as the device sees it.
  [[nodiscard]] constexpr bool suits(host_phys run, dma_needs const& needs) const {
    bus_address const first = bus_.to_bus(run);
    bus_address const last = bus_.to_bus(run + (needs.size - 1));
    if (last < first || last > needs.highest || !is_aligned(first, needs.alignment)) return false;
    return needs.boundary == 0 || (first.value & ~(needs.boundary - 1)) == (last.value & ~(needs.boundary - 1));
  }

  Source* source_;
  [[no_unique_address]] Bus bus_;
  [[no_unique_address]] Coherence coherence_;
};

}  // namespace axhal::memory
