// Text with numbers in brackets: `web[01-12]`, `r[1-4]n[1,3,7-9]`, `web[0-100/10]`.
//
// Zero padding is part of the name: [01-12] counts 01, 02, ... 12, and [08-100] counts 08, ... 99, 100. A bracket that
// holds a colon is an IPv6 address and stays as it is. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "fanout/core/result.hpp"

namespace fanout::inventory {

class RangedText {
public:
  // Takes time and memory in the length of `word`, whatever the ranges stand for. Errors are ErrorKind::usage and
  // name the word.
  static core::Result<RangedText> parse(std::string_view word);

  // How many texts for_each() makes; UINT64_MAX when there are more than that.
  [[nodiscard]] std::uint64_t count() const;

  // Calls `use` with each text, the last bracket counting fastest, until it returns false. The view is valid during the
  // call.
  void for_each(const std::function<bool(std::string_view)> &use) const;

private:
  struct Range {
    std::uint64_t first = 0;
    std::uint64_t last = 0;
    std::uint64_t step = 1;
    std::size_t width = 0;  // digits at least, with leading zeros
  };
  // `literal`, then one number out of `ranges`. Only the last piece may have no ranges.
  struct Piece {
    std::string literal;
    std::vector<Range> ranges;
  };
  static core::Result<Range> parse_range(std::string_view word, std::string_view text);
  static core::Result<std::vector<Range>> parse_bracket(std::string_view word,
                                                        std::string_view text);

  std::vector<Piece> pieces_;
};

}  // namespace fanout::inventory
