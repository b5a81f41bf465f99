// SPDX-License-Identifier: BSL-1.0
// Instructions that stop a guest, with bytes put together by hand from the instructions' pages in the Intel SDM, volume
// 2, and the AMD APM, volume 3 (VMRUN and its like).
#include <axhal/arch/x86_64/intercepted_instruction.hpp>

#include <catch2/catch_test_macros.hpp>

#include <cstddef>
#include <cstdint>

using namespace axhal::x86_64;

namespace {

using enum code_size;
constexpr std::uint8_t none = memory_operand::no_register;

template <std::size_t N>
constexpr intercepted_instruction of(code_size mode, std::uint8_t const (&code)[N]) {
  auto const i = decode_intercepted({code, N}, mode);
  if (i.value().length != N) __builtin_trap();
  return *i;
}
template <std::size_t N>
constexpr intercepted named(std::uint8_t const (&code)[N]) {
  return of(bits_64, code).what;
}
template <std::size_t N>
constexpr bool refused(undecoded why, code_size mode, std::uint8_t const (&code)[N]) {
  auto const i = decode_intercepted({code, N}, mode);
  return !i && i.error() == why;
}

static_assert(named({0x0f, 0xa2}) == intercepted::cpuid);
static_assert(named({0xf4}) == intercepted::hlt);
static_assert(named({0xf3, 0x90}) == intercepted::pause);
static_assert(named({0x0f, 0x32}) == intercepted::rdmsr);
static_assert(named({0x0f, 0x30}) == intercepted::wrmsr);
static_assert(named({0x0f, 0x31}) == intercepted::rdtsc);
static_assert(named({0x0f, 0x01, 0xf9}) == intercepted::rdtscp);
static_assert(named({0x0f, 0x33}) == intercepted::rdpmc);
static_assert(named({0x0f, 0x08}) == intercepted::invd);
static_assert(named({0x0f, 0x09}) == intercepted::wbinvd);
static_assert(named({0xf3, 0x0f, 0x09}) == intercepted::wbinvd);
static_assert(named({0x0f, 0x01, 0xd1}) == intercepted::xsetbv);
static_assert(named({0x0f, 0x01, 0xc8}) == intercepted::monitor);
static_assert(named({0x0f, 0x01, 0xc9}) == intercepted::mwait);
static_assert(named({0x0f, 0x06}) == intercepted::clts);
static_assert(named({0x0f, 0xaa}) == intercepted::rsm);
static_assert(named({0x0f, 0x01, 0xc1}) == intercepted::vmcall);
static_assert(named({0x0f, 0x01, 0xd9}) == intercepted::vmmcall);
static_assert(named({0x0f, 0x01, 0xd8}) == intercepted::vmrun);
static_assert(named({0x0f, 0x01, 0xda}) == intercepted::vmload);
static_assert(named({0x0f, 0x01, 0xdb}) == intercepted::vmsave);
static_assert(named({0x0f, 0x01, 0xdc}) == intercepted::stgi);
static_assert(named({0x0f, 0x01, 0xdd}) == intercepted::clgi);
static_assert(named({0x0f, 0x01, 0xde}) == intercepted::skinit);
static_assert(named({0x0f, 0x01, 0xdf}) == intercepted::invlpga);
static_assert(named({0xcc}) == intercepted::int3);
static_assert(named({0xcf}) == intercepted::iret);
static_assert(named({0xf1}) == intercepted::icebp);
static_assert(of(bits_64, {0xcd, 0x80}) ==
              intercepted_instruction{.what = intercepted::int_n, .length = 2, .number = 0x80});

// mov cr3,rdi; mov r8,cr4; mov cr8,r15; mov dr7,rax; mov eax,dr6
static_assert(of(bits_64, {0x0f, 0x22, 0xdf}) ==
              intercepted_instruction{.what = intercepted::mov_to_cr, .length = 3, .number = 3, .reg = {7, 8, false}});
static_assert(of(bits_64, {0x41, 0x0f, 0x20, 0xe0}) ==
              intercepted_instruction{
                  .what = intercepted::mov_from_cr, .length = 4, .number = 4, .reg = {8, 8, false}});
static_assert(of(bits_64, {0x45, 0x0f, 0x22, 0xc7}).number == 8 &&
              of(bits_64, {0x45, 0x0f, 0x22, 0xc7}).reg.number == 15);
static_assert(of(bits_64, {0x0f, 0x23, 0xf8}).what == intercepted::mov_to_dr);
static_assert(of(bits_32, {0x0f, 0x21, 0xf0}) ==
              intercepted_instruction{
                  .what = intercepted::mov_from_dr, .length = 3, .number = 6, .reg = {0, 4, false}});
static_assert(of(bits_64, {0x0f, 0x22, 0x18}).number == 3);                     // mod does not matter
static_assert(refused(undecoded::invalid, bits_64, {0x0f, 0x22, 0xc8}));        // cr1
static_assert(refused(undecoded::invalid, bits_64, {0x44, 0x0f, 0x23, 0xc0}));  // dr8

static_assert(of(bits_64, {0x0f, 0x01, 0x3b}) == intercepted_instruction{.what = intercepted::invlpg,
                                                                         .length = 3,
                                                                         .has_memory = true,
                                                                         .memory = {segment::ds, 3, none, 1, 8, 0}});
static_assert(of(bits_64, {0x0f, 0x01, 0xf0}).reg == register_operand{0, 2, false});  // lmsw ax
static_assert(of(bits_64, {0x0f, 0x01, 0xe3}).reg == register_operand{3, 4, false});  // smsw ebx
static_assert(of(bits_64, {0x0f, 0x01, 0x23}).size == 2);                             // smsw [rbx]

static_assert(of(bits_64, {0xe4, 0x60}) ==
              intercepted_instruction{
                  .what = intercepted::in, .length = 2, .size = 1, .number = 0x60, .has_number = true});
static_assert(of(bits_64, {0x66, 0xef}) ==
              intercepted_instruction{.what = intercepted::out, .length = 2, .size = 2});  // out dx,ax
static_assert(of(bits_16, {0xed}).size == 2 && of(bits_32, {0xed}).size == 4 && of(bits_64, {0x48, 0xed}).size == 4);
static_assert(of(bits_64, {0xf3, 0x6d}) == intercepted_instruction{.what = intercepted::ins,
                                                                   .length = 2,
                                                                   .size = 4,
                                                                   .has_memory = true,
                                                                   .memory = {segment::es, 7, none, 1, 8, 0},
                                                                   .rep = repeat::while_equal});
static_assert(of(bits_16, {0x2e, 0x6e}).memory == memory_operand{segment::cs, 6, none, 1, 2, 0});

static_assert(refused(undecoded::invalid, bits_64, {0xf0, 0x0f, 0xa2}));
static_assert(refused(undecoded::unsupported, bits_64, {0x90}));
static_assert(refused(undecoded::unsupported, bits_64, {0x0f, 0x01, 0x13}));  // lgdt
static_assert(refused(undecoded::truncated, bits_64, {0x0f, 0x01}));
static_assert(refused(undecoded::truncated, bits_64, {0xe4}));

}  // namespace

TEST_CASE("instructions that stop a guest have the manuals' bytes") {
  CHECK(of(bits_64, {0x65, 0x67, 0xf2, 0x6f}) == intercepted_instruction{.what = intercepted::outs,
                                                                         .length = 4,
                                                                         .size = 4,
                                                                         .has_memory = true,
                                                                         .memory = {segment::gs, 6, none, 1, 4, 0},
                                                                         .rep = repeat::while_not_equal});
}
