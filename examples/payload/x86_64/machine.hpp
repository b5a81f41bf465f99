// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "traps.hpp"

#include <axhal/boot/multiboot_header.hpp>
#include <axhal/core/bytes.hpp>

#include <cstdint>

// What CPU and firmware tell the guest of its machine, and its time.
namespace payload {

/// A time of ACPI's timer and one of the TSC that belong together: of a few pairs the one that was read quickest.
struct time_pair {
  std::uint32_t pm;
  std::uint64_t tsc, width;
};
inline time_pair read_times(std::uint16_t pm_timer) {
  time_pair best{0, 0, ones};
  for (unsigned i = 0; i < 8; ++i) {
    auto const before = cpu::rdtsc();
    auto const pm = cpu::in32(pm_timer);
    auto const after = cpu::rdtsc();
    if (after - before < best.width) best = {pm, before + (after - before) / 2, after - before};
  }
  return best;
}

/// The TSC's ticks in a millisecond, by ACPI's timer.
inline std::uint64_t measure_tsc(std::uint16_t pm_timer) {
  if (pm_timer == 0) return 1'000'000;
  constexpr std::uint32_t rate = 3'579'545, wanted = rate / 20;
  auto const first = read_times(pm_timer);
  auto last = first;
  while (((last.pm - first.pm) & 0xff'ffff) < wanted) last = read_times(pm_timer);
  return (last.tsc - first.tsc) * (rate / 1000) / ((last.pm - first.pm) & 0xff'ffff);
}

class machine {
 public:
  machine(std::uint64_t magic, std::uint64_t information) {
    using namespace axhal::boot::multiboot_format;
    auto const word = [=](std::uint64_t offset) { return load32(information + offset); };
    check("a Multiboot loader's number", magic, loader_magic);
    if (magic == loader_magic && (word(i_flags) & has_command_line) != 0) {
      auto const* const line = reinterpret_cast<char const*>(std::uint64_t{word(i_cmdline)});
      std::size_t size = 0;
      while (size < sizeof words_ && line[size] != 0) words_[size] = line[size], ++size;
      words_size_ = size;
    }
    auto const name = cpu::cpuid(0);
    intel_ = name.ebx == 0x756e'6547;
    last_basic_ = name.eax;
    last_extended_ = cpu::cpuid(0x8000'0000).eax;
    auto const hypervisor = cpu::cpuid(0x4000'0000);
    ours_ = (cpu::cpuid(1).ecx >> 31 & 1) != 0 && hypervisor.ebx == 0x6168'7861 && hypervisor.ecx == 0x6878'616c &&
            hypervisor.edx == 0x7861'6c61;
    auto const pm = find_power_management();
    check("ACPI's tables tell how to switch off", pm.pm1a_control != 0, 1);
    pm_timer_ = pm.pm_timer;
    pm1a_event_ = pm.pm1a_event;
    tsc_per_ms_ = measure_tsc(pm_timer_);
  }

  /// The machine is the one of this project's hypervisor, and keeps its promises beside the architecture's.
  [[nodiscard]] bool is_ours() const { return ours_; }
  [[nodiscard]] bool is_intel() const { return intel_; }
  /// True where what the manuals refuse is refused; emulated processors of AMD's are generous.
  [[nodiscard]] bool is_strict() const { return ours_ || intel_; }
  [[nodiscard]] std::uint16_t pm_timer() const { return pm_timer_; }
  [[nodiscard]] std::uint16_t pm1a_event() const { return pm1a_event_; }
  [[nodiscard]] std::uint64_t tsc_per_ms() const { return tsc_per_ms_; }
  [[nodiscard]] std::uint32_t last_basic() const { return last_basic_; }
  [[nodiscard]] std::uint32_t last_extended() const { return last_extended_; }

  /// True when the command line has this anywhere.
  [[nodiscard]] bool is_told(axhal::text what) const {
    for (std::size_t at = 0; at + what.size <= words_size_; ++at) {
      if (axhal::text{words_ + at, what.size} == what) return true;
    }
    return false;
  }
  [[nodiscard]] static bool has_1c(unsigned bit) { return (cpu::cpuid(1).ecx >> bit & 1) != 0; }
  [[nodiscard]] static bool has_xsave() { return has_1c(26); }
  [[nodiscard]] static bool has_avx() { return has_1c(28); }
  [[nodiscard]] static bool has_x2apic() { return has_1c(21); }
  [[nodiscard]] static bool has_tsc_deadline() { return has_1c(24); }

  /// Waits until `done()`, two seconds of the TSC at most; interrupts are as the caller has them.
  template <typename F>
  [[nodiscard]] bool wait_for(F done, std::uint64_t milliseconds = 2000) const {
    auto const start = cpu::rdtsc();
    while (cpu::rdtsc() - start < milliseconds * tsc_per_ms_) {
      if (done()) return true;
      cpu::relax();
    }
    return done();
  }
  void pause(std::uint64_t milliseconds) const {
    static_cast<void>(wait_for([] { return false; }, milliseconds));
  }

 private:
  char words_[256]{};
  std::size_t words_size_{};
  bool ours_{}, intel_{};
  std::uint16_t pm_timer_{}, pm1a_event_{};
  std::uint64_t tsc_per_ms_{};
  std::uint32_t last_basic_{}, last_extended_{};
};

}  // namespace payload
