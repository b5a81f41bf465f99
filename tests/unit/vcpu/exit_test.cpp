// SPDX-License-Identifier: BSL-1.0
#include <axhal/vcpu/exit.hpp>

#include <catch2/catch_test_macros.hpp>

#include <set>

using namespace axhal;

namespace {

template <typename... E>
struct list {
  static constexpr unsigned size = sizeof...(E);
  static std::set<exit_kind> kinds() { return {kind_of<E>...}; }
};
using all = list<exit::hypercall, exit::mmio_read, exit::mmio_write, exit::memory_fault, exit::register_read,
                 exit::register_write, exit::port_read, exit::port_write, exit::idle, exit::yield, exit::lazy_state,
                 exit::refused_instruction, exit::host_interrupt, exit::host_error, exit::unknown>;

struct guest {};
struct complete {
  template <typename Exit>
  resume operator()(guest&, Exit const&) {
    return resume::stop;
  }
};
struct no_idle {
  template <typename Exit>
  resume operator()(guest&, Exit const&) {
    return resume::stop;
  }
  void operator()(guest&, exit::idle const&) {}
};
struct wrong_answer {
  template <typename Exit>
  bool operator()(guest&, Exit const&) {
    return true;
  }
};

}  // namespace

TEST_CASE("every exit has a kind of its own, numbered without a gap") {
  CHECK(all::size == exit_kind_count);
  auto const kinds = all::kinds();
  CHECK(kinds.size() == exit_kind_count);
  CHECK(static_cast<unsigned>(*kinds.rbegin()) == exit_kind_count - 1);
}

TEST_CASE("sets of kinds hold what they were made of") {
  constexpr exit_set some = exits<exit::hypercall, exit::unknown>;
  STATIC_CHECK(some.contains(exit_kind::hypercall));
  STATIC_CHECK(some.contains(exit_kind::unknown));
  STATIC_CHECK_FALSE(some.contains(exit_kind::mmio_read));
  STATIC_CHECK(exits<>.bits == 0);
  STATIC_CHECK_FALSE(exits<>.contains(exit_kind::hypercall));
}

TEST_CASE("a handler answers every kind with a resume") {
  STATIC_CHECK(ExitHandler<complete, guest>);
  STATIC_CHECK_FALSE(ExitHandler<no_idle, guest>);
  STATIC_CHECK_FALSE(ExitHandler<wrong_answer, guest>);
}
