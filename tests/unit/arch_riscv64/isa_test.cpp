// SPDX-License-Identifier: BSL-1.0
#include <axhal/arch/riscv64/isa.hpp>

#include <catch2/catch_test_macros.hpp>

#include <string>
#include <string_view>
#include <vector>

using namespace axhal;
using namespace axhal::riscv64;

namespace {

using names = std::vector<std::string>;

names extensions(std::string_view isa) {
  // Bytes of its own, so that a sanitizer sees a step past the end.
  std::vector<char> const exact(isa.begin(), isa.end());
  names found;
  for_each_extension(text{exact.data(), exact.size()}, [&](text name) { found.emplace_back(name.data, name.size); });
  return found;
}
std::string_view shown(isa_string const& isa) { return {isa.get().data, isa.get().size}; }
bool offered(std::string_view name, h_features const& cpu) {
  return is_offered_to_guests(text{name.data(), name.size()}, cpu);
}

constexpr h_features everything{
    .henvcfg = ~std::uint64_t{0}, .has_envcfg = true, .has_stateen = true, .has_aia = true, .has_d = true};

}  // namespace

TEST_CASE("extensions come in the string's order") {
  CHECK(extensions("rv64imac_zicsr_sstc") == names{"i", "m", "a", "c", "zicsr", "sstc"});
  CHECK(extensions("rv64imafdch_zicbom_zicntr_za64rs_zama16b_zic64b_svadu") ==
        names{"i", "m", "a", "f", "d", "c", "h", "zicbom", "zicntr", "za64rs", "zama16b", "zic64b", "svadu"});
  CHECK(extensions("rv64i") == names{"i"});
  CHECK(extensions("rv64imazicsr_xvendor") == names{"i", "m", "a", "zicsr", "xvendor"});  // no underscore before z
  CHECK(extensions("rv64i_m_a") == names{"i", "m", "a"});
}

TEST_CASE("version numbers are left out") {
  CHECK(extensions("rv64i2p1m2p0a2p1_zicsr2p0_zifencei2p0") == names{"i", "m", "a", "zicsr", "zifencei"});
  CHECK(extensions("rv64i2_m2_zba1_zbb1p0") == names{"i", "m", "zba", "zbb"});
  CHECK(extensions("rv64i20p10c") == names{"i", "c"});
  CHECK(extensions("rv64ip2") == names{"i", "p"});  // p is an extension where no version is before it
  CHECK(extensions("rv64i2p") == names{"i", "p"});
  CHECK(extensions("rv64i2pm") == names{"i", "p", "m"});
  CHECK(extensions("rv64i_za64rs1p0_zic64b1") == names{"i", "za64rs", "zic64b"});
  CHECK(extensions("rv64i_sv39_z1p2_zp1_z12") == names{"i", "sv", "z", "zp", "z"});
}

TEST_CASE("other strings have no extensions") {
  for (std::string_view const isa : {"", "r", "rv6", "rv64", "rv64_", "rv64___", "rv32imac", "RV64IMAC", "RV64imac",
                                     " rv64imac", "x86_64", "rv128i", "rv6 4i"}) {
    CAPTURE(isa);
    CHECK(extensions(isa).empty());
  }
}

TEST_CASE("a damaged piece is dropped up to the next underscore") {
  CHECK(extensions("rv64imac_") == names{"i", "m", "a", "c"});
  CHECK(extensions("rv64imac__zba") == names{"i", "m", "a", "c", "zba"});
  CHECK(extensions("rv64iMac_zba") == names{"i", "zba"});
  CHECK(extensions("rv64i_Zba_zbb") == names{"i", "zbb"});
  CHECK(extensions("rv64i_zBa_zbb") == names{"i", "z", "zbb"});
  CHECK(extensions("rv64i ma_zbb") == names{"i", "zbb"});
  CHECK(extensions("rv6499_i") == names{"i"});
  CHECK(extensions(std::string_view{"rv64i\0m_zbb", 11}) == names{"i", "zbb"});
  CHECK(extensions("rv64i\xc3\xa9m_zbb\xff") == names{"i", "zbb"});
}

