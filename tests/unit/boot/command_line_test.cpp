// SPDX-License-Identifier: BSL-1.0
#include <axhal/boot/command_line.hpp>

#include <catch2/catch_test_macros.hpp>

#include <cstdint>
#include <random>
#include <string>

namespace {

using namespace axhal;
using namespace axhal::boot;
using fault = option_fault;

constexpr command_line line{
    text{"  quiet axhal.memory=256M\taxhal.vcpus=1 name=\"two words\" empty= axhal.vcpus=4 a=b=c x=\"open"}};

}  // namespace

TEST_CASE("words are taken apart at the first equals sign") {
  STATIC_REQUIRE(line.has("quiet"));
  STATIC_REQUIRE(line.find("quiet")->value.empty());
  STATIC_REQUIRE(line.find("empty")->value.empty());
  STATIC_REQUIRE(line.find("a")->value == text{"b=c"});
  STATIC_REQUIRE(line.find("name")->value == text{"two words"});
  STATIC_REQUIRE(line.find("x")->value == text{"open"});
  STATIC_REQUIRE_FALSE(line.has("words"));
  STATIC_REQUIRE_FALSE(line.has("axhal"));
  int words = 0;
  for (command_option const& o : line) words += o.key.empty() ? 100 : 1;
  CHECK(words == 8);
  CHECK(command_line{}.begin() == command_line{}.end());
  CHECK(command_line{text{"   "}}.begin() == command_line{text{"   "}}.end());
}

TEST_CASE("the last of several values counts") {
  STATIC_REQUIRE(line.number("axhal.vcpus") == std::uint64_t{4});
  STATIC_REQUIRE(line.size("axhal.memory") == std::uint64_t{256} << 20);
}

TEST_CASE("an error says what is wrong and where") {
  STATIC_REQUIRE(line.number("nothing") == failure{option_error{fault::missing, 0}});
  STATIC_REQUIRE(line.number("axhal.memory") == failure{option_error{fault::malformed, 24}});
  STATIC_REQUIRE(line.number("quiet") == failure{option_error{fault::malformed, 7}});
}

TEST_CASE("numbers are read whole or not at all") {
  STATIC_REQUIRE(parse_number("0") == std::uint64_t{0});
  STATIC_REQUIRE(parse_number("0x1fF") == std::uint64_t{0x1ff});
  STATIC_REQUIRE(parse_number("18446744073709551615") == ~std::uint64_t{0});
  STATIC_REQUIRE(parse_number("0xffffffffffffffff") == ~std::uint64_t{0});
  STATIC_REQUIRE(parse_number("18446744073709551616") == failure{option_error{fault::too_large, 19}});
  STATIC_REQUIRE(parse_number("0x10000000000000000") == failure{option_error{fault::too_large, 18}});
  STATIC_REQUIRE(parse_number("") == failure{option_error{fault::malformed, 0}});
  STATIC_REQUIRE(parse_number("0x") == failure{option_error{fault::malformed, 2}});
  STATIC_REQUIRE(parse_number("-1") == failure{option_error{fault::malformed, 0}});
  STATIC_REQUIRE(parse_number("12a") == failure{option_error{fault::malformed, 2}});
}

TEST_CASE("sizes have suffixes for powers of 1024, checked for overflow") {
  STATIC_REQUIRE(parse_size("0") == std::uint64_t{0});
  STATIC_REQUIRE(parse_size("1k") == std::uint64_t{1024});
  STATIC_REQUIRE(parse_size("0x10M") == std::uint64_t{16} << 20);
  STATIC_REQUIRE(parse_size("2G") == std::uint64_t{2} << 30);
  STATIC_REQUIRE(parse_size("16777215T") == std::uint64_t{16777215} << 40);
  STATIC_REQUIRE(parse_size("16777216T") == failure{option_error{fault::too_large, 8}});
  STATIC_REQUIRE(parse_size("K") == failure{option_error{fault::malformed, 0}});
  STATIC_REQUIRE(parse_size("1KK") == failure{option_error{fault::malformed, 1}});
  STATIC_REQUIRE(parse_size("") == failure{option_error{fault::malformed, 0}});
}

TEST_CASE("any text at all is taken apart, and ends") {
  std::mt19937 random{1};
  for (int round = 0; round < 20'000; ++round) {
    std::string s(random() % 24, ' ');
    for (char& c : s) c = " =\"ab1kM\t\0"[random() % 10];
    command_line const any{text{s.data(), s.size()}};
    std::size_t words = 0;
    for (command_option const& o : any) {
      ++words;
      REQUIRE(o.offset <= s.size());
      REQUIRE(o.offset + o.value.size <= s.size());
      REQUIRE(any.has(o.key));
    }
    REQUIRE(words <= s.size());
    static_cast<void>(any.size("a"));
  }
}
