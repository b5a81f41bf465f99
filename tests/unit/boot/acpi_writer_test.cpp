// SPDX-License-Identifier: BSL-1.0
#include <axhal/boot/acpi_tables.hpp>
#include <axhal/boot/acpi_writer.hpp>

#include "support/acpi_blobs.hpp"

#include <catch2/catch_test_macros.hpp>

#include <cstdint>
#include <vector>

namespace {

using namespace axhal;
using namespace axhal::boot;
using test::blob;

constexpr std::uint64_t base = 0xe'0000;
using tables = acpi_tables<window_reader>;

/// Runs `write` over a fresh writer and returns how it ended.
template <typename F>
acpi_write_error error_of(F&& write, std::size_t size = 4096, std::uint64_t where = base) {
  blob out(size);
  acpi_writer w{{out.data(), out.size()}, {where}};
  write(w);
  auto const done = w.finish();
  REQUIRE_FALSE(done);
  REQUIRE(w.state() == failure{done.error()});
  return done.error();
}

/// Tables, written and read by the compiler.
constexpr bool works_in_the_compiler() {
  std::uint8_t out[1024]{};
  acpi_writer w{{out, sizeof out}, {0x1000}};
  w.dsdt(5);
  w.fadt({.pm_timer = 0x608});
  auto const done = w.finish();
  if (!done) return false;
  window_reader const reader{{0x1000}, {out, sizeof out}};
  auto const root = read_root_pointer(reader.content);
  auto const all = tables::open(reader, *root);
  auto const fadt = acpi_fadt::open(*all->find("FACP"));
  auto const dsdt = all->at(fadt->dsdt(), "DSDT");
  return fadt->pm_timer().address == 0x608 && find_sleep_type(*dsdt) == acpi_sleep_type{5, 5};
}
static_assert(works_in_the_compiler());

}  // namespace

