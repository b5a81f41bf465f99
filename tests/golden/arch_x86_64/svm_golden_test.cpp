// SPDX-License-Identifier: BSL-1.0
// Numbers by hand from AMD64 APM vol. 2: appendix "VMCB Layout", "SVM Intercept Exit Codes", "MSR Intercepts".
#include <axhal/arch/x86_64/svm_controls.hpp>
#include <axhal/arch/x86_64/svm_exit_code.hpp>
#include <axhal/arch/x86_64/svm_vcpu.hpp>

#include <catch2/catch_test_macros.hpp>

#include <cstdint>
#include <cstring>
#include <memory>

using namespace axhal;
using namespace axhal::x86_64;

namespace {

template <typename T>
T at(vmcb const& v, std::size_t offset) {
  T value;
  std::memcpy(&value, reinterpret_cast<std::uint8_t const*>(&v) + offset, sizeof value);
  return value;
}

constexpr svm_features qemu{.revision = 1, .asids = 16, .edx = 0x1001'0001, .physical_address_bits = 40};
constexpr svm_features zen{
    .revision = 1, .asids = 32768, .edx = 0x119b'bcff, .physical_address_bits = 48, .has_rdtscp = true};

}  // namespace

TEST_CASE("what stops a guest, as words of a VMCB") {
  auto const v = std::make_unique<vmcb>();
  set_intercepts(v->control, qemu);
  CHECK(at<std::uint32_t>(*v, 0x00) == 0x0110'0100);  // CR8 read; CR4, CR8 write
  CHECK(at<std::uint32_t>(*v, 0x04) == 0);
  CHECK(at<std::uint32_t>(*v, 0x08) == 0x0006'0002);  // #DB, #AC, #MC
  CHECK(at<std::uint32_t>(*v, 0x0c) == 0x9d44'802b);
  CHECK(at<std::uint32_t>(*v, 0x10) == 0x0000'7e7f);
  CHECK(at<std::uint32_t>(*v, 0x14) == 0x0000'0008);
  CHECK(at<std::uint32_t>(*v, 0x3c) == 0);

  set_intercepts(v->control, zen);
  CHECK(at<std::uint32_t>(*v, 0x0c) == 0x9dc4'802b);  // PAUSE, which is filtered
  CHECK(at<std::uint16_t>(*v, 0x3c) == 128);
  CHECK(at<std::uint16_t>(*v, 0x3e) == 3000);
}

TEST_CASE("a plain start in the bytes of a VMCB") {
  auto const v = std::make_unique<svm_vcpu_state>();
  v->here = qemu;
  v->reset({0x10'0000}, 0x9000);
  v->set_translation({0x20'0000}, {3});
  vmcb const& b = v->block;
  CHECK(v->gpr[3] == 0x9000);
  CHECK(at<std::uint64_t>(b, 0x400 + 0x178) == 0x10'0000);  // RIP
  CHECK(at<std::uint64_t>(b, 0x400 + 0x170) == 2);          // RFLAGS
  CHECK(at<std::uint64_t>(b, 0x400 + 0x158) == 0x11);       // CR0: PE, ET
  CHECK(at<std::uint64_t>(b, 0x400 + 0x148) == 0);          // CR4
  CHECK(at<std::uint64_t>(b, 0x400 + 0x150) == 0);          // CR3
  CHECK(at<std::uint64_t>(b, 0x400 + 0x0d0) == 0x1000);     // EFER: SVME
  CHECK(at<std::uint64_t>(b, 0x400 + 0x168) == 0xffff'0ff0);
  CHECK(at<std::uint64_t>(b, 0x400 + 0x160) == 0x400);
  CHECK(at<std::uint64_t>(b, 0x400 + 0x268) == 0x0007'0406'0007'0406);
  CHECK(at<std::uint16_t>(b, 0x400 + 0x012) == 0xc9b);  // CS
  CHECK(at<std::uint32_t>(b, 0x400 + 0x014) == 0xffff'ffff);
  CHECK(at<std::uint64_t>(b, 0x400 + 0x018) == 0);
  for (unsigned const segment : {0x000U, 0x020U, 0x030U, 0x040U, 0x050U}) {
    CHECK(at<std::uint16_t>(b, 0x400 + segment + 2) == 0xc93);
  }
  CHECK(at<std::uint16_t>(b, 0x400 + 0x092) == 0x8b);  // TR
  CHECK(at<std::uint8_t>(b, 0x400 + 0x0cb) == 0);      // CPL
  CHECK(at<std::uint32_t>(b, 0x060) == 0x011f'0000);   // V_INTR_MASKING, V_IGN_TPR, V_INTR_PRIO 15
  CHECK(at<std::uint32_t>(b, 0x058) == 3);
  CHECK(at<std::uint64_t>(b, 0x090) == 1);
  CHECK(at<std::uint64_t>(b, 0x0b0) == 0x20'0000);
  CHECK(at<std::uint32_t>(b, 0x0c0) == 0);
}

TEST_CASE("other starts: RAX and RSP are the VMCB's; CD and NW are kept from it") {
  auto const v = std::make_unique<svm_vcpu_state>();
  guest_entry e = long_mode_entry(0x20'0000, 0x9000, {0x1000}, {0x2000});
  e.gpr[guest_entry::rax] = 7;
  e.cr0 |= 0x6000'0000;
  v->set_start(e);
  vmcb const& b = v->block;
  CHECK(at<std::uint64_t>(b, 0x400 + 0x1d8) == 0x9000);
  CHECK(at<std::uint64_t>(b, 0x400 + 0x1f8) == 7);
  CHECK(at<std::uint64_t>(b, 0x400 + 0x158) == 0x8000'0011);
  CHECK(v->hidden_cr0 == 0x6000'0000);
  CHECK(at<std::uint32_t>(b, 0x000) == 0x0111'0101);  // CR0 read and written are seen then
  CHECK(at<std::uint64_t>(b, 0x400 + 0x0d0) == 0x1500);
  CHECK(at<std::uint64_t>(b, 0x400 + 0x150) == 0x2000);
  CHECK(at<std::uint16_t>(b, 0x400 + 0x012) == 0xa9b);
  CHECK(at<std::uint64_t>(b, 0x400 + 0x068) == 0x1000);  // GDTR
  CHECK(at<std::uint32_t>(b, 0x400 + 0x064) == 47);

  v->set_start(startup_entry(0x9a));
  CHECK(at<std::uint16_t>(b, 0x400 + 0x010) == 0x9a00);
  CHECK(at<std::uint64_t>(b, 0x400 + 0x018) == 0x9'a000);
  CHECK(at<std::uint64_t>(b, 0x400 + 0x178) == 0);
  CHECK(at<std::uint64_t>(b, 0x400 + 0x158) == 0x10);
  CHECK(at<std::uint32_t>(b, 0x000) == 0x0110'0100);
  CHECK(v->hidden_cr0 == 0);
}

TEST_CASE("exit codes and their names") {
  CHECK(static_cast<unsigned>(svm_exit::cpuid) == 0x72);
  CHECK(static_cast<unsigned>(svm_exit::ioio) == 0x7b);
  CHECK(static_cast<unsigned>(svm_exit::msr) == 0x7c);
  CHECK(static_cast<unsigned>(svm_exit::shutdown) == 0x7f);
  CHECK(static_cast<unsigned>(svm_exit::vmmcall) == 0x81);
  CHECK(static_cast<unsigned>(svm_exit::xsetbv) == 0x8d);
  CHECK(static_cast<unsigned>(svm_exit::npf) == 0x400);
  CHECK(exit_code(~std::uint64_t{0}) == svm_exit::invalid);
  CHECK(exit_code(0xffff'ffff) == svm_exit::invalid);
  CHECK(exit_code(0x78) == svm_exit::hlt);
  CHECK(name_of(svm_exit::npf) == text{"NPF"});
  CHECK(name_of(svm_exit::cr0_sel_write) == text{"CR0_SEL_WRITE"});
  CHECK(name_of(static_cast<svm_exit>(0x18)) == text{"CR_WRITE"});
  CHECK(name_of(static_cast<svm_exit>(0x2f)) == text{"DR_READ"});
  CHECK(name_of(static_cast<svm_exit>(0x30)) == text{"DR_WRITE"});
  CHECK(name_of(static_cast<svm_exit>(0x52)) == text{"EXCP"});
  CHECK(name_of(static_cast<svm_exit>(0x1234)) == text{"?"});
}

TEST_CASE("the MSR permission map, byte by byte") {
  auto const map = std::make_unique<msr_permission_map>();
  permit_guest_msrs(*map, zen);
  unsigned open = 0;
  for (unsigned n = 0; n < sizeof map->bits; ++n) {
    CAPTURE(n);
    switch (n) {
      case 0x004: CHECK(map->bits[n] == 0xfe); break;  // 10: reads
      case 0x05d: CHECK(map->bits[n] == 0xc0); break;  // 174 to 176
      case 0x820: CHECK(map->bits[n] == 0x03); break;  // C0000081 to 83; not EFER
      case 0x821: CHECK(map->bits[n] == 0xfc); break;  // C0000084
      case 0x840: CHECK(map->bits[n] == 0x00); break;  // C0000100 to 103
      default: open += map->bits[n] != 0xff ? 1 : 0; break;
    }
  }
  CHECK(open == 0);
  permit_guest_msrs(*map, qemu);
  CHECK(map->bits[0x840] == 0xc0);  // no TSC_AUX without RDTSCP
}

TEST_CASE("numbers in the MSR permission map") {
  auto const map = std::make_unique<msr_permission_map>();
  map->deny_all();
  for (std::uint32_t const n : {0U, 0x1fffU, 0xc000'0000U, 0xc000'1fffU, 0xc001'0000U, 0xc001'1fffU}) {
    CAPTURE(n);
    CHECK(map->stops_read(n));
    map->let_read(n);
    CHECK_FALSE(map->stops_read(n));
    CHECK(map->stops_write(n));
    map->let_write(n);
    CHECK_FALSE(map->stops_write(n));
  }
  CHECK(map->bits[0] == 0xfc);
  CHECK(map->bits[0x7ff] == 0x3f);
  CHECK(map->bits[0x800] == 0xfc);
  CHECK(map->bits[0xfff] == 0x3f);
  CHECK(map->bits[0x1000] == 0xfc);
  CHECK(map->bits[0x17ff] == 0x3f);
  for (std::uint32_t const n : {0x2000U, 0xbfff'ffffU, 0xc000'2000U, 0xc000'ffffU, 0xc001'2000U, 0xffff'ffffU}) {
    CAPTURE(n);
    map->let_read(n);
    map->let_write(n);
    CHECK(map->stops_read(n));
    CHECK(map->stops_write(n));
  }
}

TEST_CASE("all ports stop, and those behind the last") {
  auto const map = std::make_unique<io_permission_map>();
  CHECK_FALSE(map->stops(0));
  map->deny_all();
  for (unsigned port = 0; port < 0x1'0000; port += 0xff) CHECK(map->stops(static_cast<std::uint16_t>(port)));
  CHECK(map->bits[0x2000] == 0xff);
}
