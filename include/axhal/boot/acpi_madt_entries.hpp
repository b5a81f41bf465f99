// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/boot/acpi_format.hpp>
#include <axhal/boot/detail/little_endian.hpp>
#include <axhal/core/bytes.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>

namespace axhal::boot {

// The entries of the MADT for machines with APICs (ACPI Specification 6.5, 5.2.12 "Multiple APIC Description Table").
// Each type knows its number and its length in the table, and is read from and written to exactly so many bytes.

/// The polarity of an interrupt input (5.2.12.5 "Interrupt Source Override Structure", MPS INTI flags, bits 1:0).
enum class inti_polarity : std::uint8_t { bus = 0, active_high = 1, reserved = 2, active_low = 3 };
/// The trigger mode of an interrupt input (MPS INTI flags, bits 3:2).
enum class inti_trigger : std::uint8_t { bus = 0, edge = 1, reserved = 2, level = 3 };

/// How an interrupt arrives: as stated, or "as is usual on this bus".
struct inti_flags {
  inti_polarity polarity{};
  inti_trigger trigger{};

  [[nodiscard]] static constexpr inti_flags load(bytes entry, std::size_t at) {
    unsigned const word = detail::load_le<std::uint16_t>(entry, at);
    return {static_cast<inti_polarity>(word & 3), static_cast<inti_trigger>(word >> 2 & 3)};
  }
  constexpr void store(mutable_bytes entry, std::size_t at) const {
    unsigned const word = (static_cast<unsigned>(polarity) & 3) | (static_cast<unsigned>(trigger) & 3) << 2;
    detail::store_le(entry, at, static_cast<std::uint16_t>(word));
  }
  friend constexpr bool operator==(inti_flags, inti_flags) = default;
};

/// Names every processor, where an entry has a processor's number.
inline constexpr std::uint8_t every_apic_processor = 0xff;
inline constexpr std::uint32_t every_x2apic_processor = 0xffff'ffff;

/// A processor and its local APIC (5.2.12.2 "Processor Local APIC Structure").
struct madt_local_apic {
  static constexpr std::uint8_t kind = 0;
  static constexpr std::uint8_t size = 8;

  std::uint8_t processor{};  ///< the processor's number in AML
  std::uint8_t apic_id{};
  std::uint32_t flags{};  ///< bit 0 enabled, bit 1 online capable

  [[nodiscard]] constexpr bool is_enabled() const { return (flags & 1) != 0; }
  [[nodiscard]] constexpr bool is_online_capable() const { return (flags & 2) != 0; }

  [[nodiscard]] static constexpr madt_local_apic load(bytes e) {
    return {e[2], e[3], detail::load_le<std::uint32_t>(e, 4)};
  }
  constexpr void store(mutable_bytes e) const {
    e[2] = processor;
    e[3] = apic_id;
    detail::store_le(e, 4, flags);
  }
  friend constexpr bool operator==(madt_local_apic const&, madt_local_apic const&) = default;
};

/// An I/O APIC (5.2.12.3 "I/O APIC Structure").
struct madt_io_apic {
  static constexpr std::uint8_t kind = 1;
  static constexpr std::uint8_t size = 12;

  std::uint8_t id{};
  std::uint32_t address{};   ///< physical, of its registers
  std::uint32_t gsi_base{};  ///< global system interrupt of its first input

  [[nodiscard]] static constexpr madt_io_apic load(bytes e) {
    return {e[2], detail::load_le<std::uint32_t>(e, 4), detail::load_le<std::uint32_t>(e, 8)};
  }
  constexpr void store(mutable_bytes e) const {
    e[2] = id;
    detail::store_le(e, 4, address);
    detail::store_le(e, 8, gsi_base);
  }
  friend constexpr bool operator==(madt_io_apic const&, madt_io_apic const&) = default;
};

/// An ISA interrupt that arrives elsewhere, or otherwise, than its number says (5.2.12.5).
struct madt_source_override {
  static constexpr std::uint8_t kind = 2;
  static constexpr std::uint8_t size = 10;

  std::uint8_t bus{};     ///< 0: ISA
  std::uint8_t source{};  ///< the interrupt's number on that bus
  std::uint32_t gsi{};
  inti_flags flags{};

  [[nodiscard]] static constexpr madt_source_override load(bytes e) {
    return {e[2], e[3], detail::load_le<std::uint32_t>(e, 4), inti_flags::load(e, 8)};
  }
  constexpr void store(mutable_bytes e) const {
    e[2] = bus;
    e[3] = source;
    detail::store_le(e, 4, gsi);
    flags.store(e, 8);
  }
  friend constexpr bool operator==(madt_source_override const&, madt_source_override const&) = default;
};

/// An I/O APIC's input that is to be an NMI (5.2.12.6 "Non-Maskable Interrupt (NMI) Source Structure").
struct madt_nmi_source {
  static constexpr std::uint8_t kind = 3;
  static constexpr std::uint8_t size = 8;

