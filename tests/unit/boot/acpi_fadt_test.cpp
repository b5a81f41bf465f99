// SPDX-License-Identifier: BSL-1.0
#include <axhal/boot/acpi_fadt.hpp>

#include "support/acpi_blobs.hpp"

#include <catch2/catch_test_macros.hpp>

#include <cstdint>

namespace {

using namespace axhal;
using namespace axhal::boot;
using namespace axhal::boot::fadt_format;
using test::blob;
using test::put;

/// A FADT of so many bytes that is zero but for what `fill` puts into it.
struct fadt_of {
  blob storage;
  template <typename F>
  fadt_of(std::size_t length, F&& fill) : storage{test::acpi_table_of("FACP", blob(length - 36))} {
    fill(storage);
  }
  [[nodiscard]] acpi_table table() const { return {"FACP", {0x1000}, test::view_of(storage)}; }
  [[nodiscard]] acpi_fadt open() const {
    auto const opened = acpi_fadt::open(table());
    REQUIRE(opened);
    return *opened;
  }
};

void put_register(blob& b, std::size_t at, acpi_register const& r) { r.store({b.data(), b.size()}, at); }

}  // namespace

TEST_CASE("a FADT of ACPI 1.0 has ports, and nothing of later versions") {
  fadt_of const f{116, [](blob& b) {
                    put(b, 40, 0x7fe0'0000, 4);
                    put(b, 46, 9, 2);
                    put(b, 48, 0xb2, 4);
                    put(b, 52, 0xa0, 1);
                    put(b, 64, 0x404, 4);
                    put(b, 68, 0x1404, 4);
                    put(b, 76, 0x408, 4);
                    put(b, 89, 2, 1);
                    put(b, 91, 4, 1);
                    put(b, 109, 3, 2);
                    put(b, 112, reset_reg_sup, 4);
                  }};
  auto const fadt = f.open();
  CHECK(fadt.dsdt() == host_phys{0x7fe0'0000});
  CHECK(fadt.sci() == 9);
  CHECK(fadt.smi_command() == 0xb2);
  CHECK(fadt.enable_value() == 0xa0);
  CHECK(fadt.boot_flags() == (legacy_devices | has_8042));
  CHECK(fadt.pm_timer() == acpi_register{acpi_space::system_io, 32, 0, 0, 0x408});
  CHECK(fadt.pm_timer_bits() == 24);
  CHECK(fadt.pm1a_control() == acpi_register{acpi_space::system_io, 16, 0, 0, 0x404});
  CHECK(fadt.pm1b_control() == acpi_register{acpi_space::system_io, 16, 0, 0, 0x1404});
  CHECK_FALSE(fadt.sleep_control().is_present());
  CHECK_FALSE(fadt.is_hardware_reduced());
  CHECK(fadt.reset() == failure{acpi_error{"FACP", 112, acpi_fault::not_found}});
}

TEST_CASE("extended addresses count where they are filled in, and reach past 4 GiB") {
  acpi_register const timer{acpi_space::system_memory, 32, 0, 3, 0x1'0000'0000};
  acpi_register const sleep{acpi_space::system_io, 8, 0, 1, 0x3f5};
  fadt_of const f{276, [&](blob& b) {
                    put(b, 40, 0x7fe0'0000, 4);
                    put(b, 64, 0x404, 4);
                    put(b, 76, 0x408, 4);
                    put(b, 112, tmr_val_ext | hw_reduced_acpi, 4);
                    put(b, 140, 0x2'0000'0000, 8);
                    put_register(b, 208, timer);
                    put_register(b, 244, sleep);
                  }};
  auto const fadt = f.open();
  CHECK(fadt.dsdt() == host_phys{0x2'0000'0000});
  CHECK(fadt.pm_timer() == timer);
  CHECK(fadt.pm_timer_bits() == 32);
  CHECK(fadt.pm1a_control().address == 0x404);
  CHECK_FALSE(fadt.pm1b_control().is_present());
  CHECK(fadt.sleep_control() == sleep);
  CHECK(fadt.is_hardware_reduced());
}

TEST_CASE("the reset register is a byte where it can be written") {
  acpi_register const port{acpi_space::system_io, 8, 0, 1, 0xcf9};
  auto const reset = [](acpi_register const& r, std::uint32_t flags) {
    fadt_of const f{132, [&](blob& b) {
                      put(b, 112, flags, 4);
                      put(b, 128, 6, 1);
                      put_register(b, 116, r);
                    }};
    return f.open().reset();
  };
  CHECK(reset(port, reset_reg_sup) == acpi_reset{port, 6});
  CHECK(reset(port, 0).error() == acpi_error{"FACP", 112, acpi_fault::not_found});
  for (acpi_space const s : {acpi_space::system_memory, acpi_space::pci_configuration}) {
    acpi_register r = port;
    r.space = s;
    CHECK(reset(r, reset_reg_sup) == acpi_reset{r, 6});
  }
  acpi_error const bad{"FACP", 116, acpi_fault::bad_entry};
  for (acpi_register const r :
       {acpi_register{acpi_space::system_io, 16, 0, 1, 0xcf9}, acpi_register{acpi_space::system_io, 8, 1, 1, 0xcf9},
        acpi_register{acpi_space::system_io, 8, 0, 1, 0},
        acpi_register{static_cast<acpi_space>(0x7f), 8, 0, 1, 0xcf9}}) {
    CHECK(reset(r, reset_reg_sup).error() == bad);
  }
}

TEST_CASE("every length from ACPI 1.0 on is read within its bytes, a shorter one is refused") {
  for (std::size_t length = 36; length < 300; ++length) {
    blob const whole = test::acpi_table_of("FACP", blob(length - 36, 0xff));
    auto const fadt = acpi_fadt::open({"FACP", {0}, test::view_of(whole)});
    REQUIRE(fadt.has_value() == (length >= 116));
    if (!fadt) {
      REQUIRE(fadt.error() == acpi_error{"FACP", 4, acpi_fault::bad_length});
      continue;
    }
    REQUIRE(fadt->dsdt().value == (length >= 148 ? ~0ULL : 0xffff'ffffULL));
    REQUIRE(fadt->pm_timer().address == (length >= 220 ? ~0ULL : 0xffff'ffffULL));
    REQUIRE(fadt->pm1a_control().address == (length >= 184 ? ~0ULL : 0xffff'ffffULL));
    REQUIRE(fadt->pm1b_control().address == (length >= 196 ? ~0ULL : 0xffff'ffffULL));
    REQUIRE(fadt->sleep_control().is_present() == (length >= 256));
    REQUIRE(fadt->reset().error().what == (length >= 129 ? acpi_fault::bad_entry : acpi_fault::not_found));
  }
  blob const other = test::acpi_table_of("APIC", blob(80));
  CHECK(acpi_fadt::open({"APIC", {0}, test::view_of(other)}).error() ==
        acpi_error{"APIC", 0, acpi_fault::bad_signature});
}
