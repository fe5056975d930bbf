#include <chrono>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include "simulation.hpp"

using namespace fanout;
using namespace std::chrono_literals;
using core::HostIndex;
using core::Quantity;
using plan_test::own_servers;
using plan_test::Simulation;
using Sizes = std::vector<std::size_t>;

namespace {

constexpr Quantity percent(std::uint32_t number) { return {number * 100, true}; }

core::RunControl batched(std::vector<Quantity> batches) {
  core::RunControl control;
  control.batches = std::move(batches);
  return control;
}

}  // namespace

TEST_CASE("batches: the last size repeats, percent are of the whole selection", "[plan]") {
  CHECK(plan::batch_sizes(batched({{1}, percent(10), percent(50)}), 100) == Sizes{1, 10, 50, 39});
  CHECK(plan::batch_sizes(batched({{1}, {2}}), 6) == Sizes{1, 2, 2, 1});
  CHECK(plan::batch_sizes(batched({percent(10)}), 11) == Sizes{2, 2, 2, 2, 2, 1});
  CHECK(plan::batch_sizes(batched({percent(1)}), 5) == Sizes{1, 1, 1, 1, 1});
  CHECK(plan::batch_sizes(batched({{100}}), 5) == Sizes{5});
  CHECK(plan::batch_sizes({}, 5) == Sizes{5});
  CHECK(plan::batch_sizes({}, 0).empty());
}

TEST_CASE("batches: one begins when the slowest host of the one before has ended", "[plan]") {
  Simulation run(batched({{1}, {3}}), own_servers(6));
  run.on_start = [&](HostIndex host, std::uint32_t) {
    run.end_after(host == 2 ? 500ms : 10ms, host);
  };
  run.run();
  REQUIRE(run.starts.size() == 6);
  CHECK(run.starts[1].at == plan_test::begin + 10ms);
  CHECK(run.starts[3].at == plan_test::begin + 10ms);
  CHECK(run.starts[4].at == plan_test::begin + 510ms);
  CHECK(run.plan.progress().batch == 3);
  CHECK(run.plan.progress().batches == 3);
}

TEST_CASE("batches: one waits for a host that is tried again", "[plan]") {
  core::RunControl control = batched({{1}});
  control.retries = 1;
  Simulation run(control, own_servers(2));
  run.on_start = [&](HostIndex host, std::uint32_t attempt) {
    if (host == 0 && attempt == 1)
      run.fail_after(10ms, host, core::Status::unreachable, core::Phase::connect);
    else
      run.end_after(10ms, host);
  };
  run.run();
  REQUIRE(run.starts.size() == 3);
  CHECK(run.starts[1].host == 0);
  CHECK(run.starts[2].host == 1);
}

TEST_CASE("pause between: so long nothing is started, but not after the last batch", "[plan]") {
  core::RunControl control = batched({{1}});
  control.pause_between = 5s;
  Simulation run(control, own_servers(3));
  run.after(1s, [&] { CHECK(run.plan.progress().pause_until.at() == plan_test::begin + 5010ms); });
  run.run();
  REQUIRE(run.starts.size() == 3);
  CHECK(run.starts[1].at == plan_test::begin + 5010ms);
  CHECK(run.starts[2].at == plan_test::begin + 10020ms);
  CHECK(run.elapsed() == 10030ms);
  CHECK(run.plan.progress().pause_until.never());
}

TEST_CASE("gate: it runs between two batches, after the pause, and not after the last", "[plan]") {
  core::RunControl control = batched({{2}});
  control.gate = "check";
  control.pause_between = 1s;
  Simulation run(control, own_servers(5));
  run.run();
  REQUIRE(run.gates.size() == 2);
  CHECK(run.gates[0].first == plan_test::begin + 1010ms);
  CHECK(run.starts[2].at == plan_test::begin + 1020ms);
  CHECK_FALSE(run.plan.halted());
}

TEST_CASE("gate: there is none without batches", "[plan]") {
  core::RunControl control;
  control.gate = "check";
  Simulation run(control, own_servers(5));
  run.run();
  CHECK(run.gates.empty());
}

TEST_CASE("gate: one that is closed halts the run for its reason", "[plan]") {
  core::RunControl control = batched({{2}});
  control.gate = "check";
  Simulation run(control, own_servers(6));
  run.on_gate = [&](std::size_t batch) {
    CHECK(run.plan.progress().gate_runs);
    run.end_gate(false, "stopped by --gate: exit 3");
    CHECK(batch == 1);
  };
  run.run();
  CHECK(run.starts.size() == 2);
  CHECK(run.plan.why_halted() == "stopped by --gate: exit 3");
  CHECK(run.plan.stopped_early());
  CHECK(run.plan.progress().not_started == 4);
}

TEST_CASE("gate: the run waits for one that is still to be ended after a halt", "[plan]") {
  core::RunControl control = batched({{1}});
  control.gate = "check";
  control.deadline = 1s;
  Simulation run(control, own_servers(2));
  run.on_gate = [&](std::size_t) { run.after(1500ms, [&] { run.end_gate(true); }); };
  run.run();
  CHECK(run.elapsed() == 1510ms);
  CHECK(run.starts.size() == 1);
  CHECK(run.plan.why_halted() == "the deadline of 1s has passed");
  CHECK(run.stops.empty());
}

TEST_CASE("pause: while it lasts nothing is started and no gate begun", "[plan]") {
  core::RunControl control = batched({{1}});
  control.gate = "check";
  Simulation run(control, own_servers(2));
  run.plan.set_paused(true);
  run.after(1s, [&] { run.plan.set_paused(false); });
  run.after(1005ms, [&] { run.plan.set_paused(true); });
  run.after(3s, [&] { run.plan.set_paused(false); });
  run.run();
  REQUIRE(run.starts.size() == 2);
  CHECK(run.starts[0].at == plan_test::begin + 1s);
  CHECK(run.gates[0].first == plan_test::begin + 3s);
}
