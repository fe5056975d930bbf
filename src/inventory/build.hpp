// Looks up the names of a draft: which members are groups, which hosts each group comes to, and whether it all makes sense.
#pragma once

#include <memory>

#include "data.hpp"
#include "draft.hpp"
#include "fanout/core/result.hpp"

namespace fanout::inventory {

core::Result<std::unique_ptr<InventoryData>> build(Draft draft);

}  // namespace fanout::inventory
