// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/arch/riscv64/csr.hpp>
#include <axhal/arch/riscv64/sbi.hpp>
#include <axhal/core/mmio.hpp>
#include <axhal/policy/cpu.hpp>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "support/simulated_imsic.hpp"

namespace axhal::test {

/// The interrupt side of some harts in HS-mode, written from the RISC-V Privileged Architecture ("Supervisor-Level
/// ISA", "Hypervisor Extension") and the Advanced Interrupt Architecture. `cpu` says which one runs.
///
/// `mistakes` collects accesses that would trap.
class simulated_harts {
 public:
  struct hart {
    std::uint64_t hartid{};
    std::uint64_t soft{};  ///< SSIP and LCOFIP, the bits of sip that software writes
    std::uint64_t sie{}, hie{}, hgeie{}, hvip{}, hstatus{}, vsie{};
    std::uint64_t siselect{}, vsiselect{};
    bool timer{};
    simulated_imsic imsic{};
    bool has_imsic{};
  };

  explicit simulated_harts(unsigned count = 2, std::uint64_t first_id = 0) : harts(count) {
    for (unsigned i = 0; i < count; ++i) harts[i].hartid = first_id + i;
  }

  unsigned cpu{};
  std::vector<hart> harts;
  std::function<bool(unsigned)> external{};                          ///< the wire of a PLIC or an APLIC to hart `n`
  std::uint64_t local_bits{1U << 1 | 1U << 5 | 1U << 9 | 1U << 13};  ///< what sie keeps
  std::int64_t firmware_says{};                                      ///< the error of every SBI call
  std::vector<std::string> mistakes{};

  hart& self() { return harts.at(cpu); }
  std::uint64_t geilen() { return self().has_imsic ? self().imsic.files.size() - 1 : 0; }
  std::uint64_t hgeip() { return self().has_imsic ? self().imsic.hgeip() : 0; }
  std::uint64_t sip() {
    hart const& h = self();
    std::uint64_t bits = h.soft;
    if (h.timer) bits |= 1U << 5;
    if (external && external(cpu)) bits |= 1U << 9;
    if (h.has_imsic && h.imsic.files[0].output()) bits |= 1U << 9;
    return bits;
  }
  std::uint64_t hip() {
    hart const& h = self();
    std::uint64_t bits = h.hvip;
    std::uint64_t const vgein = h.hstatus >> 12 & 0x3f;
    if ((hgeip() >> vgein & 1) != 0 && vgein != 0) bits |= 1U << 10;
    if ((hgeip() & h.hgeie) != 0) bits |= 1U << 12;
    return bits;
  }
  /// The guest file that VGEIN selects.
  simulated_file* guest_file() {
    std::uint64_t const vgein = self().hstatus >> 12 & 0x3f;
    if (vgein == 0 || vgein > geilen()) {
      mistakes.push_back("a guest's file without VGEIN");
      return nullptr;
    }
    return &self().imsic.files[vgein];
  }
  std::uint64_t* ireg(bool guest) {
    hart& h = self();
    simulated_file* const file = guest ? guest_file() : h.has_imsic ? &h.imsic.files[0] : nullptr;
    std::uint64_t* const found = file == nullptr ? nullptr : file->at(guest ? h.vsiselect : h.siselect);
    if (found == nullptr) mistakes.push_back("illegal indirect access");
    return found;
  }

  /// A write to the page of a file: hart `n`'s, of guest `guest` or of the supervisor.
  void message(unsigned n, unsigned guest, std::uint32_t identity) {
    if (n >= harts.size() || !harts[n].has_imsic || guest >= harts[n].imsic.files.size()) {
      mistakes.push_back("a message to no file");
    } else {
      harts[n].imsic.files[guest].message(identity);
    }
  }

