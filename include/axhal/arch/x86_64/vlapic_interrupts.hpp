// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/arch/x86_64/apic_registers.hpp>

#include <atomic>
#include <bit>
#include <cstdint>

namespace axhal::x86_64 {

/// A vector, or none: two plain members, because it is made at every entry.
struct vlapic_vector {
  std::uint8_t vector{};
  bool any{};
  [[nodiscard]] constexpr explicit operator bool() const { return any; }
  [[nodiscard]] constexpr std::uint8_t operator*() const { return vector; }
  friend constexpr bool operator==(vlapic_vector, vlapic_vector) = default;
};

/// The interrupts of one virtual local APIC: IRR, ISR, TMR and the priorities (Intel SDM vol. 3, "Handling
/// Interrupts").
///
/// `post` may be called on any CPU at any time, and so may `processor_priority`; everything else belongs to the CPU
/// that runs the vCPU. As a vector goes into service only above the priority class of all that are in service, each
/// class has at most one there: ISR is kept as 16 vectors, and the end of an interrupt searches nothing.
class vlapic_interrupts {
 public:
  static constexpr unsigned words = apic_registers::bitmap_words;

  /// The state after power-up, and after INIT.
  void reset() {
    for (auto& word : irr_) word.store(0, std::memory_order_relaxed);
    for (auto& word : tmr_) word.store(0, std::memory_order_relaxed);
    classes_ = 0;
    tpr_ = 0;
    update_priority();
  }

  // --- from any CPU ---

  /// Requests `vector`, 16 to 255. False when it was requested already: then nothing has changed but, perhaps, its
  /// trigger mode, and whoever requested it before has seen to the vCPU's being woken.
  bool post(std::uint8_t vector, apic_trigger trigger) {
    unsigned const word = vector / 32;
    std::uint32_t const bit = 1U << vector % 32;
    std::uint64_t const request = std::uint64_t{1} << vector % 64;
    // Before the request, so that whoever takes it knows. Most vectors are never level-triggered: a load is enough.
    if (((tmr_[word].load(std::memory_order_relaxed) & bit) != 0) != (trigger == apic_trigger::level)) {
      if (trigger == apic_trigger::level) {
        tmr_[word].fetch_or(bit, std::memory_order_relaxed);
      } else {
        tmr_[word].fetch_and(~bit, std::memory_order_relaxed);
      }
    }
    if ((irr_[vector / 64].fetch_or(request, std::memory_order_release) & request) != 0) return false;
    alert();
    return true;
  }
  /// Makes `has_work` true, and that before anything that the caller looks at afterwards: whether the vCPU runs.
  void alert() { posted_.store(true, std::memory_order_seq_cst); }
  /// PPR, perhaps of a moment ago: for lowest-priority delivery.
  [[nodiscard]] std::uint8_t processor_priority() const { return ppr_.load(std::memory_order_relaxed); }

  // --- on the vCPU's CPU ---

  /// True when something may have become deliverable since `settle` found nothing.
  [[nodiscard, gnu::always_inline]] bool has_work() const { return recheck_ | posted_.load(std::memory_order_acquire); }
  /// Has `has_work` say true until the next `settle`.
  void recheck() { recheck_ = true; }
  /// To be called before what others have posted is looked at. What they post from now on makes `has_work` true again.
  void begin_settling() {
    if (posted_.load(std::memory_order_relaxed)) posted_.exchange(false, std::memory_order_acq_rel);
  }
  /// `has_work` is true from now on only when `more` or when something comes.
  void settle(bool more) { recheck_ = more; }

