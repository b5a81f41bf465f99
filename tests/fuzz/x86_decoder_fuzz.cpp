// SPDX-License-Identifier: BSL-1.0
// Any bytes in any mode, any registers: what is decoded is well formed and does not depend on bytes after it, fewer
// bytes are asked for and never misread, and the emulation ends, with a device that answers as it likes.
#include "support/fuzz_input.hpp"
#include "support/x86_64_emulated.hpp"

#include <axhal/arch/x86_64/intercepted_instruction.hpp>
#include <axhal/arch/x86_64/mmio_decoder.hpp>

#include <cstddef>
#include <cstdint>

using namespace axhal;
using namespace axhal::test;
using namespace axhal::test::x86;

namespace {

bool is_register(std::uint8_t n) { return n < 16 || n == memory_operand::no_register; }

void check_operand(memory_operand const& m, code_size mode) {
  require(is_register(m.index) && (is_register(m.base) || m.base == memory_operand::rip));
  require(m.base != memory_operand::rip || mode == code_size::bits_64);
  require(m.scale == 1 || m.scale == 2 || m.scale == 4 || m.scale == 8);
  require(m.address_size == 2 || m.address_size == 4 || m.address_size == 8);
  require((m.address_size == 8) <= (mode == code_size::bits_64));
  require((m.address_size == 2) <= (mode != code_size::bits_64));
  require(m.seg <= segment::gs);
  if (mode != code_size::bits_64) require(m.base != 8 && (m.base < 8 || m.base == memory_operand::no_register));
}

void check_instruction(instruction const& i, bytes code, code_size mode) {
  require(i.length >= 1 && i.length <= longest_instruction && i.length <= code.size);
  require(i.size == 1 || i.size == 2 || i.size == 4 || (i.size == 8 && mode == code_size::bits_64));
  require(i.reads_memory() || i.writes_memory());
  check_operand(i.memory, mode);
  bool const two = i.op == operation::movs || i.op == operation::cmps;
  require(two == (i.second != memory_operand{}));
  if (two) check_operand(i.second, mode);
  if (i.other == other_operand::reg) {
    require(i.reg.number < 16 && i.reg.size >= 1 && i.reg.size <= 8);
    require(!i.reg.high || (i.reg.size == 1 && i.reg.number < 4));
  }
  require((i.immediate & ~low_bits(8U * i.size)) == 0);
  require(i.rep == repeat::none || is_string(i.op));
  require(!i.lock || (i.reads_memory() && i.writes_memory()));
  // Neither bytes after it nor their lack matter; each byte of it is needed.
  require(decode_instruction(code.sub(0, i.length), mode) == i);
  for (std::size_t n = 0; n < i.length; ++n) {
    auto const cut = decode_instruction(code.sub(0, n), mode);
    require(!cut && cut.error() == undecoded::truncated);
  }
}

void check_intercepted(intercepted_instruction const& i, bytes code, code_size mode) {
  require(i.length >= 1 && i.length <= longest_instruction && i.length <= code.size);
  require(i.size == 0 || i.size == 1 || i.size == 2 || i.size == 4);
  require(i.reg.number < 16 && !i.reg.high);
  require(i.has_memory || i.memory == memory_operand{});
  if (i.has_memory) check_operand(i.memory, mode);
  require(i.rep == repeat::none || i.what == intercepted::ins || i.what == intercepted::outs);
  require(!decode_instruction(code, mode));  // no instruction is both
  require(decode_intercepted(code.sub(0, i.length), mode) == i);
  for (std::size_t n = 0; n < i.length; ++n) {
    auto const cut = decode_intercepted(code.sub(0, n), mode);
    require(!cut && cut.error() == undecoded::truncated);
  }
}

/// Answers anything, and completes reads with anything.
struct capricious {
  fuzz_input& input;
  unsigned told{};

  template <typename Guest, typename Exit>
  resume operator()(Guest& guest, Exit const& e) {
    ++told;
    auto const choice = input.next<std::uint8_t>();
    if constexpr (kind_of<Exit> == exit_kind::mmio_read) {
      require(e.size == 1 || e.size == 2 || e.size == 4 || e.size == 8);
      require(e.reg < 16 || e.reg == exit::mmio_read::no_register);
      require(e.register_size == 4 || e.register_size == 8);
      if ((choice & 1) == 0) guest.complete_read(e, input.next<std::uint64_t>());
    }
    if constexpr (kind_of<Exit> == exit_kind::mmio_write) require((e.value & ~low_bits(8U * e.size)) == 0);
    switch (choice >> 1) {
      case 0: return resume::retry;
      case 1: return resume::stop;
      default: return resume::next_instruction;
    }
  }
};

using memory = sim_memory<64>;

void emulate_it(instruction const& i, sim_cpu const& before, fuzz_input& input) {
  memory m{};
  m.device_to = ~std::uint64_t{0};
  if ((before.flags & 1) != 0) m.device_from = std::uint64_t{1} << 32;
  auto cpu = before;
  sim_view view{cpu};
  capricious handler{input};
  // As hardware would report the access, most of the time.
  std::uint64_t const bits = i.has_bit_offset() ? i.bit_distance(before.gpr(i.reg.number)) : 0;
  std::uint64_t const at = locate(before, i.memory, i.length, bits).linear.value;
  auto const noise = input.next<std::uint8_t>();
  auto const wanted = static_cast<access>((noise & 3) == 0 ? (i.writes_memory() ? 2 : 1) : noise & 3);
  auto const answer = emulate(cpu, view, m, handler, i, {{at + ((noise & 0x80) != 0 ? noise & 15U : 0)}, wanted});
  require(answer == resume::retry || answer == resume::stop);
  require(cpu.steps <= 1);
  require(handler.told <= 2 * string_batch);
  if (answer == resume::stop) require(cpu.steps == 0);
  if (!is_string(i.op)) {
    require(handler.told == 1 || handler.told == 2);
    if (cpu.steps == 0 && i.writes_memory() && i.reads_memory()) {
      for (unsigned n = 0; n < 16; ++n) require(cpu.regs[n] == before.regs[n]);
      require(cpu.flags == before.flags);
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  fuzz_input input{data, size};
  while (!input.empty()) {
    auto const mode = static_cast<code_size>(input.next<std::uint8_t>() % 3);
    std::uint8_t code[longest_instruction + 2];
    for (auto& b : code) b = input.next<std::uint8_t>();
    sim_cpu cpu{.ip = input.next<std::uint64_t>(), .flags = input.next<std::uint64_t>(), .mode = mode};
    for (auto& r : cpu.regs) r = input.next<std::uint64_t>();
    for (auto& b : cpu.bases) b = input.next<std::uint32_t>();
    bytes const all{code, sizeof code};
    if (auto const x = decode_intercepted(all, mode)) {
      check_intercepted(*x, all, mode);
    } else {
      require(x.error() != undecoded::truncated);
    }
    auto const i = decode_instruction(all, mode);
    if (!i) {
      require(i.error() != undecoded::truncated);  // there are 17 bytes
      continue;
    }
    check_instruction(*i, all, mode);
    emulate_it(*i, cpu, input);
  }
  return 0;
}
