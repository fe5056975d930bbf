// What the journal of a run is told of it as a whole.
#pragma once

#include "fanout/cli/options.hpp"
#include "fanout/core/result.hpp"
#include "logins.hpp"

namespace fanout {

// The first line of this run in `prepared.journal`, which there must be.
core::Result<void> begin_journal(const cli::Options &options, Prepared &prepared);

}  // namespace fanout
