// SPDX-License-Identifier: BSL-1.0
#include <axhal/core/bytes.hpp>
#include <axhal/core/text_table.hpp>

#include <catch2/catch_test_macros.hpp>

#include <cstdint>

using namespace axhal;

namespace {

enum class colour : std::uint8_t { red, green, blue };

constexpr text word(colour c) {
  switch (c) {
    case colour::red: return "red";
    case colour::green: return "green";
    case colour::blue: return "blue";
  }
  return {};
}
constexpr text name(colour c) { return text_from_table<&word, 3>(c, "?"); }

}  // namespace

TEST_CASE("text_from_table: what the function says, and another text beyond the last value") {
  STATIC_REQUIRE(name(colour::red) == text{"red"});
  STATIC_REQUIRE(name(colour::blue) == text{"blue"});
  CHECK(name(colour::green) == text{"green"});
  CHECK(name(static_cast<colour>(3)) == text{"?"});
  CHECK(name(static_cast<colour>(255)) == text{"?"});
}
