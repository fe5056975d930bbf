// What one host has printed, as lines of a terminal of any width that can be scrolled. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace fanout::report {

class LivePane {
public:
  // `text` comes after so many bytes that there are no longer, and is wrapped to so many columns.
  void set_text(std::uint64_t missing_bytes, std::string_view text, std::size_t columns);

  // The lines in sight when there is room for so many: the last, until it was scrolled.
  struct Line {
    std::uint64_t at = 0;  // in all that the host has printed
    std::string text;      // safe for a terminal
  };
  [[nodiscard]] std::span<const Line> in_sight(std::size_t lines) const;
  [[nodiscard]] bool follows() const { return !top_at_; }

  // By so many lines, upwards if negative. What arrives while it does not stand at the end moves nothing.
  void scroll(std::ptrdiff_t by, std::size_t lines);

private:
  void wrap(std::string_view line, std::uint64_t at, std::size_t columns);
  [[nodiscard]] std::size_t top(std::size_t lines) const;

  std::vector<Line> lines_;
  std::optional<std::uint64_t> top_at_;  // the line that stands first; none: it follows the end
};

}  // namespace fanout::report
