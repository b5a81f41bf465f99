// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/core/bit_field.hpp>
#include <axhal/core/result.hpp>

#include <cstdint>

namespace axhal::aarch64 {

/// Why an instruction word was not decoded as a device access.
enum class undecoded : std::uint8_t {
  not_load_store,  ///< no load or store at all, or an unallocated encoding
  unsupported,     ///< one that no device register is accessed with: exclusive, atomic, SIMD and FP, prefetch, tags
  unpredictable,   ///< CONSTRAINED UNPREDICTABLE: a register is both base to be written and operand, or loaded twice
};

/// A load or store of one or two general registers.
struct load_store {
  /// How the address comes about. `base` is register `rn`, where 31 is the stack pointer.
  enum class addressing : std::uint8_t {
    offset,           ///< base + immediate
    pre_index,        ///< base + immediate, which also becomes the base
    post_index,       ///< base, which then becomes base + immediate
    register_offset,  ///< base + the extended and shifted register `rm`
    literal,          ///< PC + immediate
  };
  enum class extension : std::uint8_t { uxtw = 2, lsl = 3, sxtw = 6, sxtx = 7 };

  bool load{};
  bool pair{};
  std::uint8_t size{};           ///< bytes of each register's access: 1, 2, 4 or 8
  bool sign_extend{};            ///< loads only
  std::uint8_t register_size{};  ///< bytes of the register that a load writes, 4 or 8 (the rest is zeroed)
  std::uint8_t rt{};             ///< 31 is the zero register
  std::uint8_t rt2{};            ///< the second register of a pair, at the higher address
  std::uint8_t rn{};
  addressing mode{};
  std::int64_t immediate{};  ///< bytes
  std::uint8_t rm{};         ///< 31 is the zero register
  extension extend{};
  std::uint8_t shift{};
  friend constexpr bool operator==(load_store const&, load_store const&) = default;

  /// Bytes of the whole access.
  [[nodiscard]] constexpr unsigned total() const { return pair ? 2U * size : size; }
  /// True when the base register changes.
  [[nodiscard]] constexpr bool writes_base() const {
    return mode == addressing::pre_index || mode == addressing::post_index;
  }
  /// The address of the (first) access; `base` is PC for literals, `index` the value of `rm`.
  [[nodiscard]] constexpr std::uint64_t address(std::uint64_t base, std::uint64_t index) const {
    switch (mode) {
      case addressing::post_index: return base;
      case addressing::register_offset: return base + offset_of(index);
      case addressing::offset:
      case addressing::pre_index:
      case addressing::literal: break;
    }
    return base + static_cast<std::uint64_t>(immediate);
  }
  /// What the base register becomes, when `writes_base()`.
  [[nodiscard]] constexpr std::uint64_t new_base(std::uint64_t base) const {
    return base + static_cast<std::uint64_t>(immediate);
  }

