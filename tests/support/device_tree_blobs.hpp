// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/boot/device_tree_writer.hpp>

#include <cstdint>
#include <vector>

namespace axhal::test {

/// A small tree that has one of everything: reservations, aliases, nested buses, both ways to name interrupts.
inline std::vector<std::uint8_t> sample_tree() {
  std::vector<std::uint8_t> buffer(4096);
  boot::device_tree_writer w{{buffer.data(), buffer.size()}};
  w.set_boot_cpu(3);
  w.reserve(0x4000'0000, 0x1000);
  w.reserve(0x1'2345'6789'0000, 0x10'0000'0000);
  w.begin_node("");
  w.property_strings("model", "sample");
  w.property_cells("#address-cells", 2);
  w.property_cells("#size-cells", 2);
  w.property_cells("interrupt-parent", 7);
  w.begin_node("aliases");
  w.property_strings("serial0", "/soc@9000000/serial@1000");
  w.property_strings("loop", "loop");
  w.end_node();
  w.begin_node("gic", 0x800'0000);
  w.property_strings("compatible", "arm,cortex-a15-gic");
  w.property_cells("phandle", 7);
  w.property_cells("#interrupt-cells", 3);
  w.property_flag("interrupt-controller");
  w.property_u64s("reg", 0x800'0000U, 0x1'0000U, 0x801'0000U, 0x2000U);
  w.end_node();
  w.begin_node("soc", 0x900'0000);
  w.property_strings("compatible", "simple-bus");
  w.property_cells("#address-cells", 1);
  w.property_cells("#size-cells", 1);
  w.property_cells("ranges", 0, 0, 0x900'0000, 0x1'0000, 0x8000'0000U, 1, 0, 0x1000);
  w.begin_node("serial", 0x1000);
  w.property_strings("compatible", "arm,pl011", "arm,primecell");
  w.property_cells("reg", 0x1000, 0x100);
  w.property_cells("interrupts", 0, 1, 4);
  w.property_strings("status", "okay");
  w.property_flag("flag");
  w.begin_node("inner", 0);
  w.property_cells("interrupts-extended", 7, 0, 3, 4, 7, 0, 8, 2);
  w.end_node();
  w.end_node();
  w.begin_node("timer", 0x2000);
  w.property_cells("reg", 0x2000, 0x10, 0x3000, 0x20);
  w.property_cells("interrupts", 1, 13, 0xf08, 1, 14, 0xf01);
  w.property_strings("status", "disabled");
  w.end_node();
  w.end_node();
  w.begin_node("chosen");
  w.property_strings("bootargs", "console=ttyAMA0 quiet");
  w.property_strings("stdout-path", "serial0:115200n8");
  w.end_node();
  w.end_node();
  auto const done = w.finish();
  buffer.resize(done ? done->size : 0);
  return buffer;
}

}  // namespace axhal::test
