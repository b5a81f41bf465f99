// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/arch/riscv64/external_interrupts.hpp>
#include <axhal/core/result.hpp>
#include <axhal/core/units.hpp>
#include <axhal/policy/irq_controller.hpp>

#include <cstdint>
#include <new>
#include <type_traits>
#include <utility>

namespace axhal::riscv64 {

/// One of two external interrupt controllers: for an image that runs on machines with either and looks once at which
/// one it is on. Every call costs one comparison; none goes through a pointer to a function.
///
/// Exactly one of `use_first` and `use_second` is called, once, before anything else. Models ExternalInterrupts, and
/// IpiSender where both of the two do.
template <ExternalInterrupts First, ExternalInterrupts Second>
  requires(std::is_trivially_destructible_v<First> && std::is_trivially_destructible_v<Second>)
class either_external {
 public:
  // NOLINTNEXTLINE(modernize-use-equals-default): a defaulted one is deleted where a member is not trivial
  either_external() {}
  either_external(either_external const&) = delete;
  either_external& operator=(either_external const&) = delete;

  /// Makes the first kind, of `arguments`.
  template <typename... Arguments>
  First& use_first(Arguments&&... arguments) {
    return *::new (static_cast<void*>(&first_)) First(std::forward<Arguments>(arguments)...);
  }
  /// Makes the second kind, of `arguments`.
  template <typename... Arguments>
  Second& use_second(Arguments&&... arguments) {
    is_second_ = true;
    return *::new (static_cast<void*>(&second_)) Second(std::forward<Arguments>(arguments)...);
  }
  [[nodiscard]] First& first() { return first_; }
  [[nodiscard]] Second& second() { return second_; }
  /// Which kind it is.
  [[nodiscard]] bool is_second() const { return is_second_; }

  // --- ExternalInterrupts ---

  [[nodiscard]] std::uint32_t source_count() {
    return visit([](auto& e) { return std::uint32_t{e.source_count()}; });
  }
  result<void, irq_error> enable(std::uint32_t source) {
    return visit([=](auto& e) { return e.enable(source); });
  }
  result<void, irq_error> disable(std::uint32_t source) {
    return visit([=](auto& e) { return e.disable(source); });
  }
  [[nodiscard]] bool is_enabled(std::uint32_t source) {
    return visit([=](auto& e) { return e.is_enabled(source); });
  }
  result<void, irq_error> set_priority(std::uint32_t source, std::uint8_t priority) {
    return visit([=](auto& e) { return e.set_priority(source, priority); });
  }
  result<void, irq_error> set_trigger(std::uint32_t source, irq_trigger trigger) {
    return visit([=](auto& e) { return e.set_trigger(source, trigger); });
  }
  result<void, irq_error> set_affinity(std::uint32_t source, cpu_number cpu) {
    return visit([=](auto& e) { return e.set_affinity(source, cpu); });
  }
  [[nodiscard]] std::uint32_t claim(cpu_number self) {
    return visit([=](auto& e) { return e.claim(self); });
  }
  void complete(cpu_number self, std::uint32_t source) {
    visit([=](auto& e) { e.complete(self, source); });
  }

  // --- IpiSender ---

  result<void, irq_error> send_ipi(cpu_number cpu)
    requires IpiSender<First> && IpiSender<Second>
  {
    return visit([=](auto& e) { return e.send_ipi(cpu); });
  }

 private:
  template <typename F>
  auto visit(F f) {
    return is_second_ ? f(second_) : f(first_);
  }

  union {
    First first_;
    Second second_;
  };
  bool is_second_{};
};

}  // namespace axhal::riscv64