TEST_CASE("long strings are read to their end") {
  std::string isa = "rv64i_z" + std::string(600, 'q');
  CHECK(extensions(isa) == names{"i", "z" + std::string(600, 'q')});
  CHECK(extensions("rv64i_z" + std::string(600, '1')) == names{"i", "z"});
  CHECK(extensions("rv64" + std::string(600, 'm')).size() == 600);
  CHECK(extensions("rv64" + std::string(600, '_')).empty());
  CHECK(extensions("rv64i" + std::string(600, '7') + "p" + std::string(600, '7') + "m") == names{"i", "m"});
}

TEST_CASE("guests are told of what works for them") {
  for (auto const* const name : {"i", "m", "a", "c", "b", "zicsr", "zifencei", "zba", "zacas", "zawrs", "za64rs",
                                 "zama16b", "zic64b", "svinval", "svnapot", "svvptc", "zkt"}) {
    CAPTURE(name);
    CHECK(offered(name, everything));
    CHECK(offered(name, h_features{}));
  }
}

TEST_CASE("what guests do not have is hidden") {
  for (auto const* const name :
       {"h",        "v",        "zve32x",    "zve64d",    "zvl128b", "zvfh",         "zicntr",  "zihpm",
        "sscofpmf", "zkr",      "smstateen", "ssstateen", "ssaia",   "smaia",        "zicfiss", "zicfilp",
        "ssdbltrp", "smdbltrp", "ssnpm",     "sscsrind",  "ssctr",   "shcounterenw", "shgatpa", "xtheadba",
        "g",        "q",        "p",         "u",         "s",       "su",           "",        "I",
        "Zicsr",    "zicsrx",   "zics",      "zicsr2p0"}) {
    CAPTURE(name);
    CHECK_FALSE(offered(name, everything));
  }
}

TEST_CASE("what needs the leave of henvcfg is offered where henvcfg gives it") {
  struct row {
    char const* name;
    std::uint64_t needs;
  };
  constexpr row rows[] = {
      {"sstc", 1ULL << 63}, {"svpbmt", 1ULL << 62}, {"svadu", 1ULL << 61}, {"zicboz", 1ULL << 7}, {"zicbom", 0x50},
  };
  for (auto const& r : rows) {
    CAPTURE(r.name);
    CHECK(offered(r.name, h_features{.henvcfg = hypervisor_controls::henvcfg}));
    CHECK(offered(r.name, h_features{.henvcfg = r.needs}));
    CHECK_FALSE(offered(r.name, h_features{}));
    CHECK_FALSE(offered(r.name, h_features{.henvcfg = ~r.needs & ~std::uint64_t{0x20}}));
  }
  CHECK_FALSE(offered("zicbom", h_features{.henvcfg = 0x40}));  // CBO.INVAL would be refused
  CHECK_FALSE(offered("zicbom", h_features{.henvcfg = 0x10}));  // and here the others
}

TEST_CASE("F comes with D or not at all: 64 bits of FP registers are switched") {
  for (auto const* const name : {"f", "d", "zfa", "zfh", "zfhmin", "zcd"}) {
    CAPTURE(name);
    CHECK(offered(name, h_features{.has_d = true}));
    CHECK_FALSE(offered(name, h_features{.henvcfg = ~std::uint64_t{0}}));
  }
}

TEST_CASE("hardware updates A and D, or it faults: guests are told the one that is true") {
  CHECK(offered("svade", h_features{}));
  CHECK_FALSE(offered("svade", everything));
  for (std::uint64_t const henvcfg :
       {std::uint64_t{0}, hypervisor_controls::henvcfg, ~std::uint64_t{0}, std::uint64_t{1} << 61}) {
    CHECK(offered("svade", h_features{.henvcfg = henvcfg}) != offered("svadu", h_features{.henvcfg = henvcfg}));
  }
}

