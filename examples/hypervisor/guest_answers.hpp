// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "guest_memory.hpp"
#include "host_memory.hpp"

#include <axhal/core/access.hpp>
#include <axhal/core/address.hpp>
#include <axhal/core/result.hpp>
#include <axhal/core/units.hpp>
#include <axhal/policy/console.hpp>
#include <axhal/time/guest_time.hpp>
#include <axhal/vcpu/exit.hpp>

#include <cstdint>

namespace example {

/// How a guest ended, or that it has not.
enum class guest_end : std::uint8_t { none, power_off, reset, crash };

/// A wish of the guest's to begin anew at `entry`, with `argument` in place.
struct guest_restart {
  bool wanted{};
  axhal::guest_phys entry{};
  std::uint64_t argument{};
};

/// What every guest's machine answers alike, whatever the architecture: devices behind a device map, a UART on the
/// machine's console, faults, and the guest's end.
///
/// `Machine` derives from it and has, as its friend sees: `devices()`, the device map; `set_uart_line(level)`;
/// `wait()`, which returns when there may be an interrupt for the guest; `in_fast_tier<Guest>`; and
/// `reading_changes_line(offset)`, true for UART registers whose reading may change the interrupt line.
template <typename Machine, typename Devices, template <typename> typename Uart>
class guest_answers {
  using resume = axhal::resume;
  using Memory = guest_memory<frame_allocator>;

 public:
  using clock = typename Devices::clock;
  static constexpr unsigned vcpus = 1;
  static constexpr axhal::vcpu_number self{0};

  // --- life ---

  /// Guest time begins now. Returns the offset that the vCPU loads.
  axhal::ticks start() {
    time_.resume(host_.timer.now());
    return time_.offset();
  }
  [[nodiscard]] guest_end end() const { return end_; }
  /// After `resume::stop`: whether the guest is to be reset and run on. Asking takes the wish back.
  [[nodiscard]] guest_restart take_restart() {
    guest_restart const now = restart_;
    restart_ = {};
    return now;
  }
  /// The hardware's word about the exit that ended the guest, when it crashed.
  [[nodiscard]] std::uint64_t last_word() const { return last_word_; }

  // --- exits ---

  template <typename Guest>
  [[gnu::always_inline]] resume operator()(Guest& guest, axhal::exit::mmio_read const& e) {
    auto const value = machine().devices().read(self, e.address, e.size);
    if (!value) return refuse(guest, axhal::access::read);
    guest.complete_read(e, *value);
    return resume::next_instruction;
  }
  template <typename Guest>
  [[gnu::always_inline]] resume operator()(Guest& guest, axhal::exit::mmio_write const& e) {
    if (!machine().devices().write(self, e.address, e.size, e.value)) return refuse(guest, axhal::access::write);
    return resume::next_instruction;
  }
  template <typename Guest>
  resume operator()(Guest& guest, axhal::exit::memory_fault const& e) {
    return refuse(guest, e.wanted);
  }
  template <typename Guest>
  resume operator()(Guest&, axhal::exit::idle const&) {
    machine().wait();
    return resume::next_instruction;
  }
  template <typename Guest>
  resume operator()(Guest&, axhal::exit::yield const&) {
    return resume::next_instruction;
  }
  template <typename Guest>
  resume operator()(Guest& guest, axhal::exit::refused_instruction const&) {
    return undefined(guest);
  }
  template <typename Guest>
  resume operator()(Guest& guest, axhal::exit::port_read const&) {
    return undefined(guest);
  }
  template <typename Guest>
  resume operator()(Guest& guest, axhal::exit::port_write const&) {
    return undefined(guest);
  }
  /// An error of the machine itself, or something without a name: this guest is over, the host goes on.
  template <typename Guest>
  resume operator()(Guest&, axhal::exit::host_error const& e) {
    return crash(e.raw);
  }
  template <typename Guest>
  resume operator()(Guest&, axhal::exit::unknown const& e) {
    return crash(e.raw);
  }

 protected:
  guest_answers(Devices& host, Memory& memory) : host_{host}, memory_{memory}, uart_{console_sink{host.console}} {}

  struct console_sink {
    typename Devices::console_type& console;
    void put(std::uint8_t byte) { console.put(byte); }
  };
  using uart_type = Uart<console_sink>;

  /// The UART with its interrupt line.
  struct uart_port {
    guest_answers& answers;
    std::uint64_t read(std::uint64_t offset, unsigned size) {
      auto const value = answers.uart_.read(offset, size);
      if (Machine::reading_changes_line(offset)) answers.update_uart();
      return value;
    }
    void write(std::uint64_t offset, unsigned size, std::uint64_t value) {
      answers.uart_.write(offset, size, value);
      answers.update_uart();
    }
  };

  /// The machine's console as the guest's calls of firmware reach it: bytes that wait in its UART already come first.
  struct firmware_console {
    guest_answers& answers;
    bool can_put() { return answers.host_.console.can_put(); }
    void put(std::uint8_t byte) { answers.host_.console.put(byte); }
    axhal::result<std::uint8_t, axhal::console_error> get() {
      auto const waiting = answers.uart_.take_back();
      if (!waiting) return answers.host_.console.get();
      answers.update_uart();
      return waiting;
    }
  };

  template <typename Guest>
  resume undefined(Guest& guest) {
    return fault(guest, {axhal::guest_fault::kind::undefined_instruction});
  }
  template <typename Guest>
  resume refuse(Guest& guest, axhal::access wanted) {
    return fault(guest, {axhal::guest_fault::kind::bus_error, 0, wanted});
  }
  /// The guest takes `f`. Faults are rare: the slow tier has the code for them.
  template <typename Guest>
  resume fault(Guest& guest, axhal::guest_fault f) {
    if constexpr (Machine::template in_fast_tier<Guest>) {
      return resume::slow;
    } else {
      guest.inject(f);
      return resume::retry;
    }
  }
  resume crash(std::uint64_t word) {
    last_word_ = word;
    return finish(guest_end::crash);
  }
  resume begin_anew(axhal::guest_phys entry, std::uint64_t argument) {
    restart_ = {true, entry, argument};
    return resume::stop;
  }
  resume finish(guest_end how) {
    end_ = how;
    return resume::stop;
  }

  /// Bytes from the machine's console go to the guest's UART, as many as it has room for; the rest waits in the
  /// machine's.
  void receive() {
    bool more = true;
    while (more && uart_.can_receive()) {
      auto const byte = host_.console.get();
      if (byte) {
        uart_.receive(*byte);
      } else {
        more = byte.error() != axhal::console_error::empty;
      }
    }
    receiver_full_ = more;
    if (receiver_full_) {
      host_.console.set_interrupts(0);
    } else {
      host_.console.enable_receive_interrupt();
    }
    update_uart();
  }

  Devices& host_;
  Memory& memory_;
  axhal::guest_time time_{};

 private:
  [[nodiscard]] Machine& machine() { return static_cast<Machine&>(*this); }

  [[gnu::always_inline]] void update_uart() {
    if (receiver_full_ || uart_.irq_level() != uart_level_) [[unlikely]]
      change_uart();
  }
  [[gnu::noinline]] void change_uart() {
    if (receiver_full_ && uart_.can_receive()) receive();
    if (uart_.irq_level() == uart_level_) return;
    uart_level_ = !uart_level_;
    machine().set_uart_line(uart_level_);
  }

  uart_type uart_;
  bool uart_level_{};
  bool receiver_full_{};
  guest_end end_{guest_end::none};
  guest_restart restart_{};
  std::uint64_t last_word_{};
};

}  // namespace example
