// SPDX-License-Identifier: BSL-1.0
// Any word, any registers: the decoder's answer is one that the emulation can act on, and its arithmetic is defined.
#include <axhal/arch/aarch64/mmio_decoder.hpp>

#include "support/fuzz_input.hpp"

#include <cstdint>
#include <cstring>

using axhal::aarch64::decode_load_store;
using axhal::aarch64::load_store;

namespace {

using axhal::test::require;

void check(std::uint32_t word, std::uint64_t base, std::uint64_t index) {
  auto const decoded = decode_load_store(word);
  if (!decoded) return;
  load_store const& a = *decoded;
  require((word >> 25 & 5) == 4);
  require(a.size == 1 || a.size == 2 || a.size == 4 || a.size == 8);
  require(a.register_size == 4 || a.register_size == 8);
  require(a.size <= a.register_size);
  require(a.rt < 32 && a.rt2 < 32 && a.rn < 32 && a.rm < 32);
  require(a.total() == (a.pair ? 2U : 1U) * a.size);
  require(!a.pair || a.size >= 4);
  require(a.load || !a.sign_extend);
  require(!(a.pair && a.load && a.rt == a.rt2));
  require(!(a.writes_base() && a.rn != 31 && a.rn == a.rt));
  require(a.mode == load_store::addressing::register_offset || (a.rm == 0 && a.shift == 0));
  require(a.shift <= 3);
  std::uint64_t const at = a.address(base, index);
  if (a.mode == load_store::addressing::pre_index) require(at == a.new_base(base));
  if (a.mode == load_store::addressing::post_index) require(at == base);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  for (; size >= 20; data += 20, size -= 20) {
    std::uint32_t word;
    std::uint64_t base;
    std::uint64_t index;
    std::memcpy(&word, data, 4);
    std::memcpy(&base, data + 4, 8);
    std::memcpy(&index, data + 12, 8);
    check(word, base, index);
    check((word & ~0x0200'0000U) | 0x0800'0000U, base, index);  // inside the load/store space
  }
  return 0;
}
