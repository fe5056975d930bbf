// What every command that contacts hosts does with the spawner before its first worker.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "dispatch.hpp"
#include "fanout/cli/options.hpp"
#include "fanout/console/lock.hpp"
#include "fanout/console/output.hpp"
#include "fanout/core/result.hpp"
#include "fanout/pool/pool.hpp"
#include "fanout/pool/spawner.hpp"
#include "fanout/worker/worker.hpp"

namespace fanout {

// In what way this run is less protected than it could be; empty when in none.
std::string sandbox_remark(sandbox::Mode mode);

// Lets the spawner build the sandbox and warm up while the caller reads on. Returns an exit code, with a message on
// stderr, when there can be no workers: the spawner is gone, or --sandbox require asks for more than the kernel has.
std::optional<int> begin_workers(const cli::Options &options, pool::Spawner &spawner,
                                 console::Output &output, core::TaskKind task,
                                 bool compares = false);

// The last step before the first host is contacted. Blocks until the spawner is ready; the pool uses it for as long as it
// lives. From then on `lock` is not seen by new children, and signals wake the pool and free a write that hangs.
core::Result<pool::Pool> make_pool(pool::Spawner &spawner, std::size_t max_workers,
                                   console::Lock &lock, console::Output &output,
                                   const Signals &signals);

// In a worker: which of the descriptors that its job handed down and lent is which. The first is its slot at the key
// holder, the rest are of what it copies; of `fanout trust` there are none.
worker::Channels channels_of(sys::UniqueFd link, std::vector<sys::UniqueFd> handed_down);

}  // namespace fanout
