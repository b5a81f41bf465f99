// SPDX-License-Identifier: BSL-1.0
// What QEMU's device tree says of `-M virt`, and what follows from it.
#include <axhal/board/qemu_virt_riscv64.hpp>

#include <catch2/catch_test_macros.hpp>

#include <cstdint>

using namespace axhal;
using machine = axhal::board::qemu_virt_riscv64;

TEST_CASE("addresses and numbers of QEMU's riscv64 virt machine") {
  STATIC_CHECK(machine::ram == host_phys{0x8000'0000});
  STATIC_CHECK(machine::plic == host_range{{0x0c00'0000}, 0x0060'0000});
  STATIC_CHECK(machine::aplic_supervisor == host_range{{0x0d00'0000}, 0x8000});
  STATIC_CHECK(machine::imsic_supervisor.start == host_phys{0x2800'0000});
  STATIC_CHECK(machine::uart == host_range{{0x1000'0000}, 0x100});
  STATIC_CHECK(machine::uart_clock == hertz{3'686'400});
  STATIC_CHECK(machine::uart_irq == irq_number{10});
  STATIC_CHECK(machine::plic_sources == 0x5f);
  STATIC_CHECK(machine::aplic_sources == 0x60);
}

TEST_CASE("devices lie below RAM and apart") {
  constexpr host_range devices[] = {machine::plic, machine::aplic_supervisor, machine::imsic_supervisor, machine::uart};
  for (auto const& one : devices) {
    CHECK(one.is_valid());
    CHECK(one.start.value % 0x100 == 0);
    CHECK(one.start >= machine::devices.start);
    CHECK(one.start.value + one.size <= machine::devices.start.value + machine::devices.size);
    CHECK(one.start.value + one.size <= machine::ram.value);
    for (auto const& other : devices) {
      if (&one == &other) continue;
      CHECK((one.start.value + one.size <= other.start.value || other.start.value + other.size <= one.start.value));
    }
  }
}

TEST_CASE("the windows have room for every CPU") {
  // A context has a page from 0x20'0000 on; the supervisor's of the last CPU is the last.
  std::uint64_t const last = machine::supervisor_context(machine::max_cpus - 1);
  CHECK(0x20'0000 + (last + 1) * 0x1000 <= machine::plic.size);
  // An interrupt file has a page; with QEMU's most of seven for guests beside it, a hart has eight.
  CHECK(std::uint64_t{machine::max_cpus} * 8 * 0x1000 <= machine::imsic_supervisor.size);
  // A source of the APLIC has a word at 4 times its number, a hart's delivery control 32 bytes from 0x4000 on.
  CHECK(0x4000 + 32 * std::uint64_t{machine::max_cpus} <= machine::aplic_supervisor.size);
  CHECK(machine::uart_irq.value <= machine::plic_sources);
}

TEST_CASE("M-mode and S-mode of a hart have contexts beside each other") {
  STATIC_CHECK(machine::supervisor_context(0) == 1);
  STATIC_CHECK(machine::supervisor_context(1) == 3);
  STATIC_CHECK(machine::supervisor_context(7) == 15);
}

TEST_CASE("an image lies where firmware jumps to, one block for each right") {
  STATIC_CHECK(machine::image::text == host_phys{0x8020'0000});
  STATIC_CHECK(machine::image::rodata == machine::image::text + machine::image::block);
  STATIC_CHECK(machine::image::data == machine::image::rodata + machine::image::block);
  STATIC_CHECK(machine::image::block == 0x20'0000);
  STATIC_CHECK(machine::image::text.value % machine::image::block == 0);
  STATIC_CHECK(machine::image::text >= machine::ram);
}
