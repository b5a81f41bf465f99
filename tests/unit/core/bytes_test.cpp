// SPDX-License-Identifier: BSL-1.0
#include <axhal/core/bytes.hpp>

#include <catch2/catch_test_macros.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace {
using namespace axhal;

std::string_view view_of(text t) { return {t.data, t.size}; }

TEST_CASE("a part of a view never reaches past its end", "[core][bytes]") {
  std::uint8_t const data[] = {0, 1, 2, 3, 4};
  bytes const all{data, 5};
  for (std::size_t offset = 0; offset < 9; ++offset) {
    for (std::size_t count :
         {std::size_t{0}, std::size_t{1}, std::size_t{4}, std::size_t{5}, std::size_t{6}, SIZE_MAX}) {
      bytes const part = all.sub(offset, count);
      std::size_t const left = offset < 5 ? 5 - offset : 0;
      CHECK(part.size == (count < left ? count : left));
      CHECK(part.data >= data);
      CHECK(part.data + part.size <= data + 5);
      std::size_t i = offset;
      for (std::uint8_t const b : part) CHECK(b == i++);
    }
  }
  CHECK(all.sub(2).size == 3);
  CHECK(all.sub(2)[0] == 2);
}

TEST_CASE("a writable view converts to a readable one", "[core][bytes]") {
  std::uint8_t data[2] = {1, 2};
  mutable_bytes const writable{data, 2};
  writable[1] = 9;
  bytes const readable = writable;
  CHECK(readable[1] == 9);
  CHECK(bytes{}.empty());
  CHECK(bytes{}.begin() == bytes{}.end());
}

TEST_CASE("a text is compared by its characters, as std::string_view does", "[core][bytes]") {
  STATIC_REQUIRE(text{"abc"} == text{"abc"});
  STATIC_REQUIRE(text{"abc"}.size == 3);
  STATIC_REQUIRE(text{""}.empty());
  std::string const words[] = {"", "a", "ab", "abc", "b", std::string("a\0b", 3)};
  for (std::string const& a : words) {
    for (std::string const& b : words) {
      text const x{a.data(), a.size()};
      text const y{b.data(), b.size()};
      CHECK((x == y) == (a == b));
      CHECK(x.starts_with(y) == std::string_view{a}.starts_with(b));
      for (std::size_t i = 0; i <= a.size(); ++i) CHECK(view_of(x.sub(i, 2)) == std::string_view{a}.substr(i, 2));
    }
  }
  CHECK(text{"abc"}.sub(7).empty());
  CHECK(text{"abc"}[1] == 'b');
}

}  // namespace
