// SPDX-License-Identifier: BSL-1.0
// Laws that no wrong model can break are no laws: each mutant breaks the law named beside it.
#include <axhal/arch/host/console.hpp>
#include <axhal/conformance/console_laws.hpp>

#include <catch2/catch_test_macros.hpp>

#include <cstdint>

namespace {
using namespace axhal;
using good = host::console<8>;
using byte_or_error = result<std::uint8_t, console_error>;

template <typename C>
constexpr int broken() {
  C c;
  return laws::first_broken_console_law(c, c);
}
static_assert(broken<good>() == 0);

struct strips_the_top_bit : good {
  constexpr void put(std::uint8_t b) { good::put(b & 0x7f); }
};
struct adds_carriage_returns : good {
  constexpr void put(std::uint8_t b) {
    if (b == 10) good::put(13);
    good::put(b);
  }
};
struct drops_a_byte : good {
  constexpr void put(std::uint8_t b) {
    if (b != 77) good::put(b);
  }
};
struct sends_twice : good {
  constexpr void put(std::uint8_t b) {
    good::put(b);
    if (b == 255) good::put(b);
  }
};
struct is_never_ready : good {
  static constexpr bool can_put() { return false; }
};
struct invents_bytes : good {
  constexpr byte_or_error get() {
    auto const b = good::get();
    return b == failure{console_error::empty} ? byte_or_error{std::uint8_t{0}} : b;
  }
};
struct echoes : good {
  constexpr void put(std::uint8_t b) {
    good::put(b);
    if (b == 1) good::send(b);
  }
};
struct turns_the_order : good {
  std::uint8_t stack[8]{};
  unsigned height{};
  constexpr byte_or_error get() {
    for (auto b = good::get(); b; b = good::get()) stack[height++] = *b;
    if (height == 0) return good::get();
    return stack[--height];
  }
};
struct translates_line_ends : good {
  constexpr byte_or_error get() {
    auto const b = good::get();
    return b == std::uint8_t{0xfd} ? byte_or_error{std::uint8_t{10}} : b;
  }
};
struct is_shallower_than_it_says : host::console<4> {
  static constexpr std::size_t depth = 8;
};
struct hides_losses : good {
  constexpr byte_or_error get() {
    auto const b = good::get();
    return b == failure{console_error::overrun} ? byte_or_error{failure{console_error::empty}} : b;
  }
};
struct tells_losses_twice : good {
  bool again{};
  constexpr byte_or_error get() {
    if (again) {
      again = false;
      return failure{console_error::overrun};
    }
    auto const b = good::get();
    again = b == failure{console_error::overrun};
    return b;
  }
};
struct says_that_it_hides_and_tells : good {
  static constexpr bool hides_loss = true;
};
struct hides_a_loss_that_it_denies : hides_losses {
  static constexpr bool hides_loss = false;
};
struct hides_losses_openly : hides_losses {
  static constexpr bool hides_loss = true;
};
static_assert(broken<hides_losses_openly>() == 0);
struct is_deaf_after_a_loss : hides_losses_openly {
  bool lost{};
  constexpr byte_or_error get() {
    if (lost) return failure{console_error::empty};
    auto const b = good::get();
    lost = b == failure{console_error::overrun};
    return lost ? byte_or_error{failure{console_error::empty}} : b;
  }
};
struct overwrites_the_oldest : good {
  unsigned waiting{};
  constexpr void send(std::uint8_t b) {
    if (waiting == 8)
      (void)good::get();
    else
      ++waiting;
    good::send(b);
  }
  constexpr byte_or_error get() {
    if (waiting > 0) --waiting;
    return good::get();
  }
};

TEST_CASE("each console law is broken by a mutant", "[laws][console]") {
  STATIC_REQUIRE(broken<strips_the_top_bit>() == 1);
  STATIC_REQUIRE(broken<adds_carriage_returns>() == 1);
  STATIC_REQUIRE(broken<drops_a_byte>() == 1);
  STATIC_REQUIRE(broken<sends_twice>() == 1);
  STATIC_REQUIRE(broken<is_never_ready>() == 1);
  STATIC_REQUIRE(broken<invents_bytes>() == 2);
  STATIC_REQUIRE(broken<echoes>() == 2);
  STATIC_REQUIRE(broken<turns_the_order>() == 3);
  STATIC_REQUIRE(broken<translates_line_ends>() == 3);
  STATIC_REQUIRE(broken<is_shallower_than_it_says>() == 3);
  STATIC_REQUIRE(broken<hides_losses>() == 4);
  STATIC_REQUIRE(broken<tells_losses_twice>() == 4);
  STATIC_REQUIRE(broken<overwrites_the_oldest>() == 4);
  STATIC_REQUIRE(broken<says_that_it_hides_and_tells>() == 4);
  STATIC_REQUIRE(broken<hides_a_loss_that_it_denies>() == 4);
  STATIC_REQUIRE(broken<is_deaf_after_a_loss>() == 4);
}

}  // namespace
