// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/arch/riscv64/sbi.hpp>
#include <axhal/arch/riscv64/sbi_extensions.hpp>
#include <axhal/core/address.hpp>
#include <axhal/core/result.hpp>
#include <axhal/core/units.hpp>

#include <cstdint>

namespace axhal::riscv64 {

/// Harts as calls name them: bit n of `mask` is the hart with id `base + n`; `base` `all_harts` is every hart, whatever
/// the mask (SBI Specification 2.0, "Hart list parameter").
struct hart_mask {
  std::uint64_t mask{};
  std::uint64_t base{all_harts};

  /// Every hart.
  [[nodiscard]] static constexpr hart_mask all() { return {}; }
  /// The hart with this id, which is not `all_harts`.
  [[nodiscard]] static constexpr hart_mask one(std::uint64_t hartid) { return {1, hartid}; }
  friend constexpr bool operator==(hart_mask, hart_mask) = default;
};

/// The hypervisor's own calls to firmware, one function for each of SBI 2.0's (and the legacy console's) with its
/// arguments in their places (SBI Specification 2.0, the chapter of each extension).
///
/// Firmware without a function says `not_supported`; which extensions there are tells `extensions`. Stateless.
template <SbiCall S>
struct sbi_client {
  /// What a call without a value says.
  using outcome = result<void, sbi_error>;
  /// What a call with a value says.
  using number = result<std::uint64_t, sbi_error>;

  // --- Base Extension ---

  /// The version of the specification (`sbi_version`); `not_supported` from firmware of SBI 0.1, which has legacy
  /// extensions alone.
  [[nodiscard]] static number spec_version() { return value(call(sbi_extension::base, sbi_base::get_spec_version)); }
  /// Which implementation the firmware is, by the specification's list.
  [[nodiscard]] static number impl_id() { return value(call(sbi_extension::base, sbi_base::get_impl_id)); }
  /// Its own version, in its own encoding.
  [[nodiscard]] static number impl_version() { return value(call(sbi_extension::base, sbi_base::get_impl_version)); }
  /// True when firmware has the extension; false also where it cannot be asked.
  [[nodiscard]] static bool has(sbi_extension e) {
    sbi_return const r = call(sbi_extension::base, sbi_base::probe_extension, static_cast<std::uint64_t>(e));
    return r.error == 0 && r.value != 0;
  }
  /// All that firmware says it has. Nothing where it cannot be asked: SBI 0.1 has legacy extensions and cannot tell.
  [[nodiscard]] static sbi_extension_set extensions() {
    sbi_extension_set found;
    if (!spec_version()) return found;
    sbi_extension_set::all().for_each([&found](sbi_extension e) {
      if (e == sbi_extension::base || has(e)) found.insert(e);
    });
    return found;
  }

  // --- Timer Extension, IPI Extension ---

  /// This hart's timer interrupt comes when the counter has reached `deadline`; until then it is not pending.
  /// `no_deadline`: never.
  static outcome set_timer(ticks deadline) {
    return done(call(sbi_extension::time, sbi_time::set_timer, deadline.value));
  }
  /// The supervisor software interrupt of each of `harts` becomes pending.
  static outcome send_ipi(hart_mask harts) {
    return done(call(sbi_extension::ipi, sbi_ipi::send_ipi, harts.mask, harts.base));
  }

  // --- RFENCE Extension; size `whole_address_space`: everything ---

  /// Each of the harts executes FENCE.I.
  static outcome remote_fence_i(hart_mask h) { return fence(sbi_rfence::remote_fence_i, h, 0, 0); }
  /// Each of the harts executes SFENCE.VMA for `size` bytes from `start`, of every address space.
  static outcome remote_sfence_vma(hart_mask h, host_virt start, std::uint64_t size) {
    return fence(sbi_rfence::remote_sfence_vma, h, start.value, size);
  }
  /// The same, of the address space `asid`.
  static outcome remote_sfence_vma_asid(hart_mask h, host_virt start, std::uint64_t size, std::uint64_t asid) {
    return fence(sbi_rfence::remote_sfence_vma_asid, h, start.value, size, asid);
  }
  /// The start is a guest-physical address, not shifted.
  static outcome remote_hfence_gvma_vmid(hart_mask h, guest_phys start, std::uint64_t size, vmid id) {
    return fence(sbi_rfence::remote_hfence_gvma_vmid, h, start.value, size, id.value);
  }
  /// The start is a guest-physical address, not shifted; of all guests.
  static outcome remote_hfence_gvma(hart_mask h, guest_phys start, std::uint64_t size) {
    return fence(sbi_rfence::remote_hfence_gvma, h, start.value, size);
  }
  /// Of the guest whose VMID is in this hart's hgatp.
  static outcome remote_hfence_vvma_asid(hart_mask h, guest_virt start, std::uint64_t size, std::uint64_t asid) {
    return fence(sbi_rfence::remote_hfence_vvma_asid, h, start.value, size, asid);
  }
  /// Of the guest whose VMID is in this hart's hgatp.
  static outcome remote_hfence_vvma(hart_mask h, guest_virt start, std::uint64_t size) {
    return fence(sbi_rfence::remote_hfence_vvma, h, start.value, size);
  }