 private:
  [[nodiscard]] constexpr std::uint64_t offset_of(std::uint64_t index) const {
    if (extend == extension::uxtw) index &= 0xffff'ffff;
    if (extend == extension::sxtw) index = sign_extend_32(index);
    return index << (shift & 3);
  }
  [[nodiscard]] static constexpr std::uint64_t sign_extend_32(std::uint64_t v) { return axhal::sign_extend(v, 32); }
};

/// Fields of A64 load and store instructions (ARM DDI 0487, "Loads and Stores", C4.1.94).
namespace a64 {
using f_size = bit_field<unsigned, 31, 30, std::uint32_t>;
using f_vector = bit_field<bool, 26, 26, std::uint32_t>;
using f_opc = bit_field<unsigned, 23, 22, std::uint32_t>;
using f_load = bit_field<bool, 22, 22, std::uint32_t>;
using f_imm12 = bit_field<std::uint64_t, 21, 10, std::uint32_t>;
using f_imm9 = bit_field<std::uint64_t, 20, 12, std::uint32_t>;
using f_imm7 = bit_field<std::uint64_t, 21, 15, std::uint32_t>;
using f_imm19 = bit_field<std::uint64_t, 23, 5, std::uint32_t>;
using f_rm = bit_field<std::uint8_t, 20, 16, std::uint32_t>;
using f_option = bit_field<unsigned, 15, 13, std::uint32_t>;
using f_scaled = bit_field<bool, 12, 12, std::uint32_t>;
using f_kind = bit_field<unsigned, 11, 10, std::uint32_t>;  ///< which addressing mode, in the single-register forms
using f_rt2 = bit_field<std::uint8_t, 14, 10, std::uint32_t>;
using f_rn = bit_field<std::uint8_t, 9, 5, std::uint32_t>;
using f_rt = bit_field<std::uint8_t, 4, 0, std::uint32_t>;
}  // namespace a64

namespace detail {

using decoded = result<load_store, undecoded>;

[[nodiscard]] constexpr std::int64_t signed_field(std::uint64_t value, unsigned bits) {
  return static_cast<std::int64_t>(axhal::sign_extend(value, bits));
}

/// Direction, width and extension from size and opc of the single-register forms.
[[nodiscard]] constexpr decoded single_register(std::uint32_t word) {
  unsigned const size = a64::f_size::get(word);
  unsigned const opc = a64::f_opc::get(word);
  load_store a{.load = opc != 0,
               .size = static_cast<std::uint8_t>(1U << size),
               .sign_extend = opc >= 2,
               .register_size = static_cast<std::uint8_t>(opc == 2 || size == 3 ? 8 : 4),
               .rt = a64::f_rt::get(word),
               .rn = a64::f_rn::get(word)};
  if (opc == 2 && size == 3) return failure{undecoded::unsupported};     // PRFM
  if (opc == 3 && size >= 2) return failure{undecoded::not_load_store};  // unallocated
  return a;
}

/// The whole access, when no register has two jobs that exclude each other.
[[nodiscard]] constexpr decoded checked(load_store const& a) {
  if (a.pair && a.load && a.rt == a.rt2) return failure{undecoded::unpredictable};
  if (a.writes_base() && a.rn != 31 && (a.rn == a.rt || (a.pair && a.rn == a.rt2))) {
    return failure{undecoded::unpredictable};
  }
  return a;
}

/// Load/store register, all addressing modes, and LDAPR (C4.1.94.29 to C4.1.94.36).
[[nodiscard]] constexpr decoded decode_single(std::uint32_t word) {
  using addressing = load_store::addressing;
  bool const unsigned_offset = (word >> 24 & 3) == 1;
  bool const indexed_by_register = !unsigned_offset && (word >> 21 & 1) != 0;
  if (indexed_by_register && a64::f_kind::get(word) != 2) {
    // Atomics live here; LDAPR is a plain load among them. The others are LDRAA, LDRAB and LD64B.
    constexpr std::uint32_t ldapr_mask = 0x3fff'fc00;
    if ((word & ldapr_mask) != 0x38bf'c000) return failure{undecoded::unsupported};
    unsigned const size = a64::f_size::get(word);
    return load_store{.load = true,
                      .size = static_cast<std::uint8_t>(1U << size),
                      .register_size = static_cast<std::uint8_t>(size == 3 ? 8 : 4),
                      .rt = a64::f_rt::get(word),
                      .rn = a64::f_rn::get(word)};
  }
  auto common = single_register(word);
  if (!common) return common;
  load_store& a = *common;
  if (unsigned_offset) {
    a.immediate = static_cast<std::int64_t>(a64::f_imm12::get(word) * a.size);
    return a;
  }
  if (indexed_by_register) {
    unsigned const option = a64::f_option::get(word);
    if ((option & 2) == 0) return failure{undecoded::not_load_store};
    a.mode = addressing::register_offset;
    a.rm = a64::f_rm::get(word);
    a.extend = static_cast<load_store::extension>(option);
    a.shift = static_cast<std::uint8_t>(a64::f_scaled::get(word) ? a64::f_size::get(word) : 0);
    return a;
  }
  a.immediate = signed_field(a64::f_imm9::get(word), 9);
  switch (a64::f_kind::get(word)) {
    case 1: a.mode = addressing::post_index; break;
    case 3: a.mode = addressing::pre_index; break;
    default: a.mode = addressing::offset; break;  // unscaled (LDUR) and unprivileged (LDTR)
  }
  return checked(a);
}

/// LDP, STP, LDPSW, LDNP, STNP (C4.1.94.24 to C4.1.94.27).
[[nodiscard]] constexpr decoded decode_pair(std::uint32_t word) {
  using addressing = load_store::addressing;
  unsigned const opc = a64::f_size::get(word);
  unsigned const kind = word >> 23 & 3;
  bool const load = a64::f_load::get(word);
  if (opc == 3) return failure{undecoded::not_load_store};
  if (opc == 1 && !load) return failure{kind == 0 ? undecoded::not_load_store : undecoded::unsupported};  // STGP
  if (opc == 1 && kind == 0) return failure{undecoded::not_load_store};
  std::uint8_t const size = opc == 2 ? 8 : 4;
  load_store const a{.load = load,
                     .pair = true,
                     .size = size,
                     .sign_extend = opc == 1,
                     .register_size = static_cast<std::uint8_t>(opc == 0 ? 4 : 8),
                     .rt = a64::f_rt::get(word),
                     .rt2 = a64::f_rt2::get(word),
                     .rn = a64::f_rn::get(word),
                     .mode = kind == 1   ? addressing::post_index
                             : kind == 3 ? addressing::pre_index
                                         : addressing::offset,
                     .immediate = signed_field(a64::f_imm7::get(word), 7) * size};
  return checked(a);
}

/// LDR and LDRSW of a literal (C4.1.94.22).
[[nodiscard]] constexpr decoded decode_literal(std::uint32_t word) {
  unsigned const opc = a64::f_size::get(word);
  if (opc == 3) return failure{undecoded::unsupported};  // PRFM
  return load_store{.load = true,
                    .size = static_cast<std::uint8_t>(opc == 1 ? 8 : 4),
                    .sign_extend = opc == 2,
                    .register_size = static_cast<std::uint8_t>(opc == 0 ? 4 : 8),
                    .rt = a64::f_rt::get(word),
                    .mode = load_store::addressing::literal,
                    .immediate = signed_field(a64::f_imm19::get(word), 19) * 4};
}

/// LDAR, LDLAR, STLR, STLLR among the exclusives (C4.1.94.18), LDAPUR and STLUR (C4.1.94.21).
[[nodiscard]] constexpr decoded decode_ordered(std::uint32_t word) {
  unsigned const size = a64::f_size::get(word);
  bool const ordered = (word >> 23 & 1) != 0 && (word >> 21 & 1) == 0;
  // Rs and Rt2 are written as ones; other values are CONSTRAINED UNPREDICTABLE.
  if (!ordered) return failure{undecoded::unsupported};
  if (a64::f_rm::get(word) != 31 || a64::f_rt2::get(word) != 31) return failure{undecoded::unpredictable};
  return load_store{.load = a64::f_load::get(word),
                    .size = static_cast<std::uint8_t>(1U << size),
                    .register_size = static_cast<std::uint8_t>(size == 3 ? 8 : 4),
                    .rt = a64::f_rt::get(word),
                    .rn = a64::f_rn::get(word)};
}
[[nodiscard]] constexpr decoded decode_ordered_unscaled(std::uint32_t word) {
  if ((word >> 21 & 1) != 0 || a64::f_kind::get(word) != 0) return failure{undecoded::unsupported};
  auto a = single_register(word);
  // Where the plain forms have a prefetch there is nothing here.
  if (!a) return failure{undecoded::not_load_store};
  a->immediate = signed_field(a64::f_imm9::get(word), 9);
  return a;
}

}  // namespace detail

/// What a load or store of general registers does, from its 32-bit word alone. Total: every word has an answer.
///
/// Decodes LDR, STR, LDRB, STRB, LDRH, STRH, LDRSB, LDRSH, LDRSW with every addressing mode, their LDUR and LDTR forms,
/// LDP, STP, LDPSW, LDNP, STNP, LDR and LDRSW (literal), LDAR, LDLAR, STLR, STLLR, LDAPR, LDAPUR and STLUR. The barrier
/// half of the last ones is not in the answer: a device access that a hypervisor makes is ordered anyway.
[[nodiscard]] constexpr result<load_store, undecoded> decode_load_store(std::uint32_t word) {
  // op0, bits 28:25, is x1x0 for loads and stores.
  if ((word >> 25 & 5) != 4) return failure{undecoded::not_load_store};
  if (a64::f_vector::get(word)) return failure{undecoded::unsupported};
  switch (word >> 27 & 7) {
    case 1:
      return (word >> 24 & 3) == 0 ? detail::decode_ordered(word) : detail::decoded{failure{undecoded::unsupported}};
    case 3:
      switch (word >> 24 & 3) {
        case 0: return detail::decode_literal(word);
        case 1: return detail::decode_ordered_unscaled(word);
        default: return failure{undecoded::not_load_store};
      }
    case 5:
      return (word >> 25 & 1) == 0 ? detail::decode_pair(word) : detail::decoded{failure{undecoded::not_load_store}};
    case 7:
      return (word >> 25 & 1) == 0 ? detail::decode_single(word) : detail::decoded{failure{undecoded::not_load_store}};
    default: return failure{undecoded::not_load_store};
  }
}

}  // namespace axhal::aarch64
