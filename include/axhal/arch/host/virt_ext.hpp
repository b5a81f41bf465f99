// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/conformance/guest_script.hpp>
#include <axhal/core/address.hpp>
#include <axhal/core/bit_field.hpp>
#include <axhal/core/result.hpp>
#include <axhal/core/units.hpp>
#include <axhal/policy/virt_ext.hpp>
#include <axhal/vcpu/dispatch.hpp>
#include <axhal/vcpu/exit.hpp>

#include <cstddef>
#include <cstdint>

namespace axhal::host {

/// One virtual CPU of the simulated machine. Its general registers are saved at every exit, its system register only by
/// `put`: as on real machines, two kinds of state with two costs.
struct scripted_vcpu {
  static constexpr unsigned register_count = 8;

  std::uint64_t r[register_count]{};
  std::uint64_t system{};
  guest_phys pc{};
  laws::guest_script script{};
  host_phys root{};
  vmid id{};
  laws::guest_step stopped_at{};  ///< the step that exits
  bool is_lost{};                 ///< it has no step at `pc`
  bool is_loaded{};               ///< its registers were on the CPU when it was entered

  /// At `entry` with `argument` in register 0, everything else zero. Script and translation stay.
  constexpr void reset(guest_phys entry, std::uint64_t argument) {
    for (auto& value : r) value = 0;
    r[0] = argument;
    system = 0;
    pc = entry;
  }
  constexpr void set_translation(host_phys table, vmid tag) {
    root = table;
    id = tag;
  }
  constexpr void use_script(laws::guest_script const& program) { script = program; }

  /// Register `n`; numbers without a register read zero.
  [[nodiscard]] constexpr std::uint64_t get(unsigned n) const { return n < register_count ? r[n] : 0; }
  /// Writes register `n`; numbers without a register are ignored.
  constexpr void set(unsigned n, std::uint64_t value) {
    if (n < register_count) r[n] = value;
  }
};

/// A stopped simulated guest as an exit handler sees it.
struct scripted_guest {
  scripted_vcpu& vcpu;

  [[nodiscard]] constexpr std::uint64_t argument(unsigned n) const { return n <= 6 ? vcpu.get(n) : 0; }
  constexpr void set_result(unsigned n, std::uint64_t value) {
    if (n <= 3) vcpu.set(n, value);
  }
  constexpr void complete_read(exit::mmio_read const& e, std::uint64_t value) {
    unsigned const bits = e.size < 8 ? 8U * e.size : 64;
    if (bits == 0) return;
    vcpu.set(e.reg, e.sign_extend ? sign_extend(value, bits) : value & low_bits(bits));
  }
  constexpr void complete_register_read(exit::register_read const& e, std::uint64_t value) { vcpu.set(e.reg, value); }
  constexpr void inject(guest_fault fault) {
    vcpu.set(6, vcpu.pc.value);
    vcpu.set(7, static_cast<std::uint64_t>(fault.what));
    vcpu.pc = vcpu.script.base + 4 * vcpu.script.fault_entry;
  }
};
static_assert(GuestContext<scripted_guest>);

/// What a simulated machine answers to `probe()`.
struct virt_machine {
  virt_features features{.vmid_bits = 8, .guest_address_bits = 40, .output_address_bits = 48};
  bool works{true};
  virt_error why{virt_error::absent};  ///< when it does not work
};

/// The virtualization extension of a simulated machine: its guests are scripts, so a hypervisor's handlers and loops
/// run on the host, in the compiler too. Models `VirtExtPolicy`; nothing a script does reaches the host.
template <virt_machine Machine = virt_machine{}>
class virt_ext {
 public:
  using vcpu = scripted_vcpu;

  [[nodiscard]] static constexpr result<virt_features, virt_error> probe() {
    if (!Machine.works) return failure{Machine.why};
    return Machine.features;
  }
  constexpr result<void, virt_error> enable() {
    if (!Machine.works) return failure{Machine.why};
    enabled_ = true;
    return {};
  }
  constexpr void disable() { enabled_ = false; }

