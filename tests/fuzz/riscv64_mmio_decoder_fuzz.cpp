// SPDX-License-Identifier: BSL-1.0
// Any word, any registers: the decoder's answer is one that the emulation can act on, its arithmetic is defined, and
// what htinst would say of the instruction is the same access.
#include <axhal/arch/riscv64/exit_scause.hpp>
#include <axhal/arch/riscv64/mmio_decoder.hpp>

#include "support/fuzz_input.hpp"

#include <cstdint>
#include <cstring>

using namespace axhal;
using namespace axhal::riscv64;

namespace {

using axhal::test::require;

/// The transformed instruction of `a` as the manual builds it from the 32-bit equivalent, `distance` bytes in.
std::uint64_t transformed(load_store const& a, std::uint32_t distance) {
  unsigned log2 = 0;
  while (1U << log2 != a.size) ++log2;
  std::uint32_t word = distance << 15;
  switch (a.what) {
    case load_store::kind::load:
      word |= 0x03 | std::uint32_t{a.rd} << 7 | log2 << 12 | (a.sign_extend ? 0U : 1U << 14);
      if (a.size == 8) word &= ~(1U << 14);
      break;
    case load_store::kind::store: word |= 0x23 | std::uint32_t{a.rs2} << 20 | log2 << 12; break;
    case load_store::kind::amo:
      word |= 0x2f | std::uint32_t{a.rd} << 7 | log2 << 12 | std::uint32_t{a.rs2} << 20 |
              static_cast<std::uint32_t>(a.op) << 27;
      break;
  }
  return a.length == 2 ? word & ~2U : word;
}

void check(std::uint32_t word, std::uint64_t base, std::uint64_t operand) {
  auto const decoded = decode_load_store(word);
  if (!decoded) return;
  load_store const& a = *decoded;
  require(a.size == 1 || a.size == 2 || a.size == 4 || a.size == 8);
  require(a.rd < 32 && a.rs1 < 32 && a.rs2 < 32);
  require(a.length == instruction_size(word));
  require(a.immediate >= -2048 && a.immediate <= 2047);
  require(a.length == 4 || (a.immediate >= 0 && a.immediate <= 504 && a.immediate % a.size == 0));
  require(a.what != load_store::kind::store || (a.rd == 0 && !a.sign_extend));
  require(a.what != load_store::kind::load || a.rs2 == 0);
  require(a.what != load_store::kind::amo || (a.immediate == 0 && a.sign_extend));
  require(!uses_fp(word) && !uses_vector(word) && !is_csr_instruction(word));
  require(a.address(base) - base == static_cast<std::uint64_t>(std::int64_t{a.immediate}));
  if (a.what == load_store::kind::amo) {
    // What is written is one of the two, or made bit by bit, or the sum; and all of it is known from the low bytes.
    std::uint64_t const written = truncated(a.combined(base, operand), a.size);
    require(written == truncated(a.combined(truncated(base, a.size), truncated(operand, a.size)), a.size));
  }
  auto const distance = static_cast<std::uint32_t>(operand & 31);
  auto const described = decode_transformed(transformed(a, distance));
  require(described.has_value());
  auto expected = a;
  expected.rs1 = 0;
  expected.immediate = 0;
  require(described->access == expected && described->distance == distance);
  std::uint64_t const cause = a.what == load_store::kind::load ? 21 : 23;
  bool const direct = a.what != load_store::kind::amo && distance == 0 && base % a.size == 0;
  require(is_device_access(cause, transformed(a, distance), base) == direct);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  constexpr std::uint32_t opcodes[] = {0x03, 0x23, 0x2f, 0x07};
  for (; size >= 20; data += 20, size -= 20) {
    std::uint32_t word;
    std::uint64_t base;
    std::uint64_t operand;
    std::memcpy(&word, data, 4);
    std::memcpy(&base, data + 4, 8);
    std::memcpy(&operand, data + 12, 8);
    check(word, base, operand);
    check((word & ~0x7fU) | opcodes[word & 3], base, operand);  // among loads, stores and AMOs
    check(word & 0xffff & ~1U, base, operand);                  // among compressed ones
    (void)decode_transformed(base);
  }
  return 0;
}
