// SPDX-License-Identifier: BSL-1.0
// Writes a device tree into an array and reads it back: no heap, and no offset in it is trusted.
#include <axhal/boot/device_tree.hpp>
#include <axhal/boot/device_tree_writer.hpp>

#include <cstdint>
#include <cstdio>

using namespace axhal;
using namespace axhal::boot;

int main() {
  alignas(8) std::uint8_t space[1024];
  device_tree_writer out{{space, sizeof space}};
  out.begin_node("");
  out.property_cells("#address-cells", 2U);
  out.property_cells("#size-cells", 2U);
  out.begin_node("uart", 0x0900'0000);
  out.property_strings("compatible", text{"arm,pl011"}, text{"arm,primecell"});
  out.property_u64s("reg", std::uint64_t{0x0900'0000}, std::uint64_t{0x1000});
  out.end_node();
  out.end_node();
  auto const blob = out.finish();
  if (!blob) return 1;

  auto const tree = device_tree::open(*blob);
  if (!tree) return 1;
  auto const uart = tree->find_compatible("arm,pl011");
  if (!uart) return 1;
  text const name = uart->name();
  std::printf("%zu bytes, console: ", blob->size);
  for (char const c : name) std::putchar(c);
  std::putchar('\n');

  // A tree with a byte missing is no tree.
  return name == text{"uart@9000000"} && !device_tree::open(blob->sub(0, blob->size - 1)) ? 0 : 1;
}
