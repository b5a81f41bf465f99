// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/arch/x86_64/acpi_power.hpp>
#include <axhal/arch/x86_64/apic_registers.hpp>
#include <axhal/arch/x86_64/local_apic.hpp>
#include <axhal/arch/x86_64/msr.hpp>
#include <axhal/arch/x86_64/start_cpu.hpp>
#include <axhal/boot/acpi_madt.hpp>
#include <axhal/core/address.hpp>
#include <axhal/core/mmio.hpp>
#include <axhal/core/result.hpp>
#include <axhal/core/units.hpp>
#include <axhal/policy/firmware.hpp>

#include <atomic>
#include <concepts>
#include <cstdint>

namespace axhal::x86_64 {

/// What a CPU that starts is told. Hardware passes nothing: it begins in real mode at a page below 1 MiB, where code of
/// the program's own is. That code goes to 32-bit protected mode without paging, takes `argument` into ESI:EDI (upper
/// half, lower half) and `entry` to jump to, sets `taken` to 1, and only then goes there.
struct start_mailbox {
  std::atomic<std::uint64_t> entry{};  ///< below 4 GiB
  std::atomic<std::uint64_t> argument{};
  std::atomic<std::uint32_t> taken{};
};

/// What else starting and stopping CPUs takes.
template <typename I>
concept FirmwareInstructions = PowerInstructions<I> && requires(std::uint32_t n) {
  { I::rdtsc() } -> std::same_as<std::uint64_t>;
  { I::read_msr(n) } -> std::same_as<std::uint64_t>;
  { I::cli() } -> std::same_as<void>;
  { I::halt() } -> std::same_as<void>;
  { I::relax() } -> std::same_as<void>;
};

/// What stands for firmware on a PC: CPUs start by INIT and start-up from the local APIC, and the machine ends by
/// ACPI's registers (`acpi_power`). Hardware ids are APIC IDs.
///
/// No table tells whether a CPU runs, so this object keeps account: `add_cpu` or `add_cpus` first, on the CPU that
/// booted, then at most one `start_cpu` at a time. The others may come from anywhere.
template <FirmwareInstructions I, LocalApicAccess Access, unsigned MaxCpus, MmioWindow Window = mmio>
class acpi_firmware : public acpi_power<I, Window> {
  static_assert(MaxCpus > 0, "acpi_firmware: a machine has one CPU at least");

 public:
  /// `page` is where the code of `mailbox` is, `tsc` how fast the TSC counts; without it no CPU can be started. `apic`
  /// and `mailbox` outlive this object.
  acpi_firmware(local_apic<Access>& apic, pc_power const& power, host_phys page, start_mailbox& mailbox, hertz tsc)
      : acpi_power<I, Window>{power}, apic_{apic}, mailbox_{mailbox}, page_{page}, tsc_{tsc} {}
  acpi_firmware(acpi_firmware const&) = delete;
  acpi_firmware& operator=(acpi_firmware const&) = delete;

  /// Makes a CPU known: off, unless it is this one. False when it is known already or there is no room.
  bool add_cpu(std::uint32_t apic_id) {
    if (count_ == MaxCpus || find(apic_id) != nullptr) return false;
    cpus_[count_].apic_id = apic_id;
    cpus_[count_].power.store(apic_id == apic_.id() ? cpu_power::on : cpu_power::off, std::memory_order_relaxed);
    ++count_;
    return true;
  }
  /// The same for every CPU that a MADT calls enabled. How many are known then; those beyond `MaxCpus` are not, and the
  /// one that calls this is in any case.
  unsigned add_cpus(boot::acpi_madt const& madt) {
    add_cpu(apic_.id());
    for (auto const cpu : madt.all<boot::madt_local_apic>()) {
      if (cpu.is_enabled()) add_cpu(cpu.apic_id);
    }
    for (auto const cpu : madt.all<boot::madt_local_x2apic>()) {
      if (cpu.is_enabled()) add_cpu(cpu.apic_id);
    }
    return count_;
  }

  // --- FirmwarePolicy, beside what `acpi_power` has ---

