// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/arch/riscv64/sbi.hpp>
#include <axhal/arch/riscv64/sbi_action.hpp>
#include <axhal/arch/riscv64/sbi_debug_console.hpp>
#include <axhal/arch/riscv64/sbi_hart_states.hpp>
#include <axhal/core/address.hpp>
#include <axhal/core/result.hpp>
#include <axhal/core/units.hpp>
#include <axhal/policy/console.hpp>

#include <cstddef>
#include <cstdint>

namespace axhal::riscv64 {

/// What `sbi_server` answers to Get SBI implementation ID: a number that nobody has registered, "ax".
inline constexpr std::uint64_t sbi_impl_id = 0x6178;
/// And to Get SBI implementation version: this library's release, major in [23:16], minor in [15:8], patch in [7:0].
inline constexpr std::uint64_t sbi_impl_version = 0x00'0100;

/// Which hart ids a guest's vCPUs have: vCPU n is hart n.
struct dense_harts {
  [[nodiscard]] static constexpr std::uint64_t of(vcpu_number n) { return n.value; }
};

/// SBI 2.0 for the harts of one virtual machine, its vCPUs (RISC-V Supervisor Binary Interface Specification 2.0).
///
/// No call is ever forwarded: what is not answered here is not supported. Any word from the guest is safe. The state of
/// the harts is atomic: calls may come from several CPUs at once, and of two that start the same hart one gets success.
///
/// Offered: BASE, TIME, IPI, RFENCE but for the functions of the H extension, HSM, SRST, DBCN. Not offered: all others,
/// the legacy ones among them. `Harts::of(vcpu_number)` names the vCPUs; no id is `all_harts`, and no two are the same.
template <std::size_t MaxVcpus, typename Harts = dense_harts>
class sbi_server {
  static_assert(MaxVcpus > 0 && MaxVcpus <= 64, "sbi_server: serves 1 .. 64 vCPUs");

 public:
  /// A machine of `count` vCPUs (cut to `MaxVcpus`), all stopped but number 0.
  constexpr explicit sbi_server(std::uint32_t count = MaxVcpus) : harts_{count} {}

  /// The state after the virtual machine was reset: all stopped but number 0. Precondition: no vCPU runs.
  void reset() { harts_.reset(); }

  /// The answers that need nothing but the call's own words, for the fast tier: true, the error is success, and `value`
  /// is the caller's a1. False, and nothing happened, for every other call: ask `call`. Get SBI specification version
  /// costs two comparisons.
  [[nodiscard, gnu::always_inline]] static constexpr bool answer_at_once(std::uint64_t eid, std::uint64_t fid,
                                                                         std::uint64_t a0, std::uint64_t& value) {
    if (static_cast<sbi_extension>(eid) != sbi_extension::base) return false;
    if (static_cast<sbi_base>(fid) == sbi_base::get_spec_version) {
      value = sbi_2_0;
      return true;
    }
    switch (static_cast<sbi_base>(fid)) {
      case sbi_base::probe_extension: value = offers(static_cast<sbi_extension>(a0)); return true;
      case sbi_base::get_impl_id: value = sbi_impl_id; return true;
      case sbi_base::get_impl_version: value = sbi_impl_version; return true;
      // Zero is always a legal value of these.
      case sbi_base::get_mvendorid:
      case sbi_base::get_marchid:
      case sbi_base::get_mimpid: value = 0; return true;
      default: return false;
    }
  }

  /// Answers any call of the vCPU `caller`. `memory` is the guest's RAM, where harts may begin and console bytes may
  /// be; `console` is where Debug Console bytes go and come from.
  template <SbiGuestMemory Memory, ConsolePolicy Console>
  sbi_action call(vcpu_number caller, sbi_request const& r, Memory& memory, Console& console) {
    std::uint64_t value{};
    if (answer_at_once(r.eid, r.fid, r.a0, value)) return answer(caller, sbi_success(value));
    switch (static_cast<sbi_extension>(r.eid)) {
      case sbi_extension::time: return timer(caller, r);
      case sbi_extension::ipi: return ipi(caller, r);
      case sbi_extension::rfence: return rfence(caller, r);
      case sbi_extension::hsm: return hsm(caller, r, memory);
      case sbi_extension::srst: return system_reset(caller, r);
      case sbi_extension::dbcn: return answer(caller, debug_console(r, memory, console));
      default: return refuse(caller, sbi_error::not_supported);
    }
  }

  // --- what the hypervisor tells; changes that the state machine does not have are ignored (`sbi_hart_states`) ---

  /// The vCPU runs, after a start or a suspend.
  void started(vcpu_number n) { harts_.started(n); }
  /// The vCPU has been stopped and will not run until it is started.
  void stopped(vcpu_number n) { harts_.stopped(n); }
  /// The vCPU rests, after a call that suspends it. Optional: a hypervisor that waits on the spot may leave it out.
  void suspended(vcpu_number n) { harts_.suspended(n); }
  /// Something woke the vCPU, which does not run yet. Optional likewise.
  void resuming(vcpu_number n) { harts_.resuming(n); }

