// Depth-first search with a stack of its own: inventories may nest 10,000 deep.
#include "group_order.hpp"

#include <algorithm>

namespace fanout::inventory {

GroupOrder order_groups(const std::vector<std::vector<std::uint32_t>> &mentions) {
  enum class State : std::uint8_t { unseen, open, done };
  struct Step {
    std::uint32_t group;
    std::size_t next = 0;  // of its mentions
  };
  std::vector<State> states(mentions.size(), State::unseen);
  std::vector<Step> path;
  GroupOrder result;
  for (std::uint32_t root = 0; root < mentions.size(); ++root) {
    if (states[root] != State::unseen) continue;
    states[root] = State::open;
    path.push_back({root});
    while (!path.empty()) {
      Step &step = path.back();
      if (step.next == mentions[step.group].size()) {
        states[step.group] = State::done;
        result.order.push_back(step.group);
        path.pop_back();
        continue;
      }
      const std::uint32_t mentioned = mentions[step.group][step.next++];
      if (states[mentioned] == State::open) {
        const auto first = std::find_if(path.begin(), path.end(), [&](const Step &on_path) {
          return on_path.group == mentioned;
        });
        for (auto on_path = first; on_path != path.end(); ++on_path)
          result.cycle.push_back(on_path->group);
        result.order.clear();
        return result;
      }
      if (states[mentioned] == State::unseen) {
        states[mentioned] = State::open;
        path.push_back({mentioned});
      }
    }
  }
  return result;
}

}  // namespace fanout::inventory
