// SPDX-License-Identifier: BSL-1.0
#include <axhal/boot/device_tree_writer.hpp>
#include <axhal/memory/memory_map.hpp>

#include <catch2/catch_test_macros.hpp>

#include <cstdint>

namespace {

using namespace axhal;
using memory::map_error;
using memory::map_fault;

constexpr host_range at(std::uint64_t start, std::uint64_t size) { return {{start}, size}; }

struct blob {
  std::uint8_t data[4096]{};
  boot::device_tree_writer writer{{data, sizeof data}};

  boot::device_tree tree() {
    auto const done = writer.finish();
    REQUIRE(done);
    auto const read = boot::device_tree::open(*done);
    REQUIRE(read);
    return *read;
  }
  void root() {
    writer.begin_node("");
    writer.property_cells("#address-cells", 2);
    writer.property_cells("#size-cells", 2);
  }
  void ram(std::uint64_t start, std::uint64_t size, text status = "okay") {
    writer.begin_node("memory", start);
    writer.property_strings("device_type", "memory");
    writer.property_strings("status", status);
    writer.property_u64s("reg", start, size);
    writer.end_node();
  }
};

}  // namespace

TEST_CASE("usable memory is RAM without what is reserved, in whole frames") {
  blob b;
  b.writer.reserve(0x4800'0000, 0x1800);
  b.root();
  b.ram(0x4000'0000, 0x1000'0000);
  b.ram(0x8000'0000, 0x1000'0000, "disabled");
  b.ram(0x5000'0000, 0x1000'0000);
  b.writer.begin_node("reserved-memory");
  b.writer.property_cells("#address-cells", 2);
  b.writer.property_cells("#size-cells", 2);
  b.writer.property_flag("ranges");
  b.writer.begin_node("firmware", 0x4000'0000);
  b.writer.property_u64s("reg", std::uint64_t{0x4000'0000}, std::uint64_t{0x20'0000});
  b.writer.property_flag("no-map");
  b.writer.end_node();
  b.writer.begin_node("pool");
  b.writer.property_u64s("size", std::uint64_t{0x10'0000});
  b.writer.end_node();
  b.writer.begin_node("off", 0x4400'0000);
  b.writer.property_u64s("reg", std::uint64_t{0x4400'0000}, std::uint64_t{0x1000});
  b.writer.property_strings("status", "disabled");
  b.writer.end_node();
  b.writer.end_node();
  b.writer.end_node();

  memory::memory_map<8> map;
  REQUIRE(map.add_tree(b.tree()));
  CHECK(map.ram().size() == 1);
  CHECK(map.ram()[0] == at(0x4000'0000, 0x2000'0000));
  REQUIRE(map.reserve(at(0x4020'0800, 0x900)));  // an image
  auto const usable = map.usable();
  REQUIRE(usable);
  // The image takes two frames, of which the first had 0x800 bytes below it: too few to hand out.
  REQUIRE(usable->size() == 2);
  CHECK((*usable)[0] == at(0x4020'2000, 0x4800'0000 - 0x4020'2000));
  CHECK((*usable)[1] == at(0x4800'2000, 0x6000'0000 - 0x4800'2000));
}

TEST_CASE("RAM that is named twice is an error that names it") {
  blob b;
  b.root();
  b.ram(0x4000'0000, 0x1000'0000);
  b.ram(0x4fff'f000, 0x1000'0000);
  b.writer.end_node();
  memory::memory_map<8> map;
  CHECK(map.add_tree(b.tree()) == failure{map_error{map_fault::overlaps, at(0x4fff'f000, 0x1000'0000), {}}});
}

TEST_CASE("RAM and reservations past the last address are errors") {
  blob b;
  b.root();
  b.ram(0xffff'ffff'f000'0000, 0x1000'0001);
  b.writer.end_node();
  memory::memory_map<8> map;
  auto const done = map.add_tree(b.tree());
  REQUIRE_FALSE(done);
  CHECK(done.error().what == map_fault::tree);
  CHECK(done.error().tree.what == boot::tree_fault::untranslatable);

  blob c;
  c.writer.reserve(0xffff'ffff'ffff'f000, 0x1001);
  c.root();
  c.writer.end_node();
  CHECK(map.add_tree(c.tree()) == failure{map_error{map_fault::wraps, at(0xffff'ffff'ffff'f000, 0x1001), {}}});
}

TEST_CASE("a memory node that does not parse is an error with its offset") {
  blob b;
  b.root();
  b.writer.begin_node("memory@0");
  b.writer.property_strings("device_type", "memory");
  b.writer.property_cells("reg", 0, 0, 0);
  b.writer.end_node();
  b.writer.end_node();
  auto const tree = b.tree();
  memory::memory_map<8> map;
  auto const done = map.add_tree(tree);
  REQUIRE_FALSE(done);
  CHECK(done.error().tree.what == boot::tree_fault::wrong_size);
  CHECK(done.error().tree.offset == tree.find("/memory")->property("reg")->offset);
}

TEST_CASE("a map has as many pieces as its type says") {
  memory::memory_map<2> map;
  REQUIRE(map.add_ram(at(0, 0x1'0000)));
  REQUIRE(map.add_ram(at(0x2'0000, 0x1'0000)));
  CHECK(map.add_ram(at(0x4'0000, 0x1000)) == failure{map_error{map_fault::full, at(0x4'0000, 0x1000), {}}});
  REQUIRE(map.reserve(at(0x8000, 0x1000)));
  CHECK(map.usable() == failure{map_error{map_fault::full, at(0x8000, 0x1000), {}}});
}
