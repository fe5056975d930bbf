#include "fanout/core/names.hpp"

#include <charconv>

#include <fmt/format.h>

namespace fanout::core {

namespace {

std::string describe_byte(char c) {
  const auto byte = static_cast<unsigned char>(c);
  if (c == ' ') return "a blank";
  if (byte < 0x20 || byte >= 0x7f) return fmt::format("the byte 0x{:02x}", byte);
  return fmt::format("the character {}", c);
}

}  // namespace

// <cctype> follows the locale, names do not.
bool is_letter_or_digit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

std::optional<std::string> wrong_with_length(std::string_view text) {
  if (text.empty()) return "it is empty";
  if (text.size() > longest_name_bytes)
    return fmt::format("it is longer than {} bytes", longest_name_bytes);
  return std::nullopt;
}

std::optional<std::string> wrong_with_characters(std::string_view text, std::string_view extra) {
  if (auto wrong = wrong_with_length(text)) return wrong;
  for (const char c : text)
    if (!is_letter_or_digit(c) && extra.find(c) == std::string_view::npos)
      return "it holds " + describe_byte(c);
  // An option wherever it is passed as an argument.
  if (text.front() == '-') return "it begins with a dash";
  return std::nullopt;
}

std::optional<std::string> wrong_with_user(std::string_view user) {
  if (auto wrong = wrong_with_characters(user, "._-+@\\")) return wrong;
  if (user.back() == '\\' || user.back() == '@' || user.front() == '\\' || user.front() == '@')
    return fmt::format("the {} stands at its end",
                       user.back() == '\\' || user.front() == '\\' ? '\\' : '@');
  return std::nullopt;
}

std::optional<std::uint16_t> parse_port(std::string_view text) {
  std::uint16_t port = 0;
  const char *end = text.data() + text.size();
  // from_chars takes neither signs nor blanks for an unsigned type, and reports 65536 as out of range.
  const auto [stopped, problem] = std::from_chars(text.data(), end, port);
  if (problem != std::errc() || stopped != end || port == 0 || text.front() == '0')
    return std::nullopt;
  return port;
}

}  // namespace fanout::core