  // --- Hart State Management Extension ---

  /// The hart begins at `entry` with satp 0, interrupts masked, its id in a0 and `opaque` in a1.
  static outcome hart_start(std::uint64_t hartid, host_phys entry, std::uint64_t opaque) {
    return done(call(sbi_extension::hsm, sbi_hsm::hart_start, hartid, entry.value, opaque));
  }
  /// Returns only when firmware refused.
  static sbi_error hart_stop() { return refusal(call(sbi_extension::hsm, sbi_hsm::hart_stop)); }
  /// The hart's state; it may be another by the time it is known. `failed` for a state that the specification does not
  /// have.
  [[nodiscard]] static result<hart_state, sbi_error> hart_get_status(std::uint64_t hartid) {
    sbi_return const r = call(sbi_extension::hsm, sbi_hsm::hart_get_status, hartid);
    if (r.error != 0) return failure{error_of(r)};
    if (r.value > static_cast<std::uint64_t>(hart_state::resume_pending)) return failure{sbi_error::failed};
    return static_cast<hart_state>(r.value);
  }
  /// This hart rests until an interrupt is pending; from `retentive` the call returns, from `non_retentive` the hart
  /// goes on at `resume` as if it had been started there.
  static outcome hart_suspend(hart_suspend_type type, host_phys resume = {}, std::uint64_t opaque = 0) {
    auto const word = static_cast<std::uint64_t>(type);
    return done(call(sbi_extension::hsm, sbi_hsm::hart_suspend, word, resume.value, opaque));
  }

  // --- System Reset Extension ---

  /// Returns only when firmware refused.
  static sbi_error system_reset(system_reset_type type, system_reset_reason reason = system_reset_reason::none) {
    return refusal(call(sbi_extension::srst, sbi_srst::system_reset, static_cast<std::uint64_t>(type),
                        static_cast<std::uint64_t>(reason)));
  }

  // --- Debug Console Extension; memory by its physical address ---

  /// How many of the bytes the console took, perhaps none: the call does not wait.
  static number console_write(host_range bytes) {
    return value(call(sbi_extension::dbcn, sbi_dbcn::console_write, bytes.size, bytes.start.value));
  }
  /// How many bytes came in and stand in the memory now; the call does not wait.
  static number console_read(host_range bytes) {
    return value(call(sbi_extension::dbcn, sbi_dbcn::console_read, bytes.size, bytes.start.value));
  }
  /// Waits until the console takes the byte.
  static outcome console_write_byte(std::uint8_t byte) {
    return done(call(sbi_extension::dbcn, sbi_dbcn::console_write_byte, byte));
  }

  // --- legacy extensions, which return one word ---

  /// Waits until the console takes the byte.
  static outcome legacy_putchar(std::uint8_t byte) { return done(legacy(sbi_extension::legacy_console_putchar, byte)); }
  /// A byte that came in, or an error: legacy firmware says -1 when there is none.
  static result<std::uint8_t, sbi_error> legacy_getchar() {
    sbi_return const r = legacy(sbi_extension::legacy_console_getchar, 0);
    if (r.error < 0) return failure{error_of(r)};
    return static_cast<std::uint8_t>(r.error);
  }
  /// Returns only when firmware refused.
  static sbi_error legacy_shutdown() { return refusal(legacy(sbi_extension::legacy_shutdown, 0)); }

 private:
  template <typename Function>
  static sbi_return call(sbi_extension e, Function f, std::uint64_t a0 = 0, std::uint64_t a1 = 0, std::uint64_t a2 = 0,
                         std::uint64_t a3 = 0, std::uint64_t a4 = 0) {
    return S::sbi_call(static_cast<std::uint64_t>(e), static_cast<std::uint64_t>(f), a0, a1, a2, a3, a4, 0);
  }
  static sbi_return legacy(sbi_extension e, std::uint64_t a0) {
    return S::sbi_call(static_cast<std::uint64_t>(e), 0, a0, 0, 0, 0, 0, 0);
  }
  static outcome fence(sbi_rfence f, hart_mask h, std::uint64_t start, std::uint64_t size, std::uint64_t tag = 0) {
    return done(call(sbi_extension::rfence, f, h.mask, h.base, start, size, tag));
  }

  [[nodiscard]] static sbi_error error_of(sbi_return r) { return static_cast<sbi_error>(r.error); }
  [[nodiscard]] static outcome done(sbi_return r) {
    if (r.error != 0) return failure{error_of(r)};
    return {};
  }
  [[nodiscard]] static number value(sbi_return r) {
    if (r.error != 0) return failure{error_of(r)};
    return r.value;
  }
  /// The error of a call that returns only when it failed.
  [[nodiscard]] static sbi_error refusal(sbi_return r) { return r.error != 0 ? error_of(r) : sbi_error::failed; }
};

}  // namespace axhal::riscv64
