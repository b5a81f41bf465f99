// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "../host_memory.hpp"

#include <axhal/board/pc.hpp>
#include <axhal/boot/e820.hpp>
#include <axhal/boot/memory_reader.hpp>
#include <axhal/boot/multiboot.hpp>
#include <axhal/core/address.hpp>
#include <axhal/core/bytes.hpp>
#include <axhal/core/result.hpp>

#include <cstdint>

namespace example {

using board = axhal::board::pc;

/// Memory as the hypervisor's own translations map it: everything that is `reachable`, where it is. What is no RAM
/// reads as all ones.
struct identity_memory {
  [[nodiscard]] static axhal::bytes read(axhal::host_range where) {
    if (where.start.value == 0 || where.size > reachable.value || where.start.value > reachable.value - where.size)
      return {};
    return bytes_at(where);
  }
};
static_assert(axhal::boot::MemoryReader<identity_memory>);

/// What a Multiboot loader left: information, the machine's memory map, and the guest's files as modules. The first is
/// the kernel, its words the kernel's command line; the second is the initial RAM disk. The image's own words are
/// options of ours.
class multiboot_source {
  using info = axhal::boot::multiboot_info<identity_memory>;

 public:
  [[nodiscard]] static axhal::result<multiboot_source, trouble> open(boot_facts const& facts) {
    multiboot_source source;
    source.where_ = static_cast<std::uint32_t>(facts.handed.value);
    auto const magic = static_cast<std::uint32_t>(facts.cpu);
    auto const found = info::open(memory(), magic, source.where_);
    if (!found) return axhal::failure{damaged(found.error())};
    return source;
  }

  [[nodiscard]] static identity_memory const& memory() {
    static constexpr identity_memory all{};
    return all;
  }

  /// A kernel, perhaps an initial RAM disk, and options of ours.
  [[nodiscard]] axhal::result<guest_order, trouble> read_order() const {
    using axhal::failure;
    auto const loader = this->loader();
    guest_order order;
    if (loader.module_count() == 0) return failure{trouble{"the loader brought no guest kernel (the first module)"}};
    auto const kernel = loader.module(0);
    if (!kernel) return failure{damaged(kernel.error())};
    order.kernel = bytes_at(kernel->where);
    order.command_line = without_path(kernel->arguments);
    if (loader.module_count() > 1) {
      auto const disk = loader.module(1);
      if (!disk) return failure{damaged(disk.error())};
      order.initrd = bytes_at(disk->where);
    }
    auto const words = loader.command_line();
    if (auto const r = read_options(words ? *words : axhal::text{}, order); !r) return failure{r.error()};
    return order;
  }

  /// Hands all RAM to `frames` that is `reachable` and not the image's, a module's, below 1 MiB or between devices.
  /// What the loader told is kept too: it is read again.
  [[nodiscard]] axhal::result<void, trouble> take_memory(frame_allocator& frames, axhal::host_range image) const {
    using axhal::failure;
    auto const loader = this->loader();
    auto const list = loader.memory_map();
    if (!list) return failure{damaged(list.error())};
    machine_memory map;
    if (auto const r = axhal::boot::add_e820(map, *list); !r) {
      return failure{trouble{"the machine's memory map makes no sense at", r.error().range.start.value}};
    }
    axhal::host_range const firmware{{0}, axhal::mib};
    axhal::host_range const out_of_reach{reachable, (std::uint64_t{1} << 56) - reachable.value};
    axhal::host_range const ours[] = {image, firmware, board::devices, out_of_reach};
    for (auto const& taken : ours) {
      if (auto const r = keep(map, taken); !r) return r;
    }
    if (auto const r = keep(map, pages_of(where_, 4096)); !r) return r;
    for (std::uint32_t i = 0; i < loader.module_count(); ++i) {
      auto const module = loader.module(i);
      if (!module) return failure{damaged(module.error())};
      if (auto const r = keep(map, module->where); !r) return r;
      auto const words = reinterpret_cast<std::uint64_t>(module->arguments.data);
      if (auto const r = keep(map, pages_of(words, module->arguments.size)); !r) return r;
    }
    if (auto const words = loader.command_line()) {
      if (auto const r = keep(map, pages_of(reinterpret_cast<std::uint64_t>(words->data), words->size)); !r) return r;
    }
    return hand_out(map, frames);
  }

 private:
  [[nodiscard]] info loader() const {
    return *info::open(memory(), axhal::boot::multiboot_format::loader_magic, where_);
  }

  [[nodiscard]] static trouble damaged(axhal::boot::multiboot_error e) {
    return {axhal::boot::to_text(e.what), e.where, 0, "the Multiboot loader's information"};
  }
  [[nodiscard]] static axhal::host_range pages_of(std::uint64_t start, std::uint64_t size) {
    std::uint64_t const first = start & ~(axhal::frame_size - 1);
    return {{first}, start + size - first};
  }
  /// The words behind the file's name, where a loader puts that before them: a first word with a slash, unless it is a
  /// setting.
  [[nodiscard]] static axhal::text without_path(axhal::text words) {
    bool path = false;
    std::size_t at = 0;
    for (; at < words.size && words[at] != ' '; ++at) {
      if (words[at] == '=') return words;
      path = path || words[at] == '/';
    }
    if (!path) return words;
    while (at < words.size && words[at] == ' ') ++at;
    return words.sub(at);
  }

  std::uint32_t where_{};
};

}  // namespace example
