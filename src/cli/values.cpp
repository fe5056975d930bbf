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

Result<std::uint32_t> parse_share(std::string_view text) {
  const auto refuse = [whole = text] {
    return fail(ErrorKind::usage, quoted(whole) + " is not a share (80%, 99.5%; at most 100%)");
  };
  if (!text.ends_with('%')) return refuse();
  text.remove_suffix(1);
  const auto point = text.find('.');
  const auto percent = parse_number<std::uint32_t>(text.substr(0, point), 0, 100);
  if (!percent) return refuse();
  std::uint32_t share = *percent * 100;
  if (point != std::string_view::npos) {
    const std::string_view decimals = text.substr(point + 1);
    const auto fraction = parse_number<std::uint32_t>(decimals, 0, 99);
    if (!fraction || decimals.size() > 2) return refuse();
    share += decimals.size() == 1 ? *fraction * 10 : *fraction;
  }
  if (share > core::whole_share) return refuse();
  return share;
}

Result<core::Quantity> parse_quantity(std::string_view text) {
  if (const auto number = parse_number<std::uint32_t>(text, 1, most_hosts))
    return core::Quantity{*number, false};
  if (const auto share = parse_share(text); share && *share > 0)
    return core::Quantity{*share, true};
  return fail(ErrorKind::usage,
              fmt::format("{} is neither a number of hosts from 1 to {} nor a share of them above "
                          "0% (10%, 12.5%; at most 100%)",
                          quoted(text), most_hosts));
}

Result<std::vector<core::Quantity>> parse_batches(std::string_view text) {
  constexpr std::size_t most = 64;
  std::vector<core::Quantity> batches;
  for (std::size_t from = 0; from <= text.size();) {
    const std::size_t comma = std::min(text.find(',', from), text.size());
    if (batches.size() == most)
      return fail(ErrorKind::usage,
                  fmt::format("more than {} sizes are given; the last one repeats", most));
    TRY_ASSIGN(const core::Quantity size, parse_quantity(text.substr(from, comma - from)));
    batches.push_back(size);
    from = comma + 1;
  }
  return batches;
}

Result<core::Masking> parse_masking(std::string_view text) {
  core::Masking masking;
  for (std::size_t from = 0; from <= text.size();) {
    const std::size_t comma = std::min(text.find(',', from), text.size());
    TRY_ASSIGN(bool core::Masking::*const word,
               parse_word<bool core::Masking::*>(text.substr(from, comma - from),
                                                 {{"host", &core::Masking::host},
                                                  {"ip", &core::Masking::ip},
                                                  {"number", &core::Masking::number}}));
    masking.*word = true;
    from = comma + 1;
  }
  return masking;
}

Result<OrderChoice> parse_order(std::string_view text) {
  constexpr std::string_view with_seed = "random:";
  if (text.starts_with(with_seed)) {
    TRY_ASSIGN(const auto seed,
               parse_number<std::uint64_t>(text.substr(with_seed.size()), 0,
                                           std::numeric_limits<std::uint64_t>::max()));
    return OrderChoice{core::Order::random, seed};
  }
  TRY_ASSIGN(const auto order, parse_word<core::Order>(text, {{"fifo", core::Order::fifo},
                                                              {"lifo", core::Order::lifo},
                                                              {"priority", core::Order::priority},
                                                              {"random", core::Order::random}}));
  return OrderChoice{order, std::nullopt};
}

Result<core::RerunOf> parse_rerun(std::string_view text) {
  // The first colon: file names may hold others.
  const auto colon = text.find(':');
  if (colon == std::string_view::npos || colon + 1 == text.size())
    return fail(ErrorKind::usage, quoted(text) + " is not WHAT:JOURNAL, as in failed:run.jsonl");
  TRY_ASSIGN(const auto what, parse_word<core::Rerun>(text.substr(0, colon),
                                                      {{"failed", core::Rerun::failed},
                                                       {"unreached", core::Rerun::unreached},
                                                       {"unfinished", core::Rerun::unfinished},
                                                       {"not-ok", core::Rerun::not_ok}}));
  return core::RerunOf{what, std::string(text.substr(colon + 1))};
}

Result<core::Shard> parse_shard(std::string_view text) {
  if (text == "auto") return core::Shard{};
  const auto slash = text.find('/');
  const std::string_view index = text.substr(0, slash);
  if (slash != std::string_view::npos)
    if (const auto count = parse_number<std::uint32_t>(text.substr(slash + 1), 1, most_hosts)) {
      if (index == "auto") return core::Shard{0, *count};
      if (const auto number = parse_number<std::uint32_t>(index, 1, *count))
        return core::Shard{*number, *count};
    }
  return fail(ErrorKind::usage,
              fmt::format("{} is not K/N with K from 1 to N and N at most {}, nor auto or auto/N",
                          quoted(text), most_hosts));
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

std::string joined(const std::vector<std::string> &words) {
  std::string text;
  for (const std::string &word : words) {
    if (&word != &words.front()) text += ' ';
    text += word;
  }
  return text;
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
