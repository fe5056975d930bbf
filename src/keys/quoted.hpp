// Text of somebody else inside one of our messages.
#pragma once

#include <string>
#include <string_view>

#include <fmt/format.h>

#include "fanout/console/sanitize.hpp"

namespace fanout::keys {

inline std::string quoted(std::string_view text) {
  return fmt::format("'{}'", console::safe_line(text.substr(0, 4096), 256));
}

}  // namespace fanout::keys