TEST_CASE("an ISA string is built of pieces") {
  isa_string isa;
  CHECK(shown(isa) == "rv64");
  for (text const name : {text{"i"}, text{"m"}, text{"c"}, text{""}, text{"zicsr"}, text{"sstc"}}) isa.add(name);
  CHECK(shown(isa) == "rv64imc_zicsr_sstc");
}

TEST_CASE("names do not run into each other, in whatever order they come") {
  isa_string isa;
  for (text const name : {text{"zicsr"}, text{"i"}, text{"m"}, text{"s"}, text{"a"}}) isa.add(name);
  CHECK(shown(isa) == "rv64_zicsr_im_s_a");
  CHECK(extensions(shown(isa)) == names{"zicsr", "i", "m", "s", "a"});
}

TEST_CASE("what does not fit is left out, and what does is whole") {
  isa_string isa;
  std::string const long_name = "z" + std::string(98, 'q');
  for (int i = 0; i < 7; ++i) isa.add(text{long_name.data(), long_name.size()});
  CHECK(shown(isa).size() == 504);  // 4 and five of 100
  CHECK(extensions(shown(isa)) == names(5, long_name));
  isa.add("zabcdefgh");  // ten, one more than there is room for
  CHECK(shown(isa).size() == 504);
  isa.add("zabcdef");
  CHECK(shown(isa).size() == 512);
  CHECK(extensions(shown(isa)).back() == "zabcdef");
  isa.add("i");
  isa.add(text{long_name.data(), long_name.size()});
  CHECK(shown(isa).size() == 512);

  isa_string small;
  std::string const giant(600, 'z');
  small.add(text{giant.data(), giant.size()});
  CHECK(shown(small) == "rv64");
  small.add(text{giant.data(), 508});  // one less would fit with its underscore
  CHECK(shown(small) == "rv64");
  small.add(text{giant.data(), 507});
  CHECK(shown(small).size() == 512);
  isa_string letters;
  for (int i = 0; i < 600; ++i) letters.add("m");
  CHECK(shown(letters) == "rv64" + std::string(508, 'm'));
}

TEST_CASE("QEMU's own string, as a guest on it sees it") {
  constexpr std::string_view qemu =
      "rv64imafdch_zic64b_zicbom_zicbop_zicboz_ziccamoa_ziccif_zicclsm_ziccrse_zicntr_zicsr_zifencei_zihintntl_"
      "zihintpause_zihpm_zmmul_za64rs_zaamo_zalrsc_zawrs_zfa_zca_zcd_zba_zbb_zbc_zbs_shcounterenw_shgatpa_shtvala_"
      "shvsatpa_shvstvala_shvstvecd_ssccptr_sscounterenw_sstc_sstvala_sstvecd_ssu64xl_svadu_svvptc";
  h_features const cpu{.henvcfg = hypervisor_controls::henvcfg, .has_d = true};
  isa_string isa;
  for_each_extension(text{qemu.data(), qemu.size()}, [&](text name) {
    if (is_offered_to_guests(name, cpu)) isa.add(name);
  });
  CHECK(shown(isa) ==
        "rv64imafdc_zic64b_zicbom_zicbop_zicboz_ziccamoa_ziccif_zicclsm_ziccrse_zicsr_zifencei_zihintntl_zihintpause_"
        "za64rs_zaamo_zalrsc_zawrs_zfa_zca_zcd_zba_zbb_zbc_zbs_sstc_svadu_svvptc");
}

TEST_CASE("strings are read when a program is compiled, too") {
  constexpr auto count = [](text isa) {
    unsigned n = 0;
    for_each_extension(isa, [&n](text name) { n += name.size == 1 ? 1 : 100; });
    return n;
  };
  STATIC_CHECK(count("rv64imac_zicsr2p0_svpbmt") == 204);
}
