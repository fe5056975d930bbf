#include "fanout/core/duration.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include <fmt/format.h>

namespace fanout::core {

namespace {

using std::chrono::milliseconds;

constexpr std::array<std::pair<std::string_view, long long>, 4> units{{
    {"h", 3'600'000},
    {"m", 60'000},
    {"s", 1'000},
    {"ms", 1},
}};
constexpr long long longest = 1'000'000LL * 3'600'000;

}  // namespace

Result<milliseconds> parse_duration(std::string_view text) {
  const auto refuse = [&] {
    // The message may reach a terminal: it does not repeat what could control one.
    const bool plain =
        std::all_of(text.begin(), text.end(), [](char c) { return c >= 0x20 && c <= 0x7e; });
    return fail(ErrorKind::usage,
                fmt::format("{} is not a duration (500ms, 10s, 5m, 1h; a bare number is seconds)",
                            plain ? fmt::format("'{}'", text) : "the value"));
  };
  unsigned long long count = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), count);
  if (problem != std::errc()) return refuse();
  const std::string_view unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
  for (const auto &[name, length] : units) {
    if (unit != name && !(unit.empty() && name == "s")) continue;
    if (count > static_cast<unsigned long long>(longest / length)) return refuse();
    return milliseconds(static_cast<long long>(count) * length);
  }
  return refuse();
}

std::string format_duration(milliseconds duration) {
  const long long count = duration.count();
  if (count == 0) return "0";
  for (const auto &[name, length] : units)
    if (count % length == 0) return fmt::format("{}{}", count / length, name);
  return fmt::format("{}ms", count);
}

std::string describe_duration(milliseconds duration) {
  const long long count = duration.count();
  if (count < 10'000) return fmt::format("{:.1f} s", static_cast<double>(count) / 1000);
  const long long seconds = (count + 500) / 1000;
  if (seconds < 60) return fmt::format("{} s", seconds);
  if (seconds < 3600) return fmt::format("{} min {} s", seconds / 60, seconds % 60);
  return fmt::format("{} h {} min", seconds / 3600, seconds % 3600 / 60);
}

}  // namespace fanout::core
