// SPDX-License-Identifier: BSL-1.0
// The host's features: where each comes from, and which leaves are not asked.
#include <axhal/arch/x86_64/host_features.hpp>

#include <catch2/catch_test_macros.hpp>

#include <cstdint>

using namespace axhal;
using namespace axhal::x86_64;

namespace {

constexpr std::uint32_t ext = 0x8000'0000;

/// Answers one leaf with one bit.
struct one_bit {
  static inline std::uint32_t max_basic = 0x1f;
  static inline std::uint32_t max_extended = ext + 0x21;
  static inline std::uint32_t max_subleaf_7 = 2;
  static inline std::uint32_t leaf = 0;
  static inline std::uint32_t subleaf = 0;
  static inline cpuid_result answer{};

  static cpuid_result cpuid(std::uint32_t l, std::uint32_t s) {
    if (l == 0) return {max_basic, 0x756e'6547, 0x6c65'746e, 0x4965'6e69};
    if (l == ext) return {max_extended, 0, 0, 0};
    cpuid_result r{};
    if (l == leaf && s == subleaf) r = answer;
    if (l == 7 && s == 0) r.eax = max_subleaf_7;
    return r;
  }
  static host_features read(std::uint32_t l, std::uint32_t s, cpuid_result const& r) {
    leaf = l;
    subleaf = s;
    answer = r;
    return host_features::read<one_bit>();
  }
  static void reset() {
    max_basic = 0x1f;
    max_extended = ext + 0x21;
    max_subleaf_7 = 2;
  }
};

}  // namespace

TEST_CASE("features by the manuals' leaves, registers and bits") {
  one_bit::reset();
  struct {
    cpu_feature f;
    std::uint32_t leaf, subleaf;
    cpuid_result r;
  } const expected[] = {
      {feature::monitor, 1, 0, {.ecx = 0x8}},
      {feature::vmx, 1, 0, {.ecx = 0x20}},
      {feature::pcid, 1, 0, {.ecx = 0x2'0000}},
      {feature::x2apic, 1, 0, {.ecx = 0x20'0000}},
      {feature::tsc_deadline, 1, 0, {.ecx = 0x100'0000}},
      {feature::xsave, 1, 0, {.ecx = 0x400'0000}},
      {feature::osxsave, 1, 0, {.ecx = 0x800'0000}},
      {feature::avx, 1, 0, {.ecx = 0x1000'0000}},
      {feature::hypervisor, 1, 0, {.ecx = 0x8000'0000}},
      {feature::pae, 1, 0, {.edx = 0x40}},
      {feature::apic, 1, 0, {.edx = 0x200}},
      {feature::mtrr, 1, 0, {.edx = 0x1000}},
      {feature::pat, 1, 0, {.edx = 0x1'0000}},
      {feature::fxsr, 1, 0, {.edx = 0x100'0000}},
      {feature::htt, 1, 0, {.edx = 0x1000'0000}},
      {feature::arat, 6, 0, {.eax = 0x4}},
      {feature::aperf_mperf, 6, 0, {.ecx = 0x1}},
      {feature::fsgsbase, 7, 0, {.ebx = 0x1}},
      {feature::tsc_adjust, 7, 0, {.ebx = 0x2}},
      {feature::smep, 7, 0, {.ebx = 0x80}},
      {feature::invpcid, 7, 0, {.ebx = 0x400}},
      {feature::smap, 7, 0, {.ebx = 0x10'0000}},
      {feature::intel_pt, 7, 0, {.ebx = 0x200'0000}},
      {feature::umip, 7, 0, {.ecx = 0x4}},
      {feature::pku, 7, 0, {.ecx = 0x8}},
      {feature::la57, 7, 0, {.ecx = 0x1'0000}},
      {feature::cet_ibt, 7, 0, {.edx = 0x10'0000}},
      {feature::arch_capabilities, 7, 0, {.edx = 0x2000'0000}},
      {feature::avx_vnni, 7, 1, {.eax = 0x10}},
      {feature::xsaves, 0xd, 1, {.eax = 0x8}},
      {feature::svm, ext + 1, 0, {.ecx = 0x4}},
      {feature::topology_extensions, ext + 1, 0, {.ecx = 0x40'0000}},
      {feature::syscall, ext + 1, 0, {.edx = 0x800}},
      {feature::nx, ext + 1, 0, {.edx = 0x10'0000}},
      {feature::page_1g, ext + 1, 0, {.edx = 0x400'0000}},
      {feature::rdtscp, ext + 1, 0, {.edx = 0x800'0000}},
      {feature::lm, ext + 1, 0, {.edx = 0x2000'0000}},
      {feature::invariant_tsc, ext + 7, 0, {.edx = 0x100}},
      {feature::wbnoinvd, ext + 8, 0, {.ebx = 0x200}},
      {feature::nested_paging, ext + 0xa, 0, {.edx = 0x1}},
      {feature::nrip_save, ext + 0xa, 0, {.edx = 0x8}},
      {feature::vmcb_clean, ext + 0xa, 0, {.edx = 0x20}},
      {feature::flush_by_asid, ext + 0xa, 0, {.edx = 0x40}},
      {feature::decode_assists, ext + 0xa, 0, {.edx = 0x80}},
      {feature::v_gif, ext + 0xa, 0, {.edx = 0x1'0000}},
  };
  for (auto const& e : expected) {
    CAPTURE(e.leaf, e.f.bit);
    auto const f = one_bit::read(e.leaf, e.subleaf, e.r);
    CHECK(f.has(e.f));
    // That bit, and no other.
    for (auto const& other : expected) {
      if (!(other.f == e.f)) CHECK_FALSE(f.has(other.f));
    }
    CHECK_FALSE(one_bit::read(0x1e, 0, e.r).has(e.f));
  }
}

TEST_CASE("leaves beyond the limits are not believed") {
  one_bit::reset();
  one_bit::max_basic = 6;
  CHECK_FALSE(one_bit::read(7, 0, {.ebx = 0x80}).has(feature::smep));
  one_bit::max_basic = 7;
  CHECK(one_bit::read(7, 0, {.ebx = 0x80}).has(feature::smep));
  one_bit::max_subleaf_7 = 0;
  CHECK_FALSE(one_bit::read(7, 1, {.eax = 0x10}).has(feature::avx_vnni));
  one_bit::max_extended = ext;
  CHECK_FALSE(one_bit::read(ext + 1, 0, {.edx = 0x2000'0000}).has(feature::lm));
  // A processor without extended leaves says anything, but not this bit.
  one_bit::max_extended = 0x21;
  CHECK_FALSE(one_bit::read(ext + 1, 0, {.edx = 0x2000'0000}).has(feature::lm));
  CHECK(one_bit::read(0, 0, {}).max_extended() == 0);
  one_bit::reset();
}

TEST_CASE("widths of addresses, states, vendors") {
  one_bit::reset();
  CHECK(one_bit::read(ext + 8, 0, {.eax = 0x3930}).physical_bits() == 48);
  CHECK(one_bit::read(ext + 8, 0, {.eax = 0x3930}).linear_bits() == 57);
  CHECK(one_bit::read(ext + 8, 0, {.eax = 0x00ff}).physical_bits() == 36);
  CHECK(one_bit::read(1, 0, {}).physical_bits() == 36);
  CHECK(one_bit::read(1, 0, {}).linear_bits() == 32);
  CHECK(one_bit::read(ext + 1, 0, {.edx = 0x2000'0000}).linear_bits() == 48);
  // States without XSAVE are none.
  CHECK(one_bit::read(0xd, 0, {.eax = 7}).xcr0() == 0);
  CHECK(vendor_of({0, 0x756e'6547, 0, 0}) == cpu_vendor::intel);
  CHECK(vendor_of({0, 0x6874'7541, 0, 0}) == cpu_vendor::amd);
  CHECK(vendor_of({0, 0x6f67'7948, 0, 0}) == cpu_vendor::amd);
  CHECK(vendor_of({0, 0x746e'6543, 0, 0}) == cpu_vendor::intel);  // CentaurHauls
}
