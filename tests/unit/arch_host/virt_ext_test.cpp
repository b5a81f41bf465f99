// SPDX-License-Identifier: BSL-1.0
#include <axhal/arch/host/virt_ext.hpp>

#include <catch2/catch_test_macros.hpp>

using namespace axhal;
using step = laws::guest_step::kind;

namespace {

struct last_exit {
  exit_kind kind{};
  std::uint64_t number{};
  int count{};
  template <typename Guest, typename Exit>
  constexpr resume operator()(Guest&, Exit const& e) {
    kind = kind_of<Exit>;
    if constexpr (kind_of<Exit> == exit_kind::memory_fault) number = e.address.value;
    ++count;
    return resume::stop;
  }
};

struct answer_all {
  template <typename Guest, typename Exit>
  resume operator()(Guest& g, Exit const& e) {
    if constexpr (kind_of<Exit> == exit_kind::mmio_read) g.complete_read(e, ~0ULL);
    return resume::next_instruction;
  }
};

constexpr host::virt_machine without{.works = false, .why = virt_error::locked};

}  // namespace

TEST_CASE("a machine without the extension says why") {
  host::virt_ext<without> v;
  CHECK(v.probe() == failure{virt_error::locked});
  CHECK(v.enable() == failure{virt_error::locked});
  CHECK(host::virt_ext<>::probe() == virt_features{8, 40, 48});
}

TEST_CASE("a vCPU runs only where it is loaded, on a CPU that is enabled") {
  constexpr laws::guest_step steps[] = {{step::idle}};
  host::scripted_vcpu a, b;
  a.use_script({{0x1000}, {steps, 1}, 0});
  b.use_script({{0x1000}, {steps, 1}, 0});
  a.reset({0x1000}, 0);
  b.reset({0x1000}, 0);
  host::virt_ext<> v;
  auto const exit_of = [&](host::scripted_vcpu& s) {
    last_exit h;
    v.enter(s);
    CHECK(host::virt_ext<>::decode(s, h) == resume::stop);
    CHECK(h.count == 1);
    return h.kind;
  };
  v.load(a);
  CHECK(exit_of(a) == exit_kind::host_error);
  REQUIRE(v.enable());
  CHECK(exit_of(a) == exit_kind::idle);
  CHECK(exit_of(b) == exit_kind::host_error);
  v.put(a);
  CHECK(exit_of(a) == exit_kind::host_error);
  v.load(b);
  CHECK(exit_of(b) == exit_kind::idle);
  v.disable();
  CHECK(exit_of(b) == exit_kind::host_error);
}

TEST_CASE("a guest that leaves its program faults, wherever it goes") {
  constexpr laws::guest_step steps[] = {{step::set, 1, 1}};
  host::virt_ext<> v;
  REQUIRE(v.enable());
  for (std::uint64_t const entry : {0x1000ULL, 0x1004ULL, 0x1002ULL, 0x0ULL, ~0ULL}) {
    host::scripted_vcpu s;
    s.use_script({{0x1000}, {steps, 1}, 99});
    s.reset({entry}, 0);
    v.load(s);
    v.enter(s);
    last_exit h;
    CHECK(host::virt_ext<>::decode(s, h) == resume::stop);
    CHECK(h.kind == exit_kind::memory_fault);
    CHECK(h.number == (entry == 0x1000 ? 0x1004 : entry));
  }
}

TEST_CASE("steps that name no register or no size hurt nobody") {
  constexpr laws::guest_step steps[] = {{step::set, 200, 1},          {step::get_system, 255, 0},
                                        {step::store, 99, 8, 0},      {step::store, 1, 8, 255},
                                        {step::load, 77, 8, 0, true}, {step::load, 1, 8, 255, true}};
  answer_all handler;
  host::virt_ext<> v;
  REQUIRE(v.enable());
  host::scripted_vcpu s;
  s.use_script({{0}, {steps, 6}, 0});
  s.reset({0}, 0);
  v.load(s);
  for (int i = 0; i < 4; ++i) {
    v.enter(s);
    CHECK(host::virt_ext<>::decode(s, handler) == resume::retry);
  }
  CHECK(s.r[1] == ~0ULL);
  CHECK(s.pc == guest_phys{24});
}

TEST_CASE("translation is kept for whoever asks") {
  host::scripted_vcpu s;
  s.set_translation({0x8000'0000}, {3});
  s.reset({0}, 1);
  CHECK(s.root == host_phys{0x8000'0000});
  CHECK(s.id == vmid{3});
}
