// SPDX-License-Identifier: BSL-1.0
#include <axhal/arch/host/cpu.hpp>
#include <axhal/cpu/cross_call.hpp>

#include <catch2/catch_test_macros.hpp>

#include <atomic>
#include <cstdint>
#include <thread>
#include <vector>

namespace {
using namespace axhal;
using host::cpu;

using calls = cross_call<cpu, 3>;
constexpr cpu_number a{0};
constexpr cpu_number b{1};
constexpr cpu_number c{2};

void add_one(void* p) { ++*static_cast<int*>(p); }
constexpr auto sent = [](cpu_number) { return true; };
constexpr auto refused = [](cpu_number) { return false; };

TEST_CASE("a call is run by its target, once", "[cpu][cross_call]") {
  calls x;
  int n = 0;
  cpu_number interrupted{};
  CHECK(x.call(a, b, add_one, &n, [&](cpu_number t) {
           interrupted = t;
           return true;
         }).has_value());
  CHECK(interrupted == b);
  CHECK(n == 0);
  CHECK(x.is_under_way(a, b));
  CHECK(x.serve(a) == 0);
  CHECK(x.serve(c) == 0);
  CHECK(x.serve(b) == 1);
  CHECK(n == 1);
  CHECK(!x.is_under_way(a, b));
  CHECK(x.serve(b) == 0);
}

TEST_CASE("one call at a time from each CPU to each other", "[cpu][cross_call]") {
  calls x;
  int n = 0;
  CHECK(x.call(a, b, add_one, &n, sent).has_value());
  CHECK(x.call(a, b, add_one, &n, sent) == failure{cross_call_error::busy});
  CHECK(x.call(a, c, add_one, &n, sent).has_value());
  CHECK(x.call(c, b, add_one, &n, sent).has_value());
  CHECK(x.serve(b) == 2);
  CHECK(x.serve(c) == 1);
  CHECK(n == 3);
}

TEST_CASE("a call whose interrupt is refused is not made", "[cpu][cross_call]") {
  calls x;
  int n = 0;
  CHECK(x.call(a, b, add_one, &n, refused) == failure{cross_call_error::not_sent});
  CHECK(x.serve(b) == 0);
  CHECK(n == 0);
  // Unless the target found it first, on another CPU's interrupt.
  CHECK(x.call(a, b, add_one, &n, [&](cpu_number) { return x.serve(b) == 0; }).has_value());
  CHECK(n == 1);
}

TEST_CASE("CPUs that are not there", "[cpu][cross_call]") {
  calls x;
  int n = 0;
  CHECK(x.call(a, cpu_number{3}, add_one, &n, sent) == failure{cross_call_error::out_of_range});
  CHECK(x.call(cpu_number{3}, a, add_one, &n, sent) == failure{cross_call_error::out_of_range});
  CHECK(x.call_and_wait(cpu_number{3}, cpu_number{3}, add_one, &n, sent) == failure{cross_call_error::out_of_range});
  CHECK(x.serve(cpu_number{3}) == 0);
  CHECK(!x.is_under_way(cpu_number{9}, a));
  CHECK(n == 0);
}

TEST_CASE("a call to oneself is a call", "[cpu][cross_call]") {
  calls x;
  int n = 0;
  CHECK(x.call_and_wait(b, b, add_one, &n, refused).has_value());
  CHECK(n == 1);
}

TEST_CASE("CPUs that call each other all the time all come to an end", "[cpu][cross_call]") {
  constexpr int rounds = 400;
  calls x;
  int counts[3]{};  // written by the CPU of that number only, read by callers after their call has returned
  struct letter {
    int* count;
    int seen;
  };
  std::atomic<unsigned> finished{0};
  std::atomic<unsigned> broken{0};
  std::vector<std::thread> cpus;
  for (std::uint32_t id = 0; id < 3; ++id) {
    cpus.emplace_back([&, id] {
      cpu::self() = {};
      cpu::self().on_relax = [] { std::this_thread::yield(); };
      for (int i = 0; i < rounds; ++i) {
        std::uint32_t const target = (id + 1 + static_cast<std::uint32_t>(i) % 2) % 3;
        letter l{&counts[target], 0};
        auto const f = [](void* p) {
          auto* const own = static_cast<letter*>(p);
          own->seen = ++*own->count;
        };
        if (!x.call_and_wait(cpu_number{id}, cpu_number{target}, f, &l, sent) || l.seen == 0) ++broken;
      }
      ++finished;
      while (finished.load() != 3) {
        x.serve(cpu_number{id});
        cpu::relax();
      }
    });
  }
  for (auto& t : cpus) t.join();
  CHECK(broken == 0);
  CHECK(counts[0] + counts[1] + counts[2] == 3 * rounds);
}

}  // namespace
