// SPDX-License-Identifier: BSL-1.0
#include <axhal/boot/device_tree.hpp>
#include <axhal/boot/device_tree_address.hpp>
#include <axhal/boot/device_tree_interrupts.hpp>
#include <axhal/boot/device_tree_writer.hpp>

#include "support/device_tree_blobs.hpp"

#include <catch2/catch_test_macros.hpp>

#include <cstdint>
#include <random>
#include <string>
#include <vector>

namespace {

using namespace axhal;
using namespace axhal::boot;
using test::sample_tree;

tree_error refusal(std::vector<std::uint8_t> const& blob) {
  auto const tree = device_tree::open({blob.data(), blob.size()});
  REQUIRE_FALSE(tree);
  return tree.error();
}

void put(std::vector<std::uint8_t>& blob, std::size_t at, std::uint32_t word) {
  device_tree_format::store_u32({blob.data(), blob.size()}, at, word);
}
std::uint32_t get(std::vector<std::uint8_t> const& blob, std::size_t at) {
  return device_tree_format::load_u32({blob.data(), blob.size()}, at);
}

/// Asks every question there is about every node and property; the sum keeps the compiler from leaving any out.
std::uint64_t ask_everything(device_tree const& tree) {
  std::uint64_t sum = tree.boot_cpu();
  for (std::uint32_t i = 0; i < tree.reservation_count(); ++i) sum += tree.reservation(i).size;
  for (tree_node const node : tree.nodes()) {
    sum += node.name().size + node.unit_address().size + node.phandle() + (node.is_enabled() ? 1 : 0);
    for (tree_property const p : node.properties()) {
      sum += p.name.size + p.u32().value_or(0) + p.u64().value_or(0) + (p.string() ? 1 : 0);
      for (text const s : p.strings()) sum += s.size;
      for (std::size_t i = 0; i < p.value.size; ++i) sum += p.value[i];
    }
    if (auto const all = regions(tree, node)) {
      for (tree_region const r : *all) sum += translate(tree, node, r) ? 1 : 2;
    }
    if (auto const i = interrupt(tree, node)) sum += as_gic_interrupt(*i) ? 1 : 2;
  }
  sum += tree.find("/soc/serial@1000:115200") ? 1 : 0;
  sum += tree.find("serial0") ? 1 : 0;
  return sum;
}

}  // namespace

