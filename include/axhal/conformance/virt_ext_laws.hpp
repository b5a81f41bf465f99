// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/conformance/guest_script.hpp>
#include <axhal/core/address.hpp>
#include <axhal/core/units.hpp>
#include <axhal/policy/virt_ext.hpp>
#include <axhal/vcpu/exit.hpp>

#include <cstddef>
#include <cstdint>

namespace axhal::laws {

namespace virt_ext_detail {

/// Writes down exits and answers them from a list.
struct exit_log {
  static constexpr std::size_t room = 24;
  struct entry {
    exit_kind kind{};
    std::uint64_t number{}, value{};
    unsigned size{};
    bool sign{};
    std::uint64_t arguments[7]{};
    friend constexpr bool operator==(entry const&, entry const&) = default;
  };
  entry entries[room]{};
  std::size_t count{};
  resume answers[room]{};        ///< `retry` unless told otherwise
  std::uint64_t values[room]{};  ///< what reads give when the answer is `next_instruction`
  bool injects[room]{};
  guest_fault fault{};

  constexpr void answer_all(resume answer) {
    for (auto& a : answers) a = answer;
  }
  /// True once the log is full, so that a guest that never ends does not run for ever.
  [[nodiscard]] constexpr bool is_full() const { return count >= room; }

  template <typename Guest, typename Exit>
  constexpr resume operator()(Guest& guest, Exit const& e) {
    if (is_full()) return resume::stop;
    std::size_t const n = count++;
    entry& at = entries[n];
    at.kind = kind_of<Exit>;
    if constexpr (requires { e.immediate; }) {
      at.number = e.number;
      at.value = e.immediate;
      for (unsigned i = 0; i < 7; ++i) at.arguments[i] = guest.argument(i);
    } else if constexpr (requires {
                           e.address;
                           e.size;
                         }) {
      at.number = e.address.value;
      at.size = e.size;
    } else if constexpr (requires { e.id; }) {
      at.number = e.id;
    }
    if constexpr (kind_of<Exit> == exit_kind::mmio_write || kind_of<Exit> == exit_kind::register_write)
      at.value = e.value;
    if (injects[n]) {
      guest.inject(fault);
    } else if (answers[n] == resume::next_instruction) {
      if constexpr (kind_of<Exit> == exit_kind::mmio_read) guest.complete_read(e, values[n]);
      if constexpr (kind_of<Exit> == exit_kind::register_read) guest.complete_register_read(e, values[n]);
      if constexpr (kind_of<Exit> == exit_kind::hypercall) guest.set_result(0, values[n]);
    }
    if constexpr (kind_of<Exit> == exit_kind::mmio_read) at.sign = e.sign_extend;
    return answers[n];
  }
};

/// Enters the guest and has its exit answered, `exits` times or until the answer is `stop`.
template <typename V>
constexpr void run(V& v, typename V::vcpu& s, exit_log& log, std::size_t exits) {
  for (std::size_t i = 0; i < exits; ++i) {
    v.enter(s);
    if (V::decode(s, log) == resume::stop) return;
  }
}

inline constexpr guest_phys script_base{0x4000'0000};
using step = guest_step::kind;

template <typename V, std::size_t N>
constexpr void prepare(typename V::vcpu& s, guest_step const (&steps)[N], std::size_t fault_entry = 0) {
  s.use_script({script_base, {steps, N}, fault_entry});
  s.set_translation(host_phys{0x8000'0000}, vmid{1});
}

/// 1: probing changes nothing.
template <typename V>
constexpr bool probes_steadily(V& v) {
  auto const before = V::probe();
  if (!(V::probe() == before)) return false;
  auto const enabled = v.enable();
  if (enabled.has_value() != before.has_value()) return false;
  if (!enabled && enabled.error() != before.error()) return false;
  return V::probe() == before;
}

/// 2: the guest starts where and with what it is told, each time it is reset.
template <typename V>
constexpr bool starts_as_told(V& v) {
  constexpr guest_step steps[] = {{step::call, 0, 1}, {step::call, 0, 2}, {step::set, 0, 99}, {step::call, 0, 3}};
  typename V::vcpu s{};
  prepare<V>(s, steps);
  exit_log log;
  std::uint64_t const arguments[] = {0, 0x1234'5678'9abc'def0, ~std::uint64_t{0}};
  for (std::size_t entry = 0; entry < 2; ++entry) {
    for (std::uint64_t const argument : arguments) {
      s.reset(script_base + 4 * entry, argument);
      v.load(s);
      run(v, s, log, 1);
      v.put(s);
      auto const& seen = log.entries[log.count - 1];
      if (seen.kind != exit_kind::hypercall || seen.value != entry + 1 || seen.arguments[0] != argument) return false;
      for (unsigned i = 1; i < 7; ++i) {
        if (seen.arguments[i] != 0) return false;
      }
    }
  }
  return log.count == 6;
}

/// 3: nothing is lost between `put` and `load`.
template <typename V>
constexpr bool keeps_registers(V& v) {
  constexpr guest_step steps[] = {{step::set, 1, 11}, {step::set, 2, 22},       {step::set, 3, 33},
                                  {step::set, 4, 44}, {step::set, 5, 55},       {step::set_system, 0, 66},
                                  {step::call, 0, 1}, {step::get_system, 6, 0}, {step::call, 0, 2}};
  typename V::vcpu s{};
  prepare<V>(s, steps);
  s.reset(script_base, 7);
  exit_log log;
  v.load(s);
  run(v, s, log, 1);
  v.put(s);
  v.load(s);
  run(v, s, log, 1);
  v.put(s);
  if (log.count != 2) return false;
  auto const& seen = log.entries[1].arguments;
  std::uint64_t const wanted[] = {7, 11, 22, 33, 44, 55, 66};
  for (unsigned i = 0; i < 7; ++i) {
    if (seen[i] != wanted[i]) return false;
  }
  return log.entries[1].value == 2;
}

/// 4: each exit once, with what the guest did.
template <typename V>
constexpr bool tells_each_exit(V& v) {
  constexpr guest_step steps[] = {{step::set, 0, 0x8400'0000},
                                  {step::call, 0, 0xabc},
                                  {step::load, 1, 0x0900'0000, 4},
                                  {step::load, 2, 0x0900'0004, 1, true},
                                  {step::set, 3, 0x1122'3344'5566'7788},
                                  {step::store, 3, 0x0900'0008, 2},
                                  {step::store, 3, 0x0900'0010, 8},
                                  {step::register_read, 4, 0xc018},
                                  {step::register_write, 3, 0xc081},
                                  {step::idle},
                                  {step::yield},
                                  {step::call, 0, 0xdef}};
  typename V::vcpu s{};
  prepare<V>(s, steps);
  s.reset(script_base, 0);
  exit_log log;
  log.answer_all(resume::next_instruction);
  log.values[0] = 5;
  log.values[1] = 0xffff'ffff'8000'0001;
  log.values[2] = 0x80;
  log.values[5] = 0x99;
  v.load(s);
  run(v, s, log, 9);
  v.put(s);
  if (log.count != 9) return false;
  using entry = exit_log::entry;
  entry const wanted[] = {
      {.kind = exit_kind::hypercall, .number = 0x8400'0000, .value = 0xabc, .arguments = {0x8400'0000}},
      {.kind = exit_kind::mmio_read, .number = 0x0900'0000, .size = 4},
      {.kind = exit_kind::mmio_read, .number = 0x0900'0004, .size = 1, .sign = true},
      {.kind = exit_kind::mmio_write, .number = 0x0900'0008, .value = 0x7788, .size = 2},
      {.kind = exit_kind::mmio_write, .number = 0x0900'0010, .value = 0x1122'3344'5566'7788, .size = 8},
      {.kind = exit_kind::register_read, .number = 0xc018},
      {.kind = exit_kind::register_write, .number = 0xc081, .value = 0x1122'3344'5566'7788},
      {.kind = exit_kind::idle},
      {.kind = exit_kind::yield},
  };
  for (std::size_t i = 0; i < 9; ++i) {
    if (!(log.entries[i] == wanted[i])) return false;
  }
  v.load(s);
  run(v, s, log, 1);
  v.put(s);
  auto const& last = log.entries[9];
  return log.count == 10 && last.value == 0xdef && last.number == 5 && last.arguments[1] == 0x8000'0001 &&
         last.arguments[2] == 0xffff'ffff'ffff'ff80 && last.arguments[4] == 0x99;
}

/// 5: `next_instruction` is one step, `retry` none.
template <typename V>
constexpr bool steps_exactly(V& v) {
  constexpr guest_step steps[] = {{step::load, 1, 0x0900'0000, 4},
                                  {step::idle},
                                  {step::register_write, 1, 0xc081},
                                  {step::yield},
                                  {step::call, 0, 1},
                                  {step::call, 0, 2}};
  typename V::vcpu s{};
  prepare<V>(s, steps);
  s.reset(script_base, 0);
  exit_log log;
  log.answer_all(resume::next_instruction);
  log.answers[0] = log.answers[1] = log.answers[3] = resume::retry;
  v.load(s);
  run(v, s, log, 9);
  v.put(s);
  exit_kind const wanted[] = {exit_kind::mmio_read, exit_kind::mmio_read, exit_kind::mmio_read,
                              exit_kind::idle,      exit_kind::idle,      exit_kind::register_write,
                              exit_kind::yield,     exit_kind::hypercall, exit_kind::hypercall};
  if (log.count != 9) return false;
  for (std::size_t i = 0; i < 9; ++i) {
    if (log.entries[i].kind != wanted[i]) return false;
  }
  return log.entries[7].value == 1 && log.entries[8].value == 2;
}

/// 6: two vCPUs on one CPU are strangers.
template <typename V>
constexpr bool separates_vcpus(V& v) {
  constexpr guest_step first[] = {{step::set, 1, 0xa1},
                                  {step::set_system, 0, 0xa2},
                                  {step::call, 0, 1},
                                  {step::get_system, 2, 0},
                                  {step::call, 0, 2}};
  constexpr guest_step second[] = {{step::get_system, 3, 0},
                                   {step::call, 0, 1},
                                   {step::set_system, 0, 0xb2},
                                   {step::set, 1, 0xb1},
                                   {step::call, 0, 2}};
  typename V::vcpu a{};
  typename V::vcpu b{};
  prepare<V>(a, first);
  prepare<V>(b, second);
  a.reset(script_base, 1);
  b.reset(script_base, 2);
  exit_log seen_a;
  exit_log seen_b;
  for (int turn = 0; turn < 2; ++turn) {
    v.load(a);
    run(v, a, seen_a, 1);
    v.put(a);
    v.load(b);
    run(v, b, seen_b, 1);
    v.put(b);
  }
  if (seen_a.count != 2 || seen_b.count != 2) return false;
  auto const& a_end = seen_a.entries[1].arguments;
  auto const& b_start = seen_b.entries[0].arguments;
  auto const& b_end = seen_b.entries[1].arguments;
  return a_end[0] == 1 && a_end[1] == 0xa1 && a_end[2] == 0xa2 && b_start[0] == 2 && b_start[1] == 0 &&
         b_start[3] == 0 && b_end[1] == 0xb1 && b_end[2] == 0;
}

/// 7: an injected fault comes before anything else.
template <typename V>
constexpr bool faults_at_once(V& v) {
  constexpr guest_step steps[] = {
      {step::set, 1, 1}, {step::load, 2, 0xdead'0000, 8}, {step::set, 1, 2}, {step::call, 0, 1}, {step::call, 0, 0xfa}};
  constexpr guest_fault::kind kinds[] = {guest_fault::kind::bus_error, guest_fault::kind::misaligned,
                                         guest_fault::kind::undefined_instruction};
  for (auto const what : kinds) {
    typename V::vcpu s{};
    prepare<V>(s, steps, 4);
    s.reset(script_base, 0);
    exit_log log;
    log.injects[0] = true;
    log.fault = {.what = what};
    v.load(s);
    run(v, s, log, 2);
    v.put(s);
    auto const& seen = log.entries[1];
    if (log.count != 2 || seen.kind != exit_kind::hypercall || seen.value != 0xfa) return false;
    if (seen.arguments[1] != 1 || seen.arguments[6] != (script_base + 4).value) return false;
  }
  return true;
}

}  // namespace virt_ext_detail

/// The number of the first law of `VirtExtPolicy` that `v` breaks, or 0. `v` is a fresh one, not enabled yet, on a
/// machine where it works; it is left disabled.
template <ScriptedVirtExt V>
constexpr int first_broken_virt_ext_law(V& v) {
  if (!virt_ext_detail::probes_steadily(v)) return 1;
  int broken = 0;
  if (!virt_ext_detail::starts_as_told(v)) {
    broken = 2;
  } else if (!virt_ext_detail::keeps_registers(v)) {
    broken = 3;
  } else if (!virt_ext_detail::tells_each_exit(v)) {
    broken = 4;
  } else if (!virt_ext_detail::steps_exactly(v)) {
    broken = 5;
  } else if (!virt_ext_detail::separates_vcpus(v)) {
    broken = 6;
  } else if (!virt_ext_detail::faults_at_once(v)) {
    broken = 7;
  }
  v.disable();
  return broken;
}

}  // namespace axhal::laws
