// A line is what stands up to and including a newline, so that a last line without one is another line than the same with
// one. What ends lines elsewhere (\r\n) is part of them.

#include "unified_diff.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace fanout::report {

using core::Result;
using Lines = std::vector<std::string_view>;

namespace {

constexpr std::size_t context = 3;

Lines split(std::string_view text) {
  Lines lines;
  while (!text.empty()) {
    const std::size_t size = std::min(text.find('\n'), text.size() - 1) + 1;
    lines.push_back(text.substr(0, size));
    text.remove_prefix(size);
  }
  return lines;
}

// Lines of both texts: from `a` and `b` on, up to these ends.
struct Hunk {
  std::size_t a = 0;
  std::size_t b = 0;
  std::size_t a_end = 0;
  std::size_t b_end = 0;
};

class Printer {
public:
  Printer(const Lines &a, const Lines &b, const LineChanges &changes, const TakeDiffLine &take)
      : a_(a), b_(b), changes_(changes), take_(take) {}

  Result<void> print() {
    std::size_t a = 0;
    std::size_t b = 0;
    while (skip_same(a, b)) {
      Hunk hunk = begin_hunk(a, b);
      // Changes with up to twice the context between them share a hunk.
      for (;;) {
        skip_changes(a, b);
        hunk.a_end = a;
        hunk.b_end = b;
        if (!skip_same(a, b) || a - hunk.a_end > 2 * context) break;
      }
      const std::size_t after = std::min(context, a_.size() - hunk.a_end);
      hunk.a_end += after;
      hunk.b_end += after;
      TRY(print_hunk(hunk));
    }
    return {};
  }

private:
  [[nodiscard]] bool is_removed(std::size_t a) const {
    return a < a_.size() && changes_.removed[a];
  }
  [[nodiscard]] bool is_added(std::size_t b) const { return b < b_.size() && changes_.added[b]; }

  // To the next change; false if there is none.
  bool skip_same(std::size_t &a, std::size_t &b) const {
    while (a < a_.size() && b < b_.size() && !changes_.removed[a] && !changes_.added[b]) {
      ++a;
      ++b;
    }
    return a < a_.size() || b < b_.size();
  }
  void skip_changes(std::size_t &a, std::size_t &b) const {
    while (is_removed(a)) ++a;
    while (is_added(b)) ++b;
  }
  static Hunk begin_hunk(std::size_t a, std::size_t b) {
    const std::size_t before = std::min({context, a, b});
    return {a - before, b - before, 0, 0};
  }

  Result<void> print_hunk(const Hunk &hunk) {
    line_ = fmt::format("@@ -{} +{} @@", range(hunk.a, hunk.a_end), range(hunk.b, hunk.b_end));
    TRY(take_({DiffLine::Kind::place, line_}));
    std::size_t a = hunk.a;
    std::size_t b = hunk.b;
    while (a < hunk.a_end || b < hunk.b_end) {
      for (; is_removed(a); ++a) TRY(print_line(DiffLine::Kind::removed, '-', a_[a]));
      for (; is_added(b); ++b) TRY(print_line(DiffLine::Kind::added, '+', b_[b]));
      for (; a < hunk.a_end && !changes_.removed[a] && !is_added(b); ++a, ++b)
        TRY(print_line(DiffLine::Kind::same, ' ', a_[a]));
    }
    return {};
  }

  Result<void> print_line(DiffLine::Kind kind, char sign, std::string_view line) {
    const bool is_whole = line.ends_with('\n');
    line_ = sign;
    line_ += line.substr(0, line.size() - (is_whole ? 1 : 0));
    TRY(take_({kind, line_}));
    if (is_whole) return {};
    return take_({DiffLine::Kind::remark, "\\ No newline at end of file"});
  }

  // Lines count from 1; no lines stand behind the one before them.
  static std::string range(std::size_t begin, std::size_t end) {
    const std::size_t count = end - begin;
    if (count == 1) return fmt::format("{}", begin + 1);
    return fmt::format("{},{}", count == 0 ? begin : begin + 1, count);
  }

  const Lines &a_;
  const Lines &b_;
  const LineChanges &changes_;
  const TakeDiffLine &take_;
  std::string line_;
};

}  // namespace

bool can_be_diffed(std::string_view text) {
  return text.size() <= longest_diffed_text && text.find('\0') == std::string_view::npos &&
         static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n')) <= most_diffed_lines;
}

DiffBase::DiffBase(std::string text)
    : text_(std::move(text)), lines_(split(text_)), different_(lines_) {
  std::sort(different_.begin(), different_.end());
  different_.erase(std::unique(different_.begin(), different_.end()), different_.end());
  ids_ = number(lines_);
}

// By their places in the sorted lines of the base. A hash table would be faster with texts that were not made to fill one of
// its buckets.
std::vector<LineId> DiffBase::number(const Lines &lines) const {
  std::vector<LineId> ids;
  ids.reserve(lines.size());
  for (const std::string_view line : lines) {
    const auto place = std::lower_bound(different_.begin(), different_.end(), line);
    const bool is_known = place != different_.end() && *place == line;
    // All that the base does not have may be one: it is compared with the lines of the base only.
    ids.push_back(static_cast<LineId>((is_known ? place : different_.end()) - different_.begin()));
  }
  return ids;
}

Result<void> DiffBase::compare(std::string_view other, const TakeDiffLine &take) {
  const Lines others = split(other);
  const std::uint64_t work = std::min(diff_work, work_left_);
  const LineChanges changes = compare_lines(ids_, number(others), work);
  work_left_ -= work - changes.work_left;
  return Printer(lines_, others, changes, take).print();
}

}  // namespace fanout::report
