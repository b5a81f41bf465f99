// SPDX-License-Identifier: BSL-1.0
// A hypervisor's run loop without a hypervisor's machine: the guest is a script, the rest is as on hardware.
#include <axhal/arch/host/virt_ext.hpp>
#include <axhal/vcpu/exit_counters.hpp>

#include <cstdio>

using namespace axhal;
using step = laws::guest_step::kind;

struct answers {
  bool done = false;
  template <typename Guest, typename Exit>
  resume operator()(Guest& guest, Exit const& e) {
    if constexpr (kind_of<Exit> == exit_kind::hypercall) {
      done = e.immediate == 9;
    } else if constexpr (kind_of<Exit> == exit_kind::mmio_read) {
      guest.complete_read(e, 0x2a);
    } else if constexpr (kind_of<Exit> == exit_kind::mmio_write) {
      guest.inject({guest_fault::kind::bus_error, e.address.value, access::write});
      return resume::retry;
    }
    return done ? resume::stop : resume::next_instruction;
  }
};

int main() {
  constexpr laws::guest_step program[] = {{step::load, 1, 0x0900'0000, 4},
                                          {step::store, 1, 0xdead'0000, 4},
                                          {step::call, 0, 1},
                                          {step::idle},  // the store's fault lands here
                                          {step::call, 0, 9}};
  host::virt_ext<> machine;
  if (!machine.enable()) return 1;
  host::scripted_vcpu guest;
  guest.use_script({{0x4000'0000}, {program, 5}, 3});
  guest.reset({0x4000'0000}, 0);

  counted<answers> handler;
  machine.load(guest);
  do machine.enter(guest);
  while (host::virt_ext<>::decode(guest, handler) != resume::stop);
  machine.put(guest);
  handler.counters.each(
      [](exit_kind kind, std::uint64_t n) { std::printf("%s %d\n", name_of(kind).data, static_cast<int>(n)); });
  return guest.r[1] == 0x2a && handler.counters[exit_kind::idle] == 1 ? 0 : 1;
}