  /// Returns when the CPU has taken `entry` and `argument`, which is within `start_cpu_times`. `bad_address` when
  /// `entry` is not below 4 GiB or the page is none that a CPU can start at; `unsupported` without a clock; `failed`
  /// when the CPU does not answer: then it waits for another start.
  result<void, firmware_error> start_cpu(std::uint64_t hardware_id, host_phys entry, std::uint64_t argument) {
    record* const cpu = find(hardware_id);
    if (cpu == nullptr) return failure{firmware_error::bad_cpu};
    if (cpu->power.load(std::memory_order_acquire) != cpu_power::off) return failure{firmware_error::already_on};
    if (entry.value > 0xffff'ffff) return failure{firmware_error::bad_address};
    if (tsc_.value == 0) return failure{firmware_error::unsupported};
    mailbox_.entry.store(entry.value, std::memory_order_relaxed);
    mailbox_.argument.store(argument, std::memory_order_relaxed);
    mailbox_.taken.store(0, std::memory_order_release);
    cpu->power.store(cpu_power::starting, std::memory_order_relaxed);
    auto const started = [this] { return mailbox_.taken.load(std::memory_order_acquire) != 0; };
    auto const done = x86_64::start_cpu(apic_, cpu->apic_id, page_, [this](nanoseconds time) { wait(time); }, started);
    if (done && *done) {
      // It may have come as far as `stop_this_cpu` by now.
      cpu_power still = cpu_power::starting;
      cpu->power.compare_exchange_strong(still, cpu_power::on, std::memory_order_acq_rel);
      return {};
    }
    bool const bad_page = !done && done.error() == apic_error::out_of_range && cpu->apic_id <= apic_.last_id();
    // One that was slow must not come later, when the mailbox is another's.
    if (!bad_page) static_cast<void>(apic_.send_init(cpu->apic_id));
    cpu->power.store(cpu_power::off, std::memory_order_release);
    return failure{bad_page ? firmware_error::bad_address : firmware_error::failed};
  }
  [[nodiscard]] result<cpu_power, firmware_error> cpu_state(std::uint64_t hardware_id) const {
    record const* const cpu = find(hardware_id);
    if (cpu == nullptr) return failure{firmware_error::bad_cpu};
    return cpu->power.load(std::memory_order_acquire);
  }
  /// Halts this CPU for good, until it is started again: a PC cannot switch one off. NMIs wake it for a moment, so its
  /// gates and stack stay. `denied` for the CPU that booted, which an INIT would take to the machine's reset vector;
  /// `bad_cpu` for one that is not known. Precondition: VMX is off here (INIT is blocked in it), and nobody else needs
  /// this CPU.
  firmware_error stop_this_cpu() {
    record* const cpu = find(apic_.id());
    if (cpu == nullptr) return firmware_error::bad_cpu;
    if (apic_base::f_bsp::get(I::read_msr(msr::apic_base))) return firmware_error::denied;
    I::cli();
    cpu->power.store(cpu_power::off, std::memory_order_release);
    for (;;) I::halt();
  }

 private:
  struct record {
    std::uint32_t apic_id{};
    std::atomic<cpu_power> power{cpu_power::off};
  };
  [[nodiscard]] record* find(std::uint64_t id) {
    for (unsigned i = 0; i < count_; ++i) {
      if (cpus_[i].apic_id == id) return &cpus_[i];
    }
    return nullptr;
  }
  [[nodiscard]] record const* find(std::uint64_t id) const {
    for (unsigned i = 0; i < count_; ++i) {
      if (cpus_[i].apic_id == id) return &cpus_[i];
    }
    return nullptr;
  }
  void wait(nanoseconds time) const {
    std::uint64_t const begin = I::rdtsc();
    std::uint64_t const per_microsecond = tsc_.value / 1'000'000 + 1;
    std::uint64_t const wanted = (time.value / 1000 + 1) * per_microsecond;
    while (I::rdtsc() - begin < wanted) I::relax();
  }

  local_apic<Access>& apic_;
  start_mailbox& mailbox_;
  host_phys page_;
  hertz tsc_;
  record cpus_[MaxCpus]{};
  unsigned count_{};
};

}  // namespace axhal::x86_64
