// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "guest_answers.hpp"
#include "host_memory.hpp"
#include "log.hpp"
#include "virtual_machine.hpp"

#include <axhal/boot/phases.hpp>

#include <cstdint>
#include <utility>

namespace example {

/// Says what went wrong, with the numbers that show it.
template <typename Log>
void report(Log out, trouble const& e) {
  out.begin();
  out.write("error: ");
  if (!e.about.empty()) {
    out.write(e.about);
    out.write(": ");
  }
  out.write(e.what);
  if (e.a != 0 || e.b != 0) {
    out.write(" (");
    out.write(e.a);
    if (e.b != 0) {
      out.write(", ");
      out.write(e.b);
    }
    out.write(")");
  }
  out.end();
}

/// The machine, brought up in the six phases of `boot::phases`.
///
/// `Target::source` is what the loader left: `open(facts)`, `take_memory(frames, image)`, `read_order()`.
/// `Target::devices` are the machine's devices: `detect(source, facts)` compares them with what firmware says,
/// `set_up_interrupts()`, `set_up_timer()` and their reverses switch them on and off.
template <typename Target>
class machine {
 public:
  using error = trouble;
  using vm_type = virtual_machine<Target>;
  using devices_type = typename Target::devices;
  using cpu = typename Target::cpu;
  using role = axhal::boot::cpu_role;

  explicit machine(boot_facts facts) : facts_{facts} {}

  [[nodiscard]] auto log() { return logger<typename devices_type::console_type>{devices_.console}; }

  // --- phase 1: which machine is this ---

  [[nodiscard]] axhal::result<void, error> detect_platform() {
    auto const found = source::open(facts_);
    if (!found) return axhal::failure{found.error()};
    source_ = *found;
    return devices_.detect(source_, facts_);
  }
  void forget_platform() { source_ = {}; }

  // --- phase 2: what memory is there ---

  [[nodiscard]] axhal::result<void, error> map_memory() { return source_.take_memory(frames_, facts_.image); }
  void unmap_memory() {}

  // --- phase 3: this CPU's vectors and virtualization; its translation is on since the first instructions ---

  [[nodiscard]] axhal::result<void, error> set_up_architecture(role) {
    auto const on = virt_.enable();
    if (!on) return axhal::failure{Target::cannot_run_guests(on.error())};
    Target::withhold(virt_, devices_);
    return {};
  }
  void tear_down_architecture(role) { virt_.disable(); }

  // --- phase 4: interrupt controller ---

  [[nodiscard]] axhal::result<void, error> set_up_interrupts(role) { return devices_.set_up_interrupts(); }
  void tear_down_interrupts(role) { devices_.tear_down_interrupts(); }

  // --- phase 5: clock ---

  [[nodiscard]] axhal::result<void, error> set_up_timer(role) { return devices_.set_up_timer(); }
  void tear_down_timer(role) { devices_.tear_down_timer(); }

  // --- phase 6: per-CPU state ---

  [[nodiscard]] axhal::result<void, error> set_up_cpu(role) {
    cpu::set_per_cpu_base(this);
    return {};
  }
  void tear_down_cpu(role) { cpu::set_per_cpu_base(nullptr); }

  // --- then ---

  /// Runs the guest that the boot loader brought, and reports how it went.
  void run_guest() {
    auto const order = source_.read_order();
    if (!order) return report(log(), order.error());
    vm_type vm{frames_, virt_, devices_};
    if (auto const made = vm.create(*order); !made) return report(log(), made.error());
    auto out = log();
    out.begin();
    Target::log_how(out, devices_);
    out.write("; guest of ");
    out.write(vm.memory().range().size / axhal::mib);
    out.write(" MiB and ");
    out.write(order->vcpus);
    out.write(" vCPU");
    out.end();
    typename vm_type::handler answers{{devices_, vm.memory()}, {}};
    vm.run(answers);
    finish(vm, answers);
    vm.destroy();
  }

 private:
  using source = typename Target::source;

  void finish(vm_type const& vm, typename vm_type::handler const& answers) {
    auto out = log();
    out.write("\r\naxhal: exits");
    answers.counters.each([&](axhal::exit_kind kind, std::uint64_t count) {
      out.write(" ");
      out.write(axhal::name_of(kind));
      out.write("=");
      out.write(count);
    });
    out.write("\r\n");
    switch (answers.end()) {
      case guest_end::power_off: return out("verdict=power-off");
      case guest_end::reset: return out("verdict=reset");
      case guest_end::crash:
      case guest_end::none: break;
    }
    Target::log_where(out, vm.vcpu(), answers.last_word());
    out("verdict=crash");
  }

  boot_facts facts_;
  devices_type devices_{};
  source source_{};
  frame_allocator frames_{};
  typename vm_type::virt_ext virt_{};
};

/// From the first phase to the end of the guest.
template <typename Target>
[[gnu::cold]] void run(boot_facts facts) {
  machine<Target> here{facts};
  auto up = axhal::boot::phases::bring_up(here);
  if (!up) return report(here.log(), up.error());
  auto ready = up.take();
  here.run_guest();
  axhal::boot::phases::tear_down_all(std::move(ready));
}

}  // namespace example
