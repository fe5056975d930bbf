#include "json_text.hpp"

#include <algorithm>
#include <ctime>

#include <fmt/format.h>

namespace fanout::report {

namespace {

// Bytes of the character that begins with `lead`; 0 when none does.
std::size_t length_of(unsigned char lead) {
  if (lead < 0x80) return 1;
  if (lead < 0xc2) return 0;
  if (lead < 0xe0) return 2;
  if (lead < 0xf0) return 3;
  return lead < 0xf5 ? 4 : 0;
}

bool continues(char byte) { return (static_cast<unsigned char>(byte) & 0xc0U) == 0x80; }

// The second byte carries the limits of the whole (RFC 3629, section 4).
bool may_follow(unsigned char lead, unsigned char second) {
  switch (lead) {
    case 0xe0: return second >= 0xa0;
    case 0xed: return second < 0xa0;
    case 0xf0: return second >= 0x90;
    case 0xf4: return second < 0x90;
    default: return true;
  }
}

}  // namespace

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const auto lead = static_cast<unsigned char>(text.front());
    const std::size_t length = length_of(lead);
    if (length == 0 || length > text.size()) return false;
    const std::string_view rest = text.substr(1, length - 1);
    if (!std::all_of(rest.begin(), rest.end(), continues)) return false;
    if (length > 1 && !may_follow(lead, static_cast<unsigned char>(rest.front()))) return false;
    text.remove_prefix(length);
  }
  return true;
}

std::size_t whole_characters(std::string_view text) {
  constexpr std::size_t longest = 4;
  for (std::size_t back = 1; back < longest && back <= text.size(); ++back) {
    const char byte = text[text.size() - back];
    if (continues(byte)) continue;
    return length_of(static_cast<unsigned char>(byte)) > back ? text.size() - back : text.size();
  }
  return text.size();
}

std::optional<std::string> format_time(std::int64_t seconds_since_1970) {
  constexpr int first_year = 1900;  // of struct tm
  constexpr int last_year = 9999;
  const auto time = static_cast<std::time_t>(seconds_since_1970);
  std::tm parts{};
  if (::gmtime_r(&time, &parts) == nullptr) return std::nullopt;
  if (parts.tm_year < -first_year || parts.tm_year > last_year - first_year) return std::nullopt;
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", parts.tm_year + first_year,
                     parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec);
}

}  // namespace fanout::report
