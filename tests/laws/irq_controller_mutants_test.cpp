// SPDX-License-Identifier: BSL-1.0
// Laws that no wrong controller can break are not laws: each mutant below breaks the law named beside it.
#include <axhal/arch/host/irq_controller.hpp>
#include <axhal/conformance/irq_controller_laws.hpp>

#include <catch2/catch_test_macros.hpp>

#include <cstdint>

namespace {

using namespace axhal;

using sound = host::irq_controller<64, 2>;
using outcome = result<void, irq_error>;

struct forgets_enable : sound {
  [[nodiscard]] constexpr bool is_enabled(irq_number) const { return false; }
};
struct disables_a_neighbour : sound {
  constexpr outcome disable(irq_number irq) {
    static_cast<void>(sound::disable({irq.value + 7}));
    return sound::disable(irq);
  }
};
struct only_says_disabled : sound {
  constexpr outcome enable(irq_number irq) {
    if (irq.value < 64) off &= ~(std::uint64_t{1} << irq.value);
    return sound::enable(irq);
  }
  constexpr outcome disable(irq_number irq) {
    if (irq.value >= 64) return failure{irq_error::out_of_range};
    off |= std::uint64_t{1} << irq.value;
    return {};
  }
  [[nodiscard]] constexpr bool is_enabled(irq_number irq) const {
    return sound::is_enabled(irq) && (off >> irq.value & 1) == 0;
  }
  std::uint64_t off{};
};
/// A priority mask that the least urgent level never passes.
struct masks_the_least_urgent : sound {
  constexpr outcome set_priority(irq_number irq, std::uint8_t priority) {
    if (irq.value < 64 && priority == 255) return sound::disable(irq);
    if (irq.value < 64 && sound::is_enabled(irq)) return sound::set_priority(irq, priority);
    if (irq.value < 64) static_cast<void>(sound::enable(irq));
    return sound::set_priority(irq, priority);
  }
};
struct ignores_priority : sound {
  constexpr outcome set_priority(irq_number irq, std::uint8_t) { return sound::set_priority(irq, 0x80); }
};
struct turns_priority_round : sound {
  constexpr outcome set_priority(irq_number irq, std::uint8_t priority) {
    return sound::set_priority(irq, static_cast<std::uint8_t>(254 - priority));
  }
};
struct completes_at_claim : sound {
  constexpr result<claimed_irq, irq_error> claim() {
    auto const claimed = sound::claim();
    if (claimed) sound::complete(*claimed);
    return claimed;
  }
  constexpr void complete(claimed_irq) {}
};
struct takes_edges_for_levels : sound {
  constexpr outcome set_trigger(irq_number irq, irq_trigger) { return sound::set_trigger(irq, irq_trigger::level); }
};
struct takes_levels_for_edges : sound {
  constexpr outcome set_trigger(irq_number irq, irq_trigger) { return sound::set_trigger(irq, irq_trigger::edge); }
};
struct claims_out_of_thin_air : sound {
  constexpr result<claimed_irq, irq_error> claim() {
    auto const claimed = sound::claim();
    return claimed ? claimed : result<claimed_irq, irq_error>{claimed_irq{{1023}, 1023}};
  }
};
struct calls_nothing_out_of_range : sound {
  constexpr result<claimed_irq, irq_error> claim() {
    auto const claimed = sound::claim();
    return claimed ? claimed : result<claimed_irq, irq_error>{failure{irq_error::out_of_range}};
  }
};
struct ignores_silently : sound {
  constexpr outcome enable(irq_number irq) {
    static_cast<void>(sound::enable(irq));
    return {};
  }
};
/// Serves whatever was raised last.
struct forgets_the_order : sound {
  constexpr outcome set_priority(irq_number irq, std::uint8_t) {
    return irq.value < 64 ? failure{irq_error::unsupported} : failure{irq_error::out_of_range};
  }
  constexpr void set_line(irq_number irq, bool high) {
    if (high) static_cast<void>(sound::set_priority(irq, --next));
    sound::set_line(irq, high);
  }
  std::uint8_t next{255};
};
/// One line whose priority is wired, among others.
struct fixes_one_line : sound {
  constexpr outcome set_priority(irq_number irq, std::uint8_t priority) {
    return irq.value == 27 ? failure{irq_error::unsupported} : sound::set_priority(irq, priority);
  }
};
struct wraps_numbers : sound {
  constexpr outcome disable(irq_number irq) { return sound::disable({irq.value < 16 ? irq.value : irq.value % 64}); }
};
struct trusts_the_cpu : sound {
  constexpr outcome set_affinity(irq_number irq, cpu_number cpu) { return sound::set_affinity(irq, {cpu.value & 1}); }
};
struct trusts_the_cpu_of_an_ipi : sound {
  constexpr outcome send_ipi(cpu_number cpu, irq_number ipi) { return sound::send_ipi({cpu.value & 1}, ipi); }
};
struct signals_everybody : sound {
  constexpr outcome send_ipi(cpu_number cpu, irq_number ipi) {
    if (cpu.value > 1) return failure{irq_error::out_of_range};
    static_cast<void>(sound::send_ipi({1 - cpu.value}, ipi));
    return sound::send_ipi(cpu, ipi);
  }
};
/// The number of a CPU written where its bit belongs.
struct sends_a_number_as_a_mask : sound {
  constexpr outcome send_ipi(cpu_number cpu, irq_number ipi) {
    if (cpu.value > 1 || ipi.value > 15) return failure{irq_error::out_of_range};
    for (std::uint32_t i = 0; i < 2; ++i) {
      if ((cpu.value >> i & 1) != 0) static_cast<void>(sound::send_ipi({i}, ipi));
    }
    return {};
  }
};
struct keeps_lines_where_they_are : sound {
  constexpr outcome set_affinity(irq_number irq, cpu_number cpu) {
    auto const done = sound::set_affinity(irq, cpu);
    return done ? sound::set_affinity(irq, {0}) : done;
  }
};

template <typename Controller>
constexpr int broken() {
  struct {
    Controller under_test{};
    constexpr Controller& controller() { return under_test; }
    constexpr irq_number line(unsigned i) { return {20 + i * 7}; }
    constexpr irq_number ipi() { return {3}; }
    constexpr irq_number gap() { return {64}; }
    constexpr void set_line(irq_number irq, bool high) { under_test.set_line(irq, high); }
    constexpr void run_on(cpu_number cpu) { under_test.run_on(cpu); }
  } bench{};
  return laws::first_broken_irq_controller_law(bench);
}

}  // namespace

