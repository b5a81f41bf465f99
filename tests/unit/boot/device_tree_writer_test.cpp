// SPDX-License-Identifier: BSL-1.0
#include <axhal/boot/device_tree.hpp>
#include <axhal/boot/device_tree_writer.hpp>

#include "support/device_tree_blobs.hpp"

#include <catch2/catch_test_macros.hpp>

#include <cstdint>
#include <vector>

namespace {

using namespace axhal;
using namespace axhal::boot;

/// Runs `write` over a fresh writer and returns how it ended.
template <typename F>
tree_write_error error_of(F&& write) {
  std::uint8_t buffer[1024];
  device_tree_writer w{{buffer, sizeof buffer}};
  write(w);
  auto const done = w.finish();
  REQUIRE_FALSE(done);
  REQUIRE(w.state() == failure{done.error()});
  return done.error();
}

/// A whole tree, written and opened by the compiler.
constexpr bool works_in_the_compiler() {
  std::uint8_t buffer[256]{};
  device_tree_writer w{{buffer, sizeof buffer}};
  w.reserve(0x1000, 0x2000);
  w.begin_node("");
  w.property_cells("#address-cells", 2);
  w.begin_node("cpu", 0);
  w.property_u64s("reg", 5U);
  w.end_node();
  w.end_node();
  auto const done = w.finish();
  if (!done) return false;
  auto const tree = device_tree::open(*done);
  int children = 0;
  for ([[maybe_unused]] tree_node const child : tree->root().children()) ++children;
  return tree && tree->reservation_count() == 1 && children == 1;
}

}  // namespace

TEST_CASE("a name is stored once, and shares the end of a longer one") {
  std::uint8_t buffer[1024];
  auto const size = [&](text first, text second) {
    device_tree_writer w{{buffer, sizeof buffer}};
    w.begin_node("");
    w.property_flag(first);
    w.property_flag(second);
    w.end_node();
    auto const done = w.finish();
    REQUIRE(done);
    auto const tree = device_tree::open(*done);
    REQUIRE(tree);
    CHECK(tree->root().has_property(first));
    CHECK(tree->root().has_property(second));
    return done->size;
  };
  auto const once = size("interrupt-parent", "interrupt-parent");
  CHECK(size("interrupt-parent", "parent") == once);
  CHECK(size("interrupt-parent", "paren") == once + 6);
}

TEST_CASE("unit addresses are hexadecimal without leading zeros") {
  std::uint8_t buffer[1024];
  device_tree_writer w{{buffer, sizeof buffer}};
  w.begin_node("");
  for (std::uint64_t const address : {std::uint64_t{0}, std::uint64_t{0x900'0000}, ~std::uint64_t{0}}) {
    w.begin_node("n", address);
    w.end_node();
  }
  w.end_node();
  auto const done = w.finish();
  REQUIRE(done);
  auto const tree = device_tree::open(*done);
  CHECK(tree->find("/n@0").has_value());
  CHECK(tree->find("/n@9000000").has_value());
  CHECK(tree->find("/n@ffffffffffffffff").has_value());
}

TEST_CASE("a tree fits exactly or is refused, and no byte behind the buffer is written") {
  auto const whole = test::sample_tree();
  bool fitted = false;
  for (std::size_t size = 0; size <= whole.size() + 8; ++size) {
    // An allocation of its own, so that the sanitizer sees a write behind it.
    std::vector<std::uint8_t> buffer(size);
    device_tree_writer w{{buffer.data(), buffer.size()}};
    w.reserve(1, 2);
    w.begin_node("");
    for (int i = 0; i < 12; ++i) {
      w.begin_node("node", static_cast<std::uint64_t>(i));
      w.property_strings("compatible", "some,thing", "thing");
      w.property_cells("reg", i, 1);
      w.property_flag("flag");
      w.end_node();
    }
    w.end_node();
    auto const done = w.finish();
    if (!done) {
      REQUIRE(done.error() == tree_write_error::overflow);
      REQUIRE_FALSE(fitted);
      continue;
    }
    fitted = true;
    REQUIRE(device_tree::open(*done).has_value());
    if (done->size == size) SUCCEED("fits to the byte");
  }
  CHECK(fitted);
}

TEST_CASE("each misuse is refused, and the first error stays") {
  using e = tree_write_error;
  CHECK(error_of([](auto&) {}) == e::unbalanced);
  CHECK(error_of([](auto& w) { w.begin_node(""); }) == e::unbalanced);
  CHECK(error_of([](auto& w) { w.end_node(); }) == e::unbalanced);
  CHECK(error_of([](auto& w) { w.begin_node("root"); }) == e::bad_name);
  CHECK(error_of([](auto& w) { w.begin_node("", 1); }) == e::bad_name);
  auto const in_root = [](auto&& inside) {
    return error_of([&](auto& w) {
      w.begin_node("");
      inside(w);
      w.end_node();
    });
  };
  CHECK(in_root([](auto& w) { w.begin_node(""); }) == e::bad_name);
  CHECK(in_root([](auto& w) { w.begin_node("a/b"); }) == e::bad_name);
  CHECK(in_root([](auto& w) { w.begin_node(text{"a\0b", 3}); }) == e::bad_name);
  CHECK(in_root([](auto& w) { w.property_flag(""); }) == e::bad_name);
  CHECK(in_root([](auto& w) { w.property_flag(text{"a\0", 2}); }) == e::bad_name);
  CHECK(in_root([](auto& w) { w.reserve(1, 1); }) == e::bad_order);
  CHECK(in_root([](auto& w) {
          w.begin_node("a");
          w.end_node();
          w.property_flag("late");
        }) == e::property_after_node);
  CHECK(in_root([](auto& w) {
          w.end_node();
          w.begin_node("second");
        }) == e::bad_order);
  CHECK(error_of([](auto& w) { w.property_flag("outside"); }) == e::property_after_node);
  CHECK(error_of([](auto& w) { w.reserve(1, 0); }) == e::bad_reservation);
  CHECK(in_root([](auto& w) { w.property("big", {nullptr, SIZE_MAX}); }) == e::overflow);
  CHECK(error_of([](auto& w) {
          w.end_node();
          w.begin_node("");
          w.property("big", {nullptr, SIZE_MAX});
        }) == e::unbalanced);
}

TEST_CASE("a finished writer is spent") {
  std::uint8_t buffer[256];
  device_tree_writer w{{buffer, sizeof buffer}};
  w.begin_node("");
  w.end_node();
  REQUIRE(w.finish());
  CHECK(w.finish() == failure{tree_write_error::bad_order});
}

TEST_CASE("a tree can be written and checked by the compiler") { STATIC_REQUIRE(works_in_the_compiler()); }
