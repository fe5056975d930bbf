// Myers, "An O(ND) Difference Algorithm and Its Variations" (1986), in linear space: the middle of a shortest way from the
// beginning of both texts to their ends is looked for from both sides, and then the same in the two parts that it makes.
//
// What is hard: the texts come from hosts, and two that are made for it would take hours. So lines that the other text does
// not have at all are put aside first, which costs nothing of the result; a search that takes long goes on from the furthest
// point that it has come to; and all steps are counted. Where there are none left, a part is taken to be replaced as a whole.

#include "line_diff.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <optional>
#include <utility>

namespace fanout::report {

namespace {

using Index = std::ptrdiff_t;

// Of both texts, from here up to there.
struct Box {
  Index a_begin;
  Index a_end;
  Index b_begin;
  Index b_end;

  [[nodiscard]] Index width() const { return a_end - a_begin; }
  [[nodiscard]] Index height() const { return b_end - b_begin; }
};

struct Point {
  Index a;
  Index b;
};

// What no way leads to without leaving the box.
constexpr Index nowhere_forward = std::numeric_limits<Index>::min() / 2;
constexpr Index nowhere_backward = std::numeric_limits<Index>::max() / 2;

// After so many changes from either side the middle is not looked for any longer.
constexpr Index fewest_changes_at_most = 256;

class Search {
public:
  Search(std::span<const LineId> a, std::span<const LineId> b, std::uint64_t work)
      : a_(a), b_(b), work_(work), a_changed_(a.size()), b_changed_(b.size()) {
    const std::size_t diagonals = a.size() + b.size() + 3;
    forward_.resize(diagonals);
    backward_.resize(diagonals);
    offset_ = static_cast<Index>(b.size()) + 1;
    most_changes_ = std::max(fewest_changes_at_most,
                             static_cast<Index>(std::sqrt(static_cast<double>(diagonals))));
  }

  void run() {
    std::vector<Box> boxes{{0, static_cast<Index>(a_.size()), 0, static_cast<Index>(b_.size())}};
    while (!boxes.empty()) {
      Box box = boxes.back();
      boxes.pop_back();
      trim(box);
      if (box.width() == 0 || box.height() == 0) {
        mark(box);
        continue;
      }
      const std::optional<Point> middle = find_middle(box);
      if (!middle) {
        mark(box);
        continue;
      }
      boxes.push_back({box.a_begin, middle->a, box.b_begin, middle->b});
      boxes.push_back({middle->a, box.a_end, middle->b, box.b_end});
    }
  }

  [[nodiscard]] std::uint64_t work_left() const { return work_; }
  [[nodiscard]] bool a_changed(std::size_t line) const { return a_changed_[line]; }
  [[nodiscard]] bool b_changed(std::size_t line) const { return b_changed_[line]; }

private:
  [[nodiscard]] bool equal(Index a, Index b) const {
    return a_[static_cast<std::size_t>(a)] == b_[static_cast<std::size_t>(b)];
  }
  // How far along `a` one can get on this diagonal, which is a - b.
  Index &forward(Index diagonal) { return forward_[static_cast<std::size_t>(diagonal + offset_)]; }
  Index &backward(Index diagonal) {
    return backward_[static_cast<std::size_t>(diagonal + offset_)];
  }

  void trim(Box &box) const {
    while (box.width() > 0 && box.height() > 0 && equal(box.a_begin, box.b_begin)) {
      ++box.a_begin;
      ++box.b_begin;
    }
    while (box.width() > 0 && box.height() > 0 && equal(box.a_end - 1, box.b_end - 1)) {
      --box.a_end;
      --box.b_end;
    }
  }

  void mark(const Box &box) {
    std::fill(a_changed_.begin() + box.a_begin, a_changed_.begin() + box.a_end, true);
    std::fill(b_changed_.begin() + box.b_begin, b_changed_.begin() + box.b_end, true);
  }

  bool spend(std::uint64_t steps) {
    if (work_ < steps) {
      work_ = 0;
      return false;
    }
    work_ -= steps;
    return true;
  }

  // The diagonals that can be reached with so many changes and lie within the box.
  struct Reach {
    Index lowest;
    Index highest;

    [[nodiscard]] bool has(Index diagonal) const {
      return diagonal >= lowest && diagonal <= highest;
    }
  };
  static Reach reach(Index middle, Index changes, const Box &box) {
    Index lowest = middle - changes;
    Index highest = middle + changes;
    const Index first = box.a_begin - box.b_end;
    const Index last = box.a_end - box.b_begin;
    // Every second one is used.
    if (lowest < first) lowest = first + ((first - lowest) & 1);
    if (highest > last) highest = last - ((highest - last) & 1);
    return {lowest, highest};
  }

  // A point of a shortest way that is neither end of the box, which begins and ends with lines that differ; nothing when
  // there is no work left.
  std::optional<Point> find_middle(const Box &box) {
    const Index start = box.a_begin - box.b_begin;
    const Index goal = box.a_end - box.b_end;
    const bool is_odd = ((goal - start) & 1) != 0;
    forward(start) = box.a_begin;
    backward(goal) = box.a_end;
    for (Index changes = 1;; ++changes) {
      if (!spend(2 * static_cast<std::uint64_t>(changes) + 2)) return std::nullopt;
      if (const auto met = go_forward(box, start, goal, changes, is_odd)) return met;
      if (const auto met = go_backward(box, start, goal, changes, !is_odd)) return met;
      if (changes == most_changes_) return furthest(reach(start, changes, box));
    }
  }