  /// The most urgent request above the processor priority.
  [[nodiscard]] vlapic_vector highest() const {
    std::uint8_t const priority = processor_priority();
    for (unsigned word = words / 2; word-- > priority / 64U;) {
      std::uint64_t const bits = irr_[word].load(std::memory_order_acquire);
      if (bits == 0) continue;
      auto const vector = static_cast<std::uint8_t>(word * 64 + static_cast<unsigned>(std::bit_width(bits)) - 1);
      return {vector, vector / 16 > priority / 16};
    }
    return {};
  }
  /// The processor has taken `vector`: requested no more, and in service. False, and nothing happened, when it was not
  /// requested, or one of its class or above is in service.
  bool accept(std::uint8_t vector) {
    unsigned const level = vector / 16;
    std::uint64_t const bit = std::uint64_t{1} << vector % 64;
    if (level == 0 || classes_ >> level != 0) return false;
    if ((irr_[vector / 64].fetch_and(~bit, std::memory_order_acquire) & bit) == 0) return false;
    in_service_[level] = vector;
    classes_ |= 1U << level;
    update_priority();
    recheck_ = true;
    return true;
  }
  /// End of interrupt: the most urgent one leaves service, and is returned.
  [[gnu::always_inline]] vlapic_vector end() {
    if (classes_ == 0) return {};
    unsigned const top = top_class();
    classes_ ^= 1U << top;
    update_priority();
    recheck_ = true;
    return {in_service_[top], true};
  }

  [[nodiscard, gnu::always_inline]] std::uint8_t tpr() const { return tpr_; }
  [[gnu::always_inline]] void set_tpr(std::uint8_t value) {
    if (tpr_ == value) return;
    tpr_ = value;
    update_priority();
    recheck_ = true;
  }
  /// APR, from what IRR, ISR and TPR are now ("Arbitration Priority"; the formula is that of the P6 family).
  [[nodiscard]] std::uint8_t arbitration_priority() const {
    unsigned irrv = 0;
    for (unsigned word = words / 2; word-- > 0 && irrv == 0;) {
      std::uint64_t const bits = irr_[word].load(std::memory_order_relaxed);
      if (bits != 0) irrv = word * 64 + static_cast<unsigned>(std::bit_width(bits)) - 1;
    }
    unsigned const task = tpr_ / 16U;
    unsigned const request = irrv / 16;
    unsigned const service = top_class();
    if (task >= request && task > service) return tpr_;
    unsigned const both = task & service;
    return static_cast<std::uint8_t>((both > request ? both : request) << 4);
  }

  [[nodiscard]] bool is_level(std::uint8_t vector) const { return (tmr(vector / 32U) >> vector % 32 & 1) != 0; }
  /// Registers as the guest reads them; `word` is 0 to 7.
  [[nodiscard]] std::uint32_t irr(unsigned word) const {
    return static_cast<std::uint32_t>(irr_[word / 2].load(std::memory_order_relaxed) >> word % 2 * 32);
  }
  [[nodiscard]] std::uint32_t tmr(unsigned word) const { return tmr_[word].load(std::memory_order_relaxed); }
  [[nodiscard]] std::uint32_t isr(unsigned word) const {
    std::uint32_t bits = 0;
    for (unsigned level = word * 2; level < word * 2 + 2; ++level) {
      if ((classes_ >> level & 1) != 0) bits |= 1U << in_service_[level] % 32;
    }
    return bits;
  }

 private:
  /// The class of the most urgent vector in service, 0 when there is none: class 0 has no vectors.
  [[nodiscard, gnu::always_inline]] unsigned top_class() const {
    // Not `std::bit_width`, which compilers for size call.
    return 31U ^ static_cast<unsigned>(__builtin_clz(classes_ | 1));
  }
  [[gnu::always_inline]] void update_priority() {
    unsigned const service = top_class() << 4;
    bool const task = (tpr_ & 0xf0U) >= service;
    ppr_.store(task ? tpr_ : static_cast<std::uint8_t>(service), std::memory_order_relaxed);
  }

  std::atomic<bool> posted_{};
  bool recheck_{};
  std::uint8_t tpr_{};
  std::atomic<std::uint8_t> ppr_{};
  std::uint32_t classes_{};  ///< one bit for each class with a vector in service
  std::uint8_t in_service_[16]{};
  std::atomic<std::uint64_t> irr_[words / 2]{};  ///< twice as wide as registers: half as much to search
  std::atomic<std::uint32_t> tmr_[words]{};
};

}  // namespace axhal::x86_64
