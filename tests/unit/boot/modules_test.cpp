// SPDX-License-Identifier: BSL-1.0
#include <axhal/boot/device_tree_writer.hpp>
#include <axhal/boot/modules.hpp>

#include <catch2/catch_test_macros.hpp>

#include <cstdint>

namespace {

using namespace axhal;
using namespace axhal::boot;

/// A tree whose `/chosen` is written by the test.
struct blob {
  template <typename F>
  explicit blob(F&& chosen, std::uint32_t cells = 2) {
    writer.begin_node("");
    writer.property_cells("#address-cells", cells);
    writer.property_cells("#size-cells", cells);
    writer.begin_node("chosen");
    chosen(writer);
    writer.end_node();
    writer.end_node();
    auto const done = writer.finish();
    REQUIRE(done);
    tree_bytes = *done;
  }
  device_tree tree() const { return *device_tree::open(tree_bytes); }
  std::uint8_t data[2048]{};
  device_tree_writer writer{{data, sizeof data}};
  bytes tree_bytes{};
};

}  // namespace

TEST_CASE("modules are found as QEMU's guest-loader leaves them") {
  // Names, order, and cells of the root in a /chosen without cell counts: as QEMU 10 writes them.
  blob const b{[](device_tree_writer& w) {
    w.property_strings("stdout-path", "/pl011@9000000");
    w.begin_node("module@0x58000000");
    w.property_strings("compatible", "multiboot,module", "multiboot,ramdisk");
    w.property_u64s("reg", 0x5800'0000U, 0xc350U);
    w.end_node();
    w.begin_node("module@0x50000000");
    w.property_strings("bootargs", "console=ttyAMA0 rdinit=/init");
    w.property_strings("compatible", "multiboot,module", "multiboot,kernel");
    w.property_u64s("reg", 0x5000'0000U, 0x1'86a0U);
    w.end_node();
  }};
  auto const tree = b.tree();
  CHECK(boot_modules{tree}.size() == 2);
  auto const kernel = boot_modules{tree, "multiboot,kernel"}.find();
  REQUIRE(kernel);
  CHECK(kernel->where == host_range{{0x5000'0000}, 0x1'86a0});
  CHECK(kernel->arguments == text{"console=ttyAMA0 rdinit=/init"});
  auto const ramdisk = boot_modules{tree, "multiboot,ramdisk"}.find();
  REQUIRE(ramdisk);
  CHECK(ramdisk->where == host_range{{0x5800'0000}, 0xc350});
  CHECK(ramdisk->arguments.empty());
  CHECK(boot_modules{tree}.find(1)->where == kernel->where);
  CHECK(boot_modules{tree}.find(2).error().what == tree_fault::not_found);
  CHECK(boot_modules{tree, "multiboot,xsm-policy"}.size() == 0);
}

TEST_CASE("cell counts that /chosen states itself count") {
  blob const b{[](device_tree_writer& w) {
    w.property_cells("#address-cells", 1);
    w.property_cells("#size-cells", 1);
    w.begin_node("module");
    w.property_strings("compatible", "multiboot,kernel", "multiboot,module");
    w.property_cells("reg", 0x5000'0000, 0x1000);
    w.end_node();
  }};
  auto const tree = b.tree();
  CHECK(boot_modules{tree, "multiboot,kernel"}.find()->where == host_range{{0x5000'0000}, 0x1000});
}

TEST_CASE("a module that does not parse is an error, not nothing") {
  auto const fault = [](auto&& module) {
    blob const b{[&](device_tree_writer& w) {
      w.begin_node("module");
      w.property_strings("compatible", "multiboot,module", "multiboot,kernel");
      module(w);
      w.end_node();
    }};
    auto const tree = b.tree();
    CHECK(boot_modules{tree}.size() == 1);
    auto const found = boot_modules{tree, "multiboot,kernel"}.find();
    REQUIRE_FALSE(found);
    return found.error().what;
  };
  CHECK(fault([](device_tree_writer&) {}) == tree_fault::not_found);
  CHECK(fault([](device_tree_writer& w) { w.property_cells("reg", 1, 2, 3); }) == tree_fault::wrong_size);
  CHECK(fault([](device_tree_writer& w) { w.property_flag("reg"); }) == tree_fault::wrong_size);
  CHECK(fault([](device_tree_writer& w) { w.property_u64s("reg", ~std::uint64_t{0}, 2U); }) ==
        tree_fault::untranslatable);
  CHECK(fault([](device_tree_writer& w) {
          w.property_u64s("reg", 1U, 2U);
          w.property_cells("bootargs", 0x61616161);
        }) == tree_fault::unterminated);
}

TEST_CASE("Linux's initial RAM disk is read in one cell or two") {
  blob const wide{[](device_tree_writer& w) {
    w.property_strings("bootargs", "quiet");
    w.property_u64s("linux,initrd-start", 0x1'4800'0000U);
    w.property_u64s("linux,initrd-end", 0x1'4800'c350U);
  }};
  CHECK(linux_initrd(wide.tree()) == host_range{{0x1'4800'0000}, 0xc350});
  CHECK(boot_arguments(wide.tree()) == text{"quiet"});
  blob const narrow{[](device_tree_writer& w) {
    w.property_cells("linux,initrd-start", 0x4800'0000);
    w.property_cells("linux,initrd-end", 0x4800'0001);
  }};
  CHECK(linux_initrd(narrow.tree()) == host_range{{0x4800'0000}, 1});
  CHECK(boot_arguments(narrow.tree()).error().what == tree_fault::not_found);
  blob const backwards{[](device_tree_writer& w) {
    w.property_cells("linux,initrd-start", 2);
    w.property_cells("linux,initrd-end", 1);
  }};
  CHECK(linux_initrd(backwards.tree()).error().what == tree_fault::wrong_size);
  blob const half{[](device_tree_writer& w) { w.property_cells("linux,initrd-start", 2); }};
  CHECK(linux_initrd(half.tree()).error().what == tree_fault::not_found);
}
