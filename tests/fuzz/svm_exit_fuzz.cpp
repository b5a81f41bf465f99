// SPDX-License-Identifier: BSL-1.0
// Exits of SVM with whatever registers, code and exit information: in both tiers nothing but an answer comes of them,
// and what is entered next is a VMCB that VMRUN takes.
#include "support/fuzz_input.hpp"
#include "support/simulated_svm.hpp"

#include <axhal/arch/x86_64/svm_extension.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>

using namespace axhal;
using namespace axhal::x86_64;
using namespace axhal::test;
using svm_sim::machine;

namespace {

struct addresses {
  static host_phys of(void const* object) { return {reinterpret_cast<std::uint64_t>(object) & 0xff'ffff'f000}; }
};
using extension = svm_extension<svm_sim::handler, svm_sim::cpu, addresses, svm_sim::scripted_switch>;

constexpr std::uint64_t code_at = 0x5000;

/// One that is asked for, or any.
std::uint32_t an_exit(fuzz_input& in) {
  constexpr std::uint32_t usual[] = {0x00, 0x08, 0x10, 0x14, 0x18, 0x41, 0x51, 0x52, 0x60, 0x61,
                                     0x63, 0x65, 0x6f, 0x72, 0x74, 0x76, 0x77, 0x78, 0x7a, 0x7b,
                                     0x7c, 0x7f, 0x80, 0x81, 0x89, 0x8d, 0x8e, 0x400};
  auto const which = in.next<std::uint8_t>();
  return which < sizeof usual / sizeof usual[0] ? usual[which] : in.next<std::uint32_t>();
}

/// What hardware could have left, but for control registers, which are the guest's own and checked before.
void spoil(fuzz_input& in, svm_vcpu_state& v) {
  vmcb_control& c = v.block.control;
  vmcb_save& s = v.block.save;
  c.exitcode = an_exit(in);
  c.exitinfo1 = in.next<std::uint64_t>();
  c.exitinfo2 = in.next<std::uint64_t>();
  c.nrip = in.next<std::uint64_t>();
  auto const odd = in.next<std::uint8_t>();
  c.eventinj = 0;
  // Only what was injected, or what a guest does by itself, can be interrupted: no reserved type, no reserved vector.
  constexpr std::uint32_t deliveries[] = {0x8000'0030, 0x8000'0202, 0x8000'0b0e, 0x8000'0b08,
                                          0x8000'0306, 0x8000'0480, 0x8000'0303, 0};
  c.exitintinfo = (odd & 1) != 0 ? deliveries[odd >> 5] : 0;
  if ((odd & 2) != 0) s.rip = code_at + (in.next<std::uint16_t>() & 0xfff);
  if ((odd & 4) != 0) s.rip = in.next<std::uint64_t>();
  if ((odd & 8) != 0) s.cpl = in.next<std::uint8_t>() & 3;
  if ((odd & 16) != 0) s.rflags = in.next<std::uint32_t>();
  s.rax = in.next<std::uint64_t>();
  for (unsigned const n : {1U, 2U, 3U, 6U, 7U}) v.gpr[n] = in.next<std::uint32_t>();
}

/// An extension with these features (`svm_edx`).
std::unique_ptr<extension> enabled(std::uint32_t features) {
  auto made = std::make_unique<extension>();
  machine().leaves[{0x8000'000a, 0}].edx = features;
  require(made->enable().has_value());
  return made;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  fuzz_input in{data, size};
  machine() = svm_sim::state::like_qemu();
  static auto const plain = enabled(1);
  static auto const rich = enabled(0xffff'ffff);
  auto const& svm = (in.next<std::uint8_t>() & 1) != 0 ? rich : plain;
  static auto const v = std::make_unique<extension::vcpu>();
  static auto const h = std::make_unique<svm_sim::handler>();
  static_cast<recorder&>(*h) = recorder{};
  machine().loaded = v.get();
  v->handler = h.get();
  v->set_start(long_mode_entry(code_at, 0x8000, {0}, {0x1000}));
  v->set_translation({0x10'0000}, {1});
  x86::sim_guest tables;
  x86::map_64(tables, h->memory, code_at, code_at);
  for (unsigned n = 0; n < 32; ++n) h->memory.put(code_at + n, in.next<std::uint8_t>(), 1);
  svm->load(*v);
  h->injects_on_retry = true;
  auto& guest = machine().guest;
  for (unsigned n = 0; n < 8; ++n) {
    for (auto& answer : h->answers) answer = static_cast<resume>(in.next<std::uint8_t>() & 3);
    for (auto& load : h->loads) load = in.next<std::uint64_t>();
    h->count = 0;
    if ((in.next<std::uint8_t>() & 7) == 0) extension::context{*v}.offer_nmi();
    guest.emplace_back([&in](svm_vcpu_state& seen) {
      auto const refused = refused_field(svm_entry_state::of(seen.block), seen.block, seen.here);
      require(refused == text{"nothing that is known"});
      spoil(in, seen);
    });
    svm->enter(*v);
    auto const answer = extension::decode(*v, *h);
    require(answer != resume::next_instruction);
    if (answer == resume::stop) break;
    if (in.empty()) break;
  }
  return 0;
}
