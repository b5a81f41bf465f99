// SPDX-License-Identifier: BSL-1.0
#pragma once

// The parts of Boost.Hana that composition needs, by single headers. Nothing else in the library includes Hana, and no
// type of Hana's is part of an interface.
#include <boost/hana/at_key.hpp>
#include <boost/hana/for_each.hpp>
#include <boost/hana/map.hpp>
#include <boost/hana/pair.hpp>
#include <boost/hana/tuple.hpp>
#include <boost/hana/type.hpp>

namespace axhal::detail {
namespace hana = boost::hana;
}  // namespace axhal::detail