  /// The vCPU's HSM state; `stopped` for one that is not there.
  [[nodiscard]] hart_state state_of(vcpu_number n) const { return harts_.of(n); }
  [[nodiscard]] constexpr std::uint32_t vcpu_count() const { return harts_.count(); }

 private:
  using kind = sbi_action::kind;

  [[nodiscard, gnu::always_inline]] static constexpr std::uint64_t offers(sbi_extension e) {
    switch (e) {
      case sbi_extension::base:
      case sbi_extension::time:
      case sbi_extension::ipi:
      case sbi_extension::rfence:
      case sbi_extension::hsm:
      case sbi_extension::srst:
      case sbi_extension::dbcn: return 1;
      default: return 0;
    }
  }

  [[nodiscard]] static sbi_action answer(vcpu_number caller, sbi_return r) {
    return {.what = kind::none, .target = caller, .result = r};
  }
  [[nodiscard]] static sbi_action refuse(vcpu_number caller, sbi_error e) { return answer(caller, sbi_failure(e)); }

  // --- harts by id ---

  /// The vCPU with this hart id, or `vcpu_count()` when there is none.
  [[nodiscard]] std::uint32_t find(std::uint64_t hartid) const {
    for (std::uint32_t n = 0; n < harts_.count(); ++n) {
      if (Harts::of(vcpu_number{n}) == hartid) return n;
    }
    return harts_.count();
  }

  /// The vCPUs that a mask names; `invalid_param` when it names a hart that is not there. Ids are compared by their
  /// distance from the base, so none wraps (SBI Specification 2.0, "Hart list parameter").
  [[nodiscard]] result<vcpu_set, sbi_error> named(std::uint64_t mask, std::uint64_t base) const {
    vcpu_set found;
    for (std::uint32_t n = 0; n < harts_.count(); ++n) {
      std::uint64_t const id = Harts::of(vcpu_number{n});
      std::uint64_t const distance = id - base;
      if (base == all_harts) {
        found.insert(vcpu_number{n});
      } else if (id >= base && distance < 64 && (mask >> distance & 1) != 0) {
        found.insert(vcpu_number{n});
        mask &= ~(std::uint64_t{1} << distance);
      }
    }
    if (base != all_harts && mask != 0) return failure{sbi_error::invalid_param};
    return found;
  }

  // --- the extensions ---

  [[nodiscard]] static sbi_action timer(vcpu_number caller, sbi_request const& r) {
    if (static_cast<sbi_time>(r.fid) != sbi_time::set_timer) return refuse(caller, sbi_error::not_supported);
    return {.what = kind::set_timer, .target = caller, .result = sbi_success(), .deadline = {r.a0}};
  }

  [[nodiscard]] sbi_action ipi(vcpu_number caller, sbi_request const& r) const {
    if (static_cast<sbi_ipi>(r.fid) != sbi_ipi::send_ipi) return refuse(caller, sbi_error::not_supported);
    auto const harts = named(r.a0, r.a1);
    if (!harts) return refuse(caller, harts.error());
    // A stopped hart takes no interrupt, and none may wait for it when it is started.
    vcpu_set awake;
    harts->for_each([&](vcpu_number n) {
      if (harts_.of(n) != hart_state::stopped) awake.insert(n);
    });
    if (awake.empty()) return answer(caller, sbi_success());
    return {.what = kind::send_ipi, .target = caller, .result = sbi_success(), .targets = awake};
  }

  /// Stopped harts are among the targets: what they are told to forget, they must not remember when they are started.
  [[nodiscard]] sbi_action rfence(vcpu_number caller, sbi_request const& r) const {
    sbi_fence wanted{};
    switch (static_cast<sbi_rfence>(r.fid)) {
      case sbi_rfence::remote_fence_i: wanted.what = sbi_fence::kind::instructions; break;
      case sbi_rfence::remote_sfence_vma: wanted.what = sbi_fence::kind::translations; break;
      case sbi_rfence::remote_sfence_vma_asid:
        wanted.what = sbi_fence::kind::translations_asid;
        // An ASID has 16 bits at most; what stands above them has no meaning.
        wanted.asid = static_cast<std::uint16_t>(r.a4);
        break;
      // Guests have no H extension of their own.
      default: return refuse(caller, sbi_error::not_supported);
    }
    auto const harts = named(r.a0, r.a1);
    if (!harts) return refuse(caller, harts.error());
    if (wanted.what != sbi_fence::kind::instructions) {
      wanted.start = guest_virt{r.a2};
      wanted.size = r.a3;
      // A range that goes past the last address cannot be told from a wish for everything.
      if (r.a2 + r.a3 < r.a2 || (r.a2 == 0 && r.a3 == 0) || r.a3 == whole_address_space) {
        wanted.start = {};
        wanted.size = whole_address_space;
      } else if (r.a3 == 0) {
        return answer(caller, sbi_success());
      }
    }
    if (harts->empty()) return answer(caller, sbi_success());
    return {.what = kind::fence, .target = caller, .result = sbi_success(), .targets = *harts, .fence = wanted};
  }

