#include "names.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <charconv>

#include <fmt/format.h>

namespace fanout::inventory {

namespace {

// <cctype> follows the locale, names do not.
bool is_letter_or_digit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

std::string describe_byte(char c) {
  const auto byte = static_cast<unsigned char>(c);
  if (c == ' ') return "a blank";
  if (byte < 0x20 || byte >= 0x7f) return fmt::format("the byte 0x{:02x}", byte);
  return fmt::format("the character {}", c);
}

std::optional<std::string> wrong_with_length(std::string_view text) {
  if (text.empty()) return "it is empty";
  if (text.size() > longest_name_bytes)
    return fmt::format("it is longer than {} bytes", longest_name_bytes);
  return std::nullopt;
}

// `extra`: what is allowed besides letters and digits.
std::optional<std::string> wrong_with_characters(std::string_view text, std::string_view extra) {
  if (auto wrong = wrong_with_length(text)) return wrong;
  for (const char c : text)
    if (!is_letter_or_digit(c) && extra.find(c) == std::string_view::npos)
      return "it holds " + describe_byte(c);
  // An option wherever it is passed as an argument.
  if (text.front() == '-') return "it begins with a dash";
  return std::nullopt;
}

}  // namespace

std::optional<std::string> wrong_with_name(std::string_view name) {
  if (auto wrong = wrong_with_characters(name, "._-")) return wrong;
  if (name.front() == '.') return "it begins with a dot";
  if (name.find("..") != std::string_view::npos) return "it holds two dots in a row";
  return std::nullopt;
}

bool is_plain(std::string_view text) {
  for (const char c : text)
    if (!is_letter_or_digit(c) && c != '-' && c != '.' && c != '_') return false;
  return true;
}

bool is_ipv6_address(std::string_view text) {
  const std::size_t percent = text.find('%');
  if (percent != std::string_view::npos) {
    if (wrong_with_name(text.substr(percent + 1))) return false;
    text = text.substr(0, percent);
  }
  std::array<char, INET6_ADDRSTRLEN> terminated{};
  if (text.size() >= terminated.size()) return false;
  std::copy(text.begin(), text.end(), terminated.begin());
  in6_addr address{};
  return inet_pton(AF_INET6, terminated.data(), &address) == 1;
}

std::optional<std::string> wrong_with_host(std::string_view host) {
  if (host.find(':') == std::string_view::npos) return wrong_with_name(host);
  if (auto wrong = wrong_with_length(host)) return wrong;
  if (!is_ipv6_address(host)) return "it is not an IPv6 address";
  return std::nullopt;
}

std::optional<std::string> wrong_with_user(std::string_view user) {
  if (auto wrong = wrong_with_characters(user, "._-+@\\")) return wrong;
  if (user.back() == '\\' || user.back() == '@' || user.front() == '\\' || user.front() == '@')
    return fmt::format("the {} stands at its end",
                       user.back() == '\\' || user.front() == '\\' ? '\\' : '@');
  return std::nullopt;
}

std::optional<std::string> wrong_with_tag(std::string_view tag) {
  return wrong_with_characters(tag, "._-+=:/@");
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

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view blanks = " \t";
  const std::size_t first = text.find_first_not_of(blanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

std::string in_quotes(std::string_view text) {
  constexpr std::size_t longest_shown = 80;
  std::string shown = "'";
  for (const char c : text.substr(0, longest_shown)) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte >= 0x7f)
      shown += fmt::format("\\x{:02x}", byte);
    else
      shown += c;
  }
  if (text.size() > longest_shown) shown += "...";
  return shown + "'";
}

}  // namespace fanout::inventory
