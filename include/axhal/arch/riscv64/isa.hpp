// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/arch/riscv64/hypervisor_controls.hpp>
#include <axhal/core/bytes.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>

namespace axhal::riscv64 {

namespace isa_detail {

constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }
constexpr bool is_letter(char c) { return c >= 'a' && c <= 'z'; }
/// Extensions that begin with these have names of several letters, and each stands alone between underscores.
constexpr bool begins_long_name(char c) { return c == 'z' || c == 's' || c == 'x'; }

/// The name without the version that may end it: digits, or digits, p and digits.
constexpr text without_version(text name) {
  std::size_t end = name.size;
  while (end > 1 && is_digit(name[end - 1])) --end;
  if (end < name.size && end > 2 && name[end - 1] == 'p' && is_digit(name[end - 2])) {
    --end;
    while (end > 1 && is_digit(name[end - 1])) --end;
  }
  return name.sub(0, end);
}

}  // namespace isa_detail

/// Calls `f(text)` for each extension of an ISA string, lower case, in its order: "rv64imac_zicsr_sstc" is i, m, a, c,
/// zicsr, sstc. Version numbers after a name ("i2p1", "zicsr2p0") are left out. Any other character (a damaged string)
/// drops what follows up to the next `_`. Nothing is called for a string that does not begin with "rv64"
/// (RISC-V Unprivileged Architecture, "ISA Extension Naming Conventions").
template <std::invocable<text> F>
constexpr void for_each_extension(text isa, F&& f) {
  using namespace isa_detail;
  if (!isa.starts_with("rv64")) return;
  std::size_t at = 4;
  while (at < isa.size) {
    if (isa[at] == '_') {
      ++at;
    } else if (begins_long_name(isa[at])) {
      std::size_t end = at;
      while (end < isa.size && (is_letter(isa[end]) || is_digit(isa[end]))) ++end;
      f(without_version(isa.sub(at, end - at)));
      at = end;
    } else if (is_letter(isa[at])) {
      f(isa.sub(at, 1));
      ++at;
      std::size_t const version = at;
      while (at < isa.size && is_digit(isa[at])) ++at;
      if (at > version && at + 1 < isa.size && isa[at] == 'p' && is_digit(isa[at + 1])) {
        for (++at; at < isa.size && is_digit(isa[at]);) ++at;
      }
    } else {
      while (at < isa.size && isa[at] != '_') ++at;
    }
  }
}

/// True when a guest on this CPU may be told of an extension that the CPU has: its instructions work in VS-mode and
/// VU-mode, and what state it has is switched between guests. What is not known is not offered.
///
/// Of svade and svadu one is offered, the one that is true: hardware updates A and D in the guest's tables, or faults.
///
/// Hidden on purpose: h (no nested guests), v (its registers are not switched), zicntr, zihpm and sscofpmf (counters
/// trap), zkr (the seed), smstateen and ssstateen, ssaia and smaia (guests have a PLIC), shadow stacks and landing
/// pads.
[[nodiscard]] constexpr bool is_offered_to_guests(text name, h_features const& cpu) {
  if (name == text{"sstc"}) return cpu.sstc();
  if (name == text{"svpbmt"}) return envcfg::f_pbmte::get(cpu.henvcfg);
  if (name == text{"svadu"}) return envcfg::f_adue::get(cpu.henvcfg);
  if (name == text{"svade"}) return !envcfg::f_adue::get(cpu.henvcfg);
  if (name == text{"zicbom"}) return envcfg::f_cbcfe::get(cpu.henvcfg) && envcfg::f_cbie::get(cpu.henvcfg) != 0;
  if (name == text{"zicboz"}) return envcfg::f_cbze::get(cpu.henvcfg);
  constexpr auto is_one_of = [](text n, auto const& names) {
    for (text const each : names) {
      if (n == each) return true;
    }
    return false;
  };
  constexpr text with_fp[] = {"f", "d", "zfa", "zfh", "zfhmin", "zcd"};
  if (is_one_of(name, with_fp)) return cpu.has_d;
  constexpr text always[] = {
      "i",           "m",         "a",       "c",       "b",       "zicsr",   "zifencei", "zicbop", "zicond",
      "zihintpause", "zihintntl", "zimop",   "zcmop",   "zawrs",   "zacas",   "zabha",    "zaamo",  "zalrsc",
      "za64rs",      "zama16b",   "zca",     "zcb",     "zba",     "zbb",     "zbc",      "zbs",    "zbkb",
      "zbkc",        "zbkx",      "zknd",    "zkne",    "zknh",    "zksed",   "zksh",     "zkt",    "zic64b",
      "ziccamoa",    "ziccif",    "zicclsm", "ziccrse", "svinval", "svnapot", "svvptc",
  };
  return is_one_of(name, always);
}

/// Room for one ISA string, built piece by piece. What does not fit is left out.
class isa_string {
 public:
  constexpr isa_string() { put("rv64"); }

  /// Adds an extension. An underscore goes where one name would run into another, so any order is a valid string;
  /// readers expect single letters first.
  constexpr void add(text name) {
    if (name.size == 0) return;
    bool const is_long = name.size > 1 || isa_detail::begins_long_name(name[0]);
    std::size_t const separator = is_long || after_long_ ? 1 : 0;
    std::size_t const room = sizeof buffer_ - size_;
    if (name.size > room || separator > room - name.size) return;
    if (separator != 0) put("_");
    put(name);
    after_long_ = is_long;
  }
  [[nodiscard]] constexpr text get() const { return {buffer_, size_}; }

 private:
  // `add` has asked for room; that the loop asks again is for the compiler to see.
  constexpr void put(text t) {
    for (char const c : t) {
      if (size_ < sizeof buffer_) buffer_[size_++] = c;
    }
  }
  char buffer_[512]{};
  std::size_t size_{};
  bool after_long_{};
};

}  // namespace axhal::riscv64
