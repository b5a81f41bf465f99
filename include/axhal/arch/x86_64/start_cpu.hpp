// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/arch/x86_64/local_apic.hpp>
#include <axhal/core/address.hpp>
#include <axhal/core/result.hpp>
#include <axhal/core/units.hpp>

#include <concepts>
#include <cstdint>

namespace axhal::x86_64 {

/// How long a CPU that is started is waited for.
struct start_cpu_times {
  nanoseconds after_init{10'000'000};   ///< before the first start-up
  nanoseconds after_start_up{200'000};  ///< before the second, and before there is an answer
  nanoseconds until_given_up{1'000'000'000};
};

/// Starts another CPU by INIT, start-up, start-up (Intel SDM vol. 3, "MP Initialization for Xeon Processors", "Typical
/// AP Initialization Sequence"; MultiProcessor Specification 1.4, "Application Processor Startup"). It begins at
/// `entry` in real mode, with CS:IP at `entry` / 16:0 and interrupts off.
///
/// `wait(nanoseconds)` returns when so much time is over. `started()` tells whether the code at `entry` has shown that
/// it runs; a CPU that runs already gets no second start-up, which it would have to ignore. True when it did within
/// `times.until_given_up`. `out_of_range` when `entry` is not at a page's begin below 1 MiB, or in the area of vectors
/// A0H to BFH that the specification keeps free.
template <LocalApicAccess Access, std::invocable<nanoseconds> Wait, typename Started>
[[nodiscard]] result<bool, apic_error> start_cpu(local_apic<Access>& apic, std::uint32_t apic_id, host_phys entry,
                                                 Wait&& wait, Started&& started, start_cpu_times times = {}) {
  std::uint64_t const page = entry.value / 4096;
  if (entry.value % 4096 != 0 || page > 0xff || (page >= 0xa0 && page < 0xc0)) {
    return failure{apic_error::out_of_range};
  }
  auto const vector = static_cast<std::uint8_t>(page);
  static_cast<void>(apic.take_errors());
  if (auto const sent = apic.send_init(apic_id); !sent) return failure{sent.error()};
  wait(times.after_init);
  constexpr unsigned attempts = 2;
  for (unsigned i = 0; i < attempts && !started(); ++i) {
    if (auto const sent = apic.send_start_up(apic_id, vector); !sent) return failure{sent.error()};
    wait(times.after_start_up);
  }
  constexpr unsigned looks = 1000;
  nanoseconds const between{times.until_given_up.value / looks + 1};
  for (unsigned i = 0; i < looks && !started(); ++i) wait(between);
  return static_cast<bool>(started());
}

}  // namespace axhal::x86_64
