// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <sys/mman.h>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>

/// The processor that runs the tests, as an oracle: executes single instructions with chosen registers and flags. Only
/// for hosts that are x86-64 machines.
namespace axhal::test {

/// General registers in the order of the encodings. RSP is not changed.
struct host_registers {
  std::uint64_t gpr[16]{};
  std::uint64_t rflags{};
};

}  // namespace axhal::test

extern "C" void axhal_test_execute(axhal::test::host_registers* registers, void const* code);
// gpr[n] is at 8 * n, rflags at 128. At the end RAX, the flags, the code and the registers' address are on the stack.
asm(R"(
  .text
  .type axhal_test_execute, @function
axhal_test_execute:
  push %rbx
  push %rbp
  push %r12
  push %r13
  push %r14
  push %r15
  push %rdi
  push %rsi
  push 128(%rdi)
  popfq
  mov 0(%rdi), %rax
  mov 8(%rdi), %rcx
  mov 16(%rdi), %rdx
  mov 24(%rdi), %rbx
  mov 40(%rdi), %rbp
  mov 48(%rdi), %rsi
  mov 64(%rdi), %r8
  mov 72(%rdi), %r9
  mov 80(%rdi), %r10
  mov 88(%rdi), %r11
  mov 96(%rdi), %r12
  mov 104(%rdi), %r13
  mov 112(%rdi), %r14
  mov 120(%rdi), %r15
  mov 56(%rdi), %rdi
  call *(%rsp)
  pushfq
  push %rax
  cld
  mov 24(%rsp), %rax
  mov %rcx, 8(%rax)
  mov %rdx, 16(%rax)
  mov %rbx, 24(%rax)
  mov %rbp, 40(%rax)
  mov %rsi, 48(%rax)
  mov %rdi, 56(%rax)
  mov %r8, 64(%rax)
  mov %r9, 72(%rax)
  mov %r10, 80(%rax)
  mov %r11, 88(%rax)
  mov %r12, 96(%rax)
  mov %r13, 104(%rax)
  mov %r14, 112(%rax)
  mov %r15, 120(%rax)
  pop %rcx
  mov %rcx, 0(%rax)
  pop %rcx
  mov %rcx, 128(%rax)
  add $16, %rsp
  pop %r15
  pop %r14
  pop %r13
  pop %r12
  pop %rbp
  pop %rbx
  ret
  .size axhal_test_execute, . - axhal_test_execute
)");

namespace axhal::test {

/// A page that code may be written to and run from. Empty (`page` null) where the system does not allow that.
class host_cpu {
 public:
  host_cpu() {
    void* const p = mmap(nullptr, size, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p != MAP_FAILED) page_ = static_cast<std::uint8_t*>(p);
  }
  ~host_cpu() {
    if (page_ != nullptr) munmap(page_, size);
  }
  host_cpu(host_cpu const&) = delete;
  host_cpu& operator=(host_cpu const&) = delete;

  [[nodiscard]] bool works() const { return page_ != nullptr; }

  /// Prepares an instruction of `length` bytes.
  void load(std::uint8_t const* code, std::size_t length) {
    constexpr std::uint8_t ret = 0xc3;
    std::memcpy(page_, code, length);
    page_[length] = ret;
  }
  /// Executes the instruction that was loaded last.
  void run(host_registers& registers) const { axhal_test_execute(&registers, page_); }

 private:
  static constexpr std::size_t size = 4096;
  std::uint8_t* page_{};
};

}  // namespace axhal::test
