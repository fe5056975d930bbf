// What JSON needs and a text of a host may not be: UTF-8 (RFC 8259, section 8.1). Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace fanout::report {

// Strict (RFC 3629): nothing overlong, no surrogates, nothing above U+10FFFF.
bool is_utf8(std::string_view text);

// Length of the longest beginning that does not end inside a character, if what it ends with is one at all.
std::size_t whole_characters(std::string_view text);

// "2026-01-31T12:00:00Z" (RFC 3339); nothing for a year that has not four digits.
std::optional<std::string> format_time(std::int64_t seconds_since_1970);

}  // namespace fanout::report
