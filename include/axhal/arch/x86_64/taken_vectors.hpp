// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/core/result.hpp>

#include <atomic>
#include <bit>
#include <cstdint>

namespace axhal::x86_64 {

/// There is no such vector.
struct no_vector {
  friend constexpr bool operator==(no_vector, no_vector) = default;
};

/// The vectors that one CPU has taken and nobody has asked for. A gate remembers its vector and returns; whoever serves
/// interrupts takes them from here, the highest first, as the local APIC has them in service.
class vector_set {
 public:
  void remember(std::uint8_t vector) {
    words_[vector / 64].fetch_or(std::uint64_t{1} << (vector % 64), std::memory_order_relaxed);
  }
  /// The highest, which is then forgotten.
  [[nodiscard]] result<std::uint8_t, no_vector> take() {
    for (unsigned i = 4; i-- > 0;) {
      std::uint64_t const word = words_[i].load(std::memory_order_relaxed);
      if (word == 0) continue;
      auto const bit = static_cast<unsigned>(std::bit_width(word) - 1);
      words_[i].fetch_and(~(std::uint64_t{1} << bit), std::memory_order_relaxed);
      return static_cast<std::uint8_t>(i * 64 + bit);
    }
    return failure{no_vector{}};
  }
  [[nodiscard]] bool contains(std::uint8_t vector) const {
    return (words_[vector / 64].load(std::memory_order_relaxed) >> (vector % 64) & 1) != 0;
  }

 private:
  std::atomic<std::uint64_t> words_[4]{};
};

/// The vector set that the gates of world_switch_host.hpp fill. A program with several CPUs has one for each behind its
/// per-CPU base; this library's gates know one, the booting CPU's.
struct taken_vectors {
  static void remember(std::uint8_t vector) { set().remember(vector); }
  [[nodiscard]] static result<std::uint8_t, no_vector> take() { return set().take(); }
  [[nodiscard]] static vector_set& set() {
    static constinit vector_set vectors;
    return vectors;
  }
};

}  // namespace axhal::x86_64
