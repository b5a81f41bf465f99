// SPDX-License-Identifier: BSL-1.0
// Device accesses of x86 instructions: which exits a handler is told, what its refusals leave behind, and which claims
// about a fault are not believed.
#include "support/exit_recorder.hpp"
#include "support/x86_64_emulated.hpp"

#include <axhal/arch/x86_64/mmio_decoder.hpp>
#include <axhal/vcpu/dispatch.hpp>

#include <catch2/catch_test_macros.hpp>

#include <cstddef>
#include <cstdint>
#include <utility>

using namespace axhal;
using namespace axhal::test;
using namespace axhal::test::x86;

namespace {

constexpr std::uint64_t device = 0xfee0'0000;  // guest-physical
constexpr std::uint64_t at = 0xffff'8000'0000'0300;
constexpr std::uint64_t start = 0x1000;
constexpr std::uint8_t rax = 0;
constexpr std::uint8_t rcx = 1;
constexpr std::uint8_t rbx = 3;
constexpr std::uint8_t rsi = 6;
constexpr std::uint8_t rdi = 7;
using memory = sim_memory<0x2000>;

struct fast_recorder : recorder {
  static constexpr exit_set fast = exits<exit::mmio_read, exit::mmio_write>;
};

template <std::size_t N>
constexpr instruction of(std::uint8_t const (&code)[N], code_size mode = code_size::bits_64) {
  auto const i = decode_instruction({code, N}, mode);
  if (i.value().length != N) __builtin_trap();
  return *i;
}

/// A guest whose RBX points at the device.
constexpr sim_cpu guest() {
  sim_cpu g{.ip = start};
  for (unsigned n = 0; n < 16; ++n) g.regs[n] = 0x1111'2222'3333'4400 + n;
  g.regs[rbx] = at;
  return g;
}

struct outcome {
  resume answer{};
  recorder told{};
  sim_cpu cpu{};
  unsigned injected{};
};

constexpr outcome run(instruction const& i, access wanted, recorder r = recorder{}, sim_cpu cpu = guest(),
                      std::uint64_t fault = device + 0x300) {
  memory m{};
  sim_view view{cpu};
  auto const answer = emulate(cpu, view, m, r, i, {{fault}, wanted});
  return {answer, r, cpu, view.injected};
}
constexpr recorder loading(std::uint64_t value) {
  recorder r;
  r.loads[0] = value;
  return r;
}
constexpr bool same_registers(sim_cpu const& a, sim_cpu const& b) {
  bool same = a.flags == b.flags && a.ip == b.ip;
  for (unsigned n = 0; n < 16; ++n) same = same && a.regs[n] == b.regs[n];
  return same;
}

constexpr std::uint8_t load_32[] = {0x8b, 0x03};            // mov eax,[rbx]
constexpr std::uint8_t load_8_high[] = {0x8a, 0x23};        // mov ah,[rbx]
constexpr std::uint8_t load_signed[] = {0x48, 0x63, 0x03};  // movsxd rax,dword [rbx]
constexpr std::uint8_t store_32[] = {0x89, 0x0b};           // mov [rbx],ecx
constexpr std::uint8_t store_number[] = {0xc7, 0x03, 1, 0, 0, 0};
constexpr std::uint8_t or_number[] = {0x83, 0x0b, 0x08};         // or dword [rbx],8
constexpr std::uint8_t exchange[] = {0x87, 0x0b};                // xchg [rbx],ecx
constexpr std::uint8_t compare[] = {0x39, 0x0b};                 // cmp [rbx],ecx
constexpr std::uint8_t compare_exchange[] = {0x0f, 0xb1, 0x0b};  // cmpxchg [rbx],ecx

}  // namespace

