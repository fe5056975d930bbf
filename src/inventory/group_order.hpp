// In which order groups can be evaluated. Pure.
#pragma once

#include <cstdint>
#include <vector>

namespace fanout::inventory {

struct GroupOrder {
  std::vector<std::uint32_t> order;  // each after all that it mentions
  std::vector<std::uint32_t>
      cycle;  // when there is none: each mentions the next, and the last the first
};

// `mentions[g]` are the groups that g names; each number is less than mentions.size().
GroupOrder order_groups(const std::vector<std::vector<std::uint32_t>> &mentions);

}  // namespace fanout::inventory
