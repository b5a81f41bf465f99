// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "../checks.hpp"

#include <axhal/boot/device_tree.hpp>
#include <axhal/core/bytes.hpp>

#include <cstddef>
#include <cstdint>

// What the device tree tells the guest of its machine.
namespace payload {

class machine {
 public:
  /// Reads the tree at `at`. Without one, or without what every machine has, the checks of it fail.
  explicit machine(std::uint64_t at) {
    auto const* const blob = reinterpret_cast<std::uint8_t const*>(at);
    std::size_t const size = at == 0 ? 0 : std::size_t{blob[4]} << 24 | blob[5] << 16 | blob[6] << 8 | blob[7];
    auto const tree = axhal::boot::device_tree::open({blob, size});
    check("the device tree is one", tree.has_value(), 1);
    if (!tree) return;
    model_ = string(tree->root(), "model");
    if (auto const cpu = tree->find("/cpus/cpu")) isa_ = string(*cpu, "riscv,isa");
    check("the tree has the CPU's ISA string", isa_.starts_with("rv64i"), 1);
    auto const memory = tree->find("/memory");
    if (!memory) return;
    auto const reg = memory->property("reg");
    if (!reg || reg->cell_count() != 4) return;
    memory_ = std::uint64_t{*reg->cell(2)} << 32 | *reg->cell(3);
  }

  /// The machine is the one of this project's hypervisor, and keeps its promises beside the architecture's.
  [[nodiscard]] bool is_ours() const { return model_ == "axhal virtual machine"; }
  [[nodiscard]] std::uint64_t memory_size() const { return memory_; }
  [[nodiscard]] axhal::text isa() const { return isa_; }

  /// True when the ISA string lists an extension of one letter ...
  [[nodiscard]] bool has(char letter) const {
    for (char c : single_letters()) {
      if (c == letter) return true;
    }
    return false;
  }
  /// ... or of more, which stand behind underscores.
  [[nodiscard]] bool has(axhal::text name) const {
    for (std::size_t at = single_letters().size + 4; at < isa_.size;) {
      std::size_t length = 0;
      while (at + length < isa_.size && isa_[at + length] != '_') ++length;
      if (isa_.sub(at, length) == name) return true;
      at += length + 1;
    }
    return false;
  }

 private:
  static axhal::text string(axhal::boot::tree_node node, axhal::text name) {
    auto const property = node.property(name);
    if (!property) return {};
    auto const value = property->string();
    return value ? *value : axhal::text{};
  }
  /// What follows "rv64", up to the first underscore.
  [[nodiscard]] axhal::text single_letters() const {
    auto const rest = isa_.sub(4);
    std::size_t length = 0;
    while (length < rest.size && rest[length] != '_') ++length;
    return rest.sub(0, length);
  }

  axhal::text model_{};
  axhal::text isa_{};
  std::uint64_t memory_{};
};

}  // namespace payload
