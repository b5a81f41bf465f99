// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/boot/acpi_fadt.hpp>
#include <axhal/boot/acpi_format.hpp>
#include <axhal/boot/acpi_hpet.hpp>
#include <axhal/boot/acpi_madt.hpp>
#include <axhal/boot/acpi_sleep.hpp>
#include <axhal/boot/detail/little_endian.hpp>
#include <axhal/core/address.hpp>
#include <axhal/core/bytes.hpp>
#include <axhal/core/result.hpp>

#include <cstddef>
#include <cstdint>

namespace axhal::boot {

/// Why ACPI tables could not be written.
enum class acpi_write_error : std::uint8_t {
  overflow,     ///< the buffer is too small
  bad_order,    ///< a table inside another one, an entry outside its table, a FADT before its DSDT, or two of them
  too_many,     ///< more tables than `acpi_writer::max_tables`
  bad_value,    ///< a sleep type above 7
  bad_address,  ///< the buffer's address is not 64-byte aligned, or its end has none
};

/// The sentence for an error, for a log.
[[nodiscard]] constexpr text to_text(acpi_write_error error) {
  switch (error) {
    case acpi_write_error::overflow: return "the buffer for the tables is too small";
    case acpi_write_error::bad_order: return "tables or entries in a wrong order";
    case acpi_write_error::too_many: return "too many tables";
    case acpi_write_error::bad_value: return "a value that no table can hold";
    case acpi_write_error::bad_address: return "the buffer's address cannot be used";
  }
  return "unknown error";
}

/// What a guest is told of its fixed hardware. Ports that are zero are not there.
struct guest_fadt {
  std::uint16_t sci = 9;
  std::uint16_t pm1a_event{};    ///< port of 4 bytes: status and enable
  std::uint16_t pm1a_control{};  ///< port of 2 bytes
  std::uint16_t pm_timer{};      ///< port of 4 bytes
  acpi_register reset{};         ///< a byte
  std::uint8_t reset_value{};
  acpi_register sleep_control{};  ///< of a hardware-reduced machine, a byte
  acpi_register sleep_status{};   ///< of a hardware-reduced machine, a byte
  std::uint32_t flags{};          ///< `fadt_format::flag`; `reset_reg_sup` is set where there is a `reset`
  std::uint16_t boot_flags{};     ///< `fadt_format::boot_flag`
};

/// What has been written: the front of the buffer, which begins with the root pointer.
struct guest_acpi {
  guest_phys root_pointer{};
  std::uint64_t size{};
};

/// Writes the tables of a guest into a buffer, in one pass, without other memory: the root pointer first, tables as
/// they are asked for, and the list of them (XSDT) at the end.
///
/// The first error sticks: what follows does nothing, and `finish` returns it.
class acpi_writer {
 public:
  static constexpr std::size_t max_tables = 16;

  /// `out` is what the guest will see at `where`, which is aligned to 64 bytes.
  constexpr acpi_writer(mutable_bytes out, guest_phys where) : out_{out}, where_{where} {
    if (!is_aligned(where, 64) || where.value == 0 || !guest_range{where, out.size}.is_valid()) {
      refuse(acpi_write_error::bad_address);
    }
    static_cast<void>(claim(acpi_format::root_pointer_size));
  }

  /// Begins a table: its header, whose length and checksum `end_table` fills in. The DSDT is not listed with the
  /// others.
  constexpr void begin_table(acpi_name name, std::uint8_t revision) {
    using namespace acpi_format;
    if (table_ != 0) return refuse(acpi_write_error::bad_order);
    if (!align(16)) return;
    std::size_t const at = used_;
    if (!claim(header_size)) return;
    for (std::size_t i = 0; i < 4; ++i) out_[at + i] = static_cast<std::uint8_t>(name.letters[i]);
    out_[at + h_revision] = revision;
    put_text(at + h_oem_id, "AXHAL ");
    put_text(at + h_oem_table_id, "AXHALVM ");
    detail::store_le(out_, at + h_oem_revision, std::uint32_t{1});
    put_text(at + h_creator_id, "AXHL");
    detail::store_le(out_, at + h_creator_revision, std::uint32_t{1});
    table_ = at;
    name_ = name;
  }
  /// Adds bytes to the open table.
  constexpr void append(bytes content) {
    if (table_ == 0) return refuse(acpi_write_error::bad_order);
    std::size_t const at = used_;
    if (!claim(content.size)) return;
    for (std::size_t i = 0; i < content.size; ++i) out_[at + i] = content[i];
  }
  /// Ends the open table. It joins the list, but for the DSDT, which the FADT leads to.
  constexpr void end_table() {
    if (table_ == 0) return refuse(acpi_write_error::bad_order);
    if (failed_) return;
    close();
    if (name_ == acpi_name{"DSDT"}) {
      if (dsdt_ != 0) return refuse(acpi_write_error::bad_order);
      dsdt_ = table_;
    } else {
      if (listed_ == max_tables) return refuse(acpi_write_error::too_many);
      list_[listed_++] = table_;
    }
    table_ = 0;
  }