TEST_CASE("the interrupt controller laws hold for a sound controller") { CHECK(broken<sound>() == 0); }

TEST_CASE("each interrupt controller law can fail") {
  CHECK(broken<forgets_enable>() == 1);
  CHECK(broken<disables_a_neighbour>() == 1);
  CHECK(broken<only_says_disabled>() == 2);
  CHECK(broken<masks_the_least_urgent>() == 2);
  CHECK(broken<ignores_priority>() == 3);
  CHECK(broken<turns_priority_round>() == 3);
  CHECK(broken<forgets_the_order>() == 3);
  CHECK(broken<fixes_one_line>() == 3);
  CHECK(broken<completes_at_claim>() == 4);
  CHECK(broken<takes_edges_for_levels>() == 4);
  CHECK(broken<takes_levels_for_edges>() == 5);
  CHECK(broken<claims_out_of_thin_air>() == 6);
  CHECK(broken<calls_nothing_out_of_range>() == 6);
  CHECK(broken<ignores_silently>() == 7);
  CHECK(broken<wraps_numbers>() == 7);
  CHECK(broken<trusts_the_cpu>() == 7);
  CHECK(broken<trusts_the_cpu_of_an_ipi>() == 7);
  CHECK(broken<signals_everybody>() == 8);
  CHECK(broken<sends_a_number_as_a_mask>() == 8);
  CHECK(broken<keeps_lines_where_they_are>() == 9);
}
