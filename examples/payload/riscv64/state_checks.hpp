// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "device_checks.hpp"
#include "machine.hpp"
#include "traps.hpp"

#include <cstdint>

// What must be the same after an exit: general, floating-point and vector registers.
namespace payload {

/// Things that leave this machine: a call, a device, an instruction that is refused, a fault, time that passes.
inline void leave_often() {
  for (unsigned i = 0; i < 50; ++i) {
    call(sbi::base, 0);
    call(sbi::base, 3, 0x1234);
    call(sbi::dbcn, 0, 0, 0, 0);
    (void)load8(uart_at::lsr);
    store8(uart_at::scr, i);
    (void)cause_of_word(read_csr(0x300));
    (void)cause_of([] { (void)load8(nowhere); });
  }
}

inline void general_registers() {
  std::uint64_t after[32];
  for (auto& r : after) r = 0;
  store8(uart_at::scr, 0x6d);
  walk_registers(after, uart_at::scr);
  for (std::uint64_t n = 1; n < 30; ++n) {
    bool const spoken = n == 2 || n == 10 || n == 11 || n == 16 || n == 17;
    if (!spoken) check("a register across exits", after[n], n * 0x0101'0101'0101'0101);
  }
  check("a0 of a call: no error", after[10], 0);
  check("a1 of a call: its value", after[11], call(sbi::base, 0).value);
  check("a6 across a call", after[16], 0);
  check("a7 across a call", after[17], 0x10);
  check("a load after a call", after[30], 0x6d);
  check("the base of a load", after[31], uart_at::scr);
}

inline constexpr std::uint64_t fs_initial = std::uint64_t{1} << 13, fs_clean = std::uint64_t{2} << 13,
                               fs_dirty = std::uint64_t{3} << 13, vs_initial = std::uint64_t{1} << 9,
                               vs_dirty = std::uint64_t{3} << 9, dirty = std::uint64_t{1} << 63;

#define EACH_FP(insn, base)                                                                                      \
  ".option push\n\t.option arch, +d\n\t.irp n,0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24," \
  "25,26,27,28,29,30,31\n\t" insn " f\\n, 8*\\n(" base ")\n\t.endr\n\t.option pop"

inline void floating_point() {
  clear<csr::sstatus>(fs_dirty | vs_dirty);
  check("FS off: no FP instruction", cause_of_word(0xe200'0553), cause::illegal);  // fmv.x.d a0, f0
  check("FS off: no fcsr", cause_of_word(read_csr(3)), cause::illegal);
  set<csr::sstatus>(fs_initial);
  check("FS initial", cause_of_word(0xe200'0553), cause::none);
  check("FS is not dirty after a move out of it", read<csr::sstatus>() & dirty, 0);

  std::uint64_t in[32], out[32];
  for (std::uint64_t n = 0; n < 32; ++n) in[n] = 0x7ff0'0000'0000'0000 | (n + 1) * 0x0123'4567'89ab;
  asm volatile(EACH_FP("fld", "%0")::"r"(in) : "memory");
  write<csr::fcsr>(0x75);
  check("FS is dirty after a load", read<csr::sstatus>() & (fs_dirty | dirty), fs_dirty | dirty);
  leave_often();
  asm volatile(EACH_FP("fsd", "%0")::"r"(out) : "memory");
  for (unsigned n = 0; n < 32; ++n) check("an FP register across exits", out[n], in[n]);
  check("fcsr across exits", read<csr::fcsr>(), 0x75);

  // What the guest has declared clean stays so until it writes.
  clear<csr::sstatus>(fs_dirty);
  set<csr::sstatus>(fs_clean);
  leave_often();
  check("FS stays clean", read<csr::sstatus>() & (fs_dirty | dirty), fs_clean);
  std::uint64_t v;
  asm volatile(
      ".option push\n\t.option arch, +d\n\tfmv.d.x f0, %1\n\tfadd.d f31, f0, f0\n\tfmv.x.d %0, f31\n\t.option pop"
      : "=r"(v)
      : "r"(0x3ff0'0000'0000'0000));
  check("1.0 + 1.0", v, 0x4000'0000'0000'0000);
  check("FS is dirty again", read<csr::sstatus>() & (fs_dirty | dirty), fs_dirty | dirty);
  write<csr::fcsr>(0);
  clear<csr::sstatus>(fs_dirty);
  leave_often();
  check("FS stays off", cause_of_word(0xe200'0553), cause::illegal);
  // Nobody has changed them while they were off.
  set<csr::sstatus>(fs_clean);
  asm volatile(EACH_FP("fsd", "%0")::"r"(out) : "memory");
  for (unsigned n = 1; n < 31; ++n) check("an FP register across FS off", out[n], in[n]);
  clear<csr::sstatus>(fs_dirty);
}

/// A machine without D, and one that hides the F that it has without D.
inline void no_floating_point(machine const& m) {
  set<csr::sstatus>(fs_dirty);
  check("no D in the ISA string: none", cause_of_word(0xf200'0053), cause::illegal);  // fmv.d.x f0, x0
  if (!m.has('f')) {
    check("no F in the ISA string: none", cause_of_word(0x2000'0053), cause::illegal);  // fsgnj.s f0, f0, f0
    check("no F in the ISA string: no fcsr", cause_of_word(read_csr(3)), cause::illegal);
  }
  clear<csr::sstatus>(fs_dirty);
}

constexpr std::uint32_t vsetivli_e8 = 0xcc08'7057;  // vsetivli x0, 16, e8, m1, ta, ma

inline void vector(machine const& m) {
  clear<csr::sstatus>(vs_dirty);
  check("VS off: no vector instruction", cause_of_word(vsetivli_e8), cause::illegal);
  set<csr::sstatus>(vs_initial);
  if (!m.has('v')) {
    check("no V in the ISA string: none", cause_of_word(vsetivli_e8), cause::illegal);
    check("no V in the ISA string: no vlenb", cause_of_word(read_csr(0xc22)), cause::illegal);
    clear<csr::sstatus>(vs_dirty);
    return;
  }
  alignas(16) std::uint8_t in[16], out[16];
  for (unsigned i = 0; i < 16; ++i) in[i] = static_cast<std::uint8_t>(0xb0 + i);
  asm volatile(
      ".option push\n\t.option arch, +v\n\tvsetivli x0, 16, e8, m1, ta, ma\n\tvle8.v v0, (%0)\n\t"
      "vadd.vv v31, v0, v0\n\t.option pop" ::"r"(in)
      : "memory");
  auto const type = read<csr::vtype>();
  check("VS is dirty", read<csr::sstatus>() & (vs_dirty | dirty), vs_dirty | dirty);
  leave_often();
  check("vl across exits", read<csr::vl>(), 16);
  check("vtype across exits", read<csr::vtype>(), type);
  asm volatile(".option push\n\t.option arch, +v\n\tvse8.v v31, (%0)\n\t.option pop" ::"r"(out) : "memory");
  for (unsigned i = 0; i < 16; ++i) check("a vector register across exits", out[i], (2 * in[i]) & 0xff);
  clear<csr::sstatus>(vs_dirty);
}

inline void state(machine const& m) {
  general_registers();
  // Before this the guest has not used FP, so that what it asks for is another way through the hypervisor.
  if (m.has('d')) {
    floating_point();
    floating_point_accesses(m);
  } else {
    no_floating_point(m);
  }
  vector(m);
}

}  // namespace payload
