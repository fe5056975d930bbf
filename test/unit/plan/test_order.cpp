#include <algorithm>
#include <numeric>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include "fanout/plan/plan.hpp"
#include "simulation.hpp"

using namespace fanout;
using core::HostIndex;
using core::Order;
using Hosts = std::vector<HostIndex>;

namespace {

core::RunControl ordered(Order order) {
  core::RunControl control;
  control.order = order;
  return control;
}

std::vector<plan::HostFacts> with_priorities(const std::vector<int> &priorities) {
  auto facts = plan_test::own_servers(priorities.size());
  for (std::size_t host = 0; host < facts.size(); ++host) facts[host].priority = priorities[host];
  return facts;
}

Hosts sequence(const core::RunControl &control, std::size_t hosts, std::uint64_t seed = 1) {
  return plan::sequence(control, plan_test::own_servers(hosts), seed);
}

}  // namespace

TEST_CASE("order: fifo is that of the selection, lifo its reverse", "[plan]") {
  CHECK(sequence(ordered(Order::fifo), 4) == Hosts{0, 1, 2, 3});
  CHECK(sequence(ordered(Order::lifo), 4) == Hosts{3, 2, 1, 0});
  CHECK(sequence(ordered(Order::fifo), 0).empty());
}

TEST_CASE("order: the largest priority comes first, equal ones as they were selected", "[plan]") {
  const auto facts = with_priorities({0, 5, -1, 5, 0, 7});
  CHECK(plan::sequence(ordered(Order::priority), facts, 1) == Hosts{5, 1, 3, 0, 4, 2});
}

TEST_CASE("order: a random one has every host once", "[plan]") {
  Hosts order = sequence(ordered(Order::random), 1000);
  Hosts all(1000);
  std::iota(all.begin(), all.end(), 0U);
  CHECK(order != all);
  CHECK(std::is_permutation(order.begin(), order.end(), all.begin(), all.end()));
}

TEST_CASE("order: a seed means the same order everywhere and always", "[plan]") {
  core::RunControl control = ordered(Order::random);
  control.seed = 42;
  CHECK(sequence(control, 10, 1) == sequence(control, 10, 2));
  CHECK(sequence(control, 10) == Hosts{1, 7, 9, 0, 3, 8, 4, 2, 5, 6});
  control.seed = 43;
  CHECK(sequence(control, 10) != sequence(ordered(Order::random), 10, 42));
  control.seed.reset();
  CHECK(sequence(control, 10, 42) == Hosts{1, 7, 9, 0, 3, 8, 4, 2, 5, 6});
}

TEST_CASE("order: hosts are started in it", "[plan]") {
  for (const Order order : {Order::fifo, Order::lifo, Order::priority, Order::random}) {
    const auto facts = with_priorities({3, 1, 4, 1, 5, 9, 2, 6});
    plan_test::Simulation run(ordered(order), facts, 2);
    run.run();
    CHECK(run.order() == plan::sequence(ordered(order), facts, 1));
  }
}