  /// Begins a DSDT that says how to switch off, `_S5_` with this sleep type (0..7), to be followed by AML at the root
  /// of the name space and ended by `end_table`.
  constexpr void begin_dsdt(std::uint8_t sleep_type) {
    if (sleep_type > 7) return refuse(acpi_write_error::bad_value);
    // Name (_S5_, Package (4) {type, type, 0, 0})
    std::uint8_t const s5[] = {aml::name_op,
                               '_',
                               'S',
                               '5',
                               '_',
                               aml::package_op,
                               10,
                               4,
                               aml::byte_prefix,
                               sleep_type,
                               aml::byte_prefix,
                               sleep_type,
                               aml::byte_prefix,
                               0,
                               aml::byte_prefix,
                               0};
    begin_table("DSDT", 2);
    append({s5, sizeof s5});
  }
  /// A whole DSDT, with this AML behind `_S5_`.
  constexpr void dsdt(std::uint8_t sleep_type, bytes more = {}) {
    begin_dsdt(sleep_type);
    append(more);
    end_table();
  }

  /// The fixed hardware, and with it, unless the machine is hardware-reduced, a FACS. The DSDT comes before.
  constexpr void fadt(guest_fadt const& g) {
    using namespace fadt_format;
    if (dsdt_ == 0 || table_ != 0) return refuse(acpi_write_error::bad_order);
    std::uint64_t const facs = (g.flags & hw_reduced_acpi) == 0 ? write_facs() : 0;
    begin_table(acpi_fadt::signature, 6);
    std::size_t const at = table_;
    if (!claim(size - acpi_format::header_size)) return;
    mutable_bytes const t = out_.sub(at, size);
    auto const put32 = [&](std::uint32_t field, std::uint64_t v) {
      detail::store_le(t, field, static_cast<std::uint32_t>(v));
    };
    std::uint64_t const dsdt_address = where_.value + dsdt_;
    // A guest takes the 64-bit field where it is not zero. One FACS in both would be two.
    if (dsdt_address <= UINT32_MAX) put32(f_dsdt, dsdt_address);
    detail::store_le(t, f_x_dsdt, dsdt_address);
    if (facs <= UINT32_MAX) {
      put32(f_firmware_ctrl, facs);
    } else {
      detail::store_le(t, f_x_firmware_ctrl, facs);
    }
    detail::store_le(t, f_sci_int, g.sci);
    put32(f_pm1a_evt_blk, g.pm1a_event);
    put32(f_pm1a_cnt_blk, g.pm1a_control);
    put32(f_pm_tmr_blk, g.pm_timer);
    t[f_pm1_evt_len] = g.pm1a_event != 0 ? 4 : 0;
    t[f_pm1_cnt_len] = g.pm1a_control != 0 ? 2 : 0;
    t[f_pm_tmr_len] = g.pm_timer != 0 ? 4 : 0;
    // Latencies that say: no C2, no C3.
    detail::store_le(t, f_p_lvl2_lat, std::uint16_t{0xfff});
    detail::store_le(t, f_p_lvl3_lat, std::uint16_t{0xfff});
    detail::store_le(t, f_iapc_boot_arch, g.boot_flags);
    bool const resets = g.reset.is_present();
    put32(f_flags, resets ? g.flags | reset_reg_sup : g.flags & ~std::uint32_t{reset_reg_sup});
    if (resets) g.reset.store(t, f_reset_reg);
    t[f_reset_value] = g.reset_value;
    t[f_minor_version] = 3;
    put_port(t, f_x_pm1a_evt_blk, g.pm1a_event, 32, 2);
    put_port(t, f_x_pm1a_cnt_blk, g.pm1a_control, 16, 2);
    put_port(t, f_x_pm_tmr_blk, g.pm_timer, 32, 3);
    if (g.sleep_control.is_present()) g.sleep_control.store(t, f_sleep_control_reg);
    if (g.sleep_status.is_present()) g.sleep_status.store(t, f_sleep_status_reg);
    end_table();
  }

