// SPDX-License-Identifier: BSL-1.0
// Any exit of VT-x with any qualification and registers, any event that it interrupted, any answer and any offer of the
// handler: the exit is told at most as often as its operands ask for, and what is left is a state that VM entry takes.
#include "support/fuzz_input.hpp"
#include "support/vmx_bench.hpp"

#include <axhal/arch/x86_64/cpu_feature.hpp>
#include <axhal/arch/x86_64/vmx_guest_check.hpp>

#include <cstdint>

using namespace axhal;
using namespace axhal::test;
using namespace axhal::test::x86;

namespace {

struct answering : x86_handler<8> {
  /// Aligned as a guest's frames are.
  alignas(4096) sim_ram<512> aligned{};
  sim_ram<512>& ram() { return aligned; }
  std::uint64_t choices{};
  unsigned told{};

  template <typename Guest, typename Exit>
  resume operator()(Guest& guest, Exit const& e) {
    std::uint64_t const choice = choices;
    choices = choices >> 5 | choices << 59;
    ++told;
    if constexpr (kind_of<Exit> == exit_kind::port_read) guest.complete_port_read(e, choice);
    if constexpr (kind_of<Exit> == exit_kind::register_read) guest.complete_register_read(e, choice);
    if constexpr (kind_of<Exit> == exit_kind::mmio_read) guest.complete_read(e, choice);
    switch (choice & 0x1f) {
      case 1: guest.context.offer_interrupt(static_cast<std::uint8_t>(choice >> 8)); break;
      case 2: guest.context.offer_nmi(); break;
      case 3: guest.context.withdraw_interrupt(); break;
      case 4: static_cast<void>(guest.context.take_accepted()); break;
      case 5: guest.inject({.what = static_cast<guest_fault::kind>((choice >> 8 & 3) % 3)}); return resume::retry;
      case 6: return resume::stop;
      case 7: return resume::retry;
      default: break;
    }
    return resume::next_instruction;
  }
};

using slow_view = vmx_context<sim_vmx_cpu, false>;
using fast_view = vmx_context<sim_vmx_cpu, true>;

[[nodiscard]] guest_entry some_start(fuzz_input& in) {
  switch (in.next<std::uint8_t>() % 3) {
    case 0: return real_mode_entry(0, in.next<std::uint16_t>());
    case 1: return protected_mode_entry(in.next<std::uint32_t>(), 0, {0});
    default: return long_mode_entry(in.next<std::uint32_t>(), 0, {0}, {0});
  }
}

/// What hardware may have left of an event that the exit interrupted.
void some_interrupted_event(fuzz_input& in, bool protected_mode) {
  set_field(vmcs::idt_vectoring_information, 0);
  std::uint8_t const choice = in.next<std::uint8_t>();
  if ((choice & 7) != 0) return;
  std::uint8_t const vector = in.next<std::uint8_t>();
  guest_event e{};
  switch (choice >> 3 & 3) {
    case 0:
      e = interrupt_event(vector);
      set_field(vmcs::guest_rflags, field(vmcs::guest_rflags) | 0x200);
      break;
    case 1: e = nmi_event(); break;
    case 2: e = {.vector = vector, .type = event_type::software_interrupt}; break;
    default: {
      static constexpr exception with_code[] = {exception::df, exception::ts, exception::np,
                                                exception::ss, exception::gp, exception::pf};
      e = protected_mode ? exception_event(with_code[vector % 6], in.next<std::uint8_t>() & 1U)
                         : exception_event(exception::ud);
      break;
    }
  }
  set_field(vmcs::guest_interruptibility_state, e.type == event_type::nmi ? 8 : 0);
  vmx_bench::interrupted(e);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  fuzz_input in{data, size};
  static vmx_bench b{real_mode_entry(0, 0x7c00), false};
  static vmx_capabilities const caps = vmx_capabilities::read<sim_vmx_cpu>();
  b.v->set_start(some_start(in));
  b.virt->load(*b.v);
  answering h;
  h.choices = in.next<std::uint64_t>();
  // All that this CPU's CR4 takes.
  h.leaf_1 = {.ecx = feature::pcid.mask() | feature::xsave.mask(),
              .edx = feature::vme.mask() | feature::pse.mask() | feature::pae.mask() | feature::mce.mask()};
  h.leaf_7 = {.ebx = feature::smep.mask() | feature::fsgsbase.mask()};
  h.extended_1 = {.edx = feature::lm.mask() | feature::nx.mask() | feature::syscall.mask()};
  h.extended_8 = {.eax = 40};
  h.leaf_d = {.eax = 7};
  for (auto& byte : h.aligned.bytes) byte = in.next<std::uint8_t>();

  static constexpr std::uint8_t reasons[] = {0,  1,  2,  3,  7,  8,  9,  10, 12, 13, 15, 18, 20, 28, 28, 28, 30,
                                             30, 30, 31, 32, 32, 39, 40, 48, 48, 48, 49, 52, 54, 55, 62, 63, 99};
  bool const protected_mode = cr0::f_pe::get(b.v->start.cr0);
  for (unsigned round = 0; round < 4 && !in.empty(); ++round) {
    for (unsigned n = 0; n < 16; ++n) b.v->gpr[n] = in.next<std::uint16_t>();
    if ((in.next<std::uint8_t>() & 3) == 0) b.v->gpr[in.next<std::uint8_t>() & 15] = in.next<std::uint64_t>();
    std::uint64_t const flags = in.next<std::uint16_t>() & 0x4ed5U;
    set_field(vmcs::guest_rflags, flags | 2);
    bool const shadow = (flags & 0x200) != 0 && (in.next<std::uint8_t>() & 3) == 0;
    set_field(vmcs::guest_interruptibility_state, shadow ? 1 : 0);
    set_field(vmcs::guest_pending_debug_exceptions, 0);
    some_interrupted_event(in, protected_mode);
    std::uint32_t const word = reasons[in.next<std::uint8_t>() % sizeof reasons];
    set_field(vmcs::exit_reason, word);
    set_field(vmcs::exit_qualification, in.next<std::uint32_t>());
    set_field(vmcs::exit_instruction_length, in.next<std::uint8_t>() % 15 + 1U);
    set_field(vmcs::exit_instruction_information, in.next<std::uint32_t>());
    set_field(vmcs::guest_physical_address, in.next<std::uint32_t>());
    constexpr std::uint32_t interruptions[] = {0x8000'0202, 0x8000'0312, 0x8000'0b11, 0x8000'0301};
    set_field(vmcs::exit_interruption_information, interruptions[in.next<std::uint8_t>() & 3]);
    b.v->exit_word = word;
    h.told = 0;

    fast_handler<answering> quick{h};
    auto answer = answer_vmx_exit<sim_vmx_cpu, sim_vmx_switch>(fast_view{*b.v}, quick, word);
    bool const was_told = h.told != 0;
    if (answer == resume::slow) {
      require(!was_told);
      answer = answer_vmx_exit<sim_vmx_cpu, sim_vmx_switch>(slow_view{*b.v}, h, word);
    }
    require(answer == resume::retry || answer == resume::stop);
    require(the_vmx.without_vmcs == 0 && the_vmx.unknown_msrs == 0);
    if (b.v->shut_down) break;
    require(refused_guest_field<sim_vmx_cpu>(caps).empty());
    std::uint32_t const event = vmx_bench::event();
    if (event_word::f_valid::get(event) && !cr0::f_pe::get(field(vmcs::guest_cr0))) {
      require(!event_word::f_error_code_valid::get(event));
    }
    vmx_bench::delivered();
  }
  b.virt->put(*b.v);
  the_vmx.invvpids.clear();
  return 0;
}
