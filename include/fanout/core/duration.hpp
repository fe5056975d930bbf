// Durations as the user writes them: "500ms", "10s", "5m", "1h"; a bare number is seconds; 0 is none.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "fanout/core/result.hpp"

namespace fanout::core {

// Refuses signs, fractions, unknown units and more than 1,000,000 hours. The message names the text, not the option.
Result<std::chrono::milliseconds> parse_duration(std::string_view text);

// The shortest of the above forms that is exact: 90 s is "90s", 120 s is "2m", 1,500 ms is "1500ms".
std::string format_duration(std::chrono::milliseconds duration);

// For people: "0.4 s", "12 s", "3 min 20 s".
std::string describe_duration(std::chrono::milliseconds duration);

}  // namespace fanout::core
