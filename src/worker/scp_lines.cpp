#include "scp_lines.hpp"

#include <algorithm>
#include <charconv>
#include <limits>
#include <utility>

#include <fmt/format.h>

namespace fanout::worker {

using core::ErrorKind;
using core::fail;
using core::Result;

namespace {

constexpr std::uint64_t max_size = std::numeric_limits<std::int64_t>::max();
constexpr std::size_t max_quoted_bytes = 200;
constexpr std::uint64_t microseconds_in_a_second = 1'000'000;

auto malformed(std::string_view what) {
  return fail(ErrorKind::protocol, fmt::format("the host's scp sent {}", what));
}

// Digits alone, up to `end`, which is taken too; no sign, no blank before them.
std::optional<std::uint64_t> take_number(std::string_view &line, char end, int base = 10) {
  std::uint64_t number = 0;
  const char *const last = line.data() + line.size();
  const auto [stop, error] = std::from_chars(line.data(), last, number, base);
  if (error != std::errc() || stop == last || *stop != end || number > max_size)
    return std::nullopt;
  line.remove_prefix(static_cast<std::size_t>(stop - line.data()) + 1);
  return number;
}

Result<ScpItem> parse_times(std::string_view line) {
  // The last number has nothing behind it.
  const std::string text = std::string(line) + ' ';
  std::string_view rest = text;
  const auto modification = take_number(rest, ' ');
  const auto modification_fraction = take_number(rest, ' ');
  const auto access = take_number(rest, ' ');
  const auto access_fraction = take_number(rest, ' ');
  if (!modification || !modification_fraction || !access || !access_fraction || !rest.empty() ||
      *modification_fraction >= microseconds_in_a_second ||
      *access_fraction >= microseconds_in_a_second)
    return malformed("times that are none");
  return ScpTimes{static_cast<std::int64_t>(*modification), static_cast<std::int64_t>(*access)};
}

Result<ScpItem> parse_entry(std::string_view line, bool directory) {
  constexpr std::size_t mode_digits = 4;
  if (line.size() <= mode_digits || line[mode_digits] != ' ')
    return malformed("a mode that is none");
  const auto mode = take_number(line, ' ', 8);
  if (!mode) return malformed("a mode that is none");
  const auto size = take_number(line, ' ');
  if (!size) return malformed("a size that is none");
  if (line.empty()) return malformed("an empty name");
  return ScpEntry{directory, static_cast<std::uint32_t>(*mode), *size, std::string(line)};
}

Result<ScpItem> parse_line(std::string_view line) {
  const std::string_view rest = line.substr(1);
  switch (line.front()) {
    case 1: return ScpMessage{false, std::string(rest)};
    case 2: return ScpMessage{true, std::string(rest)};
    case 'T': return parse_times(rest);
    case 'C': return parse_entry(rest, false);
    case 'D': return parse_entry(rest, true);
    case 'E':
      if (!rest.empty()) return malformed("an end of a folder with something behind it");
      return ScpFolderEnd{};
    default: return malformed("a line that is none");
  }
}

}  // namespace

Result<std::optional<ScpItem>> take_scp_item(std::string_view &bytes) {
  if (bytes.empty()) return std::nullopt;
  if (bytes.front() == 0) {
    bytes.remove_prefix(1);
    return ScpYes{};
  }
  // No line begins otherwise, so nobody waits for the end of one that does.
  constexpr std::string_view beginnings = "\1\2TCDE";
  const std::size_t end = bytes.substr(0, max_scp_line_bytes).find('\n');
  if (beginnings.find(bytes.front()) == std::string_view::npos && end != 0)
    return malformed(fmt::format("neither an answer nor a file: {}",
                                 bytes.substr(0, std::min(end, max_quoted_bytes))));
  if (end == std::string_view::npos) {
    if (bytes.size() >= max_scp_line_bytes) return malformed("a line without an end");
    return std::nullopt;
  }
  if (end == 0) return malformed("an empty line");
  TRY_ASSIGN(ScpItem item, parse_line(bytes.substr(0, end)));
  bytes.remove_prefix(end + 1);
  return item;
}

std::string scp_times_line(std::int64_t modification) {
  // There is no way to say a time before 1970.
  const std::int64_t seconds = std::max<std::int64_t>(modification, 0);
  return fmt::format("T{} 0 {} 0\n", seconds, seconds);
}

std::string scp_file_line(std::uint32_t mode, std::uint64_t size, std::string_view name) {
  return fmt::format("C{:04o} {} {}\n", mode, size, name);
}

}  // namespace fanout::worker