  template <typename Memory>
  [[nodiscard]] sbi_action hsm(vcpu_number caller, sbi_request const& r, Memory& memory) {
    switch (static_cast<sbi_hsm>(r.fid)) {
      case sbi_hsm::hart_start: return hart_start(caller, r.a0, guest_phys{r.a1}, r.a2, memory);
      case sbi_hsm::hart_stop:
        if (!harts_.stop(caller)) return refuse(caller, sbi_error::failed);
        return {.what = kind::stop_this, .target = caller};
      case sbi_hsm::hart_get_status: {
        std::uint32_t const n = find(r.a0);
        if (n == harts_.count()) return refuse(caller, sbi_error::invalid_param);
        return answer(caller, sbi_success(static_cast<std::uint64_t>(harts_.of(vcpu_number{n}))));
      }
      case sbi_hsm::hart_suspend: return hart_suspend(caller, r, memory);
      default: return refuse(caller, sbi_error::not_supported);
    }
  }

  template <typename Memory>
  [[nodiscard]] sbi_action hart_start(vcpu_number caller, std::uint64_t hartid, guest_phys entry, std::uint64_t opaque,
                                      Memory& memory) {
    std::uint32_t const n = find(hartid);
    if (n == harts_.count()) return refuse(caller, sbi_error::invalid_param);
    if (!is_entry(entry, memory)) return refuse(caller, sbi_error::invalid_address);
    if (!harts_.start(vcpu_number{n})) return refuse(caller, sbi_error::already_available);
    return {
        .what = kind::start_vcpu, .target = vcpu_number{n}, .result = sbi_success(), .entry = entry, .context = opaque};
  }

  /// The default kinds of suspend; those of a platform's own are refused as not implemented.
  template <typename Memory>
  [[nodiscard]] sbi_action hart_suspend(vcpu_number caller, sbi_request const& r, Memory& memory) {
    // The parameter is 32 bits wide (SBI Specification 2.0, "Binary Encoding").
    auto const type = static_cast<hart_suspend_type>(static_cast<std::uint32_t>(r.a0));
    bool const restarts = type == hart_suspend_type::non_retentive;
    if (!restarts && type != hart_suspend_type::retentive) return refuse(caller, sbi_error::invalid_param);
    guest_phys const entry{r.a1};
    if (restarts && !is_entry(entry, memory)) return refuse(caller, sbi_error::invalid_address);
    if (!harts_.suspend(caller)) return refuse(caller, sbi_error::failed);
    if (!restarts) return {.what = kind::suspend, .target = caller, .result = sbi_success()};
    return {.what = kind::suspend_and_restart, .target = caller, .entry = entry, .context = r.a2};
  }

  [[nodiscard]] static sbi_action system_reset(vcpu_number caller, sbi_request const& r) {
    if (static_cast<sbi_srst>(r.fid) != sbi_srst::system_reset) return refuse(caller, sbi_error::not_supported);
    // Both parameters are 32 bits wide.
    auto const type = static_cast<system_reset_type>(static_cast<std::uint32_t>(r.a0));
    auto const reason = static_cast<system_reset_reason>(static_cast<std::uint32_t>(r.a1));
    if (reason != system_reset_reason::none && reason != system_reset_reason::system_failure) {
      return refuse(caller, sbi_error::invalid_param);
    }
    switch (type) {
      case system_reset_type::shutdown: return {.what = kind::power_off, .target = caller, .reason = reason};
      case system_reset_type::cold_reboot:
      case system_reset_type::warm_reboot: return {.what = kind::reset, .target = caller, .reason = reason};
    }
    return refuse(caller, sbi_error::invalid_param);
  }

  template <typename Memory, typename Console>
  [[nodiscard]] static sbi_return debug_console(sbi_request const& r, Memory& memory, Console& console) {
    switch (static_cast<sbi_dbcn>(r.fid)) {
      case sbi_dbcn::console_write: return sbi_debug_console::write(r.a0, r.a1, r.a2, memory, console);
      case sbi_dbcn::console_read: return sbi_debug_console::read(r.a0, r.a1, r.a2, memory, console);
      case sbi_dbcn::console_write_byte:
        // The parameter is 8 bits wide.
        console.put(static_cast<std::uint8_t>(r.a0));
        return sbi_success();
      default: return sbi_failure(sbi_error::not_supported);
    }
  }

  /// Instructions are two bytes at least, at even addresses.
  template <typename Memory>
  [[nodiscard]] static bool is_entry(guest_phys entry, Memory& memory) {
    guest_range const first{entry, 2};
    return is_aligned(entry, 2) && first.is_valid() && memory.contains(first);
  }

  sbi_hart_states<MaxVcpus> harts_;
};

}  // namespace axhal::riscv64
