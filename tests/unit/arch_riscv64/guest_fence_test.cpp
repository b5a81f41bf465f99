// SPDX-License-Identifier: BSL-1.0
#include <axhal/arch/riscv64/guest_fence.hpp>

#include <catch2/catch_test_macros.hpp>

#include <cstdint>
#include <vector>

namespace {
using namespace axhal;
using namespace axhal::riscv64;
using kind = sbi_fence::kind;

struct record {
  enum class what { fence_i, all, address, asid, both } op;
  std::uint64_t address{};
  std::uint64_t asid{};
  friend bool operator==(record const&, record const&) = default;
};

struct recorder {
  static inline std::vector<record> done{};
  static void fence_i() { done.push_back({record::what::fence_i}); }
  static void hfence_vvma() { done.push_back({record::what::all}); }
  static void hfence_vvma(std::uint64_t a) { done.push_back({record::what::address, a}); }
  static void hfence_vvma_asid(std::uint64_t asid) { done.push_back({record::what::asid, 0, asid}); }
  static void hfence_vvma(std::uint64_t a, std::uint64_t asid) { done.push_back({record::what::both, a, asid}); }
};

std::vector<record> run(sbi_fence const& f) {
  recorder::done.clear();
  run_guest_fence<recorder>(f);
  return recorder::done;
}
std::vector<record> pages(std::uint64_t start, std::uint64_t size) {
  return run({kind::translations, guest_virt{start}, size, 0});
}
using what = record::what;

TEST_CASE("each kind is the hypervisor's own instruction", "[arch_riscv64][guest_fence]") {
  CHECK(run({kind::instructions, {}, 0, 0}) == std::vector<record>{{what::fence_i}});
  CHECK(run({kind::translations, {}, whole_address_space, 0}) == std::vector<record>{{what::all}});
  CHECK(run({kind::translations_asid, {}, whole_address_space, 9}) == std::vector<record>{{what::asid, 0, 9}});
  CHECK(run({kind::translations, guest_virt{0x3000}, 0x1000, 0}) == std::vector<record>{{what::address, 0x3000}});
  CHECK(run({kind::translations_asid, guest_virt{0x3000}, 0x1000, 0xffff}) ==
        std::vector<record>{{what::both, 0x3000, 0xffff}});
}

TEST_CASE("every page that a range touches is fenced", "[arch_riscv64][guest_fence]") {
  CHECK(pages(0x3fff, 1) == std::vector<record>{{what::address, 0x3000}});
  CHECK(pages(0x3fff, 2) == std::vector<record>{{what::address, 0x3000}, {what::address, 0x4000}});
  CHECK(pages(0x3001, 0x1000) == std::vector<record>{{what::address, 0x3000}, {what::address, 0x4000}});
  CHECK(pages(0x3000, 0x2000) == std::vector<record>{{what::address, 0x3000}, {what::address, 0x4000}});
  CHECK(pages(0x3000, 0).empty());
  CHECK(pages(0xffff'ffff'ffff'f000, 0xfff) == std::vector<record>{{what::address, 0xffff'ffff'ffff'f000}});
}

TEST_CASE("a long range is flushed as a whole", "[arch_riscv64][guest_fence]") {
  CHECK(pages(0, 64 * 4096).size() == 64);
  CHECK(pages(1, 64 * 4096).size() == 65);
  CHECK(pages(0, 64 * 4096 + 1) == std::vector<record>{{what::all}});
  CHECK(pages(1, UINT64_MAX - 2) == std::vector<record>{{what::all}});
  CHECK(run({kind::translations_asid, guest_virt{4096}, UINT64_MAX - 8192, 3}) ==
        std::vector<record>{{what::asid, 0, 3}});
}

}  // namespace
