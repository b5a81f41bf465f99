// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/arch/riscv64/sbi_client.hpp>
#include <axhal/core/address.hpp>
#include <axhal/memory/frame_access.hpp>
#include <axhal/policy/console.hpp>

#include <cstdint>

namespace axhal::riscv64 {

/// By which calls a console is reached.
enum class sbi_console_kind : std::uint8_t {
  none,    ///< by none: what is put is lost, nothing is got
  legacy,  ///< the legacy calls, one byte each
  dbcn,    ///< the Debug Console Extension
};

/// Firmware's console (SBI Specification 2.0, "Debug Console Extension"), or its legacy calls where it has no better
/// ones ("Legacy Extensions").
///
/// Which of them is asked once, when the object is made. Sending waits inside firmware, so `can_put` knows nothing and
/// is always true. Firmware does not tell of bytes it has lost (`hides_loss`). `Memory` says where firmware finds this
/// object's own byte: the object stays in memory that `Memory` covers.
template <SbiCall S, memory::FrameAccess Memory = memory::identity_access>
class sbi_console {
  using client = sbi_client<S>;

 public:
  static constexpr bool hides_loss = true;

  explicit sbi_console(Memory m = {}) : memory_{m}, kind_{find()} {}

  /// Which of firmware's consoles it is.
  [[nodiscard]] sbi_console_kind kind() const { return kind_; }

  // --- ConsolePolicy ---

  [[nodiscard]] bool can_put() const { return true; }
  void put(std::uint8_t byte) {
    // An error of the console's is nothing that a sender could do anything about.
    if (kind_ == sbi_console_kind::dbcn) {
      static_cast<void>(client::console_write_byte(byte));
    } else if (kind_ == sbi_console_kind::legacy) {
      static_cast<void>(client::legacy_putchar(byte));
    }
  }
  result<std::uint8_t, console_error> get() {
    if (kind_ == sbi_console_kind::dbcn) {
      auto const count = client::console_read({memory_.physical(const_cast<std::uint8_t*>(&byte_)), 1});
      if (count && *count == 1) return std::uint8_t{byte_};
    } else if (kind_ == sbi_console_kind::legacy) {
      auto const byte = client::legacy_getchar();
      if (byte) return *byte;
    }
    return failure{console_error::empty};
  }

 private:
  [[nodiscard]] static sbi_console_kind find() {
    // Firmware of SBI 0.1 has the legacy console and cannot be asked.
    if (!client::spec_version()) return sbi_console_kind::legacy;
    if (client::has(sbi_extension::dbcn)) return sbi_console_kind::dbcn;
    return client::has(sbi_extension::legacy_console_putchar) ? sbi_console_kind::legacy : sbi_console_kind::none;
  }

  [[no_unique_address]] Memory memory_;
  sbi_console_kind kind_;
  std::uint8_t volatile byte_{};  ///< firmware writes it, behind the compiler's back
};

}  // namespace axhal::riscv64
