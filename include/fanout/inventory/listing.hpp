// What `fanout hosts` prints. Pure; every text ends with a newline.
#pragma once

#include <span>
#include <string>

#include "fanout/core/host.hpp"
#include "fanout/inventory/selection.hpp"

namespace fanout::inventory {

// Names alone, which need no settings: merging those of a large inventory costs more than all the rest.
std::string format_fold(std::span<const Choice> choices);  // one folded line
std::string format_expand(
    std::span<const Choice> choices);  // one name a line, in order of selection
// JSON Lines: name, address, port, user, groups, tags, and if set priority, identities, jump, host_key, sudo,
// connect_timeout and timeout (seconds), "password": true. Never a secret.
std::string format_json(std::span<const core::Host> hosts);
// A paragraph a host: its name, then each setting with its value and where that comes from.
std::string format_effective(std::span<const Explanation> hosts);

}  // namespace fanout::inventory
