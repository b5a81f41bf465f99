// SPDX-License-Identifier: BSL-1.0
#include <axhal/arch/aarch64/psci.hpp>
#include <axhal/arch/aarch64/sysreg.hpp>
#include <axhal/format.hpp>
#include <axhal/policy/console.hpp>
#include <axhal/policy/firmware.hpp>

#include <catch2/catch_test_macros.hpp>

#include <cstdint>
#include <string>

namespace other {
enum class stranger { here };
}

namespace {
using namespace axhal;

template <typename T>
std::string said(T const& v) {
  return fmt::format("{}", v);
}

TEST_CASE("addresses name their space", "[core][format]") {
  CHECK(said(guest_phys{0x4000'0000}) == "gpa:0x40000000");
  CHECK(said(host_phys{0}) == "hpa:0x0");
  CHECK(said(host_virt{UINT64_MAX}) == "hva:0xffffffffffffffff");
  CHECK(said(guest_virt{1}) == "gva:0x1");
  CHECK(said(guest_range{{0x1000}, 0x1000}) == "gpa:[0x1000..0x1fff]");
  CHECK(said(host_range{{UINT64_MAX}, 1}) == "hpa:[0xffffffffffffffff..0xffffffffffffffff]");
  CHECK(said(host_range{{5}, 0}) == "hpa:[0x5, empty)");
}

TEST_CASE("units", "[core][format]") {
  CHECK(said(ticks{5}) == "5 ticks");
  CHECK(said(nanoseconds{6}) == "6 ns");
  CHECK(said(hertz{62'500'000}) == "62500000 Hz");
  CHECK(said(irq_number{27}) == "irq 27");
  CHECK(said(cpu_number{1}) == "cpu 1");
  CHECK(said(vcpu_number{2}) == "vcpu 2");
  CHECK(said(vmid{3}) == "vmid 3");
  CHECK(said(text{"words"}) == "words");
  CHECK(said(text{}) == "");
}

TEST_CASE("rights and attributes", "[core][format]") {
  CHECK(said(access::none) == "---");
  CHECK(said(access::read) == "r--");
  CHECK(said(access::write) == "-w-");
  CHECK(said(read_execute) == "r-x");
  CHECK(said(read_write_execute) == "rwx");
  CHECK(said(memory_type::normal_uncached) == "normal_uncached");
  CHECK(said(page_attributes{read_write, memory_type::device}) == "rw- device");
}

TEST_CASE("enumerators have their own names, other values their number", "[core][format]") {
  CHECK(said(console_error::overrun) == "overrun");
  CHECK(said(firmware_error::unsupported) == "unsupported");  // the first
  CHECK(said(firmware_error::failed) == "failed");            // the last
  CHECK(said(static_cast<firmware_error>(99)) == "0x63");
  CHECK(said(static_cast<firmware_error>(60)) == "0x3c");
  CHECK(said(irq_trigger::edge) == "edge");
  CHECK(said(virt_error::wrong_mode) == "wrong_mode");
  CHECK(said(aarch64::psci_status::invalid_address) == "invalid_address");  // below zero
  CHECK(said(aarch64::psci_status::success) == "success");
  CHECK(said(aarch64::sysreg::cntpct_el0) == "0xdf01");
  CHECK(said(guest_fault::kind::bus_error) == "bus_error");
  STATIC_REQUIRE(!fmt::is_formattable<other::stranger>::value);
}

TEST_CASE("every kind of exit has its name", "[core][format]") {
  char const* const names[] = {"hypercall",      "mmio_read",      "mmio_write", "memory_fault",
                               "register_read",  "register_write", "port_read",  "port_write",
                               "idle",           "yield",          "lazy_state", "refused_instruction",
                               "host_interrupt", "host_error",     "unknown"};
  for (unsigned k = 0; k < exit_kind_count; ++k) CHECK(said(static_cast<exit_kind>(k)) == names[k]);
  CHECK(said(exits<>) == "{}");
  CHECK(said(exits<exit::hypercall, exit::idle>) == "{hypercall, idle}");
  CHECK(said(resume::next_instruction) == "next_instruction");
}

TEST_CASE("exits tell their operands", "[core][format]") {
  CHECK(said(exit::hypercall{0x8400'0000, 0, false}) == "hypercall(0x84000000, immediate 0)");
  CHECK(said(exit::hypercall{1, 7, true}) == "hypercall(0x1, immediate 7, to firmware)");
  CHECK(said(exit::mmio_read{{0x900'0018}, 4, 3, true, 8}) ==
        "mmio_read(gpa:0x9000018, 4 bytes, signed, to register 3 of 8 bytes)");
  CHECK(said(exit::mmio_read{{0x900'0018}, 1, exit::mmio_read::no_register, false, 4}) ==
        "mmio_read(gpa:0x9000018, 1 bytes)");
  CHECK(said(exit::mmio_write{{0x900'0000}, 1, 0x41}) == "mmio_write(gpa:0x9000000, 1 bytes, 0x41)");
  CHECK(said(exit::memory_fault{{0x1000}, access::execute, false}) == "memory_fault(gpa:0x1000, --x)");
  CHECK(said(exit::memory_fault{{0x1000}, access::read, true}) ==
        "memory_fault(gpa:0x1000, r--, in a page-table walk)");
  CHECK(said(exit::register_read{0xdf01, 5}) == "register_read(0xdf01, to register 5)");
  CHECK(said(exit::register_write{0xdf11, 1}) == "register_write(0xdf11, 0x1)");
  CHECK(said(exit::port_read{0x3f8, 1}) == "port_read(0x3f8, 1 bytes)");
  CHECK(said(exit::port_write{0x604, 2, 0x2000}) == "port_write(0x604, 2 bytes, 0x2000)");
  CHECK(said(exit::idle{}) + said(exit::yield{}) + said(exit::host_interrupt{}) == "idleyieldhost_interrupt");
  CHECK(said(exit::lazy_state{}) == "lazy_state(fp)");
  CHECK(said(exit::lazy_state{exit::lazy_state::part::vector}) == "lazy_state(vector)");
  CHECK(said(exit::refused_instruction{1}) == "refused_instruction(0x1)");
  CHECK(said(exit::host_error{2}) == "host_error(0x2)");
  CHECK(said(exit::unknown{3}) == "unknown(0x3)");
  CHECK(said(guest_fault{}) == "undefined_instruction");
  CHECK(said(guest_fault{guest_fault::kind::bus_error, 0x10, access::write}) == "bus_error(gva:0x10, -w-)");
  CHECK(said(guest_fault{guest_fault::kind::misaligned, 0x11, access::read}) == "misaligned(gva:0x11, r--)");
}

TEST_CASE("results tell the value or the reason", "[core][format]") {
  using byte = result<std::uint8_t, console_error>;
  CHECK(said(byte{std::uint8_t{65}}) == "ok(65)");
  CHECK(said(byte{failure{console_error::empty}}) == "error(empty)");
  CHECK(said(result<guest_phys, axhal::access>{failure{access::write}}) == "error(-w-)");
  CHECK(said(result<guest_phys, axhal::access>{guest_phys{16}}) == "ok(gpa:0x10)");
  CHECK(said(result<void, firmware_error>{}) == "ok");
  CHECK(said(result<void, firmware_error>{failure{firmware_error::denied}}) == "error(denied)");
  CHECK(said(failure{firmware_error::denied}) == "error(denied)");
}

TEST_CASE("interrupts, features and timers", "[core][format]") {
  CHECK(said(claimed_irq{{34}, 0x422}) == "irq 34 (raw 0x422)");
  CHECK(said(virtual_irq{.irq = {27}, .priority = 0xa0, .hardware = true, .physical = {27}}) ==
        "irq 27 priority 0xa0 backed by irq 27");
  CHECK(said(virtual_irq{.irq = {1}, .source = 3, .notify_completion = true, .group = 1}) ==
        "irq 1 priority 0x0 from vcpu 3 notifies group 1");
  CHECK(said(virt_features{8, 40, 44}) == "vmid 8 bits, guest address 40 bits, output address 44 bits");
  CHECK(said(timer_handle{3, 9}) == "timer 9 in slot 3");
}

TEST_CASE("width, fill and alignment work", "[core][format]") {
  CHECK(fmt::format("{:>10}|{:<8}|{:*^7}", ticks{5}, irq_number{1}, access::read) == "   5 ticks|irq 1   |**r--**");
}

}  // namespace
