// SPDX-License-Identifier: BSL-1.0
// Nested page faults from the processor's words to what the handler is told, in both tiers.
#include "support/x86_guest_memory.hpp"

#include <axhal/arch/x86_64/device_access_exit.hpp>
#include <axhal/vcpu/dispatch.hpp>

#include <catch2/catch_test_macros.hpp>

#include <cstdint>
#include <random>

using namespace axhal;
using namespace axhal::test;
using namespace axhal::test::x86;

namespace {

using axhal::access;  // not the one of unistd.h
constexpr auto reading = access::read;
constexpr auto writing = access::write;
constexpr std::uint64_t device = 0xfee0'0000;
constexpr std::uint64_t code_at = 0xffff'ffff'8100'0000;
constexpr std::uint64_t device_at = code_at + 0x1000;  // linear
constexpr std::uint64_t rax = 0, rcx = 1, rdx = 2, rdi = 7;

/// 64-bit code that has a device in the page after its own, and data in the one after that.
struct machine {
  sim_guest guest{};
  memory_handler handler{};

  machine() {
    map_64(guest, handler.memory, code_at, 0x9000);
    map(1, device);
    map(2, 0x1'2000);
    guest.rip = code_at + 0x100;
    for (unsigned n = 0; n < 16; ++n) guest.gpr[n] = 0x1111'2222'3333'4400 + n;
    guest.gpr[rdi] = device_at;
  }
  void map(unsigned page, std::uint64_t to, std::uint64_t flags = kernel_flags) {
    handler.memory.put(0x4000 + 8 * ((code_at >> 12 & 511) + page), to | flags);
  }
  template <std::size_t N>
  void put(std::uint8_t const (&code)[N]) {
    handler.memory.put(0x9100, code);
  }
  resume slow(std::uint64_t at, axhal::access wanted, bool walk = false) {
    slow_context c{&guest};
    return answer_device_access(c, handler, {{at}, wanted, walk});
  }
  resume fast(std::uint64_t at, axhal::access wanted, bool walk = false) {
    fast_context c{&guest};
    fast_handler<memory_handler> h{handler};
    return answer_device_access(c, h, {{at}, wanted, walk});
  }
};

constexpr std::uint8_t load[] = {0x8b, 0x47, 0x30};                                  // mov eax,[rdi+30]
constexpr std::uint8_t load_wide[] = {0x48, 0x8b, 0x87, 0x40, 0, 0, 0};              // mov rax,[rdi+40]
constexpr std::uint8_t store[] = {0x89, 0x57, 0x20};                                 // mov [rdi+20],edx
constexpr std::uint8_t store_number[] = {0xc7, 0x47, 0x20, 0xfe, 0xff, 0xff, 0xff};  // mov dword [rdi+20],-2
constexpr std::uint8_t store_wide[] = {0x48, 0xc7, 0x07, 0xfe, 0xff, 0xff, 0xff};    // mov qword [rdi],-2
constexpr std::uint8_t store_r13[] = {0x44, 0x89, 0x6f, 0x20};                       // mov [rdi+20],r13d
constexpr std::uint8_t or_number[] = {0x83, 0x4f, 0x20, 0x08};                       // or dword [rdi+20],8
constexpr std::uint8_t push[] = {0xff, 0x37};                                        // push qword [rdi]
constexpr std::uint8_t locked_load[] = {0xf0, 0x8b, 0x07};                           // lock mov eax,[rdi]
constexpr std::uint8_t move_string[] = {0xf3, 0xa4};                                 // rep movsb

}  // namespace

TEST_CASE("a load is a device read in either tier") {
  for (bool const fast : {false, true}) {
    machine m;
    m.put(load);
    m.handler.loads[0] = 0x1'8765'4321;
    CHECK((fast ? m.fast(device + 0x30, reading) : m.slow(device + 0x30, reading)) == resume::retry);
    REQUIRE(m.handler.count == 1);
    CHECK(m.handler.seen[0] ==
          seen_exit{.kind = exit_kind::mmio_read, .number = device + 0x30, .size = 4, .reg = rax, .register_size = 4});
    CHECK(m.guest.gpr[rax] == 0x8765'4321);
    CHECK(m.guest.rip == code_at + 0x103);
    CHECK(m.guest.steps == 1);
    CHECK(m.guest.raised == 0);
  }
}

TEST_CASE("stores of registers and numbers are device writes in either tier") {
  for (bool const fast : {false, true}) {
    machine m;
    auto const answer = [&](std::uint64_t at) { return fast ? m.fast(at, writing) : m.slow(at, writing); };
    m.put(store);
    CHECK(answer(device + 0x20) == resume::retry);
    CHECK(m.handler.seen[0] ==
          seen_exit{.kind = exit_kind::mmio_write, .number = device + 0x20, .value = 0x3333'4402, .size = 4});
    m.guest.rip = code_at + 0x100;
    m.put(store_number);
    CHECK(answer(device + 0x20) == resume::retry);
    CHECK(m.handler.seen[1].value == 0xffff'fffe);
    CHECK(m.guest.rip == code_at + 0x107);
    m.guest.rip = code_at + 0x100;
    m.put(store_wide);
    CHECK(answer(device) == resume::retry);
    CHECK(m.handler.seen[2] ==
          seen_exit{.kind = exit_kind::mmio_write, .number = device, .value = ~std::uint64_t{1}, .size = 8});
  }
}

TEST_CASE("what the fast tier does the slow one does alike") {
  std::mt19937_64 random{11};
  unsigned done = 0;
  unsigned left = 0;
  for (unsigned round = 0; round < 20'000; ++round) {
    constexpr std::uint8_t opcodes[] = {0x89, 0x8b, 0xc7};
    std::uint8_t code[12];
    for (auto& b : code) b = static_cast<std::uint8_t>(random());
    unsigned n = 0;
    if (random() % 2 == 0) code[n++] = static_cast<std::uint8_t>(0x40 + random() % 16);
    code[n++] = opcodes[random() % 3];
    if (code[n - 1] == 0xc7) code[n] &= 0xc7;
    machine quick;
    quick.put(code);
    auto const i = decode_instruction({code, 12}, code_size::bits_64);
    if (!i) continue;
    for (auto& r : quick.guest.gpr) r = random();
    for (auto& r : quick.handler.loads) r = random();
    slow_context const c{&quick.guest};
    // The processor's own words, nearly always.
    std::uint64_t const linear = locate(c, i->memory, i->length).linear.value;
    std::uint64_t const at = device + (linear & 0xfff) + (random() % 16 == 0 ? random() % 8 : 0);
    auto const wanted = random() % 16 == 0 ? access::read : i->writes_memory() ? writing : reading;
    auto whole = quick;
    auto const before = quick.guest;
    auto const answer = quick.fast(at, wanted);
    REQUIRE(quick.guest.stray_registers == 0);
    if (answer == resume::slow) {
      REQUIRE(quick.guest == before);
      REQUIRE(quick.handler.count == 0);
      ++left;
      continue;
    }
    ++done;
    REQUIRE(whole.slow(at, wanted) == answer);
    REQUIRE(whole.guest == quick.guest);
    REQUIRE(whole.handler.count == quick.handler.count);
    REQUIRE(whole.handler.seen[0] == quick.handler.seen[0]);
  }
  CHECK(done > 3000);
  CHECK(left > 1000);
}

TEST_CASE("the fast tier leaves what is not simple, with nothing done") {
  machine m;
  auto const leaves = [&](std::uint64_t at, axhal::access wanted, bool walk = false) {
    auto const before = m.guest;
    bool const slow = m.fast(at, wanted, walk) == resume::slow;
    return slow && m.guest == before && m.handler.count == 0;
  };
  m.put(or_number);
  CHECK(leaves(device + 0x20, read_write));
  m.put(store_r13);  // which the compiler keeps
  CHECK(leaves(device + 0x20, writing));
  m.put(load);
  CHECK(leaves(device + 0x31, reading));  // not where the instruction goes
  CHECK(leaves(device + 0x30, writing));
  CHECK(leaves(device + 0x30, access::execute));
  CHECK(leaves(device + 0x30, reading, true));
  m.guest.gpr[rdi] = device_at + 0xfce;  // into the next page
  CHECK(leaves(device + 0xffe, reading));
  m.guest.gpr[rdi] = device_at;
  m.map(0, 0x9000, kernel_flags & ~1ULL);  // the code's page is gone
  CHECK(leaves(device + 0x30, reading));
  m.map(0, 0x9000);
  CHECK(m.fast(device + 0x30, reading) == resume::retry);
}

TEST_CASE("a read-modify-write is a read and a write") {
  machine m;
  m.put(or_number);
  m.handler.loads[0] = 0x1;
  CHECK(m.slow(device + 0x20, writing) == resume::retry);
  REQUIRE(m.handler.count == 2);
  CHECK(m.handler.seen[1].value == 9);
  CHECK(m.guest.rip == code_at + 0x104);
}

TEST_CASE("strings between a device and memory go through the guest's tables") {
  machine m;
  m.put(move_string);
  m.guest.gpr[6] = code_at + 0x2010;  // RSI: data
  m.guest.gpr[7] = device_at + 4;
  m.guest.gpr[rcx] = 2;
  m.handler.memory.put(0x1'2010, 0xbbaa, 2);
  CHECK(m.slow(device + 4, writing) == resume::retry);
  REQUIRE(m.handler.count == 2);
  CHECK(m.handler.seen[0] == seen_exit{.kind = exit_kind::mmio_write, .number = device + 4, .value = 0xaa, .size = 1});
  CHECK(m.handler.seen[1] == seen_exit{.kind = exit_kind::mmio_write, .number = device + 5, .value = 0xbb, .size = 1});
  CHECK(m.guest.gpr[rcx] == 0);
  CHECK(m.guest.rip == code_at + 0x102);
  // The source is not there: its page fault, and no device access.
  m.guest.rip = code_at + 0x100;
  m.guest.gpr[rcx] = 2;
  m.guest.gpr[6] = code_at + 0x5000;
  m.guest.gpr[7] = device_at + 4;
  CHECK(m.slow(device + 4, writing) == resume::retry);
  CHECK(m.handler.count == 2);
  CHECK(m.guest.raised == 1);
  CHECK(m.guest.cr2 == code_at + 0x5000);
}

TEST_CASE("the guest's walk into what is no memory is told as one") {
  machine m;
  m.put(load);
  m.handler.answers[0] = resume::stop;
  CHECK(m.slow(0xd000'0ff8, writing, true) == resume::stop);
  CHECK(m.handler.seen[0] ==
        seen_exit{.kind = exit_kind::memory_fault, .number = 0xd000'0ff8, .flag = true, .wanted = writing});
  m.handler.answers[1] = resume::next_instruction;  // which one that is nobody knows
  CHECK(m.slow(0xd000'0ff8, writing, true) == resume::retry);
  CHECK(m.guest.steps == 0);
}

TEST_CASE("what is not decoded, and a fetch, are told as faults") {
  machine m;
  m.put(push);
  m.handler.answers[0] = resume::retry;
  CHECK(m.slow(device, reading) == resume::retry);
  CHECK(m.handler.seen[0] == seen_exit{.kind = exit_kind::memory_fault, .number = device, .wanted = reading});
  CHECK(m.slow(device + 8, access::execute) == resume::retry);
  CHECK(m.handler.seen[1] ==
        seen_exit{.kind = exit_kind::memory_fault, .number = device + 8, .wanted = access::execute});
  CHECK(m.guest.steps == 0);
}

TEST_CASE("an access into another page is told as a fault and stepped over as the handler likes") {
  machine m;
  m.put(load);
  m.guest.gpr[rdi] = device_at + 0xfce;
  CHECK(m.slow(device + 0xffe, reading) == resume::retry);
  CHECK(m.handler.seen[0].kind == exit_kind::memory_fault);
  CHECK(m.guest.steps == 1);
}

TEST_CASE("what the processor would refuse by now is left to it") {
  machine m;
  m.put(locked_load);
  CHECK(m.slow(device, reading) == resume::retry);
  CHECK(m.handler.count == 0);
  CHECK(m.guest.raised == 0);
  CHECK(m.guest.steps == 0);
}

TEST_CASE("an instruction that cannot be fetched gives the guest the fetch's fault") {
  machine m;
  m.put(load);
  m.map(0, 0x9000, kernel_flags & ~1ULL);
  CHECK(m.slow(device + 0x30, reading) == resume::retry);
  CHECK(m.handler.count == 0);
  REQUIRE(m.guest.raised == 1);
  CHECK(m.guest.events[0] == exception_event(exception::pf, 0x10));
  CHECK(m.guest.cr2 == code_at + 0x100);
}

TEST_CASE("what the handler refuses has not happened") {
  for (bool const fast : {false, true}) {
    machine m;
    m.put(load_wide);
    m.handler.answers[0] = resume::stop;
    auto const before = m.guest;
    CHECK((fast ? m.fast(device + 0x40, reading) : m.slow(device + 0x40, reading)) == resume::stop);
    CHECK(m.guest == before);
    CHECK(m.handler.seen[0].register_size == 8);
  }
}

TEST_CASE("32-bit code without paging has its device accesses too") {
  machine m;
  m.guest.cr0 = 0x11;
  m.guest.code = code_size::bits_32;
  for (auto& s : m.guest.segments)
    s = {.selector = 8, .attributes = segment_attributes::data_32, .limit = 0xffff'ffff, .base = 0};
  m.guest.segments[1].attributes = segment_attributes::code_32;
  m.guest.rip = 0x9100;
  m.guest.gpr[rdi] = 0xffff'ffff'0000'0000 | device;  // the upper half is not looked at
  m.put(store);
  CHECK(m.fast(device + 0x20, writing) == resume::slow);
  CHECK(m.slow(device + 0x20, writing) == resume::retry);
  CHECK(m.handler.seen[0].number == device + 0x20);
  CHECK(m.guest.gpr[rdx] == 0x1111'2222'3333'4402);
}
