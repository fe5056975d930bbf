#include "names.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>

#include <fmt/format.h>

namespace fanout::inventory {

using core::is_letter_or_digit;
using core::wrong_with_characters;
using core::wrong_with_length;

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
  // What follows a null byte inet_pton(3) would not see.
  if (text.size() >= terminated.size() || text.find('\0') != std::string_view::npos) return false;
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

std::optional<std::string> wrong_with_tag(std::string_view tag) {
  return wrong_with_characters(tag, "._-+=:/@");
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
