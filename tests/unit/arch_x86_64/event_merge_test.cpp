// SPDX-License-Identifier: BSL-1.0
// Two events at once: the manual's table, and what no pair of events may become.
#include <axhal/arch/x86_64/event_merge.hpp>

#include <catch2/catch_test_macros.hpp>

#include <cstdint>

using namespace axhal;
using namespace axhal::x86_64;

namespace {

constexpr guest_event divide = exception_event(exception::de);
constexpr guest_event protection = exception_event(exception::gp, 0x18);
constexpr guest_event page = exception_event(exception::pf, 2);
constexpr guest_event twice = exception_event(exception::df, 0);
constexpr guest_event debug = exception_event(exception::db);
constexpr guest_event tick = interrupt_event(0x20);
/// INT 13: the vector of #GP, and no exception.
constexpr guest_event int_13{.vector = 13, .type = event_type::software_interrupt, .length = 2};

}  // namespace

TEST_CASE("events have the classes of the manual's table") {
  // Intel SDM vol. 3, table "Interrupt and Exception Classes": benign but for these.
  constexpr std::uint32_t contributory = 1U << 0 | 1U << 10 | 1U << 11 | 1U << 12 | 1U << 13 | 1U << 21;
  constexpr std::uint32_t page_faults = 1U << 14 | 1U << 20;
  for (std::uint8_t v = 0; v < 32; ++v) {
    auto const found = class_of({.vector = v, .type = event_type::hardware_exception});
    CAPTURE(v);
    CHECK((found == event_class::contributory) == ((contributory >> v & 1) != 0));
    CHECK((found == event_class::page_fault) == ((page_faults >> v & 1) != 0));
    CHECK((found == event_class::double_fault) == (v == 8));
  }
  for (unsigned t = 0; t < 8; ++t) {
    if (t == 3) continue;
    for (unsigned v = 0; v < 256; ++v) {
      CHECK(class_of({.vector = static_cast<std::uint8_t>(v), .type = static_cast<event_type>(t)}) ==
            event_class::benign);
    }
  }
}

TEST_CASE("an exception during delivery is taken instead, or with what was delivered becomes another") {
  STATIC_CHECK(merge(tick, page) == page);
  STATIC_CHECK(merge(debug, protection) == protection);
  STATIC_CHECK(merge(int_13, protection) == protection);
  STATIC_CHECK(merge(nmi_event(), page) == page);
  STATIC_CHECK(merge(protection, page) == page);
  STATIC_CHECK(merge(page, debug) == debug);
  STATIC_CHECK(merge(twice, debug) == debug);

  STATIC_CHECK(merge(divide, protection) == twice);
  STATIC_CHECK(merge(protection, protection) == twice);
  STATIC_CHECK(merge(page, protection) == twice);
  STATIC_CHECK(merge(page, page) == twice);

  STATIC_CHECK(merge(twice, page) == failure{triple_fault{}});
  STATIC_CHECK(merge(twice, protection) == failure{triple_fault{}});
  STATIC_CHECK(merge(twice, twice) == failure{triple_fault{}});
}

TEST_CASE("nothing but a double fault makes a triple one, and a double fault has the error code 0") {
  for (unsigned a = 0; a < 32; ++a) {
    for (unsigned b = 0; b < 32; ++b) {
      guest_event const first{.vector = static_cast<std::uint8_t>(a), .type = event_type::hardware_exception};
      guest_event const second{static_cast<std::uint8_t>(b), event_type::hardware_exception, true, 0x55};
      auto const merged = merge(first, second);
      CAPTURE(a, b);
      if (!merged) {
        CHECK(a == 8);
      } else {
        CHECK((*merged == second || (*merged == twice && twice.has_error_code)));
      }
    }
  }
}
