// SPDX-License-Identifier: BSL-1.0
// The decoder against binutils: every compressed encoding, and a large sample of loads, stores and AMOs, read by
// objdump and by us.
#include <axhal/arch/riscv64/mmio_decoder.hpp>

#include <catch2/catch_test_macros.hpp>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <initializer_list>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <unistd.h>
#include <unordered_map>
#include <vector>

using axhal::riscv64::decode_load_store;
using axhal::riscv64::load_store;
using axhal::riscv64::undecoded;

namespace {

constexpr char const* objdump = "riscv64-linux-gnu-objdump";
using kind = load_store::kind;
using operation = load_store::operation;

/// What a mnemonic says, without the operands. A size of 0: an access of its own kind that we leave alone.
struct mnemonic {
  kind what;
  std::uint8_t size;
  bool sign;
  operation op;
};

std::string joined(std::initializer_list<std::string_view> parts) {
  std::string whole;
  for (auto const part : parts) whole += part;
  return whole;
}

/// By the assembler's names, without aliases.
std::unordered_map<std::string, mnemonic> mnemonics() {
  std::unordered_map<std::string, mnemonic> all;
  struct width {
    char const* letter;
    std::uint8_t size;
  };
  for (auto const& w : {width{"b", 1}, width{"h", 2}, width{"w", 4}, width{"d", 8}}) {
    std::string const letter = w.letter;
    all["l" + letter] = {kind::load, w.size, true, {}};
    if (w.size != 8) all["l" + letter + "u"] = {kind::load, w.size, false, {}};
    all["s" + letter] = {kind::store, w.size, false, {}};
    struct amo {
      char const* name;
      operation op;
    };
    for (auto const& a : {amo{"swap", operation::swap}, amo{"add", operation::add}, amo{"xor", operation::bit_xor},
                          amo{"and", operation::bit_and}, amo{"or", operation::bit_or}, amo{"min", operation::min},
                          amo{"max", operation::max}, amo{"minu", operation::minu}, amo{"maxu", operation::maxu}}) {
      for (std::string const order : {"", ".aq", ".rl", ".aqrl"})
        all[joined({"amo", a.name, ".", letter, order})] = {kind::amo, w.size, true, a.op};
    }
    for (std::string const order : {"", ".aq", ".rl", ".aqrl"}) {
      for (std::string const form : {"lr.", "sc.", "amocas."}) all[joined({form, letter, order})] = {};
    }
  }
  for (std::string const form : {"lw", "ld", "sw", "sd", "lbu", "lhu", "lh", "sb", "sh"}) all["c." + form] = all[form];
  for (std::string const form : {"lw", "ld", "sw", "sd"}) all["c." + form + "sp"] = all[form];
  for (std::string const form :
       {"flw", "fld", "flq", "flh", "fsw", "fsd", "fsq", "fsh", "c.fld", "c.fsd", "c.fldsp", "c.fsdsp"})
    all[form] = {};
  return all;
}

/// What the text of an instruction of `length` bytes says; nothing when it is neither load nor store nor AMO.
struct reading {
  bool ours_to_do;
  load_store access;
};
std::optional<reading> parse(std::string const& text, std::uint8_t length) {
  static auto const known = mnemonics();
  auto const found = known.find(text.substr(0, text.find_first_of(" \t")));
  if (found == known.end()) return std::nullopt;
  auto const& what = found->second;
  if (what.size == 0) return reading{false, {}};
  load_store a{.what = what.what, .op = what.op, .size = what.size, .sign_extend = what.sign, .length = length};
  unsigned first = 0;
  unsigned second = 0;
  unsigned base = 0;
  int immediate = 0;
  char const* const operands = text.c_str() + text.find_first_of(" \t");
  if (what.what == kind::amo) {
    if (std::sscanf(operands, " x%u,x%u,(x%u)", &first, &second, &base) != 3) return std::nullopt;
    a.rd = static_cast<std::uint8_t>(first);
    a.rs2 = static_cast<std::uint8_t>(second);
  } else {
    if (std::sscanf(operands, " x%u,%d(x%u)", &first, &immediate, &base) != 3) return std::nullopt;
    (what.what == kind::load ? a.rd : a.rs2) = static_cast<std::uint8_t>(first);
  }
  a.rs1 = static_cast<std::uint8_t>(base);
  a.immediate = immediate;
  return reading{true, a};
}

/// True for encodings younger than some binutils: Zcb's, and AMOs of bytes and halfwords (Zabha).
bool may_be_unknown(std::uint32_t word) {
  if ((word & 0xe003) == 0x8000) return true;
  return (word & 0x7f) == 0x2f && (word >> 12 & 7) < 2;
}

struct tally {
  std::size_t lines{}, accesses{}, left_alone{}, unknown{}, wrong{};
};

/// Lets objdump read `bytes` and compares each instruction in them.
tally compare(std::vector<std::uint8_t> const& bytes) {
  char path[] = "/tmp/axhal-decoder-XXXXXX";
  int const file = mkstemp(path);
  REQUIRE(file >= 0);
  close(file);
  std::ofstream{path, std::ios::binary}.write(reinterpret_cast<char const*>(bytes.data()),
                                              static_cast<std::streamsize>(bytes.size()));
  std::string const command =
      std::string{objdump} + " -D -z -b binary -m riscv:rv64 -M no-aliases -M numeric --no-show-raw-insn " + path;
  FILE* const out = popen(command.c_str(), "r");
  REQUIRE(out != nullptr);
  tally all;
  char line[256];
  while (std::fgets(line, sizeof line, out) != nullptr) {
    char* end = nullptr;
    std::size_t const pc = std::strtoull(line, &end, 16);
    if (end == line || *end != ':') continue;
    std::string text{end + 1};
    text.erase(0, text.find_first_not_of(" \t"));
    text.erase(text.find_last_not_of(" \n\t") + 1);
    ++all.lines;
    std::uint32_t word = bytes.at(pc) | static_cast<std::uint32_t>(bytes.at(pc + 1)) << 8;
    std::uint8_t const length = (word & 3) == 3 ? 4 : 2;
    if (length == 4)
      word |= static_cast<std::uint32_t>(bytes.at(pc + 2)) << 16 | static_cast<std::uint32_t>(bytes.at(pc + 3)) << 24;
    auto const theirs = parse(text, length);
    auto const ours = decode_load_store(word);
    bool agree = !ours;
    if (theirs && theirs->ours_to_do) {
      ++all.accesses;
      agree = ours.has_value() && *ours == theirs->access;
    } else if (theirs) {
      ++all.left_alone;
      agree = !ours && ours.error() == undecoded::unsupported;
    } else if (may_be_unknown(word)) {
      ++all.unknown;
      agree = true;
    }
    if (!agree && ++all.wrong <= 20)
      UNSCOPED_INFO(std::hex << word << ": " << text << (ours ? " (decoded)" : " (not decoded)"));
  }
  CHECK(pclose(out) == 0);
  unlink(path);
  CHECK(all.wrong == 0);
  return all;
}

void append(std::vector<std::uint8_t>& bytes, std::uint32_t word, unsigned count) {
  for (unsigned i = 0; i < count; ++i) bytes.push_back(static_cast<std::uint8_t>(word >> (8 * i)));
}

bool has_objdump() { return std::system((std::string{objdump} + " --version >/dev/null 2>&1").c_str()) == 0; }

}  // namespace

