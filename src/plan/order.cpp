#include <algorithm>
#include <limits>
#include <numeric>
#include <random>
#include <utility>

#include "fanout/plan/plan.hpp"

namespace fanout::plan {

namespace {

// Less than `end`, each as likely. The generator's numbers are laid down by the C++ standard; how its distributions and
// std::shuffle use them is not, and a seed is to mean the same order on every machine.
std::uint64_t below(std::uint64_t end, std::mt19937_64 &random) {
  constexpr std::uint64_t largest = std::numeric_limits<std::uint64_t>::max();
  const std::uint64_t unfair = largest - largest % end;
  for (;;)
    if (const std::uint64_t drawn = random(); drawn < unfair) return drawn % end;
}

}  // namespace

std::vector<core::HostIndex> sequence(const core::RunControl &control,
                                      const std::vector<HostFacts> &hosts, std::uint64_t seed) {
  std::vector<core::HostIndex> order(hosts.size());
  std::iota(order.begin(), order.end(), 0U);
  switch (control.order) {
    case core::Order::fifo: break;
    case core::Order::lifo: std::reverse(order.begin(), order.end()); break;
    case core::Order::priority:
      std::stable_sort(order.begin(), order.end(), [&](core::HostIndex a, core::HostIndex b) {
        return hosts[a].priority > hosts[b].priority;
      });
      break;
    case core::Order::random: {
      std::mt19937_64 random(control.seed.value_or(seed));
      for (std::size_t left = order.size(); left > 1; --left)
        std::swap(order[left - 1], order[below(left, random)]);
      break;
    }
  }
  return order;
}

}  // namespace fanout::plan
