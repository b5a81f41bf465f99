// SPDX-License-Identifier: BSL-1.0
#include <axhal/arch/host/cpu.hpp>
#include <axhal/cpu/spin_lock.hpp>

#include <catch2/catch_test_macros.hpp>

#include <atomic>
#include <concepts>
#include <cstdint>
#include <thread>
#include <vector>

namespace {
using namespace axhal;
using host::cpu;

using lock_type = spin_lock<cpu>;
static_assert(!std::copyable<lock_type> && !std::movable<spin_guard<cpu>>);

void be_a_cpu(std::uint64_t id) {
  cpu::self() = {};
  cpu::self().id = id;
  // More threads than processors: who spins must let the others run.
  cpu::self().on_relax = [] { std::this_thread::yield(); };
}

TEST_CASE("a lock is free, held, and free again", "[cpu][spin_lock]") {
  lock_type l;
  CHECK(!l.is_locked());
  l.lock();
  CHECK(l.is_locked());
  CHECK(!l.try_lock());
  l.unlock();
  CHECK(!l.is_locked());
  CHECK(l.try_lock());
  CHECK(l.is_locked());
  l.unlock();
  {
    spin_guard<cpu> const held{l};
    CHECK(l.is_locked());
  }
  CHECK(!l.is_locked());
}

TEST_CASE("a guard that masks leaves masking as it found it", "[cpu][spin_lock]") {
  cpu::self() = {};
  lock_type outer;
  lock_type inner;
  for (bool const masked_before : {false, true}) {
    cpu::self().masked = masked_before;
    {
      irq_spin_guard<cpu> const a{outer};
      CHECK(cpu::interrupts_masked());
      CHECK(outer.is_locked());
      {
        irq_spin_guard<cpu> const b{inner};
        CHECK(cpu::interrupts_masked());
        CHECK(inner.is_locked());
      }
      CHECK(cpu::interrupts_masked());
      CHECK(!inner.is_locked());
    }
    CHECK(cpu::interrupts_masked() == masked_before);
    CHECK(!outer.is_locked());
  }
  cpu::self() = {};
}

/// A CPU that notes whether the lock is held at the moment of masking and of unmasking.
struct watching {
  struct irq_state {};
  static inline bool (*is_locked)(){};
  static inline bool locked_when_masked{};
  static inline bool locked_when_restored{};
  template <barrier>
  static void order() {}
  static irq_state mask_interrupts() {
    locked_when_masked = is_locked();
    return {};
  }
  static void restore_interrupts(irq_state) { locked_when_restored = is_locked(); }
  static bool interrupts_masked() { return false; }
  static void wait_for_interrupt() {}
  static void relax() {}
  static std::uint64_t hardware_id() { return 0; }
  static void* per_cpu_base() { return nullptr; }
  static void set_per_cpu_base(void*) {}
};

TEST_CASE("interrupts are masked before the lock is taken and unmasked after it is given back", "[cpu][spin_lock]") {
  static spin_lock<watching> l;
  watching::is_locked = [] { return l.is_locked(); };
  watching::locked_when_masked = true;
  watching::locked_when_restored = true;
  {
    irq_spin_guard<watching> const held{l};
  }
  CHECK(!watching::locked_when_masked);
  CHECK(!watching::locked_when_restored);
}

TEST_CASE("threads that count under a lock lose no count", "[cpu][spin_lock]") {
  constexpr unsigned threads = 4;
  constexpr unsigned rounds = 3000;
  lock_type l;
  std::uint64_t count = 0;  // not atomic: only the lock protects it
  unsigned inside = 0;
  bool alone = true;
  std::vector<std::thread> cpus;
  for (unsigned id = 0; id < threads; ++id) {
    cpus.emplace_back([&, id] {
      be_a_cpu(id);
      for (unsigned i = 0; i < rounds; ++i) {
        if (i % 3 == 0) {
          while (!l.try_lock()) cpu::relax();
        } else {
          l.lock();
        }
        alone = alone && ++inside == 1;
        ++count;
        --inside;
        l.unlock();
      }
    });
  }
  for (auto& t : cpus) t.join();
  CHECK(count == threads * rounds);
  CHECK(alone);
  CHECK(!l.is_locked());
}

TEST_CASE("waiters are served in the order of arrival", "[cpu][spin_lock]") {
  lock_type l;
  std::vector<int> order;
  std::atomic<unsigned> waiting{0};
  static std::atomic<unsigned>* arrived;
  arrived = &waiting;
  l.lock();
  std::vector<std::thread> cpus;
  for (int id = 0; id < 4; ++id) {
    cpus.emplace_back([&, id] {
      be_a_cpu(static_cast<std::uint64_t>(id));
      // The first spin tells that a ticket is taken.
      static thread_local bool told;
      told = false;
      cpu::self().on_relax = [] {
        if (!told) ++*arrived;
        told = true;
        std::this_thread::yield();
      };
      spin_guard<cpu> const held{l};
      order.push_back(id);
    });
    while (waiting.load() != static_cast<unsigned>(id) + 1) std::this_thread::yield();
  }
  CHECK(!l.try_lock());
  l.unlock();
  for (auto& t : cpus) t.join();
  CHECK(order == std::vector{0, 1, 2, 3});
}

}  // namespace
