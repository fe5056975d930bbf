// How wide text is on a terminal. Pure: no locale, a short table of what is wide or has no width of its own.
#pragma once

#include <cstddef>
#include <string_view>

namespace fanout::console {

// Columns of one line of UTF-8 without control characters (see safe_line()). A byte that is not UTF-8 counts one.
std::size_t columns(std::string_view text);

// The longest beginning of `text` that is at most `max_columns` wide and ends between two characters.
std::string_view first_columns(std::string_view text, std::size_t max_columns);

}  // namespace fanout::console
