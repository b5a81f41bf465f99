// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/arch/x86_64/msr.hpp>
#include <axhal/core/bit_field.hpp>
#include <axhal/core/result.hpp>

#include <cstddef>
#include <cstdint>

namespace axhal::x86_64 {

/// IA32_MTRRCAP (Intel SDM vol. 3, "MTRR Feature Identification").
namespace mtrrcap {
using f_vcnt = bit_field<std::uint8_t, 7, 0>;
using f_fix = bit_field<bool, 8>;
using f_wc = bit_field<bool, 10>;
}  // namespace mtrrcap

/// IA32_MTRR_DEF_TYPE ("IA32_MTRR_DEF_TYPE MSR").
namespace mtrr_def_type {
using f_type = bit_field<std::uint8_t, 7, 0>;
using f_fe = bit_field<bool, 10>;
using f_e = bit_field<bool, 11>;
}  // namespace mtrr_def_type

/// True for the numbers that an MTRR takes as a memory type: UC, WC, WT, WP, WB.
[[nodiscard]] constexpr bool is_mtrr_type(std::uint64_t type) {
  return type == 0 || type == 1 || type == 4 || type == 5 || type == 6;
}

/// The memory type range registers of a guest (Intel SDM vol. 3, "Memory Type Range Registers (MTRRs)"): eight variable
/// ranges and the fixed ones. They are kept and checked, and say nothing to hardware: the second stage has the memory
/// types of a guest, by what is memory and what is a device.
///
/// They begin as firmware of a PC leaves them: write-back, and from `hole` to 4 GiB uncached. An MSR that is none of
/// these, or a value with reserved bits, is refused.
class guest_mtrrs {
 public:
  static constexpr unsigned variable = 8;
  static constexpr unsigned fixed = 11;
  static constexpr std::uint64_t capabilities =
      mtrrcap::f_vcnt::make(variable) | mtrrcap::f_fix::mask | mtrrcap::f_wc::mask;

  /// `address_bits` is the guest's MAXPHYADDR, 36 to 52; `hole` is below 4 GiB, a power of two away from it.
  constexpr guest_mtrrs(unsigned address_bits, std::uint32_t hole)
      : address_mask_{low_bits(address_bits < 52 ? address_bits : 52) & ~std::uint64_t{0xfff}} {
    constexpr std::uint8_t wb = 6;
    for (std::uint64_t& r : fixed_) r = 0x0606'0606'0606'0606;
    def_type_ = mtrr_def_type::f_type::make(wb) | mtrr_def_type::f_fe::mask | mtrr_def_type::f_e::mask;
    base_mask_[0] = hole;
    base_mask_[1] = (address_mask_ & ~(0xffff'ffffULL - hole)) | valid;
  }

  [[nodiscard]] constexpr result<std::uint64_t, msr_refused> read(std::uint32_t id) const {
    if (id == msr::mtrrcap) return capabilities;
    if (id == msr::mtrr_def_type) return def_type_;
    if (id - msr::mtrr_physbase0 < 2 * variable) return base_mask_[id - msr::mtrr_physbase0];
    if (std::size_t const n = fixed_number(id); n < fixed) return fixed_[n];
    return failure{msr_refused{}};
  }
  constexpr result<void, msr_refused> write(std::uint32_t id, std::uint64_t value) {
    if (id == msr::mtrr_def_type) {
      using namespace mtrr_def_type;
      if ((value & ~(f_type::mask | f_fe::mask | f_e::mask)) != 0 || !is_mtrr_type(f_type::get(value)))
        return refused();
      def_type_ = value;
      return {};
    }
    if (std::uint32_t const n = id - msr::mtrr_physbase0; n < 2 * variable) {
      bool const base = n % 2 == 0;
      std::uint64_t const allowed = address_mask_ | (base ? 0xff : valid);
      if ((value & ~allowed) != 0 || (base && !is_mtrr_type(value & 0xff))) return refused();
      base_mask_[n] = value;
      return {};
    }
    if (std::size_t const n = fixed_number(id); n < fixed) {
      for (unsigned byte = 0; byte < 8; ++byte) {
        if (!is_mtrr_type(value >> 8 * byte & 0xff)) return refused();
      }
      fixed_[n] = value;
      return {};
    }
    return refused();
  }

 private:
  static constexpr std::uint64_t valid = 0x800;

  [[nodiscard]] static constexpr failure<msr_refused> refused() { return failure{msr_refused{}}; }
  /// 0 to 10, or `fixed` when `id` is none of them.
  [[nodiscard]] static constexpr std::size_t fixed_number(std::uint32_t id) {
    if (id == msr::mtrr_fix64k_00000) return 0;
    if (id == msr::mtrr_fix16k_80000 || id == msr::mtrr_fix16k_a0000) return 1 + (id - msr::mtrr_fix16k_80000);
    if (id - msr::mtrr_fix4k_c0000 < 8) return 3 + (id - msr::mtrr_fix4k_c0000);
    return fixed;
  }

  std::uint64_t address_mask_;
  std::uint64_t def_type_{};
  std::uint64_t base_mask_[2 * variable]{};
  std::uint64_t fixed_[fixed]{};
};

}  // namespace axhal::x86_64