  // Forward, with the lines of both texts counted.
  Point furthest(Reach here) {
    Point best{0, 0};
    Index best_sum = nowhere_forward;
    for (Index diagonal = here.lowest; diagonal <= here.highest; diagonal += 2) {
      const Index a = forward(diagonal);
      if (a == nowhere_forward || 2 * a - diagonal <= best_sum) continue;
      best = {a, a - diagonal};
      best_sum = 2 * a - diagonal;
    }
    return best;
  }

  std::optional<Point> go_forward(const Box &box, Index start, Index goal, Index changes,
                                  bool can_meet) {
    const Reach before = reach(start, changes - 1, box);
    const Reach here = reach(start, changes, box);
    const Reach other = reach(goal, changes - 1, box);
    for (Index diagonal = here.lowest; diagonal <= here.highest; diagonal += 2) {
      Index a = nowhere_forward;
      if (before.has(diagonal - 1) && forward(diagonal - 1) < box.a_end)
        a = std::max(a, forward(diagonal - 1) + 1);
      if (before.has(diagonal + 1) && forward(diagonal + 1) - diagonal <= box.b_end)
        a = std::max(a, forward(diagonal + 1));
      if (a < box.a_begin) {
        forward(diagonal) = nowhere_forward;
        continue;
      }
      const Index from = a;
      while (a < box.a_end && a - diagonal < box.b_end && equal(a, a - diagonal)) ++a;
      if (!spend(static_cast<std::uint64_t>(a - from))) return std::nullopt;
      forward(diagonal) = a;
      if (can_meet && other.has(diagonal) && backward(diagonal) <= a) return Point{a, a - diagonal};
    }
    return std::nullopt;
  }

  std::optional<Point> go_backward(const Box &box, Index start, Index goal, Index changes,
                                   bool can_meet) {
    const Reach before = reach(goal, changes - 1, box);
    const Reach here = reach(goal, changes, box);
    const Reach other = reach(start, changes, box);
    for (Index diagonal = here.lowest; diagonal <= here.highest; diagonal += 2) {
      Index a = nowhere_backward;
      if (before.has(diagonal - 1) && backward(diagonal - 1) - diagonal >= box.b_begin)
        a = std::min(a, backward(diagonal - 1));
      if (before.has(diagonal + 1) && backward(diagonal + 1) > box.a_begin)
        a = std::min(a, backward(diagonal + 1) - 1);
      if (a > box.a_end) {
        backward(diagonal) = nowhere_backward;
        continue;
      }
      const Index from = a;
      while (a > box.a_begin && a - diagonal > box.b_begin && equal(a - 1, a - 1 - diagonal)) --a;
      if (!spend(static_cast<std::uint64_t>(from - a))) return std::nullopt;
      backward(diagonal) = a;
      if (can_meet && other.has(diagonal) && forward(diagonal) >= a) return Point{a, a - diagonal};
    }
    return std::nullopt;
  }

  std::span<const LineId> a_;
  std::span<const LineId> b_;
  std::uint64_t work_;
  std::vector<bool> a_changed_;
  std::vector<bool> b_changed_;
  std::vector<Index> forward_;
  std::vector<Index> backward_;
  Index offset_ = 0;
  Index most_changes_ = 0;
};

// The lines of one text that the other one has as well.
struct Shared {
  std::vector<LineId> lines;
  std::vector<std::size_t> places;
};

Shared shared_lines(std::span<const LineId> text, std::span<const LineId> other, LineId ids) {
  std::vector<bool> is_there(ids);
  for (const LineId line : other) is_there[line] = true;
  Shared shared;
  for (std::size_t place = 0; place < text.size(); ++place) {
    if (!is_there[text[place]]) continue;
    shared.lines.push_back(text[place]);
    shared.places.push_back(place);
  }
  return shared;
}

LineId count_ids(std::span<const LineId> a, std::span<const LineId> b) {
  LineId ids = 0;
  for (const LineId line : a) ids = std::max(ids, line + 1);
  for (const LineId line : b) ids = std::max(ids, line + 1);
  return ids;
}

}  // namespace

LineChanges compare_lines(std::span<const LineId> a, std::span<const LineId> b,
                          std::uint64_t work) {
  LineChanges changes{std::vector<bool>(a.size(), true), std::vector<bool>(b.size(), true), work};
  // Equal beginnings and ends are most of it, as a rule.
  std::size_t begin = 0;
  while (begin < std::min(a.size(), b.size()) && a[begin] == b[begin]) ++begin;
  std::size_t end = 0;
  while (end < std::min(a.size(), b.size()) - begin &&
         a[a.size() - 1 - end] == b[b.size() - 1 - end])
    ++end;
  for (std::size_t line = 0; line < begin; ++line)
    changes.removed[line] = changes.added[line] = false;
  for (std::size_t line = 1; line <= end; ++line)
    changes.removed[a.size() - line] = changes.added[b.size() - line] = false;
  const auto a_rest = a.subspan(begin, a.size() - begin - end);
  const auto b_rest = b.subspan(begin, b.size() - begin - end);

  const LineId ids = count_ids(a_rest, b_rest);
  const Shared in_a = shared_lines(a_rest, b_rest, ids);
  const Shared in_b = shared_lines(b_rest, a_rest, ids);
  Search search(in_a.lines, in_b.lines, work);
  search.run();
  changes.work_left = search.work_left();
  for (std::size_t line = 0; line < in_a.places.size(); ++line)
    changes.removed[begin + in_a.places[line]] = search.a_changed(line);
  for (std::size_t line = 0; line < in_b.places.size(); ++line)
    changes.added[begin + in_b.places[line]] = search.b_changed(line);
  return changes;
}

}  // namespace fanout::report
