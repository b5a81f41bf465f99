// SPDX-License-Identifier: BSL-1.0
// The decoder against binutils: every opcode pattern of the load/store space, read by objdump and by us.
#include <axhal/arch/aarch64/mmio_decoder.hpp>

#include <catch2/catch_test_macros.hpp>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <optional>
#include <random>
#include <regex>
#include <string>
#include <unistd.h>
#include <unordered_map>
#include <vector>

using axhal::aarch64::decode_load_store;
using axhal::aarch64::load_store;
using axhal::aarch64::undecoded;

namespace {

constexpr char const* objdump = "aarch64-linux-gnu-objdump";

struct mnemonic {
  bool load;
  unsigned size;  // 0: that of the register
  bool sign;
  bool pair;
};

/// The plain loads and stores of general registers, by the assembler's names.
std::unordered_map<std::string, mnemonic> mnemonics() {
  std::unordered_map<std::string, mnemonic> all;
  for (std::string const form : {"r", "ur", "tr", "apur"}) {
    all["ld" + form] = {true, 0, false, false};
    all["ld" + form + "b"] = {true, 1, false, false};
    all["ld" + form + "h"] = {true, 2, false, false};
    all["ld" + form + "sb"] = {true, 1, true, false};
    all["ld" + form + "sh"] = {true, 2, true, false};
    all["ld" + form + "sw"] = {true, 4, true, false};
  }
  for (std::string const form : {"ar", "lar", "apr"}) {
    all["ld" + form] = {true, 0, false, false};
    all["ld" + form + "b"] = {true, 1, false, false};
    all["ld" + form + "h"] = {true, 2, false, false};
  }
  for (std::string const form : {"r", "ur", "tr", "lr", "llr", "lur"}) {
    all["st" + form] = {false, 0, false, false};
    all["st" + form + "b"] = {false, 1, false, false};
    all["st" + form + "h"] = {false, 2, false, false};
  }
  all["ldp"] = all["ldnp"] = {true, 0, false, true};
  all["stp"] = all["stnp"] = {false, 0, false, true};
  all["ldpsw"] = {true, 4, true, true};
  return all;
}

struct reg {
  unsigned number;
  bool wide;
};
std::optional<reg> parse_register(std::string const& s) {
  if (s == "sp" || s == "xzr") return reg{31, true};
  if (s == "wzr") return reg{31, false};
  static std::regex const form{"([wx])([0-9]+)"};
  std::smatch m;
  if (!std::regex_match(s, m, form)) return std::nullopt;
  return reg{static_cast<unsigned>(std::stoul(m[2])), m[1] == "x"};
}

/// What the text of an instruction at `pc` says, or nothing when it is no plain access of general registers.
std::optional<load_store> parse(std::string const& text, std::uint64_t pc) {
  static auto const known = mnemonics();
  static std::regex const shape{
      R"(^(\w+)\s+(\w+), (?:(\w+), )?(?:\[(\w+)(?:, ([^\]]*))?\](!)?(?:, #(-?\w+))?|(0x[0-9a-f]+)).*$)"};
  std::smatch m;
  if (!std::regex_match(text, m, shape)) return std::nullopt;
  auto const found = known.find(m[1]);
  if (found == known.end()) return std::nullopt;
  auto const what = found->second;
  auto const rt = parse_register(m[2]);
  if (!rt || what.pair != m[3].matched) return std::nullopt;

  load_store a{};
  a.load = what.load;
  a.pair = what.pair;
  a.size = static_cast<std::uint8_t>(what.size != 0 ? what.size : rt->wide ? 8 : 4);
  a.sign_extend = what.sign;
  a.register_size = rt->wide ? 8 : 4;
  a.rt = static_cast<std::uint8_t>(rt->number);
  if (a.pair) {
    auto const rt2 = parse_register(m[3]);
    if (!rt2) return std::nullopt;
    a.rt2 = static_cast<std::uint8_t>(rt2->number);
  }
  if (m[8].matched) {
    a.mode = load_store::addressing::literal;
    a.immediate = static_cast<std::int64_t>(std::stoull(m[8], nullptr, 16) - pc);
    return a;
  }
  auto const rn = parse_register(m[4]);
  if (!rn) return std::nullopt;
  a.rn = static_cast<std::uint8_t>(rn->number);
  if (m[7].matched) {
    a.mode = load_store::addressing::post_index;
    a.immediate = std::stoll(m[7], nullptr, 0);
    return a;
  }
  if (m[6].matched) a.mode = load_store::addressing::pre_index;
  if (!m[5].matched) return a;
  std::string const inside = m[5];
  if (inside[0] == '#') {
    a.immediate = std::stoll(inside.substr(1), nullptr, 0);
    return a;
  }
  static std::regex const index{R"((\w+)(?:, (\w+)(?: #(\d+))?)?)"};
  std::smatch i;
  if (!std::regex_match(inside, i, index)) return std::nullopt;
  auto const rm = parse_register(i[1]);
  if (!rm) return std::nullopt;
  a.mode = load_store::addressing::register_offset;
  a.rm = static_cast<std::uint8_t>(rm->number);
  a.extend = load_store::extension::lsl;
  if (i[2] == "uxtw") a.extend = load_store::extension::uxtw;
  if (i[2] == "sxtw") a.extend = load_store::extension::sxtw;
  if (i[2] == "sxtx") a.extend = load_store::extension::sxtx;
  if (i[3].matched) a.shift = static_cast<std::uint8_t>(std::stoul(i[3]));
  return a;
}

bool is_unpredictable(load_store const& a) {
  if (a.pair && a.load && a.rt == a.rt2) return true;
  return a.writes_base() && a.rn != 31 && (a.rn == a.rt || (a.pair && a.rn == a.rt2));
}

std::vector<std::uint32_t> sample() {
  std::vector<std::uint32_t> words;
  struct operands {
    std::uint32_t middle, rn, rt;  // bits 20:16, 9:5, 4:0
  };
  constexpr operands choices[] = {{31, 2, 3}, {0, 31, 31}, {5, 4, 4}, {18, 31, 0}, {7, 30, 29}};
  for (std::uint32_t high = 0; high < 2048; ++high) {
    bool const load_store_space = (high >> 4 & 5) == 4;
    if (!load_store_space) continue;
    for (std::uint32_t low = 0; low < 64; ++low) {
      for (auto const& c : choices) words.push_back(high << 21 | c.middle << 16 | low << 10 | c.rn << 5 | c.rt);
    }
  }
  std::mt19937 random{1};
  for (int i = 0; i < 50'000; ++i)
    words.push_back((static_cast<std::uint32_t>(random()) & ~0x0200'0000U) | 0x0800'0000U);
  for (int i = 0; i < 20'000; ++i) words.push_back(static_cast<std::uint32_t>(random()));
  return words;
}

}  // namespace

TEST_CASE("the decoder reads what binutils reads") {
  if (std::system((std::string{objdump} + " --version >/dev/null 2>&1").c_str()) != 0)
    SKIP(objdump << " is not on this machine");

  auto const words = sample();
  char path[] = "/tmp/axhal-decoder-XXXXXX";
  int const file = mkstemp(path);
  REQUIRE(file >= 0);
  close(file);
  std::ofstream{path, std::ios::binary}.write(reinterpret_cast<char const*>(words.data()),
                                              static_cast<std::streamsize>(words.size() * 4));
  std::string const command = std::string{objdump} + " -D -z -b binary -m aarch64 --no-show-raw-insn " + path;
  FILE* const out = popen(command.c_str(), "r");
  REQUIRE(out != nullptr);

  std::size_t lines = 0;
  std::size_t accesses = 0;
  std::size_t wrong = 0;
  char line[256];
  while (std::fgets(line, sizeof line, out) != nullptr) {
    char* end = nullptr;
    std::uint64_t const pc = std::strtoull(line, &end, 16);
    if (end == line || *end != ':') continue;
    std::string text{end + 1};
    text.erase(0, text.find_first_not_of(" \t"));
    text.erase(text.find_last_not_of(" \n\t") + 1);
    ++lines;
    std::uint32_t const word = words.at(pc / 4);
    auto const theirs = parse(text, pc);
    auto const ours = decode_load_store(word);
    bool agree = false;
    if (!theirs) {
      agree = !ours;
    } else if (is_unpredictable(*theirs)) {
      agree = !ours && ours.error() == undecoded::unpredictable;
    } else {
      ++accesses;
      agree = ours.has_value() && *ours == *theirs;
      // Ordered loads and stores with their should-be-one fields not one: binutils reads them, we do not.
      bool const ordered = (word & 0x3fa0'0000) == 0x0880'0000;
      if (ordered && (word >> 10 & 31 & word >> 16 & 31) != 31)
        agree = !ours && ours.error() == undecoded::unpredictable;
    }
    if (!agree && ++wrong <= 20)
      UNSCOPED_INFO(std::hex << word << ": " << text << (ours ? " (decoded)" : " (not decoded)"));
  }
  CHECK(pclose(out) == 0);
  unlink(path);
  CHECK(wrong == 0);
  CHECK(lines == words.size());
  CHECK(accesses > 40'000);
}
