// Mode and time of what is open, and never by its name.
#pragma once

#include <cstdint>
#include <string_view>

#include "fanout/core/result.hpp"

namespace fanout::files {

// The permissions of `mode`; its other bits (set-user-id, set-group-id, sticky) are not asked for. ErrorKind::local.
core::Result<void> set_mode(int fd, std::uint32_t mode, std::string_view shown);

// Of modification, in seconds since 1970; that of access stays.
core::Result<void> set_time(int fd, std::int64_t mtime, std::string_view shown);

}  // namespace fanout::files
