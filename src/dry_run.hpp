// What --dry-run prints: what a run would do, to whom and in which order.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "fanout/cli/options.hpp"
#include "fanout/console/output.hpp"
#include "fanout/core/host.hpp"
#include "fanout/core/result.hpp"

namespace fanout {

// `hosts` are those of the run, with their settings merged. `seed` is what a random order that has none is
// drawn from. Pure; lines of text whose names and commands are as they were given.
std::string describe_plan(const cli::Options &options, const std::vector<core::Host> &hosts,
                          std::size_t parallel, std::uint64_t seed);

// To standard output, made safe if that is a terminal. Contacts nobody, reads no key and none of the files to be copied.
core::Result<void> print_plan(const cli::Options &options, const std::vector<core::Host> &hosts,
                              console::Output &output);

}  // namespace fanout
