// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace axhal::test {

/// One interrupt file of an IMSIC, written from the RISC-V Advanced Interrupt Architecture ("Incoming MSI Controller")
/// for tests: it shares no code with the drivers it checks.
struct simulated_file {
  explicit simulated_file(unsigned identities = 255)
      : count{identities}, eip((identities + 1) / 64), eie((identities + 1) / 64) {}

  unsigned count;  ///< identities 1..count; one less than a multiple of 64
  std::uint64_t eidelivery{};
  std::uint64_t eithreshold{};
  std::vector<std::uint64_t> eip;
  std::vector<std::uint64_t> eie;

  /// A write of `n` to seteipnum_le.
  void message(std::uint32_t n) {
    if (n != 0 && n <= count) eip[n / 64] |= std::uint64_t{1} << n % 64;
  }
  /// stopei without its claim.
  std::uint32_t top() const {
    std::uint64_t const limit = eithreshold == 0 ? count + 1 : eithreshold;
    for (std::uint32_t n = 1; n < limit && n <= count; ++n) {
      if ((eip[n / 64] & eie[n / 64]) >> n % 64 & 1) return n << 16 | n;
    }
    return 0;
  }
  std::uint32_t claim() {
    std::uint32_t const value = top();
    if (value != 0) eip[value % 0x800 / 64] &= ~(std::uint64_t{1} << value % 64);
    return value;
  }
  bool output() const { return eidelivery == 1 && top() != 0; }

  /// What sireg is for this value of siselect; `null` where the access is illegal.
  std::uint64_t* at(std::uint64_t select) {
    static std::uint64_t zero;
    zero = 0;
    if (select == 0x70) return &eidelivery;
    if (select == 0x72) return &eithreshold;
    if (select > 0x70 && select < 0x80) return &zero;
    if (select < 0x80 || select > 0xff || select % 2 != 0) return nullptr;
    auto& array = select < 0xc0 ? eip : eie;
    auto const word = select % 0x40 / 2;
    return word < array.size() ? &array[word] : &zero;
  }
  void settle() {
    // WARL: two values of eidelivery, no identity 0.
    eidelivery &= 1;
    eithreshold &= 0x7ff;
    eip[0] &= ~std::uint64_t{1};
    eie[0] &= ~std::uint64_t{1};
  }
};

/// The IMSIC of one hart: file 0 is the supervisor's, the others are guests'.
struct simulated_imsic {
  explicit simulated_imsic(unsigned guests = 0, unsigned identities = 255)
      : files(guests + 1, simulated_file{identities}) {}
  std::vector<simulated_file> files;
  [[nodiscard]] std::uint64_t hgeip() const {
    std::uint64_t found = 0;
    for (std::size_t i = 1; i < files.size(); ++i) found |= std::uint64_t{files[i].output()} << i;
    return found;
  }
};

}  // namespace axhal::test
