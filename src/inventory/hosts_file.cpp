#include "hosts_file.hpp"

#include <fmt/format.h>

#include "names.hpp"

namespace fanout::inventory {

namespace {

using core::ErrorKind;
using core::fail;
using core::Result;

constexpr std::size_t longest_line_bytes = 1 << 20;

std::string_view without_comment(std::string_view line) {
  for (std::size_t hash = line.find('#'); hash != std::string_view::npos;
       hash = line.find('#', hash + 1))
    if (hash == 0 || line[hash - 1] == ' ' || line[hash - 1] == '\t') return line.substr(0, hash);
  return line;
}

Result<void> check_line(std::string_view line) {
  if (line.size() > longest_line_bytes)
    return fail(ErrorKind::usage,
                fmt::format("the line is longer than {} bytes", longest_line_bytes));
  if (line.find('\0') != std::string_view::npos)
    return fail(ErrorKind::usage, "a NUL byte; the file must be UTF-8 text");
  if (line.find('\r') != std::string_view::npos)
    return fail(ErrorKind::usage, "a carriage return inside the line; lines end with LF or CRLF");
  return {};
}

}  // namespace

Result<void> for_each_line(std::string_view text, const std::string &file,
                           const std::function<Result<void>(std::string_view)> &use) {
  if (text.starts_with("\xff\xfe") || text.starts_with("\xfe\xff"))
    return fail(ErrorKind::usage, fmt::format("{}:1: the file is UTF-16; it must be UTF-8", file));
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  for (int number = 1; !text.empty(); ++number) {
    const std::size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (line.ends_with('\r')) line.remove_suffix(1);
    auto result = check_line(line);
    if (const std::string_view entry = trimmed(without_comment(line)); result && !entry.empty())
      result = use(entry);
    if (!result) return fail(result.error().within(fmt::format("{}:{}", file, number)));
  }
  return {};
}

}  // namespace fanout::inventory
