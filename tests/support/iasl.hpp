// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "support/acpi_blobs.hpp"

#include <catch2/catch_test_macros.hpp>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

namespace axhal::test {

/// The ACPI compiler in a folder that goes away with the test.
struct iasl_folder {
  iasl_folder() {
    std::string name = (std::filesystem::temp_directory_path() / "axhal-iasl-XXXXXX").string();
    REQUIRE(mkdtemp(name.data()) != nullptr);
    folder = name;
  }
  iasl_folder(iasl_folder const&) = delete;
  iasl_folder& operator=(iasl_folder const&) = delete;
  ~iasl_folder() { std::filesystem::remove_all(folder); }
  std::string path(std::string const& name) const { return (folder / name).string(); }
  void write(std::string const& name, std::string const& content) const {
    std::ofstream{path(name), std::ios::binary} << content;
  }
  std::string read(std::string const& name) const {
    std::ifstream file{path(name), std::ios::binary};
    return {std::istreambuf_iterator<char>{file}, {}};
  }
  /// Runs iasl and returns all that it says.
  std::string iasl(std::string const& arguments) const {
    std::string const command = "cd " + folder.string() + " && " + AXHAL_IASL + " " + arguments + " > said.txt 2>&1";
    int const status = std::system(command.c_str());
    std::string said = read("said.txt");
    INFO(command << "\n" << said);
    REQUIRE(status == 0);
    return said;
  }
  /// The bytes that iasl makes of a source.
  blob compile(std::string const& source) const {
    write("source.asl", source);
    iasl("-p compiled source.asl");
    std::string const made = read("compiled.aml");
    return {made.begin(), made.end()};
  }
  std::filesystem::path folder;
};

/// The first word of what the disassembler says that means it is not content, or nothing.
inline std::string complaint(std::string said) {
  for (char& c : said) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c);
  for (char const* word : {"warning", "error", "invalid", "incorrect", "unknown", "****", "terminates"}) {
    if (said.find(word) != std::string::npos) return word;
  }
  return {};
}

}  // namespace axhal::test
