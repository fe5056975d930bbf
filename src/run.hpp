// The commands, wired from the modules. Decide nothing themselves: the plan does, the pool does, the report does.
#pragma once

#include "fanout/cli/options.hpp"
#include "fanout/pool/spawner.hpp"

namespace fanout {

// Each returns the program's exit code and prints its own errors.
int run_exec(const cli::Options &options, pool::Spawner &spawner);
int run_put(const cli::Options &options, pool::Spawner &spawner);
int run_get(const cli::Options &options, pool::Spawner &spawner);
int run_trust(const cli::Options &options, pool::Spawner &spawner);
int run_hosts(const cli::Options &options);
int run_report(const cli::Options &options);

}  // namespace fanout
