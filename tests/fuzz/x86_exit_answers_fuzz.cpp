// SPDX-License-Identifier: BSL-1.0
// Any registers, any instruction that stops an x86 guest, any answer of the handler: an instruction is done as a whole
// or not at all, a guest is never in a state that the manuals exclude, no register out of reach is touched, and strings
// end in time.
#include "support/fuzz_input.hpp"
#include "support/x86_64_emulated.hpp"
#include "support/x86_64_guest.hpp"

#include <axhal/arch/x86_64/control_register_writes.hpp>
#include <axhal/arch/x86_64/cpuid_exit.hpp>
#include <axhal/arch/x86_64/msr_exit.hpp>
#include <axhal/arch/x86_64/port_exit.hpp>
#include <axhal/arch/x86_64/simple_exits.hpp>
#include <axhal/arch/x86_64/string_port_exit.hpp>
#include <axhal/arch/x86_64/xsetbv_exit.hpp>
#include <axhal/vcpu/dispatch.hpp>

#include <cstdint>

using namespace axhal;
using namespace axhal::test;
using namespace axhal::test::x86;

namespace {

constexpr std::uint64_t pae_bit = 0x20;
constexpr std::uint64_t pcide_bit = 0x2'0000;
constexpr std::uint64_t pg_bit = 0x8000'0000;

/// Answers as the fuzzer says.
struct answering : x86_handler<256> {
  std::uint64_t choices{};
  unsigned told{};
  unsigned injected{};
  template <typename Guest, typename Exit>
  resume operator()(Guest& guest, Exit const& e) {
    std::uint64_t const choice = choices;
    choices = choices >> 3 | choices << 61;
    ++told;
    if constexpr (kind_of<Exit> == exit_kind::port_read) {
      require(e.size == 1 || e.size == 2 || e.size == 4);
      guest.complete_port_read(e, choice);
    } else if constexpr (kind_of<Exit> == exit_kind::port_write) {
      require((e.value & ~low_bits(8U * e.size)) == 0);
    } else if constexpr (kind_of<Exit> == exit_kind::register_read) {
      require(e.id < 0xffff'0000 || e.id == register_id::cr8);
      guest.complete_register_read(e, choice);
    } else if constexpr (kind_of<Exit> == exit_kind::register_write) {
      require(e.id < 0xffff'0000 || (e.id == register_id::cr8 && e.value < 16));
    } else if constexpr (kind_of<Exit> == exit_kind::mmio_read) {
      guest.complete_read(e, choice);
    }
    // Most answers are completions, so that strings come far.
    if ((choice & 0x700) != 0x700) return resume::next_instruction;
    if ((choice & 1) != 0) {
      guest.inject({.what = static_cast<guest_fault::kind>((choice >> 1 & 3) % 3)});
      ++injected;
    }
    return (choice & 8) != 0 ? resume::retry : resume::stop;
  }
};

struct xcr0_register {
  static inline std::uint64_t value = 1;
  static std::uint64_t xgetbv(std::uint32_t) { return value; }
  static void xsetbv(std::uint32_t index, std::uint64_t v) {
    require(index == 0 && (v & 1) != 0);
    require((v & 4) == 0 || (v & 2) != 0);
    require((v & 0xe0) == 0 || (v & 0xe4) == 0xe4);
    value = v;
  }
};

/// A guest in a mode that exists.
sim_guest guest_from(fuzz_input& in) {
  sim_guest g;
  auto const mode = in.next<std::uint8_t>();
  for (auto& r : g.gpr) r = in.next<std::uint64_t>() >> (mode >> 5 == 7 ? 0 : 48);
  g.rflags = (in.next<std::uint64_t>() & 0x24'0f00) | 2;
  g.cpl = (mode >> 3 & 3) == 3 ? 3 : 0;
  g.cr0 = 0x10;
  std::uint64_t const bits = in.next<std::uint64_t>();
  g.cr4 = bits & 0x0030'0690;
  g.code = code_size::bits_16;
  enum stage : std::uint8_t { real, protected_mode, paging, pae, about_to_be_long, long_mode };
  auto const at = static_cast<stage>((mode & 7) % 6);
  if (at != real) {
    g.cr0 |= 1 | (bits & 0x0005'002e);
    g.code = code_size::bits_32;
  }
  if (at != real && at != protected_mode && at != about_to_be_long) g.cr0 |= pg_bit;
  if (at >= pae) g.cr4 |= pae_bit;
  if (at >= about_to_be_long) {
    g.efer = at == long_mode ? 0x500 : 0x100;
    bool const code_64 = at == long_mode && (bits & 1) != 0;
    g.segments[1].attributes = code_64 ? segment_attributes::code_64 : segment_attributes::code_32;
    if (code_64) g.code = code_size::bits_64;
  }
  if (at == long_mode && (bits & 0x1'0000'0000) != 0) g.cr4 |= pcide_bit;
  g.cr4 |= (bits & 0x2'0000'0000) != 0 ? 0x4'0000 : 0;
  g.cr3 = in.next<std::uint8_t>();
  return g;
}

/// What holds of the control registers of any processor.
void require_sane(sim_guest const& g) {
  bool const pg = (g.cr0 & pg_bit) != 0;
  require(!pg || (g.cr0 & 1) != 0);
  require((g.cr0 & 0x6000'0000) != 0x2000'0000);  // NW without CD
  require(g.cr0 >> 32 == 0 && (g.cr0 & 0x10) != 0);
  bool const lma = (g.efer & 0x400) != 0;
  require(lma == (pg && (g.efer & 0x100) != 0));
  require(!lma || (g.cr4 & pae_bit) != 0);
  require((g.cr4 & pcide_bit) == 0 || lma);
  require(g.cr3 < std::uint64_t{1} << 40);
}

template <typename C, typename H>
resume run(C& c, H& handler, fuzz_input& in) {
  auto const which = in.next<std::uint8_t>();
  auto const word = in.next<std::uint64_t>();
  // A single bit more often than not.
  std::uint64_t const number = in.next<std::uint8_t>();
  constexpr std::uint32_t leaves[] = {1, 7, 0xd, 0x8000'0001, 0x1f, 0};
  switch (which % 12) {
    case 0: {
      c.set_gpr(0, leaves[word % 6] | (word & ~std::uint64_t{0xffff'ffff}));
      return answer_cpuid<xcr0_register>(c, handler, 2);
    }
    case 1:
      if ((number & 1) != 0) c.set_gpr(1, (number & 2) != 0 ? 0xc000'0080 : 0xffff'0000 + (word & 0xff));
      return answer_rdmsr(c, handler, 2);
    case 2:
      if ((number & 1) != 0) {
        c.set_gpr(1, (number & 2) != 0 ? 0xc000'0080 : 0x277);
        c.set_gpr(2, 0);
        c.set_gpr(0, (number & 2) != 0 ? c.efer() ^ (std::uint64_t{1} << (number >> 2 & 15)) : word);
      }
      return answer_wrmsr(c, handler, 2);
    case 3:
    case 4: {
      unsigned const cr = static_cast<unsigned>(word >> 60) % 5 == 1 ? 8 : static_cast<unsigned>(word >> 60) % 5;
      std::uint64_t const now = cr == 0 ? c.cr0() : cr == 3 ? c.cr3() : c.cr4();
      std::uint64_t const value = (number & 64) != 0 ? word : now ^ std::uint64_t{1} << (number & 63);
      return answer_cr_write(c, handler, cr, value, 3);
    }
    case 5: return answer_cr_read(c, handler, static_cast<unsigned>(word & 15), static_cast<unsigned>(number), 3);
    case 6:
      c.set_gpr(1, word >> 8 & ((number & 1) != 0 ? 1 : 0));
      c.set_gpr(2, 0);
      c.set_gpr(0, word & 0x3ff);
      return answer_xsetbv<xcr0_register>(c, handler, 3);
    case 7:
      return answer_port(c, handler,
                         {.port = static_cast<std::uint16_t>(word & 0xffff),
                          .size = static_cast<std::uint8_t>(1U << number % 3),
                          .in = (number & 64) != 0},
                         1 + (number & 3));
    case 8: {
      sim_memory<0x4000> memory{};
      memory.device_from = word & 0x3fff;
      memory.device_to = word >> 16 & 0x3fff;
      memory.refuses_at = word >> 32 & 0xffff;
      port_access const a{.port = 1,
                          .size = static_cast<std::uint8_t>(1U << number % 3),
                          .in = (number & 64) != 0,
                          .string = true,
                          .repeated = (number & 128) != 0,
                          .address_size = static_cast<std::uint8_t>(2U << (word >> 50) % 3),
                          .seg = static_cast<segment>((word >> 52) % 6)};
      auto const answer = string_port(c, memory, handler, a, 2);
      require(memory.finds <= 4 * string_batch);
      return answer;
    }
    case 9: return answer_hypercall(c, handler, 3);
    case 10: return (number & 1) != 0 ? answer_hlt(c, handler, 1) : answer_pause(c, handler, 2);
    default: return (number & 1) != 0 ? answer_clts(c, handler, 2) : answer_lmsw(c, handler, word, 3);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  fuzz_input in{data, size};
  do {
    sim_guest const before = guest_from(in);
    answering h;
    h.choices = in.next<std::uint64_t>();
    h.leaf_1 = {.eax = 0, .ebx = 0, .ecx = 0x0402'0000, .edx = 0x0380'f9ff};
    h.leaf_7.ebx = 0x10'0080;
    h.leaf_d.eax = 0xe7;
    h.extended_1.edx = 0x2010'0800;
    h.extended_8.eax = 0x3028;
    auto const pointers = in.next<std::uint64_t>();
    for (unsigned n = 0; n < 32; ++n) h.memory.put64(8 * n, pointers >> (n & 31));

    fuzz_input slow_in = in;
    sim_guest slow = before;
    slow_context c{&slow};
    answering slow_handler = h;
    auto const answer = run(c, slow_handler, slow_in);
    require(answer == resume::retry || answer == resume::stop);
    require_sane(slow);
    require(slow.steps <= 1);
    // Done, refused, or as the handler says: nothing of both.
    require(slow.raised == 0 || slow.steps == 0);
    if (slow.steps == 0) {
      require(slow.rip == before.rip);
      require(slow.cr0 == before.cr0 && slow.cr3 == before.cr3 && slow.cr4 == before.cr4);
      require(slow.efer == before.efer && slow.pat == before.pat && slow.forgets == 0);
    } else {
      require(slow.rip - before.rip < 16);
    }
    require(slow_handler.told <= 8 * string_batch);
    require(before.cpl == 0 || (slow.cr0 == before.cr0 && slow.cr3 == before.cr3 && slow.cr4 == before.cr4));

    fuzz_input fast_in = in;
    sim_guest fast = before;
    fast_context f{&fast};
    answering fast_answers = h;
    fast_handler<answering> fast_view{fast_answers};
    auto const quick = run(f, fast_view, fast_in);
    require(fast.stray_registers == 0);
    require_sane(fast);
    // Both tiers do the same; the fast one may do nothing.
    if (quick != resume::slow) {
      require(quick == answer && fast == slow);
    } else {
      require(fast_answers.told == 0 && fast.steps == 0 && fast.raised == 0);
    }
    in = slow_in;
  } while (in.size >= 8);
  return 0;
}
