// SPDX-License-Identifier: BSL-1.0
#include <axhal/core/access.hpp>

#include <catch2/catch_test_macros.hpp>

namespace {
using namespace axhal;

TEST_CASE("rights are sets", "[core][access]") {
  STATIC_REQUIRE((access::read | access::write) == read_write);
  STATIC_REQUIRE((access::read | access::execute) == read_execute);
  STATIC_REQUIRE((read_write | access::execute) == read_write_execute);
  STATIC_REQUIRE((read_write & read_execute) == access::read);
  STATIC_REQUIRE((access::write & access::execute) == access::none);

  for (unsigned set = 0; set < 8; ++set) {
    for (unsigned wanted = 0; wanted < 8; ++wanted) {
      bool every = true;
      for (unsigned bit = 1; bit < 8; bit <<= 1) every = every && ((wanted & bit) == 0 || (set & bit) != 0);
      CHECK(has(static_cast<access>(set), static_cast<access>(wanted)) == every);
    }
  }
}

TEST_CASE("attributes compare by rights and by type, and start without rights", "[core][access]") {
  STATIC_REQUIRE(page_attributes{} == page_attributes{access::none, memory_type::normal});
  STATIC_REQUIRE(page_attributes{access::read, memory_type::normal} !=
                 page_attributes{access::read, memory_type::device});
  STATIC_REQUIRE(page_attributes{access::read, memory_type::normal} !=
                 page_attributes{read_write, memory_type::normal});
}

}  // namespace
