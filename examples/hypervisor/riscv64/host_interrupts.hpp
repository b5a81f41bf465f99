// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "../device_check.hpp"
#include "../host_memory.hpp"

#include <axhal/board/qemu_virt_riscv64.hpp>
#include <axhal/board/qemu_virt_riscv64_platform.hpp>
#include <axhal/boot/device_tree.hpp>
#include <axhal/core/result.hpp>

#include <bit>
#include <cstdint>

namespace example {

using board = axhal::board::qemu_virt_riscv64;

/// The machine's interrupt controller behind the hart: a PLIC (aia=none), or an APLIC with IMSICs (aia=aplic-imsic).
/// The device tree says which.
class host_interrupts {
  using platform = axhal::board::qemu_virt_riscv64_platform<>;

 public:
  using controller_type = axhal::board::qemu_virt_riscv64_external;
  using hart_map = axhal::board::qemu_virt_riscv64_harts;

  /// `cpu` is the node of the hart that runs this code.
  [[nodiscard]] axhal::result<void, trouble> detect(axhal::boot::device_tree const& tree,
                                                    axhal::boot::tree_node const& cpu, hart_map const& harts) {
    if (!tree.find_compatible("riscv,imsics")) {
      controller_.use_first(harts);
      return check_device(tree, "sifive,plic-1.0.0", 0, board::plic.start,
                          "there is no PLIC, and no IMSIC (-M virt,aia=none or aia=aplic-imsic)");
    }
    auto const files = find_device(tree, "riscv,imsics", 0, board::imsic_supervisor.start,
                                   "the IMSICs are not where this image has them");
    if (!files) return axhal::failure{files.error()};
    auto const wires =
        find_device(tree, "riscv,aplic", 0, board::aplic_supervisor.start, "the APLIC is not where this image has it");
    if (!wires) return axhal::failure{wires.error()};
    auto const index = index_of(*files, cpu);
    if (!index) return axhal::failure{trouble{"the device tree gives this hart no IMSIC"}};
    index_ = *index;
    sources_ = static_cast<std::uint32_t>(number_in(*wires, "riscv,num-sources", 0));
    identities_ = static_cast<std::uint32_t>(number_in(*files, "riscv,num-ids", 0));
    controller_.use_second(layout_of(*files));
    return {};
  }

  [[nodiscard]] axhal::result<void, trouble> set_up(std::uint64_t hartid) {
    constexpr axhal::cpu_number self{0};
    bool const done =
        controller_.is_second()
            ? controller_.second().init(sources_, identities_) && controller_.second().init_cpu(self, index_)
            : controller_.first().init(board::plic_sources) &&
                  controller_.first().init_cpu(self, board::supervisor_context(hartid));
    if (!done) return axhal::failure{trouble{"the interrupt controller is not what the device tree says", hartid}};
    return {};
  }

  [[nodiscard]] controller_type& controller() { return controller_; }
  [[nodiscard]] axhal::text name() const {
    return controller_.is_second() ? axhal::text{"IMSIC"} : axhal::text{"PLIC"};
  }

 private:
  static axhal::riscv64::imsic_layout layout_of(axhal::boot::tree_node const& files) {
    auto const parents = files.property("interrupts-extended");
    auto const harts = parents ? static_cast<std::uint32_t>(parents->cell_count() / 2) : 1U;
    auto const bits = [&](axhal::text name, unsigned otherwise) {
      return static_cast<unsigned>(number_in(files, name, otherwise));
    };
    unsigned const hart_bits = harts > 1 ? static_cast<unsigned>(std::bit_width(harts - 1)) : 0U;
    return {bits("riscv,hart-index-bits", hart_bits), bits("riscv,guest-index-bits", 0),
            bits("riscv,group-index-bits", 0), bits("riscv,group-index-shift", 24)};
  }
  /// The place of a hart among the parents of the IMSICs: pairs of an interrupt controller's handle and a number.
  static axhal::result<std::uint32_t, trouble> index_of(axhal::boot::tree_node const& files,
                                                        axhal::boot::tree_node const& cpu) {
    auto const parents = files.property("interrupts-extended");
    auto const own = cpu.child("interrupt-controller");
    if (!parents || !own) return axhal::failure{trouble{}};
    for (std::uint32_t i = 0; i < parents->cell_count() / 2; ++i) {
      auto const handle = parents->cell(std::size_t{i} * 2);
      if (handle && *handle == own->phandle()) return i;
    }
    return axhal::failure{trouble{}};
  }

  controller_type controller_;
  std::uint32_t index_{};
  std::uint32_t sources_{};
  std::uint32_t identities_{};
};

}  // namespace example
