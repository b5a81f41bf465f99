// SPDX-License-Identifier: BSL-1.0
// A guest that is all of it damage: any control registers, tables, segments and code. Its walks, fetches and device
// accesses end, touch nothing but its RAM, and say what a slow walker says.
#include "support/fuzz_input.hpp"
#include "support/x86_guest_memory.hpp"
#include "support/x86_guest_walker.hpp"

#include <axhal/arch/x86_64/device_access_exit.hpp>
#include <axhal/arch/x86_64/guest_walk.hpp>
#include <axhal/arch/x86_64/intercepted_length.hpp>

#include <cstddef>
#include <cstdint>
#include <cstring>

using namespace axhal;
using namespace axhal::test;
using namespace axhal::test::x86;

namespace {

constexpr std::uint64_t pages = 8;

struct machine : recorder {
  static constexpr exit_set fast = exits<exit::mmio_read, exit::mmio_write>;
  paged_ram memory{pages};
  paged_ram& ram() { return memory; }
};

void check_walk(fuzz_input& input, sim_guest& g, paged_ram& ram) {
  auto const kind = input.next<std::uint8_t>();
  auto const who = static_cast<accessor>((kind >> 4) % 3);
  constexpr axhal::access kinds[] = {axhal::access::read, axhal::access::write, read_write, axhal::access::execute};
  auto const wanted = kinds[kind & 3];
  std::uint64_t const linear = input.next<std::uint64_t>();
  x86_guest_walker w;
  w.load = [&ram](std::uint64_t at, unsigned size) { return ram.get(at, size); };
  w.cr0 = g.cr0;
  w.cr3 = g.cr3;
  w.cr4 = g.cr4;
  w.efer = g.efer;
  w.rflags = g.rflags;
  w.physical_bits = ram.limits_.physical_bits;
  w.pages_1g = ram.limits_.pages_1g;
  w.user = who == accessor::user;
  w.implicit = who == accessor::processor;
  w.writes = has(wanted, axhal::access::write);
  w.fetches = wanted == axhal::access::execute;
  auto const expected = w.walk(linear);
  auto const found = translate(slow_context{&g}, ram, {linear}, wanted, who);
  if (expected.end == x86_guest_walker::end::page) {
    // One that uses an entry twice may have marked it under its own feet, and then begins again.
    require(found.has_value());
    require(found->value == expected.address);
    for (auto const& [at, value] : expected.marked) {
      bool const narrow = (g.cr4 & 0x20) == 0;
      require((*ram.get(at, narrow ? 4 : 8) & value) == value);
    }
    return;
  }
  require(!found);
  bool const outside = expected.end == x86_guest_walker::end::outside;
  require((found.error().why == access_refusal::kind::outside) == outside);
  if (outside) require(found.error().address.value == expected.address);
  if (!outside) require(found.error().event == exception_event(exception::pf, expected.code));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  fuzz_input input{data, size};
  machine m;
  sim_guest g;
  g.cr0 = input.next<std::uint32_t>() | (size % 8 != 0 ? 0x8000'0000 : 0);
  g.cr4 = input.next<std::uint32_t>();
  g.cr3 = input.next<std::uint16_t>();
  g.efer = input.next<std::uint16_t>();
  g.rflags = input.next<std::uint32_t>();
  g.cpl = input.next<std::uint8_t>() & 3U;
  g.code = static_cast<code_size>(input.next<std::uint8_t>() % 3);
  m.memory.limits_ = {static_cast<std::uint8_t>(32 + input.next<std::uint8_t>() % 21), (size & 1) != 0};
  for (auto& s : g.segments) {
    s = {.attributes = input.next<std::uint16_t>(),
         .limit = input.next<std::uint32_t>(),
         .base = input.next<std::uint32_t>()};
  }
  for (auto& r : g.gpr) r = input.next<std::uint16_t>();
  g.rip = input.next<std::uint64_t>();
  for (auto& a : m.answers) a = static_cast<resume>(input.next<std::uint8_t>() & 1U);
  // What input there is becomes entries, all over the RAM.
  std::uint64_t pattern[32];
  for (auto& p : pattern) {
    p = input.next<std::uint64_t>();
    if ((p & 0xf00) != 0) p = (p & ~0xf'ffff'ffff'f000ULL) | (p & 0x7000) | 1;
  }
  for (std::uint64_t at = 0; at < pages * 4096; at += sizeof pattern) {
    std::memcpy(m.memory.at({at}, sizeof pattern), pattern, sizeof pattern);
  }
  for (unsigned n = 0; n < 4; ++n) check_walk(input, g, m.memory);

  auto const code = fetch_instruction(slow_context{&g}, m.memory);
  require(!code || (code->size >= 1 && code->size <= 15));
  auto const what = static_cast<intercepted>(input.next<std::uint8_t>() % 39);
  auto const length = intercepted_length(slow_context{&g}, m, what);
  if (length) require(*length >= 1 && *length <= 15);
  if (!length) require(length.error() == resume::retry || length.error() == resume::stop);

  nested_fault const fault{{input.next<std::uint64_t>()},
                           static_cast<axhal::access>(1 + input.next<std::uint8_t>() % 7),
                           (input.next<std::uint8_t>() & 7) == 0};
  auto before = g;
  fast_context quick{&g};
  fast_handler<machine> h{m};
  auto const at_once = answer_device_access(quick, h, fault);
  require(g.stray_registers == 0);
  if (at_once == resume::slow) require(g == before);
  slow_context whole{&g};
  auto const answer = answer_device_access(whole, m, fault);
  require(answer == resume::retry || answer == resume::stop);
  return 0;
}
