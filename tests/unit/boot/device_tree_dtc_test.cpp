// SPDX-License-Identifier: BSL-1.0
// Checked against the device tree compiler: what it makes of a source, our reader reads; what our writer writes, it
// understands, and makes the same tree of.
#include <axhal/boot/device_tree.hpp>
#include <axhal/boot/device_tree_address.hpp>

#include "support/device_tree_blobs.hpp"

#include <catch2/catch_test_macros.hpp>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

namespace {

using namespace axhal;
using namespace axhal::boot;

/// A folder that goes away with the test.
struct scratch {
  scratch() {
    std::string name = (std::filesystem::temp_directory_path() / "axhal-dtc-XXXXXX").string();
    REQUIRE(mkdtemp(name.data()) != nullptr);
    folder = name;
  }
  ~scratch() { std::filesystem::remove_all(folder); }
  std::string path(char const* name) const { return (folder / name).string(); }
  void write(char const* name, std::string const& content) const {
    std::ofstream{path(name), std::ios::binary} << content;
  }
  std::vector<std::uint8_t> read(char const* name) const {
    std::ifstream file{path(name), std::ios::binary};
    return {std::istreambuf_iterator<char>{file}, {}};
  }
  void dtc(std::string const& arguments) const {
    std::string const command = std::string{AXHAL_DTC} + " -q " + arguments;
    INFO(command);
    REQUIRE(std::system(command.c_str()) == 0);
  }
  std::filesystem::path folder;
};

/// The tree as text: one line a node or property, values in hexadecimal.
std::string dump(std::vector<std::uint8_t> const& blob) {
  auto const tree = device_tree::open({blob.data(), blob.size()});
  REQUIRE(tree);
  std::string out;
  for (std::uint32_t i = 0; i < tree->reservation_count(); ++i) {
    out += "reserve " + std::to_string(tree->reservation(i).start.value) + "+" +
           std::to_string(tree->reservation(i).size) + "\n";
  }
  for (tree_node const node : tree->nodes()) {
    out += "node " + std::string(node.name().data, node.name().size) + "\n";
    for (tree_property const p : node.properties()) {
      out += "  " + std::string(p.name.data, p.name.size) + " =";
      for (std::uint8_t const b : p.value) {
        char hex[4];
        std::snprintf(hex, sizeof hex, " %02x", b);
        out += hex;
      }
      out += "\n";
    }
  }
  return out;
}

char const* const source = R"(/dts-v1/;
/memreserve/ 0x48000000 0x2000;
/ {
  #address-cells = <2>;
  #size-cells = <2>;
  model = "by dtc";
  mixed = "text", <1 2>, [de ad be ef 01];
  aliases { serial0 = &uart; };
  gic: gic@8000000 { #interrupt-cells = <3>; reg = <0 0x8000000 0 0x10000>; };
  bus {
    #address-cells = <1>;
    #size-cells = <1>;
    ranges = <0x0 0x0 0x9000000 0x100000>;
    uart: serial@1000 { compatible = "arm,pl011", "arm,primecell"; reg = <0x1000 0x1000>; interrupt-parent = <&gic>; };
  };
};
)";

}  // namespace

TEST_CASE("our reader reads what dtc compiles") {
  scratch const s;
  s.write("a.dts", source);
  s.dtc("-I dts -O dtb -@ -o " + s.path("a.dtb") + " " + s.path("a.dts"));
  auto const blob = s.read("a.dtb");
  auto const tree = device_tree::open({blob.data(), blob.size()});
  REQUIRE(tree);
  CHECK(tree->root().property("model")->string() == text{"by dtc"});
  auto const uart = tree->find("serial0");
  REQUIRE(uart);
  CHECK(device_range(*tree, *uart) == host_range{{0x900'1000}, 0x1000});
  CHECK(uart->property("interrupt-parent")->u32() == tree->find("/gic")->phandle());
  CHECK(tree->reservation(0) == host_range{{0x4800'0000}, 0x2000});
  CHECK(tree->root().property("mixed")->value.size == 5 + 8 + 5);
}

TEST_CASE("dtc makes the same tree of what our writer writes, through its own source and back") {
  scratch const s;
  auto const ours = test::sample_tree();
  s.write("ours.dtb", std::string(ours.begin(), ours.end()));
  s.dtc("-I dtb -O dts -o " + s.path("ours.dts") + " " + s.path("ours.dtb"));
  s.dtc("-I dts -O dtb -b 3 -o " + s.path("again.dtb") + " " + s.path("ours.dts"));
  CHECK(dump(s.read("again.dtb")) == dump(ours));
}