  inti_flags flags{};
  std::uint32_t gsi{};

  [[nodiscard]] static constexpr madt_nmi_source load(bytes e) {
    return {inti_flags::load(e, 2), detail::load_le<std::uint32_t>(e, 4)};
  }
  constexpr void store(mutable_bytes e) const {
    flags.store(e, 2);
    detail::store_le(e, 4, gsi);
  }
  friend constexpr bool operator==(madt_nmi_source const&, madt_nmi_source const&) = default;
};

/// A local interrupt pin that is an NMI (5.2.12.7 "Local APIC NMI Structure").
struct madt_local_nmi {
  static constexpr std::uint8_t kind = 4;
  static constexpr std::uint8_t size = 6;

  std::uint8_t processor{};  ///< or `every_apic_processor`
  inti_flags flags{};
  std::uint8_t lint{};  ///< LINT0 or LINT1

  [[nodiscard]] static constexpr madt_local_nmi load(bytes e) { return {e[2], inti_flags::load(e, 3), e[5]}; }
  constexpr void store(mutable_bytes e) const {
    e[2] = processor;
    flags.store(e, 3);
    e[5] = lint;
  }
  friend constexpr bool operator==(madt_local_nmi const&, madt_local_nmi const&) = default;
};

/// The local APIC's address where it does not fit into 32 bits (5.2.12.8 "Local APIC Address Override Structure").
struct madt_address_override {
  static constexpr std::uint8_t kind = 5;
  static constexpr std::uint8_t size = 12;

  std::uint64_t address{};

  [[nodiscard]] static constexpr madt_address_override load(bytes e) { return {detail::load_le<std::uint64_t>(e, 4)}; }
  constexpr void store(mutable_bytes e) const { detail::store_le(e, 4, address); }
  friend constexpr bool operator==(madt_address_override const&, madt_address_override const&) = default;
};

/// A processor whose APIC ID may have 32 bits (5.2.12.12 "Processor Local x2APIC Structure").
struct madt_local_x2apic {
  static constexpr std::uint8_t kind = 9;
  static constexpr std::uint8_t size = 16;

  std::uint32_t apic_id{};
  std::uint32_t flags{};      ///< as `madt_local_apic`
  std::uint32_t processor{};  ///< the processor's number in AML

  [[nodiscard]] constexpr bool is_enabled() const { return (flags & 1) != 0; }
  [[nodiscard]] constexpr bool is_online_capable() const { return (flags & 2) != 0; }

  [[nodiscard]] static constexpr madt_local_x2apic load(bytes e) {
    return {detail::load_le<std::uint32_t>(e, 4), detail::load_le<std::uint32_t>(e, 8),
            detail::load_le<std::uint32_t>(e, 12)};
  }
  constexpr void store(mutable_bytes e) const {
    detail::store_le(e, 4, apic_id);
    detail::store_le(e, 8, flags);
    detail::store_le(e, 12, processor);
  }
  friend constexpr bool operator==(madt_local_x2apic const&, madt_local_x2apic const&) = default;
};

/// A local interrupt pin that is an NMI, for processors with an x2APIC (5.2.12.13 "Local x2APIC NMI Structure").
struct madt_local_x2apic_nmi {
  static constexpr std::uint8_t kind = 10;
  static constexpr std::uint8_t size = 12;

  inti_flags flags{};
  std::uint32_t processor{};  ///< or `every_x2apic_processor`
  std::uint8_t lint{};

  [[nodiscard]] static constexpr madt_local_x2apic_nmi load(bytes e) {
    return {inti_flags::load(e, 2), detail::load_le<std::uint32_t>(e, 4), e[8]};
  }
  constexpr void store(mutable_bytes e) const {
    flags.store(e, 2);
    detail::store_le(e, 4, processor);
    e[8] = lint;
  }
  friend constexpr bool operator==(madt_local_x2apic_nmi const&, madt_local_x2apic_nmi const&) = default;
};

/// One of the types above, or another entry of the same form: a number, a length, and how it is read and written.
template <typename E>
concept MadtEntry = requires(E const& e, bytes in, mutable_bytes out) {
  { E::kind } -> std::convertible_to<std::uint8_t>;
  { E::size } -> std::convertible_to<std::uint8_t>;
  { E::load(in) } -> std::same_as<E>;
  { e.store(out) } -> std::same_as<void>;
};

}  // namespace axhal::boot
