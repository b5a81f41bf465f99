// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/arch/x86_64/device_access_exit.hpp>
#include <axhal/arch/x86_64/instruction_prefixes.hpp>
#include <axhal/arch/x86_64/port_exit.hpp>
#include <axhal/core/access.hpp>
#include <axhal/core/address.hpp>
#include <axhal/core/bit_field.hpp>

#include <cstdint>

/// Exit qualifications, as bits and in this library's words (Intel SDM vol. 3C, "Basic VM-Exit Information").
namespace axhal::x86_64 {

/// "Exit Qualification for I/O Instructions".
namespace vmx_io {
using f_size = bit_field<std::uint8_t, 2, 0>;  ///< bytes less one: 0, 1, 3
using f_in = bit_field<bool, 3>;
using f_string = bit_field<bool, 4>;
using f_rep = bit_field<bool, 5>;
using f_immediate = bit_field<bool, 6>;
using f_port = bit_field<std::uint16_t, 31, 16>;
}  // namespace vmx_io

/// "Format of the VM-Exit Instruction-Information Field as Used for INS and OUTS".
namespace vmx_string_io {
using f_address_size = bit_field<std::uint8_t, 9, 7, std::uint32_t>;  ///< 0: 16 bits, 1: 32, 2: 64
using f_segment = bit_field<std::uint8_t, 17, 15, std::uint32_t>;     ///< of OUTS
}  // namespace vmx_string_io

/// The access to a port that stopped the guest; `information` counts for INS and OUTS alone.
[[nodiscard]] constexpr port_access port_access_of(std::uint64_t qualification, std::uint32_t information) {
  using namespace vmx_io;
  port_access a{.port = f_port::get(qualification),
                .size = static_cast<std::uint8_t>(f_size::get(qualification) == 3   ? 4
                                                  : f_size::get(qualification) == 1 ? 2
                                                                                    : 1),
                .in = f_in::get(qualification)};
  if (!f_string::get(qualification)) return a;
  a.string = true;
  a.repeated = f_rep::get(qualification);
  a.address_size = static_cast<std::uint8_t>(2U << (vmx_string_io::f_address_size::get(information) & 3));
  std::uint8_t const s = vmx_string_io::f_segment::get(information);
  a.seg = a.in || s > 5 ? segment::es : static_cast<segment>(s);
  return a;
}

/// "Exit Qualification for Control-Register Accesses".
namespace vmx_cr_access {
enum class kind : std::uint8_t { write, read, clts, lmsw };
using f_number = bit_field<std::uint8_t, 3, 0>;
using f_type = bit_field<kind, 5, 4>;
using f_gpr = bit_field<std::uint8_t, 11, 8>;
using f_lmsw_source = bit_field<std::uint16_t, 31, 16>;
}  // namespace vmx_cr_access

/// "Exit Qualification for EPT Violations".
namespace vmx_ept_violation {
using f_read = bit_field<bool, 0>;
using f_write = bit_field<bool, 1>;
using f_execute = bit_field<bool, 2>;
using f_linear_valid = bit_field<bool, 7>;
using f_translated = bit_field<bool, 8>;  ///< the access is the one at the linear address, not the walk to it
using f_nmi_unblocked = bit_field<bool, 12>;
}  // namespace vmx_ept_violation

/// The access to guest-physical `address` that was not allowed. Without a linear address it was hardware's own, that of
/// the PDPTEs that MOV to CR loads.
[[nodiscard]] constexpr nested_fault nested_fault_of(std::uint64_t qualification, guest_phys address) {
  using namespace vmx_ept_violation;
  auto const rights = static_cast<unsigned>(access::read) * unsigned{f_read::get(qualification)} |
                      static_cast<unsigned>(access::write) * unsigned{f_write::get(qualification)} |
                      static_cast<unsigned>(access::execute) * unsigned{f_execute::get(qualification)};
  bool const own = f_linear_valid::get(qualification) && f_translated::get(qualification);
  return {.address = address, .wanted = static_cast<access>(rights), .walk = !own};
}

/// "Format of the VM-Exit Interruption-Information Field", beside `event_word`.
namespace vmx_interruption {
using f_nmi_unblocked = bit_field<bool, 12, 12, std::uint32_t>;
}  // namespace vmx_interruption

/// "Exit Qualification for Debug Exceptions": what is to go into DR6.
namespace vmx_debug {
using f_breakpoints = bit_field<std::uint8_t, 3, 0>;
using f_bd = bit_field<bool, 13>;
using f_bs = bit_field<bool, 14>;
inline constexpr std::uint64_t dr7_gd = std::uint64_t{1} << 13;

/// DR6 after delivery: breakpoints replace those of before, BD and BS are added (Intel SDM vol. 3, "Debug Status
/// Register (DR6)").
[[nodiscard]] constexpr std::uint64_t dr6_after(std::uint64_t dr6, std::uint64_t qualification) {
  std::uint64_t const added = f_breakpoints::mask | f_bd::mask | f_bs::mask;
  return (dr6 & ~f_breakpoints::mask) | (qualification & added);
}
}  // namespace vmx_debug

}  // namespace axhal::x86_64
