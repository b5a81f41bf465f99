// SPDX-License-Identifier: BSL-1.0
// The same blobs, whole and damaged, read by our reader and by libfdt: both refuse, or both see the same tree.
#include <axhal/boot/device_tree.hpp>
#include <axhal/boot/device_tree_writer.hpp>

#include "support/device_tree_blobs.hpp"

#include <catch2/catch_test_macros.hpp>

extern "C" {
#include <libfdt.h>
}

#include <cstdint>
#include <cstring>
#include <random>
#include <vector>

namespace {

using namespace axhal;
using namespace axhal::boot;

/// Where our reader is stricter than libfdt's, on purpose: what the format's specification forbids (a property behind a
/// child, misaligned blocks, no root at all), versions before 17, and our depth limit.
bool is_stricter(tree_error error, bytes blob) {
  switch (error.what) {
    case tree_fault::property_after_node:
    case tree_fault::too_deep:
    case tree_fault::bad_block:
    case tree_fault::unsupported_version: return true;
    case tree_fault::bad_structure: return device_tree_format::load_u32(blob, error.offset) == device_tree_format::end;
    default: return false;
  }
}

/// True when both see the same nodes, names, properties and values in the same order.
bool same_tree(device_tree const& tree, void const* fdt) {
  int node = 0;
  int depth = 0;
  for (tree_node const n : tree.nodes()) {
    if (node < 0) return false;
    int length = 0;
    char const* const name = fdt_get_name(fdt, node, &length);
    if (name == nullptr || n.name().size != static_cast<std::size_t>(length)) return false;
    if (std::memcmp(name, n.name().data, n.name().size) != 0) return false;
    int p = fdt_first_property_offset(fdt, node);
    for (tree_property const ours : n.properties()) {
      if (p < 0) return false;
      char const* property_name = nullptr;
      void const* const value = fdt_getprop_by_offset(fdt, p, &property_name, &length);
      if (value == nullptr || text{property_name, std::strlen(property_name)} != ours.name) return false;
      if (static_cast<std::size_t>(length) != ours.value.size) return false;
      if (length > 0 && std::memcmp(value, ours.value.data, ours.value.size) != 0) return false;
      p = fdt_next_property_offset(fdt, p);
    }
    if (p >= 0) return false;
    node = fdt_next_node(fdt, node, &depth);
    if (depth < 0) node = -1;
  }
  if (node >= 0) return false;
  if (fdt_num_mem_rsv(fdt) != static_cast<int>(tree.reservation_count())) return false;
  for (std::uint32_t i = 0; i < tree.reservation_count(); ++i) {
    std::uint64_t start = 0;
    std::uint64_t size = 0;
    if (fdt_get_mem_rsv(fdt, static_cast<int>(i), &start, &size) != 0) return false;
    if (tree.reservation(i) != host_range{{start}, size}) return false;
  }
  return true;
}

/// Our node and libfdt's answer to the same path.
///
/// An alias whose value is no terminated full path is ours alone to refuse: libfdt takes any bytes for the path, reads
/// past their end, and follows an alias of itself until its stack is used up.
bool same_place(device_tree const& tree, void const* fdt, char const* path) {
  if (path[0] != '/') {
    auto const aliases = tree.root().child("aliases");
    auto const alias = aliases ? aliases->property("serial0") : failure{aliases.error()};
    auto const target = alias ? alias->string() : failure{alias.error()};
    if (!target || !target->starts_with("/")) return !tree.find(text{path, std::strlen(path)});
  }
  auto const ours = tree.find(text{path, std::strlen(path)});
  int const theirs = fdt_path_offset(fdt, path);
  if (!ours || theirs < 0) return !ours && theirs < 0;
  return static_cast<int>(ours->offset()) == theirs + static_cast<int>(fdt_off_dt_struct(fdt));
}

char const* const paths[] = {"/",
                             "/soc",
                             "/soc@9000000",
                             "/soc/serial",
                             "/soc/serial@1000/inner",
                             "serial0",
                             "serial0/inner@0",
                             "/gic@8000001",
                             "/chosen",
                             "/nothing",
                             "//soc//timer"};

}  // namespace

