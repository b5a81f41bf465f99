// SPDX-License-Identifier: BSL-1.0
// A guest that calls its firmware with anything; a second book of what each hart does is kept beside the server's, and
// the guest's memory lies in pieces between guards.
#include <axhal/arch/host/console.hpp>
#include <axhal/arch/riscv64/guest_fence.hpp>
#include <axhal/arch/riscv64/sbi_server.hpp>

#include "support/fuzz_input.hpp"
#include "support/sbi_guest.hpp"

#include <cstddef>
#include <cstdint>

namespace {

using axhal::test::fuzz_input;
using axhal::test::require;

using namespace axhal;
using namespace axhal::riscv64;
using kind = sbi_action::kind;

constexpr std::uint32_t count = 5;
constexpr std::uint64_t ram = 0x8000'0000;
constexpr std::uint64_t ram_size = std::uint64_t{3} * 32;
constexpr std::uint64_t extensions[] = {0x10, 0x54494d45, 0x735049, 0x52464e43, 0x48534d, 0x53525354, 0x4442434e, 0, 1};

/// Mostly words that mean something, sometimes any.
std::uint64_t word(fuzz_input& in) {
  std::uint8_t const how = in.next<std::uint8_t>();
  switch (how & 7) {
    case 0: return in.next<std::uint64_t>();
    case 1: return UINT64_MAX - (how >> 3);
    case 2: return ram + in.next<std::uint8_t>();
    case 3: return ram - (how >> 3);
    case 4: return std::uint64_t{0x8000'0000'0000'0000} >> (how >> 3);
    case 5: return std::uint64_t{in.next<std::uint32_t>()};
    default: return how >> 3;
  }
}

/// Counts the fences of one range and sees that they stay within a limit.
struct fence_counter {
  static inline unsigned done{};
  static void fence_i() { ++done; }
  static void hfence_vvma() { ++done; }
  static void hfence_vvma(std::uint64_t a) { count_page(a); }
  static void hfence_vvma_asid(std::uint64_t asid) { require(asid <= 0xffff && ++done > 0); }
  static void hfence_vvma(std::uint64_t a, std::uint64_t asid) {
    require(asid <= 0xffff);
    count_page(a);
  }
  static void count_page(std::uint64_t a) { require(a % 4096 == 0 && ++done <= guest_fence_pages + 1); }
};

bool in_ram(std::uint64_t a, std::uint64_t size) {
  return a >= ram && a - ram <= ram_size && size <= ram_size - (a - ram);
}

/// The harts that a mask names, by the definition: bit n is hart base + n, and none wraps. False: one is not there.
bool named(std::uint64_t mask, std::uint64_t base, std::uint64_t& harts) {
  harts = 0;
  if (base == UINT64_MAX) {
    harts = (1U << count) - 1;
    return true;
  }
  for (unsigned bit = 0; bit < 64; ++bit) {
    if ((mask >> bit & 1) == 0) continue;
    if (base >= count || base + bit >= count) return false;
    harts |= std::uint64_t{1} << (base + bit);
  }
  return true;
}

struct world {
  sbi_server<8> server{count};
  test::sbi_guest_memory memory{guest_phys{ram}, 3, 32};
  host::console<64> console{};
  hart_state book[count] = {hart_state::started, hart_state::stopped, hart_state::stopped, hart_state::stopped,
                            hart_state::stopped};

  void tell(std::uint8_t what, vcpu_number n) {
    bool const here = n.value < count;
    hart_state* const b = here ? &book[n.value] : nullptr;
    switch (what & 3) {
      case 0:
        server.started(n);
        if (here && *b != hart_state::stopped && *b != hart_state::stop_pending) *b = hart_state::started;
        break;
      case 1:
        server.stopped(n);
        if (here) *b = hart_state::stopped;
        break;
      case 2:
        server.suspended(n);
        if (here && *b == hart_state::suspend_pending) *b = hart_state::suspended;
        break;
      default:
        server.resuming(n);
        if (here && (*b == hart_state::suspend_pending || *b == hart_state::suspended)) *b = hart_state::resume_pending;
        break;
    }
  }

  void call(fuzz_input& in, std::uint8_t what) {
    sbi_request r{};
    r.eid = (what & 4) != 0 ? extensions[in.next<std::uint8_t>() % 9] : word(in);
    r.fid = (what & 8) != 0 ? std::uint64_t{in.next<std::uint8_t>()} & 7 : word(in);
    for (std::uint64_t* const a : {&r.a0, &r.a1, &r.a2, &r.a3, &r.a4, &r.a5}) *a = word(in);
    vcpu_number const caller{(what & 16) != 0 ? in.next<std::uint32_t>() : in.next<std::uint8_t>() % count};
    std::uint64_t const touched = memory.touched;
    sbi_action const a = server.call(caller, r, memory, console);

    std::uint64_t at_once = 0;
    if (server.answer_at_once(r.eid, r.fid, r.a0, at_once)) {
      require(a == sbi_action{.what = kind::none, .target = caller, .result = {0, at_once}});
    }
    require(a.result.error <= 0 && a.result.error >= -9);
    require(a.result.error == 0 || (a.what == kind::none && a.result.value == 0));
    require(a.target == caller || a.what == kind::start_vcpu);
    if (r.eid != 0x4442434e) require(memory.touched == touched);
    check(caller, r, a);
    require(memory.guards_hold());
  }

  void check(vcpu_number caller, sbi_request const& r, sbi_action const& a) {
    std::uint64_t harts = 0;
    bool const there = named(r.a0, r.a1, harts);
    switch (a.what) {
      case kind::none: check_answer(r, a, there); break;
      case kind::set_timer: require(r.eid == 0x54494d45 && r.fid == 0 && a.deadline.value == r.a0); break;
      case kind::send_ipi:
        require(r.eid == 0x735049 && r.fid == 0 && there && !a.targets.empty());
        for (unsigned n = 0; n < 64; ++n) {
          bool const awake = n < count && (harts >> n & 1) != 0 && book[n] != hart_state::stopped;
          require(a.targets.contains(vcpu_number{n}) == awake);
        }
        break;
      case kind::fence:
        require(r.eid == 0x52464e43 && r.fid <= 2 && there && a.targets.bits == harts && harts != 0);
        require(a.fence.is_whole() || a.fence.start.value + a.fence.size >= a.fence.start.value);
        fence_counter::done = 0;
        run_guest_fence<fence_counter>(a.fence);
        require(fence_counter::done > 0);
        break;
      case kind::start_vcpu:
        require(r.eid == 0x48534d && r.fid == 0 && a.target.value == r.a0 && r.a0 < count && a.result.error == 0);
        require(book[r.a0] == hart_state::stopped && a.entry.value == r.a1 && a.context == r.a2);
        require(r.a1 % 2 == 0 && in_ram(r.a1, 2));
        book[r.a0] = hart_state::start_pending;
        break;
      case kind::stop_this:
        require(r.eid == 0x48534d && r.fid == 1 && caller.value < count);
        book[caller.value] = hart_state::stop_pending;
        break;
      case kind::suspend:
        require(r.eid == 0x48534d && r.fid == 3 && static_cast<std::uint32_t>(r.a0) == 0 && caller.value < count);
        book[caller.value] = hart_state::suspend_pending;
        break;
      case kind::suspend_and_restart:
        require(r.eid == 0x48534d && r.fid == 3 && static_cast<std::uint32_t>(r.a0) == 0x8000'0000);
        require(caller.value < count && r.a1 % 2 == 0 && in_ram(r.a1, 2) && a.entry.value == r.a1 && a.context == r.a2);
        book[caller.value] = hart_state::suspend_pending;
        break;
      case kind::power_off:
      case kind::reset:
        require(r.eid == 0x53525354 && r.fid == 0 && static_cast<std::uint32_t>(r.a1) <= 1);
        require(static_cast<std::uint32_t>(r.a0) <= 2 &&
                (a.what == kind::reset) == (static_cast<std::uint32_t>(r.a0) > 0));
        break;
    }
  }

  void check_answer(sbi_request const& r, sbi_action const& a, bool there) const {
    bool const masked = (r.eid == 0x735049 && r.fid == 0) || (r.eid == 0x52464e43 && r.fid <= 2);
    if (masked) require(a.result.error == (there ? 0 : -3));
    if (r.eid == 0x4442434e && r.fid <= 1) {
      bool const good = r.a0 == 0 || (r.a2 == 0 && in_ram(r.a1, r.a0));
      require(a.result.error == (good ? 0 : -3) && a.result.value <= r.a0 && a.result.value <= ram_size);
    }
    if (r.eid == 0x48534d && r.fid == 2 && r.a0 < count) {
      require(a.result == sbi_return{0, static_cast<std::uint64_t>(book[r.a0])});
    }
  }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  fuzz_input in{data, size};
  world w;
  while (in.size > 0) {
    std::uint8_t const what = in.next<std::uint8_t>();
    if ((what & 3) == 0) {
      vcpu_number const n{in.next<std::uint8_t>()};
      w.tell(what >> 2, (what & 0x80) != 0 ? n : vcpu_number{n.value % count});
    } else if ((what & 3) == 1 && (what & 4) != 0) {
      w.console.send(in.next<std::uint8_t>());
      static_cast<void>(w.console.take());
    } else {
      w.call(in, what >> 1);
    }
    for (std::uint32_t i = 0; i < count; ++i) require(w.server.state_of(vcpu_number{i}) == w.book[i]);
  }
  return 0;
}
