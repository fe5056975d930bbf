// Hosts that are not ok, by status, and with one status those together that failed alike. Pure.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "fanout/core/host.hpp"
#include "fanout/core/outcome.hpp"

namespace fanout::report {

struct FailureGroup {
  core::Status status = core::Status::failed;
  std::vector<core::HostIndex> hosts;
  // What all of them say, or what is the same in it: not safe for a terminal.
  std::string cause;
};

// What the user's own command did comes first, what never happened last; with one status the largest group, then the one
// whose first host was selected first. Linear in the number of hosts.
std::vector<FailureGroup> group_failures(std::span<const core::Host> hosts,
                                         std::span<const core::Outcome> outcomes);

}  // namespace fanout::report
