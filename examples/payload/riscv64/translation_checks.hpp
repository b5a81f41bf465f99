// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "device_checks.hpp"
#include "machine.hpp"
#include "traps.hpp"

#include <cstdint>
#include <initializer_list>

// The guest's own page tables: Sv39, with memory and devices where they are, and a window of pages to play with.
namespace payload {

class translation {
 public:
  static constexpr std::uint64_t v = 1, r = 2, w = 4, x = 8, u = 16, g = 32, a = 64, d = 128;
  static constexpr std::uint64_t window = std::uint64_t{64} << 30;
  static constexpr std::uint64_t page(unsigned n) { return window + n * 0x1000; }
  /// Addresses whose tables are nowhere, in a device, and beyond what an address can be.
  static constexpr std::uint64_t table_nowhere = std::uint64_t{65} << 30, table_in_device = std::uint64_t{66} << 30,
                                 table_beyond = std::uint64_t{67} << 30;

  translation() {
    root_[0] = entry(0, v | r | w | a | d);
    root_[2] = entry(ram, v | r | w | x | a | d);
    root_[64] = entry(reinterpret_cast<std::uint64_t>(middle_), v);
    middle_[0] = entry(reinterpret_cast<std::uint64_t>(leaves_), v);
    root_[65] = entry(nowhere, v);
    root_[66] = entry(plic, v);
    root_[67] = entry(std::uint64_t{1} << 50, v);
  }
  /// Translation begins, with this address-space number.
  void on(std::uint64_t asid = 0) const {
    constexpr std::uint64_t sv39 = std::uint64_t{8} << 60;
    write<csr::satp>(sv39 | asid << 44 | reinterpret_cast<std::uint64_t>(root_) >> 12);
    asm volatile("sfence.vma" ::: "memory");
  }
  static void off() {
    write<csr::satp>(0);
    asm volatile("sfence.vma" ::: "memory");
  }
  /// Page `n` of the window becomes `at`, and this CPU forgets what it was.
  static void map(unsigned n, std::uint64_t at, std::uint64_t flags) {
    leaves_[n] = entry(at, flags);
    asm volatile("sfence.vma %0, zero" ::"r"(page(n)) : "memory");
  }
  static std::uint64_t flags_of(unsigned n) { return leaves_[n] & 0x3ff; }
  /// As `map`, but nobody is told.
  static void map_quietly(unsigned n, std::uint64_t at, std::uint64_t flags) { leaves_[n] = entry(at, flags); }

