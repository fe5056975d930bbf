// One line of a journal, whose members are looked up with the type that they must have. Pure. Errors are ErrorKind::usage
// and do not say which line it is.
#pragma once

#include <chrono>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include "fanout/console/sanitize.hpp"
#include "fanout/core/result.hpp"
#include "fanout/report/journal.hpp"
#include "record.hpp"

namespace fanout::report {

inline tl::unexpected<core::Error> refuse(std::string why) {
  return core::fail(core::ErrorKind::usage, std::move(why));
}

// Whether nothing is nested so deeply that the library would take all memory for it: it builds whatever is nested, and a
// byte is enough for a level.
bool is_shallow(std::string_view text);

bool is_run(std::string_view text);
// "2026-01-31T12:00:00.123Z"
std::optional<JournalTime> parse_time(std::string_view text);

class JournalLine {
public:
  explicit JournalLine(const Json &json) : json_(json) {}

  [[nodiscard]] bool has(const char *key) const { return find(key) != nullptr; }
  [[nodiscard]] core::Result<std::string> text(const char *key) const;
  [[nodiscard]] core::Result<std::optional<std::string>> text_or_null(const char *key) const;
  [[nodiscard]] core::Result<std::uint64_t> number(
      const char *key, std::uint64_t least = 0,
      std::uint64_t most = std::numeric_limits<std::uint64_t>::max()) const;
  [[nodiscard]] core::Result<std::optional<int>> number_or_null(const char *key) const;
  [[nodiscard]] core::Result<const Json *> list(const char *key) const;
  // Any number that is not negative.
  [[nodiscard]] core::Result<std::optional<double>> amount_or_null(const char *key) const;
  // Of seconds.
  [[nodiscard]] core::Result<std::chrono::microseconds> duration(const char *key) const;
  // 64 hexadecimal digits, or null, which is empty.
  [[nodiscard]] core::Result<std::string> sha256_or_null(const char *key) const;
  [[nodiscard]] core::Result<JournalTime> time(const char *key) const;
  [[nodiscard]] core::Result<JournalLine> members(const char *key) const;

  template <class Value>
  [[nodiscard]] core::Result<Value> word(const char *key,
                                         std::optional<Value> (*at)(std::uint8_t)) const {
    TRY_ASSIGN(const std::string text, this->text(key));
    for (std::uint8_t i = 0; at(i); ++i)
      if (to_string(*at(i)) == text) return *at(i);
    return refuse(fmt::format("\"{}\" is '{}', which no run says", key,
                              console::safe_line(text, longest_shown)));
  }
  // Null is the word that is not said.
  template <class Value>
  [[nodiscard]] core::Result<Value> word_or_null(const char *key,
                                                 std::optional<Value> (*at)(std::uint8_t)) const {
    TRY_ASSIGN(const auto text, text_or_null(key));
    if (!text) return Value();
    return word(key, at);
  }

  static constexpr std::size_t longest_shown = 80;

private:
  [[nodiscard]] const Json *find(const char *key) const;
  [[nodiscard]] tl::unexpected<core::Error> wrong(const char *key, std::string_view wanted) const;

  const Json &json_;
};

}  // namespace fanout::report
