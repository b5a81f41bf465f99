// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/arch/x86_64/emulation_context.hpp>
#include <axhal/arch/x86_64/guest_event.hpp>
#include <axhal/arch/x86_64/instruction_prefixes.hpp>
#include <axhal/arch/x86_64/segment_register.hpp>

#include <concepts>
#include <cstdint>
#include <type_traits>

namespace axhal::x86_64 {

/// Whether the guest has taken an interrupt that was offered, and which.
struct accepted_interrupt {
  bool any{};
  std::uint8_t vector{};
  [[nodiscard]] constexpr explicit operator bool() const { return any; }
};

/// A stopped guest, whichever extension runs it and whichever tier looks: what all exits that are not an extension's
/// own business are answered through. Models: `svm_context` and `vmx_context`, each in a fast and a slow form.
///
/// A handle: small, trivially copyable, and its copies speak of the same guest.
///
/// `holds(n)`: general register n is within reach; in the fast tier the callee-saved ones that the compiler has are not
/// (RBP, R12 to R15), and an exit that needs one of them is left to the slow tier before anything was done.
/// `gpr`, `set_gpr`, `rip`, `rflags`, `set_rflags`, `code`, `segment_base`, `step_over`: see `EmulatedRegisters`.
/// `set_rip(v)`: nothing else happens. `cpl()`: 0 to 3. `segment_of(s)`: the whole register.
/// `cr0`, `cr3`, `cr4`, `efer`: what the guest believes to have written, LMA included. The setters take values that
/// were checked (control_register_writes.hpp) and see to what hardware needs beside them; `set_cr2` is for page faults.
/// `raise(event)`: the guest takes it before its next instruction; a second exception that comes before the first was
/// delivered makes what the architecture makes of both (event_merge.hpp). `forget_translations()`: nothing of what the
/// CPU remembers of this guest's own tables counts any more. `pat`: the guest's IA32_PAT.
///
/// Interrupts are offered: `offer_interrupt(vector)` has the guest take it as soon as it can (IF, shadows, an event
/// before it), and replaces one that was offered before and not taken; `withdraw_interrupt()` takes that back;
/// `take_accepted()` tells, once, that the guest has taken what was offered: from then on its controller has it in
/// service, so ask before anything that looks at the controller. `offer_nmi()`: an NMI, as soon as one can be taken; a
/// second one that is offered before is the same one.
template <typename C>
concept StoppedGuest = std::is_trivially_copyable_v<C> && EmulatedRegisters<C> &&
                       requires(C& c, C const& k, unsigned n, std::uint64_t v, segment s, guest_event const& e) {
                         { k.holds(n) } -> std::same_as<bool>;
                         { c.set_rip(v) } -> std::same_as<void>;
                         { k.cpl() } -> std::same_as<unsigned>;
                         { k.segment_of(s) } -> std::same_as<segment_register>;
                         { k.cr0() } -> std::same_as<std::uint64_t>;
                         { k.cr2() } -> std::same_as<std::uint64_t>;
                         { k.cr3() } -> std::same_as<std::uint64_t>;
                         { k.cr4() } -> std::same_as<std::uint64_t>;
                         { k.efer() } -> std::same_as<std::uint64_t>;
                         { c.set_cr0(v) } -> std::same_as<void>;
                         { c.set_cr2(v) } -> std::same_as<void>;
                         { c.set_cr3(v) } -> std::same_as<void>;
                         { c.set_cr4(v) } -> std::same_as<void>;
                         { c.set_efer(v) } -> std::same_as<void>;
                         { k.pat() } -> std::same_as<std::uint64_t>;
                         { c.set_pat(v) } -> std::same_as<void>;
                         { c.raise(e) } -> std::same_as<void>;
                         { c.offer_interrupt(std::uint8_t{}) } -> std::same_as<void>;
                         { c.withdraw_interrupt() } -> std::same_as<void>;
                         { c.take_accepted() } -> std::same_as<accepted_interrupt>;
                         { c.offer_nmi() } -> std::same_as<void>;
                         { c.forget_translations() } -> std::same_as<void>;
                       };

/// One whose host can be told that an offer has ended. `request_room_event(true)`: from now on there is an
/// `exit::host_interrupt` for each interrupt that the guest takes, at a moment when it could take another or is about
/// to take this one, unless `take_accepted` has told it before; `false` ends that. It costs an exit for each interrupt.
template <typename C>
concept TellsRoom = StoppedGuest<C> && requires(C& c, bool on) {
  { c.request_room_event(on) } -> std::same_as<void>;
};

/// The guest's memory as the hypervisor reaches it: `at(address, size)` is where `size` bytes (1 to 4096, within one
/// page) of the guest's RAM are on the host, or null when not all of them are RAM.
template <typename M>
concept GuestRam = requires(M& m, guest_phys address, std::uint64_t size) {
  { m.at(address, size) } -> std::same_as<std::uint8_t*>;
};

}  // namespace axhal::x86_64
