// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/arch/riscv64/csr.hpp>
#include <axhal/core/bit_field.hpp>
#include <axhal/core/result.hpp>

#include <bit>
#include <cstdint>

namespace axhal::riscv64 {

/// Why there is no guest interrupt file.
enum class guest_file_error : std::uint8_t {
  none_free,     ///< all of this hart's files are taken
  out_of_range,  ///< no such file, or it is not taken
};

/// The guest interrupt files of one hart's IMSIC (RISC-V Privileged Architecture, "Hypervisor Guest External Interrupt
/// Registers (hgeip and hgeie)"): how many there are, and which vCPU has which. A file's number is what hstatus.VGEIN
/// and an MSI's guest index are. One object for each hart, to be used on that hart.
template <CsrAccess Hart>
class guest_files {
 public:
  /// Finds out how many there are (GEILEN), and lets none of them interrupt the host. None is taken.
  void init() {
    Hart::template write<csr::hgeie>(~std::uint64_t{0});
    all_ = Hart::template read<csr::hgeie>() & ~std::uint64_t{1};
    Hart::template write<csr::hgeie>(0);
    free_ = all_;
  }
  /// How many there are, 0 to 63; they are numbered from 1.
  [[nodiscard]] unsigned count() const { return static_cast<unsigned>(std::popcount(all_)); }
  /// How many of them are not taken.
  [[nodiscard]] unsigned free_count() const { return static_cast<unsigned>(std::popcount(free_)); }

  /// Takes the lowest free file. What is in it is not changed.
  [[nodiscard]] result<unsigned, guest_file_error> allocate() {
    if (free_ == 0) return failure{guest_file_error::none_free};
    auto const n = static_cast<unsigned>(std::countr_zero(free_));
    free_ &= free_ - 1;
    return n;
  }
  /// Gives it back; it does not interrupt the host any more.
  result<void, guest_file_error> release(unsigned n) {
    if (!is_taken(n)) return failure{guest_file_error::out_of_range};
    Hart::template clear<csr::hgeie>(interrupt::bit(n));
    free_ |= interrupt::bit(n);
    return {};
  }
  /// While on, the host gets its guest external interrupt when file `n` has one for its vCPU: for the time that vCPU
  /// waits elsewhere.
  result<void, guest_file_error> watch(unsigned n, bool on) {
    if (!is_taken(n)) return failure{guest_file_error::out_of_range};
    if (on) {
      Hart::template set<csr::hgeie>(interrupt::bit(n));
    } else {
      Hart::template clear<csr::hgeie>(interrupt::bit(n));
    }
    return {};
  }
  /// One bit for each file that has an interrupt for its vCPU now, bit n for file n.
  [[nodiscard]] std::uint64_t pending() const { return Hart::template read<csr::hgeip>() & all_; }

 private:
  [[nodiscard]] bool is_taken(unsigned n) const { return n < 64 && ((all_ & ~free_) >> n & 1) != 0; }

  std::uint64_t all_{};
  std::uint64_t free_{};
};

}  // namespace axhal::riscv64
