// SPDX-License-Identifier: BSL-1.0
#include <axhal/paging/vmid_allocator.hpp>

#include <catch2/catch_template_test_macros.hpp>
#include <catch2/catch_test_macros.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <random>
#include <set>

namespace {

using namespace axhal;
using paging::vmid_allocator;
using paging::vmid_count;
using paging::vmid_tag;

/// CPUs whose TLBs remember for ever, by VMID, which machine they ran.
template <unsigned Bits, std::size_t Cpus, std::size_t Machines>
struct world {
  vmid_allocator<Bits, Cpus> allocator;
  std::array<vmid_tag, Machines> tags{};
  std::array<int, Cpus> on_cpu{};  // machine + 1, 0 none
  std::array<std::uint32_t, Cpus> id_on_cpu{};
  std::array<std::array<std::uint8_t, std::size_t{1} << Bits>, Cpus> cached{};  // machine + 1 by VMID

  explicit world(unsigned usable = Bits) : allocator{usable} { on_cpu.fill(0); }
  explicit world(vmid_count usable) : allocator{usable} { on_cpu.fill(0); }

  /// False when a guarantee is broken.
  bool load(std::size_t machine, std::size_t cpu) {
    auto const grant = allocator.load(tags[machine], {static_cast<std::uint32_t>(cpu)});
    if (grant.flush) cached[cpu].fill(0);
    auto const id = grant.id.value;
    if (id >= (std::size_t{1} << Bits)) return false;
    auto& holder = cached[cpu][id];
    if (holder != 0 && holder != machine + 1) return false;  // would use another machine's translations
    holder = static_cast<std::uint8_t>(machine + 1);
    on_cpu[cpu] = static_cast<int>(machine + 1);
    id_on_cpu[cpu] = id;
    return true;
  }
  void unload(std::size_t cpu) {
    allocator.unload({static_cast<std::uint32_t>(cpu)});
    on_cpu[cpu] = 0;
  }
  /// Two machines that run share no VMID, a machine on two CPUs has one, and none runs under the host's.
  [[nodiscard]] bool is_sound() const {
    for (std::size_t a = 0; a < Cpus; ++a) {
      if (on_cpu[a] == 0) continue;
      if (id_on_cpu[a] == 0) return false;
      for (std::size_t b = a + 1; b < Cpus; ++b) {
        if (on_cpu[b] != 0 && (on_cpu[a] == on_cpu[b]) != (id_on_cpu[a] == id_on_cpu[b])) return false;
      }
    }
    return true;
  }
};

/// Every sequence of `depth` loads and unloads.
template <typename World>
bool explore(World const& w, int depth, std::size_t machines, std::size_t cpus, std::uint64_t& visited,
             std::uint64_t& generations) {
  ++visited;
  if (w.allocator.generation() > generations) generations = w.allocator.generation();
  if (depth == 0) return true;
  for (std::size_t cpu = 0; cpu < cpus; ++cpu) {
    for (std::size_t machine = 0; machine <= machines; ++machine) {
      World next = w;
      if (machine == machines) {
        if (w.on_cpu[cpu] == 0) continue;
        next.unload(cpu);
      } else if (!next.load(machine, cpu)) {
        return false;
      }
      if (!next.is_sound()) return false;
      if (!explore(next, depth - 1, machines, cpus, visited, generations)) return false;
    }
  }
  return true;
}

}  // namespace

TEST_CASE("every short history keeps the guarantees: two bits, one CPU, four machines") {
  std::uint64_t visited = 0;
  std::uint64_t generations = 0;
  CHECK(explore(world<2, 1, 4>{}, 9, 4, 1, visited, generations));
  CHECK(visited > 1'000'000);
  CHECK(generations >= 3);
}