TEST_CASE("every compressed instruction is read as binutils reads it") {
  if (!has_objdump()) SKIP(objdump << " is not on this machine");
  std::vector<std::uint8_t> bytes;
  std::size_t count = 0;
  for (std::uint32_t word = 0; word < 0x1'0000; ++word) {
    if ((word & 3) == 3) continue;  // the first half of a longer one
    append(bytes, word, 2);
    ++count;
  }
  auto const all = compare(bytes);
  CHECK(all.lines == count);
  // 11 bits each of C.LW, C.LD, C.SW, C.SD; of the stack's, two of 11 bits for stores, two for loads without x0.
  CHECK(all.accesses >= 4 * 2048 + 2 * 2048 + 2 * 31 * 64);
  CHECK(all.left_alone == 4 * 2048);
  CHECK(all.unknown <= 2048);
}

TEST_CASE("loads, stores and AMOs are read as binutils reads them") {
  if (!has_objdump()) SKIP(objdump << " is not on this machine");
  std::vector<std::uint8_t> bytes;
  std::size_t count = 0;
  auto const add = [&](std::uint32_t word) {
    append(bytes, word, 4);
    ++count;
  };
  constexpr std::uint32_t opcodes[] = {0x03, 0x07, 0x23, 0x27, 0x2f};
  std::mt19937 random{1};
  for (auto const opcode : opcodes) {
    // Every funct3 with every pattern of the upper seven bits, then whatever comes.
    for (std::uint32_t funct3 = 0; funct3 < 8; ++funct3) {
      for (std::uint32_t high = 0; high < 128; ++high) {
        for (int i = 0; i < 8; ++i) {
          std::uint32_t const registers = static_cast<std::uint32_t>(random()) & 0x01ff'8f80;
          add(high << 25 | registers | funct3 << 12 | opcode);
          if (i < 2) add(high << 25 | (registers & ~0x01f0'0000U) | funct3 << 12 | opcode);  // LR has no rs2
        }
      }
    }
    for (int i = 0; i < 30'000; ++i) add((static_cast<std::uint32_t>(random()) & ~0x7fU) | opcode);
  }
  for (int i = 0; i < 20'000; ++i) {
    std::uint32_t const any = static_cast<std::uint32_t>(random()) | 3;
    add((any & 0x1c) == 0x1c ? any & ~4U : any);  // ones in bits 4:2 begin a longer instruction
  }
  auto const all = compare(bytes);
  CHECK(all.lines == count);
  CHECK(count > 200'000);
  CHECK(all.accesses > 50'000);
  CHECK(all.left_alone > 15'000);
}
