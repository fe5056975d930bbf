// What this process may use, and how to ask for more.
#pragma once

#include <cstdint>

#include "fanout/core/result.hpp"

namespace fanout::sys {

// Raises the soft limit of open files towards `wanted`, at most to possible_open_files(); returns what it is now.
std::uint64_t raise_open_file_limit(std::uint64_t wanted);
// The hard limit; for a process that may do so (CAP_SYS_RESOURCE) it is first raised to what the system has (proc(5),
// /proc/sys/fs/nr_open).
std::uint64_t possible_open_files();

std::uint64_t open_file_limit();
std::uint64_t
process_limit();  // RLIMIT_NPROC, soft; UINT64_MAX when unlimited or when root, whom it does not bind

}  // namespace fanout::sys
