// SPDX-License-Identifier: BSL-1.0
// Arbitrary accesses of a guest to its PLIC, mixed with what devices do: the same happens as in a slow and simple one.
#include <axhal/arch/riscv64/vplic.hpp>

#include "support/fuzz_input.hpp"
#include "support/plic_model.hpp"

#include <cstddef>
#include <cstdint>

namespace {

using axhal::test::require;

class input {
 public:
  input(std::uint8_t const* data, std::size_t size) : data_{data}, size_{size} {}
  [[nodiscard]] bool empty() const { return size_ == 0; }
  std::uint8_t byte() {
    if (size_ == 0) return 0;
    --size_;
    return *data_++;
  }
  std::uint64_t number(unsigned bytes) {
    std::uint64_t n = 0;
    for (unsigned i = 0; i < bytes; ++i) n = n << 8 | byte();
    return n;
  }

 private:
  std::uint8_t const* data_;
  std::size_t size_;
};

template <unsigned Vcpus, unsigned Sources>
void run(input in) {
  axhal::riscv64::vplic<Vcpus, Sources> plic;
  axhal::test::plic_model model{Vcpus, Sources};
  std::uint64_t told = 0;
  for (unsigned turn = 0; !in.empty() && turn < 100; ++turn) {
    std::uint8_t const op = in.byte();
    std::uint64_t const page = 0x20'0000 + 0x1000 * (1 + 2 * std::uint64_t{in.byte() % Vcpus});
    unsigned bytes = 4;
    std::uint64_t offset = page + 4;
    bool access = true;
    switch (op % 8) {
      case 0: {
        std::uint32_t const source = in.byte() % (Sources + 3);
        plic.set_level({source}, (op & 8) != 0);
        model.set_level(source, (op & 8) != 0);
        access = false;
        break;
      }
      case 1: {
        std::uint32_t const source = in.byte() % (Sources + 3);
        plic.pulse({source});
        model.pulse(source);
        access = false;
        break;
      }
      case 2: offset = 4 * (in.byte() % (Sources + 3)); break;
      case 3: offset = 0x2000 + 0x80 * (in.byte() % (2 * Vcpus + 2)) + 4 * (in.byte() % 5); break;
      case 4: offset = (op & 16) != 0 ? page : 0x1000 + 4 * (in.byte() % 5); break;
      case 5:
        offset = in.number(op & 16 ? 3 : 8);
        bytes = in.byte();
        break;
      case 6:
        if (op == 0xfe) {
          plic.reset();
          model.reset();
          access = false;
        }
        break;
      default: break;
    }
    if (access && (op & 64) != 0) {
      require(plic.read(offset, bytes) == model.read(offset, bytes));
    } else if (access) {
      std::uint64_t const value = in.number(op & 128 ? 8 : 1);
      plic.write(offset, bytes, value);
      model.write(offset, bytes, static_cast<std::uint32_t>(value));
    }
    std::uint64_t now = 0;
    for (std::uint32_t v = 0; v < Vcpus; ++v) {
      require(plic.external_level({v}) == model.external_level(v));
      now |= std::uint64_t{plic.external_level({v})} << v;
    }
    require(((now ^ told) & ~plic.take_changed()) == 0);
    told = now;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  run<1, 31>({data, size});
  run<3, 95>({data, size});
  return 0;
}