TEST_CASE("what is written is read back whole") {
  for (std::uint64_t const where : {base, std::uint64_t{0x1'2345'0040}}) {
    blob const out = test::sample_acpi(where);
    REQUIRE_FALSE(out.empty());
    window_reader const reader{{where}, test::view_of(out)};
    auto const root = find_root_pointer(test::view_of(out));
    REQUIRE(root);
    CHECK(root->is_wide);
    auto const all = tables::open(reader, *root);
    REQUIRE(all);
    REQUIRE(all->size() == 3);
    for (std::size_t i = 0; i < all->size(); ++i) CHECK(is_aligned(all->address(i), 16));

    auto const facp = all->find("FACP");
    REQUIRE(facp);
    auto const fadt = acpi_fadt::open(*facp);
    REQUIRE(fadt);
    CHECK(facp->content.size == 276);
    CHECK(fadt->sci() == 9);
    CHECK(fadt->smi_command() == 0);
    CHECK(fadt->pm_timer() == acpi_register{acpi_space::system_io, 32, 0, 3, 0x608});
    CHECK(fadt->pm_timer_bits() == 32);
    CHECK(fadt->pm1a_control() == acpi_register{acpi_space::system_io, 16, 0, 2, 0x604});
    CHECK_FALSE(fadt->pm1b_control().is_present());
    CHECK(fadt->reset() == acpi_reset{{acpi_space::system_io, 8, 0, 1, 0xcf9}, 6});
    CHECK(fadt->boot_flags() == 5);
    auto const dsdt = all->at(fadt->dsdt(), "DSDT");
    REQUIRE(dsdt);
    CHECK(find_sleep_type(*dsdt) == acpi_sleep_type{5, 5});
    // The FACS: where both fields could hold its address, only one does.
    auto const narrow = boot::detail::load_le<std::uint32_t>(facp->content, 36);
    auto const wide = boot::detail::load_le<std::uint64_t>(facp->content, 132);
    CHECK((narrow == 0) == (where > UINT32_MAX));
    CHECK((wide == 0) == (where <= UINT32_MAX));
    bytes const facs = read_memory(reader, {{narrow + wide}, 64});
    REQUIRE_FALSE(facs.empty());
    CHECK(acpi_name::load(facs, 0) == acpi_name{"FACS"});
    CHECK((narrow + wide) % 64 == 0);

    auto const apic = all->find("APIC");
    REQUIRE(apic);
    auto const madt = acpi_madt::open(*apic);
    REQUIRE(madt);
    CHECK(madt->local_apic() == host_phys{0xfee0'0000});
    CHECK(madt->has_legacy_controllers());
    CHECK(madt->all<madt_local_apic>().count() == 2);
    CHECK(*madt->all<madt_local_x2apic>().begin() == madt_local_x2apic{0x1234, 1, 7});
    CHECK(*madt->all<madt_local_x2apic_nmi>().begin() == madt_local_x2apic_nmi{{}, every_x2apic_processor, 1});
    CHECK(madt->route(0) == legacy_route{2, false, false});
    CHECK(madt->route(9) == legacy_route{9, true, true});
    auto const hpet = all->find("HPET");
    REQUIRE(hpet);
    CHECK(acpi_hpet::open(*hpet)->where.address == 0xfed0'0000);
  }
}

TEST_CASE("a hardware-reduced machine has no FACS, and a table of the caller's is listed") {
  blob out(2048);
  acpi_writer w{{out.data(), out.size()}, {base}};
  std::uint8_t const more[] = {0x10, 0x05, '_', 'S', 'B', '_'};
  w.dsdt(0, {more, sizeof more});
  w.fadt({.sleep_control = {acpi_space::system_io, 8, 0, 1, 0x600},
          .sleep_status = {acpi_space::system_io, 8, 0, 1, 0x601},
          .flags = fadt_format::hw_reduced_acpi | fadt_format::reset_reg_sup});
  w.begin_table("SSDT", 2);
  w.append({more, sizeof more});
  w.end_table();
  REQUIRE(w.state());
  auto const done = w.finish();
  REQUIRE(done);
  CHECK(done->root_pointer == guest_phys{base});
  window_reader const reader{{base}, test::view_of(out)};
  auto const all = tables::open(reader, *read_root_pointer(test::view_of(out)));
  auto const fadt = acpi_fadt::open(*all->find("FACP"));
  CHECK(fadt->is_hardware_reduced());
  CHECK(fadt->sleep_control().address == 0x600);
  CHECK(fadt->reset().error().what == acpi_fault::not_found);
  CHECK_FALSE(fadt->pm1a_control().is_present());
  CHECK(boot::detail::load_le<std::uint32_t>(all->find("FACP")->content, 36) == 0);
  CHECK(boot::detail::load_le<std::uint64_t>(all->find("FACP")->content, 132) == 0);
  CHECK(all->at(fadt->dsdt(), "DSDT")->content.size == 36 + 16 + 6);
  CHECK(all->find("SSDT")->content.size == 36 + 6);
  CHECK(all->find("SSDT")->revision() == 2);
}

TEST_CASE("every size too small is an overflow, and nothing is written past it") {
  std::size_t const whole = test::sample_acpi(base).size();
  auto const write = [](acpi_writer& w) {
    w.dsdt(5);
    w.fadt({.pm1a_event = 0x600, .pm1a_control = 0x604, .pm_timer = 0x608});
    w.begin_madt(0xfee0'0000, false);
    for (std::uint8_t i = 0; i < 8; ++i) w.madt_entry(madt_local_apic{i, i, 1});
    w.end_table();
    w.hpet({1, {acpi_space::system_memory, 64, 0, 0, 0xfed0'0000}, 0, 1});
  };
  std::size_t needed = 0;
  for (std::size_t size = 0; size < whole && needed == 0; ++size) {
    blob out(size);  // of exactly this size: a sanitizer sees a byte too far
    acpi_writer w{{out.data(), out.size()}, {base}};
    write(w);
    auto const done = w.finish();
    if (done) {
      needed = size;
      CHECK(done->size == size);
    } else {
      REQUIRE(done.error() == acpi_write_error::overflow);
    }
  }
  CHECK(needed > 36 + 36 + 276);
}

TEST_CASE("wrong orders and values are refused, and the first error stays") {
  auto const order = acpi_write_error::bad_order;
  CHECK(error_of([](acpi_writer& w) { w.fadt({}); }) == order);
  CHECK(error_of([](acpi_writer& w) { w.append({}); }) == order);
  CHECK(error_of([](acpi_writer& w) { w.end_table(); }) == order);
  CHECK(error_of([](acpi_writer& w) { w.madt_entry(madt_local_apic{}); }) == order);
  CHECK(error_of([](acpi_writer& w) { w.begin_madt(0, false); }) == order);
  CHECK(error_of([](acpi_writer& w) {
          w.begin_table("SSDT", 2);
          w.madt_entry(madt_local_apic{});
        }) == order);
  CHECK(error_of([](acpi_writer& w) {
          w.begin_madt(0, false);
          w.dsdt(1);
        }) == order);
  CHECK(error_of([](acpi_writer& w) {
          w.dsdt(1);
          w.dsdt(1);
        }) == order);
  CHECK(error_of([](acpi_writer& w) {
          w.dsdt(8);
          w.fadt({});
        }) == acpi_write_error::bad_value);
  auto const nothing = [](acpi_writer&) {};
  CHECK(error_of(nothing, 4096, 0) == acpi_write_error::bad_address);
  CHECK(error_of(nothing, 4096, base + 32) == acpi_write_error::bad_address);
  CHECK(error_of(nothing, 4096, ~std::uint64_t{0} - 2047) == acpi_write_error::bad_address);
}

TEST_CASE("so many tables as the list holds, and no more") {
  auto const tables_of = [](std::size_t count) {
    return [count](acpi_writer& w) {
      for (std::size_t i = 0; i < count; ++i) {
        w.begin_table("SSDT", 2);
        w.end_table();
      }
    };
  };
  CHECK(error_of(tables_of(17)) == acpi_write_error::too_many);
  blob out(4096);
  acpi_writer w{{out.data(), out.size()}, {base}};
  tables_of(16)(w);
  REQUIRE(w.finish());
  window_reader const reader{{base}, test::view_of(out)};
  CHECK(tables::open(reader, *read_root_pointer(test::view_of(out)))->size() == 16);
  CHECK(w.finish().error() == acpi_write_error::bad_order);
}

TEST_CASE("every error of the writer has a sentence of its own") {
  for (unsigned i = 0; i <= static_cast<unsigned>(acpi_write_error::bad_address); ++i) {
    CHECK_FALSE(to_text(static_cast<acpi_write_error>(i)) == text{"unknown error"});
    for (unsigned j = 0; j < i; ++j) {
      CHECK_FALSE(to_text(static_cast<acpi_write_error>(i)) == to_text(static_cast<acpi_write_error>(j)));
    }
  }
}