  std::uint64_t read(riscv64::csr id);
  void write(riscv64::csr id, std::uint64_t value);
};

inline std::uint64_t simulated_harts::read(riscv64::csr id) {
  hart& h = self();
  switch (id) {
    case riscv64::csr::sip: return sip();
    case riscv64::csr::sie: return h.sie;
    case riscv64::csr::hip: return hip();
    case riscv64::csr::hie: return h.hie;
    case riscv64::csr::hvip: return h.hvip;
    case riscv64::csr::vsip: return hip() >> 1 & 0x222;
    case riscv64::csr::vsie: return h.vsie;
    case riscv64::csr::hgeie: return h.hgeie;
    case riscv64::csr::hgeip: return hgeip();
    case riscv64::csr::hstatus: return h.hstatus;
    case riscv64::csr::siselect: return h.siselect;
    case riscv64::csr::vsiselect: return h.vsiselect;
    case riscv64::csr::sireg:
    case riscv64::csr::vsireg: {
      std::uint64_t const* const at = ireg(id == riscv64::csr::vsireg);
      return at == nullptr ? 0 : *at;
    }
    case riscv64::csr::stopei:
      if (!h.has_imsic) mistakes.push_back("stopei without an IMSIC");
      return h.imsic.files[0].top();
    case riscv64::csr::vstopei: {
      simulated_file const* const file = guest_file();
      return file == nullptr ? 0 : file->top();
    }
    default: mistakes.push_back("unknown register"); return 0;
  }
}

inline void simulated_harts::write(riscv64::csr id, std::uint64_t value) {
  hart& h = self();
  switch (id) {
    case riscv64::csr::sip: h.soft = value & local_bits & (1U << 1 | 1U << 13); break;
    case riscv64::csr::sie: h.sie = value & local_bits; break;
    case riscv64::csr::hie: h.hie = value & 0x1444; break;
    case riscv64::csr::hvip: h.hvip = value & 0x444; break;
    case riscv64::csr::vsie: h.vsie = value & 0x222; break;
    case riscv64::csr::vsip: h.hvip = (h.hvip & ~std::uint64_t{4}) | (value & 2) << 1; break;
    case riscv64::csr::hgeie: h.hgeie = value & ((std::uint64_t{2} << geilen()) - 2); break;
    case riscv64::csr::hstatus: h.hstatus = value; break;
    case riscv64::csr::siselect: h.siselect = value; break;
    case riscv64::csr::vsiselect: h.vsiselect = value; break;
    case riscv64::csr::sireg:
    case riscv64::csr::vsireg:
      if (std::uint64_t* const at = ireg(id == riscv64::csr::vsireg)) *at = value;
      for (simulated_file& f : h.imsic.files) f.settle();
      break;
    case riscv64::csr::stopei: static_cast<void>(h.imsic.files[0].claim()); break;
    case riscv64::csr::vstopei:
      if (simulated_file* const file = guest_file()) static_cast<void>(file->claim());
      break;
    default: mistakes.push_back("unknown register"); break;
  }
}

/// The pages of interrupt files, `guest_bits` for the guests of each hart.
struct imsic_window {
  simulated_harts* harts;
  unsigned guest_bits{};
  std::uint8_t read8(std::uint64_t) {
    harts->mistakes.push_back("byte read");
    return 0;
  }
  std::uint32_t read32(std::uint64_t) { return 0; }
  void write8(std::uint64_t, std::uint8_t) { harts->mistakes.push_back("byte write"); }
  void write32(std::uint64_t o, std::uint32_t v) {
    if (o % 0x1000 != 0) harts->mistakes.push_back("no register of a file");
    auto const page = static_cast<unsigned>(o / 0x1000);
    harts->message(page >> guest_bits, page & ((1U << guest_bits) - 1), v);
  }
};
static_assert(MmioWindow<imsic_window>);

/// The hart that drivers see: the one that runs on `machine`.
struct test_hart {
  static inline simulated_harts* machine{};

  template <riscv64::csr Id>
  [[nodiscard]] static std::uint64_t read() {
    return machine->read(Id);
  }
  template <riscv64::csr Id>
  static void write(std::uint64_t value) {
    machine->write(Id, value);
  }
  template <riscv64::csr Id>
  static void set(std::uint64_t bits) {
    machine->write(Id, machine->read(Id) | bits);
  }
  template <riscv64::csr Id>
  static void clear(std::uint64_t bits) {
    machine->write(Id, machine->read(Id) & ~bits);
  }
  template <riscv64::csr Id>
  static std::uint64_t swap(std::uint64_t value) {
    std::uint64_t const before = machine->read(Id);
    machine->write(Id, value);
    return before;
  }
  template <barrier B>
  static void order() {}

  /// The IPI extension alone: EID 0x735049, function 0.
  static riscv64::sbi_return sbi_call(std::uint64_t eid, std::uint64_t fid, std::uint64_t mask, std::uint64_t base,
                                      std::uint64_t, std::uint64_t, std::uint64_t, std::uint64_t) {
    if (machine->firmware_says != 0) return {machine->firmware_says, 0};
    if (eid != 0x735049 || fid != 0) return {-2, 0};
    for (auto& h : machine->harts) {
      if (h.hartid >= base && h.hartid - base < 64 && (mask >> (h.hartid - base) & 1) != 0) h.soft |= 2;
    }
    return {0, 0};
  }
};

}  // namespace axhal::test
