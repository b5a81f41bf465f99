// SPDX-License-Identifier: BSL-1.0
// Laws that no wrong model can break are no laws: each mutant breaks the law named beside it.
#include <axhal/arch/host/firmware.hpp>
#include <axhal/conformance/firmware_laws.hpp>

#include <catch2/catch_test_macros.hpp>

#include <cstdint>

namespace {
using namespace axhal;
using good = host::firmware<4>;
using outcome = result<void, firmware_error>;
using state = result<cpu_power, firmware_error>;

template <typename F>
struct machine {
  F& firmware;
  static constexpr std::uint64_t running_cpu() { return 0; }
  static constexpr std::uint64_t stopped_cpu() { return 2; }
  static constexpr std::uint64_t unknown_cpu() { return 4; }
  [[nodiscard]] constexpr bool was_started(std::uint64_t id) const { return firmware.received(id).has_value(); }
  [[nodiscard]] constexpr bool received(std::uint64_t id, host_phys entry, std::uint64_t argument) const {
    return firmware.received(id) == host::cpu_start{entry, argument};
  }
};

template <typename F>
constexpr int broken() {
  F f;
  machine<F> m{f};
  return laws::first_broken_firmware_law(f, m, host_phys{0x4020'0000});
}
static_assert(broken<good>() == 0);

struct says_all_are_on : good {
  static constexpr state cpu_state(std::uint64_t) { return cpu_power::on; }
};
struct says_all_are_off : good {
  static constexpr state cpu_state(std::uint64_t) { return cpu_power::off; }
};
struct says_started_are_off : good {
  constexpr state cpu_state(std::uint64_t id) const { return id == 0 ? state{cpu_power::on} : state{cpu_power::off}; }
};
struct starts_the_running : good {
  constexpr outcome start_cpu(std::uint64_t id, host_phys e, std::uint64_t a) {
    return id == 0 ? outcome{} : good::start_cpu(id, e, a);
  }
};
struct masks_the_id : good {  // an unknown id becomes a known one
  constexpr outcome start_cpu(std::uint64_t id, host_phys e, std::uint64_t a) { return good::start_cpu(id & 3, e, a); }
};
struct calls_everything_denied : good {
  constexpr outcome start_cpu(std::uint64_t id, host_phys e, std::uint64_t a) {
    auto const r = good::start_cpu(id, e, a);
    return r ? r : outcome{failure{firmware_error::denied}};
  }
};
struct starts_a_neighbour_too : good {
  constexpr outcome start_cpu(std::uint64_t id, host_phys e, std::uint64_t a) {
    if (id >= 4) (void)good::start_cpu(2, e, a);
    return good::start_cpu(id, e, a);
  }
};
struct starts_again : good {  // a second start of a CPU on its way replaces the first
  host::cpu_start last[4]{};
  constexpr outcome start_cpu(std::uint64_t id, host_phys e, std::uint64_t a) {
    auto const r = good::start_cpu(id, e, a);
    if (id < 4 && id != 0) last[id] = {e, a};
    return r;
  }
  constexpr result<host::cpu_start, firmware_error> received(std::uint64_t id) const {
    auto const r = good::received(id);
    return r ? result<host::cpu_start, firmware_error>{last[id]} : r;
  }
};
struct cuts_the_argument : good {
  constexpr outcome start_cpu(std::uint64_t id, host_phys e, std::uint64_t a) {
    return good::start_cpu(id, e, a & 0xffff'ffff);
  }
};
struct aligns_the_entry : good {
  constexpr outcome start_cpu(std::uint64_t id, host_phys e, std::uint64_t a) {
    return good::start_cpu(id, align_down(e, 0x1000'0000), a);
  }
};
struct starts_nothing : good {
  constexpr outcome start_cpu(std::uint64_t id, host_phys e, std::uint64_t a) {
    if (id == 2) return {};
    return good::start_cpu(id, e, a);
  }
};

TEST_CASE("each firmware law is broken by a mutant", "[laws][firmware]") {
  STATIC_REQUIRE(broken<says_all_are_on>() == 1);
  STATIC_REQUIRE(broken<says_all_are_off>() == 1);
  STATIC_REQUIRE(broken<says_started_are_off>() == 1);
  STATIC_REQUIRE(broken<starts_the_running>() == 2);
  STATIC_REQUIRE(broken<masks_the_id>() == 2);
  STATIC_REQUIRE(broken<calls_everything_denied>() == 2);
  STATIC_REQUIRE(broken<starts_a_neighbour_too>() == 2);
  STATIC_REQUIRE(broken<starts_again>() == 2);
  STATIC_REQUIRE(broken<cuts_the_argument>() == 3);
  STATIC_REQUIRE(broken<aligns_the_entry>() == 3);
  STATIC_REQUIRE(broken<starts_nothing>() == 3);
}

}  // namespace