TEST_CASE("a load is one read, and the register has it") {
  auto const o = run(of(load_32), access::read, loading(0x1'8000'0001));
  CHECK(o.answer == resume::retry);
  REQUIRE(o.told.count == 1);
  CHECK(o.told.seen[0] ==
        seen_exit{.kind = exit_kind::mmio_read, .number = device + 0x300, .size = 4, .reg = rax, .register_size = 4});
  CHECK(o.cpu.regs[rax] == 0x8000'0001);  // the upper half is cleared
  CHECK(o.cpu.ip == start + 2);
  CHECK(o.cpu.steps == 1);
}

TEST_CASE("a load into part of a register leaves the rest") {
  auto const o = run(of(load_8_high), access::read, loading(0xabcd));
  CHECK(o.told.seen[0] == seen_exit{.kind = exit_kind::mmio_read,
                                    .number = device + 0x300,
                                    .size = 1,
                                    .reg = exit::mmio_read::no_register,
                                    .register_size = 8});
  CHECK(o.cpu.regs[rax] == 0x1111'2222'3333'cd00);
}

TEST_CASE("a load with sign says so") {
  auto const o = run(of(load_signed), access::read, loading(0x8000'0000));
  CHECK(o.told.seen[0].flag);
  CHECK(o.told.seen[0].register_size == 8);
  CHECK(o.cpu.regs[rax] == 0xffff'ffff'8000'0000);
}

TEST_CASE("a store is one write") {
  auto const o = run(of(store_32), access::write);
  REQUIRE(o.told.count == 1);
  CHECK(o.told.seen[0] ==
        seen_exit{.kind = exit_kind::mmio_write, .number = device + 0x300, .value = 0x3333'4401, .size = 4});
  CHECK(o.cpu.ip == start + 2);
  auto const n = run(of(store_number), access::write);
  CHECK(n.told.seen[0].value == 1);
  CHECK(n.cpu.ip == start + 6);
}

TEST_CASE("a read-modify-write is a read and a write at one address, and the flags follow") {
  for (auto const wanted : {access::read, access::write, read_write}) {
    auto const o = run(of(or_number), wanted, loading(0xffff'fff7));
    CHECK(o.answer == resume::retry);
    REQUIRE(o.told.count == 2);
    CHECK(o.told.seen[0].kind == exit_kind::mmio_read);
    CHECK(o.told.seen[0].reg == exit::mmio_read::no_register);
    CHECK(o.told.seen[1] ==
          seen_exit{.kind = exit_kind::mmio_write, .number = device + 0x300, .value = 0xffff'ffff, .size = 4});
    CHECK(o.cpu.flags == (0x202 | rflags::f_sf::mask | rflags::f_pf::mask));
  }
}

TEST_CASE("an exchange, and a compare-exchange that finds something else") {
  auto const x = run(of(exchange), access::write, loading(7));
  CHECK(x.told.seen[1].value == 0x3333'4401);
  CHECK(x.cpu.regs[rcx] == 7);
  CHECK(x.cpu.flags == 0x202);
  auto const equal = run(of(compare_exchange), access::write, loading(0x3333'4400));
  CHECK(equal.told.seen[1].value == 0x3333'4401);
  CHECK(rflags::f_zf::get(equal.cpu.flags));
  CHECK(equal.cpu.regs[rax] == 0x1111'2222'3333'4400);
  auto const other = run(of(compare_exchange), access::write, loading(5));
  REQUIRE(other.told.count == 2);  // the processor writes in any case
  CHECK(other.told.seen[1].value == 5);
  CHECK(!rflags::f_zf::get(other.cpu.flags));
  CHECK(other.cpu.regs[rax] == 5);
}

TEST_CASE("a comparison reads and changes the flags alone") {
  auto const o = run(of(compare), access::read, loading(0x3333'4401));
  REQUIRE(o.told.count == 1);
  CHECK(o.cpu.flags == (0x202 | rflags::f_zf::mask | rflags::f_pf::mask));
  CHECK(o.cpu.regs[rcx] == guest().regs[rcx]);
}

TEST_CASE("what is refused leaves registers, flags and RIP") {
  for (auto const answer : {resume::retry, resume::stop}) {
    for (auto const& i : {of(load_32), of(compare), of(exchange), of(compare_exchange), of(or_number)}) {
      for (std::size_t which = 0; which < (i.writes_memory() ? 2U : 1U); ++which) {
        recorder r = loading(0x77);
        r.answers[which] = answer;
        r.injects_on_retry = true;
        auto const o = run(i, i.writes_memory() ? access::write : access::read, r);
        CHECK(o.answer == answer);
        CHECK(o.told.count == which + 1);
        CHECK(same_registers(o.cpu, guest()));
        CHECK(o.injected == (answer == resume::retry ? 1U : 0U));
      }
    }
  }
}

TEST_CASE("an instruction that does not make the access is a memory fault") {
  auto const refused = [](instruction const& i, access wanted, std::uint64_t fault = device + 0x300,
                          sim_cpu cpu = guest()) {
    recorder r;
    r.answers[0] = resume::retry;
    auto const o = run(i, wanted, r, cpu, fault);
    return o.answer == resume::retry && o.told.count == 1 && same_registers(o.cpu, cpu) &&
           o.told.seen[0] == seen_exit{.kind = exit_kind::memory_fault, .number = fault, .wanted = wanted};
  };
  CHECK(refused(of(load_32), access::write));
  CHECK(refused(of(store_32), access::read));
  CHECK(refused(of(compare), access::write));
  CHECK(refused(of(load_32), access::none));
  CHECK(refused(of(load_32), access::read, device + 0x304));
  CHECK(refused(of(load_32), access::read, device + 0x2ff));
  auto crossing = guest();
  crossing.regs[rbx] = 0xffe;
  CHECK(refused(of(load_32), access::read, device + 0xffe, crossing));
  CHECK(refused(of(load_32), access::read, device + 0x1000, crossing));
  // The handler may have the instruction left out.
  auto const skipped = run(of(store_32), access::read);
  CHECK(skipped.answer == resume::retry);
  CHECK(skipped.cpu.ip == start + 2);
}

TEST_CASE("a fault past the first byte of an access inside one page is that access") {
  auto const o = run(of(load_32), access::read, loading(1), guest(), device + 0x303);
  CHECK(o.told.seen[0].number == device + 0x300);
}

TEST_CASE("a bit offset in a register moves the access") {
  constexpr std::uint8_t set[] = {0x0f, 0xab, 0x0b};  // bts [rbx],ecx
  auto cpu = guest();
  cpu.regs[rcx] = 0x5'0000'0000 + 32 * 3 + 5;  // only 32 bits count
  auto const up = run(of(set), access::write, loading(0), cpu, device + 0x30c);
  REQUIRE(up.told.count == 2);
  CHECK(up.told.seen[0].number == device + 0x30c);
  CHECK(up.told.seen[1].value == 0x20);
  CHECK(!rflags::f_cf::get(up.cpu.flags));
  cpu.regs[rcx] = 0xffff'ffff;  // -1: bit 31 of the word before
  auto const down = run(of(set), access::write, loading(0x8000'0000), cpu, device + 0x2fc);
  REQUIRE(down.told.count == 2);
  CHECK(down.told.seen[1].value == 0x8000'0000);
  CHECK(rflags::f_cf::get(down.cpu.flags));
  // An immediate does not.
  constexpr std::uint8_t by_number[] = {0x0f, 0xba, 0x33, 0x25};  // btr dword [rbx],37
  auto const same = run(of(by_number), access::write, loading(0xff));
  CHECK(same.told.seen[1].value == 0xdf);
}

TEST_CASE("the fast tier does what is one exit and leaves the rest, with nothing done") {
  auto const fast = [](instruction const& i, access wanted) {
    fast_recorder r;
    r.loads[0] = 3;
    fast_handler<fast_recorder> view_of{r};
    auto cpu = guest();
    sim_view view{cpu};
    memory m{};
    auto const answer = emulate(cpu, view, m, view_of, i, {{device + 0x300}, wanted});
    return std::pair{answer, r.count};
  };
  CHECK(fast(of(load_32), access::read) == std::pair{resume::retry, std::size_t{1}});
  CHECK(fast(of(store_32), access::write) == std::pair{resume::retry, std::size_t{1}});
  CHECK(fast(of(exchange), access::write) == std::pair{resume::slow, std::size_t{0}});
  constexpr std::uint8_t stos[] = {0xab};
  CHECK(fast(of(stos), access::write) == std::pair{resume::slow, std::size_t{0}});
  CHECK(fast(of(load_32), access::write) == std::pair{resume::slow, std::size_t{0}});  // memory faults are not fast
}

namespace {

/// A guest whose memory is from 0x10000; its second page is the device. RDI points into the device, RSI into memory.
struct machine {
  sim_cpu cpu{guest()};
  memory m{.start = 0x1'0000, .device_from = 0x1000, .device_to = 0x2000};
  device_bytes<memory> handler{m};
  sim_view view{cpu};

  machine() {
    cpu.regs[rdi] = 0x1'1100;
    cpu.regs[rsi] = 0x1'0200;
    cpu.regs[rcx] = 5;
    for (std::size_t n = 0; n < sizeof m.bytes; ++n) m.bytes[n] = static_cast<std::uint8_t>(n * 7);
  }
  machine(machine const&) = delete;
  machine& operator=(machine const&) = delete;

  resume write(instruction const& i) { return emulate(cpu, view, m, handler, i, {{cpu.regs[rdi]}, access::write}); }
  resume read(instruction const& i, std::uint8_t reg) {
    return emulate(cpu, view, m, handler, i, {{cpu.regs[reg]}, access::read});
  }
};

constexpr std::uint8_t rep_movsd[] = {0xf3, 0xa5};
constexpr std::uint8_t movsb[] = {0xa4};
constexpr std::uint8_t rep_stosw[] = {0xf3, 0x66, 0xab};
constexpr std::uint8_t repne_scasb[] = {0xf2, 0xae};
constexpr std::uint8_t repe_cmpsb[] = {0xf3, 0xa6};
constexpr std::uint8_t lodsb[] = {0xac};

}  // namespace

TEST_CASE("MOVS copies from memory to the device, element by element") {
  machine t;
  CHECK(t.write(of(rep_movsd)) == resume::retry);
  CHECK(t.handler.writes == 5);
  CHECK(t.handler.reads == 0);
  CHECK(t.m.reads == 5);
  CHECK(t.cpu.regs[rcx] == 0);
  CHECK(t.cpu.regs[rdi] == 0x1'1114);
  CHECK(t.cpu.regs[rsi] == 0x1'0214);
  CHECK(t.cpu.ip == start + 2);
  for (std::size_t n = 0; n < 20; ++n) CHECK(t.m.bytes[0x1100 + n] == t.m.bytes[0x200 + n]);
}

TEST_CASE("MOVS copies from the device to memory, and from device to device") {
  machine t;
  std::swap(t.cpu.regs[rdi], t.cpu.regs[rsi]);
  CHECK(t.read(of(movsb), rsi) == resume::retry);
  CHECK(t.handler.reads == 1);
  CHECK(t.handler.writes == 0);
  CHECK(t.m.writes == 1);
  CHECK(t.cpu.regs[rcx] == 5);  // no REP: no count
  machine both;
  both.cpu.regs[rsi] = 0x1'1800;
  CHECK(both.read(of(movsb), rsi) == resume::retry);
  CHECK(both.handler.reads == 1);
  CHECK(both.handler.writes == 1);
}

TEST_CASE("DF goes down, and an address size of 32 bits clears what is above it") {
  machine t;
  t.cpu.flags |= rflags::f_df::mask;
  CHECK(t.write(of(rep_stosw)) == resume::retry);
  CHECK(t.cpu.regs[rdi] == 0x1'1100 - 10);
  CHECK(t.handler.writes == 5);
  machine narrow;
  constexpr std::uint8_t rep_stosb_32[] = {0xf3, 0x67, 0xaa};
  narrow.cpu.regs[rdi] |= 0xffff'0000'0000'0000;
  narrow.cpu.regs[rcx] = 0xffff'0000'0000'0002;
  CHECK(emulate(narrow.cpu, narrow.view, narrow.m, narrow.handler, of(rep_stosb_32), {{0x1'1100}, access::write}) ==
        resume::retry);
  CHECK(narrow.handler.writes == 2);
  CHECK(narrow.cpu.regs[rcx] == 0);
  CHECK(narrow.cpu.regs[rdi] == 0x1'1102);
}

TEST_CASE("a long repetition gives the guest time to take interrupts, and single steps one element at a time") {
  machine t;
  t.cpu.regs[rcx] = 100;
  CHECK(t.write(of(rep_movsd)) == resume::retry);
  CHECK(t.handler.writes == string_batch);
  CHECK(t.cpu.regs[rcx] == 100 - string_batch);
  CHECK(t.cpu.ip == start);
  CHECK(t.cpu.steps == 0);
  CHECK(t.write(of(rep_movsd)) == resume::retry);
  CHECK(t.cpu.regs[rcx] == 0);
  CHECK(t.cpu.ip == start + 2);
  machine stepped;
  stepped.cpu.flags |= rflags::f_tf::mask;
  CHECK(stepped.write(of(rep_movsd)) == resume::retry);
  CHECK(stepped.handler.writes == 1);
  CHECK(stepped.cpu.ip == start);
}

TEST_CASE("a repetition that leaves the device goes on in the guest") {
  machine t;
  t.cpu.regs[rdi] = 0x1'1ff8;
  t.m.device_to = 0x2000 - 4;  // one element is the device's
  CHECK(t.write(of(rep_movsd)) == resume::retry);
  CHECK(t.handler.writes == 1);
  CHECK(t.m.writes == 0);
  CHECK(t.cpu.regs[rcx] == 4);
  CHECK(t.cpu.ip == start);
  // Also where the next element would reach into another page.
  machine crossing;
  crossing.cpu.regs[rdi] = 0x1'1ffa;
  CHECK(crossing.write(of(rep_movsd)) == resume::retry);
  CHECK(crossing.handler.writes == 1);
  CHECK(crossing.handler.others == 0);
  CHECK(crossing.write(of(rep_movsd)) == resume::stop);  // now it is the first: a memory fault
  CHECK(crossing.handler.others == 1);
}

TEST_CASE("a count of zero does nothing") {
  machine t;
  t.cpu.regs[rcx] = 0;
  CHECK(t.write(of(rep_movsd)) == resume::retry);
  CHECK(t.handler.writes == 0);
  CHECK(t.m.finds == 0);
  CHECK(t.cpu.ip == start + 2);
}

TEST_CASE("the guest's own tables are asked before the device is touched") {
  machine t;
  std::swap(t.cpu.regs[rdi], t.cpu.regs[rsi]);
  t.m.refuses_at = t.cpu.regs[rdi];
  auto const before = t.cpu;
  CHECK(t.read(of(movsb), rsi) == resume::retry);
  CHECK(t.handler.reads == 0);
  CHECK(same_registers(t.cpu, before));
  // In the middle: what was done stays done.
  machine later;
  later.m.refuses_at = 0x1'0208;
  CHECK(later.write(of(rep_movsd)) == resume::retry);
  CHECK(later.cpu.regs[rcx] == 3);
  CHECK(later.cpu.regs[rsi] == 0x1'0208);
  CHECK(later.cpu.ip == start);
}

TEST_CASE("comparing strings end as they should") {
  machine t;
  t.cpu.regs[rax] = t.m.bytes[0x1103];
  t.cpu.regs[rcx] = 100;
  CHECK(t.read(of(repne_scasb), rdi) == resume::retry);
  CHECK(t.handler.reads == 4);
  CHECK(t.cpu.regs[rcx] == 96);
  CHECK(t.cpu.regs[rdi] == 0x1'1104);
  CHECK(rflags::f_zf::get(t.cpu.flags));
  CHECK(t.cpu.ip == start + 2);
  machine c;
  c.m.bytes[0x200] = c.m.bytes[0x1100];
  c.m.bytes[0x201] = static_cast<std::uint8_t>(c.m.bytes[0x1101] - 1);  // the source is less
  CHECK(c.read(of(repe_cmpsb), rdi) == resume::retry);
  CHECK(c.cpu.regs[rcx] == 3);
  CHECK(rflags::f_cf::get(c.cpu.flags));
  CHECK(c.cpu.ip == start + 2);
  machine l;
  l.cpu.regs[rsi] = 0x1'1003;
  CHECK(l.read(of(lodsb), rsi) == resume::retry);
  CHECK(l.cpu.regs[rax] == (0x1111'2222'3333'4400 | l.m.bytes[0x1003]));
  CHECK(l.cpu.regs[rsi] == 0x1'1004);
  CHECK(l.cpu.regs[rdi] == 0x1'1100);
}

TEST_CASE("a string that is not where the fault was is a memory fault") {
  machine t;
  auto const before = t.cpu;
  CHECK(emulate(t.cpu, t.view, t.m, t.handler, of(rep_movsd), {{0x1'1104}, access::write}) == resume::stop);
  CHECK(emulate(t.cpu, t.view, t.m, t.handler, of(rep_movsd), {{0x1'1100}, access::read}) == resume::stop);
  CHECK(emulate(t.cpu, t.view, t.m, t.handler, of(rep_movsd), {{0x1'0200}, access::read}) == resume::stop);
  t.m.device_to = 0;  // memory is there by now
  CHECK(t.write(of(rep_movsd)) == resume::stop);
  CHECK(t.handler.others == 4);
  CHECK(same_registers(t.cpu, before));
}

TEST_CASE("a refusal in the middle of a repetition keeps what was done") {
  machine t;
  recorder r;
  r.answers[2] = resume::stop;
  CHECK(emulate(t.cpu, t.view, t.m, r, of(rep_movsd), {{t.cpu.regs[rdi]}, access::write}) == resume::stop);
  CHECK(r.count == 3);
  CHECK(t.cpu.regs[rcx] == 3);
  CHECK(t.cpu.regs[rdi] == 0x1'1108);
  CHECK(t.cpu.ip == start);
}
