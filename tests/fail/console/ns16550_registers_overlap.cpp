// SPDX-License-Identifier: BSL-1.0
// EXPECT: ns16550: registers lie apart by the width of an access or more
// EXPECT: ns16550: registers are accessed by 1 or 4 bytes
#include <axhal/console/ns16550.hpp>

using namespace axhal;
#if defined(AXHAL_CORRECT)
console::ns16550<mmio, console::ns16550_layout{.reg_shift = 2, .reg_io_width = 4}> uart{mmio{0x1000'0000}};
#else
console::ns16550<mmio, console::ns16550_layout{.reg_shift = 0, .reg_io_width = 4}> overlapping{mmio{0x1000'0000}};
console::ns16550<mmio, console::ns16550_layout{.reg_shift = 2, .reg_io_width = 2}> halves{mmio{0x1000'0000}};
#endif
