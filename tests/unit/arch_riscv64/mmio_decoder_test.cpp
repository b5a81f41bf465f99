// SPDX-License-Identifier: BSL-1.0
#include <axhal/arch/riscv64/mmio_decoder.hpp>

#include <catch2/catch_test_macros.hpp>

#include <initializer_list>

using namespace axhal::riscv64;
using kind = load_store::kind;
using operation = load_store::operation;

namespace {

constexpr load_store decoded(std::uint32_t word) {
  auto const a = decode_load_store(word);
  return a ? *a : load_store{.rd = 99};
}
constexpr axhal::failure<undecoded> refused(undecoded why) { return axhal::failure{why}; }

constexpr load_store load(std::uint8_t size, bool sign, std::uint8_t rd, std::uint8_t rs1, std::int32_t immediate,
                          std::uint8_t length = 4) {
  return {.what = kind::load,
          .size = size,
          .sign_extend = sign,
          .rd = rd,
          .rs1 = rs1,
          .immediate = immediate,
          .length = length};
}
constexpr load_store store(std::uint8_t size, std::uint8_t rs2, std::uint8_t rs1, std::int32_t immediate,
                           std::uint8_t length = 4) {
  return {.what = kind::store, .size = size, .rs1 = rs1, .rs2 = rs2, .immediate = immediate, .length = length};
}
constexpr load_store amo(operation op, std::uint8_t size, std::uint8_t rd, std::uint8_t rs2, std::uint8_t rs1) {
  return {
      .what = kind::amo, .op = op, .size = size, .sign_extend = true, .rd = rd, .rs1 = rs1, .rs2 = rs2, .length = 4};
}

}  // namespace

