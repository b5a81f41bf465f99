// SPDX-License-Identifier: BSL-1.0
// Any bytes as what a Multiboot loader leaves, as an image with a header, as a memory map and as an E820 table. The
// first bytes choose where the structure lies and how the memory looks that it points into.
#include <axhal/boot/e820.hpp>
#include <axhal/boot/multiboot.hpp>
#include <axhal/memory/memory_map.hpp>

#include "support/acpi_blobs.hpp"
#include "support/fuzz_input.hpp"

#include <cstddef>
#include <cstdint>

namespace {

using namespace axhal;
using namespace axhal::boot;
using test::blob;
using test::require;

std::uint64_t volatile sum;

template <typename Entries>
void ask_map(Entries const& entries) {
  memory::memory_map<8> map;
  bool const added = add_e820(map, entries).has_value();
  auto const left = map.usable();
  for (e820_entry const e : entries) {
    sum = sum + e.base;
    if (!added || !left || e.type == e820_type::usable || !e.range().is_valid()) continue;
    require(!left->overlaps(e.range()));
  }
  if (added) {
    for (e820_entry const e : entries) require(e.type != e820_type::usable || map.ram().contains(e.range()));
  }
}

/// Every question, with a view of each answer's last byte.
void ask(window_reader const& reader, std::uint32_t magic, std::uint32_t where) {
  auto const info = multiboot_info<window_reader>::open(reader, magic, where);
  if (!info) return;
  sum = sum + info->lower_memory_kib().value_or(0) + info->upper_memory_kib().value_or(0);
  for (auto const& line : {info->command_line(), info->loader_name()}) {
    if (!line) continue;
    require(line->size <= multiboot_format::max_string);
    for (char const c : *line) require(c != 0);
  }
  std::uint32_t const count = info->module_count();
  for (std::uint32_t i = 0; i < count && i < 64; ++i) {
    auto const m = info->module(i);
    if (!m) continue;
    require(m->where.is_valid());
    for (char const c : m->arguments) require(c != 0);
  }
  sum = sum + (count != 0 && info->module(count - 1) ? 1 : 0);
  require(!info->module(count));
  if (auto const map = info->memory_map()) ask_map(*map);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  blob const raw(data, data + size);
  if (auto const found = find_multiboot_header(test::view_of(raw))) {
    std::uint32_t const total = found->header.magic + found->header.flags + found->header.checksum;
    require(total == 0 && found->offset % 4 == 0 && found->offset + 12 <= size);
  }
  ask_map(e820_table{test::view_of(raw)});
  if (auto const map = multiboot_memory_map::open(test::view_of(raw))) ask_map(*map);

  test::fuzz_input in{data, size};
  auto const where = in.next<std::uint32_t>();
  auto const magic = in.next<std::uint8_t>() < 250 ? multiboot_format::loader_magic : 0U;
  // Anywhere, also at the end of the 32-bit addresses.
  blob const anywhere(in.data, in.data + in.size);
  ask({{where & ~0xfULL}, test::view_of(anywhere)}, magic, where);
  // At a small address, with pointers that lead into the structure: words of 32 bits with small values in them.
  blob small(anywhere);
  for (std::size_t i = 4; i + 4 <= small.size() && i < 116; i += 4) {
    small[i + 2] = small[i + 3] = 0;
    small[i + 1] = static_cast<std::uint8_t>(small[i + 1] % 2);
  }
  if (!small.empty()) small[0] |= 0x4d;
  ask({{0x0}, test::view_of(small)}, magic, 0);
  // Entries of the map with sizes that fit.
  for (std::size_t i = 0; i + 4 <= small.size(); i += 24) test::put(small, i, 20, 4);
  small.resize(small.size() / 24 * 24);
  auto const map = multiboot_memory_map::open(test::view_of(small));
  require(map.has_value());
  ask_map(*map);
  return 0;
}
