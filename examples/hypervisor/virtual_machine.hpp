// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "guest_memory.hpp"
#include "host_memory.hpp"

#include <axhal/core/result.hpp>
#include <axhal/hal.hpp>
#include <axhal/paging/page_table.hpp>
#include <axhal/vcpu/exit.hpp>
#include <axhal/vcpu/exit_counters.hpp>

#include <cstdint>

namespace example {

/// One guest with one vCPU: its memory, its second-stage tables, its machine, and the loop that runs it.
///
/// `Target` says what is particular to an architecture: `platform` (a `hal` with a VirtExtPolicy for a handler),
/// `stage2` and `stage2_tlb`, `load` (puts the guest's files into its memory), `guest_machine` (the exit handler), and
/// how these are put together (see aarch64/target.hpp).
template <typename Target>
class virtual_machine {
 public:
  using handler = axhal::counted<typename Target::guest_machine>;
  using platform = typename Target::template platform<handler>;
  using virt_ext = typename platform::template get<axhal::option_kind::virt_ext>;
  using tables = axhal::paging::page_table<typename Target::stage2, frame_allocator, typename Target::stage2_tlb>;

  virtual_machine(frame_allocator& frames, virt_ext& cpu, typename Target::devices& host)
      : memory_{frames, Target::guest_ram}, tables_{frames}, cpu_{cpu}, host_{host} {}

  /// Makes the guest's memory, tables and first state. On an error nothing is kept.
  [[nodiscard]] axhal::result<void, trouble> create(guest_order const& order) {
    using axhal::failure;
    constexpr unsigned vcpus = Target::guest_machine::vcpus;
    if (order.vcpus > vcpus)
      return failure{trouble{"vCPUs asked for, and how many this hypervisor runs", order.vcpus, vcpus}};
    std::uint64_t const size = order.memory / memory_type::step * memory_type::step;
    if (size == 0 || size > Target::most_guest_memory) {
      return failure{
          trouble{"the guest's memory is too small (below 2 MiB) or too large; bytes asked for, and most possible",
                  order.memory, Target::most_guest_memory}};
    }
    if (!memory_.allocate(size)) return failure{trouble{"the machine has not enough memory for the guest's", size}};
    auto const made = build(order);
    if (!made) destroy();
    return made;
  }

  /// Runs the guest to its end.
  void run(handler& answers) {
    vcpu_.handler = &answers;
    Target::begin(vcpu_, answers, cpu_);
    cpu_.load(vcpu_);
    while (true) {
      cpu_.enter(vcpu_);
      if constexpr (Target::takes_vcpu_off) {
        cpu_.put(vcpu_);
        cpu_.load(vcpu_);
      }
      if (virt_ext::decode(vcpu_, answers) != axhal::resume::stop) continue;
      if constexpr (Target::guest_machine::restarts) {
        if (auto const again = answers.take_restart(); again.wanted) {
          cpu_.put(vcpu_);
          vcpu_.restart(again.entry, again.argument);
          cpu_.load(vcpu_);
          continue;
        }
      }
      break;
    }
    cpu_.put(vcpu_);
  }

  /// Gives back what the guest had.
  void destroy() {
    tables_.destroy();
    memory_.release();
  }

  [[nodiscard]] guest_memory<frame_allocator>& memory() { return memory_; }
  [[nodiscard]] typename virt_ext::vcpu const& vcpu() const { return vcpu_; }

 private:
  using memory_type = guest_memory<frame_allocator>;

  [[nodiscard]] axhal::result<void, trouble> build(guest_order const& order) {
    using axhal::failure;
    trouble const no_tables{"no memory is left for the guest's page tables"};
    if (!tables_.create()) return failure{no_tables};
    if (!memory_.map(tables_) || !Target::map_devices(tables_)) return failure{no_tables};
    // What the memory held before is nobody's business.
    memory_.clear(memory_.range().start, memory_.range().size);
    auto const start = Target::load(order, memory_, host_, cpu_);
    if (!start) return failure{start.error()};
    memory_.for_each(memory_.range().start, memory_.range().size,
                     [this](axhal::mutable_bytes piece) { Target::publish(piece, cpu_, host_); });
    Target::set_start(vcpu_, *start);
    auto const ready = Target::prepare(vcpu_, tables_.root());
    if (ready) Target::name_translation(tables_, vcpu_);
    return ready;
  }

  memory_type memory_;
  tables tables_;
  virt_ext& cpu_;
  typename Target::devices& host_;
  typename virt_ext::vcpu vcpu_{};
};

}  // namespace example