  /// Begins the MADT, to be filled by `madt_entry` and ended by `end_table`. Bit 0 of the flags tells of 8259s.
  constexpr void begin_madt(std::uint32_t local_apic_address, bool has_legacy_controllers) {
    std::uint8_t fields[acpi_madt::first_entry - acpi_format::header_size]{};
    detail::store_le(mutable_bytes{fields, sizeof fields}, 0, local_apic_address);
    fields[4] = has_legacy_controllers ? 1 : 0;
    begin_table(acpi_madt::signature, 5);
    append({fields, sizeof fields});
  }
  /// Adds one entry (`madt_local_apic`, `madt_io_apic`, ...) to the open MADT.
  template <MadtEntry E>
  constexpr void madt_entry(E const& entry) {
    static_assert(E::size >= 2, "an entry has at least its kind and its length");
    if (table_ == 0 || name_ != acpi_madt::signature) return refuse(acpi_write_error::bad_order);
    std::size_t const at = used_;
    if (!claim(E::size)) return;
    out_[at] = E::kind;
    out_[at + 1] = E::size;
    entry.store(out_.sub(at, E::size));
  }

  /// An HPET.
  constexpr void hpet(acpi_hpet const& h) {
    std::uint8_t fields[acpi_hpet::size - acpi_format::header_size]{};
    mutable_bytes const f{fields, sizeof fields};
    detail::store_le(f, 0, h.block_id);
    h.where.store(f, 4);
    fields[16] = h.number;
    detail::store_le(f, 17, h.minimum_tick);
    begin_table(acpi_hpet::signature, 1);
    append(f);
    end_table();
  }

  /// The first error so far, if any.
  [[nodiscard]] constexpr result<void, acpi_write_error> state() const {
    if (failed_) return failure{error_};
    return {};
  }

  /// Writes the list of tables and the root pointer. The writer is spent afterwards.
  [[nodiscard]] constexpr result<guest_acpi, acpi_write_error> finish() {
    using namespace acpi_format;
    begin_table("XSDT", 1);
    std::size_t const at = used_;
    if (!claim(listed_ * 8)) return failure{error_};
    for (std::size_t i = 0; i < listed_; ++i) detail::store_le(out_, at + 8 * i, where_.value + list_[i]);
    close();
    put_text(p_signature, root_pointer_signature);
    put_text(p_oem_id, "AXHAL ");
    out_[p_revision] = 2;
    detail::store_le(out_, p_length, root_pointer_size);
    detail::store_le(out_, p_xsdt, where_.value + table_);
    set_checksum(out_.sub(0, root_pointer_size_1), p_checksum);
    set_checksum(out_.sub(0, root_pointer_size), p_extended_checksum);
    guest_acpi const done{where_, used_};
    refuse(acpi_write_error::bad_order);
    return done;
  }

 private:
  constexpr void refuse(acpi_write_error e) {
    if (!failed_) error_ = e;
    failed_ = true;
  }

  /// Takes `size` zeroed bytes.
  constexpr bool claim(std::size_t size) {
    if (!failed_ && size > out_.size - used_) refuse(acpi_write_error::overflow);
    if (failed_) return false;
    for (std::size_t i = 0; i < size; ++i) out_[used_ + i] = 0;
    used_ += size;
    return true;
  }
  constexpr bool align(std::size_t alignment) { return claim((alignment - used_ % alignment) % alignment); }

  constexpr void put_text(std::size_t at, text t) {
    for (std::size_t i = 0; i < t.size; ++i) out_[at + i] = static_cast<std::uint8_t>(t[i]);
  }
  static constexpr void put_port(mutable_bytes t, std::uint32_t field, std::uint16_t port, std::uint8_t bits,
                                 std::uint8_t access) {
    acpi_register r{acpi_space::system_io, 0, 0, 0, 0};
    if (port != 0) r = {acpi_space::system_io, bits, 0, access, port};
    r.store(t, field);
  }

  /// Length and checksum of the open table.
  constexpr void close() {
    mutable_bytes const t = out_.sub(table_, used_ - table_);
    detail::store_le(t, acpi_format::h_length, static_cast<std::uint32_t>(t.size));
    acpi_format::set_checksum(t, acpi_format::h_checksum);
  }

  /// The firmware control structure (5.2.10 "Firmware ACPI Control Structure (FACS)"); its address, or zero.
  constexpr std::uint64_t write_facs() {
    if (!align(64)) return 0;
    std::size_t const at = used_;
    if (!claim(64)) return 0;
    put_text(at, "FACS");
    detail::store_le(out_, at + 4, std::uint32_t{64});
    out_[at + 32] = 2;
    return where_.value + at;
  }

  mutable_bytes out_;
  guest_phys where_;
  std::size_t used_{};
  std::size_t table_{};  ///< where the open table begins; 0: none is open
  acpi_name name_{};     ///< of the open table
  std::size_t dsdt_{};
  std::size_t list_[max_tables]{};
  std::size_t listed_{};
  bool failed_{};
  acpi_write_error error_{};
};

}  // namespace axhal::boot
