// SPDX-License-Identifier: BSL-1.0
// Numbers as the RISC-V manuals write them, each typed in by hand.
#include <axhal/arch/riscv64/csr.hpp>
#include <axhal/arch/riscv64/instruction.hpp>
#include <axhal/arch/riscv64/mmio_decoder.hpp>
#include <axhal/arch/riscv64/scause.hpp>

#include <catch2/catch_test_macros.hpp>

using namespace axhal;
using namespace axhal::riscv64;

TEST_CASE("exception codes of the hypervisor extension's table") {
  STATIC_CHECK(scause::of(exception::instruction_misaligned) == 0);
  STATIC_CHECK(scause::of(exception::instruction_access) == 1);
  STATIC_CHECK(scause::of(exception::illegal_instruction) == 2);
  STATIC_CHECK(scause::of(exception::breakpoint) == 3);
  STATIC_CHECK(scause::of(exception::load_misaligned) == 4);
  STATIC_CHECK(scause::of(exception::load_access) == 5);
  STATIC_CHECK(scause::of(exception::store_misaligned) == 6);
  STATIC_CHECK(scause::of(exception::store_access) == 7);
  STATIC_CHECK(scause::of(exception::ecall_u) == 8);
  STATIC_CHECK(scause::of(exception::ecall_s) == 9);
  STATIC_CHECK(scause::of(exception::ecall_vs) == 10);
  STATIC_CHECK(scause::of(exception::ecall_m) == 11);
  STATIC_CHECK(scause::of(exception::instruction_page) == 12);
  STATIC_CHECK(scause::of(exception::load_page) == 13);
  STATIC_CHECK(scause::of(exception::store_page) == 15);
  STATIC_CHECK(scause::of(exception::double_trap) == 16);
  STATIC_CHECK(scause::of(exception::software_check) == 18);
  STATIC_CHECK(scause::of(exception::hardware_error) == 19);
  STATIC_CHECK(scause::of(exception::instruction_guest_page) == 20);
  STATIC_CHECK(scause::of(exception::load_guest_page) == 21);
  STATIC_CHECK(scause::of(exception::virtual_instruction) == 22);
  STATIC_CHECK(scause::of(exception::store_guest_page) == 23);
  STATIC_CHECK(bit(exception::store_guest_page) == 0x80'0000);
  // A supervisor timer interrupt.
  STATIC_CHECK(scause::f_interrupt::get(0x8000'0000'0000'0005));
  STATIC_CHECK(scause::f_code::get(0x8000'0000'0000'0005) == 5);
  STATIC_CHECK_FALSE(scause::f_interrupt::get(0x17));
}

TEST_CASE("pseudoinstructions in htinst") {
  struct row {
    std::uint64_t value;
    bool walk, write;
  };
  constexpr row rows[] = {
      {0x2000, true, false},  {0x2020, true, true},   {0x3000, true, false},         {0x3020, true, true},
      {0x0000, false, false}, {0x2003, false, false}, {0x3023, false, false},        {0x1000, false, false},
      {0x4000, false, false}, {0x2040, false, false}, {0x1'0000'3000, false, false}, {0x3001, false, false},
  };
  for (auto const& r : rows) {
    CAPTURE(r.value);
    CHECK(htinst::is_walk(r.value) == r.walk);
    CHECK(htinst::is_walk_write(r.value) == r.write);
  }
}

TEST_CASE("the table of instructions that pseudoinstructions are modelled on") {
  // lw x0,0(x0); sw x0,0(x0); ld x0,0(x0); sd x0,0(x0)
  CHECK(decode_load_store(0x0000'2003)->size == 4);
  CHECK(decode_load_store(0x0000'2003)->what == load_store::kind::load);
  CHECK(decode_load_store(0x0000'2023)->size == 4);
  CHECK(decode_load_store(0x0000'2023)->what == load_store::kind::store);
  CHECK(decode_load_store(0x0000'3003)->size == 8);
  CHECK(decode_load_store(0x0000'3023)->size == 8);
}

TEST_CASE("major opcodes of the base opcode map") {
  STATIC_CHECK(static_cast<unsigned>(opcode::load) == 0b00'000'11);
  STATIC_CHECK(static_cast<unsigned>(opcode::load_fp) == 0b00'001'11);
  STATIC_CHECK(static_cast<unsigned>(opcode::misc_mem) == 0b00'011'11);
  STATIC_CHECK(static_cast<unsigned>(opcode::store) == 0b01'000'11);
  STATIC_CHECK(static_cast<unsigned>(opcode::store_fp) == 0b01'001'11);
  STATIC_CHECK(static_cast<unsigned>(opcode::amo) == 0b01'011'11);
  STATIC_CHECK(static_cast<unsigned>(opcode::madd) == 0b10'000'11);
  STATIC_CHECK(static_cast<unsigned>(opcode::msub) == 0b10'001'11);
  STATIC_CHECK(static_cast<unsigned>(opcode::nmsub) == 0b10'010'11);
  STATIC_CHECK(static_cast<unsigned>(opcode::nmadd) == 0b10'011'11);
  STATIC_CHECK(static_cast<unsigned>(opcode::op_fp) == 0b10'100'11);
  STATIC_CHECK(static_cast<unsigned>(opcode::op_v) == 0b10'101'11);
  STATIC_CHECK(static_cast<unsigned>(opcode::system) == 0b11'100'11);
  STATIC_CHECK(static_cast<unsigned>(opcode::op_ve) == 0b11'101'11);
}

TEST_CASE("instructions that wait") {
  // funct12 0x105 (WFI), 0x00d (WRS.NTO), 0x01d (WRS.STO), 0 (ECALL), all with rs1, funct3 and rd 0.
  STATIC_CHECK(word::wfi == (0x105U << 20 | 0x73));
  STATIC_CHECK(word::wrs_nto == (0x00dU << 20 | 0x73));
  STATIC_CHECK(word::wrs_sto == (0x01dU << 20 | 0x73));
  STATIC_CHECK(word::ecall == 0x73);
}

TEST_CASE("CSR numbers that instructions are classified by") {
  STATIC_CHECK(static_cast<unsigned>(csr::fflags) == 0x001);
  STATIC_CHECK(static_cast<unsigned>(csr::frm) == 0x002);
  STATIC_CHECK(static_cast<unsigned>(csr::fcsr) == 0x003);
  STATIC_CHECK(static_cast<unsigned>(csr::vstart) == 0x008);
  STATIC_CHECK(static_cast<unsigned>(csr::vxsat) == 0x009);
  STATIC_CHECK(static_cast<unsigned>(csr::vxrm) == 0x00a);
  STATIC_CHECK(static_cast<unsigned>(csr::vcsr) == 0x00f);
  STATIC_CHECK(static_cast<unsigned>(csr::vl) == 0xc20);
  STATIC_CHECK(static_cast<unsigned>(csr::vtype) == 0xc21);
  STATIC_CHECK(static_cast<unsigned>(csr::vlenb) == 0xc22);
}

TEST_CASE("AMO codes of the instruction listings") {
  using operation = load_store::operation;
  STATIC_CHECK(static_cast<unsigned>(operation::swap) == 0b00001);
  STATIC_CHECK(static_cast<unsigned>(operation::add) == 0b00000);
  STATIC_CHECK(static_cast<unsigned>(operation::bit_xor) == 0b00100);
  STATIC_CHECK(static_cast<unsigned>(operation::bit_and) == 0b01100);
  STATIC_CHECK(static_cast<unsigned>(operation::bit_or) == 0b01000);
  STATIC_CHECK(static_cast<unsigned>(operation::min) == 0b10000);
  STATIC_CHECK(static_cast<unsigned>(operation::max) == 0b10100);
  STATIC_CHECK(static_cast<unsigned>(operation::minu) == 0b11000);
  STATIC_CHECK(static_cast<unsigned>(operation::maxu) == 0b11100);
}
