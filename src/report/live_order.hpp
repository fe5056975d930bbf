// In which order the live view has its hosts. Pure.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "fanout/core/deadline.hpp"
#include "fanout/core/host.hpp"

namespace fanout::report {

enum class LiveOrder : std::uint8_t {
  selection,
  state,    // those that run, furthest first; then failed, waiting, ok
  elapsed,  // longest first
  name,     // web2 before web10
};

LiveOrder next_order(LiveOrder order);
std::string_view to_string(LiveOrder order);

// -1, 0 or 1; digits are numbers.
int compare_naturally(std::string_view one, std::string_view other);

// What a host is sorted by: the smaller first, then the order of the selection.
struct SortKey {
  std::int64_t value = 0;
  core::HostIndex host = 0;
};
void sort_hosts(std::vector<SortKey> &keys);

}  // namespace fanout::report
