// SPDX-License-Identifier: BSL-1.0
// ISA strings of any bytes: every name that is read lies inside the string, and a string that is built of names is read
// as those names.
#include <axhal/arch/riscv64/isa.hpp>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

namespace {

using namespace axhal;
using namespace axhal::riscv64;

void require(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  if (size == 0) return 0;
  // Mostly strings with the right beginning, in memory of exactly their size.
  std::size_t const head = (data[0] & 3) != 0 ? 4 : 0;
  std::size_t const length = head + size - 1;
  std::unique_ptr<char[]> const copy{new char[length]};
  for (std::size_t i = 0; i < head; ++i) copy[i] = "rv64"[i];
  for (std::size_t i = 1; i < size; ++i) copy[head + i - 1] = static_cast<char>(data[i]);
  text const isa{copy.get(), length};

  isa_string built;
  std::vector<std::string> added;
  char const* last = isa.begin();
  for_each_extension(isa, [&](text name) {
    require(isa.starts_with("rv64") && !name.empty());
    require(name.begin() >= last && name.end() <= isa.end());
    last = name.end();
    require(name[0] >= 'a' && name[0] <= 'z');
    for (char const c : name) require((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'));
    require(name.size == 1 || name[0] == 'z' || name[0] == 's' || name[0] == 'x');
    std::size_t const before = built.get().size;
    built.add(name);
    if (built.get().size != before) added.emplace_back(name.data, name.size);
    require(built.get().size <= 512);
  });
  std::size_t n = 0;
  for_each_extension(built.get(), [&](text name) {
    require(n < added.size() && added[n] == std::string(name.data, name.size));
    ++n;
  });
  require(n == added.size());
  return 0;
}
