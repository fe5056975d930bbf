#include <chrono>

#include <catch2/catch_test_macros.hpp>

#include "simulation.hpp"

using namespace fanout;
using namespace std::chrono_literals;
using plan::Plan;
using plan_test::begin;
using plan_test::own_servers;
using plan_test::Simulation;

namespace {

template <class Wanted>
bool is(const plan::Action &action) {
  return std::holds_alternative<Wanted>(action);
}

}  // namespace

TEST_CASE("plan: it is finished when the last host has ended, not when it was started", "[plan]") {
  Plan plan({}, own_servers(2), 1, begin, 100);
  CHECK(is<plan::Start>(plan.next(begin, true)));
  CHECK(is<plan::Start>(plan.next(begin, true)));
  CHECK(is<plan::Wait>(plan.next(begin, true)));
  CHECK(plan.ended({1, plan_test::outcome(core::Status::ok, core::Phase::done)}, begin).is_record);
  CHECK(is<plan::Wait>(plan.next(begin, true)));
  plan.ended({0, plan_test::outcome(core::Status::ok, core::Phase::done)}, begin);
  CHECK(is<plan::Finished>(plan.next(begin, true)));
}

TEST_CASE("plan: without hosts there is nothing to do", "[plan]") {
  Plan plan({}, {}, 1, begin, 100);
  CHECK(is<plan::Finished>(plan.next(begin, true)));
}

TEST_CASE("plan: without room nothing is started, and nothing but the deadline waited for",
          "[plan]") {
  core::RunControl control;
  control.deadline = 1min;
  Plan plan(control, own_servers(2), 1, begin, 100);
  CHECK(is<plan::Start>(plan.next(begin, true)));
  const plan::Action action = plan.next(begin, false);
  REQUIRE(is<plan::Wait>(action));
  CHECK(std::get<plan::Wait>(action).until.at() == begin + 1min);
  CHECK(is<plan::Start>(plan.next(begin, true)));
}

TEST_CASE("plan: no more than so many are at their beginning", "[plan]") {
  Plan plan({}, own_servers(3), 1, begin, 2);
  CHECK(is<plan::Start>(plan.next(begin, true)));
  CHECK(is<plan::Start>(plan.next(begin, true)));
  const plan::Action action = plan.next(begin, true);
  REQUIRE(is<plan::Wait>(action));
  CHECK(std::get<plan::Wait>(action).until.at() == begin + 300ms);
  plan.observe(core::PhaseEntered{0, core::Phase::run});
  CHECK(is<plan::Start>(plan.next(begin, true)));
}

TEST_CASE("plan: never more than there is room for", "[plan]") {
  Simulation run({}, own_servers(100), 7);
  run.run();
  CHECK(run.most_running == 7);
  CHECK(run.records(core::Status::ok) == 100);
}
