// REMOTE of put, as it is sent. Pure.
#pragma once

#include <string>
#include <string_view>

#include "fanout/core/result.hpp"

namespace fanout::worker {

// Without trailing slashes (but "/" itself), and without "~/", which is where a relative path begins anyway.
// ErrorKind::usage for an empty one, for "~name", and for one with a NUL.
core::Result<std::string> path_of_remote(std::string_view remote);

}  // namespace fanout::worker