TEST_CASE("loads as an assembler writes them") {
  STATIC_CHECK(decoded(0xfff5'8503) == load(1, true, 10, 11, -1));      // lb a0,-1(a1)
  STATIC_CHECK(decoded(0x7ff6'9603) == load(2, true, 12, 13, 2047));    // lh a2,2047(a3)
  STATIC_CHECK(decoded(0x0043'2283) == load(4, true, 5, 6, 4));         // lw t0,4(t1)
  STATIC_CHECK(decoded(0xff81'3403) == load(8, true, 8, 2, -8));        // ld s0,-8(sp)
  STATIC_CHECK(decoded(0x0007'c703) == load(1, false, 14, 15, 0));      // lbu a4,0(a5)
  STATIC_CHECK(decoded(0x800d'dd03) == load(2, false, 26, 27, -2048));  // lhu s10,-2048(s11)
  STATIC_CHECK(decoded(0x010f'6f83) == load(4, false, 31, 30, 16));     // lwu t6,16(t5)
  STATIC_CHECK(decoded(0x0005'2003) == load(4, true, 0, 10, 0));        // lw zero,0(a0)
}

TEST_CASE("stores as an assembler writes them") {
  STATIC_CHECK(decoded(0xfea5'8fa3) == store(1, 10, 11, -1));   // sb a0,-1(a1)
  STATIC_CHECK(decoded(0x00c6'9123) == store(2, 12, 13, 2));    // sh a2,2(a3)
  STATIC_CHECK(decoded(0x0003'2223) == store(4, 0, 6, 4));      // sw zero,4(t1)
  STATIC_CHECK(decoded(0x8011'3023) == store(8, 1, 2, -2048));  // sd ra,-2048(sp)
}

TEST_CASE("AMOs as an assembler writes them") {
  STATIC_CHECK(decoded(0x00b6'252f) == amo(operation::add, 4, 10, 11, 12));      // amoadd.w a0,a1,(a2)
  STATIC_CHECK(decoded(0x0e63'b2af) == amo(operation::swap, 8, 5, 6, 7));        // amoswap.d.aqrl t0,t1,(t2)
  STATIC_CHECK(decoded(0x20b6'202f) == amo(operation::bit_xor, 4, 0, 11, 12));   // amoxor.w zero,a1,(a2)
  STATIC_CHECK(decoded(0x40b6'352f) == amo(operation::bit_or, 8, 10, 11, 12));   // amoor.d a0,a1,(a2)
  STATIC_CHECK(decoded(0x64a6'252f) == amo(operation::bit_and, 4, 10, 10, 12));  // amoand.w.aq a0,a0,(a2)
  STATIC_CHECK(decoded(0x80b6'252f) == amo(operation::min, 4, 10, 11, 12));      // amomin.w a0,a1,(a2)
  STATIC_CHECK(decoded(0xa0b6'352f) == amo(operation::max, 8, 10, 11, 12));      // amomax.d a0,a1,(a2)
  STATIC_CHECK(decoded(0xc0b6'252f) == amo(operation::minu, 4, 10, 11, 12));     // amominu.w a0,a1,(a2)
  STATIC_CHECK(decoded(0xe2b6'352f) == amo(operation::maxu, 8, 10, 11, 12));     // amomaxu.d.rl a0,a1,(a2)
  STATIC_CHECK(decoded(0x00b6'052f) == amo(operation::add, 1, 10, 11, 12));      // amoadd.b a0,a1,(a2)
  STATIC_CHECK(decoded(0x00b6'152f) == amo(operation::add, 2, 10, 11, 12));      // amoadd.h a0,a1,(a2)
}

TEST_CASE("compressed loads and stores as an assembler writes them") {
  STATIC_CHECK(decoded(0x41c8) == load(4, true, 10, 11, 4, 2));   // c.lw a0,4(a1)
  STATIC_CHECK(decoded(0x5fe0) == load(4, true, 8, 15, 124, 2));  // c.lw s0,124(a5)
  STATIC_CHECK(decoded(0x7cf0) == load(8, true, 12, 9, 248, 2));  // c.ld a2,248(s1)
  STATIC_CHECK(decoded(0xc2b8) == store(4, 14, 13, 64, 2));       // c.sw a4,64(a3)
  STATIC_CHECK(decoded(0xe41c) == store(8, 15, 8, 8, 2));         // c.sd a5,8(s0)
  STATIC_CHECK(decoded(0x50fe) == load(4, true, 1, 2, 252, 2));   // c.lwsp ra,252(sp)
  STATIC_CHECK(decoded(0x7ffe) == load(8, true, 31, 2, 504, 2));  // c.ldsp t6,504(sp)
  STATIC_CHECK(decoded(0xdf96) == store(4, 5, 2, 252, 2));        // c.swsp t0,252(sp)
  STATIC_CHECK(decoded(0xff82) == store(8, 0, 2, 504, 2));        // c.sdsp zero,504(sp)
  // Whatever stands behind them.
  STATIC_CHECK(decoded(0xffff'41c8) == load(4, true, 10, 11, 4, 2));
}

TEST_CASE("Zcb") {
  STATIC_CHECK(decoded(0x81e8) == load(1, false, 10, 11, 3, 2));  // c.lbu a0,3(a1)
  STATIC_CHECK(decoded(0x86b0) == load(2, false, 12, 13, 2, 2));  // c.lhu a2,2(a3)
  STATIC_CHECK(decoded(0x84c0) == load(2, true, 8, 9, 0, 2));     // c.lh s0,0(s1)
  STATIC_CHECK(decoded(0x87f8) == load(2, true, 14, 15, 2, 2));   // c.lh a4,2(a5)
  STATIC_CHECK(decoded(0x89c8) == store(1, 10, 11, 1, 2));        // c.sb a0,1(a1)
  STATIC_CHECK(decoded(0x8fb8) == store(2, 14, 15, 2, 2));        // c.sh a4,2(a5)
  CHECK(decode_load_store(0x8ff8) == refused(undecoded::not_load_store));
  CHECK(decode_load_store(0x9c00) == refused(undecoded::not_load_store));
}

TEST_CASE("of all 16-bit words, as many are decoded as the formats have room for") {
  unsigned plain = 0;
  unsigned zcb = 0;
  for (std::uint32_t word = 0; word < 0x1'0000; ++word) {
    if ((word & 3) == 3 || !decode_load_store(word)) continue;
    ++((word & 0xe003) == 0x8000 ? zcb : plain);
  }
  // C.LW, C.LD, C.SW, C.SD and C.SWSP, C.SDSP have 11 bits of operands, C.LWSP and C.LDSP lack x0.
  CHECK(plain == 6 * 2048 + 2 * (2048 - 64));
  // C.LBU and C.SB have 8 bits, C.LHU, C.LH and C.SH 7.
  CHECK(zcb == 2 * 256 + 3 * 128);
}

TEST_CASE("what no device register is accessed with") {
  for (std::uint32_t const word : {
           0x0005'a507U,  // flw fa0,0(a1)
           0x00a5'b427U,  // fsd fa0,8(a1)
           0x0205'0087U,  // vle8.v v1,(a0)
           0x2508U,       // c.fld fa0,8(a0)
           0xa508U,       // c.fsd fa0,8(a0)
           0x2522U,       // c.fldsp fa0,8(sp)
           0xa42aU,       // c.fsdsp fa0,8(sp)
           0x1005'a52fU,  // lr.w a0,(a1)
           0x18c5'b52fU,  // sc.d a0,a2,(a1)
           0x28b6'252fU,  // amocas.w a0,a1,(a2)
           0x28c6'452fU,  // amocas.q a0,a2,(a2)
       }) {
    CAPTURE(word);
    CHECK(decode_load_store(word) == refused(undecoded::unsupported));
  }
}

TEST_CASE("what is no load or store at all") {
  for (std::uint32_t const word : {
           0x0000'0000U, 0xffff'ffffU,
           0x0000'0073U,  // ecall
           0x0025'200fU,  // cbo.flush (a0)
           0x0005'7503U,  // LOAD with width 7
           0x00a5'c023U,  // STORE with width 4
           0x10b5'a52fU,  // lr.w with rs2
           0x1005'052fU,  // lr.b
           0x00b6'452fU,  // amoadd.q
           0x50b6'252fU,  // funct5 10
           0x38b6'252fU,  // funct5 7
           0x4002U,       // c.lwsp x0
           0x6002U,       // c.ldsp x0
           0x0001U,       // c.nop
           0x8082U,       // ret
           0x2501U,       // c.addiw a0,0
       }) {
    CAPTURE(word);
    CHECK(decode_load_store(word) == refused(undecoded::not_load_store));
  }
}

TEST_CASE("addresses wrap as the machine's do") {
  STATIC_CHECK(decoded(0xfff5'8503).address(0x1000) == 0xfff);
  STATIC_CHECK(decoded(0xfff5'8503).address(0) == ~std::uint64_t{0});
  STATIC_CHECK(decoded(0x7ff6'9603).address(~std::uint64_t{0}) == 0x7fe);
}

TEST_CASE("what AMOs write") {
  constexpr auto word = [](operation op, std::uint64_t old, std::uint64_t operand) {
    return load_store{.what = kind::amo, .op = op, .size = 4}.combined(old, operand) & 0xffff'ffff;
  };
  constexpr auto whole = [](operation op, std::uint64_t old, std::uint64_t operand) {
    return load_store{.what = kind::amo, .op = op, .size = 8}.combined(old, operand);
  };
  constexpr std::uint64_t minus_1 = 0xffff'ffff'ffff'ffff;
  STATIC_CHECK(word(operation::add, 0xffff'ffff, 2) == 1);
  STATIC_CHECK(word(operation::swap, 1, 0x1234'5678'9abc'def0) == 0x9abc'def0);
  STATIC_CHECK(word(operation::bit_xor, 0xff00, 0x0ff0) == 0xf0f0);
  STATIC_CHECK(word(operation::bit_or, 0xff00, 0x0ff0) == 0xfff0);
  STATIC_CHECK(word(operation::bit_and, 0xff00, 0x0ff0) == 0x0f00);
  STATIC_CHECK(word(operation::min, minus_1, 1) == 0xffff'ffff);
  STATIC_CHECK(word(operation::max, minus_1, 1) == 1);
  STATIC_CHECK(word(operation::minu, minus_1, 1) == 1);
  STATIC_CHECK(word(operation::maxu, minus_1, 1) == 0xffff'ffff);
  // The upper half of the operand is nothing to a word.
  STATIC_CHECK(word(operation::min, 5, 0x0000'0001'ffff'ffff) == 0xffff'ffff);
  STATIC_CHECK(word(operation::maxu, 5, 0xffff'ffff'0000'0001) == 5);
  STATIC_CHECK(word(operation::minu, 0x8000'0000, 0x7fff'ffff) == 0x7fff'ffff);
  STATIC_CHECK(whole(operation::min, 0x8000'0000'0000'0000, 1) == 0x8000'0000'0000'0000);
  STATIC_CHECK(whole(operation::max, 0x8000'0000'0000'0000, 1) == 1);
  STATIC_CHECK(whole(operation::minu, 0x8000'0000'0000'0000, 1) == 1);
  STATIC_CHECK(whole(operation::maxu, 0x8000'0000'0000'0000, 1) == 0x8000'0000'0000'0000);
  STATIC_CHECK(whole(operation::add, minus_1, 1) == 0);
}

TEST_CASE("transformed instructions") {
  using transformed = transformed_access;
  // lw t0,4(t1) without base and immediate; the same, compressed; 3 bytes into it.
  CHECK(decode_transformed(0x0000'2283) == transformed{load(4, true, 5, 0, 0), 0});
  CHECK(decode_transformed(0x0000'2281) == transformed{load(4, true, 5, 0, 0, 2), 0});
  CHECK(decode_transformed(0x0001'a283) == transformed{load(4, true, 5, 0, 0), 3});
  // sd ra,..; c.sd
  CHECK(decode_transformed(0x0010'3023) == transformed{store(8, 1, 0, 0), 0});
  CHECK(decode_transformed(0x0010'3021) == transformed{store(8, 1, 0, 0, 2), 0});
  // What stands where the immediate was may be ignored.
  CHECK(decode_transformed(0xfe10'3fa3) == transformed{store(8, 1, 0, 0), 0});
  // amoadd.w a0,a1,(..)
  CHECK(decode_transformed(0x00b0'252f) == transformed{amo(operation::add, 4, 10, 11, 0), 0});
  // fld, lr.d
  CHECK(decode_transformed(0x0000'3507) == axhal::failure{undecoded::unsupported});
  CHECK(decode_transformed(0x1000'352f) == axhal::failure{undecoded::unsupported});
  // Zero, pseudoinstructions, low bits 10, something in the upper half, no load or store.
  for (std::uint64_t const none : {0x0ULL, 0x2000ULL, 0x2020ULL, 0x3000ULL, 0x3020ULL, 0x2282ULL, 0x1'0000'2283ULL,
                                   0x8000'0000'0000'2283ULL, 0x7283ULL, 0x73ULL}) {
    CAPTURE(none);
    CHECK(decode_transformed(none) == axhal::failure{undecoded::not_load_store});
  }
}
