// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/boot/phases.hpp>

namespace axhal::test {

/// A machine on which every phase succeeds.
struct quiet_platform {
  using error = int;
  result<void, int> detect_platform() { return {}; }
  result<void, int> map_memory() { return {}; }
  result<void, int> set_up_architecture(boot::cpu_role) { return {}; }
  result<void, int> set_up_interrupts(boot::cpu_role) { return {}; }
  result<void, int> set_up_timer(boot::cpu_role) { return {}; }
  result<void, int> set_up_cpu(boot::cpu_role) { return {}; }
  void forget_platform() {}
  void unmap_memory() {}
  void tear_down_architecture(boot::cpu_role) {}
  void tear_down_interrupts(boot::cpu_role) {}
  void tear_down_timer(boot::cpu_role) {}
  void tear_down_cpu(boot::cpu_role) {}
};

}  // namespace axhal::test
