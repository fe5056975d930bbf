// hosts.ini to a draft: which sections are groups, which are hosts.
//
// A section with members, bare or as `name = name`, or with `hosts = PATTERN`, is a group; its settings apply to its
// members. A section with settings alone is a host. A section with nothing in it is a host if some group names it.
// [defaults] is for every host. Anything else is an error with file, line and the nearest known key.
#pragma once

#include <string>
#include <string_view>

#include "draft.hpp"
#include "fanout/core/result.hpp"

namespace fanout::inventory {

core::Result<Draft> parse_ini_draft(std::string_view text, const std::string &file);

}  // namespace fanout::inventory
