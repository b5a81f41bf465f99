// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/core/address.hpp>

#include <concepts>
#include <cstdint>

namespace axhal::memory {

/// How the program reaches physical memory: `pointer(p)` is where it finds the byte at `p`, `physical(q)` the inverse.
///
/// Law: within each region that is used through it, `pointer(p + n) == static_cast<char*>(pointer(p)) + n`, and
/// `physical(pointer(p)) == p`.
template <typename A>
concept FrameAccess = requires(A const& a, host_phys p, void const* q) {
  { a.pointer(p) } -> std::same_as<void*>;
  { a.physical(q) } -> std::same_as<host_phys>;
};

/// Memory is mapped where it is, or not translated at all.
struct identity_access {
  [[nodiscard]] static void* pointer(host_phys p) {
    return reinterpret_cast<void*>(static_cast<std::uintptr_t>(p.value));
  }
  [[nodiscard]] static host_phys physical(void const* q) { return {reinterpret_cast<std::uintptr_t>(q)}; }
};
static_assert(FrameAccess<identity_access>);

/// Memory is mapped `offset` bytes above where it is (modulo 2^64).
struct offset_access {
  std::uint64_t offset{};

  [[nodiscard]] void* pointer(host_phys p) const {
    return reinterpret_cast<void*>(static_cast<std::uintptr_t>(p.value + offset));
  }
  [[nodiscard]] host_phys physical(void const* q) const { return {reinterpret_cast<std::uintptr_t>(q) - offset}; }
};
static_assert(FrameAccess<offset_access>);

}  // namespace axhal::memory
