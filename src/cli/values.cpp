#include "values.hpp"

#include <algorithm>
#include <array>
#include <limits>

namespace fanout::cli {

using core::ErrorKind;
using core::fail;
using core::Result;

Result<std::uint64_t> parse_size(std::string_view text) {
  constexpr std::array<std::pair<char, unsigned>, 3> suffixes{{{'K', 10}, {'M', 20}, {'G', 30}}};
  const std::string_view whole = text;
  unsigned shift = 0;
  for (const auto &[suffix, bits] : suffixes)
    if (!text.empty() && (text.back() == suffix || text.back() == suffix - 'A' + 'a')) {
      shift = bits;
      text.remove_suffix(1);
      break;
    }
  const auto number =
      parse_number<std::uint64_t>(text, 0, std::numeric_limits<std::uint64_t>::max() >> shift);
  if (!number)
    return fail(ErrorKind::usage,
                quoted(whole) + " is not a size (65536, 512K, 64M, 1G; 0 is no limit)");
  return *number << shift;
}

Result<std::uint32_t> parse_mode(std::string_view text) {
  constexpr std::uint32_t most = 07777;
  constexpr std::size_t most_digits = 5;  // and one of them is the 0 that some write first
  std::uint32_t mode = 0;
  const char *const last = text.data() + text.size();
  const auto [end, problem] = std::from_chars(text.data(), last, mode, 8);
  if (problem != std::errc() || end != last || text.size() > most_digits || mode > most)
    return fail(ErrorKind::usage, quoted(text) + " is not a mode: octal digits up to 7777 are");
  return mode;
}

std::string shown(std::string_view text) {
  constexpr std::size_t longest = 48;
  std::string result(text.substr(0, longest));
  // Above ASCII there are control characters too (U+009B, and in many terminals the bare byte), and halves of others.
  for (char &byte : result)
    if (byte < 0x20 || byte > 0x7e) byte = '?';
  if (text.size() > longest) result += "...";
  return result;
}

std::string quoted(std::string_view text) { return "'" + shown(text) + "'"; }

std::string did_you_mean(std::string_view word, const std::vector<std::string> &candidates,
                         std::string_view prefix) {
  const auto near = core::nearest(word, candidates);
  return near ? fmt::format("; did you mean {}{}?", prefix, *near) : "";
}

std::string enumerated(const std::vector<std::string> &words, std::string_view conjunction) {
  std::string text;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (i > 0) text += i + 1 < words.size() ? ", " : fmt::format(" {} ", conjunction);
    text += words[i];
  }
  return text;
}

}  // namespace fanout::cli
