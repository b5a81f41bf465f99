// SPDX-License-Identifier: BSL-1.0
// Bytes put together by hand from the Intel SDM, volume 2: "Instruction Format", appendix "Opcode Map" and its tables
// of groups, "Addressing-Mode Encoding of ModR/M and SIB Bytes", "REX Prefixes".
#include <axhal/arch/x86_64/mmio_decoder.hpp>

#include <catch2/catch_test_macros.hpp>

#include <cstddef>
#include <cstdint>

using namespace axhal::x86_64;

namespace {

using enum code_size;
using enum operation;
constexpr std::uint8_t none = memory_operand::no_register;
constexpr std::uint8_t rax = 0;
constexpr std::uint8_t rcx = 1;
constexpr std::uint8_t rbx = 3;
constexpr std::uint8_t rsp = 4;
constexpr std::uint8_t rbp = 5;
constexpr std::uint8_t rsi = 6;
constexpr std::uint8_t rdi = 7;

template <std::size_t N>
constexpr auto read(code_size mode, std::uint8_t const (&code)[N]) {
  return decode_instruction({code, N}, mode);
}
/// The instruction of bytes that must be one, all of them.
template <std::size_t N>
constexpr instruction of(code_size mode, std::uint8_t const (&code)[N]) {
  auto const i = read(mode, code);
  if (i.value().length != N) __builtin_trap();
  return *i;
}
template <std::size_t N>
constexpr bool refused(undecoded why, code_size mode, std::uint8_t const (&code)[N]) {
  auto const i = read(mode, code);
  return !i && i.error() == why;
}
template <std::size_t N>
constexpr memory_operand memory(code_size mode, std::uint8_t const (&code)[N]) {
  return of(mode, code).memory;
}

constexpr memory_operand at_rbx{segment::ds, rbx, none, 1, 8, 0};

// Appendix "Opcode Map": mov eax,[rbx] is 8B /r, and so on.
static_assert(of(bits_64, {0x8b, 0x03}) == instruction{.op = mov,
                                                       .length = 2,
                                                       .size = 4,
                                                       .memory = at_rbx,
                                                       .other = other_operand::reg,
                                                       .into_register = true,
                                                       .reg = {rax, 4, false}});
static_assert(of(bits_64, {0x88, 0x23}) == instruction{.op = mov,  // mov [rbx],ah
                                                       .length = 2,
                                                       .size = 1,
                                                       .memory = at_rbx,
                                                       .other = other_operand::reg,
                                                       .reg = {rax, 1, true}});
static_assert(of(bits_64, {0x40, 0x88, 0x23}).reg == register_operand{rsp, 1, false});       // mov [rbx],spl
static_assert(of(bits_64, {0x44, 0x88, 0x23}).reg == register_operand{12, 1, false});        // mov [rbx],r12b
static_assert(of(bits_64, {0x40, 0x66, 0x88, 0x23}).reg == register_operand{rax, 1, true});  // REX before 66: nothing
static_assert(of(bits_64, {0x48, 0x66, 0x89, 0x03}).size == 2);                              // likewise
static_assert(of(bits_64, {0x66, 0x48, 0x89, 0x03}).size == 8);                              // REX.W beats 66
static_assert(of(bits_64, {0x66, 0x89, 0x03}).size == 2);
static_assert(of(bits_32, {0x66, 0x89, 0x03}).size == 2);
static_assert(of(bits_16, {0x66, 0x89, 0x07}).size == 4);
static_assert(of(bits_16, {0x89, 0x07}).size == 2);
static_assert(of(bits_64, {0xc6, 0x03, 0x80}) == instruction{.op = mov,  // mov byte [rbx],0x80
                                                             .length = 3,
                                                             .size = 1,
                                                             .memory = at_rbx,
                                                             .other = other_operand::immediate,
                                                             .immediate = 0x80});
static_assert(of(bits_64, {0x48, 0xc7, 0x03, 0xfe, 0xff, 0xff, 0xff}).immediate == 0xffff'ffff'ffff'fffe);
static_assert(of(bits_64, {0xc7, 0x03, 0xfe, 0xff, 0xff, 0xff}).immediate == 0xffff'fffe);
static_assert(of(bits_64, {0x66, 0xc7, 0x03, 0x34, 0x12}).immediate == 0x1234);
static_assert(of(bits_64, {0x0f, 0xc3, 0x03}).op == mov);  // movnti [rbx],eax

// MOV with an absolute address: as many bytes as the address has.
static_assert(of(bits_64, {0xa1, 0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11}).memory ==
              memory_operand{segment::ds, none, none, 1, 8, 0x1122'3344'5566'7788});
static_assert(of(bits_64, {0x67, 0xa2, 0x44, 0x33, 0x22, 0x11}).memory ==
              memory_operand{segment::ds, none, none, 1, 4, 0x1122'3344});
static_assert(!of(bits_64, {0x67, 0xa2, 0x44, 0x33, 0x22, 0x11}).into_register);
static_assert(of(bits_16, {0x26, 0xa3, 0x34, 0x12}).memory == memory_operand{segment::es, none, none, 1, 2, 0x1234});

// Group 1 by its digits: ADD OR ADC SBB AND SUB XOR CMP.
static_assert(of(bits_64, {0x80, 0x03, 0x01}).op == add && of(bits_64, {0x80, 0x0b, 0x01}).op == bit_or);
static_assert(of(bits_64, {0x80, 0x13, 0x01}).op == adc && of(bits_64, {0x80, 0x1b, 0x01}).op == sbb);
static_assert(of(bits_64, {0x80, 0x23, 0x01}).op == bit_and && of(bits_64, {0x80, 0x2b, 0x01}).op == sub);
static_assert(of(bits_64, {0x80, 0x33, 0x01}).op == bit_xor && of(bits_64, {0x80, 0x3b, 0x01}).op == cmp);
static_assert(of(bits_64, {0x83, 0x0b, 0xff}).immediate == 0xffff'ffff);  // or dword [rbx],-1
static_assert(of(bits_64, {0x81, 0x0b, 0x78, 0x56, 0x34, 0x12}).immediate == 0x1234'5678);
static_assert(of(bits_32, {0x82, 0x03, 0x01}).op == add && refused(undecoded::invalid, bits_64, {0x82, 0x03, 0x01}));
// The same operations in rows of eight opcodes.
static_assert(of(bits_64, {0x01, 0x0b}).op == add && !of(bits_64, {0x01, 0x0b}).into_register);
static_assert(of(bits_64, {0x23, 0x0b}).op == bit_and && of(bits_64, {0x23, 0x0b}).into_register);
static_assert(of(bits_64, {0x39, 0x0b}).op == cmp && of(bits_64, {0x3a, 0x0b}).size == 1);
static_assert(of(bits_64, {0x85, 0x0b}).op == test && of(bits_64, {0x87, 0x0b}).op == xchg);
// Group 3, 4 and 5.
static_assert(of(bits_64, {0xf6, 0x03, 0x08}).op == test && of(bits_64, {0xf7, 0x13}).op == bit_not);
static_assert(of(bits_64, {0xf7, 0x1b}).op == neg && of(bits_64, {0xfe, 0x03}).op == inc);
static_assert(of(bits_64, {0xff, 0x0b}).op == dec && of(bits_64, {0x48, 0xff, 0x03}).size == 8);
static_assert(refused(undecoded::unsupported, bits_64, {0xf7, 0x23}));  // mul dword [rbx]
static_assert(refused(undecoded::unsupported, bits_64, {0xff, 0x13}));  // call [rbx]
static_assert(refused(undecoded::invalid, bits_64, {0xfe, 0x13}));
// Two bytes.
static_assert(of(bits_64, {0x0f, 0xa3, 0x0b}).op == bt && of(bits_64, {0x0f, 0xab, 0x0b}).op == bts);
static_assert(of(bits_64, {0x0f, 0xb3, 0x0b}).op == btr && of(bits_64, {0x0f, 0xbb, 0x0b}).op == btc);
static_assert(of(bits_64, {0x0f, 0xba, 0x23, 0x85}).op == bt && of(bits_64, {0x0f, 0xba, 0x2b, 0x05}).op == bts);
static_assert(of(bits_64, {0x0f, 0xba, 0x33, 0x05}).op == btr && of(bits_64, {0x0f, 0xba, 0x3b, 0x05}).op == btc);
static_assert(of(bits_64, {0x0f, 0xba, 0x23, 0x85}).immediate == 0x85);
static_assert(of(bits_64, {0x0f, 0xb1, 0x0b}).op == cmpxchg && of(bits_64, {0x0f, 0xc1, 0x0b}).op == xadd);
static_assert(of(bits_64, {0x0f, 0xb6, 0x03}).op == movzx && of(bits_64, {0x0f, 0xb6, 0x03}).size == 1);
static_assert(of(bits_64, {0x48, 0x0f, 0xb7, 0x03}).size == 2 && of(bits_64, {0x48, 0x0f, 0xb7, 0x03}).reg.size == 8);
static_assert(of(bits_64, {0x0f, 0xbe, 0x03}).op == movsx && of(bits_64, {0x66, 0x0f, 0xbe, 0x03}).reg.size == 2);
static_assert(of(bits_64, {0x48, 0x63, 0x03}).op == movsx && of(bits_64, {0x48, 0x63, 0x03}).size == 4);
static_assert(refused(undecoded::unsupported, bits_32, {0x63, 0x03}));  // arpl
static_assert(of(bits_64, {0x0f, 0x44, 0x03}).op == cmov && of(bits_64, {0x0f, 0x44, 0x03}).cc == condition::e);
static_assert(of(bits_64, {0x0f, 0x9f, 0x03}).op == setcc && of(bits_64, {0x0f, 0x9f, 0x03}).cc == condition::g);

// Strings.
static_assert(of(bits_64, {0xf3, 0xa5}) == instruction{.op = movs,
                                                       .length = 2,
                                                       .size = 4,
                                                       .memory = {segment::es, rdi, none, 1, 8, 0},
                                                       .second = {segment::ds, rsi, none, 1, 8, 0},
                                                       .rep = repeat::while_equal});
static_assert(of(bits_64, {0x65, 0x67, 0xa4}).second == memory_operand{segment::gs, rsi, none, 1, 4, 0});
static_assert(of(bits_64, {0x65, 0x67, 0xa4}).memory == memory_operand{segment::es, rdi, none, 1, 4, 0});
static_assert(of(bits_64, {0xf3, 0x48, 0xab}).op == stos && of(bits_64, {0xf3, 0x48, 0xab}).size == 8);
static_assert(of(bits_16, {0x2e, 0xac}).memory == memory_operand{segment::cs, rsi, none, 1, 2, 0});  // lods cs:[si]
static_assert(of(bits_64, {0xf2, 0xae}).op == scas && of(bits_64, {0xf2, 0xae}).rep == repeat::while_not_equal);
static_assert(of(bits_64, {0xa7}).op == cmps);

// Table "32-Bit Addressing Forms with the ModR/M Byte", and SIB.
static_assert(memory(bits_32, {0x8b, 0x45, 0xfc}) ==
              memory_operand{segment::ss, rbp, none, 1, 4, 0xffff'ffff'ffff'fffc});  // [ebp-4]
static_assert(memory(bits_32, {0x8b, 0x05, 0x78, 0x56, 0x34, 0x12}) ==
              memory_operand{segment::ds, none, none, 1, 4, 0x1234'5678});
static_assert(memory(bits_64, {0x8b, 0x05, 0xf0, 0xff, 0xff, 0xff}) ==
              memory_operand{segment::ds, memory_operand::rip, none, 1, 8, 0xffff'ffff'ffff'fff0});
static_assert(memory(bits_64, {0x67, 0x8b, 0x05, 0xf0, 0xff, 0xff, 0xff}).address_size == 4);
static_assert(memory(bits_64, {0x8b, 0x04, 0x24}) == memory_operand{segment::ss, rsp, none, 1, 8, 0});
static_assert(memory(bits_64, {0x8b, 0x44, 0x8b, 0x10}) == memory_operand{segment::ds, rbx, rcx, 4, 8, 0x10});
static_assert(memory(bits_64, {0x8b, 0x04, 0xcd, 0x00, 0x00, 0x00, 0x80}) ==
              memory_operand{segment::ds, none, rcx, 8, 8, 0xffff'ffff'8000'0000});
static_assert(memory(bits_64, {0x43, 0x8b, 0x04, 0x24}) == memory_operand{segment::ds, 12, 12, 1, 8, 0});
static_assert(memory(bits_64, {0x41, 0x8b, 0x45, 0x00}) == memory_operand{segment::ds, 13, none, 1, 8, 0});
static_assert(memory(bits_64, {0x41, 0x8b, 0x04, 0x25, 0x00, 0x10, 0x00, 0x00}) ==
              memory_operand{segment::ds, none, none, 1, 8, 0x1000});
static_assert(memory(bits_64, {0x64, 0x8b, 0x03}).seg == segment::fs);
static_assert(memory(bits_64, {0x64, 0x3e, 0x8b, 0x03}).seg == segment::fs);  // DS says nothing in 64-bit mode
static_assert(memory(bits_64, {0x2e, 0x8b, 0x03}).seg == segment::ds);
static_assert(memory(bits_32, {0x64, 0x3e, 0x8b, 0x03}).seg == segment::ds);
// Table "16-Bit Addressing Forms with the ModR/M Byte".
static_assert(memory(bits_16, {0x8a, 0x00}) == memory_operand{segment::ds, rbx, rsi, 1, 2, 0});
static_assert(memory(bits_16, {0x8a, 0x41, 0xff}) ==
              memory_operand{segment::ds, rbx, rdi, 1, 2, 0xffff'ffff'ffff'ffff});
static_assert(memory(bits_16, {0x8a, 0x02}) == memory_operand{segment::ss, rbp, rsi, 1, 2, 0});
static_assert(memory(bits_16, {0x8a, 0x83, 0x00, 0x80}) ==
              memory_operand{segment::ss, rbp, rdi, 1, 2, 0xffff'ffff'ffff'8000});
static_assert(memory(bits_16, {0x8a, 0x04}) == memory_operand{segment::ds, rsi, none, 1, 2, 0});
static_assert(memory(bits_16, {0x8a, 0x05}) == memory_operand{segment::ds, rdi, none, 1, 2, 0});
static_assert(memory(bits_16, {0x8a, 0x06, 0x34, 0x12}) == memory_operand{segment::ds, none, none, 1, 2, 0x1234});
static_assert(memory(bits_16, {0x8a, 0x46, 0x02}) == memory_operand{segment::ss, rbp, none, 1, 2, 2});
static_assert(memory(bits_16, {0x8a, 0x07}) == memory_operand{segment::ds, rbx, none, 1, 2, 0});
static_assert(memory(bits_32, {0x67, 0x8a, 0x07}).address_size == 2);
static_assert(memory(bits_16, {0x67, 0x8a, 0x07}) == memory_operand{segment::ds, rdi, none, 1, 4, 0});

// "LOCK - Assert LOCK# Signal Prefix".
static_assert(of(bits_64, {0xf0, 0x01, 0x0b}).lock && of(bits_64, {0xf0, 0x0f, 0xb1, 0x0b}).lock);
static_assert(refused(undecoded::invalid, bits_64, {0xf0, 0x03, 0x0b}));        // add ecx,[rbx]
static_assert(refused(undecoded::invalid, bits_64, {0xf0, 0x89, 0x0b}));        // mov [rbx],ecx
static_assert(refused(undecoded::invalid, bits_64, {0xf0, 0x39, 0x0b}));        // cmp [rbx],ecx
static_assert(refused(undecoded::invalid, bits_64, {0xf0, 0x0f, 0xa3, 0x0b}));  // bt [rbx],ecx
static_assert(refused(undecoded::invalid, bits_64, {0xf0, 0x01, 0xc8}));        // add eax,ecx
static_assert(refused(undecoded::unsupported, bits_64, {0x01, 0xc8}));

// 15 bytes are the most, and too few of them are told apart from wrong ones.
static_assert(of(bits_64, {0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x8b, 0x03})
                  .length == 15);
static_assert(refused(undecoded::invalid, bits_64,
                      {0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x8b,
                       0x03}));
static_assert(refused(undecoded::truncated, bits_64, {0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66}));
static_assert(refused(undecoded::truncated, bits_64, {0xc7, 0x03, 0xfe, 0xff, 0xff}));
static_assert(refused(undecoded::truncated, bits_64, {0x8b}));
static_assert(refused(undecoded::truncated, bits_64, {0x8b, 0x04}));
static_assert(decode_instruction({}, bits_64) == axhal::failure{undecoded::truncated});

}  // namespace

TEST_CASE("instructions have the bytes of the opcode map") {
  CHECK(of(bits_64, {0xf0, 0x48, 0x0f, 0xc1, 0x5c, 0x8e, 0x08}) ==
        instruction{.op = xadd,
                    .length = 7,
                    .size = 8,
                    .memory = {segment::ds, rsi, rcx, 4, 8, 8},
                    .other = other_operand::reg,
                    .reg = {rbx, 8, false},
                    .lock = true});
}

TEST_CASE("RFLAGS has the manual's bits, and conditions the manual's numbers") {
  CHECK(rflags::status == 0x8d5);
  CHECK(rflags::f_df::mask == 0x400);
  CHECK(rflags::f_tf::mask == 0x100);
  CHECK(rflags::f_if::mask == 0x200);
  CHECK(rflags::f_iopl::mask == 0x3000);
  CHECK(rflags::f_vm::mask == 0x2'0000);
  CHECK(rflags::f_ac::mask == 0x4'0000);
  CHECK(static_cast<unsigned>(condition::e) == 4);
  CHECK(static_cast<unsigned>(condition::a) == 7);
  CHECK(static_cast<unsigned>(condition::l) == 12);
  CHECK(holds(condition::be, 0x40));
  CHECK(!holds(condition::a, 0x1));
  CHECK(holds(condition::l, 0x80));
  CHECK(holds(condition::ge, 0x880));
  CHECK(holds(condition::le, 0x8c0));
  CHECK(!holds(condition::g, 0x8c0));
}
