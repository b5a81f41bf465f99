// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/arch/aarch64/el1_state.hpp>
#include <axhal/arch/aarch64/esr.hpp>
#include <axhal/arch/aarch64/guest_frame.hpp>
#include <axhal/core/access.hpp>
#include <axhal/core/bit_field.hpp>
#include <axhal/vcpu/exit.hpp>

#include <cstdint>

namespace axhal::aarch64 {

/// PSTATE as SPSR_ELx saves it from AArch64 (ARM DDI 0487, "SPSR_EL2, Saved Program Status Register (EL2)", C5.2.20).
namespace pstate {
using f_mode = bit_field<std::uint8_t, 3, 0>;  ///< exception level and stack pointer
using f_aarch32 = bit_field<bool, 4>;
using f_daif = bit_field<unsigned, 9, 6>;
using f_btype = bit_field<unsigned, 11, 10>;
using f_ssbs = bit_field<bool, 12>;
using f_il = bit_field<bool, 20>;
using f_ss = bit_field<bool, 21>;
using f_pan = bit_field<bool, 22>;
using f_uao = bit_field<bool, 23>;
using f_dit = bit_field<bool, 24>;
using f_nzcv = bit_field<unsigned, 31, 28>;
static_assert(disjoint_fields<f_mode, f_aarch32, f_daif, f_btype, f_ssbs, f_il, f_ss, f_pan, f_uao, f_dit, f_nzcv>);

inline constexpr std::uint8_t el0t = 0;
inline constexpr std::uint8_t el1t = 4;
inline constexpr std::uint8_t el1h = 5;
}  // namespace pstate

/// SCTLR_EL1 bits that decide PSTATE at an exception (ARM DDI 0487, "SCTLR_EL1", D24.2.175).
namespace sctlr_el1 {
using f_span = bit_field<bool, 23>;   ///< PSTATE.PAN is left alone
using f_dssbs = bit_field<bool, 44>;  ///< what PSTATE.SSBS becomes
static_assert(disjoint_fields<f_span, f_dssbs>);
}  // namespace sctlr_el1

/// A synchronous exception for a guest's EL1.
struct guest_exception {
  std::uint64_t syndrome{};        ///< ESR_EL1
  std::uint64_t return_address{};  ///< ELR_EL1
  std::uint64_t far{};             ///< FAR_EL1, when `sets_far`
  bool sets_far{};
  friend constexpr bool operator==(guest_exception const&, guest_exception const&) = default;
};

/// True when PSTATE says EL0, AArch64 or AArch32.
[[nodiscard]] constexpr bool is_el0(std::uint64_t state) {
  return pstate::f_aarch32::get(state) || pstate::f_mode::get(state) == pstate::el0t;
}

/// Where VBAR_EL1's table has the synchronous exceptions from `state`
/// (ARM DDI 0487, "Exception vectors", table D1-5). No guest has an AArch32 EL1, so AArch32 means EL0.
[[nodiscard]] constexpr std::uint64_t synchronous_vector(std::uint64_t state) {
  if (pstate::f_aarch32::get(state)) return 0x600;
  switch (pstate::f_mode::get(state)) {
    case pstate::el0t: return 0x400;
    case pstate::el1t: return 0x000;
    default: return 0x200;
  }
}

/// PSTATE in the handler of an exception that EL1 takes from `state`
/// (ARM DDI 0487, pseudocode "AArch64.TakeException", and "Process state, PSTATE", D1.4).
///
/// EL1h, D A I F masked, flags kept. PAN is set where SCTLR_EL1.SPAN is 0; SSBS becomes SCTLR_EL1.DSSBS; DIT is kept;
/// UAO, BTYPE, SS and IL become 0.
[[nodiscard]] constexpr std::uint64_t handler_pstate(std::uint64_t state, std::uint64_t sctlr) {
  std::uint64_t next = state & (pstate::f_nzcv::mask | pstate::f_pan::mask);
  // AArch32 keeps DIT in another place of SPSR: bit 21.
  bool const dit = pstate::f_aarch32::get(state) ? pstate::f_ss::get(state) : pstate::f_dit::get(state);
  next = pstate::f_dit::with(next, dit);
  if (!sctlr_el1::f_span::get(sctlr)) next = pstate::f_pan::with(next, true);
  next = pstate::f_ssbs::with(next, sctlr_el1::f_dssbs::get(sctlr));
  next = pstate::f_daif::with(next, 15);
  return pstate::f_mode::with(next, pstate::el1h);
}

/// Makes the guest take `e` at EL1 as its next step, exactly as hardware would: ELR_EL1, SPSR_EL1, ESR_EL1, FAR_EL1
/// where the class has one, PSTATE, and PC from VBAR_EL1.
template <TrapContext C>
constexpr void take_exception(C& c, guest_exception const& e) {
  std::uint64_t const state = c.pstate();
  c.template write_el1<sysreg::elr_el1>(e.return_address);
  c.template write_el1<sysreg::spsr_el1>(state);
  c.template write_el1<sysreg::esr_el1>(e.syndrome);
  if (e.sets_far) c.template write_el1<sysreg::far_el1>(e.far);
  // VBAR_EL1[10:0] are reserved zero; a guest that set them gets no vector outside its table.
  c.set_pc((c.template read_el1<sysreg::vbar_el1>() & ~std::uint64_t{0x7ff}) + synchronous_vector(state));
  c.set_pstate(handler_pstate(state, c.template read_el1<sysreg::sctlr_el1>()));
}

/// The exception of an instruction that does not exist, at `pc`: class 0, IL 1.
[[nodiscard]] constexpr guest_exception undefined_instruction(std::uint64_t pc) {
  return {.syndrome = esr::f_il::make(true), .return_address = pc};
}

namespace detail {
/// An abort with status `fsc` on `wanted` of `address` by the instruction at `pc`, taken from `state`.
[[nodiscard]] constexpr guest_exception abort_of(std::uint64_t pc, std::uint64_t state, std::uint64_t address,
                                                 access wanted, std::uint8_t fsc) {
  bool const from_el0 = is_el0(state);
  bool const fetch = has(wanted, access::execute);
  auto const from_lower = fetch ? exception_class::instruction_abort : exception_class::data_abort;
  auto const from_same = fetch ? exception_class::instruction_abort_same : exception_class::data_abort_same;
  bool const write = !fetch && has(wanted, access::write);
  return {.syndrome = esr::f_ec::make(from_el0 ? from_lower : from_same) | esr::f_il::make(true) |
                      abort_iss::f_wnr::make(write) | abort_iss::f_fsc::make(fsc),
          .return_address = pc,
          .far = address,
          .sets_far = true};
}
}  // namespace detail

/// The exception of an access that nothing answers: a synchronous external abort on `wanted` of `address` by the
/// instruction at `pc`, taken from `state`.
[[nodiscard]] constexpr guest_exception bus_error(std::uint64_t pc, std::uint64_t state, std::uint64_t address,
                                                  access wanted) {
  return detail::abort_of(pc, state, address, wanted, fsc_external_abort);
}

/// The exception of an access that its target does not do at this alignment: an alignment fault, or, where an
/// instruction is fetched, a PC alignment fault, which has no fault status.
[[nodiscard]] constexpr guest_exception misaligned_access(std::uint64_t pc, std::uint64_t state, std::uint64_t address,
                                                          access wanted) {
  if (has(wanted, access::execute)) {
    return {.syndrome = esr::f_ec::make(exception_class::pc_alignment) | esr::f_il::make(true),
            .return_address = pc,
            .far = address,
            .sets_far = true};
  }
  return detail::abort_of(pc, state, address, wanted, fsc_alignment);
}

/// By which name EL2 reaches the guest's register that EL1 calls `plain`.
template <el2_mode Mode>
[[nodiscard]] consteval sysreg reached_as(sysreg plain) {
  using n = el1_names<Mode>;
  switch (plain) {
    case sysreg::sctlr_el1: return n::sctlr;
    case sysreg::spsr_el1: return n::spsr;
    case sysreg::elr_el1: return n::elr;
    case sysreg::esr_el1: return n::esr;
    case sysreg::far_el1: return n::far;
    case sysreg::vbar_el1: return n::vbar;
    default: return plain;
  }
}

/// A loaded guest's EL1 registers, as a context needs them: `read_el1` and `write_el1` over this CPU's registers.
template <el2_mode Mode, SysregAccess S>
struct loaded_el1 {
  template <sysreg Id>
  [[nodiscard]] static std::uint64_t read_el1() {
    return in_el2_mode<Mode, S>([]<el2_mode M>() { return S::template read<reached_as<M>(Id)>(); });
  }
  template <sysreg Id>
  static void write_el1(std::uint64_t value) {
    in_el2_mode<Mode, S>([value]<el2_mode M>() { S::template write<reached_as<M>(Id)>(value); });
  }
};

}  // namespace axhal::aarch64
