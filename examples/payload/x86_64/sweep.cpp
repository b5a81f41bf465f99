// SPDX-License-Identifier: BSL-1.0
// A guest that tries everything: model-specific registers, ports, CPUID, control registers, every offset of its
// interrupt controllers' pages, every opcode with memory of a device, calls. What comes back does not matter; that the
// hypervisor and this guest live on does.

#include "machine.hpp"
#include "traps.hpp"

#include <cstdint>
#include <initializer_list>

using namespace payload;

namespace {

std::uint64_t exceptions;

outcome attempt(void const* code, registers const& in = {}) {
  outcome const o = run(code, in);
  if (o.vector != exception::none) ++exceptions;
  return o;
}

struct range {
  std::uint32_t first, last;
};

// --- model-specific registers ---

/// What this guest would break itself with: the bases of its segments do no harm, EFER and the base of the local APIC
/// do.
bool is_own_state(std::uint32_t number) { return number == 0xc000'0080; }

void model_specific() {
  constexpr range ranges[] = {
      {0, 0x1fff}, {0x4000'0000, 0x4000'00ff}, {0xc000'0000, 0xc000'1fff}, {0xc001'0000, 0xc001'1fff}};
  auto const read = CODE("rdmsr"), write = CODE("wrmsr");
  for (auto const& r : ranges) {
    for (std::uint32_t number = r.first; number <= r.last; ++number) {
      auto const before = attempt(read, {.rcx = number | ones << 32});
      if (is_own_state(number)) continue;
      for (std::uint64_t const value : {ones, std::uint64_t{0}}) {
        attempt(write, {.rax = value & 0xffff'ffff, .rcx = number, .rdx = value >> 32});
      }
      if (before.vector == exception::none) {
        attempt(write, {.rax = before.r.rax, .rcx = number, .rdx = before.r.rdx});
      }
    }
  }
  // A number between the ranges that a bitmap has, one beyond.
  for (std::uint32_t number = 0x2000; number != 0; number <<= 1) {
    attempt(read, {.rcx = number});
    attempt(write, {.rcx = number});
    attempt(read, {.rcx = number - 1});
  }
}

// --- CPUID ---

std::uint64_t leaves() {
  constexpr range ranges[] = {{0, 0x40},
                              {0x3fff'fff0, 0x4000'0120},
                              {0x7fff'fff0, 0x8000'0040},
                              {0xbfff'fff0, 0xc000'0010},
                              {0xffff'fff0, 0xffff'ffff}};
  std::uint64_t sum = 0;
  for (auto const& r : ranges) {
    for (std::uint64_t leaf = r.first; leaf <= r.last; ++leaf) {
      for (std::uint32_t const subleaf : {0U, 1U, 2U, 3U, 4U, 8U, 31U, 62U, 63U, 64U, 0x7fff'ffffU, 0xffff'ffffU}) {
        auto const c = cpu::cpuid(static_cast<std::uint32_t>(leaf), subleaf);
        sum += c.eax ^ c.ebx ^ c.ecx ^ c.edx;
      }
    }
  }
  return sum;
}

// --- ports ---

/// Ports whose writing ends this guest or takes its console away, or a real machine's with it. The power management's
/// are those that ACPI tells.
bool ends(machine const& m, std::uint32_t port, unsigned size) {
  auto const in = [=](std::uint32_t first, std::uint32_t count) { return port + size > first && port < first + count; };
  return in(0x60, 5) || in(0x92, 1) || in(0xcf8, 8) || in(com1, 8) || in(m.pm1a_event(), 8) || in(0x8900, 1) ||
         in(0x20, 2) || in(0xa0, 2) || (!m.is_ours() && (in(0, 0x100) || in(0x600, 0x80) || in(0xb000, 0x200)));
}

void ports(machine const& m) {
  void const* const reads[] = {CODE("in al, dx"), CODE("in ax, dx"), CODE("in eax, dx")};
  void const* const writes[] = {CODE("out dx, al"), CODE("out dx, ax"), CODE("out dx, eax")};
  static std::uint8_t buffer[64];
  for (std::uint32_t port = 0; port <= 0xffff; ++port) {
    bool const is_busy = port < 0x500 || (port & 0xff) == 0 || (port >= 0x600 && port < 0x680) || port >= 0xffc0;
    for (unsigned n = 0; n < 3; ++n) {
      // What reading them takes away does no harm.
      if (is_busy) {
        attempt(reads[n], {.rdx = port});
      } else if (n == port % 3) {
        static_cast<void>(cpu::in32(static_cast<std::uint16_t>(port)));
      }
      if (ends(m, port, 1U << n)) continue;
      if (!is_busy && n != port % 3) continue;
      attempt(writes[n], {.rax = port * 0x0101'0101U, .rdx = port});
    }
    if (is_busy && !ends(m, port, 4)) {
      attempt(CODE("rep insd"), {.rcx = 3, .rdx = port, .rdi = reinterpret_cast<std::uint64_t>(buffer)});
      attempt(CODE("rep outsb"), {.rcx = 3, .rdx = port, .rsi = reinterpret_cast<std::uint64_t>(buffer)});
    }
  }
  wake_uart();
}

// --- control registers ---

/// A generator of George Marsaglia's kind.
std::uint64_t next_random() {
  static std::uint64_t state = 0x9e37'79b9'7f4a'7c15;
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return state;
}

/// Every single bit, and some at random, set or cleared against what is there; paging stays, or there would be no code.
void control_registers(machine const& m) {
  auto const cr0 = cpu::read_cr0(), cr4 = cpu::read_cr4();
  auto const set_cr0 = CODE("mov cr0, rax"), set_cr4 = CODE("mov cr4, rax"), set_xcr0 = CODE("xsetbv"),
             set_efer = CODE("wrmsr"), set_cr8 = CODE("mov cr8, rax"), set_dr7 = CODE("mov dr7, rax");
  auto const efer = cpu::read_msr(0xc000'0080);
  // All pages are for users too: SMEP and SMAP would take them away.
  constexpr std::uint64_t own_0 = std::uint64_t{1} << 31 | 1, own_4 = 0x20, forbidden_4 = 0x30'0000, own_efer = 0x500;
  for (unsigned i = 0; i < 500; ++i) {
    std::uint64_t const bits = i < 64 ? std::uint64_t{1} << i : next_random() & next_random();
    // A processor that does not check takes the ground away from under this guest.
    std::uint64_t const kept_0 = m.is_strict() && i < 64 ? 0 : own_0, kept_4 = m.is_strict() && i < 64 ? 0 : own_4;
    attempt(set_cr0, {.rax = cr0 ^ (bits & ~kept_0)});
    cpu::write_cr0(cr0);
    attempt(set_cr4, {.rax = cr4 ^ (bits & ~(kept_4 | forbidden_4))});
    cpu::write_cr4(cr4);
    std::uint64_t const e = efer ^ (bits & ~own_efer);
    attempt(set_efer, {.rax = e & 0xffff'ffff, .rcx = 0xc000'0080, .rdx = e >> 32});
    cpu::write_msr(0xc000'0080, efer);
    attempt(set_xcr0, {.rax = bits & 0xffff'ffff, .rcx = i % 5 == 0 ? bits : 0, .rdx = bits >> 32});
    attempt(set_cr8, {.rax = bits});
    attempt(set_dr7, {.rax = bits & ~std::uint64_t{0x20ff}});
    attempt(CODE("mov dr7, rax"), {.rax = 0x400});
    attempt(CODE("lmsw ax"), {.rax = bits});
    attempt(CODE("clts"));
    cpu::write_cr0(cr0);
  }
  if (m.has_xsave()) {
    cpu::write_cr4(cr4 | 1 << 18);
    for (unsigned i = 0; i < 500; ++i) {
      std::uint64_t const bits = i < 64 ? std::uint64_t{1} << i | 1 : next_random() & next_random();
      attempt(set_xcr0, {.rax = bits & 0xffff'ffff, .rcx = i % 5 == 0 ? bits : 0, .rdx = bits >> 32});
    }
    cpu::xsetbv(0, 1);
    cpu::write_cr4(cr4);
  }
  attempt(set_cr8, {.rax = 0});
}

// --- devices ---

void device(std::uint64_t page) {
  constexpr std::uint64_t icr = local_apic + 0x300;
  void const* const reads[] = {CODE("mov al, [rbx]"), CODE("mov ax, [rbx]"), CODE("mov eax, [rbx]"),
                               CODE("mov rax, [rbx]")};
  void const* const writes[] = {CODE("mov [rbx], al"), CODE("mov [rbx], ax"), CODE("mov [rbx], eax"),
                                CODE("mov [rbx], rax")};
  for (std::uint64_t at = page; at < page + 0x1000; ++at) {
    for (unsigned n = 0; n < 4; ++n) {
      bool const whole = (at & 0xf) == 0 || (at & 0x3f) < 0x12 || at > page + 0xff0;
      if (!whole && n != at % 4) continue;
      attempt(reads[n], {.rbx = at});
      // Commands would reach this processor itself: INIT ends the guest.
      if (at + (1U << n) > icr && at < icr + 4) continue;
      for (std::uint64_t const value : {ones, std::uint64_t{0x5555'aaaa'0f0f'1234}, std::uint64_t{0}}) {
        attempt(writes[n], {.rax = value, .rbx = at});
      }
    }
  }
  // Commands of every delivery mode but INIT, NMI and start-up, to nobody.
  for (std::uint32_t mode = 0; mode < 8 && page == local_apic; ++mode) {
    if (mode == 4 || mode == 5 || mode == 6) continue;
    for (std::uint32_t shorthand = 0; shorthand < 4; ++shorthand) {
      for (std::uint32_t const vector : {0U, 15U, 16U, 255U}) {
        store32(local_apic + 0x310, 0x5500'0000);
        store32(local_apic + 0x300, shorthand << 18 | mode << 8 | vector);
        store32(local_apic + 0x300, shorthand << 18 | mode << 8 | vector | 0x800);
      }
    }
  }
}

alignas(4096) std::uint8_t place[64];

/// One opcode, of one or two bytes, with a memory operand at RBX; every general register but RSP points there. What the
/// opcode does to this guest's flow ends at a breakpoint, or where it has led.
void opcode(std::initializer_list<std::uint8_t> prefix, std::uint8_t code, std::uint8_t modrm, std::uint64_t at) {
  unsigned n = 0;
  for (auto const byte : prefix) place[n++] = byte;
  place[n++] = code;
  place[n++] = modrm;
  for (unsigned i = 0; i < 10; ++i) place[n++] = 0x90;
  place[n++] = 0xcd;
  place[n++] = 0x80;
  for (; n < sizeof place; ++n) place[n] = 0xcc;
  std::uint8_t const* where = place;
  asm volatile("" : "+r"(where)::"memory");
  attempt(where, {.rax = at,
                  .rcx = 1,
                  .rdx = no_port,
                  .rbx = at,
                  .rbp = at,
                  .rsi = at,
                  .rdi = at,
                  .r8 = at,
                  .r12 = at,
                  .r13 = at});
}

/// True for opcodes that only move this guest elsewhere, stop it, or load its segments and tables.
bool is_flow(std::uint8_t code) {
  return code == 0x0f || (code & 0xf0) == 0x70 || code == 0xc2 || code == 0xc3 || code == 0xc8 || code == 0xc9 ||
         code == 0xca || code == 0xcb || code == 0xcd || code == 0xcf || (code >= 0xe0 && code <= 0xe3) ||
         (code >= 0xe4 && code <= 0xef) || code == 0xf4 || code == 0xfb || code == 0x8e || code == 0x9d ||
         code == 0xff || code == 0x5c || code == 0xbc || code == 0x94 || code == 0x17 || code == 0x1f || code == 0x07 ||
         code == 0xa0 || code == 0xa1 || code == 0xa2 || code == 0xa3;
}
bool is_flow_of_two(std::uint8_t code) {
  return (code & 0xf0) == 0x80 || code == 0x00 || code == 0x01 || code == 0x05 || code == 0x07 || code == 0x34 ||
         code == 0x35 || code == 0x22 || code == 0x23 || code == 0x30 || code == 0xb2 || code == 0xb4 || code == 0xb5 ||
         code == 0xa1 || code == 0xa9 || code == 0xaa || code == 0x37 || code == 0x0b || code == 0xff;
}

void opcodes(std::uint64_t at) {
  for (unsigned code = 0; code < 0x100; ++code) {
    auto const c = static_cast<std::uint8_t>(code);
    for (std::uint8_t reg = 0; reg < 8; ++reg) {
      auto const modrm = static_cast<std::uint8_t>(reg << 3 | 3);
      if (!is_flow(c)) {
        opcode({}, c, modrm, at);
        opcode({0x66}, c, modrm, at);
        opcode({0x48}, c, modrm, at);
        if (reg == 0) {
          for (auto const p : {std::uint8_t{0xf0}, std::uint8_t{0xf2}, std::uint8_t{0xf3}}) opcode({p}, c, modrm, at);
        }
      }
      if (is_flow_of_two(c)) continue;
      opcode({0x0f}, c, modrm, at);
      if (reg == 0) {
        for (auto const p : {std::uint8_t{0x66}, std::uint8_t{0xf2}, std::uint8_t{0xf3}, std::uint8_t{0xf0}})
          opcode({p, 0x0f}, c, modrm, at);
        opcode({0x0f, 0x38}, c, modrm, at);
        opcode({0x0f, 0x3a}, c, modrm, at);
      }
    }
  }
}

// --- calls ---

void calls(machine const& m) {
  if (!m.is_ours()) return;
  auto const call = m.is_intel() ? CODE("vmcall") : CODE("vmmcall");
  for (std::uint64_t number = 0; number < 300; ++number)
    attempt(call, {.rax = number, .rcx = ones, .rdx = ones, .rbx = ones});
  for (std::uint64_t number = 1; number != 0; number <<= 1) {
    attempt(call, {.rax = number});
    attempt(call, {.rax = ~number, .rcx = number, .rdx = number, .rbx = number});
    for (auto const cs : {user_code, user_code_32, kernel_code_32}) {
      if (run(call, {.rax = number}, cs).vector != exception::none) ++exceptions;
    }
  }
}

/// The local APIC as it was, after all that.
void calm_apic() {
  store32(local_apic + 0xf0, 0x1ff);
  for (std::uint32_t const at : {0x2f0U, 0x320U, 0x330U, 0x340U, 0x350U, 0x360U, 0x370U})
    store32(local_apic + at, 0x1'00ff);
  store32(local_apic + 0x380, 0);
}

}  // namespace

extern "C" void on_trap(stopped& f) { answer_trap(f); }

extern "C" void payload_main(std::uint64_t magic, std::uint64_t information) {
  wake_uart();
  machine const m{magic, information};
  auto const said = [](axhal::text what) {
    print("AXHAL-GUEST ");
    print(what);
    print("=ok\r\n");
  };
  static_cast<void>(leaves());
  said("cpuid");
  if (m.is_ours()) model_specific();
  said("registers");
  ports(m);
  said("ports");
  control_registers(m);
  said("control");
  device(io_apic);
  device(local_apic);
  device(nowhere);
  calm_apic();
  said("devices");
  for (auto const at : {io_apic, io_apic + 0x10, local_apic + 0x380, nowhere}) opcodes(at);
  calm_apic();
  wake_uart();
  said("opcodes");
  calls(m);
  said("calls");
  print("AXHAL-GUEST exceptions=");
  print_number(exceptions);
  print("\r\nAXHAL-GUEST verdict=ok\r\n");
  power_off();
}
