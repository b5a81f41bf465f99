// SPDX-License-Identifier: BSL-1.0
// Arbitrary accesses of a guest to its distributor and CPU interface, mixed with what devices and the hypervisor do.
// The drivers must never do what the GIC architecture forbids, and what is pending and enabled must reach the guest.
#include <axhal/arch/aarch64/vgic_v2.hpp>

#include "support/fuzz_input.hpp"
#include "support/gic_v2_machine.hpp"

#include <cstddef>
#include <cstdint>

namespace {

using axhal::test::require;

using machine = axhal::test::gic_v2_machine<3, 64>;

class input {
 public:
  input(std::uint8_t const* data, std::size_t size) : data_{data}, size_{size} {}
  [[nodiscard]] bool empty() const { return size_ == 0; }
  std::uint8_t byte() {
    if (size_ == 0) return 0;
    --size_;
    return *data_++;
  }
  std::uint32_t word() {
    std::uint32_t w = 0;
    for (int i = 0; i < 4; ++i) w = w << 8 | byte();
    return w;
  }

 private:
  std::uint8_t const* data_;
  std::size_t size_;
};

/// A guest that takes and completes on every CPU until all is quiet.
void drain(machine& m) {
  for (unsigned v = 0; v < 3; ++v) {
    m.on(v);
    m.hardware.write_guest(0x00, 3 | 1U << 2);  // both groups, acknowledged by one register
    m.hardware.write_guest(0x04, 0xff);
  }
  for (unsigned turn = 0; turn < 400; ++turn) {
    bool quiet = true;
    for (unsigned v = 0; v < 3; ++v) {
      m.on(v);
      m.round_trip();
      if (std::uint32_t const raw = m.take(); raw != 1023) {
        quiet = false;
        // Devices are satisfied by their handlers.
        m.vgic.lower({raw & 0x3ff});
        m.vgic.lower(m.self(), {raw & 0x3ff});
        if ((raw & 0x3ff) == 27) m.hardware.set_line(27, false);
        m.finish(raw);
      }
    }
    if (quiet) return;
  }
  require(false);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  input in{data, size};
  machine m{3, 1U + in.byte() % 4};
  for (unsigned v = 0; v < 3; ++v) {
    m.on(v);
    static_cast<void>(m.gic.enable({27}));
  }
  m.on(0);
  m.open_distributor();
  std::uint32_t taken[3][64]{};
  unsigned depth[3]{};

  while (!in.empty()) {
    std::uint8_t const op = in.byte();
    m.on(in.byte() % 3);
    unsigned const v = m.hardware.cpu;
    switch (op % 16) {
      case 0:
      case 1:
      case 2: {
        std::uint64_t const offset = in.word() & 0x1fff;
        std::uint32_t const kick =
            m.vgic.write(m.self(), m.lr(), offset & ~std::uint64_t{op & 16 ? 0U : 3U}, op & 32 ? 1 : 4, in.word());
        require(kick < 8 && (kick >> v & 1) == 0);
        break;
      }
      case 3: {
        std::uint64_t const offset = in.word();
        std::uint8_t const bytes = in.byte();
        std::uint64_t const value = m.vgic.read(m.self(), m.lr(), offset, bytes);
        require(bytes == 1 ? value < 0x100 : bytes == 4 || value == 0);
        break;
      }
      case 4: static_cast<void>(m.vgic.write(m.self(), in.word(), in.byte(), in.word())); break;
      case 5: m.vgic.raise({32U + in.byte() % 70}); break;
      case 6: m.vgic.lower({32U + in.byte() % 70}); break;
      case 7: m.vgic.pulse({32U + in.byte() % 64}); break;
      case 8: m.vgic.set_level(m.self(), {in.byte() % 40U}, op & 16); break;
      case 9:
      case 10: m.round_trip(); break;
      case 11:
        // The timer, as an integrator wires it.
        m.hardware.set_line(27, true);
        if (auto const claimed = m.gic.claim(); claimed) {
          m.gic.drop_priority(*claimed);
          m.vgic.raise_hardware(m.self(), {27}, {27});
        }
        m.hardware.set_line(27, (op & 16) != 0);
        break;
      case 12:
      case 13:
        if (std::uint32_t const raw = m.take(); raw != 1023 && depth[v] < 64) taken[v][depth[v]++] = raw;
        break;
      case 14:
        if (depth[v] > 0) m.finish(taken[v][--depth[v]]);
        break;
      default:
        if (m.vgic.lower_hardware(m.self(), m.lr(), {27})) m.gic.deactivate(axhal::irq_number{27});
        break;
    }
    require(m.hardware.mistakes.empty());
  }

  // Whatever it has done: a guest that sets up its distributor afresh gets every interrupt.
  for (unsigned v = 0; v < 3; ++v) {
    m.on(v);
    while (depth[v] > 0) m.finish(taken[v][--depth[v]]);
  }
  for (unsigned v = 0; v < 3; ++v) {
    m.on(v);
    for (std::uint64_t const word : {0U, 4U, 8U}) {
      m.store(0x380 + word, ~0U);
      m.store(0x280 + word, ~0U);
      m.store(0x080 + word, 0);
      m.store(0x100 + word, ~0U);
      for (std::uint64_t i = 0; i < 32; i += 4) m.store(0x400 + word * 8 + i, 0xa0a0'a0a0);
    }
    for (std::uint64_t i = 0; i < 64; i += 4) m.store(0x820 + i, 0x0101'0101);
    m.store(0xc08, 0);
    m.store(0x000, 3);
  }
  for (unsigned v = 0; v < 3; ++v) {
    m.on(v);
    m.enter();
  }
  drain(m);
  for (std::uint32_t irq = 32; irq < 96; ++irq) {
    m.vgic.lower({irq});
    m.vgic.raise({irq});
  }
  m.on(0);
  std::uint64_t seen = 0;
  for (unsigned turn = 0; turn < 200; ++turn) {
    m.round_trip();
    std::uint32_t const raw = m.take();
    if (raw == 1023) continue;
    // Nothing but the lines that were raised: what was pending before was drained.
    require(raw >= 32 && raw < 96);
    seen |= std::uint64_t{1} << (raw - 32);
    m.vgic.lower({raw});
    m.finish(raw);
  }
  require(seen == ~std::uint64_t{0});
  require(m.hardware.mistakes.empty());
  return 0;
}
