// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/arch/riscv64/imsic.hpp>
#include <axhal/core/bit_field.hpp>
#include <axhal/policy/virt_irq.hpp>

#include <bit>
#include <cstdint>

namespace axhal::riscv64 {

/// Interrupts for a guest in the guest interrupt file of this hart that hstatus.VGEIN selects (RISC-V Advanced
/// Interrupt Architecture, "Incoming MSI Controller (IMSIC)"). Its numbers are identities, 1 to `identities`; the guest
/// takes the lowest first, among those it has enabled. Taking one clears its pending bit: that is all that hardware
/// tells.
///
/// Not only the host presents: devices and other vCPUs write to the file's page. `reap` reports what the host has
/// presented; `save` moves all that is pending. Messages that arrive for a file whose vCPU has left it are lost or
/// another's, so the caller takes the vCPU's page away from it first.
///
/// One object for each vCPU or hart. Call every function on the hart whose file it is, with the guest stopped and its
/// VGEIN in hstatus. The guest's vsiselect is kept.
template <CsrSwap Hart, std::uint32_t MaxIdentities = 255>
class imsic_guest_file {
  static_assert(MaxIdentities >= 63 && MaxIdentities <= imsic_registers::max_identities && MaxIdentities % 64 == 63,
                "imsic_guest_file: a file has 63 to 2047 identities, one less than a multiple of 64");
  using file = guest_file<Hart>;

 public:
  static constexpr shown_until lifetime = shown_until::taken;
  static constexpr bool has_priorities = false;
  static constexpr std::uint32_t words = (MaxIdentities + 1) / 64;

  /// What a vCPU takes along when it leaves the file. A fresh one is an empty file that delivers nothing.
  struct state {
    std::uint64_t eidelivery{};
    std::uint64_t eithreshold{};
    std::uint64_t eip[words]{};
    std::uint64_t eie[words]{};
    std::uint64_t shown[words]{};  ///< presented, and not known to be taken
    std::uint64_t done[words]{};   ///< taken, not reported
  };

  /// Of `identities` ("riscv,num-ids"), those up to `MaxIdentities` are used.
  constexpr explicit imsic_guest_file(std::uint32_t identities)
      : identities_{identities < MaxIdentities ? identities : MaxIdentities} {}

  /// Empties the file: nothing pending, nothing enabled, nothing delivered.
  void init() {
    kept_select const keep{};
    file::reset(identities_);
    for (std::uint32_t w = 0; w < words; ++w) shown_[w] = done_[w] = 0;
  }

  // --- VirtIrqPolicy ---

  /// There is room for every identity at any time.
  [[nodiscard]] constexpr unsigned capacity() const { return identities_; }
  result<void, virt_irq_error> present(virtual_irq const& irq) {
    if (!has(irq.irq)) return failure{virt_irq_error::out_of_range};
    if (irq.hardware) return failure{virt_irq_error::unsupported};
    std::uint32_t const w = irq.irq.value / 64;
    std::uint64_t const bit = file::bit_of(irq.irq.value);
    kept_select const keep{};
    if ((shown_[w] & bit) != 0 && !file::is_pending(irq.irq.value)) done_[w] |= bit;
    file::set(imsic_registers::eip(w), bit);
    shown_[w] |= bit;
    return {};
  }
  bool withdraw(irq_number irq) {
    if (!has(irq)) return false;
    std::uint32_t const w = irq.value / 64;
    std::uint64_t const bit = file::bit_of(irq.value);
    if ((shown_[w] & bit) == 0) return false;
    kept_select const keep{};
    shown_[w] &= ~bit;
    if (!file::is_pending(irq.value)) {
      done_[w] |= bit;
      return false;
    }
    file::clear(imsic_registers::eip(w), bit);
    return true;
  }
  /// `consumed(virtual_irq const&)` may present other interrupts. One that was taken more than once since the last call
  /// is reported once.
  template <typename Consumed>
  void reap(Consumed&& consumed) {
    for (std::uint32_t w = 0; w < words; ++w) {
      if ((shown_[w] | done_[w]) == 0) continue;
      if (shown_[w] != 0) {
        kept_select const keep{};
        std::uint64_t const taken = shown_[w] & ~file::read(imsic_registers::eip(w));
        shown_[w] &= ~taken;
        done_[w] |= taken;
      }
      std::uint64_t rest = done_[w];
      done_[w] = 0;
      for (; rest != 0; rest &= rest - 1) {
        consumed(virtual_irq{.irq = {w * 64 + static_cast<std::uint32_t>(std::countr_zero(rest))}});
      }
    }
  }
  static void request_room_event(bool) {}

  void save(state& s) {
    kept_select const keep{};
    s.eidelivery = file::read(imsic_registers::eidelivery);
    s.eithreshold = file::read(imsic_registers::eithreshold);
    // Closed first, so that nothing is delivered of what is half moved.
    file::write(imsic_registers::eidelivery, 0);
    for (std::uint32_t w = 0; w < words; ++w) {
      s.eip[w] = s.eie[w] = 0;
      if (w <= identities_ / 64) {
        s.eie[w] = file::read(imsic_registers::eie(w));
        file::write(imsic_registers::eie(w), 0);
        Hart::template write<csr::vsiselect>(imsic_registers::eip(w));
        // In one step: a message that arrives between a read and a write would be lost.
        s.eip[w] = Hart::template swap<csr::vsireg>(0);
      }
      s.shown[w] = shown_[w];
      s.done[w] = done_[w];
      shown_[w] = done_[w] = 0;
    }
    file::write(imsic_registers::eithreshold, 0);
  }
  void restore(state const& s) {
    kept_select const keep{};
    for (std::uint32_t w = 0; w < words; ++w) {
      if (w <= identities_ / 64) {
        file::write(imsic_registers::eie(w), s.eie[w]);
        file::set(imsic_registers::eip(w), s.eip[w]);
      }
      shown_[w] = s.shown[w];
      done_[w] = s.done[w];
    }
    file::write(imsic_registers::eithreshold, s.eithreshold);
    file::write(imsic_registers::eidelivery, s.eidelivery);
  }

 private:
  /// The guest's own vsiselect, put back at the end of a function.
  struct kept_select {
    std::uint64_t before{Hart::template read<csr::vsiselect>()};
    kept_select() = default;
    kept_select(kept_select const&) = delete;
    kept_select& operator=(kept_select const&) = delete;
    ~kept_select() { Hart::template write<csr::vsiselect>(before); }
  };
  [[nodiscard]] constexpr bool has(irq_number irq) const { return irq.value != 0 && irq.value <= identities_; }

  std::uint32_t identities_;
  std::uint64_t shown_[words]{};
  std::uint64_t done_[words]{};
};

}  // namespace axhal::riscv64
