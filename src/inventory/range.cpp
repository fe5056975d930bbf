// The texts are never held together: for_each() runs through them like the wheels of an odometer. Counting is a
// multiplication, so that a[1-999999999] can be refused before anything is made.
#include "fanout/inventory/range.hpp"

#include <array>
#include <charconv>
#include <limits>

#include <fmt/format.h>

#include "names.hpp"

namespace fanout::inventory {

namespace {

using core::ErrorKind;
using core::fail;
using core::Result;

// So that first + step cannot overflow.
constexpr std::size_t most_digits = 18;
constexpr std::uint64_t too_many = std::numeric_limits<std::uint64_t>::max();

std::uint64_t saturating_multiply(std::uint64_t a, std::uint64_t b) {
  std::uint64_t product = 0;
  return __builtin_mul_overflow(a, b, &product) ? too_many : product;
}

std::uint64_t saturating_add(std::uint64_t a, std::uint64_t b) {
  std::uint64_t sum = 0;
  return __builtin_add_overflow(a, b, &sum) ? too_many : sum;
}

Result<std::uint64_t> parse_number(std::string_view word, std::string_view digits) {
  if (digits.empty())
    return fail(ErrorKind::usage,
                fmt::format("{}: a number is missing in the brackets", in_quotes(word)));
  if (digits.find_first_not_of("0123456789") != std::string_view::npos)
    return fail(ErrorKind::usage,
                fmt::format("{}: {} is not a number", in_quotes(word), in_quotes(digits)));
  if (digits.size() > most_digits)
    return fail(ErrorKind::usage, fmt::format("{}: {} has more than {} digits", in_quotes(word),
                                              in_quotes(digits), most_digits));
  std::uint64_t number = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), number);
  return number;
}

bool has_leading_zero(std::string_view digits) {
  return digits.size() > 1 && digits.front() == '0';
}

}  // namespace

Result<RangedText::Range> RangedText::parse_range(std::string_view word, std::string_view text) {
  Range range;
  std::string_view step_text;
  if (const std::size_t slash = text.find('/'); slash != std::string_view::npos) {
    step_text = trimmed(text.substr(slash + 1));
    TRY_ASSIGN(range.step, parse_number(word, step_text));
    if (range.step == 0)
      return fail(ErrorKind::usage, fmt::format("{}: a step of 0", in_quotes(word)));
    text = text.substr(0, slash);
  }
  const std::size_t dash = text.find('-');
  const std::string_view first_text = trimmed(text.substr(0, dash));
  TRY_ASSIGN(range.first, parse_number(word, first_text));
  if (dash == std::string_view::npos) {
    if (!step_text.empty())
      return fail(ErrorKind::usage,
                  fmt::format("{}: a step needs a range, as in [0-100/10]", in_quotes(word)));
    range.last = range.first;
    range.width = first_text.size();
    return range;
  }

  const std::string_view last_text = trimmed(text.substr(dash + 1));
  TRY_ASSIGN(range.last, parse_number(word, last_text));
  if (range.last < range.first)
    return fail(ErrorKind::usage, fmt::format("{}: the range {}-{} runs backwards", in_quotes(word),
                                              first_text, last_text));
  if (has_leading_zero(first_text)) range.width = first_text.size();
  // 8-012 or 001-12: which of the two widths is meant cannot be known.
  if (last_text.size() < range.width ||
      (has_leading_zero(last_text) && last_text.size() != range.width))
    return fail(ErrorKind::usage, fmt::format("{}: {} and {} are padded differently",
                                              in_quotes(word), first_text, last_text));
  return range;
}

Result<std::vector<RangedText::Range>> RangedText::parse_bracket(std::string_view word,
                                                                 std::string_view text) {
  std::vector<Range> ranges;
  for (;;) {
    const std::size_t comma = text.find(',');
    TRY_ASSIGN(Range range, parse_range(word, trimmed(text.substr(0, comma))));
    ranges.push_back(range);
    if (comma == std::string_view::npos) return ranges;
    text.remove_prefix(comma + 1);
  }
}

Result<RangedText> RangedText::parse(std::string_view word) {
  const auto refuse = [&](std::string_view reason) {
    return fail(ErrorKind::usage, fmt::format("{}: {}", in_quotes(word), reason));
  };
  RangedText parsed;
  std::string literal;
  std::string_view rest = word;
  for (;;) {
    const std::size_t bracket = rest.find_first_of("[]");
    literal += rest.substr(0, bracket);
    if (bracket == std::string_view::npos) break;
    if (rest[bracket] == ']') return refuse("a ] without its [");
    rest.remove_prefix(bracket + 1);

    const std::size_t end = rest.find_first_of("[]");
    if (end == std::string_view::npos) return refuse("a [ without its ]");
    if (rest[end] == '[') return refuse("a bracket inside a bracket");
    const std::string_view inside = rest.substr(0, end);
    rest.remove_prefix(end + 1);
    if (inside.find(':') != std::string_view::npos) {
      literal.append("[").append(inside).append("]");
      continue;
    }
    if (trimmed(inside).empty()) return refuse("empty brackets");
    TRY_ASSIGN(std::vector<Range> ranges, parse_bracket(word, inside));
    parsed.pieces_.push_back({std::move(literal), std::move(ranges)});
    literal.clear();
  }
  if (!literal.empty() || parsed.pieces_.empty())
    parsed.pieces_.push_back({std::move(literal), {}});
  return parsed;
}

std::uint64_t RangedText::count() const {
  std::uint64_t product = 1;
  for (const Piece &piece : pieces_) {
    if (piece.ranges.empty()) continue;
    std::uint64_t sum = 0;
    for (const Range &range : piece.ranges)
      sum = saturating_add(sum, (range.last - range.first) / range.step + 1);
    product = saturating_multiply(product, sum);
  }
  return product;
}

void RangedText::for_each(const std::function<bool(std::string_view)> &use) const {
  struct Wheel {
    std::size_t range = 0;
    std::uint64_t number = 0;
  };
  std::vector<Wheel> wheels(pieces_.size());
  const auto rewind = [&](std::size_t i) {
    wheels[i] = {0, pieces_[i].ranges.empty() ? 0 : pieces_[i].ranges.front().first};
  };
  // Moves the wheel on; false when it has come round.
  const auto turn = [&](std::size_t i) {
    const std::vector<Range> &ranges = pieces_[i].ranges;
    if (ranges.empty()) return false;
    const Range &range = ranges[wheels[i].range];
    if (range.last - wheels[i].number >= range.step) {
      wheels[i].number += range.step;
      return true;
    }
    if (++wheels[i].range == ranges.size()) return false;
    wheels[i].number = ranges[wheels[i].range].first;
    return true;
  };

  for (std::size_t i = 0; i < wheels.size(); ++i) rewind(i);
  std::string text;
  for (;;) {
    text.clear();
    for (std::size_t i = 0; i < pieces_.size(); ++i) {
      text += pieces_[i].literal;
      if (pieces_[i].ranges.empty()) continue;
      std::array<char, 20> digits{};
      const char *end =
          std::to_chars(digits.data(), digits.data() + digits.size(), wheels[i].number).ptr;
      const auto length = static_cast<std::size_t>(end - digits.data());
      const std::size_t width = pieces_[i].ranges[wheels[i].range].width;
      if (length < width) text.append(width - length, '0');
      text.append(digits.data(), length);
    }
    if (!use(text)) return;

    std::size_t i = wheels.size();
    for (;;) {
      if (i == 0) return;
      --i;
      if (turn(i)) break;
      rewind(i);
    }
  }
}

}  // namespace fanout::inventory
