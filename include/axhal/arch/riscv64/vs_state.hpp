// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/arch/riscv64/csr.hpp>

#include <cstdint>

namespace axhal::riscv64 {

/// A guest's supervisor registers that live in the CPU while it is loaded and that no exit touches
/// (RISC-V Privileged Architecture, "Virtual Supervisor CSRs"). scounteren, senvcfg and sstateen0 have no copy for
/// V=1: guests use the host's, which the host, that runs nothing in U-mode, has no use for.
///
/// A zeroed state with `reset_vsstatus` is the state that a hart starts in: no translation, interrupts masked.
struct vs_state {
  std::uint64_t vsstatus{reset_vsstatus};
  std::uint64_t vsie{};
  std::uint64_t vstvec{};
  std::uint64_t vsscratch{};
  std::uint64_t vsepc{};
  std::uint64_t vscause{};
  std::uint64_t vstval{};
  std::uint64_t vsatp{};
  std::uint64_t scounteren{};
  std::uint64_t senvcfg{};

  /// UXL: U-mode has 64 bits.
  static constexpr std::uint64_t reset_vsstatus = sstatus::f_uxl::make(sstatus::uxl_64);

  friend constexpr bool operator==(vs_state const&, vs_state const&) = default;

  template <CsrAccess S>
  void load(bool has_senvcfg) const {
    S::template write<csr::vsstatus>(vsstatus);
    S::template write<csr::vsie>(vsie);
    S::template write<csr::vstvec>(vstvec);
    S::template write<csr::vsscratch>(vsscratch);
    S::template write<csr::vsepc>(vsepc);
    S::template write<csr::vscause>(vscause);
    S::template write<csr::vstval>(vstval);
    S::template write<csr::vsatp>(vsatp);
    S::template write<csr::scounteren>(scounteren);
    if (has_senvcfg) S::template write<csr::senvcfg>(senvcfg);
  }
  template <CsrAccess S>
  void save(bool has_senvcfg) {
    vsstatus = S::template read<csr::vsstatus>();
    vsie = S::template read<csr::vsie>();
    vstvec = S::template read<csr::vstvec>();
    vsscratch = S::template read<csr::vsscratch>();
    vsepc = S::template read<csr::vsepc>();
    vscause = S::template read<csr::vscause>();
    vstval = S::template read<csr::vstval>();
    vsatp = S::template read<csr::vsatp>();
    scounteren = S::template read<csr::scounteren>();
    if (has_senvcfg) senvcfg = S::template read<csr::senvcfg>();
  }
};

/// The supervisor registers of the guest that is loaded, for who makes it take an exception.
template <CsrAccess S>
struct loaded_vs {
  template <csr Id>
  [[nodiscard]] static std::uint64_t read_vs() {
    return S::template read<Id>();
  }
  template <csr Id>
  static void write_vs(std::uint64_t value) {
    S::template write<Id>(value);
  }
};

}  // namespace axhal::riscv64
