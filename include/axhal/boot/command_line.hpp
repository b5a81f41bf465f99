// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/core/bytes.hpp>
#include <axhal/core/result.hpp>

#include <cstddef>
#include <cstdint>

namespace axhal::boot {

/// Why an option has no value of the wanted kind.
enum class option_fault : std::uint8_t {
  missing,    ///< the option is not there
  malformed,  ///< not a number, or something follows it
  too_large,  ///< more than 64 bits
};

/// A fault and where in the command line (or in the parsed text) it lies.
struct option_error {
  option_fault what{};
  std::size_t offset{};
  friend constexpr bool operator==(option_error, option_error) = default;
};

/// Reads all of `t` as an unsigned number, decimal or hexadecimal with 0x. Offsets count from the start of `t`.
[[nodiscard]] constexpr result<std::uint64_t, option_error> parse_number(text t) {
  bool const hex = t.starts_with("0x") || t.starts_with("0X");
  std::uint64_t const base = hex ? 16 : 10;
  std::size_t i = hex ? 2 : 0;
  if (i == t.size) return failure{option_error{option_fault::malformed, i}};
  std::uint64_t value = 0;
  for (; i < t.size; ++i) {
    std::uint64_t const c = static_cast<unsigned char>(t[i]);
    std::uint64_t digit = 16;
    if (c >= '0' && c <= '9') digit = c - '0';
    if (c >= 'a' && c <= 'f') digit = c - 'a' + 10;
    if (c >= 'A' && c <= 'F') digit = c - 'A' + 10;
    if (digit >= base) return failure{option_error{option_fault::malformed, i}};
    if (value > (~std::uint64_t{0} - digit) / base) return failure{option_error{option_fault::too_large, i}};
    value = value * base + digit;
  }
  return value;
}

/// Reads all of `t` as a number of bytes: a number and, if wanted, one of K, M, G, T (or small) for powers of 1024.
[[nodiscard]] constexpr result<std::uint64_t, option_error> parse_size(text t) {
  unsigned shift = 0;
  if (!t.empty()) {
    switch (t[t.size - 1]) {
      case 'k':
      case 'K': shift = 10; break;
      case 'm':
      case 'M': shift = 20; break;
      case 'g':
      case 'G': shift = 30; break;
      case 't':
      case 'T': shift = 40; break;
      default: break;
    }
  }
  auto const number = parse_number(t.sub(0, t.size - (shift != 0 ? 1 : 0)));
  if (!number) return number;
  if (*number > ~std::uint64_t{0} >> shift) return failure{option_error{option_fault::too_large, t.size - 1}};
  return *number << shift;
}

/// One word of a command line: `key=value`, or `key` alone.
struct command_option {
  text key{};
  text value{};          ///< without its quotes
  std::size_t offset{};  ///< of the value, or of the end of the key, in the command line
};

/// A boot command line: words between spaces. Double quotes keep the spaces between them, as in Linux; a line may have
/// lost its closing quote. A range of `command_option` for `for`.
class command_line {
 public:
  constexpr command_line() = default;
  explicit constexpr command_line(text line) : line_{line} {}

  [[nodiscard]] constexpr text whole() const { return line_; }

  class iterator {
   public:
    constexpr iterator(text line, std::size_t at) : line_{line}, at_{at} { read(); }
    [[nodiscard]] constexpr command_option const& operator*() const { return option_; }
    constexpr iterator& operator++() {
      at_ = next_;
      read();
      return *this;
    }
    [[nodiscard]] friend constexpr bool operator==(iterator const& a, iterator const& b) { return a.at_ == b.at_; }

   private:
    [[nodiscard]] static constexpr bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

    constexpr void read() {
      while (at_ < line_.size && is_space(line_[at_])) ++at_;
      std::size_t equals = line_.size;
      bool quoted = false;
      for (next_ = at_; next_ < line_.size && (quoted || !is_space(line_[next_])); ++next_) {
        if (line_[next_] == '"') quoted = !quoted;
        if (line_[next_] == '=' && !quoted && equals == line_.size) equals = next_;
      }
      std::size_t const key_end = equals < next_ ? equals : next_;
      std::size_t value_at = equals < next_ ? equals + 1 : next_;
      std::size_t value_end = next_;
      if (value_at < value_end && line_[value_at] == '"') {
        ++value_at;
        if (value_end > value_at && line_[value_end - 1] == '"') --value_end;
      }
      option_ = {line_.sub(at_, key_end - at_), line_.sub(value_at, value_end - value_at), value_at};
    }

    text line_;
    std::size_t at_;
    std::size_t next_{};
    command_option option_{};
  };

  [[nodiscard]] constexpr iterator begin() const { return {line_, 0}; }
  [[nodiscard]] constexpr iterator end() const { return {line_, line_.size}; }

  /// True when `key` is there, with a value or without.
  [[nodiscard]] constexpr bool has(text key) const { return find(key).has_value(); }

  /// The last option `key`: who writes it again means to override. Error: `missing`.
  [[nodiscard]] constexpr result<command_option, option_error> find(text key) const {
    result<command_option, option_error> found = failure{option_error{option_fault::missing, 0}};
    for (command_option const& o : *this) {
      if (o.key == key) found = o;
    }
    return found;
  }

  /// The value of `key` as a number, or as a size with a suffix. Offsets count from the start of the command line.
  [[nodiscard]] constexpr result<std::uint64_t, option_error> number(text key) const { return read(key, parse_number); }
  [[nodiscard]] constexpr result<std::uint64_t, option_error> size(text key) const { return read(key, parse_size); }

 private:
  [[nodiscard]] constexpr result<std::uint64_t, option_error> read(
      text key, result<std::uint64_t, option_error> (*parse)(text)) const {
    auto const option = find(key);
    if (!option) return failure{option.error()};
    auto const value = parse(option->value);
    if (!value) return failure{option_error{value.error().what, option->offset + value.error().offset}};
    return value;
  }

  text line_{};
};

}  // namespace axhal::boot