TEST_CASE("what our writer writes, libfdt reads") {
  auto const blob = test::sample_tree();
  REQUIRE(fdt_check_full(blob.data(), blob.size()) == 0);
  auto const tree = device_tree::open({blob.data(), blob.size()});
  REQUIRE(tree);
  CHECK(same_tree(*tree, blob.data()));
  for (char const* const path : paths) CHECK(same_place(*tree, blob.data(), path));
}

TEST_CASE("what libfdt writes, our reader reads") {
  std::vector<std::uint8_t> blob(8192);
  REQUIRE(fdt_create(blob.data(), static_cast<int>(blob.size())) == 0);
  REQUIRE(fdt_add_reservemap_entry(blob.data(), 0x1000, 0x2000) == 0);
  REQUIRE(fdt_finish_reservemap(blob.data()) == 0);
  REQUIRE(fdt_begin_node(blob.data(), "") == 0);
  for (char const* const name : {"a", "bb@1", "ccc"}) {
    REQUIRE(fdt_begin_node(blob.data(), name) == 0);
    REQUIRE(fdt_property_u32(blob.data(), "one", 1) == 0);
    REQUIRE(fdt_property_string(blob.data(), "two", "deux") == 0);
    REQUIRE(fdt_end_node(blob.data()) == 0);
  }
  REQUIRE(fdt_end_node(blob.data()) == 0);
  REQUIRE(fdt_finish(blob.data()) == 0);
  // Edited afterwards, so that there are NOPs and blocks in libfdt's own order.
  int const node = fdt_path_offset(blob.data(), "/bb@1");
  REQUIRE(fdt_nop_property(blob.data(), node, "one") == 0);
  auto const tree = device_tree::open({blob.data(), blob.size()});
  REQUIRE(tree);
  CHECK(same_tree(*tree, blob.data()));
  CHECK_FALSE(tree->find("/bb")->has_property("one"));
}

TEST_CASE("damaged trees: both refuse, or both see the same") {
  auto const good = test::sample_tree();
  std::mt19937 random{17};
  int both_accept = 0;
  int both_refuse = 0;
  int stricter = 0;
  int only_we_accept = 0;
  for (int round = 0; round < 200'000; ++round) {
    auto blob = good;
    for (auto changes = random() % 3 + 1; changes > 0; --changes) {
      std::size_t const at = random() % (blob.size() - 3);
      if (random() % 2 == 0) {
        blob[at] = static_cast<std::uint8_t>(random() % 2 == 0 ? random() : random() % 10);
      } else {
        device_tree_format::store_u32({blob.data(), blob.size()}, at / 4 * 4,
                                      static_cast<std::uint32_t>(random() % 11));
      }
    }
    auto const tree = device_tree::open({blob.data(), blob.size()});
    // Under an old version number libfdt 1.6.1 follows a null pointer where a name has no slash: not asked.
    if (device_tree_format::load_u32({blob.data(), blob.size()}, device_tree_format::h_version) < 16) {
      REQUIRE_FALSE(tree);
      continue;
    }
    bool const theirs = fdt_check_full(blob.data(), blob.size()) == 0;
    if (tree && theirs) {
      ++both_accept;
      REQUIRE(same_tree(*tree, blob.data()));
      for (char const* const path : paths) REQUIRE(same_place(*tree, blob.data(), path));
    } else if (!tree && !theirs) {
      ++both_refuse;
    } else if (theirs) {
      INFO("fault " << to_text(tree.error().what).data << " at " << tree.error().offset);
      REQUIRE(is_stricter(tree.error(), {blob.data(), blob.size()}));
      ++stricter;
    } else {
      INFO(fdt_strerror(fdt_check_full(blob.data(), blob.size())));
      ++only_we_accept;
      REQUIRE(only_we_accept == 0);
    }
  }
  CHECK(both_accept > 20'000);
  CHECK(both_refuse > 20'000);
  CHECK(stricter < 20'000);
}
