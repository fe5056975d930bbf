// What differs between two texts, as diff -u prints it: hunks with three lines of context. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "fanout/core/result.hpp"
#include "line_diff.hpp"

namespace fanout::report {

// What is not compared line by line: it is no text, or so much that the comparison would take too long.
inline constexpr std::size_t longest_diffed_text = std::size_t{16} << 20;
inline constexpr std::size_t most_diffed_lines = std::size_t{1} << 20;
bool can_be_diffed(std::string_view text);

struct DiffLine {
  enum class Kind : std::uint8_t { place, same, removed, added, remark };
  Kind kind;
  std::string_view text;  // with the sign before it, without a newline; valid during the call
};
using TakeDiffLine = std::function<core::Result<void>(const DiffLine &)>;

// A text that others are compared with, one after the other.
class DiffBase {
public:
  explicit DiffBase(std::string text);
  DiffBase(const DiffBase &) = delete;
  DiffBase &operator=(const DiffBase &) = delete;

  [[nodiscard]] std::string_view text() const { return text_; }
  // No line at all if they are equal. The first error of `take` ends it. The work on all comparisons together is bounded:
  // where it is used up, what comes is correct, and longer.
  core::Result<void> compare(std::string_view other, const TakeDiffLine &take);

private:
  [[nodiscard]] std::vector<LineId> number(const std::vector<std::string_view> &lines) const;

  std::string text_;
  std::vector<std::string_view> lines_;
  std::vector<std::string_view> different_;  // each of them once, sorted
  std::vector<LineId> ids_;
  std::uint64_t work_left_ = 20 * diff_work;
};

}  // namespace fanout::report
