// SPDX-License-Identifier: BSL-1.0
// Nobody would end the controller that was chosen, so it has to be one that needs no end.
// EXPECT: is_trivially_destructible
#include <axhal/arch/riscv64/either_external.hpp>
#include <axhal/arch/riscv64/plic.hpp>

#include <axhal/core/mmio.hpp>

using plain = axhal::riscv64::plic<axhal::mmio, 1>;
struct with_an_end : plain {
  using plain::plain;
#if !defined(AXHAL_CORRECT)
  ~with_an_end() {}
#endif
};

axhal::riscv64::either_external<plain, with_an_end> controller;
