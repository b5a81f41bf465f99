// SPDX-License-Identifier: BSL-1.0
// Any bytes as ACPI tables: every question that the hypervisor asks of them. Inputs that add up rarely come by chance,
// so the same bytes serve as changes to sound tables whose checksums are set right again, as one table's body, and as
// orders to our own writer.
#include <axhal/boot/acpi_fadt.hpp>
#include <axhal/boot/acpi_hpet.hpp>
#include <axhal/boot/acpi_madt.hpp>
#include <axhal/boot/acpi_mcfg.hpp>
#include <axhal/boot/acpi_sleep.hpp>
#include <axhal/boot/acpi_tables.hpp>
#include <axhal/boot/acpi_writer.hpp>

#include "support/acpi_blobs.hpp"
#include "support/fuzz_input.hpp"

#include <cstddef>
#include <cstdint>

namespace {

using namespace axhal;
using namespace axhal::boot;
using test::blob;
using test::require;

constexpr std::uint64_t base = 0x1000;
std::uint64_t volatile sum;

template <typename E>
void count(acpi_madt const& madt) {
  std::size_t n = 0;
  for (E const entry : madt.all<E>()) {
    blob space(E::size);
    entry.store({space.data(), space.size()});
    require(E::load(test::view_of(space)) == entry);
    ++n;
  }
  require(n <= 0x1000 && n == madt.all<E>().count());
}

/// Every question to one table, as the kind that it says it is and as all others.
void ask_table(acpi_table table) {
  if (auto const madt = acpi_madt::open(table)) {
    count<madt_local_apic>(*madt);
    count<madt_io_apic>(*madt);
    count<madt_source_override>(*madt);
    count<madt_nmi_source>(*madt);
    count<madt_local_nmi>(*madt);
    count<madt_address_override>(*madt);
    count<madt_local_x2apic>(*madt);
    count<madt_local_x2apic_nmi>(*madt);
    for (unsigned i = 0; i < 16; ++i) sum = sum + madt->route(static_cast<std::uint8_t>(i)).gsi;
    sum = sum + madt->local_apic().value + (madt->has_legacy_controllers() ? 1 : 0);
  }
  if (auto const fadt = acpi_fadt::open(table)) {
    sum = sum + fadt->dsdt().value + fadt->pm_timer().address + fadt->pm1a_control().address +
          fadt->pm1b_control().address + fadt->sleep_control().address + fadt->sci() + fadt->smi_command() +
          fadt->enable_value() + fadt->boot_flags() + fadt->pm_timer_bits();
    if (auto const reset = fadt->reset()) require(reset->where.bit_width == 8 && reset->where.is_present());
  }
  if (auto const hpet = acpi_hpet::open(table)) require(hpet->where.is_present());
  if (auto const mcfg = acpi_mcfg::open(table)) {
    for (std::size_t i = 0; i < mcfg->size(); ++i) {
      mcfg_window const w = (*mcfg)[i];
      require(w.range().is_valid() && w.first_bus <= w.last_bus);
      auto const f = mcfg->function(w.segment, w.last_bus, 31, 7);
      require(f && f->is_valid());
    }
  }
  for (unsigned const state : {3U, 5U, 6U}) {
    auto const type = find_sleep_type(table, state);
    require(!type || (type->a <= 7 && type->b <= 7));
    require(type || type.error().offset <= table.content.size);
  }
}

/// Follows the memory from its root pointer to every table.
void ask(blob const& memory) {
  window_reader const reader{{base}, test::view_of(memory)};
  auto const root = find_root_pointer(reader.content);
  acpi_root const roots[] = {root.value_or({{base}, false, 0}), {{base}, true, 2}};
  for (acpi_root const& r : roots) {
    auto const tables = acpi_tables<window_reader>::open(reader, r);
    if (!tables) continue;
    for (std::size_t i = 0; i < tables->size(); ++i) {
      auto const name = tables->name(i);
      if (!name) continue;
      auto const table = tables->at(tables->address(i), *name);
      if (!table) continue;
      ask_table(*table);
      if (auto const fadt = acpi_fadt::open(*table)) {
        if (auto const dsdt = tables->at(fadt->dsdt(), "DSDT")) ask_table(*dsdt);
        sum = sum + (find_sleep_type(*tables, fadt->dsdt()) ? 1 : 0);
      }
    }
    for (acpi_name const name : {acpi_madt::signature, acpi_fadt::signature, acpi_hpet::signature}) {
      if (auto const found = tables->find(name)) ask_table(*found);
    }
  }
  sum = sum + (find_root_pointer(window_reader{{0xe'0000}, reader.content}) ? 1 : 0);
}

/// Sets every checksum of the tables that `sample_acpi` has, wherever their lengths now end.
void mend(blob& memory) {
  for (std::size_t at = 48; at + 36 <= memory.size(); at += 16) {
    auto const length = boot::detail::load_le<std::uint32_t>(test::view_of(memory), at + 4);
    bool letters = true;
    for (std::size_t i = 0; i < 4; ++i) letters = letters && memory[at + i] >= 'A' && memory[at + i] <= 'Z';
    if (!letters || length < 36 || length > memory.size() - at) continue;
    acpi_format::set_checksum(mutable_bytes{memory.data(), memory.size()}.sub(at, length), acpi_format::h_checksum);
  }
  if (memory.size() < 36) return;
  acpi_format::set_checksum({memory.data(), 20}, 8);
  acpi_format::set_checksum({memory.data(), 36}, 32);
}

void order(test::fuzz_input in) {
  blob out(in.next<std::uint16_t>() % 2048);
  acpi_writer w{{out.data(), out.size()}, {std::uint64_t{in.next<std::uint8_t>()} << (in.next<std::uint8_t>() % 58)}};
  while (!in.empty()) {
    switch (in.next<std::uint8_t>() % 10) {
      case 0: w.dsdt(in.next<std::uint8_t>() % 9); break;
      case 1:
        w.fadt({.pm1a_event = in.next<std::uint16_t>(),
                .pm1a_control = in.next<std::uint16_t>(),
                .pm_timer = in.next<std::uint16_t>(),
                .reset = {acpi_space::system_io, 8, 0, 1, in.next<std::uint8_t>()},
                .flags = in.next<std::uint32_t>()});
        break;
      case 2: w.begin_madt(in.next<std::uint32_t>(), true); break;
      case 3: w.madt_entry(madt_local_apic{in.next<std::uint8_t>(), 1, 1}); break;
      case 4: w.madt_entry(madt_local_x2apic{in.next<std::uint32_t>(), 1, 1}); break;
      case 5: w.madt_entry(madt_source_override{0, in.next<std::uint8_t>(), 2, {}}); break;
      case 6: w.end_table(); break;
      case 7: w.hpet({1, {acpi_space::system_memory, 64, 0, 0, in.next<std::uint32_t>()}, 0, 1}); break;
      case 8: w.begin_table("SSDT", in.next<std::uint8_t>()); break;
      default: w.append({in.data, in.size < 8 ? in.size : 8}); break;
    }
  }
  auto const done = w.finish();
  if (!done) return;
  require(done->size <= out.size());
  window_reader const reader{{done->root_pointer.value}, test::view_of(out)};
  auto const root = find_root_pointer(reader.content);
  require(root.has_value());
  auto const tables = acpi_tables<window_reader>::open(reader, *root);
  require(tables.has_value());
  for (std::size_t i = 0; i < tables->size(); ++i) {
    auto const table = tables->at(tables->address(i), *tables->name(i));
    require(table.has_value());
    ask_table(*table);
    if (table->name == acpi_fadt::signature) {
      require(tables->at(acpi_fadt::open(*table)->dsdt(), "DSDT").has_value());
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  // Blocks of exactly their size, so that a byte too far is seen.
  blob const raw(data, data + size);
  ask(raw);
  if (size >= 36) {
    for (acpi_name const name :
         {acpi_madt::signature, acpi_fadt::signature, acpi_hpet::signature, acpi_mcfg::signature, acpi_name{"DSDT"}}) {
      ask_table({name, {base}, test::view_of(raw)});
    }
  }
  blob const entries = test::acpi_table_of("APIC", raw);
  ask_table({"APIC", {base}, test::view_of(entries)});
  blob const code = test::acpi_table_of("DSDT", raw);
  ask_table({"DSDT", {base}, test::view_of(code)});
  if (size > 256) return 0;
  blob changed = test::sample_acpi(base);
  for (std::size_t i = 0; i + 2 < size; i += 3) {
    changed[(data[i] * std::size_t{256} + data[i + 1]) % changed.size()] = data[i + 2];
  }
  if (size % 8 != 0) mend(changed);
  ask(changed);
  order({data, size});
  return 0;
}
