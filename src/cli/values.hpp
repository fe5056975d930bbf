// The values that options take, as text and as what they mean. Errors name the text; the caller adds the option.
#pragma once

#include <charconv>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "fanout/core/nearest.hpp"
#include "fanout/core/result.hpp"

namespace fanout::cli {

// The text as it may stand in a message: shortened, with a ? for each byte that is not printable ASCII, so that it
// neither breaks the line nor controls a terminal; and that in quotes.
std::string shown(std::string_view text);
std::string quoted(std::string_view text);

// Decimal digits alone: no sign, no space, no unit.
template <class T>
core::Result<T> parse_number(std::string_view text, T least, T most) {
  T number = 0;
  const char *const last = text.data() + text.size();
  const auto [end, problem] = std::from_chars(text.data(), last, number);
  if (problem != std::errc() || end != last || number < least || number > most)
    return core::fail(core::ErrorKind::usage,
                      fmt::format("{} is not a number from {} to {}", quoted(text), least, most));
  return number;
}

// Bytes, or with K, M or G the binary multiple of them.
core::Result<std::uint64_t> parse_size(std::string_view text);

// The mode of a file as chmod(1) takes it in digits, up to 7777.
core::Result<std::uint32_t> parse_mode(std::string_view text);

// "; did you mean WORD?", or nothing when no candidate is near.
std::string did_you_mean(std::string_view word, const std::vector<std::string> &candidates,
                         std::string_view prefix = "");

// "a", "a or b", "a, b or c".
std::string enumerated(const std::vector<std::string> &words, std::string_view conjunction);

// One of several words.
template <class T>
core::Result<T> parse_word(std::string_view text,
                           std::initializer_list<std::pair<std::string_view, T>> words) {
  std::vector<std::string> known;
  for (const auto &[word, value] : words) {
    if (word == text) return value;
    known.emplace_back(word);
  }
  return core::fail(core::ErrorKind::usage,
                    fmt::format("{} is not {}{}", quoted(text), enumerated(known, "or"),
                                did_you_mean(text, known)));
}

}  // namespace fanout::cli
