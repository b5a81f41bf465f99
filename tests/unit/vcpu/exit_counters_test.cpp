// SPDX-License-Identifier: BSL-1.0
#include <axhal/vcpu/dispatch.hpp>
#include <axhal/vcpu/exit_counters.hpp>

#include <catch2/catch_test_macros.hpp>

#include <set>
#include <string>
#include <vector>

using namespace axhal;

namespace {

struct guest {};
struct handler {
  static constexpr exit_set fast = exits<exit::hypercall>;
  resume answer = resume::next_instruction;
  template <typename Exit>
  constexpr resume operator()(guest&, Exit const&) {
    return answer;
  }
};
/// Answers calls of even numbers at once, into the guest that it is given.
struct at_once : handler {
  struct guest_with_a_register {
    std::uint64_t answer{};
  };
  using handler::operator();
  template <typename Exit>
  constexpr resume operator()(guest_with_a_register&, Exit const&) {
    return answer;
  }
  unsigned asked = 0;
  constexpr bool answer_at_once(guest_with_a_register& g, exit::hypercall const& call) {
    ++asked;
    if (call.number % 2 != 0) return false;
    g.answer = call.number / 2;
    return true;
  }
};

}  // namespace

TEST_CASE("names are distinct and complete") {
  std::set<std::string> names;
  for (unsigned i = 0; i < exit_kind_count; ++i) {
    auto const name = name_of(static_cast<exit_kind>(i));
    CHECK_FALSE(name == text{"?"});
    names.insert(std::string{name.data, name.size});
  }
  CHECK(names.size() == exit_kind_count);
  CHECK(name_of(exit_kind::mmio_read) == text{"mmio_read"});
  CHECK(name_of(static_cast<exit_kind>(200)) == text{"?"});
}

TEST_CASE("counting, adding and reporting") {
  exit_counters a;
  CHECK(a.total() == 0);
  a.count(exit_kind::idle);
  a.count(exit_kind::hypercall);
  a.count(exit_kind::idle);
  a.count(static_cast<exit_kind>(200));
  CHECK(a[exit_kind::idle] == 2);
  CHECK(a[exit_kind::unknown] == 0);
  CHECK(a[static_cast<exit_kind>(200)] == 0);
  CHECK(a.total() == 3);
  exit_counters b;
  b.count(exit_kind::unknown);
  b.add(a);
  CHECK(b.total() == 4);
  std::vector<std::pair<exit_kind, std::uint64_t>> seen;
  b.each([&](exit_kind kind, std::uint64_t n) { seen.emplace_back(kind, n); });
  CHECK(seen == std::vector<std::pair<exit_kind, std::uint64_t>>{
                    {exit_kind::hypercall, 1}, {exit_kind::idle, 2}, {exit_kind::unknown, 1}});
}

TEST_CASE("an exit that the fast tier leaves is counted where it is answered") {
  counted<handler> h;
  guest g;
  fast_handler<counted<handler>> fast{h};
  STATIC_CHECK(ExitHandler<counted<handler>, guest>);
  STATIC_CHECK(HasFastTier<counted<handler>>);
  CHECK(fast(g, exit::hypercall{}) == resume::next_instruction);
  CHECK(h.counters[exit_kind::hypercall] == 1);
  CHECK(fast(g, exit::idle{}) == resume::slow);
  CHECK(h.counters[exit_kind::idle] == 0);
  h.answer = resume::slow;
  CHECK(fast(g, exit::hypercall{}) == resume::slow);
  CHECK(h.counters[exit_kind::hypercall] == 1);
  h.answer = resume::stop;
  CHECK(h(g, exit::idle{}) == resume::stop);
  CHECK(h.counters[exit_kind::idle] == 1);
}

TEST_CASE("a call that is answered at once is counted, one that is not is counted where it is answered") {
  using with_register = at_once::guest_with_a_register;
  STATIC_CHECK(AnswersAtOnce<counted<at_once>, with_register>);
  STATIC_CHECK_FALSE(AnswersAtOnce<counted<at_once>, guest>);
  STATIC_CHECK_FALSE(AnswersAtOnce<counted<handler>, guest>);
  counted<at_once> h;
  with_register g;
  CHECK(h.answer_at_once(g, exit::hypercall{8, 0, false}));
  CHECK(g.answer == 4);
  CHECK(h.counters[exit_kind::hypercall] == 1);
  CHECK_FALSE(h.answer_at_once(g, exit::hypercall{9, 0, false}));
  CHECK(g.answer == 4);
  CHECK(h.counters[exit_kind::hypercall] == 1);
  CHECK(h(g, exit::hypercall{9, 0, false}) == resume::next_instruction);
  CHECK(h.counters[exit_kind::hypercall] == 2);
  CHECK(h.counters.total() == 2);
  CHECK(h.asked == 2);
}
