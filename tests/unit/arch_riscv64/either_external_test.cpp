// SPDX-License-Identifier: BSL-1.0
#include <axhal/arch/riscv64/either_external.hpp>
#include <axhal/arch/riscv64/hart_interrupts.hpp>

#include <catch2/catch_test_macros.hpp>

#include "support/simulated_harts.hpp"

#include <concepts>
#include <cstdint>
#include <string>
#include <vector>

namespace {

using namespace axhal;
using riscv64::either_external;
namespace hart_irq = riscv64::hart_irq;
using test::test_hart;

/// A controller that writes down what it is asked, and answers with numbers of its own.
template <std::uint32_t Base>
class noted {
 public:
  explicit noted(std::vector<std::string>& notes) : notes_{&notes} {}
  noted(noted const&) = delete;
  noted& operator=(noted const&) = delete;

  std::uint32_t source_count() { return Base; }
  result<void, irq_error> enable(std::uint32_t source) { return note("enable", source); }
  result<void, irq_error> disable(std::uint32_t source) { return note("disable", source); }
  bool is_enabled(std::uint32_t source) { return source == Base + 1; }
  result<void, irq_error> set_priority(std::uint32_t source, std::uint8_t priority) {
    return note("priority", source, priority);
  }
  result<void, irq_error> set_trigger(std::uint32_t source, irq_trigger trigger) {
    return note("trigger", source, trigger == irq_trigger::edge ? 1 : 0);
  }
  result<void, irq_error> set_affinity(std::uint32_t source, cpu_number cpu) {
    return note("affinity", source, cpu.value);
  }
  std::uint32_t claim(cpu_number self) {
    static_cast<void>(note("claim", self.value));
    return to_claim;
  }
  void complete(cpu_number self, std::uint32_t source) { static_cast<void>(note("complete", self.value, source)); }

  std::uint32_t to_claim{};

 protected:
  result<void, irq_error> note(char const* what, std::uint32_t a, std::uint32_t b = 0) {
    std::string& line = notes_->emplace_back(std::to_string(Base));
    for (std::string const& word : {std::string{what}, std::to_string(a), std::to_string(b)}) {
      line += ' ';
      line += word;
    }
    if (a == 99) return failure{irq_error::unsupported};
    return {};
  }

 private:
  std::vector<std::string>* notes_;
};

struct with_ipis : noted<10> {
  using noted::noted;
  result<void, irq_error> send_ipi(cpu_number cpu) { return note("ipi", cpu.value); }
};
struct wired : noted<20> {
  wired(std::vector<std::string>& notes, std::uint32_t first_claim) : noted{notes} { to_claim = first_claim; }
  result<void, irq_error> send_ipi(cpu_number cpu) { return note("ipi", cpu.value); }
};

using either = either_external<with_ipis, wired>;
static_assert(riscv64::ExternalInterrupts<either> && riscv64::IpiSender<either>);
static_assert(!std::copy_constructible<either> && !std::is_copy_assignable_v<either>);
// Messages are sent where both can send them.
static_assert(riscv64::ExternalInterrupts<either_external<with_ipis, noted<5>>>);
static_assert(!riscv64::IpiSender<either_external<with_ipis, noted<5>>>);
static_assert(!riscv64::IpiSender<either_external<noted<5>, with_ipis>>);

/// Every call, and what each of them has to note of controller `base`.
void asks_everything(either& e, std::vector<std::string> const& notes, std::uint32_t base) {
  CHECK(e.source_count() == base);
  CHECK(e.enable(1));
  CHECK(e.enable(99) == failure{irq_error::unsupported});
  CHECK(e.disable(2));
  CHECK(e.is_enabled(base + 1));
  CHECK_FALSE(e.is_enabled(base));
  CHECK(e.set_priority(3, 200));
  CHECK(e.set_trigger(4, irq_trigger::edge));
  CHECK(e.set_trigger(4, irq_trigger::level));
  CHECK(e.set_affinity(5, {6}));
  CHECK(e.claim({7}) == base + 3);
  e.complete({7}, base + 3);
  CHECK(e.send_ipi({1}));
  CHECK(e.send_ipi({99}) == failure{irq_error::unsupported});
  std::vector<std::string> expected{"enable 1 0",     "enable 99 0", "disable 2 0",
                                    "priority 3 200", "trigger 4 1", "trigger 4 0",
                                    "affinity 5 6",   "claim 7 0",   "complete 7 " + std::to_string(base + 3),
                                    "ipi 1 0",        "ipi 99 0"};
  for (auto& line : expected) line.insert(0, std::to_string(base) + " ");
  CHECK(notes == expected);
}

}  // namespace

TEST_CASE("with the first kind every call goes to it") {
  std::vector<std::string> notes;
  either e;
  with_ipis& made = e.use_first(notes);
  CHECK_FALSE(e.is_second());
  CHECK(&made == &e.first());
  made.to_claim = 13;
  asks_everything(e, notes, 10);
}

TEST_CASE("with the second kind every call goes to it, and its arguments reach it") {
  std::vector<std::string> notes;
  either e;
  wired& made = e.use_second(notes, 23U);
  CHECK(e.is_second());
  CHECK(&made == &e.second());
  asks_everything(e, notes, 20);
}

TEST_CASE("a hart's external interrupt is taken from and given back to the kind that was chosen") {
  for (bool const second : {false, true}) {
    CAPTURE(second);
    std::vector<std::string> notes;
    test::simulated_harts harts{1};
    test_hart::machine = &harts;
    harts.external = [](unsigned) { return true; };
    either e;
    if (second) {
      static_cast<void>(e.use_second(notes, 0U));
    } else {
      static_cast<void>(e.use_first(notes));
    }
    auto const pending = [&](std::uint32_t source) { (second ? e.second().to_claim : e.first().to_claim) = source; };
    std::string const self = second ? "20 " : "10 ";
    riscv64::hart_interrupts<test_hart, either, either> irqs{{0}, e, e};
    static_assert(IrqControllerPolicy<decltype(irqs)>);
    irqs.init();
    CHECK(irqs.line_count() == (second ? 84 : 74));

    // Somebody else was quicker.
    CHECK(irqs.claim() == failure{irq_error::spurious});
    pending(7);
    auto const taken = irqs.claim();
    REQUIRE(taken);
    CHECK(taken->irq == hart_irq::external(7));
    irqs.complete(*taken);
    CHECK(notes == std::vector{self + "claim 0 0", self + "claim 0 0", self + "complete 0 7"});

    // A message is the hart's software interrupt, which no controller is told the end of.
    notes.clear();
    pending(riscv64::ipi_source);
    auto const message = irqs.claim();
    REQUIRE(message);
    CHECK(message->irq == hart_irq::software);
    irqs.complete(*message);
    CHECK(irqs.send_ipi({0}, hart_irq::software));
    CHECK(notes == std::vector{self + "claim 0 0", self + "ipi 0 0"});
    CHECK(harts.mistakes.empty());
  }
}
