// An executable inventory.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>

#include "fanout/core/result.hpp"
#include "file.hpp"

namespace fanout::inventory {

struct ProgramLimits {
  std::chrono::milliseconds time{60'000};
  std::size_t output_bytes = most_file_bytes;
};

// Runs the file with --list and returns what it prints. Its standard input is the null device, its standard error ours, its
// folder and environment ours too. It is killed with all it has started (its process group) when it takes too long or
// prints too much. Blocks for at most `limits.time`. The caller is single-threaded. Errors are ErrorKind::usage.
//
// SIGINT, SIGTERM and SIGHUP end the program too, all of its group, and then fanout itself, by the same signal.
core::Result<std::string> run_inventory_program(const OpenedFile &file, ProgramLimits limits = {});

}  // namespace fanout::inventory
