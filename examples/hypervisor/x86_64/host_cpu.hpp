// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/arch/x86_64/control_registers.hpp>
#include <axhal/arch/x86_64/guest_cpuid.hpp>
#include <axhal/arch/x86_64/guest_cpuid_table.hpp>
#include <axhal/arch/x86_64/guest_page_tables.hpp>
#include <axhal/arch/x86_64/host_features.hpp>
#include <axhal/arch/x86_64/insn.hpp>
#include <axhal/board/pc.hpp>
#include <axhal/core/units.hpp>
#include <axhal/vdev/mc146818_time.hpp>

#include <cstdint>

namespace example {

/// The CPU as a guest sees it: its CPUID, and what follows from it.
class guest_cpu {
 public:
  /// For guests whose TSC runs at `tsc`.
  void set_up(axhal::hertz tsc) {
    using namespace axhal::x86_64;
    auto const khz = static_cast<std::uint32_t>(tsc.value / 1000);
    // Four levels reach all the memory that a guest gets here, and walks of five take longer.
    table_ = make_guest_cpuid<cpu>({.la57 = false, .tsc_khz = khz, .apic_khz = khz});
    auto const host = host_features::read<cpu>();
    vendor_ = host.vendor();
    physical_bits_ = host.physical_bits();
  }
  [[nodiscard, gnu::always_inline]] axhal::x86_64::cpuid_result cpuid(std::uint32_t leaf, std::uint32_t subleaf) const {
    return table_.answer(leaf, subleaf, 0);
  }
  [[nodiscard]] axhal::x86_64::cpu_vendor vendor() const { return vendor_; }
  [[nodiscard]] unsigned physical_bits() const { return physical_bits_; }
  /// What a guest's page tables may hold.
  [[nodiscard]] axhal::x86_64::paging_limits limits() const {
    constexpr std::uint32_t extended_features = 0x8000'0001;
    bool const large = (cpuid(extended_features, 0).edx & axhal::x86_64::feature::page_1g.mask()) != 0;
    return {static_cast<std::uint8_t>(physical_bits_), large};
  }

 private:
  axhal::x86_64::guest_cpuid table_{};
  axhal::x86_64::cpu_vendor vendor_{};
  unsigned physical_bits_{36};
};

/// Switches on what protects the hypervisor from itself, as far as this CPU has it: no instruction or data of user
/// pages (there are none), no descriptor tables told to user code. XSAVE and SSE instructions are on for the guests'
/// states.
inline void harden_cpu(axhal::x86_64::host_features const& host) {
  using namespace axhal::x86_64;
  std::uint64_t value = cpu::read_cr4() | cr4::f_osfxsr::mask | cr4::f_osxmmexcpt::mask;
  if (host.has(feature::mce)) value |= cr4::f_mce::mask;
  if (host.has(feature::smep)) value |= cr4::f_smep::mask;
  if (host.has(feature::smap)) value |= cr4::f_smap::mask;
  if (host.has(feature::umip)) value |= cr4::f_umip::mask;
  if (host.has(feature::xsave)) value |= cr4::f_osxsave::mask;
  cpu::write_cr4(value);
}

/// Seconds since 1970 by the machine's CMOS clock, taken for UTC; read twice alike, so that no update lay between.
[[nodiscard]] inline std::uint64_t read_cmos_time() {
  using axhal::x86_64::cpu;
  using time = axhal::vdev::mc146818_time;
  constexpr std::uint16_t index = axhal::board::pc::cmos;
  auto const byte = [](std::uint8_t at) {
    cpu::out8(index, at);
    return cpu::in8(index + 1);
  };
  auto const read = [&] {
    constexpr std::uint8_t register_b = 0x0b;
    time t;
    for (std::uint8_t const at :
         {time::seconds, time::minutes, time::hours, time::day_of_month, time::month, time::year, time::century}) {
      t.bytes[at] = byte(at);
    }
    t.b = byte(register_b);
    return t.since_1970();
  };
  std::uint64_t last = read();
  for (unsigned i = 0; i < 100; ++i) {
    std::uint64_t const again = read();
    if (again == last) break;
    last = again;
  }
  return last;
}

}  // namespace example
