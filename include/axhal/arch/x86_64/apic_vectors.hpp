// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/core/result.hpp>

#include <atomic>
#include <cstdint>

namespace axhal::x86_64 {

/// How the vectors of all CPUs are used. The upper four bits are a class: a CPU that serves one takes only vectors of a
/// higher class (Intel SDM vol. 3, "Interrupt, Task, and Processor Priority").
namespace apic_vector {
inline constexpr std::uint8_t exceptions = 0x00;  ///< 32 of the CPU's own
inline constexpr std::uint8_t legacy = 0x20;      ///< 16 that the masked 8259s may still make, when they make nothing
inline constexpr std::uint8_t first_line = 0x30;  ///< lines: 12 classes of 16
inline constexpr std::uint8_t last_line = 0xef;
inline constexpr std::uint8_t first_ipi = 0xf0;  ///< 8 between CPUs
inline constexpr std::uint8_t timer = 0xf8;
inline constexpr std::uint8_t thermal = 0xf9;
inline constexpr std::uint8_t performance = 0xfa;
inline constexpr std::uint8_t cmci = 0xfb;
inline constexpr std::uint8_t error = 0xfe;
inline constexpr std::uint8_t spurious = 0xff;
}  // namespace apic_vector

/// Which line has which vector, so that more urgent lines have higher ones.
///
/// There are 12 levels, as there are classes. A line gets a vector of its level's class; when the class is full, one of
/// a neighbour's that keeps the order among all lines. Vectors are the machine's and not a CPU's: the end of a
/// level-triggered interrupt is told to I/O APICs by the vector alone, and must not mean two lines.
///
/// A vector that a line had before stays the line's, as an interrupt may still be on its way with it, until no other
/// one is left. `allocate` and `retire` for one CPU at a time; `line_of` for everybody.
class apic_vector_pool {
 public:
  static constexpr unsigned level_count = 12;
  static constexpr std::uint32_t no_line = ~std::uint32_t{0};

  constexpr apic_vector_pool() {
    for (auto& line : lines_) line.store(no_line, std::memory_order_relaxed);
  }

  /// The level of priority 0 (most urgent, 11) to 255 (0).
  [[nodiscard]] static constexpr unsigned level_of(std::uint8_t priority) {
    return level_count - 1 - priority * level_count / 256;
  }
  /// The line whose interrupts come with `vector`, or came until lately; `no_line` when it is nobody's.
  [[nodiscard]] std::uint32_t line_of(std::uint8_t vector) const {
    return lines_[vector].load(std::memory_order_relaxed);
  }

  /// Gives `line` a vector at `level` (below `level_count`); 0 when all that would keep the order are taken.
  [[nodiscard]] std::uint8_t allocate(std::uint32_t line, unsigned level) {
    if (level >= level_count) return 0;
    unsigned above = apic_vector::first_line;
    unsigned below = apic_vector::last_line;
    for (unsigned v = apic_vector::first_line; v <= apic_vector::last_line; ++v) {
      if (!current_[v]) continue;
      if (levels_[v] < level) above = v + 1;
      if (levels_[v] > level && v <= below) below = v - 1;
    }
    unsigned const home = apic_vector::first_line + level * class_size;
    // One that was never used first: what is on its way with an old one would be taken for the new line's.
    constexpr bool never_used_then_old[] = {false, true};
    for (bool const old : never_used_then_old) {
      for (unsigned i = 0; i < class_size; ++i) {
        if (is_free(home + i, above, below, old)) return give(home + i, line, level);
      }
      for (unsigned away = 0; away < size; ++away) {
        if (is_free(home + class_size + away, above, below, old)) return give(home + class_size + away, line, level);
        if (away < home && is_free(home - 1 - away, above, below, old)) return give(home - 1 - away, line, level);
      }
    }
    return 0;
  }
  /// The line has no need of `vector` any more. What comes with it is still the line's.
  void retire(std::uint8_t vector) { current_[vector] = false; }
  /// Takes `retire` back.
  void keep(std::uint8_t vector) { current_[vector] = true; }

 private:
  static constexpr unsigned class_size = 16;
  static constexpr unsigned size = 256;

  [[nodiscard]] bool is_free(unsigned vector, unsigned above, unsigned below, bool old) const {
    if (vector >= size || vector < above || vector > below || current_[vector]) return false;
    return old || lines_[vector].load(std::memory_order_relaxed) == no_line;
  }
  [[nodiscard]] std::uint8_t give(unsigned vector, std::uint32_t line, unsigned level) {
    unsigned const v = vector % size;
    lines_[v].store(line, std::memory_order_relaxed);
    levels_[v] = static_cast<std::uint8_t>(level);
    current_[v] = true;
    return static_cast<std::uint8_t>(v);
  }

  std::atomic<std::uint32_t> lines_[size];
  std::uint8_t levels_[size]{};
  bool current_[size]{};
};

}  // namespace axhal::x86_64
