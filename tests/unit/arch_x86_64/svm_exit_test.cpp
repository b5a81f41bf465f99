// SPDX-License-Identifier: BSL-1.0
#include "support/simulated_svm.hpp"

#include <axhal/arch/x86_64/svm_exit.hpp>
#include <axhal/arch/x86_64/svm_extension.hpp>
#include <axhal/policy/virt_ext.hpp>

#include <catch2/catch_test_macros.hpp>

#include <functional>
#include <memory>

using namespace axhal;
using namespace axhal::x86_64;
using namespace axhal::test;
using svm_sim::machine;

namespace {

struct numbered_addresses {
  static host_phys of(void const* object) { return {reinterpret_cast<std::uint64_t>(object)}; }
};
using extension = svm_extension<svm_sim::handler, svm_sim::cpu, numbered_addresses, svm_sim::scripted_switch>;
static_assert(VirtExtPolicy<extension>);

constexpr std::uint64_t code_at = 0x5000;

/// A loaded guest in 64-bit mode at 0x5000, with a handler and a CPU like QEMU's.
struct bench {
  std::unique_ptr<extension> svm = std::make_unique<extension>();
  std::unique_ptr<extension::vcpu> v = std::make_unique<extension::vcpu>();
  svm_sim::handler h{};

  explicit bench(std::uint32_t more_features = 0) {
    machine() = svm_sim::state::like_qemu();
    machine().leaves[{0x8000'000a, 0}].edx |= more_features;
    machine().loaded = v.get();
    REQUIRE(svm->enable());
    v->handler = &h;
    v->set_start(long_mode_entry(code_at, 0x8000, {0}, {0x1000}));
    v->set_translation({0x10'0000}, {1});
    x86::sim_guest tables;
    x86::map_64(tables, h.memory, code_at, code_at);
    svm->load(*v);
    machine().log.clear();
  }
  [[nodiscard]] vmcb_save& save() const { return v->block.save; }
  [[nodiscard]] vmcb_control& control() const { return v->block.control; }
  [[nodiscard]] std::uint64_t rax() const { return save().rax; }

  /// The guest executes up to an exit, and the slow tier answers if it comes there.
  resume run(std::vector<std::function<void(svm_vcpu_state&)>> guest) {
    machine().guest = std::move(guest);
    machine().entries = 0;
    svm->enter(*v);
    return extension::decode(*v, h);
  }
  resume slow(std::uint64_t code, std::uint64_t info1 = 0, std::uint64_t info2 = 0) {
    svm_sim::stop(*v, code, info1, info2);
    return extension::decode(*v, h);
  }
  [[nodiscard]] seen_exit only() const {
    CHECK(h.count == 1);
    return h.seen[0];
  }
};

constexpr std::uint32_t nrips = 1U << 3;
constexpr std::uint64_t in_byte(std::uint16_t port) { return std::uint64_t{port} << 16 | 0x11; }

}  // namespace

TEST_CASE("probe and enable say what the CPU has, and leave it alone or ready") {
  machine() = svm_sim::state::like_qemu();
  auto const p = extension::probe();
  REQUIRE(p);
  CHECK(*p == virt_features{.vmid_bits = 4, .guest_address_bits = 40, .output_address_bits = 40});
  CHECK(extension::missing().empty());
  CHECK(machine().msrs[0xc000'0080] == 0);
  auto const e = std::make_unique<extension>();
  machine().msrs[0xc000'0080] = 0x500;
  REQUIRE(e->enable());
  CHECK(machine().msrs[0xc000'0080] == 0x1500);
  CHECK(machine().msrs[0xc001'0117] % 4096 == 0);
  CHECK(machine().msrs[0xc001'0117] != 0);
  CHECK(e->offered_states() == 0x207);
  CHECK(extension::probe());
  e->disable();
  CHECK(machine().msrs[0xc000'0080] == 0x500);
  machine().leaves[{0x8000'000a, 0}].edx = 0;
  CHECK(extension::probe().error() == virt_error::missing_part);
  CHECK(e->enable().error() == virt_error::missing_part);
  CHECK(extension::missing() == text{"nested paging (NPT)"});
}

TEST_CASE("load and put switch what exits do not") {
  bench b;
  b.svm->put(*b.v);
  b.v->xcr0 = 7;
  b.v->tsc_aux = 11;
  b.v->breakpoints.dr[3] = 13;
  b.v->time_offset = {1000};
  machine().log.clear();
  b.svm->load(*b.v);
  CHECK(machine().xcr0 == 7);
  CHECK(machine().msrs[0xc000'0103] == 11);
  CHECK(machine().dr[3] == 13);
  CHECK(b.control().tsc_offset == ~std::uint64_t{0} - 999);
  CHECK(b.control().clean == 0);
  CHECK(b.control().iopm_base_pa % 4096 == 0);
  CHECK(b.control().msrpm_base_pa != b.control().iopm_base_pa);
  CHECK(machine().log.back() == "vmsave host");
  machine().xcr0 = 3;
  machine().msrs[0xc000'0103] = 12;
  machine().dr[3] = 14;
  b.svm->put(*b.v);
  CHECK(b.v->xcr0 == 3);
  CHECK(b.v->tsc_aux == 12);
  CHECK(b.v->breakpoints.dr[3] == 14);
}

TEST_CASE("the world around a guest: GIF, IF, and whose state is loaded") {
  bench b;
  CHECK(b.run({[](auto& v) { svm_sim::stop(v, 0x60); }}) == resume::retry);
  CHECK(machine().log ==
        std::vector<std::string>{"clgi", "vmload guest", "sti", "vmrun", "vmsave guest", "vmload host", "cli", "stgi"});
  CHECK(b.only().kind == exit_kind::host_interrupt);
}

TEST_CASE("IN is answered between two VMRUNs, and keeps the rest of RAX") {
  bench b;
  b.save().rax = 0x1111'1111'1111'1111;
  b.h.loads[0] = 0x5a;
  CHECK(b.run({[](auto& v) { svm_sim::stop(v, 0x7b, in_byte(0x60), code_at + 2); },
               [](auto& v) {
                 CHECK(v.block.save.rax == 0x1111'1111'1111'115a);
                 CHECK(v.block.save.rip == code_at + 2);
                 CHECK(v.block.control.tlb_control == tlb_control::nothing);
                 svm_sim::stop(v, 0x60);
               }}) == resume::retry);
  CHECK(machine().entries == 2);
  CHECK(b.h.count == 2);
  CHECK(b.h.seen[0] == seen_exit{.kind = exit_kind::port_read, .number = 0x60, .size = 1});
  CHECK(b.h.seen[1].kind == exit_kind::host_interrupt);
}

TEST_CASE("OUT of all sizes") {
  for (unsigned const size : {1U, 2U, 4U}) {
    bench b;
    b.save().rax = 0xffff'ffff'8765'4321;
    std::uint64_t const info = std::uint64_t{0x3f8} << 16 | std::uint64_t{size} << 4;
    CHECK(b.slow(0x7b, info, code_at + 1) == resume::retry);
    std::uint64_t const values[] = {0, 0x21, 0x4321, 0, 0x8765'4321};
    CHECK(b.only() == seen_exit{.kind = exit_kind::port_write, .number = 0x3f8, .value = values[size], .size = size});
    CHECK(b.save().rip == code_at + 1);
  }
}

TEST_CASE("a fast handler's slow exit is asked again by the slow tier, once for each") {
  bench b;
  b.h.answers[0] = resume::slow;
  CHECK(b.run({[](auto& v) { svm_sim::stop(v, 0x7b, in_byte(0x60), code_at + 2); }}) == resume::retry);
  CHECK(b.h.count == 2);
  CHECK(b.h.seen[0] == b.h.seen[1]);
  CHECK(b.save().rip == code_at + 2);
}

TEST_CASE("OUTSB is read from the guest and done in the slow tier") {
  bench b;
  b.h.memory.put(code_at, {0xf3, 0x6e});  // REP OUTSB
  b.h.memory.put(code_at + 0x100, {'h', 'i'});
  b.v->gpr[1] = 2;
  b.v->gpr[6] = code_at + 0x100;
  std::uint64_t const info = std::uint64_t{0x3f8} << 16 | 0x1c;
  CHECK(b.run({[&](auto& v) { svm_sim::stop(v, 0x7b, info, code_at + 2); }}) == resume::retry);
  REQUIRE(b.h.count == 2);
  CHECK(b.h.seen[0] == seen_exit{.kind = exit_kind::port_write, .number = 0x3f8, .value = 'h', .size = 1});
  CHECK(b.h.seen[1] == seen_exit{.kind = exit_kind::port_write, .number = 0x3f8, .value = 'i', .size = 1});
  CHECK(b.v->gpr[1] == 0);
  CHECK(b.v->gpr[6] == code_at + 0x102);
  CHECK(b.save().rip == code_at + 2);
}

TEST_CASE("INS of another width than the one that stopped the guest is tried again") {
  bench b;
  b.h.memory.put(code_at, 0x6d, 1);  // INSD, which was INSB
  b.v->gpr[7] = code_at + 0x100;
  std::uint64_t const info = std::uint64_t{0x3f8} << 16 | 0x15;
  CHECK(b.slow(0x7b, info, code_at + 1) == resume::retry);
  CHECK(b.h.count == 0);
  CHECK(b.save().rip == code_at);
  CHECK(b.v->gpr[7] == code_at + 0x100);
}

TEST_CASE("CPUID: its length is read from the guest, or told by the CPU") {
  for (bool const told : {false, true}) {
    bench b{told ? nrips : 0};
    if (!told) b.h.memory.put(code_at, {0x66, 0x0f, 0xa2});
    b.save().rax = 0x4000'0000;
    b.control().nrip = code_at + 3;
    CHECK(b.run({[](auto& v) { svm_sim::stop(v, 0x72); }, [](auto& v) { svm_sim::stop(v, 0x60); }}) == resume::retry);
    CHECK(machine().entries == 2);
    CHECK(b.rax() == 1);
    CHECK(b.v->gpr[3] == 2);
    CHECK(b.v->gpr[1] == 3);
    CHECK(b.v->gpr[2] == 4);
    CHECK(b.save().rip == code_at + 3);
  }
}

TEST_CASE("an instruction that is not there any more is tried again; one that cannot be fetched faults") {
  bench b;
  b.h.memory.put(code_at, {0x90, 0x90});
  CHECK(b.slow(0x72) == resume::retry);
  CHECK(b.save().rip == code_at);
  CHECK(b.control().eventinj == 0);
  b.h.memory.put(0x4000 + 8 * 5, 0);
  CHECK(b.slow(0x72) == resume::retry);
  CHECK(b.control().eventinj == 0x8000'0b0e);
  CHECK(b.save().cr2 == code_at);
  CHECK(b.h.count == 0);
}

TEST_CASE("RDMSR and WRMSR") {
  bench b;
  b.h.memory.put(code_at, {0x0f, 0x32});
  b.v->gpr[1] = 0x123;
  b.h.loads[0] = 0x1111'2222'3333'4444;
  CHECK(b.slow(0x7c, 0) == resume::retry);
  CHECK(b.only() == seen_exit{.kind = exit_kind::register_read, .number = 0x123});
  CHECK(b.rax() == 0x3333'4444);
  CHECK(b.v->gpr[2] == 0x1111'2222);
  CHECK(b.save().rip == code_at + 2);

  b.save().rip = code_at;
  b.v->gpr[1] = 0xc000'0080;  // EFER, without SVME
  CHECK(b.slow(0x7c, 0) == resume::retry);
  CHECK(b.rax() == 0x500);
  CHECK(b.h.count == 1);

  b.save().rip = code_at;
  b.h.memory.put(code_at, {0x0f, 0x30});
  b.v->gpr[1] = 0x124;
  CHECK(b.slow(0x7c, 1) == resume::retry);
  CHECK(b.h.seen[1] == seen_exit{.kind = exit_kind::register_write, .number = 0x124, .value = 0x500});

  b.save().rip = code_at;
  b.h.answers[2] = resume::retry;
  b.h.injects_on_retry = true;
  CHECK(b.slow(0x7c, 1) == resume::retry);
  CHECK(b.control().eventinj == 0x8000'0b0d);  // #GP(0)
  CHECK(b.save().rip == code_at);
}

TEST_CASE("VMMCALL, HLT and PAUSE") {
  bench b;
  b.h.memory.put(code_at, {0x0f, 0x01, 0xd9});
  b.save().rax = 0x1234;
  CHECK(b.slow(0x81) == resume::retry);
  CHECK(b.h.seen[0] == seen_exit{.kind = exit_kind::hypercall, .number = 0x1234});
  CHECK(b.save().rip == code_at + 3);
  b.save().rip = code_at;
  b.save().cpl = 3;  // not for user programs
  b.h.memory.put(0x1000, 0x2027);
  b.h.memory.put(0x4000 + 8 * 5, code_at | 0x67);
  CHECK(b.slow(0x81) == resume::retry);
  CHECK(b.control().eventinj == 0x8000'0306);
  CHECK(b.h.count == 1);

  bench c;
  c.h.memory.put(code_at, {0xf4, 0xf3, 0x90});
  c.control().interruptibility = 1;
  CHECK(c.slow(0x78) == resume::retry);
  CHECK(c.control().interruptibility == 0);
  CHECK(c.slow(0x77) == resume::retry);
  CHECK(c.h.seen[0].kind == exit_kind::idle);
  CHECK(c.h.seen[1].kind == exit_kind::yield);
  CHECK(c.save().rip == code_at + 3);
}

TEST_CASE("a nested fault on a device is a device access; a walk or a fetch is a memory fault") {
  bench b;
  b.h.memory.put(code_at, {0x8b, 0x43, 0x10, 0x90, 0x90, 0x90, 0x90, 0x90});  // mov eax, [rbx + 16]
  b.v->gpr[3] = 0x4000'0000;
  b.h.loads[0] = 0xffff'ffff'8765'4321;
  CHECK(b.run({[](auto& v) { svm_sim::stop(v, 0x400, 0x1'0000'0004, 0x4000'0010); },
               [](auto& v) { svm_sim::stop(v, 0x60); }}) == resume::retry);
  CHECK(machine().entries == 2);
  CHECK(b.h.seen[0].kind == exit_kind::mmio_read);
  CHECK(b.h.seen[0].number == 0x4000'0010);
  CHECK(b.h.seen[0].size == 4);
  CHECK(b.rax() == 0x8765'4321);
  CHECK(b.save().rip == code_at + 3);

  bench w;
  w.h.memory.put(code_at, {0x89, 0x43, 0x14});
  w.v->gpr[3] = 0x4000'0000;
  w.save().rax = 0x55;
  CHECK(w.slow(0x400, 0x1'0000'0006, 0x4000'0014) == resume::retry);
  CHECK(w.only() == seen_exit{.kind = exit_kind::mmio_write, .number = 0x4000'0014, .value = 0x55, .size = 4});

  bench walk;
  walk.h.answers[0] = resume::stop;
  CHECK(walk.slow(0x400, 0x2'0000'0004, 0x7000'0000) == resume::stop);
  CHECK(walk.only() ==
        seen_exit{.kind = exit_kind::memory_fault, .number = 0x7000'0000, .flag = true, .wanted = access::read});
  bench fetch;
  fetch.h.answers[0] = resume::stop;
  CHECK(fetch.slow(0x400, 0x1'0000'0014, 0x7000'0000) == resume::stop);
  CHECK(fetch.only() == seen_exit{.kind = exit_kind::memory_fault, .number = 0x7000'0000, .wanted = access::execute});
}

TEST_CASE("control registers: what the guest is offered, and what it believes") {
  bench b;
  b.h.memory.put(code_at, {0x0f, 0x22, 0xe0});  // mov cr4, rax
  b.save().rax = 0x2020;                        // VMXE
  CHECK(b.slow(0x14) == resume::retry);
  CHECK(b.control().eventinj == 0x8000'0b0d);
  CHECK(b.save().cr4 == 0x20);
  b.control().eventinj = 0;

  b.h.memory.put(code_at, {0x0f, 0x22, 0xc0});  // mov cr0, rax
  b.save().rax = 0xc000'0011;
  CHECK(b.slow(0x65) == resume::retry);
  CHECK(b.save().cr0 == 0x8000'0011);
  CHECK(b.save().rip == code_at + 3);
  b.save().rip = code_at;
  b.h.memory.put(code_at, {0x0f, 0x20, 0xc1});  // mov rcx, cr0
  CHECK(b.slow(0x00) == resume::retry);
  CHECK(b.v->gpr[1] == 0xc000'0011);
  b.save().rip = code_at;
  b.h.memory.put(code_at, {0x0f, 0x01, 0xe2});  // smsw edx
  CHECK(b.slow(0x00) == resume::retry);
  CHECK(b.v->gpr[2] == 0xc000'0011);
  b.save().rip = code_at;
  b.h.memory.put(code_at, {0x0f, 0x01, 0xf0});  // lmsw ax
  b.save().rax = 0xa;
  CHECK(b.slow(0x65) == resume::retry);
  CHECK(b.save().cr0 == 0x8000'001b);
  b.save().rip = code_at;
  b.h.memory.put(code_at, {0x0f, 0x06});  // clts
  CHECK(b.slow(0x10) == resume::retry);
  CHECK(b.save().cr0 == 0x8000'0013);
  CHECK(b.save().rip == code_at + 2);
  CHECK(b.h.count == 0);

  b.save().rip = code_at;
  b.h.memory.put(code_at, {0x44, 0x0f, 0x22, 0xc0});  // mov cr8, rax
  b.save().rax = 5;
  CHECK(b.slow(0x18) == resume::retry);
  CHECK(b.only() == seen_exit{.kind = exit_kind::register_write, .number = register_id::cr8, .value = 5});
}

TEST_CASE("XSETBV is checked, and done on the CPU") {
  bench b;
  b.h.memory.put(code_at, {0x0f, 0x01, 0xd1});
  b.save().cr4 |= 1U << 18;
  b.v->gpr[1] = 0;
  b.v->gpr[2] = 0;
  b.save().rax = 2;
  CHECK(b.slow(0x8d) == resume::retry);
  CHECK(b.control().eventinj == 0x8000'0b0d);
  CHECK(machine().xcr0 == 1);
  b.control().eventinj = 0;
  b.save().rax = 3;
  CHECK(b.slow(0x8d) == resume::retry);
  CHECK(machine().xcr0 == 3);
  CHECK(b.save().rip == code_at + 3);
}

TEST_CASE("exceptions that are intercepted for their own sake go back to the guest") {
  bench b;
  CHECK(b.slow(0x41) == resume::retry);
  CHECK(b.control().eventinj == 0x8000'0301);
  b.control().eventinj = 0;
  CHECK(b.slow(0x51) == resume::retry);
  CHECK(b.control().eventinj == 0x8000'0b11);
  CHECK(b.h.count == 0);
}

TEST_CASE("what guests do not have") {
  for (std::uint64_t const code :
       {0x80U, 0x82U, 0x83U, 0x84U, 0x85U, 0x86U, 0x7aU, 0x8aU, 0x8bU, 0x8cU, 0x8eU, 0xa3U}) {
    bench b;
    b.h.answers[0] = resume::retry;
    b.h.injects_on_retry = true;
    CAPTURE(code);
    CHECK(b.slow(code) == resume::retry);
    CHECK(b.only() == seen_exit{.kind = exit_kind::refused_instruction, .number = code});
    CHECK(b.control().eventinj == 0x8000'0306);
    CHECK(b.save().rip == code_at);
  }
  bench b;
  CHECK(b.slow(0x6f) == resume::retry);  // RDPMC
  CHECK(b.control().eventinj == 0x8000'0b0d);
  bench c;
  c.h.memory.put(code_at, {0x0f, 0x09, 0x0f, 0x08});  // WBINVD, INVD
  CHECK(c.slow(0x89) == resume::retry);
  CHECK(c.slow(0x76) == resume::retry);
  CHECK(c.save().rip == code_at + 4);
  CHECK(c.h.count == 0);
  bench d;
  d.h.memory.put(code_at, {0x0f, 0x01, 0xd8});  // a handler that lets VMRUN pass
  CHECK(d.slow(0x80) == resume::retry);
  CHECK(d.save().rip == code_at + 3);
}

TEST_CASE("the host's business, and what has no word") {
  for (std::uint64_t const code : {0x60U, 0x61U}) {
    bench b;
    b.h.answers[0] = resume::stop;
    CHECK(b.slow(code) == resume::stop);
    CHECK(b.only().kind == exit_kind::host_interrupt);
  }
  for (std::uint64_t const code : {0x62U, 0x63U, 0x52U}) {
    bench b;
    b.h.answers[0] = resume::stop;
    CHECK(b.slow(code) == resume::stop);
    CHECK(b.only() == seen_exit{.kind = exit_kind::host_error, .number = code});
  }
  for (std::uint64_t const code : {std::uint64_t{0x64}, std::uint64_t{0x7d}, std::uint64_t{0x401}, ~std::uint64_t{0},
                                   std::uint64_t{0xffff'ffff}, std::uint64_t{0x55}}) {
    bench b;
    b.h.answers[0] = resume::stop;
    CHECK(b.slow(code) == resume::stop);
    CHECK(b.only() == seen_exit{.kind = exit_kind::unknown, .number = code});
  }
}

TEST_CASE("a triple fault is heard: hardware's, and one that came of faults that were given") {
  bench b;
  CHECK(b.slow(0x7f) == resume::stop);
  CHECK(b.h.triple_faults == 1);
  CHECK(b.h.count == 0);

  // A #GP for WRMSR while #DF is on its way.
  bench c;
  c.h.memory.put(code_at, {0x0f, 0x30});
  c.h.answers[0] = resume::retry;
  c.h.injects_on_retry = true;
  CHECK(c.run({[](auto& v) {
    svm_sim::stop(v, 0x7c, 1);
    v.block.control.exitintinfo = 0x8000'0b08;
  }}) == resume::stop);
  CHECK(c.h.triple_faults == 1);
  CHECK_FALSE(c.v->shut_down);
  CHECK_FALSE(c.v->attention);
}

TEST_CASE("an exit that interrupts a delivery is the slow tier's, and the event comes again") {
  bench b;
  b.h.loads[0] = 1;
  CHECK(b.run({[](auto& v) {
                 svm_sim::stop(v, 0x7b, in_byte(0x60), code_at + 2);
                 v.block.control.exitintinfo = 0x8000'0030;
               },
               [](auto&) { FAIL("entered again without the event"); }}) == resume::retry);
  CHECK(b.control().eventinj == 0x8000'0030);
  CHECK(b.h.count == 1);
}

TEST_CASE("a nested fault in a delivery is none of the instruction at RIP") {
  // An interrupt on a stack that is no RAM; and INT n, which is executed again by itself.
  for (std::uint32_t const word : {0x8000'0030U, 0x8000'0480U}) {
    bench b;
    b.h.memory.put(code_at, {0x89, 0x43, 0x10, 0x90, 0x90, 0x90, 0x90, 0x90});  // mov [rbx + 16], eax
    b.v->gpr[3] = 0x4000'0000;
    b.h.answers[0] = resume::stop;
    CHECK(b.run({[&](auto& v) {
      svm_sim::stop(v, 0x400, 0x1'0000'0006, 0x4000'0010);
      v.block.control.exitintinfo = word;
    }}) == resume::stop);
    CHECK(b.only() == seen_exit{.kind = exit_kind::memory_fault, .number = 0x4000'0010, .wanted = access::write});
    CHECK(b.save().rip == code_at);
    // The next one is.
    b.control().eventinj = 0;
    b.h.count = 0;
    CHECK(b.run({[](auto& v) { svm_sim::stop(v, 0x400, 0x1'0000'0006, 0x4000'0010); },
                 [](auto& v) { svm_sim::stop(v, 0x60); }}) == resume::retry);
    CHECK(b.h.seen[0].kind == exit_kind::mmio_write);
  }
}

TEST_CASE("VMCB clean, where the CPU has it: set by exits, cleared by what is written") {
  bench b{1U << 5};
  b.save().rax = 0x4000'0000;
  b.h.memory.put(code_at, {0x0f, 0xa2, 0x0f, 0x22, 0xe0});
  CHECK(b.control().clean == 0);
  CHECK(b.run({[](auto& v) {
                 CHECK(v.block.control.clean == 0);
                 svm_sim::stop(v, 0x72);
               },
               [](auto& v) {
                 CHECK(v.block.control.clean == 0x3ff);
                 v.block.save.rax = 0x30;
                 svm_sim::stop(v, 0x14);
               }}) == resume::retry);
  CHECK(b.control().clean == 0x3ff);  // CR4.PSE is not offered: nothing has changed
  b.svm->put(*b.v);
  b.svm->load(*b.v);
  CHECK(b.control().clean == 0);
  bench without;
  CHECK(without.run({[](auto& v) { svm_sim::stop(v, 0x60); }}) == resume::retry);
  CHECK(without.control().clean == 0);
}

TEST_CASE("IRET at the end of an NMI's handler is seen, and executed by the guest") {
  bench b;
  svm_context<svm_sim::cpu, exit_tier::slow> c{*b.v};
  c.offer_nmi();
  CHECK(b.run({[](auto& v) {
    CHECK(v.block.control.eventinj == 0x8000'0202);
    v.block.control.eventinj = 0;
    v.block.save.rip = 0x7000;
    svm_sim::stop(v, 0x74);
  }}) == resume::retry);
  CHECK(b.save().rip == 0x7000);
  CHECK(b.v->attention);
  // the next exit, one for the fast tier, is the slow one's, and ends the mask
  CHECK(b.run({[](auto& v) {
    v.block.save.rip = code_at;
    svm_sim::stop(v, 0x7b, in_byte(0x60), code_at + 2);
  }}) == resume::retry);
  CHECK(machine().entries == 1);
  CHECK_FALSE(b.v->attention);
  CHECK_FALSE(b.v->interrupts.nmi_masked);
}
