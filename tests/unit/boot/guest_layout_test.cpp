// SPDX-License-Identifier: BSL-1.0
#include <axhal/arch/aarch64/linux_images.hpp>
#include <axhal/boot/guest_layout.hpp>

#include "support/image_files.hpp"

#include <catch2/catch_test_macros.hpp>

#include <cstdint>
#include <random>

namespace {

using namespace axhal;
using namespace axhal::boot;
using test::elf_file;
using test::linux_file;
using arm64 = kernel_image<axhal::aarch64::linux_images>;

arm64 open(test::file_builder const& f) {
  auto const image = arm64::open({f.data.data(), f.data.size()});
  REQUIRE(image);
  return *image;
}

constexpr guest_range ram_of(std::uint64_t size) { return {{0x4000'0000}, size}; }

}  // namespace

TEST_CASE("the kernel lies low, device tree and RAM disk at the top") {
  auto const file = linux_file(axhal::aarch64::linux_images::magic, 0, 0x200'0000);
  auto const plan = plan_guest(open(file), ram_of(256 * mib), 0x3000, 0x12'3456);
  REQUIRE(plan);
  CHECK(plan->kernel == guest_range{{0x4000'0000}, 0x200'0000});
  CHECK(plan->entry == guest_phys{0x4000'0000});
  CHECK(plan->tree == guest_range{{0x4fff'd000}, 0x3000});
  CHECK(plan->initrd == guest_range{{0x4fed'9000}, 0x12'3456});
  CHECK(plan->bias == 0x4000'0000);
}

TEST_CASE("a base is two-megabyte aligned whatever the RAM") {
  auto const file = linux_file(axhal::aarch64::linux_images::magic, 0x8'0000, 0x1000);
  auto const plan = plan_guest(open(file), {{0x4010'0000}, 64 * mib}, 0x1000, 0);
  REQUIRE(plan);
  CHECK(plan->entry == guest_phys{0x4028'0000});
  CHECK(plan->initrd.empty());
}

TEST_CASE("an initial RAM disk lies within the kernel's reach, however much RAM there is") {
  auto const file = linux_file(axhal::aarch64::linux_images::magic, 0, 0x200'0000);
  auto const plan = plan_guest(open(file), ram_of(64 * gib), 0x3000, mib);
  REQUIRE(plan);
  CHECK(plan->tree.start.value + plan->tree.size == 0x4000'0000 + 32 * gib);
  CHECK(plan->initrd.start < plan->tree.start);
}

TEST_CASE("an ELF lies where it says, and what does not fit above it goes below") {
  auto const file = elf_file(183, 2, 0x43ff'0000, {{0x200, 0x43ff'0000, 0x43ff'0000, 0x100, 0x1'0000}});
  auto const plan = plan_guest(open(file), ram_of(64 * mib), 0x1000, mib);
  REQUIRE(plan);
  CHECK(plan->entry == guest_phys{0x43ff'0000});
  CHECK(plan->bias == 0);
  CHECK(plan->tree == guest_range{{0x43fe'f000}, 0x1000});
  CHECK(plan->initrd == guest_range{{0x43ee'f000}, mib});
}

TEST_CASE("what does not fit is refused with the sizes") {
  auto const file = linux_file(axhal::aarch64::linux_images::magic, 0, 0x200'0000);
  auto const image = open(file);
  using e = layout_error;
  CHECK(plan_guest(image, ram_of(0), 1, 0) == failure{e{layout_fault::bad_ram, 0x200'0000, 0}});
  CHECK(plan_guest(image, {{~std::uint64_t{0} - 4095}, 4096}, 1, 0) ==
        failure{e{layout_fault::bad_ram, 0x200'0000, 4096}});
  CHECK(plan_guest(image, ram_of(16 * mib), 1, 0) == failure{e{layout_fault::kernel_too_large, 0x200'0000, 16 * mib}});
  CHECK(plan_guest(image, {{0x4000'1000}, mib}, 1, 0) == failure{e{layout_fault::kernel_too_large, 0x200'0000, 0}});
  CHECK(plan_guest(image, ram_of(32 * mib), 0x1000, 0) == failure{e{layout_fault::tree_too_large, 0x1000, 0}});
  CHECK(plan_guest(image, ram_of(64 * mib), 2 * mib + 1, 0) ==
        failure{e{layout_fault::tree_too_large, 2 * mib + 1, 2 * mib}});
  CHECK(plan_guest(image, ram_of(64 * mib), 0x1000, 32 * mib) ==
        failure{e{layout_fault::initrd_too_large, 32 * mib, 32 * mib - 0x1000}});
  auto const outside = elf_file(183, 2, 0x8000'0000, {{0x200, 0x8000'0000, 0x8000'0000, 0x100, 0x1000}});
  CHECK(plan_guest(open(outside), ram_of(64 * mib), 1, 0) ==
        failure{e{layout_fault::kernel_outside_ram, 0x8000'0000, 64 * mib}});
}

TEST_CASE("loading copies each segment and clears what it leaves open") {
  auto const file = elf_file(183, 2, 0x4000'0000,
                             {{0x200, 0x4000'0000, 0x4000'0000, 0x100, 0x180},
                              {0x300, 0x4000'1000, 0x4000'1000, 0, 0x40},
                              {0x400, 0x4000'2000, 0x4000'2000, 0x20, 0x20}});
  auto const image = open(file);
  auto const plan = plan_guest(image, ram_of(64 * mib), 1, 0);
  REQUIRE(plan);
  std::uint64_t copied = 0;
  std::uint64_t cleared = 0;
  load_kernel(
      image, *plan,
      [&](guest_phys to, bytes from) {
        CHECK(plan->kernel.contains(guest_range{to, from.size}));
        CHECK(from.data == file.data.data() + (to.value == 0x4000'0000 ? 0x200 : 0x400));
        copied += from.size;
      },
      [&](guest_phys from, std::uint64_t size) {
        CHECK(plan->kernel.contains(guest_range{from, size}));
        CHECK((from.value == 0x4000'0100 || from.value == 0x4000'1000));
        cleared += size;
      });
  CHECK(copied == 0x120);
  CHECK(cleared == 0xc0);
}

TEST_CASE("any plan keeps everything apart and inside the RAM") {
  std::mt19937_64 random{9};
  int planned = 0;
  for (int round = 0; round < 50'000; ++round) {
    // One draw a line: the order in which a compiler evaluates arguments must not change the round.
    std::uint64_t const shift = random() % 40;
    std::uint64_t const memory = random() >> (24 + shift % 30);
    std::uint64_t const place = random() >> shift;
    std::uint64_t const kind = random() % 3;
    auto const type = static_cast<std::uint16_t>(2 + kind % 2);
    auto const file = kind == 2 ? linux_file(axhal::aarch64::linux_images::magic, place % 64 * 0x1'0000, memory, 64)
                                : elf_file(183, type, 0x4000'0000, {{0, 0x4000'0000, place, 1, memory | 1}}, 256);
    auto const image = arm64::open({file.data.data(), file.data.size()});
    if (!image) continue;
    std::uint64_t const ram_start = random() >> shift;
    std::uint64_t const ram_shift = 20 + random() % 30;
    guest_range const ram{{ram_start}, random() >> ram_shift};
    std::uint64_t const tree_size = random() % (3 * mib) + 1;
    std::uint64_t const initrd_shift = 20 + random() % 40;
    std::uint64_t const initrd_size = random() >> initrd_shift;
    auto const plan = plan_guest(*image, ram, tree_size, initrd_size);
    if (!plan) continue;
    ++planned;
    REQUIRE(ram.contains(plan->kernel));
    REQUIRE(ram.contains(plan->tree));
    REQUIRE(plan->kernel.contains(plan->entry));
    REQUIRE_FALSE(plan->kernel.overlaps(plan->tree));
    REQUIRE(plan->tree.size == tree_size);
    REQUIRE(plan->initrd.size == initrd_size);
    if (initrd_size != 0) {
      REQUIRE(ram.contains(plan->initrd));
      REQUIRE_FALSE(plan->kernel.overlaps(plan->initrd));
      REQUIRE_FALSE(plan->tree.overlaps(plan->initrd));
    }
  }
  CHECK(planned > 500);
}
