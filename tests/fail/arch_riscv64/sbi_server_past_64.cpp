// SPDX-License-Identifier: BSL-1.0
// A set of vCPUs is one word.
// EXPECT: sbi_server: serves 1 .. 64 vCPUs
#include <axhal/arch/riscv64/sbi_server.hpp>

#if defined(AXHAL_CORRECT)
axhal::riscv64::sbi_server<64> server;
#else
axhal::riscv64::sbi_server<65> server;
#endif
