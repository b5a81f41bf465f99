// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/boot/acpi_format.hpp>
#include <axhal/boot/acpi_madt_entries.hpp>
#include <axhal/boot/acpi_tables.hpp>
#include <axhal/boot/detail/little_endian.hpp>
#include <axhal/core/address.hpp>
#include <axhal/core/bytes.hpp>
#include <axhal/core/result.hpp>

#include <cstddef>
#include <cstdint>

namespace axhal::boot {

/// Where an interrupt of a legacy bus arrives, and how.
struct legacy_route {
  std::uint32_t gsi{};  ///< global system interrupt
  bool active_low{};
  bool level{};
  friend constexpr bool operator==(legacy_route const&, legacy_route const&) = default;
};

/// The MADT: processors, interrupt controllers and how interrupts reach them (ACPI Specification 6.5, 5.2.12 "Multiple
/// APIC Description Table").
class acpi_madt {
 public:
  static constexpr acpi_name signature{"APIC"};
  static constexpr std::uint32_t first_entry = 44;

  /// Checks every entry: those of a known kind are at least as long as the kind, none reaches past the table.
  /// Errors: `bad_signature`, `bad_length`, `bad_entry` with the entry's offset.
  [[nodiscard]] static constexpr result<acpi_madt, acpi_error> open(acpi_table const& table) {
    if (table.name != signature) return table.refuse(acpi_fault::bad_signature, acpi_format::h_signature);
    if (table.content.size < first_entry) return table.refuse(acpi_fault::bad_length, acpi_format::h_length);
    for (std::size_t at = first_entry; at < table.content.size;) {
      std::size_t const size = entry_size(table.content, at);
      if (size == 0 || size < least_size(table.content[at])) return table.refuse(acpi_fault::bad_entry, at);
      at += size;
    }
    return acpi_madt{table};
  }

  /// Where the local APIC's registers are: the table's own field, or the entry that overrides it.
  [[nodiscard]] constexpr host_phys local_apic() const {
    for (auto const& e : all<madt_address_override>()) return {e.address};
    return {detail::load_le<std::uint32_t>(table_.content, 36)};
  }
  /// There is a pair of 8259s as well, to be masked before APICs are used (flag PCAT_COMPAT).
  [[nodiscard]] constexpr bool has_legacy_controllers() const {
    return (detail::load_le<std::uint32_t>(table_.content, 40) & 1) != 0;
  }

  struct end_mark {};

  /// The entries of type `E`, in the table's order; others are passed over. A range for `for`.
  template <MadtEntry E>
  class entries {
   public:
    class iterator {
     public:
      constexpr iterator(bytes content, std::size_t at) : content_{content}, at_{at} { seek(); }
      [[nodiscard]] constexpr E operator*() const { return E::load(content_.sub(at_, E::size)); }
      constexpr iterator& operator++() {
        at_ += size_;
        seek();
        return *this;
      }
      [[nodiscard]] friend constexpr bool operator==(iterator const& i, end_mark) { return i.size_ == 0; }

     private:
      /// Moves to the next entry of this kind, or ends the walk; checked again at each step.
      constexpr void seek() {
        while ((size_ = entry_size(content_, at_)) != 0 && (content_[at_] != E::kind || size_ < E::size)) at_ += size_;
      }
      bytes content_;
      std::size_t at_;
      std::size_t size_{};
    };
    constexpr explicit entries(bytes content) : content_{content} {}
    [[nodiscard]] constexpr iterator begin() const { return {content_, first_entry}; }
    [[nodiscard]] constexpr end_mark end() const { return {}; }
    /// Number of entries of this type.
    [[nodiscard]] constexpr std::size_t count() const {
      std::size_t n = 0;
      for (auto i = begin(); i != end(); ++i) ++n;
      return n;
    }

   private:
    bytes content_;
  };

  template <MadtEntry E>
  [[nodiscard]] constexpr entries<E> all() const {
    return entries<E>{table_.content};
  }

  /// Where interrupt `source` of the ISA bus arrives: by its override, or under its own number. `usual` is what counts
  /// where an override says "as the bus has it", or where there is none: edge-triggered and active high for ISA, level
  /// and active low for the SCI (`acpi_fadt::sci`). Reserved flags count as the bus's.
  [[nodiscard]] constexpr legacy_route route(std::uint8_t source, legacy_route usual = {}) const {
    usual.gsi = source;
    for (auto const& e : all<madt_source_override>()) {
      if (e.bus != 0 || e.source != source) continue;
      usual.gsi = e.gsi;
      if (e.flags.polarity == inti_polarity::active_high) usual.active_low = false;
      if (e.flags.polarity == inti_polarity::active_low) usual.active_low = true;
      if (e.flags.trigger == inti_trigger::edge) usual.level = false;
      if (e.flags.trigger == inti_trigger::level) usual.level = true;
      break;
    }
    return usual;
  }

 private:
  explicit constexpr acpi_madt(acpi_table const& table) : table_{table} {}

  /// Length of the entry at `at`, or 0 when there is none or it reaches past the table.
  [[nodiscard]] static constexpr std::size_t entry_size(bytes content, std::size_t at) {
    if (at >= content.size || content.size - at < 2) return 0;
    std::size_t const size = content[at + 1];
    return size < 2 || size > content.size - at ? 0 : size;
  }
  [[nodiscard]] static constexpr std::size_t least_size(std::uint8_t kind) {
    switch (kind) {
      case madt_local_apic::kind: return madt_local_apic::size;
      case madt_io_apic::kind: return madt_io_apic::size;
      case madt_source_override::kind: return madt_source_override::size;
      case madt_nmi_source::kind: return madt_nmi_source::size;
      case madt_local_nmi::kind: return madt_local_nmi::size;
      case madt_address_override::kind: return madt_address_override::size;
      case madt_local_x2apic::kind: return madt_local_x2apic::size;
      case madt_local_x2apic_nmi::kind: return madt_local_x2apic_nmi::size;
      default: return 2;
    }
  }

  acpi_table table_;
};

}  // namespace axhal::boot
