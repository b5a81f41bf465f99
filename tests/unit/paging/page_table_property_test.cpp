// SPDX-License-Identifier: BSL-1.0
// Random operations on a page table against a list of intervals, on hardware that caches everything. Every operation is
// first run out of memory at every allocation that it makes.
#include <axhal/arch/aarch64/paging_stage1.hpp>
#include <axhal/arch/aarch64/paging_stage2.hpp>
#include <axhal/arch/host/paging.hpp>
#include <axhal/arch/riscv64/paging_stage1.hpp>
#include <axhal/arch/riscv64/paging_stage2.hpp>
#include <axhal/arch/x86_64/paging_ept.hpp>
#include <axhal/arch/x86_64/paging_host.hpp>
#include <axhal/arch/x86_64/paging_npt.hpp>
#include <axhal/paging/page_table.hpp>

#include <support/paging_machine.hpp>

#include <catch2/catch_template_test_macros.hpp>
#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <random>
#include <vector>

namespace {

using namespace axhal;
using paging::holes;
using paging::paging_error;

struct target {
  host_phys to;
  page_attributes attributes;
};

/// The expected contents: between two neighbouring edges everything is mapped alike, or nothing is.
template <typename P>
struct model {
  std::vector<std::uint64_t> edges;
  std::vector<std::optional<target>> parts;

  model() {
    constexpr std::uint64_t k4 = 0x1000;
    constexpr std::uint64_t m2 = 0x20'0000;
    constexpr std::uint64_t g1 = 0x4000'0000;
    std::uint64_t const top = end_of_inputs();
    edges = {0,  k4,      2 * k4,  m2 - k4, m2,          m2 + k4, 2 * m2,   3 * m2,   g1 - m2,  g1 - k4,
             g1, g1 + k4, g1 + m2, 2 * g1,  2 * g1 + m2, 3 * g1,  top - g1, top - m2, top - k4, top};
    std::sort(edges.begin(), edges.end());
    edges.erase(std::unique(edges.begin(), edges.end()), edges.end());
    parts.resize(edges.size() - 1);
  }

  /// Where the addresses end that are mapped here. A format with more output than input could map all of it at once, in
  /// more tables than there are frames: there it is as much as 4 full tables of its largest pages hold.
  static constexpr std::uint64_t end_of_inputs() {
    using shape = paging::geometry<P>;
    std::uint64_t const all = shape::inputs.last + 1;
    bool const everything_fits = shape::outputs.last > shape::inputs.last;
    return everything_fits ? std::min(all, shape::span(P::largest_leaf_level) << 11) : all;
  }

