// SPDX-License-Identifier: BSL-1.0
// A guest's CPUID: what is hidden on any host, what the owner decides, who a vCPU is, and what lies beyond the limits.
#include <axhal/arch/x86_64/guest_cpuid_table.hpp>

#include <catch2/catch_test_macros.hpp>

#include <cstdint>
#include <string_view>

using namespace axhal;
using namespace axhal::x86_64;

namespace {

constexpr std::uint32_t ones = 0xffff'ffff;
constexpr std::uint32_t ext = 0x8000'0000;

/// A processor that has everything, and fills every leaf up to its limits with ones.
template <bool Amd, std::uint32_t Basic, std::uint32_t Extended>
struct everything {
  static constexpr cpuid_result cpuid(std::uint32_t leaf, std::uint32_t subleaf) {
    if (leaf == 0) {
      return Amd ? cpuid_result{Basic, 0x6874'7541, 0x444d'4163, 0x6974'6e65}
                 : cpuid_result{Basic, 0x756e'6547, 0x6c65'746e, 0x4965'6e69};
    }
    if (leaf == ext) return {Extended, 0, 0, 0};
    if (leaf > (leaf < ext ? Basic : Extended)) return Amd ? cpuid_result{} : cpuid_result{ones, ones, ones, ones};
    if (leaf == 7 && subleaf == 0) return {2, ones, ones, ones};
    if (leaf == 0xd && subleaf == 0) return {ones, ones, ones, ones};
    if (leaf == 0xd && subleaf >= 2) return {.eax = 64, .ebx = 576 + 64 * (subleaf - 2), .ecx = 0, .edx = 0};
    if ((leaf == 4 || leaf == ext + 0x1d) && subleaf < 4) {
      constexpr std::uint32_t levels[] = {0x21, 0x22, 0x43, 0x63};
      return {0xffff'c000 | levels[subleaf] | 1U << 8, 0x01c0'003f, 0x3f, 0};
    }
    if (leaf == 4 || leaf == ext + 0x1d) return {};
    if (leaf == ext + 8) return {.eax = 0x3934, .ebx = ones, .ecx = ones, .edx = ones};
    return {ones, ones, ones, ones};
  }
};
using amd = everything<true, 0x23, ext + 0x26>;
using intel = everything<false, 0x24, ext + 8>;
using haswell_like = everything<false, 0xd, ext + 8>;

/// One that has nothing but the leaves that there must be.
struct nothing {
  static constexpr cpuid_result cpuid(std::uint32_t leaf, std::uint32_t) {
    if (leaf == 0) return {1, 0x756e'6547, 0x6c65'746e, 0x4965'6e69};
    if (leaf == 1) return {0x663, 0, 0, 0};
    return {};
  }
};

template <typename I>
constexpr guest_cpuid table(guest_cpuid_policy const& policy = {}) {
  return make_guest_cpuid<I>(policy);
}
constexpr cpuid_result at(guest_cpuid const& t, std::uint32_t leaf, std::uint32_t subleaf = 0, std::uint32_t id = 0) {
  return t.answer(leaf, subleaf, id);
}

template <typename I>
void hides_what_is_not_virtual() {
  guest_cpuid const t = table<I>();
  // VMX SMX MONITOR DTES64 DS-CPL EST TM2 CNXT-ID SDBG xTPR PDCM DCA OSXSAVE, bit 16 that does not exist
  CHECK((at(t, 1).ecx & (1U << 2 | 1U << 3 | 1U << 4 | 1U << 5 | 1U << 6 | 1U << 7 | 1U << 8 | 1U << 10 | 1U << 11 |
                         1U << 14 | 1U << 15 | 1U << 16 | 1U << 18 | 1U << 27)) == 0);
  // PSN DS ACPI TM IA64 PBE
  CHECK((at(t, 1).edx & (1U << 10 | 1U << 18 | 1U << 20 | 1U << 21 | 1U << 22 | 1U << 29 | 1U << 30 | 1U << 31)) == 0);
  // TSC_ADJUST SGX HLE RTM PQM MPX PQE PT
  CHECK((at(t, 7).ebx & (1U << 1 | 1U << 2 | 1U << 4 | 1U << 11 | 1U << 12 | 1U << 14 | 1U << 15 | 1U << 25)) == 0);
  // OSPKE WAITPKG CET_SS TME MAWAU KL BUS_LOCK_DETECT ENQCMD SGX_LC PKS
  CHECK((at(t, 7).ecx & (1U << 4 | 1U << 5 | 1U << 7 | 1U << 13 | 0x1fU << 17 | 1U << 23 | 1U << 24 | 1U << 29 |
                         1U << 30 | 1U << 31)) == 0);
  // SGX_KEYS UINTR HYBRID PCONFIG LBR CET_IBT AMX SPEC_CTRL STIBP L1D_FLUSH ARCH_CAPABILITIES CORE_CAPABILITIES SSBD
  CHECK((at(t, 7).edx & (1U << 1 | 1U << 5 | 1U << 15 | 1U << 18 | 1U << 19 | 1U << 20 | 1U << 22 | 1U << 24 |
                         1U << 25 | 0x3fU << 26)) == 0);
  // FRED LKGS LAM
  CHECK((at(t, 7, 1).eax & (1U << 17 | 1U << 18 | 1U << 26)) == 0);
  CHECK(at(t, 7, 2) == cpuid_result{});
  CHECK(at(t, 6).ecx == 0);
  CHECK(at(t, 6).eax == 4);
  for (std::uint32_t leaf : {3U,    5U,    8U,    9U,    0xaU,  0xcU,  0xeU,  0xfU,  0x10U, 0x11U, 0x12U,
                             0x13U, 0x14U, 0x17U, 0x18U, 0x19U, 0x1aU, 0x1bU, 0x1cU, 0x1dU, 0x1eU}) {
    CAPTURE(leaf);
    CHECK(at(t, leaf) == cpuid_result{});
    CHECK(at(t, leaf, 1) == cpuid_result{});
  }
  // XFD, XSAVES
  CHECK((at(t, 0xd, 1).eax & ~7U) == 0);
  CHECK(at(t, 0xd, 0).eax == 0x2e7);
  CHECK(at(t, 0xd, 0).edx == 0);
  for (std::uint32_t state : {3U, 4U, 8U, 10U, 11U, 17U, 18U, 63U}) CHECK(at(t, 0xd, state) == cpuid_result{});
  CHECK(at(t, 0xd, 9) == cpuid_result{64, 576 + 64 * 7, 0, 0});
}

}  // namespace

TEST_CASE("what nobody virtualises is hidden, whatever the host has") {
  hides_what_is_not_virtual<amd>();
  hides_what_is_not_virtual<intel>();
  guest_cpuid const t = table<amd>();
  // SVM ExtApic OSVW IBS SKINIT WDT LWP TCE PerfCtr MONITORX
  CHECK((at(t, ext + 1).ecx & (1U << 2 | 1U << 3 | 1U << 9 | 1U << 10 | 1U << 12 | 1U << 13 | 1U << 15 | 1U << 17 |
                               1U << 19 | 0x1fU << 23 | 1U << 28 | 1U << 29)) == 0);
  CHECK(at(t, ext + 7) == cpuid_result{0, 0, 0, 1U << 8});
  // RDPRU, INVLPGB, speculation control
  CHECK(at(t, ext + 8).ebx == 0x205);
  for (std::uint32_t n : {0xaU, 0x1bU, 0x1cU, 0x1fU, 0x20U}) CHECK(at(t, ext + n) == cpuid_result{});
  CHECK(at(t, ext + 0x21) == cpuid_result{0x45, 0, 0, 0});
  CHECK(at(table<intel>(), ext + 1).ecx == (at(t, ext + 1).ecx & ~(1U << 22)));
}

TEST_CASE("what needs nobody's help passes") {
  guest_cpuid const t = table<amd>();
  CHECK(at(t, 1).ecx == 0xf7fa'3203);
  CHECK(at(t, 1).edx == 0x0f8b'fbff);
  CHECK(at(t, 7).ebx == 0xfdbf'27e9);
  CHECK(at(t, 7).ecx == 0x1a41'5f4e);
  CHECK(at(t, ext + 1).edx == 0xefd3'fbff);
}

TEST_CASE("nothing appears that the host does not have, but what is the virtual machine's own") {
  guest_cpuid const t = table<nothing>();
  CHECK(at(t, 0) == cpuid_result{1, 0x756e'6547, 0x6c65'746e, 0x4965'6e69});
  // Hypervisor, x2APIC, TSC-deadline.
  CHECK(at(t, 1) == cpuid_result{0x663, 0x1'0000, 1U << 31 | 1U << 21 | 1U << 24, 0});
  CHECK(at(table<nothing>({.x2apic = false, .tsc_deadline = false}), 1).ecx == 1U << 31);
  CHECK(t.last(ext) == 0);
}

TEST_CASE("the owner decides about virtual devices, whatever the host has") {
  auto const one = [](guest_cpuid_policy const& p) { return at(table<intel>(p), 1); };
  CHECK((one({}).ecx >> 21 & 1) == 1);
  CHECK((one({.x2apic = false}).ecx >> 24 & 1) == 1);
  CHECK((one({.x2apic = false}).ecx >> 21 & 1) == 0);
  CHECK((one({.tsc_deadline = false}).ecx >> 24 & 1) == 0);
  CHECK((one({.mtrr = false}).edx >> 12 & 1) == 0);
  CHECK((one({}).edx >> 12 & 1) == 1);
  CHECK(at(table<intel>({.arat = false}), 6).eax == 0);
  CHECK((at(table<intel>({.tsc_adjust = true}), 7).ebx >> 1 & 1) == 1);
  CHECK(at(table<intel>({.invariant_tsc = false}), ext + 7) == cpuid_result{});
  CHECK((at(table<intel>({.la57 = false}), 7).ecx >> 16 & 1) == 0);
  CHECK(at(table<intel>({.la57 = false}), ext + 8).eax == 0x3034);
  CHECK(at(table<intel>(), ext + 8).eax == 0x3934);
  CHECK(at(table<intel>({.physical_bits = 40}), ext + 8).eax == 0x3928);
  CHECK(at(table<intel>({.physical_bits = 63}), ext + 8).eax == 0x3934);
  auto const speculation = table<amd>({.speculation_control = true});
  CHECK(at(speculation, 7).edx >> 26 == 0b10'0011);  // SPEC_CTRL, STIBP, SSBD
  CHECK(at(speculation, ext + 8).ebx == (0x205 | 1U << 12 | 1U << 14 | 1U << 15 | 1U << 24));
}

TEST_CASE("states and the instructions that need them") {
  auto const without = [](std::uint64_t xcr0) { return table<amd>({.xcr0 = xcr0}); };
  guest_cpuid const none = without(0);
  CHECK((at(none, 1).ecx & (1U << 26 | 1U << 28 | 1U << 12 | 1U << 29)) == 0);  // XSAVE AVX FMA F16C
  CHECK(at(none, 0xd) == cpuid_result{});
  CHECK((at(none, 7).ebx & (1U << 5 | 1U << 16)) == 0);
  CHECK((at(none, 7).ecx & (1U << 3)) == 0);
  CHECK((at(none, ext + 1).ecx & (1U << 11 | 1U << 16)) == 0);
  guest_cpuid const avx = without(7);
  CHECK((at(avx, 1).ecx & (1U << 26 | 1U << 28)) == (1U << 26 | 1U << 28));
  CHECK((at(avx, 7).ebx & (1U << 5 | 0xdc23'0000U)) == 1U << 5);
  CHECK(at(avx, 0xd, 0) == cpuid_result{7, 640, 640, 0});
  CHECK((at(avx, 7).ecx & (1U << 3)) == 0);
  // Half of AVX-512, or AVX-512 without AVX, is none.
  CHECK(at(without(0x27), 0xd).eax == 7);
  CHECK(at(without(0xe3), 0xd).eax == 3);
  CHECK(at(without(0x203), 0xd).eax == 0x203);
  CHECK((at(without(0x203), 7).ecx >> 3 & 1) == 1);
  CHECK(at(without(~std::uint64_t{0}), 0xd).eax == 0x2e7);
}

TEST_CASE("who a vCPU is") {
  guest_cpuid const a = table<amd>({.vcpus = 6});
  guest_cpuid const i = table<intel>({.vcpus = 6});
  for (std::uint32_t id = 0; id < 6; ++id) {
    CHECK(at(a, 1, 0, id).ebx >> 16 == (id << 8 | 6));
    CHECK(at(i, 1, 0, id).ebx >> 16 == (id << 8 | 8));
    for (auto const& t : {a, i}) {
      for (std::uint32_t leaf : {0xbU, 0x1fU}) {
        CHECK(at(t, leaf, 0, id) == cpuid_result{0, 1, 0x100, id});
        CHECK(at(t, leaf, 1, id) == cpuid_result{3, 6, 0x201, id});
        CHECK(at(t, leaf, 2, id) == cpuid_result{0, 0, 2, id});
        CHECK(at(t, leaf, 0x1ff, id) == cpuid_result{0, 0, 0xff, id});
      }
    }
    CHECK(at(a, ext + 0x1e, 0, id) == cpuid_result{id, id, 0, 0});
  }
  CHECK(at(a, ext + 8).ecx == 0x3005);
  CHECK(at(i, ext + 8).ecx == 0);
  CHECK((at(a, 1).edx >> 28 & 1) == 1);
  CHECK((at(table<amd>(), 1).edx >> 28 & 1) == 0);
  CHECK((at(a, ext + 1).ecx & 2) == 2);
  CHECK((at(i, ext + 1).ecx & 2) == 0);
  // IDs that leaf 1 has no room for.
  CHECK(at(table<intel>({.vcpus = 1000}), 1, 0, 0x312).ebx >> 16 == 0x12ff);
  CHECK(at(table<intel>({.vcpus = 1000}), 0xb, 1, 0x312) == cpuid_result{10, 1000, 0x201, 0x312});
}

TEST_CASE("caches: those of a core are its own, the last level is the package's") {
  guest_cpuid const i = table<intel>({.vcpus = 6});
  CHECK(at(i, 4, 0).eax == (0x121U | 7U << 26));
  CHECK(at(i, 4, 2).eax == (0x143U | 7U << 26));
  CHECK(at(i, 4, 3).eax == (0x163U | 7U << 26 | 7U << 14));
  CHECK(at(i, 4, 0).ebx == 0x01c0'003f);
  CHECK(at(i, 4, 4) == cpuid_result{});
  CHECK(at(i, 4, 9) == cpuid_result{});
  guest_cpuid const a = table<amd>({.vcpus = 6});
  CHECK(at(a, 4) == cpuid_result{});
  CHECK(at(a, ext + 0x1d, 0).eax == 0x121);
  CHECK(at(a, ext + 0x1d, 3).eax == (0x163U | 5U << 14));
}

TEST_CASE("the hypervisor's leaves") {
  guest_cpuid const t = table<intel>({.tsc_khz = 2'400'000, .apic_khz = 1'000'000});
  cpuid_result const r = at(t, 0x4000'0000);
  CHECK(r.eax == 0x4000'0010);
  char name[13]{};
  for (unsigned n = 0; n < 12; ++n) {
    name[n] = static_cast<char>((n < 4 ? r.ebx : n < 8 ? r.ecx : r.edx) >> (8 * (n % 4)) & 0xff);
  }
  CHECK(std::string_view{name} == "axhalaxhalax");
  CHECK(at(t, 0x4000'0010) == cpuid_result{2'400'000, 1'000'000, 0, 0});
  CHECK(at(t, 0x4000'0001) == cpuid_result{});
  // TSC = crystal * EBX / EAX.
  CHECK(at(t, 0x15) == cpuid_result{1'000'000, 2'400'000, 1'000'000'000, 0});
  CHECK(at(t, 0x16) == cpuid_result{2400, 2400, 1000, 0});
  CHECK(at(table<intel>(), 0x15) == cpuid_result{});
  CHECK(at(table<intel>(), 0x16) == cpuid_result{});
  CHECK(at(table<amd>({.tsc_khz = 2'400'000, .apic_khz = 1'000'000}), 0x15) == cpuid_result{});
  // A rate that has no room in ECX is not told.
  CHECK(at(table<intel>({.tsc_khz = 1, .apic_khz = 4'294'968}), 0x15) == cpuid_result{});
  CHECK(at(table<intel>({.tsc_khz = 1, .apic_khz = 4'294'967}), 0x15).ecx == 4'294'967'000);
}

TEST_CASE("limits") {
  CHECK(table<intel>().last(0) == 0x1f);
  CHECK(at(table<intel>(), 0).eax == 0x1f);
  CHECK(table<amd>().last(ext) == ext + 0x21);
  CHECK(at(table<amd>(), ext).eax == ext + 0x21);
  CHECK(at(table<intel>(), ext).eax == ext + 8);
  CHECK(at(table<haswell_like>(), 0).eax == 0xd);
  // Rates are told in leaves that the host does not have.
  CHECK(at(table<haswell_like>({.tsc_khz = 3'400'000}), 0).eax == 0x16);
  CHECK(at(table<haswell_like>({.tsc_khz = 3'400'000}), 0x14) == cpuid_result{});
  CHECK(at(table<haswell_like>({.tsc_khz = 3'400'000}), 0xe) == cpuid_result{});
}

TEST_CASE("beyond the limits: Intel's processors give the last basic leaf, AMD's zeros") {
  guest_cpuid const a = table<amd>({.vcpus = 2});
  guest_cpuid const i = table<intel>({.vcpus = 2});
  for (std::uint32_t leaf : {0x20U, 0x1234U, 0x3fff'ffffU, 0x4000'0011U, 0x4000'0100U, 0x7fff'ffffU, ext + 0x22,
                             0x8fff'ffffU, 0xc000'0000U, 0xffff'ffffU}) {
    CAPTURE(leaf);
    CHECK(at(a, leaf, 1, 1) == cpuid_result{});
    CHECK(at(i, leaf, 1, 1) == cpuid_result{1, 2, 0x201, 1});  // leaf 1FH
  }
  guest_cpuid const h = table<haswell_like>({.xcr0 = 7});
  CHECK(at(h, 0x16, 2) == at(h, 0xd, 2));
  CHECK(at(h, 0x16, 2).eax == 64);
}

TEST_CASE("every leaf has an answer, in a table that nobody filled too") {
  guest_cpuid const empty{};
  for (std::uint32_t top = 0; top < 4; ++top) {
    for (std::uint32_t n = 0; n < 300; ++n) {
      CHECK(empty.answer(top << 30 | n, n, n) == cpuid_result{});
    }
  }
}

TEST_CASE("a table takes no more than it has room for") {
  guest_cpuid t;
  t.limit(cpu_vendor::amd, 0xffff'ffff, 0, 0xffff'ffff);
  CHECK(t.last(0) == 0x1f);
  CHECK(t.last(0x4000'0000) == 0);
  CHECK(t.last(ext) == ext + 0x21);
  CHECK_FALSE(t.split(0x20, 1));
  CHECK_FALSE(t.split(1, 0));
  CHECK_FALSE(t.split(1, 256));
  CHECK(t.split(1, 100));
  CHECK_FALSE(t.split(2, 100));
  t.set(1, 100, {1, 2, 3, 4});
  CHECK(t.answer(1, 100, 0) == cpuid_result{});
  t.set(1, 99, {1, 2, 3, 4});
  CHECK(t.answer(1, 99, 0) == cpuid_result{1, 2, 3, 4});
  for (int n = 0; n < 1000; ++n) t.set(3, {5, 6, 7, 8});
  CHECK(t.answer(3, 77, 0) == cpuid_result{5, 6, 7, 8});
  t.set(0x50, {1, 1, 1, 1});
  t.set(0x50, 0, {1, 1, 1, 1});
  CHECK(t.answer(0x50, 0, 0) == cpuid_result{});
  CHECK(t.answer(4, 0, 0) == cpuid_result{});
}
