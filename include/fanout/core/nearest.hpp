// "did you mean": the known word nearest to one that is not known.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace fanout::core {

// The candidate with the smallest edit distance (transposition counts one), if it is near enough to be a slip of the
// finger: at most a third of the word's length, at least one. Ties go to the first.
std::optional<std::string> nearest(std::string_view word,
                                   const std::vector<std::string> &candidates);

}  // namespace fanout::core
