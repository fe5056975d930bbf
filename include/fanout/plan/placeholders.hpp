// {host}, {address}, {port}, {user}, {index} and {count} in COMMAND.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "fanout/core/host.hpp"

namespace fanout::plan {

// `command` with every placeholder replaced by its value, quoted for a POSIX shell; "{{" becomes "{". Braces around
// anything else stay as they are, so that awk '{print $1}' and ${HOME} mean what they say. `index` counts from 0.
std::string fill_placeholders(std::string_view command, const core::Host &host, std::size_t index,
                              std::size_t count);

// Single quotes where the text needs them.
std::string quote_for_shell(std::string_view text);

}  // namespace fanout::plan