TEST_CASE("every short history keeps the guarantees: two bits, two CPUs, four machines") {
  std::uint64_t visited = 0;
  std::uint64_t generations = 0;
  CHECK(explore(world<2, 2, 4>{}, 6, 4, 2, visited, generations));
  CHECK(visited > 500'000);
  CHECK(generations >= 3);
}

TEST_CASE("long random histories keep the guarantees") {
  std::mt19937 random{7};
  for (int run = 0; run < 200; ++run) {
    world<3, 4, 20> w;
    bool sound = true;
    for (int i = 0; i < 5000; ++i) {
      std::size_t const cpu = random() % 4;
      if (random() % 8 == 0) {
        w.unload(cpu);
      } else {
        sound = sound && w.load(random() % 20, cpu);
      }
      sound = sound && w.is_sound();
    }
    CHECK(sound);
    CHECK(w.allocator.generation() > 100);
  }
}

TEST_CASE("a machine keeps its VMID, without a flush, while there are enough") {
  vmid_allocator<8, 4> a;
  vmid_tag tags[255]{};
  std::set<std::uint32_t> ids;
  for (auto& tag : tags) {
    auto const grant = a.load(tag, {0});
    CHECK_FALSE(grant.flush);
    ids.insert(grant.id.value);
  }
  CHECK(ids.size() == 255);
  CHECK(*ids.begin() == 1);
  CHECK(*ids.rbegin() == 255);
  for (auto& tag : tags) {
    auto const before = tag;
    CHECK_FALSE(a.load(tag, {1}).flush);
    CHECK(tag == before);
  }
  CHECK(a.generation() == 1);
}

TEST_CASE("the next generation flushes every CPU once and keeps what runs") {
  vmid_allocator<8, 4> a;
  vmid_tag running{};
  auto const kept = a.load(running, {3});
  vmid_tag rest[254]{};
  for (auto& tag : rest) static_cast<void>(a.load(tag, {0}));
  a.unload({0});

  vmid_tag one_more{};
  auto const grant = a.load(one_more, {0});
  CHECK(a.generation() == 2);
  CHECK(grant.flush);
  CHECK(grant.id != kept.id);
  CHECK_FALSE(a.load(one_more, {0}).flush);
  CHECK(a.load(one_more, {1}).flush);
  CHECK_FALSE(a.load(one_more, {1}).flush);

  // The machine that ran all the time comes to another CPU, and back.
  auto const moved = a.load(running, {2});
  CHECK(moved.id == kept.id);
  CHECK(moved.flush);
  auto const back = a.load(running, {3});
  CHECK(back.id == kept.id);
  CHECK(back.flush);
  CHECK_FALSE(a.load(running, {3}).flush);
}

TEST_CASE("an unloaded CPU protects no VMID") {
  vmid_allocator<2, 1> a;  // VMIDs 1 to 3
  vmid_tag tags[4]{};
  for (int i = 0; i < 3; ++i) static_cast<void>(a.load(tags[i], {0}));
  a.unload({0});
  CHECK(a.load(tags[3], {0}).flush);
  CHECK(tags[3].id == vmid{1});
}

TEST_CASE("the machine may have fewer bits than there is room for") {
  vmid_allocator<16, 8> a{8};
  std::set<std::uint32_t> ids;
  for (int i = 0; i < 1000; ++i) {
    vmid_tag tag{};
    ids.insert(a.load(tag, {0}).id.value);
  }
  CHECK(*ids.rbegin() == 255);
  CHECK(a.generation() == 4);

  vmid_allocator<16, 8> wide;
  vmid_tag tag{};
  for (int i = 0; i < 65535; ++i) {
    tag = {};
    static_cast<void>(wide.load(tag, {0}));
  }
  CHECK(tag.id == vmid{65535});
  CHECK(wide.generation() == 1);
  tag = {};
  CHECK(wide.load(tag, {0}).flush);
}

TEST_CASE("without VMIDs every grant asks for a flush") {
  for (unsigned bits = 0; bits < 3; ++bits) {
    vmid_allocator<8, 4> a{bits};
    vmid_tag tag{};
    CHECK(a.load(tag, {0}).flush);
    CHECK(a.load(tag, {0}).id == vmid{0});
    CHECK(a.load(tag, {0}).flush);
  }
  vmid_allocator<8, 3> three_for_three{2};
  vmid_tag one{};
  CHECK(three_for_three.load(one, {0}).flush);
  vmid_allocator<8, 4> enough{3};
  vmid_tag tag{};
  CHECK_FALSE(enough.load(tag, {0}).flush);
  CHECK(tag.id == vmid{1});
}

TEST_CASE("a machine with none, seven or fourteen bits") {
  vmid_allocator<14, 8> none{0};
  vmid_tag a{};
  vmid_tag b{};
  for (int round = 0; round < 3; ++round) {
    for (vmid_tag* const tag : {&a, &b}) {
      auto const grant = none.load(*tag, {7});
      CHECK(grant.id == vmid{0});
      CHECK(grant.flush);
    }
  }
  for (unsigned const bits : {7U, 14U}) {
    vmid_allocator<14, 8> some{bits};
    std::uint32_t const last = (1U << bits) - 1;
    for (std::uint32_t id = 1; id <= last; ++id) {
      vmid_tag tag{};
      auto const grant = some.load(tag, {0});
      if (grant.flush || grant.id != vmid{id}) FAIL("VMID " << id << " of " << bits << " bits");
    }
    vmid_tag tag{};
    CHECK(some.load(tag, {0}).flush);
    CHECK(tag.id.value <= last);
    CHECK(some.generation() == 2);
  }
}

TEST_CASE("a machine says how many VMIDs it has: any number") {
  for (std::uint32_t const count : {4U, 5U, 10U, 16U, 509U, 32768U, 65535U, 65536U, 65537U, 0xffff'ffffU}) {
    vmid_allocator<16, 2> a{vmid_count{count}};
    std::uint32_t const last = count < 65536 ? count - 1 : 65535;
    for (std::uint32_t id = 1; id <= last; ++id) {
      vmid_tag tag{};
      auto const grant = a.load(tag, {0});
      if (grant.flush || grant.id != vmid{id}) FAIL("VMID " << id << " of " << count);
    }
    // The next one begins a generation, and gets what the machine on this CPU does not keep.
    vmid_tag tag{};
    auto const grant = a.load(tag, {0});
    CHECK(grant.flush);
    CHECK(a.generation() == 2);
    CHECK(grant.id.value >= 1);
    CHECK(grant.id.value <= last);
  }
}

TEST_CASE("too few to keep one for each CPU, and one more") {
  for (std::uint32_t const count : {0U, 1U, 2U, 3U, 8U, 9U}) {
    vmid_allocator<8, 8> a{vmid_count{count}};
    vmid_tag tag{};
    for (int i = 0; i < 3; ++i) {
      CHECK(a.load(tag, {7}).flush);
      CHECK(a.load(tag, {0}).id == vmid{0});
    }
  }
  vmid_allocator<8, 8> enough{vmid_count{10}};
  vmid_tag tag{};
  CHECK_FALSE(enough.load(tag, {7}).flush);
  CHECK(tag.id == vmid{1});
}

TEST_CASE("every short history keeps the guarantees: VMIDs 1 to 4, two CPUs, six machines") {
  std::uint64_t visited = 0;
  std::uint64_t generations = 0;
  CHECK(explore(world<3, 2, 6>{vmid_count{5}}, 6, 6, 2, visited, generations));
  CHECK(visited > 2'000'000);
  CHECK(generations >= 2);
}

TEST_CASE("long random histories with ten and with fifteen VMIDs") {
  std::mt19937 random{11};
  for (std::uint32_t const count : {11U, 16U}) {
    for (int run = 0; run < 50; ++run) {
      world<4, 8, 40> w{vmid_count{count}};
      bool sound = true;
      for (int i = 0; i < 5000; ++i) {
        std::size_t const cpu = random() % 8;
        if (random() % 8 == 0) {
          w.unload(cpu);
        } else {
          sound = sound && w.load(random() % 40, cpu);
        }
        sound = sound && w.is_sound();
        for (std::size_t c = 0; c < 8; ++c) sound = sound && (w.on_cpu[c] == 0 || w.id_on_cpu[c] < count);
      }
      CHECK(sound);
      CHECK(w.allocator.generation() > 100);
    }
  }
}

TEST_CASE("allocation works in the compiler") {
  constexpr auto ids = [] {
    vmid_allocator<4, 2> a;
    vmid_tag x{};
    vmid_tag y{};
    static_cast<void>(a.load(x, {0}));
    static_cast<void>(a.load(y, {1}));
    return x.id.value * 10 + y.id.value;
  }();
  STATIC_REQUIRE(ids == 12);
}
