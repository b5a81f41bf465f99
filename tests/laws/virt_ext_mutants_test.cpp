// SPDX-License-Identifier: BSL-1.0
// Laws that no wrong model can break are no laws: each mutant breaks the law named beside it.
#include <axhal/arch/host/virt_ext.hpp>
#include <axhal/conformance/virt_ext_laws.hpp>

#include <catch2/catch_test_macros.hpp>

namespace {
using namespace axhal;

using sane = host::virt_ext<>;
using vcpu = host::scripted_vcpu;

template <typename V>
constexpr int broken() {
  V v;
  return laws::first_broken_virt_ext_law(v);
}
static_assert(broken<sane>() == 0);

// law 1
struct forgets_features_once_enabled : sane {
  static inline bool on = false;
  static result<virt_features, virt_error> probe() {
    auto f = *sane::probe();
    if (on) f.vmid_bits = 16;
    return f;
  }
  result<void, virt_error> enable() {
    on = true;
    return sane::enable();
  }
};
struct enables_what_is_not_there : sane {
  static constexpr result<virt_features, virt_error> probe() { return failure{virt_error::absent}; }
};

// law 2
struct drops_the_argument : sane {
  struct vcpu : host::scripted_vcpu {
    constexpr void reset(guest_phys entry, std::uint64_t) { host::scripted_vcpu::reset(entry, 0); }
  };
};
struct starts_at_the_base : sane {
  struct vcpu : host::scripted_vcpu {
    constexpr void reset(guest_phys, std::uint64_t a) { host::scripted_vcpu::reset(script.base, a); }
  };
};
struct resets_halfway : sane {
  struct vcpu : host::scripted_vcpu {
    constexpr void reset(guest_phys entry, std::uint64_t a) {
      r[0] = a;
      r[1] = 1;
      pc = entry;
    }
  };
};

// law 3
struct keeps_the_system_register_on_the_cpu : sane {
  constexpr void put(vcpu& s) {
    auto const kept = s.system;
    sane::put(s);
    s.system = kept;
  }
};
struct loads_a_register_wrong : sane {
  constexpr void load(vcpu& s) {
    sane::load(s);
    s.set(5, s.get(4));
  }
};

// law 4
struct cuts_no_store : sane {
  template <typename H>
  struct with_wide_stores {
    H& handler;
    vcpu& guest;
    template <typename G, typename E>
    constexpr resume operator()(G& g, E const& e) {
      if constexpr (kind_of<E> == exit_kind::mmio_write) {
        return handler(g, exit::mmio_write{e.address, e.size, guest.get(guest.stopped_at.reg)});
      } else {
        return handler(g, e);
      }
    }
  };
  template <typename H>
  static constexpr resume decode(vcpu& s, H& handler) {
    with_wide_stores<H> wide{handler, s};
    return sane::decode(s, wide);
  }
};
struct tells_twice : sane {
  template <typename H>
  static constexpr resume decode(vcpu& s, H& handler) {
    host::scripted_guest guest{s};
    if (s.stopped_at.what == laws::guest_step::kind::yield) (void)handler(guest, exit::yield{});
    return sane::decode(s, handler);
  }
};
struct takes_pauses_for_idling : sane {
  template <typename H>
  struct without_yield {
    H& handler;
    template <typename G, typename E>
    constexpr resume operator()(G& g, E const& e) {
      if constexpr (kind_of<E> == exit_kind::yield) {
        return handler(g, exit::idle{});
      } else {
        return handler(g, e);
      }
    }
  };
  template <typename H>
  static constexpr resume decode(vcpu& s, H& handler) {
    without_yield<H> h{handler};
    return sane::decode(s, h);
  }
};

// law 5
struct steps_on_retry : sane {
  template <typename H>
  static constexpr resume decode(vcpu& s, H& handler) {
    auto const before = s.pc;
    auto const answer = sane::decode(s, handler);
    bool const on_a_load = s.stopped_at.what == laws::guest_step::kind::load && s.get(6) == 0;
    if (answer == resume::retry && s.pc == before && on_a_load) s.pc += 4;
    return answer;
  }
};

// law 6
struct shares_a_register : sane {
  std::uint64_t last_system{};
  constexpr void put(vcpu& s) {
    sane::put(s);
    last_system = s.system;
  }
  constexpr void load(vcpu& s) {
    if (s.system == 0) s.system = last_system;  // "it is zero anyway"
    sane::load(s);
  }
};

// law 7
struct injects_one_step_late : sane {
  template <typename H>
  static constexpr resume decode(vcpu& s, H& handler) {
    auto const at = s.pc;
    auto const answer = sane::decode(s, handler);
    if (s.pc == s.script.base + 4 * s.script.fault_entry && s.get(6) == at.value && s.script.fault_entry != 0)
      s.pc = at + 4;
    return answer;
  }
};
struct injects_without_an_address : sane {
  template <typename H>
  static constexpr resume decode(vcpu& s, H& handler) {
    auto const answer = sane::decode(s, handler);
    if (s.script.fault_entry != 0) s.set(6, 0);
    return answer;
  }
};

}  // namespace

TEST_CASE("each law of the virtualization extension catches its mutants", "[laws][virt_ext]") {
  CHECK(broken<sane>() == 0);
  CHECK(broken<forgets_features_once_enabled>() == 1);
  STATIC_CHECK(broken<enables_what_is_not_there>() == 1);
  STATIC_CHECK(broken<drops_the_argument>() == 2);
  STATIC_CHECK(broken<starts_at_the_base>() == 2);
  STATIC_CHECK(broken<resets_halfway>() == 2);
  STATIC_CHECK(broken<keeps_the_system_register_on_the_cpu>() == 3);
  STATIC_CHECK(broken<loads_a_register_wrong>() == 3);
  STATIC_CHECK(broken<cuts_no_store>() == 4);
  STATIC_CHECK(broken<tells_twice>() == 4);
  STATIC_CHECK(broken<takes_pauses_for_idling>() == 4);
  STATIC_CHECK(broken<steps_on_retry>() == 5);
  STATIC_CHECK(broken<shares_a_register>() == 6);
  STATIC_CHECK(broken<injects_one_step_late>() == 7);
  STATIC_CHECK(broken<injects_without_an_address>() == 7);
}
