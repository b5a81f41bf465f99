// SPDX-License-Identifier: BSL-1.0
#include <axhal/arch/riscv64/translation_probe.hpp>

#include <catch2/catch_test_macros.hpp>

#include <cstdint>
#include <vector>

namespace {

using namespace axhal;
using riscv64::csr;
namespace mode = riscv64::translation_mode;

/// A hart with some of the modes and some of the bits, and complaints about what the manual forbids.
struct hart {
  static inline unsigned vmid_len;
  static inline unsigned asid_len;
  static inline std::vector<unsigned> g_modes;
  static inline std::uint64_t hgatp;
  static inline std::uint64_t satp;
  static inline std::uint64_t vsatp;
  static inline bool g_dirty;  ///< hgatp was changed, and nothing was forgotten since
  static inline bool s_dirty;
  static inline unsigned wrongs;

  static void reset(unsigned vmids, unsigned asids, std::vector<unsigned> modes) {
    vmid_len = vmids;
    asid_len = asids;
    g_modes = std::move(modes);
    hgatp = satp = 0;
    vsatp = 0x8000'0000'0008'0123;
    g_dirty = s_dirty = false;
    wrongs = 0;
  }
  static bool has_mode(unsigned m) {
    for (unsigned const g : g_modes) {
      if (g == m) return true;
    }
    return m == 0;
  }

  template <csr R>
  static std::uint64_t read() {
    return R == csr::hgatp ? hgatp : R == csr::satp ? satp : R == csr::vsatp ? vsatp : 0;
  }
  template <csr R>
  static void write(std::uint64_t v) {
    auto const m = static_cast<unsigned>(v >> 60);
    std::uint64_t const ppn = v & 0xfff'ffff'ffff;
    if (R == csr::vsatp) {
      if (g_dirty && v != 0) ++wrongs;  // the guest's own tables while another hgatp may be remembered
      vsatp = v;
    }
    if (R == csr::hgatp) {
      if (vsatp != 0) ++wrongs;
      if (m == 0 && v != 0) ++wrongs;        // Bare wants the other fields zero
      if (m != 0 && ppn % 4 != 0) ++wrongs;  // the root is aligned to 16 KiB
      std::uint64_t const id = (v >> 44) & ((std::uint64_t{1} << vmid_len) - 1);
      // WARL: an unsupported mode reads as another one; the other fields are written all the same.
      hgatp = std::uint64_t{has_mode(m) ? m : 0} << 60 | id << 44 | ppn;
      g_dirty = true;
    }
    if (R == csr::satp) {
      if (m == 0 && v != 0) ++wrongs;
      satp = std::uint64_t{m} << 60 | ((v >> 44) & ((std::uint64_t{1} << asid_len) - 1)) << 44 | ppn;
      s_dirty = true;
    }
  }
  template <csr R>
  static void set(std::uint64_t) {
    ++wrongs;
  }
  template <csr R>
  static void clear(std::uint64_t) {
    ++wrongs;
  }
  static void sfence_vma() { s_dirty = false; }
  static void sfence_vma(std::uint64_t) {}
  static void sfence_vma_asid(std::uint64_t) {}
  static void sfence_vma(std::uint64_t, std::uint64_t) {}
  static void hfence_gvma() { g_dirty = false; }
  static void hfence_gvma(std::uint64_t) {}
  static void hfence_gvma_vmid(std::uint64_t) {}
  static void hfence_gvma(std::uint64_t, std::uint64_t) {}
  static void hfence_vvma() {}
  static void hfence_vvma(std::uint64_t) {}
  static void hfence_vvma_asid(std::uint64_t) {}
  static void hfence_vvma(std::uint64_t, std::uint64_t) {}

  /// Nothing is left of a probe.
  static bool is_as_before(std::uint64_t hgatp_before, std::uint64_t satp_before) {
    return hgatp == hgatp_before && satp == satp_before && vsatp == 0x8000'0000'0008'0123 && !g_dirty && !s_dirty &&
           wrongs == 0;
  }
};

constexpr host_phys root{0x8020'4000};

}  // namespace

TEST_CASE("VMIDLEN of harts with none, seven and fourteen bits") {
  for (unsigned const bits : {0U, 1U, 7U, 14U}) {
    for (auto const& modes : {std::vector{8U}, std::vector{8U, 9U, 10U}, std::vector{9U}}) {
      hart::reset(bits, 0, modes);
      CHECK(riscv64::vmid_bits<hart>(root) == bits);
      CHECK(hart::is_as_before(0, 0));
    }
  }
}

TEST_CASE("a guest's hgatp is put back") {
  hart::reset(7, 16, {8, 9});
  constexpr std::uint64_t guest = 0x8003'5000'0009'0000;
  hart::hgatp = guest;
  CHECK(riscv64::vmid_bits<hart>(root) == 7);
  CHECK(hart::is_as_before(guest, 0));
}

TEST_CASE("which modes there are") {
  hart::reset(14, 0, {8, 9, 10});
  CHECK(riscv64::widest_stage2_mode<hart>(root) == mode::sv57);
  hart::reset(14, 0, {8, 9});
  CHECK(riscv64::widest_stage2_mode<hart>(root) == mode::sv48);
  CHECK(riscv64::supports_stage2_mode<hart>(mode::sv39, root));
  CHECK(riscv64::supports_stage2_mode<hart>(mode::sv48, root));
  CHECK_FALSE(riscv64::supports_stage2_mode<hart>(mode::sv57, root));
  CHECK(riscv64::supports_stage2_mode<hart>(mode::bare, root));
  CHECK(hart::is_as_before(0, 0));
  hart::reset(14, 0, {9});  // no hart has to have the narrow one
  CHECK_FALSE(riscv64::supports_stage2_mode<hart>(mode::sv39, root));
  CHECK(riscv64::widest_stage2_mode<hart>(root) == mode::sv48);
  hart::reset(14, 0, {});
  CHECK(riscv64::widest_stage2_mode<hart>(root) == mode::bare);
  CHECK(riscv64::vmid_bits<hart>(root) == 0);
  CHECK(hart::is_as_before(0, 0));
}

TEST_CASE("one look answers all questions") {
  hart::reset(9, 0, {8, 10});
  {
    riscv64::stage2_probe<hart> const probe{root};
    CHECK(probe.widest() == mode::sv57);
    CHECK_FALSE(probe.supports(mode::sv48));
    CHECK(probe.vmid_bits() == 9);
    CHECK(hart::vsatp == 0);
  }
  CHECK(hart::is_as_before(0, 0));
}

TEST_CASE("ASIDLEN, with the tables that are in use") {
  constexpr std::uint64_t ours = 0x8000'0000'0008'0500;
  for (unsigned const bits : {0U, 9U, 16U}) {
    hart::reset(0, bits, {});
    hart::satp = ours;
    CHECK(riscv64::asid_bits<hart>() == bits);
    CHECK(hart::is_as_before(0, ours));
  }
  hart::reset(0, 16, {});
  CHECK(riscv64::asid_bits<hart>() == 0);  // Bare: nothing is written
  CHECK(hart::is_as_before(0, 0));
}
