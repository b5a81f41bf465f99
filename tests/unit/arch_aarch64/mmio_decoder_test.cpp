// SPDX-License-Identifier: BSL-1.0
#include <axhal/arch/aarch64/mmio_decoder.hpp>

#include <catch2/catch_test_macros.hpp>

using namespace axhal::aarch64;
using addressing = load_store::addressing;
using extension = load_store::extension;

namespace {

constexpr load_store decoded(std::uint32_t word) {
  auto const a = decode_load_store(word);
  return a ? *a : load_store{.rt = 99};
}
constexpr axhal::failure<undecoded> refused(undecoded why) { return axhal::failure{why}; }

}  // namespace

TEST_CASE("words as an assembler writes them") {
  // ldr w0, [x1]
  STATIC_CHECK(decoded(0xb940'0020) == load_store{.load = true, .size = 4, .register_size = 4, .rt = 0, .rn = 1});
  // strb w2, [x3, #1]
  STATIC_CHECK(decoded(0x3900'0462) == load_store{.size = 1, .register_size = 4, .rt = 2, .rn = 3, .immediate = 1});
  // ldrsb x7, [x8, #4]!
  STATIC_CHECK(decoded(0x3880'4d07) == load_store{.load = true,
                                                  .size = 1,
                                                  .sign_extend = true,
                                                  .register_size = 8,
                                                  .rt = 7,
                                                  .rn = 8,
                                                  .mode = addressing::pre_index,
                                                  .immediate = 4});
  // ldr x9, [x10], #-8
  STATIC_CHECK(decoded(0xf85f'8549) == load_store{.load = true,
                                                  .size = 8,
                                                  .register_size = 8,
                                                  .rt = 9,
                                                  .rn = 10,
                                                  .mode = addressing::post_index,
                                                  .immediate = -8});
  // ldp w0, w1, [x2], #8
  STATIC_CHECK(decoded(0x28c1'0440) == load_store{.load = true,
                                                  .pair = true,
                                                  .size = 4,
                                                  .register_size = 4,
                                                  .rt = 0,
                                                  .rt2 = 1,
                                                  .rn = 2,
                                                  .mode = addressing::post_index,
                                                  .immediate = 8});
  // stp x29, x30, [sp, #-16]!
  STATIC_CHECK(decoded(0xa9bf'7bfd) == load_store{.pair = true,
                                                  .size = 8,
                                                  .register_size = 8,
                                                  .rt = 29,
                                                  .rt2 = 30,
                                                  .rn = 31,
                                                  .mode = addressing::pre_index,
                                                  .immediate = -16});
  // ldpsw x4, x5, [x6, #8]
  STATIC_CHECK(decoded(0x6941'14c4) == load_store{.load = true,
                                                  .pair = true,
                                                  .size = 4,
                                                  .sign_extend = true,
                                                  .register_size = 8,
                                                  .rt = 4,
                                                  .rt2 = 5,
                                                  .rn = 6,
                                                  .immediate = 8});
  // ldrh w11, [x12, w13, sxtw #1]
  STATIC_CHECK(decoded(0x786d'd98b) == load_store{.load = true,
                                                  .size = 2,
                                                  .register_size = 4,
                                                  .rt = 11,
                                                  .rn = 12,
                                                  .mode = addressing::register_offset,
                                                  .rm = 13,
                                                  .extend = extension::sxtw,
                                                  .shift = 1});
  // ldrsw x1, .-4
  STATIC_CHECK(decoded(0x98ff'ffe1) == load_store{.load = true,
                                                  .size = 4,
                                                  .sign_extend = true,
                                                  .register_size = 8,
                                                  .rt = 1,
                                                  .mode = addressing::literal,
                                                  .immediate = -4});
  // stlr w0, [x1]; ldar x0, [x1]
  STATIC_CHECK(decoded(0x889f'fc20) == load_store{.size = 4, .register_size = 4, .rt = 0, .rn = 1});
  STATIC_CHECK(decoded(0xc8df'fc20) == load_store{.load = true, .size = 8, .register_size = 8, .rt = 0, .rn = 1});
  // ldaprb w3, [x4]; ldapursh x5, [x6, #-1]
  STATIC_CHECK(decoded(0x38bf'c083) == load_store{.load = true, .size = 1, .register_size = 4, .rt = 3, .rn = 4});
  STATIC_CHECK(
      decoded(0x599f'f0c5) ==
      load_store{.load = true, .size = 2, .sign_extend = true, .register_size = 8, .rt = 5, .rn = 6, .immediate = -1});
}

TEST_CASE("what no device register is accessed with") {
  CHECK(decode_load_store(0x885f'7c20) == refused(undecoded::unsupported));     // ldxr w0, [x1]
  CHECK(decode_load_store(0x8802'7c20) == refused(undecoded::unsupported));     // stxr w2, w0, [x1]
  CHECK(decode_load_store(0x88a2'7c20) == refused(undecoded::unsupported));     // cas w2, w0, [x1]
  CHECK(decode_load_store(0xb822'0020) == refused(undecoded::unsupported));     // ldadd w2, w0, [x1]
  CHECK(decode_load_store(0xb822'8020) == refused(undecoded::unsupported));     // swp w2, w0, [x1]
  CHECK(decode_load_store(0xbd40'0020) == refused(undecoded::unsupported));     // ldr s0, [x1]
  CHECK(decode_load_store(0xad40'0440) == refused(undecoded::unsupported));     // ldp q0, q1, [x2]
  CHECK(decode_load_store(0xf980'0020) == refused(undecoded::unsupported));     // prfm pldl1keep, [x1]
  CHECK(decode_load_store(0xf820'0420) == refused(undecoded::unsupported));     // ldraa x0, [x1]
  CHECK(decode_load_store(0xd920'0420) == refused(undecoded::unsupported));     // stg x0, [x1], #0
  CHECK(decode_load_store(0xd50b'7421) == refused(undecoded::not_load_store));  // dc zva, x1
  CHECK(decode_load_store(0xd503'201f) == refused(undecoded::not_load_store));  // nop
  CHECK(decode_load_store(0) == refused(undecoded::not_load_store));
  CHECK(decode_load_store(~0U) == refused(undecoded::not_load_store));
}

TEST_CASE("registers with two jobs are refused") {
  CHECK(decode_load_store(0xb840'4421) == refused(undecoded::unpredictable));  // ldr w1, [x1], #4
  CHECK(decode_load_store(0xb800'4421) == refused(undecoded::unpredictable));  // str w1, [x1], #4
  CHECK(decode_load_store(0x28c1'0020) == refused(undecoded::unpredictable));  // ldp w0, w0, [x1], #8
  CHECK(decode_load_store(0x28c1'0422) == refused(undecoded::unpredictable));  // ldp w2, w1, [x1], #8
  CHECK(decode_load_store(0x2881'0422) == refused(undecoded::unpredictable));  // stp w2, w1, [x1], #8
  CHECK(decode_load_store(0x2940'0422).has_value());                           // ldp w2, w1, [x1]: fine
  CHECK(decode_load_store(0xb940'0021).has_value());                           // ldr w1, [x1]: fine
  CHECK(decode_load_store(0xf800'87ff).has_value());                           // str xzr, [sp], #8: 31 is two registers
}

TEST_CASE("addresses") {
  constexpr load_store post{.mode = addressing::post_index, .immediate = 8};
  STATIC_CHECK(post.address(0x1000, 0) == 0x1000);
  STATIC_CHECK(post.new_base(0x1000) == 0x1008);
  constexpr load_store pre{.mode = addressing::pre_index, .immediate = -8};
  STATIC_CHECK(pre.address(0x1000, 0) == 0xff8);
  STATIC_CHECK(pre.new_base(0) == ~std::uint64_t{7});
  constexpr auto with = [](extension e, std::uint8_t shift) {
    return load_store{.mode = addressing::register_offset, .extend = e, .shift = shift};
  };
  STATIC_CHECK(with(extension::uxtw, 3).address(0x1000, 0xffff'ffff'0000'0002) == 0x1010);
  STATIC_CHECK(with(extension::sxtw, 2).address(0x1000, 0x1234'5678'ffff'ffff) == 0xffc);
  STATIC_CHECK(with(extension::lsl, 1).address(0x1000, ~std::uint64_t{0}) == 0xffe);
  STATIC_CHECK(with(extension::sxtx, 0).address(0x1000, 0x10) == 0x1010);
}
