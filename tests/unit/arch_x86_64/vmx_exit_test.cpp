// SPDX-License-Identifier: BSL-1.0
#include "support/vmx_bench.hpp"

#include <catch2/catch_test_macros.hpp>

#include <cstdint>

namespace {
using namespace axhal;
using namespace axhal::test::x86;

/// In 64-bit mode without paging, which no processor has, and code that is where it is.
guest_entry in_64_bits() { return long_mode_entry(0x800, 0x900, {0}, {0x2000}); }

[[nodiscard]] auto wrote_port(std::uint16_t port, std::uint32_t value) {
  return axhal::test::describe(exit::port_write{port, 1, value});
}

TEST_CASE("exits that are told as they are") {
  struct line {
    vmx_reason reason;
    exit_kind kind;
  };
  for (line const l :
       {line{vmx_reason::external_interrupt, exit_kind::host_interrupt},
        line{vmx_reason::preemption_timer, exit_kind::host_interrupt},
        line{vmx_reason::task_switch, exit_kind::unknown}, line{vmx_reason::init_signal, exit_kind::unknown},
        line{vmx_reason::startup_ipi, exit_kind::unknown},
        line{vmx_reason::ept_misconfiguration, exit_kind::host_error},
        line{static_cast<vmx_reason>(999), exit_kind::unknown}}) {
    vmx_bench b;
    CHECK(b.slow_exit(l.reason, 0, 2) == resume::retry);
    CHECK(b.h->count == 1);
    CHECK(b.h->seen[0].kind == l.kind);
    bool const raw = l.kind != exit_kind::host_interrupt;
    CHECK(b.h->seen[0].number == (raw ? static_cast<std::uint64_t>(l.reason) : 0));
    CHECK(field(vmcs::guest_rip) == 0x7c00);
    vmx_bench other;
    other.h->answers[0] = resume::stop;
    CHECK(other.slow_exit(l.reason) == resume::stop);
  }
}

TEST_CASE("a slice that is over begins anew") {
  vmx_bench b;
  set_field(vmcs::preemption_timer_value, 0);
  b.slow_exit(vmx_reason::preemption_timer);
  CHECK(field(vmcs::preemption_timer_value) == vmx_state::default_slice);
}

TEST_CASE("instructions that guests do not have") {
  for (vmx_reason const r : {vmx_reason::getsec, vmx_reason::vmclear, vmx_reason::vmlaunch, vmx_reason::vmptrld,
                             vmx_reason::vmptrst, vmx_reason::vmread, vmx_reason::vmresume, vmx_reason::vmwrite,
                             vmx_reason::vmxoff, vmx_reason::vmxon, vmx_reason::invept, vmx_reason::invvpid,
                             vmx_reason::vmfunc, vmx_reason::monitor, vmx_reason::mwait, vmx_reason::xsaves}) {
    vmx_bench b;
    b.h->answers[0] = resume::retry;
    b.h->injects_on_retry = true;
    CHECK(b.slow_exit(r, 0, 3) == resume::retry);
    CHECK(b.h->seen[0].kind == exit_kind::refused_instruction);
    CHECK(b.h->seen[0].number == static_cast<std::uint64_t>(r));
    CHECK(vmx_bench::event() == 0x8000'0306);
    CHECK(field(vmcs::guest_rip) == 0x7c00);
    vmx_bench over;
    CHECK(over.slow_exit(r, 0, 3) == resume::retry);
    CHECK(field(vmcs::guest_rip) == 0x7c03);
  }
  vmx_bench b;
  CHECK(b.slow_exit(vmx_reason::rdpmc, 0, 2) == resume::retry);
  CHECK(vmx_bench::event() == 0x8000'030d);
  CHECK(b.h->count == 0);
  for (vmx_reason const r : {vmx_reason::invd, vmx_reason::wbinvd}) {
    vmx_bench c;
    CHECK(c.slow_exit(r, 0, 2) == resume::retry);
    CHECK(field(vmcs::guest_rip) == 0x7c02);
    CHECK(c.h->count == 0);
  }
}

TEST_CASE("CPUID, VMCALL, HLT, PAUSE, RDMSR, WRMSR") {
  vmx_bench b{in_64_bits()};
  b.v->gpr[0] = 0x1234;
  b.v->gpr[1] = 5;
  CHECK(b.slow_exit(vmx_reason::cpuid, 0, 2) == resume::retry);
  CHECK(b.v->gpr[0] == 0x1234);
  CHECK(b.v->gpr[3] == 5);
  CHECK(b.v->gpr[1] == (~0x1234U));
  CHECK(field(vmcs::guest_rip) == 0x802);
  b.v->gpr[0] = 77;
  CHECK(b.slow_exit(vmx_reason::vmcall, 0, 3) == resume::retry);
  CHECK(b.h->seen[0].kind == exit_kind::hypercall);
  CHECK(b.h->seen[0].number == 77);
  CHECK(field(vmcs::guest_rip) == 0x805);
  CHECK(b.slow_exit(vmx_reason::hlt, 0, 1) == resume::retry);
  CHECK(b.h->seen[1].kind == exit_kind::idle);
  CHECK(field(vmcs::guest_rip) == 0x806);
  b.h->count = 0;
  b.v->gpr[1] = 0x1b;
  b.h->loads[0] = 0x1'0000'0002;
  CHECK(b.slow_exit(vmx_reason::rdmsr, 0, 2) == resume::retry);
  CHECK(b.h->seen[0].number == 0x1b);
  CHECK(b.v->gpr[0] == 2);
  CHECK(b.v->gpr[2] == 1);
  CHECK(b.slow_exit(vmx_reason::wrmsr, 0, 2) == resume::retry);
  CHECK(b.h->seen[1].kind == exit_kind::register_write);
  CHECK(b.h->seen[1].value == 0x1'0000'0002);
  CHECK(b.slow_exit(vmx_reason::pause, 0, 2) == resume::retry);
  CHECK(b.h->seen[2].kind == exit_kind::yield);
}

TEST_CASE("ports: numbers, sizes, and strings") {
  vmx_bench b{in_64_bits()};
  b.v->gpr[0] = 0x1122'3344'5566'7788;
  CHECK(b.slow_exit(vmx_reason::io_instruction, 0x03f8'0000, 1) == resume::retry);
  CHECK(b.h->seen[0] == wrote_port(0x3f8, 0x88));
  b.h->loads[1] = 0xabcd;
  CHECK(b.slow_exit(vmx_reason::io_instruction, 0x0060'0009, 2) == resume::retry);
  CHECK(b.h->seen[1] == axhal::test::describe(exit::port_read{0x60, 2}));
  CHECK(b.v->gpr[0] == 0x1122'3344'5566'abcd);
  CHECK(field(vmcs::guest_rip) == 0x803);
  // REP OUTSB from 7c10 in real mode
  vmx_bench s;
  s.v->gpr[1] = 2;
  s.v->gpr[6] = 0x10;
  s.h->memory.bytes[0x10] = 'a';
  s.h->memory.bytes[0x11] = 'b';
  set_field(vmcs::exit_instruction_information, std::uint64_t{3} << 15);
  CHECK(s.slow_exit(vmx_reason::io_instruction, 0x00e9'0030, 2) == resume::retry);
  CHECK(s.h->count == 2);
  CHECK(s.h->seen[1] == wrote_port(0xe9, 'b'));
  CHECK(s.v->gpr[1] == 0);
  CHECK(field(vmcs::guest_rip) == 0x7c02);
}

TEST_CASE("control registers: CR8 is the handler's, CR0 and CR4 are checked and shadowed") {
  vmx_bench b{in_64_bits()};
  b.v->gpr[10] = 9;
  CHECK(b.slow_exit(vmx_reason::control_register, 0xa08, 4) == resume::retry);
  CHECK(b.h->seen[0].kind == exit_kind::register_write);
  CHECK(b.h->seen[0].number == register_id::cr8);
  CHECK(b.h->seen[0].value == 9);
  b.h->loads[1] = 5;
  CHECK(b.slow_exit(vmx_reason::control_register, 0x718, 4) == resume::retry);
  CHECK(b.v->gpr[7] == 5);
  // NE set by the guest
  b.v->gpr[0] = 0x8000'0031;
  CHECK(b.slow_exit(vmx_reason::control_register, 0, 3) == resume::retry);
  CHECK(b.context().cr0() == 0x8000'0031);
  CHECK(field(vmcs::guest_rip) == 0x80b);
  // VMXE, which its CPUID does not have
  b.v->gpr[0] = 0x2020;
  CHECK(b.slow_exit(vmx_reason::control_register, 4, 3) == resume::retry);
  CHECK(vmx_bench::event() == 0x8000'0b0d);
  CHECK(b.context().cr4() == 0x20);
  vmx_bench::delivered();
  // LMSW of TS; CLTS
  CHECK(b.slow_exit(vmx_reason::control_register, 0x0008'0030, 3) == resume::retry);
  CHECK((b.context().cr0() & 8) != 0);
  CHECK(b.slow_exit(vmx_reason::control_register, 0x20, 2) == resume::retry);
  CHECK((b.context().cr0() & 8) == 0);
}

TEST_CASE("the fast tier leaves a control-register write to the slow one when the register is out of reach") {
  vmx_bench b{in_64_bits()};
  b.v->gpr[12] = 3;
  fast_handler<vmx_handler> h{*b.h};
  set_field(vmcs::exit_qualification, 0xc08);
  auto const fast_answer = answer_vmx_exit<sim_vmx_cpu, sim_vmx_switch>(vmx_bench::fast{*b.v}, h, 28);
  CHECK(fast_answer == resume::slow);
  CHECK(b.h->count == 0);
  CHECK(b.exit(vmx_reason::control_register, 0xc08, 4) == resume::retry);
  CHECK(b.h->count == 1);
  CHECK(b.h->seen[0].value == 3);
}

TEST_CASE("both tiers: what the fast one answers the slow one never sees, and each exit is told once") {
  vmx_bench b{in_64_bits()};
  // A port write is answered at once; then the host has an interrupt, which is not in `fast`
  CHECK(b.exit(vmx_reason::io_instruction, 0x03f8'0000, 1) == resume::retry);
  CHECK(b.h->count == 2);
  CHECK(b.h->seen[0].kind == exit_kind::port_write);
  CHECK(b.h->seen[1].kind == exit_kind::host_interrupt);
  CHECK(b.v->reason() == vmx_reason::external_interrupt);
  CHECK(b.v->rip() == 0x801);
}

TEST_CASE("EPT violations: a device, a walk, a fetch, and one in the middle of an event") {
  vmx_bench b;
  // MOV [BX], AL in real mode, at 0:0100; DS has base b8000
  b.context().set_rip(0x100);
  b.h->memory.bytes[0x100] = 0x88;
  b.h->memory.bytes[0x101] = 0x07;
  set_field(vmcs::guest_ds_base, 0xb'8000);
  b.v->gpr[0] = 0x41;
  b.v->gpr[3] = 0x10;
  set_field(vmcs::guest_physical_address, 0xb'8010);
  CHECK(b.slow_exit(vmx_reason::ept_violation, 0x182) == resume::retry);
  CHECK(b.h->seen[0] == axhal::test::describe(exit::mmio_write{{0xb'8010}, 1, 0x41}));
  CHECK(field(vmcs::guest_rip) == 0x102);
  CHECK(b.slow_exit(vmx_reason::ept_violation, 0x81) == resume::retry);
  CHECK(b.h->seen[1].kind == exit_kind::memory_fault);
  CHECK(b.h->seen[1].flag);
  CHECK(b.slow_exit(vmx_reason::ept_violation, 0x184) == resume::retry);
  CHECK(b.h->seen[2].wanted == access::execute);
  CHECK_FALSE(b.h->seen[2].flag);
  // The stack of an interrupt
  vmx_bench::interrupted(interrupt_event(0x20));
  CHECK(b.slow_exit(vmx_reason::ept_violation, 0x182) == resume::retry);
  CHECK(b.h->seen[3].kind == exit_kind::memory_fault);
  CHECK(vmx_bench::event() == 0x8000'0020);
  CHECK(field(vmcs::guest_rip) == 0x102);
}

TEST_CASE("an EPT violation in IRET's way blocks NMIs again") {
  vmx_bench b;
  set_field(vmcs::guest_physical_address, 0xb'8010);
  CHECK(b.slow_exit(vmx_reason::ept_violation, 0x1081) == resume::retry);
  CHECK(field(vmcs::guest_interruptibility_state) == 8);
}

TEST_CASE("NMIs are the host's; machine checks too; alignment and debug exceptions go back to the guest") {
  vmx_bench b;
  set_field(vmcs::exit_interruption_information, 0x8000'0202);
  CHECK(b.exit(vmx_reason::exception_or_nmi) == resume::retry);
  CHECK(the_vmx.nmis == 1);
  CHECK(b.h->seen[0].kind == exit_kind::host_interrupt);
  set_field(vmcs::exit_interruption_information, 0x8000'0312);
  CHECK(b.slow_exit(vmx_reason::exception_or_nmi) == resume::retry);
  CHECK(b.h->seen[1] == axhal::test::describe(exit::host_error{0x8000'0312}));
  set_field(vmcs::guest_cr0, 0x31);
  set_field(vmcs::exit_interruption_information, 0x8000'0b11);
  CHECK(b.slow_exit(vmx_reason::exception_or_nmi) == resume::retry);
  CHECK(vmx_bench::event() == 0x8000'0b11);
  CHECK(field(vmcs::entry_exception_error_code) == 0);
  vmx_bench::delivered();
  // A general-detect exception with DR7.GD
  set_field(vmcs::guest_dr7, 0x2400);
  the_vmx.dr[6] = 0xffff'0ff1;
  set_field(vmcs::exit_interruption_information, 0x8000'0301);
  CHECK(b.slow_exit(vmx_reason::exception_or_nmi, 0x2000) == resume::retry);
  CHECK(vmx_bench::event() == 0x8000'0301);
  CHECK(the_vmx.dr[6] == 0xffff'2ff0);
  CHECK(field(vmcs::guest_dr7) == 0x400);
  CHECK(b.h->count == 2);
}

TEST_CASE("INT1 is delivered as what it is: DR6 stays, and the guest goes on after it") {
  vmx_bench b{in_64_bits()};
  set_field(vmcs::guest_dr7, 0x2400);
  the_vmx.dr[6] = 0xffff'0ff1;
  set_field(vmcs::exit_interruption_information, 0x8000'0501);
  CHECK(b.slow_exit(vmx_reason::exception_or_nmi, 0, 1) == resume::retry);
  CHECK(vmx_bench::event() == 0x8000'0501);
  CHECK(field(vmcs::entry_instruction_length) == 1);
  CHECK(the_vmx.dr[6] == 0xffff'0ff1);
  CHECK(field(vmcs::guest_dr7) == 0x400);
  CHECK(b.h->count == 0);
}

TEST_CASE("any debug exception clears DR7.GD") {
  vmx_bench b{in_64_bits()};
  set_field(vmcs::guest_dr7, 0x2400);
  the_vmx.dr[6] = 0xffff'0ff0;
  set_field(vmcs::exit_interruption_information, 0x8000'0301);
  CHECK(b.slow_exit(vmx_reason::exception_or_nmi, 0x4000) == resume::retry);
  CHECK(the_vmx.dr[6] == 0xffff'4ff0);
  CHECK(field(vmcs::guest_dr7) == 0x400);
}

TEST_CASE("a triple fault is told to who wants to know") {
  vmx_bench b;
  CHECK(b.exit(vmx_reason::triple_fault) == resume::stop);
  CHECK(b.h->triple_faults == 1);
  CHECK(b.h->count == 0);
  // Others are told the reason
  x86_handler<> plain;
  plain.answers[0] = resume::stop;
  CHECK(answer_vmx_exit<sim_vmx_cpu, sim_vmx_switch>(b.context(), plain, 2) == resume::stop);
  CHECK(plain.seen[0] == axhal::test::describe(exit::unknown{2}));
}

TEST_CASE("XSETBV is checked and written to the real register") {
  vmx_bench b{in_64_bits()};
  b.h->leaf_d = {.eax = 7};
  b.context().set_cr4(0x4'0020);
  b.v->gpr[0] = 7;
  CHECK(b.slow_exit(vmx_reason::xsetbv, 0, 3) == resume::retry);
  CHECK(the_vmx.xcr0 == 7);
  b.v->gpr[0] = 4;
  CHECK(b.slow_exit(vmx_reason::xsetbv, 0, 3) == resume::retry);
  CHECK(the_vmx.xcr0 == 7);
  CHECK(vmx_bench::event() == 0x8000'0b0d);
}

}  // namespace
