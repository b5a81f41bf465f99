// SPDX-License-Identifier: BSL-1.0
// Any bytes as a kernel, planned into RAM of any shape: what is accepted stays inside the file and inside the RAM.
#include <axhal/arch/aarch64/linux_images.hpp>
#include <axhal/arch/riscv64/linux_images.hpp>
#include <axhal/boot/guest_layout.hpp>

#include "support/fuzz_input.hpp"

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

namespace {

using axhal::test::require;

using namespace axhal;
using namespace axhal::boot;

template <typename Convention>
void load(bytes file, guest_range ram, std::uint64_t initrd) {
  auto const image = kernel_image<Convention>::open(file);
  if (!image) {
    require(image.error().offset <= file.size || image.error().offset < 0x300);
    return;
  }
  for (std::uint32_t i = 0; i < image->segment_count(); ++i) {
    image_segment const s = image->segment(i);
    require(s.file_offset <= file.size && s.file_size <= file.size - s.file_offset && s.file_size <= s.memory_size);
  }
  auto const plan = plan_guest(*image, ram, 0x1000, initrd);
  if (!plan) return;
  require(ram.contains(plan->kernel) && ram.contains(plan->tree) && plan->kernel.contains(plan->entry));
  require(!plan->kernel.overlaps(plan->tree) && !plan->kernel.overlaps(plan->initrd));
  load_kernel(
      *image, *plan, [&](guest_phys to, bytes from) { require(plan->kernel.contains(guest_range{to, from.size})); },
      [&](guest_phys from, std::uint64_t size) { require(plan->kernel.contains(guest_range{from, size})); });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  if (size < 24) return 0;
  std::uint64_t shape[3];
  std::memcpy(shape, data, sizeof shape);
  guest_range const ram{{shape[0]}, shape[1]};
  std::vector<std::uint8_t> file(data + sizeof shape, data + size);
  auto const each = [&] {
    load<axhal::aarch64::linux_images>({file.data(), file.size()}, ram, shape[2]);
    load<axhal::riscv64::linux_images>({file.data(), file.size()}, ram, shape[2]);
  };
  each();
  // Past the magic numbers, which the fuzzer would have to guess.
  if (file.size() < 64) return 0;
  std::memcpy(file.data() + 56, "ARM\x64", 4);
  each();
  std::uint8_t const elf[] = {0x7f, 'E', 'L', 'F', 2, 1, 1};
  std::memcpy(file.data(), elf, sizeof elf);
  file[16] = static_cast<std::uint8_t>(2 + file[16] % 2);
  file[17] = 0;
  file[18] = 183;
  file[19] = 0;
  file[54] = 56;
  file[55] = 0;
  each();
  return 0;
}