TEST_CASE("nodes are walked parents first, with their properties") {
  auto const blob = sample_tree();
  auto const tree = device_tree::open({blob.data(), blob.size()});
  REQUIRE(tree);
  std::string names;
  for (tree_node const node : tree->nodes()) {
    names += '/';
    names.append(node.name().data, node.name().size);
  }
  CHECK(names == "//aliases/gic@8000000/soc@9000000/serial@1000/inner@0/timer@2000/chosen");
  CHECK(tree->root().property("model")->string() == text{"sample"});
  CHECK(tree->boot_cpu() == 3);
  REQUIRE(tree->reservation_count() == 2);
  CHECK(tree->reservation(0) == host_range{{0x4000'0000}, 0x1000});
  CHECK(tree->reservation(1) == host_range{{0x1'2345'6789'0000}, 0x10'0000'0000});
}

TEST_CASE("a node is found by path, unit address, alias, handle and compatible") {
  auto const blob = sample_tree();
  auto const tree = device_tree::open({blob.data(), blob.size()});
  REQUIRE(tree);
  auto const serial = tree->find("/soc@9000000/serial@1000");
  REQUIRE(serial);
  CHECK(tree->find("/soc/serial") == *serial);
  CHECK(tree->find("//soc///serial@1000/") == *serial);
  CHECK(tree->find("serial0") == *serial);
  CHECK(tree->find("serial0:115200n8") == *serial);
  CHECK(tree->find("serial0/inner")->name() == text{"inner@0"});
  CHECK(tree->find("/") == tree->root());
  CHECK(tree->find_compatible("arm,primecell") == *serial);
  CHECK(tree->find_phandle(7)->base_name() == text{"gic"});
  CHECK(serial->base_name() == text{"serial"});
  CHECK(serial->unit_address() == text{"1000"});
  CHECK(tree->root().unit_address().empty());
  for (text const wrong : {text{"/soc/serial@2000"}, text{"/soc/seria"}, text{"serial1"}, text{""}, text{"loop"},
                           text{"/soc/serial@1000/inner/x"}, text{"/Soc"}}) {
    auto const found = tree->find(wrong);
    REQUIRE_FALSE(found);
    CHECK(found.error().what == tree_fault::not_found);
  }
  CHECK(tree->find_compatible("arm,prime").error().what == tree_fault::not_found);
  CHECK_FALSE(tree->find_phandle(8));
}

TEST_CASE("values are read by their size and refused when it is wrong") {
  auto const blob = sample_tree();
  auto const tree = device_tree::open({blob.data(), blob.size()});
  auto const serial = tree->find("serial0");
  auto const reg = *serial->property("reg");
  CHECK(reg.u64() == (std::uint64_t{0x1000} << 32 | 0x100));
  CHECK(reg.u32() == failure{tree_error{tree_fault::wrong_size, reg.offset}});
  CHECK(reg.cell(1) == std::uint32_t{0x100});
  CHECK(reg.cell(2) == failure{tree_error{tree_fault::wrong_size, reg.offset}});
  auto const compatible = *serial->property("compatible");
  CHECK(compatible.contains("arm,pl011"));
  CHECK_FALSE(compatible.contains("arm"));
  CHECK(compatible.string() == failure{tree_error{tree_fault::wrong_size, compatible.offset}});
  CHECK(reg.string() == failure{tree_error{tree_fault::wrong_size, reg.offset}});
  CHECK(serial->property("flag")->value.empty());
  CHECK(serial->property("flag")->string() ==
        failure{tree_error{tree_fault::unterminated, serial->property("flag")->offset}});
  CHECK(serial->property("nothing") == failure{tree_error{tree_fault::not_found, serial->offset()}});
  CHECK(serial->is_enabled());
  CHECK_FALSE(tree->find("/soc/timer")->is_enabled());
}

TEST_CASE("device addresses go through the ranges of every bus") {
  auto const blob = sample_tree();
  auto const tree = device_tree::open({blob.data(), blob.size()});
  auto const serial = tree->find("serial0");
  CHECK(device_range(*tree, *serial) == host_range{{0x900'1000}, 0x100});
  auto const gic = tree->find("/gic");
  CHECK(device_range(*tree, *gic, 1) == host_range{{0x801'0000}, 0x2000});
  CHECK(device_range(*tree, *gic, 2) == failure{tree_error{tree_fault::not_found, gic->offset()}});
  CHECK(translate(*tree, *serial, {0xffff, 1}) == host_range{{0x900'ffff}, 1});
  CHECK(translate(*tree, *serial, {0xffff, 2}).error().what == tree_fault::untranslatable);
  CHECK(translate(*tree, *serial, {0x2'0000, 1}).error().what == tree_fault::untranslatable);
  // A bus without `ranges` hides what is behind it.
  auto const inner = tree->find("serial0/inner");
  CHECK(translate(*tree, *inner, {0, 1}) == failure{tree_error{tree_fault::untranslatable, serial->offset()}});
  CHECK(regions(*tree, *tree->find("/soc/timer"))->size() == 2);
  CHECK(regions(*tree, tree->root()).error().what == tree_fault::not_found);
}

TEST_CASE("interrupts are found through the nearest parent, and in ARM's three cells") {
  auto const blob = sample_tree();
  auto const tree = device_tree::open({blob.data(), blob.size()});
  auto const uart = interrupt(*tree, *tree->find("serial0"));
  REQUIRE(uart);
  CHECK(uart->controller == *tree->find("/gic"));
  CHECK(as_gic_interrupt(*uart) == gic_interrupt{{33}, false, false, false, 0});
  auto const timer = *tree->find("/soc/timer");
  CHECK(as_gic_interrupt(*interrupt(*tree, timer, 0)) == gic_interrupt{{29}, true, false, true, 0xf});
  CHECK(as_gic_interrupt(*interrupt(*tree, timer, 1)) == gic_interrupt{{30}, true, true, false, 0xf});
  CHECK(interrupt(*tree, timer, 2).error().what == tree_fault::not_found);
  auto const extended = interrupt(*tree, *tree->find("serial0/inner"), 1);
  REQUIRE(extended);
  CHECK(as_gic_interrupt(*extended) == gic_interrupt{{40}, false, true, true, 0});
  CHECK(interrupt(*tree, tree->root()).error().what == tree_fault::not_found);
  std::uint8_t const odd[12] = {0, 0, 0, 2};
  CHECK(as_gic_interrupt({tree->root(), {odd, 12}, 5}) == failure{tree_error{tree_fault::bad_cells, 5}});
  CHECK(as_gic_interrupt({tree->root(), {odd, 8}, 5}) == failure{tree_error{tree_fault::wrong_size, 5}});
}

TEST_CASE("each kind of damage to the header is refused with the field's offset") {
  auto const good = sample_tree();
  auto const with = [&](std::size_t at, std::uint32_t word) {
    auto blob = good;
    put(blob, at, word);
    return refusal(blob);
  };
  auto const size = static_cast<std::uint32_t>(good.size());
  CHECK(refusal({}) == tree_error{tree_fault::truncated, 0});
  CHECK(refusal({0xd0, 0x0d}) == tree_error{tree_fault::truncated, 2});
  CHECK(with(0, 0xd00dfeee) == tree_error{tree_fault::bad_magic, 0});
  CHECK(with(4, size + 1) == tree_error{tree_fault::truncated, 4});
  CHECK(with(4, 39) == tree_error{tree_fault::truncated, 4});
  CHECK(with(20, 16) == tree_error{tree_fault::unsupported_version, 20});
  CHECK(with(24, 18) == tree_error{tree_fault::unsupported_version, 24});
  CHECK(with(8, get(good, 8) + 2) == tree_error{tree_fault::bad_block, 8});
  CHECK(with(8, 36) == tree_error{tree_fault::bad_block, 8});
  CHECK(with(8, 0xffff'fffc) == tree_error{tree_fault::bad_block, 8});
  CHECK(with(36, 0xffff'fff0) == tree_error{tree_fault::bad_block, 8});
  CHECK(with(12, size + 4) == tree_error{tree_fault::bad_block, 12});
  CHECK(with(32, 0xffff'ffff) == tree_error{tree_fault::bad_block, 12});
  CHECK(with(16, 44) == tree_error{tree_fault::bad_block, 16});
  CHECK(with(16, size & ~7U) == tree_error{tree_fault::unterminated, size & ~7U});
}

TEST_CASE("each kind of damage to the structure is refused with the token's offset") {
  auto const good = sample_tree();
  std::uint32_t const structure = get(good, 8);
  std::uint32_t const end = structure + get(good, 36) - 4;
  auto const with = [&](std::size_t at, std::uint32_t word) {
    auto blob = good;
    put(blob, at, word);
    return refusal(blob);
  };
  CHECK(with(structure, 5) == tree_error{tree_fault::bad_token, structure});
  CHECK(with(structure, 2) == tree_error{tree_fault::bad_structure, structure});
  CHECK(with(structure, 9) == tree_error{tree_fault::bad_structure, structure});
  CHECK(with(structure + 4, 0x61000000) == tree_error{tree_fault::bad_structure, structure});
  CHECK(with(structure + 12, 0x7fff'ffff) == tree_error{tree_fault::truncated, structure + 8});
  CHECK(with(structure + 16, get(good, 32)) == tree_error{tree_fault::bad_name_offset, structure + 8});
  CHECK(with(end, 4) == tree_error{tree_fault::truncated, end + 4});
  CHECK(with(end, 2) == tree_error{tree_fault::bad_structure, end});
  CHECK(with(end - 4, 4) == tree_error{tree_fault::bad_structure, end});
  CHECK(with(32, 3).what == tree_fault::bad_name_offset);
  CHECK(with(36, 4) == tree_error{tree_fault::unterminated, structure});
  CHECK(with(36, 0) == tree_error{tree_fault::truncated, structure});
}

TEST_CASE("a property behind a child, and nodes that nest too deep, are refused") {
  std::uint8_t bytes_of_tree[4096];
  auto deep = [&](unsigned depth) {
    device_tree_writer w{{bytes_of_tree, sizeof bytes_of_tree}};
    w.begin_node("");
    for (unsigned i = 1; i < depth; ++i) w.begin_node("n");
    for (unsigned i = 0; i < depth; ++i) w.end_node();
    return w.finish();
  };
  CHECK(deep(33) == failure{tree_write_error::too_deep});
  auto const deepest = deep(32);
  REQUIRE(deepest);
  auto const tree = device_tree::open(*deepest);
  REQUIRE(tree);
  CHECK(ask_everything(*tree) > 0);

  // The root's last child becomes a property-sized hole before a property: written as NOPs and moved by hand.
  device_tree_writer w{{bytes_of_tree, sizeof bytes_of_tree}};
  w.begin_node("");
  w.property_flag("first");
  w.begin_node("abc");
  w.end_node();
  w.end_node();
  auto const done = w.finish();
  REQUIRE(done);
  std::vector<std::uint8_t> blob(done->begin(), done->end());
  std::uint32_t const structure = get(blob, 8);
  // root(8) property(12) node(8) end_node(4): the property's three words change places with the child's.
  std::uint32_t const property[3] = {get(blob, structure + 8), get(blob, structure + 12), get(blob, structure + 16)};
  put(blob, structure + 8, 1);
  put(blob, structure + 12, 0x61626300);
  put(blob, structure + 16, 2);
  for (unsigned i = 0; i < 3; ++i) put(blob, structure + 20 + i * 4, property[i]);
  CHECK(refusal(blob) == tree_error{tree_fault::property_after_node, structure + 20});
}

TEST_CASE("no mutation of a tree makes the reader look outside it") {
  auto const good = sample_tree();
  std::mt19937 random{2};
  std::uint64_t opened = 0;
  std::uint64_t sum = 0;
  for (int round = 0; round < 150'000; ++round) {
    // A block of exactly this size, so that the sanitizer sees one byte too far.
    std::vector<std::uint8_t> blob(
        good.begin(), good.end() - (round % 5 == 0 ? static_cast<std::ptrdiff_t>(random() % good.size()) : 0));
    blob.shrink_to_fit();
    for (auto changes = random() % 4 + 1; changes > 0 && !blob.empty(); --changes) {
      std::size_t const at = random() % blob.size();
      switch (random() % 3) {
        case 0: blob[at] = static_cast<std::uint8_t>(random()); break;
        case 1: blob[at] ^= static_cast<std::uint8_t>(1U << random() % 8); break;
        default: {
          static constexpr std::uint32_t words[] = {0, 1,           2,           3,           4,
                                                    9, 0x7fff'ffff, 0x8000'0000, 0xffff'fffc, 0xffff'ffff};
          if (blob.size() >= 4) put(blob, at / 4 * 4 + 4 <= blob.size() ? at / 4 * 4 : 0, words[random() % 10]);
        }
      }
    }
    auto const tree = device_tree::open({blob.data(), blob.size()});
    if (!tree) {
      REQUIRE(tree.error().offset <= blob.size());
      continue;
    }
    ++opened;
    sum += ask_everything(*tree);
  }
  CHECK(opened > 10'000);
  CHECK(sum > 0);
}

TEST_CASE("a tree that changes after it was opened is still read within its bounds") {
  auto const good = sample_tree();
  std::mt19937 random{5};
  std::uint64_t sum = 0;
  for (int round = 0; round < 20'000; ++round) {
    auto blob = good;
    auto const tree = device_tree::open({blob.data(), blob.size()});
    REQUIRE(tree);
    for (int i = 0; i < 3; ++i) blob[40 + random() % (blob.size() - 40)] = static_cast<std::uint8_t>(random());
    sum += ask_everything(*tree);
  }
  CHECK(sum > 0);
}
