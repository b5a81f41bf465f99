// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <concepts>
#include <cstdint>

namespace axhal::riscv64 {

/// What a call returns: a0 and a1 (SBI Specification 2.0, "Binary Encoding").
struct sbi_return {
  std::int64_t error{};   ///< a0: an `sbi_error`
  std::uint64_t value{};  ///< a1
  friend constexpr bool operator==(sbi_return const&, sbi_return const&) = default;
};

// clang-format off
/// Standard error codes (SBI Specification 2.0, "Binary Encoding", table "Standard SBI Errors").
enum class sbi_error : std::int64_t {
  success           = 0,
  failed            = -1,
  not_supported     = -2,
  invalid_param     = -3,
  denied            = -4,
  invalid_address   = -5,
  already_available = -6,
  already_started   = -7,
  already_stopped   = -8,
  no_shmem          = -9,
};

/// Extension identifiers, a7. They are signed 32-bit numbers and stand in the register sign-extended; all of these are
/// positive. Extensions marked `-` are known by number and never offered by `sbi_server`.
enum class sbi_extension : std::uint64_t {
  legacy_set_timer             = 0x00,  // -
  legacy_console_putchar       = 0x01,  // -
  legacy_console_getchar       = 0x02,  // -
  legacy_clear_ipi             = 0x03,  // -
  legacy_send_ipi              = 0x04,  // -
  legacy_remote_fence_i        = 0x05,  // -
  legacy_remote_sfence_vma     = 0x06,  // -
  legacy_remote_sfence_vma_asid = 0x07, // -
  legacy_shutdown              = 0x08,  // -
  base   = 0x10,
  ipi    = 0x73'5049,
  hsm    = 0x48'534d,
  dbcn   = 0x4442'434e,
  rfence = 0x5246'4e43,
  srst   = 0x5352'5354,
  time   = 0x5449'4d45,
  pmu    = 0x50'4d55,    // -
  susp   = 0x5355'5350,  // -
  cppc   = 0x4350'5043,  // -
  nacl   = 0x4e41'434c,  // -
  sta    = 0x53'5441,    // -
};

/// Functions of the Base Extension.
enum class sbi_base : std::uint64_t {
  get_spec_version = 0,
  get_impl_id      = 1,
  get_impl_version = 2,
  probe_extension  = 3,
  get_mvendorid    = 4,
  get_marchid      = 5,
  get_mimpid       = 6,
};
/// Functions of the Timer Extension.
enum class sbi_time : std::uint64_t { set_timer = 0 };
/// Functions of the IPI Extension.
enum class sbi_ipi : std::uint64_t { send_ipi = 0 };
/// Functions of the RFENCE Extension.
enum class sbi_rfence : std::uint64_t {
  remote_fence_i          = 0,
  remote_sfence_vma       = 1,
  remote_sfence_vma_asid  = 2,
  remote_hfence_gvma_vmid = 3,
  remote_hfence_gvma      = 4,
  remote_hfence_vvma_asid = 5,
  remote_hfence_vvma      = 6,
};
/// Functions of the Hart State Management Extension.
enum class sbi_hsm : std::uint64_t {
  hart_start      = 0,
  hart_stop       = 1,
  hart_get_status = 2,
  hart_suspend    = 3,
};
/// Functions of the System Reset Extension.
enum class sbi_srst : std::uint64_t { system_reset = 0 };
/// Functions of the Debug Console Extension.
enum class sbi_dbcn : std::uint64_t {
  console_write      = 0,
  console_read       = 1,
  console_write_byte = 2,
};

/// What a hart is doing; a word, which the CPU exchanges atomically without help from a library (SBI Specification 2.0, "Hart State Management Extension", table "HSM Hart States").
enum class hart_state : std::uint32_t {
  started         = 0,
  stopped         = 1,
  start_pending   = 2,
  stop_pending    = 3,
  suspended       = 4,
  suspend_pending = 5,
  resume_pending  = 6,
};

/// Kinds of suspend, 32 bits: the default ones. Others are reserved or a platform's own
/// (SBI Specification 2.0, "Hart State Management Extension", table "HSM Hart Suspend Types").
enum class hart_suspend_type : std::uint32_t {
  retentive     = 0,
  non_retentive = 0x8000'0000,
};

/// How a system is reset, 32 bits (SBI Specification 2.0, "System Reset Extension", table "SRST System Reset Types").
enum class system_reset_type : std::uint32_t {
  shutdown    = 0,
  cold_reboot = 1,
  warm_reboot = 2,
};
/// Why, 32 bits (table "SRST System Reset Reasons").
enum class system_reset_reason : std::uint32_t {
  none           = 0,
  system_failure = 1,
};
// clang-format on

/// A specification version: minor in [23:0], major in [30:24] (SBI Specification 2.0, "Base Extension").
[[nodiscard]] constexpr std::uint64_t sbi_version(unsigned major, unsigned minor) {
  return (std::uint64_t{major} & 0x7f) << 24 | (std::uint64_t{minor} & 0xff'ffff);
}
inline constexpr std::uint64_t sbi_2_0 = sbi_version(2, 0);

/// `hart_mask_base` that names every hart (SBI Specification 2.0, "Hart list parameter").
inline constexpr std::uint64_t all_harts = ~std::uint64_t{0};
/// A range of addresses of this size is the whole address space (SBI Specification 2.0, "RFENCE Extension").
inline constexpr std::uint64_t whole_address_space = ~std::uint64_t{0};
/// The time of a deadline that never comes (SBI Specification 2.0, "Timer Extension").
inline constexpr std::uint64_t no_deadline = ~std::uint64_t{0};

/// An error without a value, as a call returns it.
[[nodiscard]] constexpr sbi_return sbi_failure(sbi_error e) { return {static_cast<std::int64_t>(e), 0}; }
/// Success with a value.
[[nodiscard]] constexpr sbi_return sbi_success(std::uint64_t value = 0) { return {0, value}; }

/// The words of one call, as they stand in a7, a6 and a0..a5.
struct sbi_request {
  std::uint64_t eid{};
  std::uint64_t fid{};
  std::uint64_t a0{};
  std::uint64_t a1{};
  std::uint64_t a2{};
  std::uint64_t a3{};
  std::uint64_t a4{};
  std::uint64_t a5{};
  friend constexpr bool operator==(sbi_request const&, sbi_request const&) = default;
};

/// One call to firmware: ECALL with extension, function and six arguments in, a0 and a1 out.
/// Models: the CPU's own instruction, host test doubles.
template <typename S>
concept SbiCall = requires(std::uint64_t x) {
  { S::sbi_call(x, x, x, x, x, x, x, x) } -> std::same_as<sbi_return>;
};

}  // namespace axhal::riscv64
