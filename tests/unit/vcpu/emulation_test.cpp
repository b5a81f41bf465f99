// SPDX-License-Identifier: BSL-1.0
#include <axhal/vcpu/emulation.hpp>

#include <catch2/catch_test_macros.hpp>

using namespace axhal;

namespace {

constexpr std::uint64_t loaded(std::uint8_t size, bool sign, std::uint8_t register_size, std::uint64_t value) {
  return extended({guest_phys{0}, size, 1, sign, register_size}, value);
}

struct trace {
  resume answers[2];
  unsigned firsts{}, seconds{}, undone{};

  resume run() {
    auto const first = [this] { return ++firsts, answers[0]; };
    auto const second = [this] { return ++seconds, answers[1]; };
    return in_two_exits(first, second, [this] { ++undone; });
  }
};

}  // namespace

TEST_CASE("a store hands over its low bytes") {
  constexpr std::uint64_t value = 0xfedc'ba98'7654'3210;
  STATIC_CHECK(truncated(value, 1) == 0x10);
  STATIC_CHECK(truncated(value, 2) == 0x3210);
  STATIC_CHECK(truncated(value, 4) == 0x7654'3210);
  STATIC_CHECK(truncated(value, 8) == value);
}

TEST_CASE("a load fills the register as it says") {
  constexpr std::uint64_t value = 0x8182'8384'8586'8788;
  STATIC_CHECK(loaded(1, false, 4, value) == 0x88);
  STATIC_CHECK(loaded(1, true, 4, value) == 0xffff'ff88);
  STATIC_CHECK(loaded(1, true, 8, value) == 0xffff'ffff'ffff'ff88);
  STATIC_CHECK(loaded(2, false, 8, value) == 0x8788);
  STATIC_CHECK(loaded(2, true, 8, value) == 0xffff'ffff'ffff'8788);
  STATIC_CHECK(loaded(4, false, 8, value) == 0x8586'8788);
  STATIC_CHECK(loaded(4, true, 4, value) == 0x8586'8788);
  STATIC_CHECK(loaded(4, true, 8, value) == 0xffff'ffff'8586'8788);
  STATIC_CHECK(loaded(8, false, 8, value) == value);
  STATIC_CHECK(loaded(8, true, 8, value) == value);
  STATIC_CHECK(loaded(1, true, 8, 0xffff'ff7f) == 0x7f);
}

TEST_CASE("the second exit waits for the first, and a refusal of it undoes both") {
  constexpr auto next = resume::next_instruction;
  trace both{{next, next}};
  CHECK(both.run() == next);
  CHECK(both.firsts == 1);
  CHECK(both.seconds == 1);
  CHECK(both.undone == 0);
  for (auto const answer : {resume::retry, resume::stop, resume::slow}) {
    trace first{{answer, next}};
    CHECK(first.run() == answer);
    CHECK(first.seconds == 0);
    CHECK(first.undone == 0);
    trace second{{next, answer}};
    CHECK(second.run() == answer);
    CHECK(second.firsts == 1);
    CHECK(second.seconds == 1);
    CHECK(second.undone == 1);
  }
}
