// SPDX-License-Identifier: BSL-1.0
// Any bytes as a guest of a PC, planned and loaded into RAM of any size: what is accepted stays inside the file and
// inside the RAM, and nothing overwrites anything else.
#include <axhal/arch/x86_64/guest_load.hpp>

#include "support/fuzz_input.hpp"

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

namespace {

using namespace axhal;
using namespace axhal::x86_64;
using test::require;

void check_plan(guest_plan const& plan, guest_image const& image) {
  for (std::uint32_t i = 0; i < image.segment_count(); ++i) {
    boot::image_segment const s = image.segment(i);
    require(s.file_offset <= image.file().size && s.file_size <= image.file().size - s.file_offset);
    guest_range const r{{s.address}, s.memory_size};
    require(s.file_size <= s.memory_size && plan.is_usable(r) && plan.kernel.contains(r));
    require(r.start.value >= plan.boot_data_end() && !r.overlaps(plan.initrd));
  }
  require(plan.kernel.contains(plan.entry) || plan.kind == guest_kind::multiboot);
  require(!plan.kernel.overlaps(plan.initrd));
  require(plan.initrd.empty() || (plan.is_usable(plan.initrd) && plan.initrd.start.value >= mib));
  std::uint64_t end = 0;
  for (boot::e820_entry const e : plan.map()) {
    require(e.length != 0 && e.base >= end);
    end = e.base + e.length;
    require(end > e.base);
  }
}

void load(bytes file, guest_order const& order, bool whole) {
  auto const image = guest_image::open(file);
  if (!image) {
    require(image.error().offset <= file.size || image.error().offset < 0x300);
    return;
  }
  auto const plan = plan_guest(*image, order);
  if (!plan) return;
  check_plan(*plan, *image);
  if (!whole) return;
  static std::uint8_t scratch[load_scratch_size];
  auto const inside = [&](guest_range r) {
    require(plan->low_ram.contains(r) || plan->high_ram.contains(r));
    return r.size;
  };
  auto const done = load_guest(
      *image, order, *plan, {scratch, sizeof scratch},
      [&](guest_phys to, bytes from) { static_cast<void>(inside({to, from.size})); },
      [&](guest_phys from, std::uint64_t size) { static_cast<void>(inside({from, size})); });
  if (done) require(done->mode == plan->mode && done->rip == plan->entry.value);
}

/// Puts in what a fuzzer would have to guess, of one format out of four: magic numbers, and for every other shape some
/// numbers that have to go together.
std::vector<std::uint8_t> repaired(std::vector<std::uint8_t> file, unsigned format, unsigned shape) {
  if (file.size() < 512) file.resize(512);
  auto const put = [&](std::size_t at, std::size_t count, std::uint64_t value) {
    for (std::size_t i = 0; i < count && at + i < file.size(); ++i) {
      file[at + i] = static_cast<std::uint8_t>(value >> 8 * i);
    }
  };
  auto const word_at = [&](std::size_t at) { return boot::image_detail::load({file.data(), file.size()}, at, 4); };
  bool const wide = (shape & 8) != 0;
  bool const helped = (shape & 16) != 0;
  if (format == 0) {
    if (file.size() < 1040) file.resize(1040 + file.size());
    put(0x1f1, 1, 1);
    put(0x1fe, 8, 0x5372'6448'6aeb'aa55);
    put(0x206, 2, 0x200U | shape >> 4);
    if (helped) put(0x211, 1, 1);
    if (helped && wide) put(0x236, 1, 3);
  } else if (format == 1) {
    std::size_t const word = wide ? 8 : 4;
    std::size_t const first = 64;
    std::size_t const second = first + (wide ? 56 : 32);
    put(0, 8, wide ? 0x0001'0102'464c'457f : 0x0001'0101'464c'457f);
    put(16, 4, wide ? 0x003e'0002 : 0x0003'0002);
    put(wide ? 32 : 28, 4, first);
    put(wide ? 54 : 42, 4, 0x0002'0000U | (wide ? 56U : 32U));
    // A note, if the second header is of one.
    put(208, 8, 0x0000'0004'0000'0004);
    put(216, 8, 0x006e'6558'0000'0012);
    if (!helped) return file;
    put(first, 4, 1);
    put(second, 4, 4);
    put(second + word, 4, 208);
    put(second + 4 * word, 4, 20);
    for (std::size_t field = 1; field <= 5; ++field) {
      std::size_t const kept = field == 3 ? 3 : 1;
      put(first + field * word + kept, word - kept, 0);
    }
    put(224, 4, word_at(first + 3 * word));
  } else if (format == 2) {
    std::uint32_t const flags = file[4] % 8U | (wide ? 0x1'0000U : 0U);
    put(0, 8, std::uint64_t{flags} << 32 | 0x1bad'b002);
    put(8, 4, 0U - 0x1bad'b002U - flags);
    if (!helped) return file;
    put(16, 4, word_at(12));  // loaded from the header on
    put(20, 4, 0);
  } else {
    file.resize(512);
    put(510, 2, 0xaa55);
  }
  return file;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  test::fuzz_input input{data, size};
  auto const shape = input.next<std::uint8_t>();
  guest_order order{};
  order.ram = input.next<std::uint32_t>() * std::uint64_t{4096};
  std::uint64_t const initrd = input.next<std::uint32_t>() * std::uint64_t{16};
  static char const line[5000]{};
  order.command_line = {line, (shape & 1) != 0 ? std::size_t{input.next<std::uint16_t>()} % sizeof line : 0};
  order.machine.cpus = input.next<std::uint16_t>() % 1100;
  order.machine.serial_irq = input.next<std::uint8_t>() % 17;
  if ((shape & 2) != 0) {
    order.machine.ecam = {{input.next<std::uint64_t>()}, 0, input.next<std::uint8_t>(), input.next<std::uint8_t>()};
  }
  std::vector<std::uint8_t> const file(input.data, input.data + input.size);
  // The RAM disk is never looked at here: its size is enough.
  if ((shape & 4) != 0) order.initrd = {data, static_cast<std::size_t>(initrd)};
  // Page tables and ACPI are most of the work, and depend on little of the file.
  bool const whole = shape / 32 == 0;
  load({file.data(), file.size()}, order, whole);
  for (unsigned format = 0; format < 4; ++format) {
    std::vector<std::uint8_t> const other = repaired(file, format, shape);
    load({other.data(), other.size()}, order, whole);
  }
  return 0;
}
