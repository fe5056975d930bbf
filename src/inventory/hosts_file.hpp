// A hosts file: one `[user@]host[:port]` or pattern a line. Empty lines, `#` comments (at the beginning of a line or after a
// blank), CRLF, a byte order mark and a missing last newline are accepted.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "fanout/core/result.hpp"

namespace fanout::inventory {

// Calls `use` with what each line asks for, until it fails. Its error and those about the text itself have "FILE:LINE: "
// before them. Pure.
core::Result<void> for_each_line(std::string_view text, const std::string &file,
                                 const std::function<core::Result<void>(std::string_view)> &use);

}  // namespace fanout::inventory
