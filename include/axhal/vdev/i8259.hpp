// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/vdev/byte_ports.hpp>
#include <axhal/vdev/i8259_chip.hpp>

#include <cstdint>

namespace axhal::vdev {

/// The two cascaded 8259As of a PC as a guest sees them (Intel 8259A data sheet, and for edge/level control the
/// registers at 0x4d0 of later chip sets): lines 0 to 7 are the master's, 8 to 15 the slave's, whose INT is the
/// master's line 2.
///
///     device -> set_level(line) -> output(): INTR -> the CPU takes it -> acknowledge(): the vector
///
/// As on silicon a request lasts no longer than its line: when it is gone before the CPU acknowledges, the vector is
/// the spurious one of line 7, which is in no service register. (A spurious 15 would need a request that goes while it
/// is being acknowledged; that takes no time here.) A device that pulses keeps its line up between pulses, as the timer
/// does, and lowers it just before it raises it. Until a guest has set a chip up (ICW1 to ICW4) it asks for nothing.
/// The CALL sequence of the 8080 is not there: a guest that asks for it gets vectors. Without the cascade bit in the
/// master's ICW3, or with another identity than 2 in the slave's, nobody answers for the slave: the vector is 0xff.
///
/// `output` is a level: sample it after every call; a read may change it as well, by a poll command. Not synchronised:
/// the owner holds one lock per guest around each call; only `output` may be asked without, to be asked again within.
class i8259_pair {
 public:
  static constexpr unsigned line_count = 16;
  static constexpr unsigned cascade = 2;
  static constexpr std::uint16_t master_port = 0x20;  ///< two ports
  static constexpr std::uint16_t slave_port = 0xa0;   ///< two ports
  static constexpr std::uint16_t elcr_port = 0x4d0;   ///< two ports: the master's byte and the slave's

  constexpr i8259_pair() { master_.set_slaves(1U << cascade); }

  /// Power comes; lines keep what devices drive.
  constexpr void reset() {
    std::uint16_t const lines = lines_;
    *this = i8259_pair{};
    for (unsigned line = 0; line < line_count; ++line) set_level(line, (lines >> line & 1) != 0);
  }

  // --- what the guest does; offsets are those of ports from the chip's first one, and what is not there reads ones ---

  [[nodiscard]] constexpr std::uint64_t read_master(std::uint64_t offset, unsigned bytes) {
    std::uint64_t const value = load(master_, offset, bytes);
    update();
    return value;
  }
  constexpr void write_master(std::uint64_t offset, unsigned bytes, std::uint64_t value) {
    store(master_, offset, bytes, value);
  }
  [[nodiscard]] constexpr std::uint64_t read_slave(std::uint64_t offset, unsigned bytes) {
    bool const polled = slave_.is_polled();
    std::uint64_t const value = load(slave_, offset, bytes);
    // INT falls while the slave is acknowledged.
    if (polled && !slave_.is_polled()) master_.set_level(cascade, false);
    update();
    return value;
  }
  constexpr void write_slave(std::uint64_t offset, unsigned bytes, std::uint64_t value) {
    store(slave_, offset, bytes, value);
  }
  /// The registers that make lines level-triggered. Lines 0, 1, 2, 8 and 13 are always edge-triggered.
  [[nodiscard]] constexpr std::uint64_t read_elcr(std::uint64_t offset, unsigned bytes) const {
    return detail::read_bytes(offset, bytes, 2, [this](unsigned at) { return (at == 0 ? master_ : slave_).elcr(); });
  }
  constexpr void write_elcr(std::uint64_t offset, unsigned bytes, std::uint64_t value) {
    detail::write_bytes(offset, bytes, 2, value, [this](unsigned at, std::uint8_t byte) {
      if (at == 0) {
        master_.set_elcr(byte & 0xf8);
      } else {
        slave_.set_elcr(byte & 0xde);
      }
    });
    update();
  }

  // --- what devices and the CPU do ---

  /// A device drives its line. Line 2 is the slave's, and lines past 15 are not there: ignored.
  constexpr void set_level(unsigned line, bool up) {
    if (line >= line_count || line == cascade) return;
    auto const bit = static_cast<std::uint16_t>(1U << line);
    lines_ = static_cast<std::uint16_t>(up ? lines_ | bit : lines_ & ~bit);
    if (line < 8) {
      master_.set_level(line, up);
    } else {
      slave_.set_level(line - 8, up);
    }
    update();
  }
  /// The level of INTR.
  [[nodiscard]] constexpr bool output() const { return output_; }
  /// The CPU acknowledges (INTA): the vector, and what it stands for is in service. Any time: when nothing asks, it is
  /// the spurious vector of the master's line 7.
  constexpr std::uint8_t acknowledge() {
    unsigned const line = master_.request();
    std::uint8_t vector = master_.vector(7);
    if (line < 8) {
      master_.acknowledge(line);
      vector = line == cascade && has_cascade() ? acknowledge_slave() : master_.vector(line);
    }
    update();
    return vector;
  }

  /// What the guest has masked, a bit for each line: for an owner that wants to know whether it uses the pair at all.
  [[nodiscard]] constexpr std::uint16_t masked() const {
    return static_cast<std::uint16_t>(master_.imr() | slave_.imr() << 8);
  }

 private:
  static constexpr std::uint64_t load(i8259_chip& chip, std::uint64_t offset, unsigned bytes) {
    return detail::read_bytes(offset, bytes, 2, [&chip](unsigned a0) { return chip.read(a0); });
  }
  constexpr void store(i8259_chip& chip, std::uint64_t offset, unsigned bytes, std::uint64_t value) {
    detail::write_bytes(offset, bytes, 2, value, [&chip](unsigned a0, std::uint8_t byte) { chip.write(a0, byte); });
    update();
  }

  [[nodiscard]] constexpr bool has_cascade() const { return (master_.icw3() >> cascade & 1) != 0; }
  constexpr std::uint8_t acknowledge_slave() {
    unsigned const line = slave_.request();
    std::uint8_t vector = 0xff;
    if ((slave_.icw3() & 7) == cascade) {
      vector = slave_.vector(7);
      if (line < 8) {
        slave_.acknowledge(line);
        vector = slave_.vector(line);
      }
    }
    // INT falls with INTA, so that what waits behind is an edge for the master.
    master_.set_level(cascade, false);
    return vector;
  }

  /// The slave's INT is the master's line 2, and the master's is INTR.
  constexpr void update() {
    master_.set_level(cascade, slave_.output());
    output_ = master_.output();
  }

  i8259_chip master_{};
  i8259_chip slave_{};
  std::uint16_t lines_{};
  bool output_{};
};

}  // namespace axhal::vdev
