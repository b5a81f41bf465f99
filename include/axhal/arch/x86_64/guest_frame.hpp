// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstdint>

namespace axhal::x86_64 {

/// The general registers of a stopped guest, in the order of the encodings (RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI, R8
/// to R15). The extension keeps some of them elsewhere (RSP always; RAX with SVM): those are not here. The layout is
/// known to world_switch_svm.hpp and world_switch_vmx.hpp.
struct guest_frame {
  std::uint64_t gpr[16];  ///< RBP and R12 to R15 are only sure to be here in the slow tier
};

/// True for registers that the fast tier leaves where they are: the compiler keeps them, as the calling convention asks
/// (System V ABI, "Registers": RBX is one of them too, but CPUID writes it, so it is saved with the others).
[[nodiscard, gnu::always_inline]] constexpr bool is_left_alone(unsigned n) { return n == 5 || n >= 12; }

}  // namespace axhal::x86_64
