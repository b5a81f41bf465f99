// SPDX-License-Identifier: BSL-1.0
// EXPECT: deleted
// EXPECT: spin_lock
#include <axhal/arch/host/cpu.hpp>
#include <axhal/cpu/spin_lock.hpp>

using lock_type = axhal::spin_lock<axhal::host::cpu>;
#if defined(AXHAL_CORRECT)
lock_type& same(lock_type& l) { return l; }
#else
lock_type same(lock_type& l) { return l; }
#endif
