// SPDX-License-Identifier: BSL-1.0
// Any bytes as a device tree: every question that the hypervisor asks of one. Inputs that are no tree at all rarely get
// past the header, so the same bytes serve as blocks behind a good header, and as orders to our own writer.
#include <axhal/boot/device_tree.hpp>
#include <axhal/boot/device_tree_address.hpp>
#include <axhal/boot/device_tree_interrupts.hpp>
#include <axhal/boot/device_tree_writer.hpp>
#include <axhal/boot/modules.hpp>
#include <axhal/memory/memory_map.hpp>

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <vector>

namespace {

using namespace axhal;
using namespace axhal::boot;

void ask(bytes blob) {
  auto const tree = device_tree::open(blob);
  if (!tree) {
    if (tree.error().offset > blob.size) __builtin_trap();
    return;
  }
  std::uint64_t volatile sum = 0;
  for (std::uint32_t i = 0; i < tree->reservation_count(); ++i) sum = sum + tree->reservation(i).size;
  for (tree_node const node : tree->nodes()) {
    sum = sum + node.name().size + node.unit_address().size + node.phandle() + (node.is_enabled() ? 1 : 0);
    for (tree_property const p : node.properties()) {
      sum = sum + p.name.size + p.number().value_or(0) + (p.string() ? 1 : 0);
      for (text const s : p.strings()) sum = sum + s.size;
      if (p.offset + p.value.size > blob.size) __builtin_trap();
      if (auto const found = tree->find(p.string().value_or("/"))) sum = sum + found->offset();
    }
    if (auto const all = regions(*tree, node)) {
      for (tree_region const r : *all) {
        auto const where = translate(*tree, node, r);
        if (where && !where->is_valid()) __builtin_trap();
      }
    }
    if (auto const i = interrupt(*tree, node)) sum = sum + (as_gic_interrupt(*i) ? 1 : 2);
  }
  boot_modules const modules{*tree};
  for (std::size_t i = 0; i < modules.size(); ++i) sum = sum + (modules.find(i) ? 1 : 2);
  sum = sum + (linux_initrd(*tree) ? 1 : 2) + (boot_arguments(*tree) ? 1 : 2);
  memory::memory_map<4> map;
  if (map.add_tree(*tree)) sum = sum + (map.usable() ? 1 : 2);
}

/// The same bytes as orders to the writer: a whole tree with the names that code looks for, and values that are the
/// fuzzer's. Then as many of its bytes are overwritten as the first byte says.
void ask_what_it_orders(std::uint8_t const* data, std::size_t size) {
  static constexpr text nodes[] = {"soc", "memory", "chosen", "aliases", "reserved-memory", "module"};
  static constexpr text names[] = {"reg",
                                   "ranges",
                                   "#address-cells",
                                   "#size-cells",
                                   "compatible",
                                   "phandle",
                                   "interrupts",
                                   "interrupts-extended",
                                   "device_type",
                                   "status",
                                   "interrupt-parent",
                                   "#interrupt-cells",
                                   "bootargs",
                                   "linux,initrd-start",
                                   "linux,initrd-end",
                                   "soc"};
  std::vector<std::uint8_t> buffer(8192);
  device_tree_writer w{{buffer.data(), buffer.size()}};
  unsigned depth = 1;
  w.begin_node("");
  std::size_t at = 1;
  while (at < size && w.state()) {
    std::uint8_t const order = data[at++];
    if (order < 0x40) {
      w.begin_node(nodes[order % std::size(nodes)]);
      ++depth;
    } else if (order < 0x60) {
      if (depth == 1) break;
      w.end_node();
      --depth;
    } else if (order < 0x80) {
      w.property_cells(names[order % std::size(names)], at < size ? data[at] % 8U : 1U);
      ++at;
    } else if (order < 0x90) {
      w.property_strings("compatible", "multiboot,module", "multiboot,kernel");
      w.property_strings("device_type", "memory");
    } else {
      std::size_t const wanted = at < size ? data[at++] % 40U : 0U;
      std::size_t const there = at < size ? size - at : 0;
      std::size_t const length = wanted < there ? wanted : there;
      w.property(names[order % std::size(names)], {data + (there != 0 ? at : 0), length});
      at += length;
    }
  }
  while (depth-- > 0) w.end_node();
  auto const done = w.finish();
  if (!done) return;
  if (!device_tree::open(*done)) __builtin_trap();
  // A block of exactly the tree's size, so that a byte too far is seen.
  std::vector<std::uint8_t> blob(done->begin(), done->end());
  ask({blob.data(), blob.size()});
  for (std::size_t i = 0; i + 3 < size && i < data[0] % 4U; ++i) {
    blob[(data[i + 1] * std::size_t{256} + data[i + 2]) % blob.size()] = data[i + 3];
  }
  ask({blob.data(), blob.size()});
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  ask({data, size});
  if (size > 0 && size <= 256) ask_what_it_orders(data, size);
  if (size < 4 || size > 4096) return 0;
  // The same bytes as reservations and structure, behind a header that fits, with the names that code looks for.
  static constexpr char strings[] =
      "reg\0ranges\0#address-cells\0#size-cells\0compatible\0phandle\0interrupts\0interrupts-extended\0interrupt-"
      "parent\0"
      "#interrupt-cells\0device_type\0status\0bootargs\0linux,initrd-start\0linux,initrd-end";
  std::size_t const structure = data[0] % 4 * std::size_t{16} + 40;
  std::vector<std::uint8_t> blob(structure + size + sizeof strings);
  mutable_bytes const out{blob.data(), blob.size()};
  for (std::size_t i = 0; i < size; ++i) blob[structure + i] = data[i];
  for (std::size_t i = 0; i < sizeof strings; ++i) blob[structure + size + i] = static_cast<std::uint8_t>(strings[i]);
  using namespace device_tree_format;
  store_u32(out, h_magic, magic);
  store_u32(out, h_totalsize, static_cast<std::uint32_t>(blob.size()));
  store_u32(out, h_off_dt_struct, static_cast<std::uint32_t>(structure));
  store_u32(out, h_off_dt_strings, static_cast<std::uint32_t>(structure + size));
  store_u32(out, h_off_mem_rsvmap, header_size);
  store_u32(out, h_version, version);
  store_u32(out, h_last_comp_version, last_compatible_version);
  store_u32(out, h_size_dt_strings, static_cast<std::uint32_t>(sizeof strings));
  store_u32(out, h_size_dt_struct, static_cast<std::uint32_t>(size));
  ask(out);
  return 0;
}
