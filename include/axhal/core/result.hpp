// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <type_traits>

namespace axhal {

/// Wraps an error so that `return failure{e};` makes a failed `result`.
template <typename E>
struct failure {
  E error;
  constexpr explicit failure(E e) : error{e} {}
};

/// A value or an error; the freestanding stand-in for C++23's `std::expected`.
///
/// `T` and `E` are trivially copyable, so a result is too: it travels in registers and needs no exceptions.
/// Reading `value()` of a failed result or `error()` of a successful one is a broken precondition; it is refused in
/// constant evaluation and traps at run time (one conditional trap, no unwinding).
template <typename T, typename E>
class [[nodiscard]] result {
  static_assert(std::is_trivially_copyable_v<T>, "result: the value type must be trivially copyable");
  static_assert(std::is_trivially_copyable_v<E>, "result: the error type must be trivially copyable");

 public:
  using value_type = T;
  using error_type = E;

  constexpr result(T v) : value_{v}, ok_{true} {}                  // NOLINT(google-explicit-constructor)
  constexpr result(failure<E> f) : error_{f.error}, ok_{false} {}  // NOLINT(google-explicit-constructor)

  [[nodiscard]] constexpr bool has_value() const { return ok_; }
  [[nodiscard]] constexpr explicit operator bool() const { return ok_; }

  [[nodiscard]] constexpr T const& value() const {
    if (!ok_) __builtin_trap();
    return value_;
  }
  [[nodiscard]] constexpr T& value() {
    if (!ok_) __builtin_trap();
    return value_;
  }
  [[nodiscard]] constexpr T const& operator*() const { return value(); }
  [[nodiscard]] constexpr T& operator*() { return value(); }
  [[nodiscard]] constexpr T const* operator->() const { return &value(); }
  [[nodiscard]] constexpr T* operator->() { return &value(); }

  [[nodiscard]] constexpr E error() const {
    if (ok_) __builtin_trap();
    return error_;
  }
  [[nodiscard]] constexpr T value_or(T other) const { return ok_ ? value_ : other; }

  /// `f(value)` when there is a value, which must be a result with the same error type; else the error.
  template <typename F>
  constexpr auto and_then(F&& f) const -> decltype(f(value())) {
    if (!ok_) return failure{error_};
    return f(value_);
  }
  /// The value mapped by `f`, or the error.
  template <typename F>
  constexpr auto transform(F&& f) const -> result<decltype(f(value())), E> {
    if (!ok_) return failure{error_};
    return f(value_);
  }

  friend constexpr bool operator==(result const& a, result const& b) {
    if (a.ok_ != b.ok_) return false;
    return a.ok_ ? a.value_ == b.value_ : a.error_ == b.error_;
  }
  friend constexpr bool operator==(result const& a, T const& b) { return a.ok_ && a.value_ == b; }
  friend constexpr bool operator==(result const& a, failure<E> const& b) { return !a.ok_ && a.error_ == b.error; }

 private:
  union {
    T value_;
    E error_;
  };
  bool ok_;
};

/// Success without a value, or an error.
template <typename E>
class [[nodiscard]] result<void, E> {
  static_assert(std::is_trivially_copyable_v<E>, "result: the error type must be trivially copyable");

 public:
  using value_type = void;
  using error_type = E;

  constexpr result() = default;
  constexpr result(failure<E> f) : error_{f.error}, ok_{false} {}  // NOLINT(google-explicit-constructor)

  [[nodiscard]] constexpr bool has_value() const { return ok_; }
  [[nodiscard]] constexpr explicit operator bool() const { return ok_; }
  constexpr void value() const {
    if (!ok_) __builtin_trap();
  }
  [[nodiscard]] constexpr E error() const {
    if (ok_) __builtin_trap();
    return error_;
  }
  template <typename F>
  constexpr auto and_then(F&& f) const -> decltype(f()) {
    if (!ok_) return failure{error_};
    return f();
  }

  friend constexpr bool operator==(result const& a, result const& b) {
    return a.ok_ == b.ok_ && (a.ok_ || a.error_ == b.error_);
  }
  friend constexpr bool operator==(result const& a, failure<E> const& b) { return !a.ok_ && a.error_ == b.error; }

 private:
  E error_{};
  bool ok_{true};
};

}  // namespace axhal
