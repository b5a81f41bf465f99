// SPDX-License-Identifier: BSL-1.0
// A guest that calls its firmware with anything; a second book of which vCPU is on is kept beside the server's.
#include <axhal/arch/aarch64/psci_server.hpp>

#include "support/fuzz_input.hpp"

#include <cstddef>
#include <cstdint>

namespace {

using axhal::test::fuzz_input;
using axhal::test::require;

using namespace axhal;
using namespace axhal::aarch64;
using kind = psci_action::kind;

constexpr std::uint32_t count = 3;
constexpr bool in_ram(guest_phys a) { return a.value >= 0x4000'0000 && a.value < 0x8000'0000; }

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  fuzz_input in{data, size};
  psci_server<8> server{count};
  psci_affinity book[count] = {psci_affinity::on, psci_affinity::off, psci_affinity::off};

  while (in.size > 0) {
    std::uint8_t const what = in.next<std::uint8_t>();
    vcpu_number const n{in.next<std::uint8_t>()};
    if ((what & 3) == 0) {
      server.started(n);
      if (n.value < count) book[n.value] = psci_affinity::on;
    } else if ((what & 3) == 1) {
      server.stopped(n);
      if (n.value < count) book[n.value] = psci_affinity::off;
    } else {
      // Mostly functions that exist and small arguments, sometimes anything.
      bool const wild = (what & 4) != 0;
      std::uint64_t const x0 =
          wild ? in.next<std::uint64_t>() : (0x8000'0000U | (what & 0x70U) << 22 | (in.next<std::uint8_t>() & 0x1fU));
      std::uint64_t const x1 = (what & 8) != 0 ? in.next<std::uint64_t>() : in.next<std::uint8_t>();
      std::uint64_t const x2 = wild ? in.next<std::uint64_t>() : std::uint64_t{in.next<std::uint8_t>()} << 25;
      std::uint64_t const x3 = in.next<std::uint8_t>();
      psci_action const a = server.call(n, x0, x1, x2, x3, in_ram);

      std::uint64_t at_once = 0;
      if (server.answer_at_once(x0, x1, at_once)) require(a.what == kind::none && a.result == at_once);

      auto const status = static_cast<std::int64_t>(a.result);
      require(status >= -9 && status <= 0x1'0001);
      switch (a.what) {
        case kind::start_vcpu:
          require(a.target.value < count && book[a.target.value] == psci_affinity::off);
          require(in_ram(a.entry) && a.entry.value % 4 == 0 && a.result == 0);
          require((static_cast<std::uint32_t>(x0) & 0xbfff'ffff) == 0x8400'0003 && a.context == x3);
          book[a.target.value] = psci_affinity::on_pending;
          break;
        case kind::stop_this: require(a.target == n && static_cast<std::uint32_t>(x0) == 0x8400'0002); break;
        case kind::suspend:
          require((static_cast<std::uint32_t>(x0) & 0xbfff'ffff) == 0x8400'0001 && a.result == 0);
          break;
        case kind::power_off: require(static_cast<std::uint32_t>(x0) == 0x8400'0008); break;
        case kind::reset: require(static_cast<std::uint32_t>(x0) == 0x8400'0009); break;
        case kind::none: break;
      }
    }
    for (std::uint32_t i = 0; i < count; ++i) require(server.state_of(vcpu_number{i}) == book[i]);
  }
  return 0;
}
