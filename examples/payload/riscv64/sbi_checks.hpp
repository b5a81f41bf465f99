// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "machine.hpp"
#include "traps.hpp"

#include <axhal/arch/riscv64/sbi.hpp>

#include <cstdint>
#include <initializer_list>

// SBI calls, right and wrong. Those that wait for interrupts are in interrupt_checks.hpp.
namespace payload {

inline constexpr std::uint64_t word_of(axhal::riscv64::sbi_error e) { return static_cast<std::uint64_t>(e); }
inline constexpr std::uint64_t success = word_of(axhal::riscv64::sbi_error::success);
inline constexpr std::uint64_t not_supported = word_of(axhal::riscv64::sbi_error::not_supported);
inline constexpr std::uint64_t invalid_param = word_of(axhal::riscv64::sbi_error::invalid_param);
inline constexpr std::uint64_t invalid_address = word_of(axhal::riscv64::sbi_error::invalid_address);
inline constexpr std::uint64_t already_available = word_of(axhal::riscv64::sbi_error::already_available);

inline std::uint64_t error_of(sbi extension, std::uint64_t function, std::uint64_t a = 0, std::uint64_t b = 0,
                              std::uint64_t c = 0, std::uint64_t d = 0, std::uint64_t e = 0) {
  return call(extension, function, a, b, c, d, e).error;
}

inline void sbi_base(machine const& m) {
  auto const version = call(sbi::base, 0);
  check("get_spec_version", version.error, success);
  check("get_spec_version: 2.0 or later, bit 31 zero", version.value >= 0x200'0000 && version.value >> 31 == 0, 1);
  for (std::uint64_t f = 1; f <= 2; ++f) check("get_impl_id, get_impl_version", error_of(sbi::base, f), success);
  for (std::uint64_t f = 4; f <= 6; ++f) check("get_mvendorid, marchid, mimpid", error_of(sbi::base, f), success);
  check("BASE, unknown function", error_of(sbi::base, 7), not_supported);
  check("BASE, function of all ones", error_of(sbi::base, ones), not_supported);

  auto const probe = [](std::uint64_t extension) { return call(sbi::base, 3, extension); };
  for (auto e : {sbi::base, sbi::time, sbi::ipi, sbi::rfence, sbi::hsm, sbi::srst, sbi::dbcn}) {
    auto const there = probe(static_cast<std::uint64_t>(e));
    check("probe_extension", there.error, success);
    check("probe_extension finds it", there.value != 0, 1);
    check("an unknown function of an extension", error_of(e, 0x1000), not_supported);
    check("a function of 2^32", error_of(e, std::uint64_t{1} << 32), not_supported);
  }
  for (std::uint64_t const unknown : {std::uint64_t{0x0800'0000}, std::uint64_t{0x1234'5678}, ones}) {
    check("probe_extension of nonsense", probe(unknown).error, success);
    check("probe_extension of nonsense finds nothing", probe(unknown).value, 0);
    check("unknown extension", call(unknown, 0).error, not_supported);
    check("unknown extension, all ones", call(unknown, ones, ones, ones, ones, ones, ones).error, not_supported);
  }
  // An identifier is 32 bits wide; what has more is another one.
  check("extension 2^32 + BASE", call((std::uint64_t{1} << 32) + 0x10, 0).error, not_supported);
  if (!m.is_ours()) return;
  check("version 2.0", version.value, axhal::riscv64::sbi_2_0);
  for (std::uint64_t legacy = 0; legacy < 0x10; ++legacy) {
    check("no legacy extension is there", probe(legacy).value, 0);
    check("a legacy call is refused", call(legacy, 0).error, not_supported);
  }
  for (auto e : {sbi::pmu, sbi::susp, sbi::cppc, sbi::nacl, sbi::sta}) {
    check("an extension that is not offered", probe(static_cast<std::uint64_t>(e)).value, 0);
    check("a call to an extension that is not offered", error_of(e, 0), not_supported);
  }
}

/// Hart masks, for calls that take them as their first two arguments. The guest has hart 0 alone.
template <typename F>
void hart_masks(axhal::text what, bool refuses_absent, F error) {
  check(what, error(1, 0), success);
  check(what, error(0, 0), success);
  check(what, error(0, ones), success);
  check(what, error(ones, ones), success);
  check(what, error(0x1234, ones), success);
  if (!refuses_absent) return;
  check(what, error(2, 0), invalid_param);
  check(what, error(3, 0), invalid_param);
  check(what, error(ones, 0), invalid_param);
  check(what, error(std::uint64_t{1} << 63, 0), invalid_param);
  check(what, error(1, 1), invalid_param);
  check(what, error(1, 64), invalid_param);
  check(what, error(1, ones - 1), invalid_param);
  check(what, error(ones, ones - 1), invalid_param);
  check(what, error(2, ones - 1), invalid_param);
  // 2^64 - 2 and two more is no hart either: numbers do not wrap.
  check(what, error(4, ones - 1), invalid_param);
}

inline void sbi_harts(machine const& m) {
  hart_masks("send_ipi, hart mask", m.is_ours(),
             [](auto mask, auto base) { return error_of(sbi::ipi, 0, mask, base); });
  clear<csr::sip>(2);
  hart_masks("remote_fence_i, hart mask", m.is_ours(),
             [](auto mask, auto base) { return error_of(sbi::rfence, 0, mask, base); });
  hart_masks("remote_sfence_vma, hart mask", m.is_ours(),
             [](auto mask, auto base) { return error_of(sbi::rfence, 1, mask, base, ram, 0x1000); });
  hart_masks("remote_sfence_vma_asid, hart mask", m.is_ours(),
             [](auto mask, auto base) { return error_of(sbi::rfence, 2, mask, base, ram, 0x1000, 1); });
  for (std::uint64_t const start : {std::uint64_t{0}, ram, ram + 1, nowhere}) {
    for (std::uint64_t const size : {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{1} << 40, ones}) {
      check("remote_sfence_vma, range", error_of(sbi::rfence, 1, 1, 0, start, size), success);
      check("remote_sfence_vma_asid, range", error_of(sbi::rfence, 2, 1, 0, start, size, 0xffff), success);
    }
  }
  check("remote_sfence_vma, the last page", error_of(sbi::rfence, 1, 1, 0, ones - 0xfff, 0x1000), success);

  check("hart_get_status(self) is STARTED", call(sbi::hsm, 2, 0).value, 0);
  check("hart_get_status(self)", error_of(sbi::hsm, 2, 0), success);
  check("hart_start(self)", error_of(sbi::hsm, 0, 0, ram + 0x20'0000, 0), already_available);
  for (std::uint64_t const wild : {ones, ones - 1, nowhere, std::uint64_t{0}, ram + 0x20'0001}) {
    if (m.is_ours()) check("hart_start at a wild address", error_of(sbi::hsm, 0, 0, wild, 0), invalid_address);
    if (m.is_ours()) check("hart_suspend to a wild address", error_of(sbi::hsm, 3, 0x8000'0000, wild), invalid_address);
  }
  for (std::uint64_t const absent : {std::uint64_t{1}, std::uint64_t{64}, ones, std::uint64_t{1} << 32}) {
    // Firmware's own numbers may be 32 bits wide.
    if (absent == std::uint64_t{1} << 32 && !m.is_ours()) continue;
    check("hart_get_status(nobody)", error_of(sbi::hsm, 2, absent), invalid_param);
    check("hart_start(nobody)", error_of(sbi::hsm, 0, absent, ram + 0x20'0000, 0), invalid_param);
    check("hart_start(nobody) at a wild address", error_of(sbi::hsm, 0, absent, ones, 0), invalid_param);
  }
  check("hart_suspend, reserved kind", error_of(sbi::hsm, 3, 1, 0, 0), invalid_param);
  check("hart_suspend, reserved kind that forgets", error_of(sbi::hsm, 3, 0x8000'0001, ram, 0), invalid_param);
  if (m.is_ours()) {
    for (std::uint64_t f = 3; f <= 6; ++f)
      check("remote_hfence without H", error_of(sbi::rfence, f, 1, 0, 0, 0), not_supported);
  }
}

inline void sbi_reset() {
  check("system_reset, reserved kind", error_of(sbi::srst, 0, 3, 0), invalid_param);
  check("system_reset, kind 0xefffffff", error_of(sbi::srst, 0, 0xefff'ffff, 0), invalid_param);
  check("system_reset, reserved reason", error_of(sbi::srst, 0, 0, 2), invalid_param);
  check("system_reset, reason 0xdfffffff", error_of(sbi::srst, 0, 0, 0xdfff'ffff), invalid_param);
}

inline void sbi_console(machine const& m) {
  static char const line[] = "AXHAL-GUEST dbcn=ok\r";
  auto const here = reinterpret_cast<std::uint64_t>(line);
  auto const said = call(sbi::dbcn, 0, sizeof line - 1, here, 0);
  check("console_write_byte", error_of(sbi::dbcn, 2, '\n'), success);
  check("console_write", said.error, success);
  check("console_write: bytes", said.value, sizeof line - 1);
  check("console_write of nothing", error_of(sbi::dbcn, 0, 0, here, 0), success);
  check("console_write of nothing: bytes", call(sbi::dbcn, 0, 0, here, 0).value, 0);
  static std::uint8_t buffer[16];
  check("console_read", error_of(sbi::dbcn, 1, sizeof buffer, reinterpret_cast<std::uint64_t>(buffer), 0), success);

  auto const end = ram + m.memory_size();
  // Firmware reaches all of memory and may print what it finds there.
  if (!m.is_ours()) return;
  struct wild {
    std::uint64_t size, low, high;
  };
  std::uint64_t const huge = std::uint64_t{1} << 63;
  wild const all[] = {
      {ones, ram, 0},
      {ones, here, 0},
      {ones, 0, 0},
      {ones, ones, 0},
      {16, ones - 7, 0},
      {16, end, 0},
      {16, end - 8, 0},
      {m.memory_size() + 1, ram, 0},
      {16, nowhere, 0},
      {16, uart, 0},
      {16, plic, 0},
      {16, 0, 0},
      {16, ram - 8, 0},
      {16, here, 1},
      {16, here, ones},
      {16, 0, ones},
      {ones, here, ones},
      {1, here, huge},
      {ones - here, here, 0},
      {ones - here + 1, here, 0},
      {ones - here + 17, here, 0},
      {16, huge, 0},
      {16, huge | here, 0},
      {16, std::uint64_t{1} << 56 | here, 0},
  };
  for (auto const& w : all) {
    check("console_write from a wild address", error_of(sbi::dbcn, 0, w.size, w.low, w.high), invalid_param);
    check("console_read to a wild address", error_of(sbi::dbcn, 1, w.size, w.low, w.high), invalid_param);
  }
}

}  // namespace payload
