// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "machine.hpp"
#include "traps.hpp"

#include <cstdint>
#include <initializer_list>

// Instructions and registers that S-mode has, has not, or has only when the ISA string says so.
namespace payload {

/// An instruction that must not exist: exception 2, with stval its own word or nothing.
inline void refused(axhal::text what, std::uint32_t word, std::uint64_t a0 = 0) {
  check(what, cause_of_word(word, a0), cause::illegal);
  if (caught.value != 0) check(what, caught.value, word);
}

inline void forbidden(machine const& m) {
  // Of M-mode and its debugger: one of each kind.
  for (unsigned const number : {0x300U, 0x301U, 0x302U, 0x303U, 0x304U, 0x305U, 0x306U, 0x30aU, 0x340U, 0x341U,
                                0x342U, 0x343U, 0x344U, 0x34aU, 0x34bU, 0x3a0U, 0x3b0U, 0x747U, 0x7a0U, 0x7b0U,
                                0xb00U, 0xb02U, 0xb03U, 0xf11U, 0xf12U, 0xf13U, 0xf14U, 0xf15U}) {
    refused("a register of M-mode, read", read_csr(number));
    refused("a register of M-mode, written", write_csr(number), ones);
  }
  for (unsigned const number : {0x1c0U, 0x5c0U, 0x9c0U, 0xcc1U, 0xdc0U, 0x0ffU}) {
    refused("a register that nobody has, read", read_csr(number));
    refused("a register that nobody has, written", write_csr(number));
  }
  for (unsigned const number : {0xc00U, 0xc01U, 0xc02U, 0xc1fU}) refused("a counter, written", write_csr(number));
  // (QEMU leaves in stval what was there before.)
  check("mret", cause_of_word(0x3020'0073), cause::illegal);
  refused("all ones", 0xffff'ffff);
  check("a compressed instruction of zeros", cause_of_word(0x0001'0000), cause::illegal);
  if (!m.is_ours()) return;

  for (unsigned const number :
       {0x200U, 0x204U, 0x205U, 0x240U, 0x241U, 0x242U, 0x243U, 0x244U, 0x24dU, 0x280U, 0x600U, 0x602U,
        0x603U, 0x604U, 0x605U, 0x606U, 0x607U, 0x60aU, 0x643U, 0x644U, 0x645U, 0x64aU, 0x680U, 0x6a8U}) {
    refused("a register of HS-mode, read", read_csr(number));
    refused("a register of HS-mode, written", write_csr(number), ones);
  }
  refused("hgeip", read_csr(0xe12));
  refused("hlv.w", 0x6805'4573, ram);
  refused("hlvx.hu", 0x6435'4573, ram);
  refused("hsv.b", 0x62a5'4073, ram);
  refused("hfence.vvma", 0x2200'0073);
  refused("hfence.gvma", 0x6200'0073);
  check("the ISA string has no H", m.has('h'), 0);
  // Time is the guest's own; how much the hypervisor works is not its business.
  refused("cycle", read_csr(0xc00));
  refused("instret", read_csr(0xc02));
  refused("hpmcounter3", read_csr(0xc03));
  refused("hpmcounter31", read_csr(0xc1f));
}

/// What is written to a register of S-mode that has every bit, and is read back.
template <csr Id>
void keeps(axhal::text what) {
  auto const before = read<Id>();
  for (std::uint64_t const value : {0x1234'5678'9abc'def0U, 0xedcb'a987'6543'2100U}) {
    write<Id>(value);
    check(what, read<Id>(), value);
  }
  write<Id>(before);
}

/// S-mode's own registers.
inline void own_registers() {
  keeps<csr::sscratch>("sscratch");
  keeps<csr::sepc>("sepc");
  keeps<csr::stval>("stval");
  auto const vector = read<csr::stvec>();
  write<csr::stvec>(vector + 0x100);
  check("stvec", read<csr::stvec>(), vector + 0x100);
  write<csr::stvec>(vector);
  write<csr::scause>(15);
  check("scause", read<csr::scause>(), 15);
  for (std::uint64_t const enabled : {std::uint64_t{0}, std::uint64_t{7}, std::uint64_t{2}}) {
    write<csr::scounteren>(enabled);
    check("scounteren", read<csr::scounteren>() & 2, enabled & 2);
  }
  check("senvcfg", cause_of_word(read_csr(0x10a)), cause::none);
  check("senvcfg, written", cause_of_word(write_csr(0x10a), 1), cause::none);
  check("senvcfg, written back", cause_of_word(write_csr(0x10a), 0), cause::none);
  constexpr std::uint64_t interrupts = 0x222, overflow = 1 << 13;
  write<csr::sie>(ones);
  check("sie has S-mode's interrupts alone", read<csr::sie>() & ~overflow, interrupts);
  write<csr::sie>(0);
  check("sie", read<csr::sie>(), 0);
  using namespace axhal::riscv64;
  check("sstatus: U-mode has 64 bits", sstatus::f_uxl::get(read<csr::sstatus>()), sstatus::uxl_64);
  set<csr::sstatus>(sstatus::f_sum::mask | sstatus::f_mxr::mask);
  auto const both = read<csr::sstatus>() & (sstatus::f_sum::mask | sstatus::f_mxr::mask);
  check("sstatus: SUM and MXR", both, sstatus::f_sum::mask | sstatus::f_mxr::mask);
  clear<csr::sstatus>(sstatus::f_sum::mask | sstatus::f_mxr::mask);
  check("satp is zero at first", read<csr::satp>(), 0);
}

/// What the ISA string promises works; what it does not mention and can be turned off does not.
inline void extensions(machine const& m) {
  struct form {
    axhal::text name;
    std::uint32_t word;  // a0 is the address of a block in memory
    bool hidden;         // where the ISA string does not list it, it must not work
  };
  constexpr form all[] = {
      {"zicbom", 0x0015'200f, true},    // cbo.clean 0(a0)
      {"zicbom", 0x0025'200f, true},    // cbo.flush
      {"zicbom", 0x0005'200f, true},    // cbo.inval
      {"zicboz", 0x0045'200f, true},    // cbo.zero
      {"sstc", read_csr(0x14d), true},  // stimecmp
      {"zawrs", 0x00d0'0073, false},    // wrs.nto
      {"zawrs", 0x01d0'0073, false},    // wrs.sto
      {"svinval", 0x1600'0073, false},  // sinval.vma
      {"svinval", 0x1800'0073, false},  // sfence.w.inval
      {"svinval", 0x1810'0073, false},  // sfence.inval.ir
      {"zba", 0x20a5'2533, false},      // sh1add a0, a0, a0
      {"zbb", 0x6005'1513, false},      // clz a0, a0
      {"zbs", 0x28a5'1533, false},      // bset a0, a0, a0
      {"zbc", 0x0aa5'1533, false},      // clmul a0, a0, a0
      {"zihintpause", 0x0100'000f, false},
  };
  static struct {
    alignas(256) std::uint8_t bytes[256];
  } block;
  for (auto const& e : all) {
    for (auto& b : block.bytes) b = 0xa5;
    auto const met = cause_of_word(e.word, reinterpret_cast<std::uint64_t>(&block));
    if (m.has(e.name)) {
      check(e.name, met, cause::none);
      if (e.word == 0x0045'200f) check("cbo.zero", block.bytes[0], 0);
    } else if (e.hidden && m.is_ours()) {
      check(e.name, met, cause::illegal);
    }
  }
  if (m.has("zicboz")) {
    faults("cbo.zero at nowhere", cause::store_access, [] { code{0x0045'200f}(nowhere); });
  }
  if (m.has("zicbom")) {
    auto const met = cause_of_word(0x0015'200f, nowhere);
    check("cbo.clean at nowhere", met == cause::none || met == cause::load_access || met == cause::store_access, 1);
  }
  check("pause", cause_of_word(0x0100'000f), cause::none);
  check("a hint", cause_of_word(0x0000'6013 | 5 << 20), cause::none);
  check("fence.i", cause_of_word(0x0000'100f), cause::none);
  check("sfence.vma", cause_of_word(0x1200'0073), cause::none);
  check("sfence.vma of an address and an ASID", cause_of_word(0x12b5'0073, ones, ones), cause::none);
}

inline void traps_of_its_own() {
  faults("ebreak", cause::breakpoint, [] { asm volatile(".option push\n\t.option norvc\n\tebreak\n\t.option pop"); });
  faults("c.ebreak", cause::breakpoint, [] { asm volatile("c.ebreak"); });
  check("ecall from U-mode", cause_of([] {
          code const c{0x0000'0073};
          run_user(c.address(), 0);
        }),
        cause::user_call);
  check("it came from U-mode", caught.from_user, 1);
  // What S-mode may do and U-mode may not; a hypervisor meets these as virtual instructions.
  struct form {
    axhal::text what;
    std::uint32_t word;
  };
  constexpr form not_for_users[] = {
      {"sstatus from U-mode", read_csr(0x100)},  {"sstatus written from U-mode", write_csr(0x100)},
      {"satp from U-mode", read_csr(0x180)},     {"sscratch from U-mode", read_csr(0x140)},
      {"stimecmp from U-mode", read_csr(0x14d)}, {"hstatus from U-mode", read_csr(0x600)},
      {"vsstatus from U-mode", read_csr(0x200)}, {"sret from U-mode", 0x1020'0073},
      {"sfence.vma from U-mode", 0x1200'0073},   {"hfence.gvma from U-mode", 0x6200'0073},
      {"hlv.w from U-mode", 0x6805'4573},        {"mstatus from U-mode", read_csr(0x300)},
      {"wfi from U-mode", 0x1050'0073},          {"cycle from U-mode", read_csr(0xc00)},
  };
  write<csr::scounteren>(0);
  for (auto const& f : not_for_users) {
    code const c{f.word, 0x0000'0073};
    check(f.what, cause_of([&] { run_user(c.address(), ram); }), cause::illegal);
    check(f.what, caught.from_user, 1);
    if (caught.value != 0) check(f.what, caught.value, f.word);
  }
  code const time{read_csr(0xc01), 0x0000'0073};
  // OpenSBI answers what the CPU has refused.
  auto const without = cause_of([&] { run_user(time.address(), 0); });
  check("time from U-mode, without scounteren.TM", without == cause::illegal || without == cause::user_call, 1);
  write<csr::scounteren>(2);
  std::uint64_t read_there = 0;
  auto const before = read<csr::time>();
  check("time from U-mode", cause_of([&] { read_there = run_user(time.address(), 0); }), cause::user_call);
  check("time from U-mode is the time", before <= read_there && read_there <= read<csr::time>(), 1);
}

inline void instructions(machine const& m) {
  forbidden(m);
  own_registers();
  extensions(m);
  traps_of_its_own();
}

}  // namespace payload
