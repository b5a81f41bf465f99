// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/core/mmio.hpp>

#include <cstdint>
#include <map>
#include <ostream>
#include <vector>

namespace axhal::test {

/// One access to a device window.
struct mmio_access {
  char direction;  ///< 'r' or 'w'
  unsigned width;  ///< bytes
  std::uint64_t offset;
  std::uint32_t value;
  friend bool operator==(mmio_access const&, mmio_access const&) = default;
  friend std::ostream& operator<<(std::ostream& out, mmio_access const& a) {
    return out << a.direction << a.width * 8 << "[0x" << std::hex << a.offset << "]=0x" << a.value << std::dec;
  }
};

/// What a recorder has seen, and what it answers.
struct mmio_log {
  std::vector<mmio_access> accesses;
  std::map<std::uint64_t, std::vector<std::uint32_t>> answers;  ///< by offset, used up in order; the last one stays

  std::uint32_t answer(std::uint64_t offset) {
    auto const found = answers.find(offset);
    if (found == answers.end() || found->second.empty()) return 0;
    std::uint32_t const value = found->second.front();
    if (found->second.size() > 1) found->second.erase(found->second.begin());
    return value;
  }
};

/// A window that writes down every access and answers reads from a script.
struct mmio_recorder {
  mmio_log* log;

  std::uint8_t read8(std::uint64_t offset) { return static_cast<std::uint8_t>(read(1, offset)); }
  std::uint32_t read32(std::uint64_t offset) { return read(4, offset); }
  void write8(std::uint64_t offset, std::uint8_t value) { log->accesses.push_back({'w', 1, offset, value}); }
  void write32(std::uint64_t offset, std::uint32_t value) { log->accesses.push_back({'w', 4, offset, value}); }

 private:
  std::uint32_t read(unsigned width, std::uint64_t offset) {
    std::uint32_t const value = log->answer(offset);
    log->accesses.push_back({'r', width, offset, value});
    return value;
  }
};
static_assert(MmioWindow<mmio_recorder>);

}  // namespace axhal::test
