// Which lines of two texts have no counterpart in the other one. Lines are numbers here: equal lines have equal ones. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace fanout::report {

using LineId = std::uint32_t;

struct LineChanges {
  // For each line of either text. What is left of both is the same.
  std::vector<bool> removed;
  std::vector<bool> added;
  std::uint64_t work_left = 0;
};

// As few changes as can be found with about `work` steps; with fewer the result is correct still, and longer.
inline constexpr std::uint64_t diff_work = 50'000'000;
LineChanges compare_lines(std::span<const LineId> a, std::span<const LineId> b,
                          std::uint64_t work = diff_work);

}  // namespace fanout::report