  constexpr void load(vcpu& s) {
    system_ = s.system;
    loaded_ = &s;
  }
  constexpr void put(vcpu& s) {
    s.system = system_;
    system_ = 0;
    loaded_ = nullptr;
  }

  /// Runs steps until one exits. A vCPU that is not loaded, or a CPU that is not enabled, runs none: `decode` reports a
  /// `host_error`.
  constexpr void enter(vcpu& s) {
    using kind = laws::guest_step::kind;
    s.is_loaded = enabled_ && loaded_ == &s;
    if (!s.is_loaded) return;
    for (;;) {
      std::uint64_t const distance = s.pc.value - s.script.base.value;
      s.is_lost = distance % 4 != 0 || distance / 4 >= s.script.steps.size;
      if (s.is_lost) return;
      s.stopped_at = s.script.steps[distance / 4];
      if (s.stopped_at.what == kind::set) {
        s.set(s.stopped_at.reg, s.stopped_at.value);
      } else if (s.stopped_at.what == kind::set_system) {
        system_ = s.stopped_at.value;
      } else if (s.stopped_at.what == kind::get_system) {
        s.set(s.stopped_at.reg, system_);
      } else {
        // A call has been stepped over when it exits, as on AArch64 and unlike RISC-V: handlers must not care.
        if (s.stopped_at.what == kind::call) s.pc += 4;
        return;
      }
      s.pc += 4;
    }
  }

  /// Tells `handler` the exit that `enter` returned with and moves the guest on as it answers. `stop` or `retry`.
  template <typename H>
    requires ExitHandler<H, scripted_guest>
  static constexpr resume decode(vcpu& s, H& handler) {
    scripted_guest guest{s};
    resume const answer = told(s, guest, handler);
    if (answer != resume::next_instruction) return answer;
    bool const stepped_over = s.stopped_at.what == laws::guest_step::kind::call;
    if (!stepped_over) s.pc += 4;
    return resume::retry;
  }

 private:
  template <typename H>
  static constexpr resume told(vcpu const& s, scripted_guest& guest, H& handler) {
    using kind = laws::guest_step::kind;
    auto const& step = s.stopped_at;
    if (!s.is_loaded) return handler(guest, exit::host_error{0});
    if (s.is_lost) return handler(guest, exit::memory_fault{s.pc, access::execute, false});
    unsigned const bits = step.size < 8 ? 8U * step.size : 64;
    switch (step.what) {
      case kind::call:
        return handler(guest, exit::hypercall{s.get(0), static_cast<std::uint16_t>(step.value & 0xffff), false});
      case kind::load: return handler(guest, exit::mmio_read{{step.value}, step.size, step.reg, step.sign, 8});
      case kind::store:
        return handler(guest, exit::mmio_write{{step.value}, step.size, s.get(step.reg) & low_bits(bits)});
      case kind::register_read:
        return handler(guest, exit::register_read{static_cast<std::uint32_t>(step.value & 0xffff'ffff), step.reg});
      case kind::register_write:
        return handler(guest,
                       exit::register_write{static_cast<std::uint32_t>(step.value & 0xffff'ffff), s.get(step.reg)});
      case kind::idle: return handler(guest, exit::idle{});
      case kind::yield: return handler(guest, exit::yield{});
      case kind::set:
      case kind::set_system:
      case kind::get_system: break;
    }
    return handler(guest, exit::unknown{static_cast<std::uint64_t>(step.what)});
  }

  std::uint64_t system_{};  ///< the system register of the vCPU that is loaded
  vcpu const* loaded_{};
  bool enabled_{};
};
static_assert(VirtExtPolicy<virt_ext<>> && laws::ScriptedVirtExt<virt_ext<>>);

}  // namespace axhal::host
