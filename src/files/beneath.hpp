// Paths beneath a folder that is held open. No name on the way is ever followed to somewhere else (openat2(2)), and what
// was opened is asked, not its name: between two calls anybody may put another thing in its place.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <string>

#include "fanout/sys/fd.hpp"

namespace fanout::files {

// Closed and errno set when it fails: ELOOP for a symbolic link anywhere on the way, EXDEV for what leads out. `flags` are
// those of open(2), O_CLOEXEC is added.
sys::UniqueFd open_beneath(int folder, const std::string &path, std::uint64_t flags,
                           std::uint64_t mode = 0);

// fstat(2) by that very call: what libc makes of it in newer versions takes paths, and a filter cannot allow that.
int status_of(int fd, struct stat &status);

}  // namespace fanout::files
