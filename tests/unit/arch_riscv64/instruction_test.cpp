// SPDX-License-Identifier: BSL-1.0
#include <axhal/arch/riscv64/instruction.hpp>

#include <catch2/catch_test_macros.hpp>

using namespace axhal::riscv64;
using operation = csr_instruction::operation;

namespace {

/// Words as an assembler writes them, and which register file each of them uses.
struct row {
  std::uint32_t word;
  bool fp, vector;
};
constexpr row rows[] = {
    {0x0005'a507, true, false},   // flw fa0,0(a1)
    {0x00a5'b427, true, false},   // fsd fa0,8(a1)
    {0x0005'1507, true, false},   // flh fa0,0(a0)
    {0x00a5'1027, true, false},   // fsh fa0,0(a0)
    {0x02c5'f553, true, false},   // fadd.d fa0,fa1,fa2
    {0xe205'8553, true, false},   // fmv.x.d a0,fa1
    {0x68c5'f543, true, false},   // fmadd.s fa0,fa1,fa2,fa3
    {0x68c5'f547, true, false},   // fmsub.s
    {0x6ac5'f54b, true, false},   // fnmsub.d
    {0x6ac5'f54f, true, false},   // fnmadd.d
    {0x0010'2573, true, false},   // frflags a0
    {0x0020'd573, true, false},   // fsrmi a0,1
    {0x003f'f773, true, false},   // csrrc a4,fcsr,31
    {0x2508, true, false},        // c.fld fa0,8(a0)
    {0xa508, true, false},        // c.fsd fa0,8(a0)
    {0x2522, true, false},        // c.fldsp fa0,8(sp)
    {0xa42a, true, false},        // c.fsdsp fa0,8(sp)
    {0x0c05'f557, false, true},   // vsetvli a0,a1,e8,m1,ta,ma
    {0x0221'80d7, false, true},   // vadd.vv v1,v2,v3
    {0x0221'90d7, true, true},    // vfadd.vv v1,v2,v3
    {0x0225'50d7, true, true},    // vfadd.vf v1,v2,fa0
    {0x0205'0087, false, true},   // vle8.v v1,(a0)
    {0x0205'5087, false, true},   // vle16.v v1,(a0)
    {0x0205'7087, false, true},   // vle64.v v1,(a0)
    {0x0205'60a7, false, true},   // vse32.v v1,(a0)
    {0xa221'20f7, false, true},   // vaesem.vv v1,v2
    {0xc200'2573, false, true},   // csrr a0,vl
    {0xc210'2573, false, true},   // csrr a0,vtype
    {0xc220'2573, false, true},   // csrr a0,vlenb
    {0x0085'1073, false, true},   // csrw vstart,a0
    {0x0095'1073, false, true},   // csrw vxsat,a0
    {0x00a5'1073, false, true},   // csrw vxrm,a0
    {0x00f5'1073, false, true},   // csrw vcsr,a0
    {0x0000'0073, false, false},  // ecall
    {0x1050'0073, false, false},  // wfi
    {0x1805'9573, false, false},  // csrrw a0,satp,a1
    {0xfff5'8503, false, false},  // lb a0,-1(a1)
    {0x8011'3023, false, false},  // sd ra,-2048(sp)
    {0x00b6'252f, false, false},  // amoadd.w a0,a1,(a2)
    {0x0025'200f, false, false},  // cbo.flush (a0)
    {0x41c8, false, false},       // c.lw a0,4(a1)
    {0x7cf0, false, false},       // c.ld a2,248(s1)
    {0xff82, false, false},       // c.sdsp zero,504(sp)
    {0x2501, false, false},       // c.addiw a0,0: funct3 1 of quadrant 1
    {0xa001, false, false},       // c.j 0: funct3 5 of quadrant 1
    {0x0000, false, false},       // defined illegal
    {0xffff'ffff, false, false},
};

}  // namespace

TEST_CASE("which instructions need FP and vector registers") {
  for (auto const& r : rows) {
    CAPTURE(r.word);
    CHECK(uses_fp(r.word) == r.fp);
    CHECK(uses_vector(r.word) == r.vector);
  }
}

TEST_CASE("what stands behind a compressed instruction does not count") {
  STATIC_CHECK(uses_fp(0xffff'2508));
  STATIC_CHECK_FALSE(uses_fp(0x0005'41c8));
  STATIC_CHECK(instruction_size(0xffff'2508) == 2);
  STATIC_CHECK(instruction_size(0x0001) == 2);
  STATIC_CHECK(instruction_size(0xfff5'8503) == 4);
}

TEST_CASE("CSR instructions") {
  STATIC_CHECK(is_csr_instruction(0x1805'9573));
  STATIC_CHECK(is_csr_instruction(0xc000'2573));
  STATIC_CHECK(is_csr_instruction(0x003f'f773));
  STATIC_CHECK_FALSE(is_csr_instruction(0x0000'0073));  // ecall: funct3 0
  STATIC_CHECK_FALSE(is_csr_instruction(0x6805'c573));  // hlv.w a0,(a1): funct3 4
  STATIC_CHECK_FALSE(is_csr_instruction(0x1805'9513));  // another opcode
  // csrrw a0,satp,a1
  STATIC_CHECK(decode_csr_instruction(0x1805'9573) ==
               csr_instruction{.id = csr::satp, .op = operation::write, .rd = 10, .source = 11});
  // csrrs a3,time,0 in its immediate form
  STATIC_CHECK(decode_csr_instruction(0xc010'66f3) ==
               csr_instruction{.id = csr::time, .op = operation::set, .immediate = true, .rd = 13});
  // csrrc a4,fcsr,31
  STATIC_CHECK(decode_csr_instruction(0x003f'f773) ==
               csr_instruction{.id = csr::fcsr, .op = operation::clear, .immediate = true, .rd = 14, .source = 31});
}

TEST_CASE("a CSR instruction reads and writes as the manual's table says") {
  struct effects {
    std::uint32_t word;
    bool reads, writes;
  };
  constexpr effects all[] = {
      {0x1805'9573, true, true},   // csrrw a0,satp,a1
      {0x1805'9073, false, true},  // csrrw x0,satp,a1
      {0x1800'1573, true, true},   // csrrw a0,satp,x0: writes zero
      {0x1805'a573, true, true},   // csrrs a0,satp,a1
      {0x1800'2573, true, false},  // csrrs a0,satp,x0
      {0x1805'a073, true, true},   // csrrs x0,satp,a1: reads nevertheless
      {0x1800'3573, true, false},  // csrrc a0,satp,x0
      {0x1805'b573, true, true},   // csrrc a0,satp,a1
      {0x1051'd073, false, true},  // csrrwi x0,stvec,3
      {0x1050'5573, true, true},   // csrrwi a0,stvec,0
      {0x1050'6573, true, false},  // csrrsi a0,stvec,0
      {0x1051'e573, true, true},   // csrrsi a0,stvec,3
      {0x1050'7573, true, false},  // csrrci a0,stvec,0
      {0x1051'f073, true, true},   // csrrci x0,stvec,3
  };
  for (auto const& e : all) {
    CAPTURE(e.word);
    CHECK(decode_csr_instruction(e.word).reads() == e.reads);
    CHECK(decode_csr_instruction(e.word).writes() == e.writes);
  }
}

TEST_CASE("what a CSR instruction writes") {
  STATIC_CHECK(decode_csr_instruction(0x1805'9573).value(0xf0, 0x3c) == 0x3c);
  STATIC_CHECK(decode_csr_instruction(0x1805'a573).value(0xf0, 0x3c) == 0xfc);
  STATIC_CHECK(decode_csr_instruction(0x1805'b573).value(0xf0, 0x3c) == 0xc0);
  STATIC_CHECK(decode_csr_instruction(0x1050'5573).value(0xf0, 0x3c) == 0);     // csrrwi a0,stvec,0
  STATIC_CHECK(decode_csr_instruction(0x1051'e573).value(0xf0, 0x3c) == 0xf3);  // csrrsi a0,stvec,3
  STATIC_CHECK(decode_csr_instruction(0x003f'f773).value(~0ULL, 0) == ~31ULL);  // csrrci a4,fcsr,31
}

TEST_CASE("who may touch a register is in its number") {
  STATIC_CHECK(lowest_privilege(csr::fcsr) == 0);
  STATIC_CHECK(lowest_privilege(csr::time) == 0);
  STATIC_CHECK(lowest_privilege(csr::satp) == 1);
  STATIC_CHECK(lowest_privilege(csr::vsatp) == 2);
  STATIC_CHECK(lowest_privilege(csr::hgeip) == 2);
  STATIC_CHECK(lowest_privilege(csr{0x300}) == 3);
  STATIC_CHECK(is_counter(csr::cycle));
  STATIC_CHECK(is_counter(csr::instret));
  STATIC_CHECK(is_counter(csr{0xc1f}));
  STATIC_CHECK_FALSE(is_counter(csr::vl));
  STATIC_CHECK_FALSE(is_counter(csr{0xc80}));
}
