// Which share of a selection is ours, where the environment says it: --shard auto.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "fanout/core/result.hpp"
#include "fanout/core/selection.hpp"

namespace fanout::inventory {

// The value of a variable; nothing when it is not set.
using Environment = std::function<std::optional<std::string>(const std::string &name)>;

// Says what is 0 in `shard`: by the variables of Slurm for the task of an array and for the process of a step, which are
// counted together if there is more than one of each, else by those of a Kubernetes Job with indexes. Where `shard` has a
// count, Slurm's must be the same. Errors are ErrorKind::usage. Pure.
core::Result<core::Shard> resolve_shard(core::Shard shard, const Environment &environment);

}  // namespace fanout::inventory
