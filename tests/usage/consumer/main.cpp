// SPDX-License-Identifier: BSL-1.0
#include <axhal/core/address.hpp>
#include <axhal/core/bit_field.hpp>
#include <axhal/core/units.hpp>
#include <axhal/version.hpp>

// A device register by its fields.
using f_enable = axhal::bit_field<bool, 0>;
using f_priority = axhal::bit_field<unsigned, 15, 8>;
static_assert(axhal::disjoint_fields<f_enable, f_priority>);
static_assert(f_priority::with(f_enable::make(true), 0xa0) == 0xa001);

// Addresses of a guest and of the host do not mix, and ranges do not overflow.
constexpr axhal::guest_range ram{{0x4000'0000}, 256 * axhal::mib};
static_assert(ram.is_valid() && ram.contains(axhal::guest_phys{0x4fff'ffff}));
static_assert(!ram.contains(axhal::guest_phys{0x5000'0000}));

static_assert(axhal::version >= axhal::version_number{0, 1, 0});

int main() { return ram.overlaps({{0x5000'0000}, axhal::mib}) ? 1 : 0; }
