// SPDX-License-Identifier: BSL-1.0
#pragma once

#if !defined(__x86_64__)
#error "axhal/arch/x86_64/insn_virt.hpp emits x86-64 instructions; only an x86-64 build may include it"
#endif

#include <axhal/arch/x86_64/tlb_operations.hpp>

#include <cstdint>

namespace axhal::x86_64 {

/// The instructions of both virtualization extensions, apart from those that enter a guest (Intel SDM vol. 3, "VMX
/// Instruction Reference"; AMD64 APM vol. 3, "System Instruction Reference"). At privilege level 0.
struct virt_instructions {
  // --- VMX: true when the instruction succeeded ---

  [[nodiscard]] static bool vmxon(std::uint64_t region) {
    bool failed;
    asm volatile("vmxon %1" : "=@ccbe"(failed) : "m"(region) : "memory");
    return !failed;
  }
  static void vmxoff() { asm volatile("vmxoff" ::: "cc", "memory"); }
  [[nodiscard]] static bool vmclear(std::uint64_t vmcs) {
    bool failed;
    asm volatile("vmclear %1" : "=@ccbe"(failed) : "m"(vmcs) : "memory");
    return !failed;
  }
  [[nodiscard]] static bool vmptrld(std::uint64_t vmcs) {
    bool failed;
    asm volatile("vmptrld %1" : "=@ccbe"(failed) : "m"(vmcs) : "memory");
    return !failed;
  }
  /// The field of the current VMCS. Precondition: there is one, and it has this field.
  [[nodiscard]] static std::uint64_t vmread(std::uint64_t field) {
    std::uint64_t value;
    asm volatile("vmread %1, %0" : "=rm"(value) : "r"(field) : "cc");
    return value;
  }
  [[nodiscard]] static bool try_vmread(std::uint64_t field, std::uint64_t& value) {
    bool failed;
    asm volatile("vmread %2, %1" : "=@ccbe"(failed), "=rm"(value) : "r"(field));
    return !failed;
  }
  static bool vmwrite(std::uint64_t field, std::uint64_t value) {
    bool failed;
    asm volatile("vmwrite %2, %1" : "=@ccbe"(failed) : "r"(field), "rm"(value) : "memory");
    return !failed;
  }
  /// See `EptInstructions`: a CPU that refuses has been asked for what it does not have.
  static void invept(invept_type type, std::uint64_t eptp) {
    struct {
      std::uint64_t eptp;
      std::uint64_t reserved;
    } const descriptor{eptp, 0};
    bool failed;
    asm volatile("invept %1, %2"
                 : "=@ccbe"(failed)
                 : "m"(descriptor), "r"(static_cast<std::uint64_t>(type))
                 : "memory");
    if (failed) __builtin_trap();
  }
  static void invvpid(invvpid_type type, std::uint64_t vpid, std::uint64_t address) {
    struct {
      std::uint64_t vpid;
      std::uint64_t address;
    } const descriptor{vpid, address};
    bool failed;
    asm volatile("invvpid %1, %2"
                 : "=@ccbe"(failed)
                 : "m"(descriptor), "r"(static_cast<std::uint64_t>(type))
                 : "memory");
    if (failed) __builtin_trap();
  }

  // --- SVM: EFER.SVME is set ---

  static void vmload(std::uint64_t vmcb) { asm volatile("vmload %0" ::"a"(vmcb) : "memory"); }
  static void vmsave(std::uint64_t vmcb) { asm volatile("vmsave %0" ::"a"(vmcb) : "memory"); }
  static void stgi() { asm volatile("stgi" ::: "memory"); }
  static void clgi() { asm volatile("clgi" ::: "memory"); }
};

}  // namespace axhal::x86_64
