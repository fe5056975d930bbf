// The hosts of an earlier run, as this one is to see them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "data.hpp"
#include "evaluate.hpp"
#include "fanout/core/host.hpp"
#include "fanout/core/selection.hpp"

namespace fanout::inventory {

// In their order. A host that the inventory has is only named, so that its settings are those of the inventory; one that it
// has not keeps the user and the port that it had, where `overrides` do not say others. ErrorKind::usage: a name, address or
// user that is none, or an address that only an inventory can have given and none gives any more.
core::Result<TargetSet> targets_of(const std::vector<core::NamedHost> &hosts,
                                   const InventoryData &data, const core::HostSettings &overrides);

// "is unreached", "has failed", ...
std::string_view describe(core::Rerun what);

}  // namespace fanout::inventory