  /// The first and the last page of each part.
  [[nodiscard]] std::vector<std::uint64_t> pages() const {
    std::vector<std::uint64_t> all;
    for (std::size_t i = 0; i < parts.size(); ++i) {
      all.push_back(edges[i]);
      if (edges[i + 1] - 0x1000 != edges[i]) all.push_back(edges[i + 1] - 0x1000);
    }
    return all;
  }
  [[nodiscard]] bool any(std::size_t a, std::size_t b) const {
    return std::any_of(parts.begin() + static_cast<long>(a), parts.begin() + static_cast<long>(b),
                       [](auto const& p) { return p.has_value(); });
  }
  [[nodiscard]] bool all(std::size_t a, std::size_t b) const {
    return std::all_of(parts.begin() + static_cast<long>(a), parts.begin() + static_cast<long>(b),
                       [](auto const& p) { return p.has_value(); });
  }
};

template <typename P>
page_attributes pick_attributes(std::mt19937_64& random) {
  for (;;) {
    page_attributes const a{static_cast<axhal::access>(random() % 8), static_cast<memory_type>(random() % 3)};
    if (P::representable(a)) return a;
  }
}

template <typename P>
void run(std::uint64_t seed, int operations) {
  using machine_type = test::paging_machine<P, 2048>;
  using table_type = paging::page_table<P, typename machine_type::frame_source, typename machine_type::tlb>;
  std::mt19937_64 random{seed};
  model<P> expected;
  auto const machine = std::make_unique<machine_type>(expected.pages());
  typename machine_type::frame_source source{*machine};
  table_type table{source, typename machine_type::tlb{*machine}};
  REQUIRE(table.create());
  machine->use(table.root());

  constexpr std::uint64_t largest_page = paging::geometry<P>::span(P::largest_leaf_level);
  constexpr std::uint64_t far = std::max(largest_page, std::uint64_t{0x40'0000'0000});
  int succeeded = 0;
  int ran_out = 0;
  for (int n = 0; n < operations; ++n) {
    std::size_t a = random() % expected.parts.size();
    std::size_t b = random() % expected.parts.size();
    if (b < a) std::swap(a, b);
    ++b;
    if (random() % 2 == 0) b = std::min(b, a + 3);
    typename P::input_address const start{expected.edges[a]};
    std::uint64_t const size = expected.edges[b] - expected.edges[a];
    auto const attributes = pick_attributes<P>(random);
    auto const h = random() % 2 == 0 ? holes::refuse : holes::skip;
    unsigned const largest = static_cast<unsigned>(random() % (P::largest_leaf_level + 1));
    // Targets that allow large pages, that do not, and, for large ranges, that cost no more tables than the pool has.
    bool const is_small = size <= 0x80'0000;
    std::uint64_t const frame = random() % 0x100;
    host_phys const to = is_small && random() % 2 == 0 ? host_phys{0x1'0000'0000 + frame * 0x1000}
                                                       : host_phys{far + start.value % largest_page};
    bool const fits = to.value + (size - 1) <= (std::uint64_t{1} << P::output_bits) - 1;

    auto const kind = random() % 8;
    std::optional<paging_error> wanted;
    auto const operation = [&]() -> result<void, paging_error> {
      switch (kind) {
        case 0:
        case 1:
        case 2: return table.map(start, to, size, attributes, is_small ? largest : P::largest_leaf_level);
        case 3:
        case 4: return table.unmap(start, size, h);
        case 5: return table.protect(start, size, attributes, h);
        case 6: return table.split(start, size);
        default: {
          auto const merged = table.merge(start, size);
          if (!merged) return failure{merged.error()};
          return {};
        }
      }
    };
    if (kind <= 2) {
      if (!fits) {
        wanted = paging_error::out_of_range;
      } else if (expected.any(a, b)) {
        wanted = paging_error::already_mapped;
      }
    } else if (kind <= 5 && h == holes::refuse && !expected.all(a, b)) {
      wanted = paging_error::not_mapped;
    }

    auto const before = machine->snapshot();
    std::size_t const frames_before = machine->frames.outstanding();
    for (std::size_t allowed = 0;; ++allowed) {
      machine->frames.fail_after(allowed);
      auto const done = operation();
      if (done) {
        REQUIRE(!wanted);
        break;
      }
      // Nothing changed, whatever the reason.
      REQUIRE(machine->snapshot() == before);
      REQUIRE(machine->frames.outstanding() == frames_before);
      if (wanted) {
        REQUIRE(done.error() == *wanted);
        break;
      }
      REQUIRE(done.error() == paging_error::no_memory);
      REQUIRE(machine->frames.free_frames() > 0);
      ++ran_out;
    }
    machine->frames.stop_failing();
    if (!wanted) {
      ++succeeded;
      for (std::size_t i = a; i < b; ++i) {
        auto& part = expected.parts[i];
        if (kind <= 2) part = target{to + (expected.edges[i] - start.value), attributes};
        if (kind == 3 || kind == 4) part.reset();
        if (kind == 5 && part) part->attributes = attributes;
      }
    }

    machine->check_settled();
    REQUIRE(machine->frames.outstanding() == machine->count_frames());
    for (std::size_t i = 0; i < expected.parts.size(); ++i) {
      for (std::uint64_t const page : {expected.edges[i], expected.edges[i + 1] - 0x1000}) {
        auto const found = table.query({page});
        REQUIRE(found.has_value() == expected.parts[i].has_value());
        if (!found) continue;
        CHECK(found->attributes == expected.parts[i]->attributes);
        host_phys const there = expected.parts[i]->to + (page - expected.edges[i]);
        CHECK(table.translate({page + 0x123}) == there + 0x123);
        typename machine_type::leaf walked{};
        REQUIRE(machine->walk(page, walked));
        CHECK(walked.target + (page - walked.start) == there);
      }
    }
    CAPTURE(n, kind, a, b);
    REQUIRE(machine->complaints == std::vector<std::string>{});
  }
  CHECK(succeeded > operations / 4);
  CHECK(ran_out > operations / 20);

  machine->leave();
  table.destroy();
  CHECK(machine->frames.outstanding() == 0);
  CHECK(machine->frames.refused_releases() == 0);
  CHECK(machine->complaints == std::vector<std::string>{});
}

using aarch64::el2_mode;
using aarch64::stage1_el2;
using aarch64::stage2;
using x86_64::largest_page;
using ept_of_large_pages =
    x86_64::ept_format<4, x86_64::ept_options{largest_page::page_2m, x86_64::ept_execute_only::yes,
                                              x86_64::guest_pat::combined, x86_64::ept_flags::used}>;

}  // namespace

TEMPLATE_TEST_CASE("a page table does what a list of intervals does", "", stage2<32>, stage2<36>, stage2<40>,
                   stage2<48>, (stage1_el2<el2_mode::nvhe, 48>), (stage1_el2<el2_mode::vhe, 39>), host::paging,
                   riscv64::sv39, riscv64::sv48, riscv64::sv57_svpbmt, riscv64::sv39x4, riscv64::sv48x4_svpbmt,
                   riscv64::sv57x4, x86_64::paging_4_level, (x86_64::host_format<5, largest_page::page_2m>),
                   x86_64::npt, x86_64::npt_5_level, x86_64::ept, x86_64::ept_5_level, ept_of_large_pages) {
  for (std::uint64_t const seed : {1U, 2U, 3U}) run<TestType>(seed, 400);
}
