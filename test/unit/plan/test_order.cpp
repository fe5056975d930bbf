#include <catch2/catch_test_macros.hpp>

#include "fanout/plan/plan.hpp"

using namespace fanout;
using plan::Plan;

TEST_CASE("plan: every host comes once, in the order of the selection", "[plan]") {
  Plan plan(3);
  CHECK(plan.next() == 0U);
  CHECK(plan.next() == 1U);
  CHECK(plan.next() == 2U);
  CHECK_FALSE(plan.next());
  CHECK(plan.running() == 3);
}

TEST_CASE("plan: it is finished when the last host has ended, not when it was started", "[plan]") {
  Plan plan(2);
  plan.next();
  plan.next();
  CHECK_FALSE(plan.finished());
  plan.observe(core::Ended{1, {}});
  plan.observe(core::OutputReceived{0, core::Stream::out, "x"});
  CHECK_FALSE(plan.finished());
  plan.observe(core::Ended{0, {}});
  CHECK(plan.finished());
}

TEST_CASE("plan: after a halt nothing is started and what runs is waited for", "[plan]") {
  Plan plan(5);
  plan.next();
  plan.halt();
  CHECK_FALSE(plan.next());
  CHECK(plan.not_started() == 4);
  CHECK_FALSE(plan.finished());
  plan.observe(core::Ended{0, {}});
  CHECK(plan.finished());
}
