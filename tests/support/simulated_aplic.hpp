// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/core/mmio.hpp>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace axhal::test {

/// One supervisor-level interrupt domain of an APLIC, written from the RISC-V Advanced Interrupt Architecture for
/// tests: it shares no code with the drivers it checks.
///
/// `mistakes` collects accesses that the specification has no register for, and interrupts sent to harts that are not
/// there.
class simulated_aplic {
 public:
  explicit simulated_aplic(unsigned sources = 95, unsigned harts = 2) : sources_(sources + 1), idcs_(harts) {}

  bool has_direct{true};
  bool has_msi{true};
  std::uint32_t marker{0x8000'0000};
  std::uint32_t iprio_bits{0xff};  ///< IPRIOLEN ones
  std::uint32_t eiid_bits{0xff};
  std::vector<unsigned> not_delegated{};                     ///< sources that this domain does not have
  std::uint32_t modes{0xf3};                                 ///< one bit for each source mode that there is
  std::function<void(unsigned, unsigned, unsigned)> send{};  ///< an MSI: hart index, guest index, identity
  std::vector<std::string> mistakes{};

  // --- wires ---

  void set_line(unsigned n, bool high) {
    source& s = sources_.at(n);
    bool const before = rectified(s);
    s.wire = high;
    follow(s, before);
    forward();
  }
  /// The wire to the hart with this index.
  bool output(unsigned hart) const {
    idc const& i = idcs_.at(hart);
    return (domaincfg_ & 0x104) == 0x100 && i.idelivery == 1 && (i.iforce != 0 || topi(hart) != 0);
  }

  // --- the window ---

  std::uint32_t read(std::uint64_t offset);
  void write(std::uint64_t offset, std::uint32_t value);
  std::uint32_t mistake(std::string what) {
    mistakes.push_back(std::move(what));
    return 0;
  }

 private:
  struct source {
    bool wire{}, pending{}, enabled{};
    std::uint32_t mode{}, target{};
  };
  struct idc {
    std::uint32_t idelivery{}, iforce{}, ithreshold{};
  };

  bool by_msi() const { return (domaincfg_ & 4) != 0; }
  bool is_there(unsigned n) const {
    if (n == 0 || n >= sources_.size()) return false;
    for (unsigned const gone : not_delegated) {
      if (gone == n) return false;
    }
    return true;
  }
  bool is_active(unsigned n) const { return is_there(n) && sources_[n].mode != 0; }
  static bool is_level(source const& s) { return s.mode >= 6; }
  static bool rectified(source const& s) { return s.mode >= 4 && s.wire != ((s.mode & 1) != 0); }
  /// "Precise effects on interrupt-pending bits", what the wire does.
  void follow(source& s, bool before) {
    bool const now = rectified(s);
    if (is_level(s)) {
      if (!now) s.pending = false;
      if (now && (!before || !by_msi())) s.pending = true;
    } else if (s.mode >= 4 && now && !before) {
      s.pending = true;
    }
  }
  void set_pending(unsigned n) {
    if (!is_active(n)) return;
    source& s = sources_[n];
    if (!is_level(s) || (by_msi() && rectified(s))) s.pending = true;
  }
  void clear_pending(unsigned n) {
    if (!is_active(n)) return;
    source& s = sources_[n];
    if (!is_level(s) || by_msi()) s.pending = false;
  }
  void forward() {
    if ((domaincfg_ & 0x104) != 0x104) return;
    for (unsigned n = 1; n < sources_.size(); ++n) {
      source& s = sources_[n];
      if (!is_active(n) || !s.pending || !s.enabled) continue;
      s.pending = false;
      if (send) send(s.target >> 18, s.target >> 12 & 0x3f, s.target & 0x7ff);
    }
  }
  std::uint32_t topi(unsigned hart) const {
    std::uint32_t found = 0;
    std::uint32_t best = idcs_[hart].ithreshold == 0 ? 0x100 : idcs_[hart].ithreshold;
    for (unsigned n = 1; n < sources_.size(); ++n) {
      source const& s = sources_[n];
      if (!is_active(n) || !s.pending || !s.enabled || s.target >> 18 != hart || (s.target & 0xff) >= best) continue;
      best = s.target & 0xff;
      found = n << 16 | best;
    }
    return found;
  }
  template <typename Bit>
  std::uint32_t gather(std::uint64_t word, Bit bit) const {
    std::uint32_t value = 0;
    for (unsigned i = 0; i < 32; ++i) {
      auto const n = static_cast<unsigned>(word) * 32 + i;
      if (is_active(n) && bit(sources_[n])) value |= 1U << i;
    }
    return value;
  }
  template <typename Do>
  void each(std::uint64_t word, std::uint32_t bits, Do act) {
    for (unsigned i = 0; i < 32; ++i) {
      if ((bits >> i & 1) != 0) act(static_cast<unsigned>(word) * 32 + i);
    }
  }
  void enable(unsigned n, bool on) {
    if (is_active(n)) sources_[n].enabled = on;
  }
  void write_target(source& s, std::uint32_t value) const {
    s.target = value & 0xfffc'0000;
    if (by_msi()) {
      s.target |= value & (0x3f000U | eiid_bits);
    } else {
      s.target |= (value & iprio_bits) != 0 ? value & iprio_bits : 1;
    }
  }

  std::uint32_t domaincfg_{};
  std::vector<source> sources_;
  std::vector<idc> idcs_;
};

inline std::uint32_t simulated_aplic::read(std::uint64_t o) {
  if (o % 4 != 0) return mistake("misaligned read");
  if (o == 0) return marker | domaincfg_;
  if (o < 0x1000) return is_there(static_cast<unsigned>(o / 4)) ? sources_[o / 4].mode : 0;
  if (o >= 0x1c00 && o < 0x1c80) return gather((o - 0x1c00) / 4, [](source const& s) { return s.pending; });
  if (o >= 0x1d00 && o < 0x1d80) return gather((o - 0x1d00) / 4, [](source const& s) { return rectified(s); });
  if (o >= 0x1e00 && o < 0x1e80) return gather((o - 0x1e00) / 4, [](source const& s) { return s.enabled; });
  if (o > 0x3000 && o < 0x4000) {
    auto const n = static_cast<unsigned>(o - 0x3000) / 4;
    return is_active(n) ? sources_[n].target : 0;
  }
  auto const hart = static_cast<unsigned>((o - 0x4000) / 0x20);
  if (o >= 0x4000 && hart < idcs_.size()) {
    idc& i = idcs_[hart];
    switch (o % 0x20) {
      case 0x00: return i.idelivery;
      case 0x04: return i.iforce;
      case 0x08: return i.ithreshold;
      case 0x18: return topi(hart);
      case 0x1c: {
        std::uint32_t const top = topi(hart);
        if (top == 0) i.iforce = 0;
        if (top != 0) clear_pending(top >> 16);
        return top;
      }
      default: break;
    }
  }
  return mistake("read of no register");
}

inline void simulated_aplic::write(std::uint64_t o, std::uint32_t value) {
  if (o % 4 != 0) {
    mistake("misaligned write");
  } else if (o == 0) {
    std::uint32_t dm = value & 4;
    if (dm != 0 && !has_msi) dm = 0;
    if (dm == 0 && !has_direct) dm = 4;
    domaincfg_ = (value & 0x100) | dm;
  } else if (o < 0x1000) {
    auto const n = static_cast<unsigned>(o / 4);
    if (!is_there(n)) return;
    source& s = sources_[n];
    std::uint32_t const mode = (value & 0x400) != 0 || (modes >> (value & 7) & 1) == 0 ? 0 : value & 7;
    if (s.mode == 0 && mode != 0) s.target = 0xa5a5'a5a5;  // unspecified
    s.mode = mode;
    if (mode == 0) s.pending = s.enabled = false;
    // "Any write to a sourcecfg register might (or might not) cause the pending bit to be set": this one does.
    if (rectified(s)) s.pending = true;
    if (!rectified(s) && is_level(s)) s.pending = false;
  } else if (o >= 0x1c00 && o < 0x1c80) {
    each((o - 0x1c00) / 4, value, [this](unsigned n) { set_pending(n); });
  } else if (o == 0x1cdc || o == 0x2000) {
    set_pending(value);
  } else if (o >= 0x1d00 && o < 0x1d80) {
    each((o - 0x1d00) / 4, value, [this](unsigned n) { clear_pending(n); });
  } else if (o == 0x1ddc) {
    clear_pending(value);
  } else if (o >= 0x1e00 && o < 0x1e80) {
    each((o - 0x1e00) / 4, value, [this](unsigned n) { enable(n, true); });
  } else if (o == 0x1edc) {
    enable(value, true);
  } else if (o >= 0x1f00 && o < 0x1f80) {
    each((o - 0x1f00) / 4, value, [this](unsigned n) { enable(n, false); });
  } else if (o == 0x1fdc) {
    enable(value, false);
  } else if (o > 0x3000 && o < 0x4000) {
    auto const n = static_cast<unsigned>(o - 0x3000) / 4;
    if (is_active(n)) write_target(sources_[n], value);
  } else if (auto const hart = static_cast<unsigned>((o - 0x4000) / 0x20); o >= 0x4000 && hart < idcs_.size()) {
    idc& i = idcs_[hart];
    switch (o % 0x20) {
      case 0x00: i.idelivery = value & 1; break;
      case 0x04: i.iforce = value & 1; break;
      case 0x08: i.ithreshold = value & iprio_bits; break;
      case 0x18:
      case 0x1c: break;
      default: mistake("write to no register"); break;
    }
  } else {
    mistake("write to no register");
  }
  forward();
}

struct aplic_window {
  simulated_aplic* aplic;
  std::uint8_t read8(std::uint64_t) { return static_cast<std::uint8_t>(aplic->mistake("byte read")); }
  std::uint32_t read32(std::uint64_t o) { return aplic->read(o); }
  void write8(std::uint64_t, std::uint8_t) { aplic->mistake("byte write"); }
  void write32(std::uint64_t o, std::uint32_t v) { aplic->write(o, v); }
};
static_assert(MmioWindow<aplic_window>);

}  // namespace axhal::test
