// The values that options take, as text and as what they mean. Errors name the text; the caller adds the option.
#pragma once

#include <charconv>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "fanout/core/masking.hpp"
#include "fanout/core/nearest.hpp"
#include "fanout/core/result.hpp"
#include "fanout/core/run_control.hpp"
#include "fanout/core/selection.hpp"

namespace fanout::cli {

// The text as it may stand in a message: shortened, with a ? for each byte that is not printable ASCII, so that it
// neither breaks the line nor controls a terminal; and that in quotes.
std::string shown(std::string_view text);
std::string quoted(std::string_view text);

// More than this are no hosts of anybody's.
inline constexpr std::uint32_t most_hosts = 1'000'000;

// Decimal digits alone: no sign, no space, no unit.
template <class T>
core::Result<T> parse_number(std::string_view text, T least, T most) {
  T number = 0;
  const char *const last = text.data() + text.size();
  const auto [end, problem] = std::from_chars(text.data(), last, number);
  if (problem != std::errc() || end != last || number < least || number > most)
    return core::fail(core::ErrorKind::usage,
                      fmt::format("{} is not a number from {} to {}", quoted(text), least, most));
  return number;
}

// Bytes, or with K, M or G the binary multiple of them.
core::Result<std::uint64_t> parse_size(std::string_view text);

// The mode of a file as chmod(1) takes it in digits, up to 7777.
core::Result<std::uint32_t> parse_mode(std::string_view text);

// "0%" to "100%", with up to two decimals, as hundredths of a percent. The sign is part of it: 50 could mean 50 hosts.
core::Result<std::uint32_t> parse_share(std::string_view text);

// "50", a number of hosts, or "12.5%", a share of them; not none.
core::Result<core::Quantity> parse_quantity(std::string_view text);

// "1,10%,50%".
core::Result<std::vector<core::Quantity>> parse_batches(std::string_view text);

// "fifo", "random:7".
struct OrderChoice {
  core::Order order = core::Order::fifo;
  std::optional<std::uint64_t> seed;
};
core::Result<OrderChoice> parse_order(std::string_view text);

// "failed:run.jsonl".
core::Result<core::RerunOf> parse_rerun(std::string_view text);

// "host,ip,number".
core::Result<core::Masking> parse_masking(std::string_view text);

// "2/8", "auto", "auto/8".
core::Result<core::Shard> parse_shard(std::string_view text);

// "; did you mean WORD?", or nothing when no candidate is near.
std::string did_you_mean(std::string_view word, const std::vector<std::string> &candidates,
                         std::string_view prefix = "");

// With a blank between each two.
std::string joined(const std::vector<std::string> &words);

// "a", "a or b", "a, b or c".
std::string enumerated(const std::vector<std::string> &words, std::string_view conjunction);

// One of several words.
template <class T>
core::Result<T> parse_word(std::string_view text,
                           std::initializer_list<std::pair<std::string_view, T>> words) {
  std::vector<std::string> known;
  for (const auto &[word, value] : words) {
    if (word == text) return value;
    known.emplace_back(word);
  }
  return core::fail(core::ErrorKind::usage,
                    fmt::format("{} is not {}{}", quoted(text), enumerated(known, "or"),
                                did_you_mean(text, known)));
}

}  // namespace fanout::cli
