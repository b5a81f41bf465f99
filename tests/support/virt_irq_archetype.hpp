// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/policy/virt_irq.hpp>

namespace axhal::test {

/// Exactly what VirtIrqPolicy asks for and nothing else. Never made, so never called: bodies are there
/// to link.
class virt_irq_archetype {
 public:
  struct state;
  static constexpr shown_until lifetime = shown_until::completed;
  static constexpr bool has_priorities = true;
  virt_irq_archetype() = delete;
  virt_irq_archetype(virt_irq_archetype const&) = delete;
  virt_irq_archetype& operator=(virt_irq_archetype const&) = delete;
  void operator&() const = delete;
  template <typename T>
  void operator,(T const&) const = delete;

  result<void, virt_irq_error> present(virtual_irq const&) { return {}; }
  bool withdraw(irq_number) { return {}; }
  unsigned capacity() { return {}; }
  template <typename Consumed>
  void reap(Consumed&&) {}
  void request_room_event(bool) {}
  void save(state&) {}
  void restore(state const&) {}
};
struct virt_irq_archetype::state {
  void* opaque;
};
static_assert(VirtIrqPolicy<virt_irq_archetype>);

}  // namespace axhal::test
