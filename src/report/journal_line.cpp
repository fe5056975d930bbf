#include "journal_line.hpp"

#include <algorithm>
#include <cmath>

namespace fanout::report {

using core::Result;

namespace {

bool is_hexadecimal(std::string_view text, std::size_t digits) {
  return text.size() == digits &&
         text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

}  // namespace

bool is_shallow(std::string_view text) {
  constexpr int deepest = 8;
  int depth = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\') ++i;
      in_string = c != '"';
    } else if (c == '"') {
      in_string = true;
    } else if (c == '[' || c == '{') {
      if (++depth > deepest) return false;
    } else if (c == ']' || c == '}') {
      --depth;
    }
  }
  return true;
}

bool is_run(std::string_view text) {
  constexpr std::size_t digits = 16;
  return is_hexadecimal(text, digits);
}

std::optional<JournalTime> parse_time(std::string_view text) {
  constexpr std::string_view form = "dddd-dd-ddTdd:dd:dd.dddZ";
  const bool formed = std::equal(
      text.begin(), text.end(), form.begin(), form.end(),
      [](char c, char wanted) { return wanted == 'd' ? c >= '0' && c <= '9' : c == wanted; });
  if (!formed) return std::nullopt;
  const auto number = [text](std::size_t at, std::size_t digits) {
    int value = 0;
    for (const char c : text.substr(at, digits)) value = value * 10 + (c - '0');
    return value;
  };
  using std::chrono::day;
  using std::chrono::month;
  using std::chrono::year;
  const std::chrono::year_month_day date{year(number(0, 4)),
                                         month(static_cast<unsigned>(number(5, 2))),
                                         day(static_cast<unsigned>(number(8, 2)))};
  const int hour = number(11, 2);
  const int minute = number(14, 2);
  const int second = number(17, 2);  // 60 is a leap second
  if (!date.ok() || hour > 23 || minute > 59 || second > 60) return std::nullopt;
  return JournalTime(std::chrono::sys_days(date)) + std::chrono::hours(hour) +
         std::chrono::minutes(minute) + std::chrono::seconds(second) +
         core::Milliseconds(number(20, 3));
}

Result<std::string> JournalLine::text(const char *key) const {
  const Json *value = find(key);
  if (value == nullptr || !value->is_string()) return wrong(key, "a text");
  return value->get<std::string>();
}

Result<std::optional<std::string>> JournalLine::text_or_null(const char *key) const {
  const Json *value = find(key);
  if (value != nullptr && value->is_null()) return std::optional<std::string>();
  TRY_ASSIGN(std::string text, this->text(key));
  return std::optional<std::string>(std::move(text));
}

Result<std::uint64_t> JournalLine::number(const char *key, std::uint64_t least,
                                          std::uint64_t most) const {
  const Json *value = find(key);
  if (value == nullptr || !value->is_number_unsigned()) return wrong(key, "a number");
  const auto number = value->get<std::uint64_t>();
  if (number < least || number > most)
    return refuse(fmt::format("\"{}\" is {}, and not {} to {}", key, number, least, most));
  return number;
}

Result<std::optional<int>> JournalLine::number_or_null(const char *key) const {
  const Json *value = find(key);
  if (value != nullptr && value->is_null()) return std::optional<int>();
  if (value == nullptr || !value->is_number_integer()) return wrong(key, "a number or null");
  const auto number = value->get<std::int64_t>();
  // A number without a sign that is too large for one becomes negative, and then the two are not the same.
  if (number < std::numeric_limits<int>::min() || number > std::numeric_limits<int>::max() ||
      (value->is_number_unsigned() && number < 0))
    return wrong(key, "a number that an exit status can be");
  return static_cast<int>(number);
}

Result<const Json *> JournalLine::list(const char *key) const {
  const Json *value = find(key);
  if (value == nullptr || !value->is_array()) return wrong(key, "a list");
  return value;
}

Result<std::optional<double>> JournalLine::amount_or_null(const char *key) const {
  const Json *value = find(key);
  if (value != nullptr && value->is_null()) return std::optional<double>();
  if (value == nullptr || !value->is_number() || !(value->get<double>() >= 0))
    return wrong(key, "an amount or null");
  return value->get<double>();
}

Result<std::chrono::microseconds> JournalLine::duration(const char *key) const {
  constexpr double longest = 1e9;  // thirty years
  constexpr double micro = 1e6;
  const auto seconds = amount_or_null(key);
  if (!seconds || !*seconds || **seconds > longest) return wrong(key, "a time in seconds");
  return std::chrono::microseconds(std::llround(**seconds * micro));
}

Result<std::string> JournalLine::sha256_or_null(const char *key) const {
  constexpr std::size_t digits = 64;
  TRY_ASSIGN(auto text, text_or_null(key));
  if (!text) return std::string();
  if (!is_hexadecimal(*text, digits)) return wrong(key, "64 hexadecimal digits");
  return *std::move(text);
}

Result<JournalTime> JournalLine::time(const char *key) const {
  TRY_ASSIGN(const std::string text, this->text(key));
  if (const auto time = parse_time(text)) return *time;
  return wrong(key, "a time");
}

Result<JournalLine> JournalLine::members(const char *key) const {
  const Json *value = find(key);
  if (value == nullptr || !value->is_object()) return wrong(key, "an object");
  return JournalLine(*value);
}

const Json *JournalLine::find(const char *key) const {
  const auto member = json_.find(key);
  return member == json_.end() ? nullptr : &*member;
}

tl::unexpected<core::Error> JournalLine::wrong(const char *key, std::string_view wanted) const {
  return refuse(find(key) == nullptr ? fmt::format("\"{}\" is missing", key)
                                     : fmt::format("\"{}\" is not {}", key, wanted));
}

}  // namespace fanout::report
