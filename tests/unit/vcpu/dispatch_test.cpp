// SPDX-License-Identifier: BSL-1.0
#include <axhal/vcpu/dispatch.hpp>

#include <catch2/catch_test_macros.hpp>

using namespace axhal;

namespace {

struct guest {};

struct handler {
  static constexpr exit_set fast = exits<exit::hypercall, exit::mmio_read>;
  int calls = 0;
  template <typename Exit>
  constexpr resume operator()(guest&, Exit const&) {
    ++calls;
    return resume::next_instruction;
  }
};
struct without_fast_tier {
  template <typename Exit>
  constexpr resume operator()(guest&, Exit const&) {
    return resume::stop;
  }
};
struct calls_at_once : handler {
  static bool answer_at_once(guest&, exit::hypercall const& call) { return call.number == 7; }
};
struct calls_of_another_guest : handler {
  struct other {};
  static bool answer_at_once(other&, exit::hypercall const&) { return true; }
};
struct calls_with_a_resume : handler {
  static resume answer_at_once(guest&, exit::hypercall const&) { return resume::stop; }
};

template <typename Exit>
constexpr bool reaches(Exit const& e) {
  handler h;
  guest g;
  fast_handler<handler> fast{h};
  resume const answer = fast(g, e);
  return h.calls == 1 && answer == resume::next_instruction;
}
template <typename Exit>
constexpr bool left_alone(Exit const& e) {
  handler h;
  guest g;
  fast_handler<handler> fast{h};
  return fast(g, e) == resume::slow && h.calls == 0;
}

}  // namespace

TEST_CASE("the fast tier answers what the handler's type says, and leaves the rest untouched") {
  STATIC_CHECK(reaches(exit::hypercall{}));
  STATIC_CHECK(reaches(exit::mmio_read{}));
  STATIC_CHECK(left_alone(exit::mmio_write{}));
  STATIC_CHECK(left_alone(exit::idle{}));
  STATIC_CHECK(left_alone(exit::host_interrupt{}));
  STATIC_CHECK(left_alone(exit::unknown{}));
}

TEST_CASE("a fast view is a handler, and says what it may answer") {
  STATIC_CHECK(ExitHandler<fast_handler<handler>, guest>);
  STATIC_CHECK(is_fast<fast_handler<handler>>);
  STATIC_CHECK_FALSE(is_fast<handler>);
  STATIC_CHECK(may_answer<fast_handler<handler>>(exit_kind::hypercall));
  STATIC_CHECK_FALSE(may_answer<fast_handler<handler>>(exit_kind::idle));
  STATIC_CHECK(may_answer<handler>(exit_kind::idle));
  STATIC_CHECK(HasFastTier<handler>);
  STATIC_CHECK_FALSE(HasFastTier<without_fast_tier>);
}

TEST_CASE("the explainer accepts what the concept accepts") {
  STATIC_CHECK(explain_exit_handler<handler, guest>());
  STATIC_CHECK(explain_exit_handler<without_fast_tier, guest>());
}

TEST_CASE("calls are answered at once by handlers that say so, for the guests they know, with yes or no") {
  STATIC_CHECK(AnswersAtOnce<calls_at_once, guest>);
  STATIC_CHECK_FALSE(AnswersAtOnce<handler, guest>);
  STATIC_CHECK_FALSE(AnswersAtOnce<calls_of_another_guest, guest>);
  STATIC_CHECK(AnswersAtOnce<calls_of_another_guest, calls_of_another_guest::other>);
  STATIC_CHECK_FALSE(AnswersAtOnce<calls_with_a_resume, guest>);
  // The fast tier's view is not asked: who has it asks the handler itself before.
  STATIC_CHECK_FALSE(AnswersAtOnce<fast_handler<calls_at_once>, guest>);
}
