// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstdint>

namespace axhal::paging {

/// Why a page table refused. Whatever the reason, the table is as it was before the call.
enum class paging_error : std::uint8_t {
  misaligned,         ///< an address or a size is no multiple of the page
  out_of_range,       ///< beyond the input addresses that the root covers, or the output addresses that an entry holds
  already_mapped,     ///< a page of the range is mapped
  not_mapped,         ///< a page of the range is not mapped
  not_representable,  ///< the format has no entry with exactly these attributes
  no_memory,          ///< the frame source has no frame left for a table
};

}  // namespace axhal::paging
