// The key holder's own program.
#pragma once

#include "fanout/keys/holder.hpp"
#include "fanout/sys/fd.hpp"

namespace fanout::keys {

// Runs in the forked child until the control socket ends; returns its exit status.
int run_holder(sys::UniqueFd control, const HolderOptions &options);

}  // namespace fanout::keys
