// SPDX-License-Identifier: BSL-1.0
// A guest that does anything to ACPI's fixed hardware, the keyboard controller and the registers that reset a PC.
#include <axhal/vdev/acpi_pm.hpp>
#include <axhal/vdev/i8042.hpp>
#include <axhal/vdev/reset_ports.hpp>

#include "support/fuzz_input.hpp"

#include <cstddef>
#include <cstdint>

namespace {

using namespace axhal;
using test::fuzz_input;
using test::require;

void fixed_hardware(fuzz_input in) {
  auto const rate = in.next<std::uint32_t>();
  bool const wide = (in.next<std::uint8_t>() & 1) != 0;
  vdev::acpi_pm pm{{rate == 0 ? 1 : rate}, wide};
  ticks now{};
  for (unsigned steps = 0; steps < 200 && !in.empty(); ++steps) {
    auto const what = in.next<std::uint8_t>();
    bool const wild = (what & 0x80) != 0;
    std::uint64_t const offset = wild ? in.next<std::uint64_t>() : what >> 3 & 15U;
    unsigned const bytes = wild ? in.next<std::uint8_t>() : 1U << (what & 1);
    switch (what & 7) {
      case 0:
      case 1: {
        std::uint64_t const value = pm.read(offset, bytes, now);
        require(bytes >= 8 || value < std::uint64_t{1} << 8 * bytes);
        break;
      }
      case 2:
      case 3: {
        vdev::sleep_request const asked = pm.write(offset, bytes, in.next<std::uint64_t>(), now);
        require(asked.type <= 7 && (asked.asked || asked.type == 0));
        if (asked.asked) require((pm.read(4, 2, now) >> 10 & 7) == asked.type);
        break;
      }
      case 4: pm.raise(static_cast<vdev::acpi_event>(1U << (what >> 3 & 15))); break;
      case 5: now.value += wild ? in.next<std::uint64_t>() >> 1 : in.next<std::uint32_t>(); break;
      case 6: {
        ticks const at = pm.next_edge(now);
        if (at.value == UINT64_MAX || at.value <= now.value || pm.sci_level(now)) break;
        require(!pm.sci_level({at.value - 1}) && pm.sci_level(at));
        now = at;
        break;
      }
      default: pm.set_acpi_mode((what & 8) != 0); break;
    }
    std::uint64_t const all = pm.read(0, 8, now);
    require((all >> 16 & 0xffff & ~0x0721ULL) == 0 && (all >> 32 & 0xffff & ~0x1c03ULL) == 0);
    bool const level = (all & all >> 16 & 0x0721) != 0 && (all >> 32 & 1) != 0;
    require(pm.sci_level(now) == level);
    require(pm.read(8, 4, now) == pm.read(8, 8, now) && (wide || pm.read(8, 4, now) <= 0xff'ffff));
  }
}

void resets(fuzz_input in) {
  vdev::i8042 kbc;
  vdev::reset_control control;
  vdev::system_control_a port_a;
  for (unsigned steps = 0; steps < 200 && !in.empty(); ++steps) {
    auto const what = in.next<std::uint8_t>();
    auto const value = in.next<std::uint8_t>();
    bool const wild = (what & 0x80) != 0;
    std::uint64_t const offset = wild ? in.next<std::uint64_t>() : 0;
    unsigned const bytes = wild ? in.next<std::uint8_t>() : 1;
    switch (what & 7) {
      case 0: {
        bool const resets = kbc.write_command(value) != vdev::reset_request::none;
        require(resets == (value >= 0xf0 && value % 2 == 0));
        break;
      }
      case 1: (void)kbc.write_data(value); break;
      case 2:
        (void)kbc.read_data();
        require((kbc.read_status() & 0x61) == 0 && !kbc.irq_level() && !kbc.aux_irq_level());
        break;
      case 3:
        (void)control.write(offset, bytes, value);
        require((control.read(0, 1) & ~0x0aULL) == 0);
        break;
      case 4:
        (void)port_a.write(offset, bytes, value);
        require((port_a.read(0, 1) & ~3ULL) == 0 && port_a.a20() == ((port_a.read(0, 1) & 2) != 0));
        break;
      case 5:
        (void)control.read(offset, bytes);
        (void)port_a.read(offset, bytes);
        break;
      default: kbc.set_a20((value & 1) != 0); break;
    }
    require((kbc.read_status() & 0x02) == 0);
    require(!(kbc.irq_level() && kbc.aux_irq_level()));
  }
  require(control.write(0, 1, 0x06) == vdev::reset_request::machine);
  (void)kbc.write_command(0xaa);
  require(kbc.read_data() == 0x55);
  require(kbc.write_command(0xfe) == vdev::reset_request::cpu);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  fixed_hardware({data, size});
  resets({data, size});
  return 0;
}
