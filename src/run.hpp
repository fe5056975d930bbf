// The commands, wired from the modules. Decides nothing itself: the plan does, the pool does, the report does.
#pragma once

#include "fanout/cli/options.hpp"

namespace fanout {

// Each returns the program's exit code and prints its own errors.
int run_exec(const cli::Options &options);
int run_hosts(const cli::Options &options);

}  // namespace fanout
