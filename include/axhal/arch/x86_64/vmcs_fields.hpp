// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/core/bit_field.hpp>

#include <concepts>
#include <cstdint>
#include <type_traits>

namespace axhal::x86_64 {

/// How wide a field of a VMCS is (Intel SDM vol. 3C, "Structure of VMCS Component Encoding").
enum class vmcs_width : std::uint8_t { bits_16 = 0, bits_64 = 1, bits_32 = 2, natural = 3 };

/// What a field of a VMCS is about (the same table).
enum class vmcs_area : std::uint8_t { control = 0, read_only = 1, guest = 2, host = 3 };

/// The number of a field, as VMREAD and VMWRITE take it.
namespace vmcs_encoding {
using f_high = bit_field<bool, 0, 0, std::uint32_t>;  ///< the upper half of a 64-bit field
using f_index = bit_field<std::uint16_t, 9, 1, std::uint32_t>;
using f_type = bit_field<vmcs_area, 11, 10, std::uint32_t>;
using f_width = bit_field<vmcs_width, 14, 13, std::uint32_t>;
}  // namespace vmcs_encoding

/// A field of a VMCS as a type: an access has the field's own width, and what hardware alone writes cannot be written.
template <vmcs_width Width, vmcs_area Area, std::uint16_t Index>
struct vmcs_field {
  static_assert(Index < 512, "vmcs_field: an index has nine bits");
  static constexpr vmcs_width width = Width;
  static constexpr vmcs_area area = Area;
  static constexpr std::uint32_t encoding =
      vmcs_encoding::f_width::make(Width) | vmcs_encoding::f_type::make(Area) | vmcs_encoding::f_index::make(Index);
  using value_type = std::conditional_t<Width == vmcs_width::bits_16, std::uint16_t,
                                        std::conditional_t<Width == vmcs_width::bits_32, std::uint32_t, std::uint64_t>>;
};

/// The fields that this library uses, by the names of Intel SDM vol. 3D, Appendix B, "Field Encoding in VMCS".
namespace vmcs {

template <vmcs_area Area, std::uint16_t Index>
using field_16 = vmcs_field<vmcs_width::bits_16, Area, Index>;
template <vmcs_area Area, std::uint16_t Index>
using field_64 = vmcs_field<vmcs_width::bits_64, Area, Index>;
template <vmcs_area Area, std::uint16_t Index>
using field_32 = vmcs_field<vmcs_width::bits_32, Area, Index>;
template <vmcs_area Area, std::uint16_t Index>
using field_natural = vmcs_field<vmcs_width::natural, Area, Index>;

// clang-format off
// "16-Bit Control Fields", "16-Bit Guest-State Fields", "16-Bit Host-State Fields"
inline constexpr field_16<vmcs_area::control,       0> vpid{};
inline constexpr field_16<vmcs_area::guest,         0> guest_es_selector{};
inline constexpr field_16<vmcs_area::guest,         1> guest_cs_selector{};
inline constexpr field_16<vmcs_area::guest,         2> guest_ss_selector{};
inline constexpr field_16<vmcs_area::guest,         3> guest_ds_selector{};
inline constexpr field_16<vmcs_area::guest,         4> guest_fs_selector{};
inline constexpr field_16<vmcs_area::guest,         5> guest_gs_selector{};
inline constexpr field_16<vmcs_area::guest,         6> guest_ldtr_selector{};
inline constexpr field_16<vmcs_area::guest,         7> guest_tr_selector{};
inline constexpr field_16<vmcs_area::host,          0> host_es_selector{};
inline constexpr field_16<vmcs_area::host,          1> host_cs_selector{};
inline constexpr field_16<vmcs_area::host,          2> host_ss_selector{};
inline constexpr field_16<vmcs_area::host,          3> host_ds_selector{};
inline constexpr field_16<vmcs_area::host,          4> host_fs_selector{};
inline constexpr field_16<vmcs_area::host,          5> host_gs_selector{};
inline constexpr field_16<vmcs_area::host,          6> host_tr_selector{};

// "64-Bit Control Fields", "64-Bit Read-Only Data Field", "64-Bit Guest-State Fields", "64-Bit Host-State Fields"
inline constexpr field_64<vmcs_area::control,       2> msr_bitmaps{};
inline constexpr field_64<vmcs_area::control,       3> exit_msr_store_address{};
inline constexpr field_64<vmcs_area::control,       4> exit_msr_load_address{};
inline constexpr field_64<vmcs_area::control,       5> entry_msr_load_address{};
inline constexpr field_64<vmcs_area::control,       8> tsc_offset{};
inline constexpr field_64<vmcs_area::control,      13> ept_pointer{};
inline constexpr field_64<vmcs_area::read_only,     0> guest_physical_address{};
inline constexpr field_64<vmcs_area::guest,         0> vmcs_link_pointer{};
inline constexpr field_64<vmcs_area::guest,         1> guest_debugctl{};
inline constexpr field_64<vmcs_area::guest,         2> guest_pat{};
inline constexpr field_64<vmcs_area::guest,         3> guest_efer{};
inline constexpr field_64<vmcs_area::guest,         5> guest_pdpte0{};
inline constexpr field_64<vmcs_area::guest,         6> guest_pdpte1{};
inline constexpr field_64<vmcs_area::guest,         7> guest_pdpte2{};
inline constexpr field_64<vmcs_area::guest,         8> guest_pdpte3{};
inline constexpr field_64<vmcs_area::host,          0> host_pat{};
inline constexpr field_64<vmcs_area::host,          1> host_efer{};

// "32-Bit Control Fields"
inline constexpr field_32<vmcs_area::control,       0> pin_based_controls{};
inline constexpr field_32<vmcs_area::control,       1> processor_based_controls{};
inline constexpr field_32<vmcs_area::control,       2> exception_bitmap{};
inline constexpr field_32<vmcs_area::control,       3> page_fault_error_code_mask{};
inline constexpr field_32<vmcs_area::control,       4> page_fault_error_code_match{};
inline constexpr field_32<vmcs_area::control,       5> cr3_target_count{};
inline constexpr field_32<vmcs_area::control,       6> exit_controls{};
inline constexpr field_32<vmcs_area::control,       7> exit_msr_store_count{};
inline constexpr field_32<vmcs_area::control,       8> exit_msr_load_count{};
inline constexpr field_32<vmcs_area::control,       9> entry_controls{};
inline constexpr field_32<vmcs_area::control,      10> entry_msr_load_count{};
inline constexpr field_32<vmcs_area::control,      11> entry_interruption_information{};
inline constexpr field_32<vmcs_area::control,      12> entry_exception_error_code{};
inline constexpr field_32<vmcs_area::control,      13> entry_instruction_length{};
inline constexpr field_32<vmcs_area::control,      15> secondary_controls{};

// "32-Bit Read-Only Data Fields"
inline constexpr field_32<vmcs_area::read_only,     0> vm_instruction_error{};
inline constexpr field_32<vmcs_area::read_only,     1> exit_reason{};
inline constexpr field_32<vmcs_area::read_only,     2> exit_interruption_information{};
inline constexpr field_32<vmcs_area::read_only,     3> exit_interruption_error_code{};
inline constexpr field_32<vmcs_area::read_only,     4> idt_vectoring_information{};
inline constexpr field_32<vmcs_area::read_only,     5> idt_vectoring_error_code{};
inline constexpr field_32<vmcs_area::read_only,     6> exit_instruction_length{};
inline constexpr field_32<vmcs_area::read_only,     7> exit_instruction_information{};

// "32-Bit Guest-State Fields", "32-Bit Host-State Field"
inline constexpr field_32<vmcs_area::guest,         0> guest_es_limit{};
inline constexpr field_32<vmcs_area::guest,         1> guest_cs_limit{};
inline constexpr field_32<vmcs_area::guest,         2> guest_ss_limit{};
inline constexpr field_32<vmcs_area::guest,         3> guest_ds_limit{};
inline constexpr field_32<vmcs_area::guest,         4> guest_fs_limit{};
inline constexpr field_32<vmcs_area::guest,         5> guest_gs_limit{};
inline constexpr field_32<vmcs_area::guest,         6> guest_ldtr_limit{};
inline constexpr field_32<vmcs_area::guest,         7> guest_tr_limit{};
inline constexpr field_32<vmcs_area::guest,         8> guest_gdtr_limit{};
inline constexpr field_32<vmcs_area::guest,         9> guest_idtr_limit{};
inline constexpr field_32<vmcs_area::guest,        10> guest_es_access_rights{};
inline constexpr field_32<vmcs_area::guest,        11> guest_cs_access_rights{};
inline constexpr field_32<vmcs_area::guest,        12> guest_ss_access_rights{};
inline constexpr field_32<vmcs_area::guest,        13> guest_ds_access_rights{};
inline constexpr field_32<vmcs_area::guest,        14> guest_fs_access_rights{};
inline constexpr field_32<vmcs_area::guest,        15> guest_gs_access_rights{};
inline constexpr field_32<vmcs_area::guest,        16> guest_ldtr_access_rights{};
inline constexpr field_32<vmcs_area::guest,        17> guest_tr_access_rights{};
inline constexpr field_32<vmcs_area::guest,        18> guest_interruptibility_state{};
inline constexpr field_32<vmcs_area::guest,        19> guest_activity_state{};
inline constexpr field_32<vmcs_area::guest,        21> guest_sysenter_cs{};
inline constexpr field_32<vmcs_area::guest,        23> preemption_timer_value{};
inline constexpr field_32<vmcs_area::host,          0> host_sysenter_cs{};

// "Natural-Width Control Fields", "Natural-Width Read-Only Data Fields"
inline constexpr field_natural<vmcs_area::control,   0> cr0_guest_host_mask{};
inline constexpr field_natural<vmcs_area::control,   1> cr4_guest_host_mask{};
inline constexpr field_natural<vmcs_area::control,   2> cr0_read_shadow{};
inline constexpr field_natural<vmcs_area::control,   3> cr4_read_shadow{};
inline constexpr field_natural<vmcs_area::read_only, 0> exit_qualification{};
inline constexpr field_natural<vmcs_area::read_only, 5> guest_linear_address{};

// "Natural-Width Guest-State Fields"
inline constexpr field_natural<vmcs_area::guest,     0> guest_cr0{};
inline constexpr field_natural<vmcs_area::guest,     1> guest_cr3{};
inline constexpr field_natural<vmcs_area::guest,     2> guest_cr4{};
inline constexpr field_natural<vmcs_area::guest,     3> guest_es_base{};
inline constexpr field_natural<vmcs_area::guest,     4> guest_cs_base{};
inline constexpr field_natural<vmcs_area::guest,     5> guest_ss_base{};
inline constexpr field_natural<vmcs_area::guest,     6> guest_ds_base{};
inline constexpr field_natural<vmcs_area::guest,     7> guest_fs_base{};
inline constexpr field_natural<vmcs_area::guest,     8> guest_gs_base{};
inline constexpr field_natural<vmcs_area::guest,     9> guest_ldtr_base{};
inline constexpr field_natural<vmcs_area::guest,    10> guest_tr_base{};
inline constexpr field_natural<vmcs_area::guest,    11> guest_gdtr_base{};
inline constexpr field_natural<vmcs_area::guest,    12> guest_idtr_base{};
inline constexpr field_natural<vmcs_area::guest,    13> guest_dr7{};
inline constexpr field_natural<vmcs_area::guest,    14> guest_rsp{};
inline constexpr field_natural<vmcs_area::guest,    15> guest_rip{};
inline constexpr field_natural<vmcs_area::guest,    16> guest_rflags{};
inline constexpr field_natural<vmcs_area::guest,    17> guest_pending_debug_exceptions{};
inline constexpr field_natural<vmcs_area::guest,    18> guest_sysenter_esp{};
inline constexpr field_natural<vmcs_area::guest,    19> guest_sysenter_eip{};

// "Natural-Width Host-State Fields"
inline constexpr field_natural<vmcs_area::host,      0> host_cr0{};
inline constexpr field_natural<vmcs_area::host,      1> host_cr3{};
inline constexpr field_natural<vmcs_area::host,      2> host_cr4{};
inline constexpr field_natural<vmcs_area::host,      3> host_fs_base{};
inline constexpr field_natural<vmcs_area::host,      4> host_gs_base{};
inline constexpr field_natural<vmcs_area::host,      5> host_tr_base{};
inline constexpr field_natural<vmcs_area::host,      6> host_gdtr_base{};
inline constexpr field_natural<vmcs_area::host,      7> host_idtr_base{};
inline constexpr field_natural<vmcs_area::host,      8> host_sysenter_esp{};
inline constexpr field_natural<vmcs_area::host,      9> host_sysenter_eip{};
inline constexpr field_natural<vmcs_area::host,     10> host_rsp{};
inline constexpr field_natural<vmcs_area::host,     11> host_rip{};
// clang-format on

}  // namespace vmcs

/// VMREAD and VMWRITE on the current VMCS (Intel SDM vol. 3C, "VMX Instruction Reference").
template <typename I>
concept VmcsInstructions = requires(std::uint64_t field, std::uint64_t value) {
  { I::vmread(field) } -> std::same_as<std::uint64_t>;
  { I::vmwrite(field, value) } -> std::convertible_to<bool>;
};

/// A field of the current VMCS, in its own width. Precondition: there is one, and this CPU has the field.
template <VmcsInstructions I, vmcs_width W, vmcs_area A, std::uint16_t Index>
[[nodiscard, gnu::always_inline]] inline auto vmcs_get(vmcs_field<W, A, Index> f) {
  return static_cast<typename decltype(f)::value_type>(I::vmread(f.encoding));
}

/// The same for writing.
template <VmcsInstructions I, vmcs_width W, vmcs_area A, std::uint16_t Index>
  requires(A != vmcs_area::read_only)
[[gnu::always_inline]] inline void vmcs_set(vmcs_field<W, A, Index> f,
                                            typename vmcs_field<W, A, Index>::value_type value) {
  I::vmwrite(f.encoding, value);
}

/// The four fields that a segment register has. Those of all eight have the same distances.
struct vmcs_segment_fields {
  std::uint32_t selector{};
  std::uint32_t limit{};
  std::uint32_t access_rights{};
  std::uint32_t base{};
};

/// The fields of segment register `n`: ES, CS, SS, DS, FS, GS, LDTR, TR. Precondition: `n` is below 8.
[[nodiscard]] constexpr vmcs_segment_fields segment_fields(unsigned n) {
  return {vmcs::guest_es_selector.encoding + 2 * n, vmcs::guest_es_limit.encoding + 2 * n,
          vmcs::guest_es_access_rights.encoding + 2 * n, vmcs::guest_es_base.encoding + 2 * n};
}

/// Access rights of a segment in a VMCS: a descriptor's bits, and one that says that there is no segment
/// (Intel SDM vol. 3C, "Guest Register State", table "Format of Access Rights").
namespace vmcs_access_rights {
using f_type = bit_field<std::uint8_t, 3, 0, std::uint32_t>;
using f_s = bit_field<bool, 4, 4, std::uint32_t>;
using f_dpl = bit_field<std::uint8_t, 6, 5, std::uint32_t>;
using f_p = bit_field<bool, 7, 7, std::uint32_t>;
using f_l = bit_field<bool, 13, 13, std::uint32_t>;
using f_db = bit_field<bool, 14, 14, std::uint32_t>;
using f_g = bit_field<bool, 15, 15, std::uint32_t>;
using f_unusable = bit_field<bool, 16, 16, std::uint32_t>;
inline constexpr std::uint32_t reserved = 0xfffe'0f00;

/// From the twelve bits of `segment_register::attributes`; a segment that is not present is unusable.
[[nodiscard]] constexpr std::uint32_t from_attributes(std::uint16_t attributes) {
  std::uint32_t const low = attributes & 0xffU;
  std::uint32_t const high = (attributes & 0xf00U) << 4;
  return low | high | f_unusable::make((attributes & 0x80U) == 0);
}
/// The twelve bits; an unusable segment is not present.
[[nodiscard]] constexpr std::uint16_t to_attributes(std::uint32_t rights) {
  std::uint32_t const bits = (rights & 0xffU) | (rights >> 4 & 0xf00U);
  return static_cast<std::uint16_t>(f_unusable::get(rights) ? bits & ~0x80U : bits);
}
}  // namespace vmcs_access_rights

/// Interruptibility state (Intel SDM vol. 3C, "Guest Non-Register State").
namespace interruptibility {
using f_sti = bit_field<bool, 0, 0, std::uint32_t>;     ///< the instruction after STI
using f_mov_ss = bit_field<bool, 1, 1, std::uint32_t>;  ///< the instruction after MOV SS, POP SS
using f_smi = bit_field<bool, 2, 2, std::uint32_t>;
using f_nmi = bit_field<bool, 3, 3, std::uint32_t>;  ///< an NMI is being handled
inline constexpr std::uint32_t shadows = f_sti::mask | f_mov_ss::mask;
}  // namespace interruptibility

}  // namespace axhal::x86_64
