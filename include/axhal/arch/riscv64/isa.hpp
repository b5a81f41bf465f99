// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/arch/riscv64/hypervisor_controls.hpp>
#include <axhal/core/bytes.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>

namespace axhal::riscv64 {

/// Calls `f(text)` for each extension of an ISA string, lower case, in its order: "rv64imac_zicsr_sstc" is i, m, a, c,
/// zicsr, sstc. What follows the first letter that is none (a version number, a damaged string) up to the next `_` is
/// dropped. Nothing is called for a string that does not begin with "rv64"
/// (RISC-V Unprivileged Architecture, "ISA Extension Naming Conventions").
template <std::invocable<text> F>
constexpr void for_each_extension(text isa, F&& f) {
  if (!isa.starts_with("rv64")) return;
  constexpr auto is_letter = [](char c) { return c >= 'a' && c <= 'z'; };
  constexpr auto is_name = [is_letter](char c) { return is_letter(c) || (c >= '0' && c <= '9'); };
  constexpr auto begins_name = [](char c) { return c == 'z' || c == 's' || c == 'x'; };
  std::size_t at = 4;
  while (at < isa.size) {
    if (isa[at] == '_') {
      ++at;
    } else if (begins_name(isa[at])) {
      std::size_t end = at;
      while (end < isa.size && is_name(isa[end])) ++end;
      f(isa.sub(at, end - at));
      at = end;
    } else if (is_letter(isa[at])) {
      f(isa.sub(at, 1));
      ++at;
    } else {
      while (at < isa.size && isa[at] != '_') ++at;
    }
  }
}

/// True when a guest on this CPU may be told of an extension that the CPU has: its instructions work in VS-mode and
/// VU-mode, and what state it has is switched between guests. What is not known is not offered.
///
/// Hidden on purpose: h (no nested guests), v (its registers are not switched), zicntr, zihpm and sscofpmf (counters
/// trap), zkr (the seed), smstateen and ssstateen, ssaia and smaia (guests have a PLIC), shadow stacks and landing
/// pads.
[[nodiscard]] constexpr bool is_offered_to_guests(text name, h_features const& cpu) {
  if (name == text{"sstc"}) return cpu.sstc();
  if (name == text{"svpbmt"}) return envcfg::f_pbmte::get(cpu.henvcfg);
  if (name == text{"svadu"}) return envcfg::f_adue::get(cpu.henvcfg);
  if (name == text{"zicbom"}) return envcfg::f_cbcfe::get(cpu.henvcfg);
  if (name == text{"zicboz"}) return envcfg::f_cbze::get(cpu.henvcfg);
  constexpr text always[] = {
      "i",      "m",           "a",         "f",      "d",       "c",       "b",     "zicsr",   "zifencei", "zicbop",
      "zicond", "zihintpause", "zihintntl", "zimop",  "zcmop",   "zawrs",   "zacas", "zabha",   "zaamo",    "zalrsc",
      "za64rs", "zama16b",     "zfa",       "zfh",    "zfhmin",  "zca",     "zcb",   "zcd",     "zba",      "zbb",
      "zbc",    "zbs",         "zbkb",      "zbkc",   "zbkx",    "zknd",    "zkne",  "zknh",    "zksed",    "zksh",
      "zkt",    "zic64b",      "ziccamoa",  "ziccif", "zicclsm", "ziccrse", "svade", "svinval", "svnapot",  "svvptc",
  };
  for (text const offered : always) {
    if (name == offered) return true;
  }
  return false;
}

/// Room for one ISA string, built piece by piece. A string that does not fit is cut at an extension's end.
class isa_string {
 public:
  constexpr isa_string() { put("rv64"); }

  /// Adds an extension; single letters come before all others.
  constexpr void add(text name) {
    std::size_t const separator = name.size > 1 ? 1 : 0;
    if (name.size == 0 || name.size + separator > sizeof buffer_ - size_) return;
    if (separator != 0) put("_");
    put(name);
  }
  [[nodiscard]] constexpr text get() const { return {buffer_, size_}; }

 private:
  constexpr void put(text t) {
    for (char const c : t) buffer_[size_++] = c;
  }
  char buffer_[512]{};
  std::size_t size_{};
};

}  // namespace axhal::riscv64