 private:
  static constexpr std::uint64_t entry(std::uint64_t at, std::uint64_t flags) { return at >> 12 << 10 | flags; }
  alignas(4096) static inline std::uint64_t volatile root_[512];
  alignas(4096) static inline std::uint64_t volatile middle_[512];
  alignas(4096) static inline std::uint64_t volatile leaves_[512];
};

struct alignas(4096) page_of_words {
  std::uint32_t volatile words[1024];
  [[nodiscard]] std::uint64_t address() const { return reinterpret_cast<std::uint64_t>(words); }
};
inline page_of_words first_page, second_page, code_page;

inline void jump_to(std::uint64_t at) {
  asm volatile("la t0, 1f\n\tsd t0, 0(%0)\n\tjr %1\n1:" ::"r"(&return_to), "r"(at) : "t0", "memory");
}

inline void permissions() {
  using t = translation;
  auto const readable = t::v | t::r | t::a, writable = t::v | t::r | t::w | t::a | t::d;
  first_page.words[0] = 0x1111;
  second_page.words[0] = 0x2222;
  check("the guest's own tables", load32(first_page.address()), 0x1111);

  t::map(0, first_page.address(), writable);
  check("a page of its own", load32(t::page(0)), 0x1111);
  store32(t::page(0) + 8, 0x77);
  check("a page of its own, written", first_page.words[2], 0x77);
  faults("load from an unmapped page", cause::load_page, t::page(9) + 4, [] { (void)load32(t::page(9) + 4); });
  faults("store to an unmapped page", cause::store_page, t::page(9) + 8, [] { store32(t::page(9) + 8, 1); });
  faults("jump to an unmapped page", cause::fetch_page, t::page(9), [] { jump_to(t::page(9)); });
  faults("amoadd in an unmapped page", cause::store_page, t::page(9), [] {
    asm volatile("amoadd.w t0, zero, (%0)" ::"r"(t::page(9)) : "t0", "memory");
  });
  faults("an address that is not canonical", cause::load_page, std::uint64_t{1} << 60,
         [] { (void)load32(std::uint64_t{1} << 60); });
  t::map(1, first_page.address(), readable);
  check("a read-only page", load32(t::page(1)), 0x1111);
  faults("store to a read-only page", cause::store_page, t::page(1), [] { store32(t::page(1), 1); });
  faults("jump to a page without X", cause::fetch_page, t::page(1), [] { jump_to(t::page(1)); });
  t::map(2, first_page.address(), t::v | t::w | t::a | t::d);
  faults("a page with W and without R is reserved", cause::load_page, t::page(2), [] { (void)load32(t::page(2)); });
  t::map(3, first_page.address(), writable | t::u);
  faults("a user's page without SUM", cause::load_page, t::page(3), [] { (void)load32(t::page(3)); });
  set<csr::sstatus>(axhal::riscv64::sstatus::f_sum::mask);
  check("a user's page with SUM", load32(t::page(3)), 0x1111);
  clear<csr::sstatus>(axhal::riscv64::sstatus::f_sum::mask);

  code_page.words[0] = 0x0015'0513;  // addi a0, a0, 1
  code_page.words[1] = 0x0000'8067;  // ret
  asm volatile("fence.i" ::: "memory");
  t::map(4, code_page.address(), t::v | t::x | t::a);
  check("an execute-only page runs", run_plain(t::page(4), 41), 42);
  faults("load from an execute-only page", cause::load_page, t::page(4), [] { (void)load32(t::page(4)); });
  set<csr::sstatus>(axhal::riscv64::sstatus::f_mxr::mask);
  check("MXR makes it readable", load32(t::page(4)), 0x0015'0513);
  clear<csr::sstatus>(axhal::riscv64::sstatus::f_mxr::mask);

  // Whether hardware sets A and D or the guest has to: one of both, and the bit is there after.
  t::map(5, first_page.address(), t::v | t::r | t::w);
  auto const accessed = cause_of([] { (void)load32(t::page(5)); });
  check("A: set, or a page fault", accessed == cause::none ? t::flags_of(5) & t::a : t::a, t::a);
  check("A: set, or a page fault", accessed == cause::none || accessed == cause::load_page, 1);
  t::map(5, first_page.address(), t::v | t::r | t::w | t::a);
  auto const dirtied = cause_of([] { store32(t::page(5) + 12, 1); });
  check("D: set, or a page fault", dirtied == cause::none ? t::flags_of(5) & t::d : t::d, t::d);
  check("D: set, or a page fault", dirtied == cause::none || dirtied == cause::store_page, 1);
}

/// A changed page is seen after the fence that names it.
inline void fences(translation const& tables) {
  using t = translation;
  auto const readable = t::v | t::r | t::a;
  auto const change = [&](axhal::text what, auto fence) {
    t::map(6, first_page.address(), readable);
    check(what, load32(t::page(6)), 0x1111);
    t::map_quietly(6, second_page.address(), readable);
    fence();
    check(what, load32(t::page(6)), 0x2222);
  };
  change("sfence.vma", [] { asm volatile("sfence.vma" ::: "memory"); });
  change("sfence.vma by address", [] { asm volatile("sfence.vma %0, zero" ::"r"(t::page(6)) : "memory"); });
  change("remote_sfence_vma to itself", [] { call(sbi::rfence, 1, 1, 0, t::page(6), 0x1000); });
  change("remote_sfence_vma of everything", [] { call(sbi::rfence, 1, 1, 0, 0, ones); });
  std::uint64_t const asid = (read<csr::satp>() >> 44 & 0xffff) + 1;
  tables.on(asid);
  // Where the CPU has no such numbers, every translation is number 0.
  std::uint64_t const got = read<csr::satp>() >> 44 & 0xffff;
  check("satp: an ASID, or none", got == asid || got == 0, 1);
  change("sfence.vma by ASID", [=] { asm volatile("sfence.vma zero, %0" ::"r"(got) : "memory"); });
  change("sfence.vma by address and ASID", [=] {
    asm volatile("sfence.vma %0, %1" ::"r"(t::page(6)), "r"(got) : "memory");
  });
  change("remote_sfence_vma_asid to itself", [=] { call(sbi::rfence, 2, 1, 0, t::page(6), 0x1000, got); });
  tables.on(0);
}

/// Devices and holes behind the guest's own translation: stval is the address that the guest used.
inline void devices_by_pages(machine const& m) {
  using t = translation;
  auto const writable = t::v | t::r | t::w | t::a | t::d;
  t::map(16, uart, writable);
  store8(t::page(16) + 7, 0x9a);
  check("the UART by another address", load8(t::page(16) + 7), 0x9a);
  check("the UART by its own address", load8(uart_at::scr), 0x9a);
  t::map(17, plic_enable & ~std::uint64_t{0xfff}, writable);
  auto const word = t::page(17) + (word_register & 0xfff);
  store32(word, 0x8000'0002);
  check(
      "amoadd.w by another address",
      [&] {
        std::uint64_t old;
        asm volatile("amoadd.w %0, %1, (%2)" : "=&r"(old) : "r"(std::uint64_t{1}), "r"(word) : "memory");
        return old;
      }(),
      0xffff'ffff'8000'0002);
  check("and its result", load32(word_register), 0x8000'0003);
  store32(word, 0);

  // The instruction lies in a page that nobody can read, not even the guest.
  code_page.words[0] = 0x0005'4503;  // lbu a0, 0(a0)
  code_page.words[1] = 0x0000'8067;  // ret
  code_page.words[2] = 0x8082'4108;  // c.lw a0, 0(a0) and c.jr ra
  asm volatile("fence.i" ::: "memory");
  t::map(4, code_page.address(), t::v | t::x | t::a);
  check("a load in an execute-only page", run_plain(t::page(4), t::page(16) + 7), 0x9a);
  store32(word, 0x8000'0004);
  check("a compressed load in an execute-only page", run_plain(t::page(4) + 8, word), 0xffff'ffff'8000'0004);
  store32(word, 0);
  // The last two bytes of a page, and the first two of the next one, which is elsewhere.
  code_page.words[1023] = 0x4503'0001;  // c.nop, and the first half of lbu a0, 0(a0)
  second_page.words[0] = 0x8082'0005;   // its second half, and c.jr ra
  asm volatile("fence.i" ::: "memory");
  t::map(5, second_page.address(), t::v | t::x | t::a);
  check("a load across two pages of code", run_plain(t::page(4) + 0xffe, t::page(16) + 7), 0x9a);
  second_page.words[0] = 0x2222;

  // U-mode with a device of its own.
  code_page.words[1] = 0x0000'0073;  // ecall
  asm volatile("fence.i" ::: "memory");
  t::map(18, code_page.address(), t::v | t::x | t::a | t::u);
  t::map(19, uart, writable | t::u);
  std::uint64_t seen = 0;
  check("U-mode with a device", cause_of([&] { seen = run_user(t::page(18), t::page(19) + 7); }), cause::user_call);
  check("U-mode loads from it", seen, 0x9a);
  faults("U-mode at a page of S-mode", cause::load_page, t::page(16), [] { run_user(t::page(18), t::page(16)); });
  check("it came from U-mode", caught.from_user, 1);
  faults("U-mode jumps to a page of S-mode", cause::fetch_page, t::page(4), [] { run_user(t::page(4), 0); });

  t::map(20, nowhere, writable | t::x);
  t::map(21, nowhere, writable | t::u);
  faults("load from nowhere by a page", cause::load_access, t::page(20) + 0x123,
         [] { (void)load8(t::page(20) + 0x123); });
  faults("store to nowhere by a page", cause::store_access, t::page(20) + 8, [] { store32(t::page(20) + 8, 1); });
  faults("jump to nowhere by a page", cause::fetch_access, t::page(20), [] { jump_to(t::page(20)); });
  faults("U-mode loads from nowhere", cause::load_access, t::page(21) + 1,
         [] { run_user(t::page(18), t::page(21) + 1); });
  check("it came from U-mode", caught.from_user, 1);
  if (!m.is_ours()) return;
  // A table that is no memory: an access fault of the access's own kind.
  for (std::uint64_t const at : {t::table_nowhere + 0x5678, t::table_in_device + 0x123'4568, t::table_beyond + 8}) {
    faults("load by a table that is no memory", cause::load_access, at, [at] { (void)load32(at); });
    faults("store by a table that is no memory", cause::store_access, at, [at] { store32(at, 1); });
    faults("jump by a table that is no memory", cause::fetch_access, at, [at] { jump_to(at); });
  }
}

/// Modes of satp: those that the CPU does not have change nothing.
inline void modes(translation const& tables) {
  for (std::uint64_t const mode : {1, 7, 11, 15}) {
    auto const before = read<csr::satp>();
    write<csr::satp>(mode << 60 | (before & ~(std::uint64_t{15} << 60)));
    check("satp: a mode that nobody has", read<csr::satp>(), before);
  }
  tables.on();
  check("satp: Sv39", read<csr::satp>() >> 60, 8);
}

inline void translations(machine const& m) {
  translation const tables;
  modes(tables);
  permissions();
  fences(tables);
  devices_by_pages(m);
  translation::off();
  check("without translation again", load32(first_page.address()), 0x1111);
}

}  // namespace payload
