// SPDX-License-Identifier: BSL-1.0
// tl::expected, an implementation of what became std::expected, is the oracle: both get the same script.
#include <axhal/core/result.hpp>

#include <tl/expected.hpp>

#include <catch2/catch_test_macros.hpp>

#include <cstdint>
#include <type_traits>
#include <vector>

namespace {
using axhal::failure;
using axhal::result;

enum class trouble : std::uint8_t { small, large };

using ours = result<int, trouble>;
using theirs = tl::expected<int, trouble>;
using ours_void = result<void, trouble>;
using theirs_void = tl::expected<void, trouble>;

static_assert(std::is_trivially_copyable_v<ours> && std::is_trivially_copyable_v<ours_void>);
static_assert(std::is_same_v<ours::value_type, int> && std::is_same_v<ours::error_type, trouble>);
static_assert(!std::is_convertible_v<ours, bool> && std::is_constructible_v<bool, ours>);
static_assert(!std::is_convertible_v<trouble, ours>);  // an error is always said to be one

struct both {
  ours a;
  theirs b;
};
std::vector<both> samples() {
  return {{ours{1}, theirs{1}},
          {ours{0}, theirs{0}},
          {ours{-7}, theirs{-7}},
          {ours{failure{trouble::small}}, theirs{tl::make_unexpected(trouble::small)}},
          {ours{failure{trouble::large}}, theirs{tl::make_unexpected(trouble::large)}}};
}

void same(ours const& a, theirs const& b) {
  REQUIRE(a.has_value() == b.has_value());
  CHECK(static_cast<bool>(a) == static_cast<bool>(b));
  CHECK(a.value_or(42) == b.value_or(42));
  if (a) {
    CHECK(a.value() == b.value());
    CHECK(*a == *b);
  } else {
    CHECK(a.error() == b.error());
  }
}

TEST_CASE("a result holds what tl::expected holds", "[core][result]") {
  for (auto const& [a, b] : samples()) same(a, b);
}

TEST_CASE("results compare as tl::expected does", "[core][result]") {
  for (auto const& x : samples()) {
    for (auto const& y : samples()) {
      CHECK((x.a == y.a) == (x.b == y.b));
      CHECK((x.a != y.a) == (x.b != y.b));
    }
    for (int v : {0, 1, -7}) CHECK((x.a == v) == (x.b == v));
    for (trouble e : {trouble::small, trouble::large}) CHECK((x.a == failure{e}) == (x.b == tl::make_unexpected(e)));
  }
}

TEST_CASE("copies and assignments carry value and error over", "[core][result]") {
  for (auto const& x : samples()) {
    for (auto const& y : samples()) {
      ours a = x.a;
      theirs b = x.b;
      same(a, b);
      a = y.a;
      b = y.b;
      same(a, b);
    }
  }
}

TEST_CASE("and_then and transform call exactly when there is a value", "[core][result]") {
  for (auto const& x : samples()) {
    int calls = 0;
    int oracle_calls = 0;
    auto const half = [&](int v) -> ours {
      ++calls;
      if (v % 2 != 0) return failure{trouble::large};
      return v / 2;
    };
    auto const oracle_half = [&](int v) -> theirs {
      ++oracle_calls;
      if (v % 2 != 0) return tl::make_unexpected(trouble::large);
      return v / 2;
    };
    same(x.a.and_then(half), x.b.and_then(oracle_half));
    same(x.a.transform([&](int v) {
      ++calls;
      return v + 1;
    }),
         x.b.map([&](int v) {
           ++oracle_calls;
           return v + 1;
         }));
    CHECK(calls == oracle_calls);
  }
  // The type may change on the way.
  STATIC_REQUIRE(std::is_same_v<decltype(ours{3}.transform([](int v) { return v > 2; })), result<bool, trouble>>);
  STATIC_REQUIRE(ours{3}.transform([](int v) { return v > 2; }).value());
}

TEST_CASE("a value can be changed in place", "[core][result]") {
  struct pair {
    int first;
    int second;
  };
  result<pair, trouble> r{pair{1, 2}};
  r->second = 5;
  (*r).first = 4;
  CHECK(r.value().first + r->second == 9);
}

TEST_CASE("a result without a value says success or why not", "[core][result]") {
  std::vector<std::pair<ours_void, theirs_void>> const all = {
      {ours_void{}, theirs_void{}},
      {ours_void{failure{trouble::small}}, theirs_void{tl::make_unexpected(trouble::small)}},
      {ours_void{failure{trouble::large}}, theirs_void{tl::make_unexpected(trouble::large)}}};
  for (auto const& [a, b] : all) {
    REQUIRE(a.has_value() == b.has_value());
    if (!a) CHECK(a.error() == b.error());
    int calls = 0;
    auto const next = a.and_then([&] {
      ++calls;
      return ours{8};
    });
    CHECK(calls == (b.has_value() ? 1 : 0));
    CHECK(next.has_value() == b.has_value());
    for (auto const& [c, d] : all)
      CHECK((a == c) == (b.has_value() == d.has_value() && (b.has_value() || b.error() == d.error())));
    CHECK((a == failure{trouble::small}) == (!b.has_value() && b.error() == trouble::small));
  }
}

// Works in the compiler too, and there a wrong access is no constant: it cannot go unseen.
constexpr int sum_to(int n) {
  result<int, trouble> r{0};
  for (int i = 1; i <= n; ++i) r = *r + i;
  return *r;
}
static_assert(sum_to(4) == 10);

template <typename R>
concept ReadsValueAsConstant = requires { typename std::integral_constant<int, R::value().value()>; };
struct with_value {
  static constexpr ours value() { return 3; }
};
struct with_error {
  static constexpr ours value() { return failure{trouble::small}; }
};
static_assert(ReadsValueAsConstant<with_value> && !ReadsValueAsConstant<with_error>);

}  // namespace
