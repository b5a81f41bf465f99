// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/core/access.hpp>
#include <axhal/vcpu/exit.hpp>

#include <cstddef>
#include <cstdint>

namespace axhal::test {

/// One exit as a handler saw it; fields that a kind does not have are zero.
struct seen_exit {
  exit_kind kind{};
  std::uint64_t number{};  ///< hypercall number, address, register id, raw word
  std::uint64_t value{};   ///< immediate, written value
  unsigned size{}, reg{}, register_size{};
  bool flag{};  ///< firmware conduit, sign extension, walk, vectors
  access wanted{access::none};
  friend constexpr bool operator==(seen_exit const&, seen_exit const&) = default;
};

constexpr seen_exit describe(exit::hypercall const& e) {
  return {.kind = exit_kind::hypercall, .number = e.number, .value = e.immediate, .flag = e.firmware_conduit};
}
constexpr seen_exit describe(exit::mmio_read const& e) {
  return {.kind = exit_kind::mmio_read,
          .number = e.address.value,
          .size = e.size,
          .reg = e.reg,
          .register_size = e.register_size,
          .flag = e.sign_extend};
}
constexpr seen_exit describe(exit::mmio_write const& e) {
  return {.kind = exit_kind::mmio_write, .number = e.address.value, .value = e.value, .size = e.size};
}
constexpr seen_exit describe(exit::memory_fault const& e) {
  return {.kind = exit_kind::memory_fault, .number = e.address.value, .flag = e.walk, .wanted = e.wanted};
}
constexpr seen_exit describe(exit::register_read const& e) {
  return {.kind = exit_kind::register_read, .number = e.id, .reg = e.reg};
}
constexpr seen_exit describe(exit::register_write const& e) {
  return {.kind = exit_kind::register_write, .number = e.id, .value = e.value};
}
constexpr seen_exit describe(exit::port_read const& e) {
  return {.kind = exit_kind::port_read, .number = e.port, .size = e.size};
}
constexpr seen_exit describe(exit::port_write const& e) {
  return {.kind = exit_kind::port_write, .number = e.port, .value = e.value, .size = e.size};
}
constexpr seen_exit describe(exit::idle const&) { return {.kind = exit_kind::idle}; }
constexpr seen_exit describe(exit::yield const&) { return {.kind = exit_kind::yield}; }
constexpr seen_exit describe(exit::lazy_state const& e) {
  return {.kind = exit_kind::lazy_state, .flag = e.used == exit::lazy_state::part::vector};
}
constexpr seen_exit describe(exit::refused_instruction const& e) {
  return {.kind = exit_kind::refused_instruction, .number = e.raw};
}
constexpr seen_exit describe(exit::host_interrupt const&) { return {.kind = exit_kind::host_interrupt}; }
constexpr seen_exit describe(exit::host_error const& e) { return {.kind = exit_kind::host_error, .number = e.raw}; }
constexpr seen_exit describe(exit::unknown const& e) { return {.kind = exit_kind::unknown, .number = e.raw}; }

/// Writes down what it is told and answers as it is told to.
struct recorder {
  static constexpr std::size_t room = 4;
  seen_exit seen[room]{};
  std::size_t count{};
  resume answers[room]{resume::next_instruction, resume::next_instruction, resume::next_instruction,
                       resume::next_instruction};
  std::uint64_t loads[room]{};  ///< what reads give
  bool injects_on_retry{};      ///< an answer `retry` comes with the usual fault for such an exit

  template <typename Guest, typename Exit>
  constexpr resume operator()(Guest& guest, Exit const& e) {
    std::size_t const n = count < room ? count : room - 1;
    seen[n] = describe(e);
    ++count;
    constexpr bool reads = kind_of<Exit> == exit_kind::mmio_read;
    if (answers[n] == resume::next_instruction) {
      if constexpr (reads) guest.complete_read(e, loads[n]);
      if constexpr (kind_of<Exit> == exit_kind::register_read) guest.complete_register_read(e, loads[n]);
      if constexpr (kind_of<Exit> == exit_kind::port_read && PortGuestContext<Guest>)
        guest.complete_port_read(e, loads[n]);
    } else if (answers[n] == resume::retry && injects_on_retry) {
      constexpr bool touches_memory =
          reads || kind_of<Exit> == exit_kind::mmio_write || kind_of<Exit> == exit_kind::memory_fault;
      guest.inject({.what = touches_memory ? guest_fault::kind::bus_error : guest_fault::kind::undefined_instruction,
                    .wanted = reads ? access::read : access::write});
    }
    return answers[n];
  }
};

}  // namespace axhal::test
