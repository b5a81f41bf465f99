// SPDX-License-Identifier: BSL-1.0
// A clock that may be either kind is told which: nothing is guessed.
// EXPECT: deadline_choice
#include <axhal/arch/riscv64/hart_clock.hpp>

#include <cstdint>

struct registers {
  template <axhal::riscv64::csr>
  static std::uint64_t read() {
    return 0;
  }
  template <axhal::riscv64::csr>
  static void write(std::uint64_t) {}
  template <axhal::riscv64::csr>
  static void set(std::uint64_t) {}
  template <axhal::riscv64::csr>
  static void clear(std::uint64_t) {}
  static axhal::riscv64::sbi_return sbi_call(std::uint64_t, std::uint64_t, std::uint64_t, std::uint64_t, std::uint64_t,
                                             std::uint64_t, std::uint64_t, std::uint64_t) {
    return {};
  }
};

#if defined(AXHAL_CORRECT)
axhal::riscv64::either_clock<registers> timebase{axhal::hertz{10'000'000}, true};
#else
axhal::riscv64::either_clock<registers> timebase{axhal::hertz{10'000'000}};
#endif
