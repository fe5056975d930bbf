#include <chrono>
#include <csignal>

#include <catch2/catch_test_macros.hpp>

#include "simulation.hpp"

using namespace fanout;
using namespace std::chrono_literals;
using core::HostIndex;
using core::Phase;
using core::Status;
using plan_test::own_servers;
using plan_test::Simulation;

namespace {

core::RunControl with_max_fail(core::Quantity max_fail,
                               core::OnHalt on_halt = core::OnHalt::drain) {
  core::RunControl control;
  control.max_fail = max_fail;
  control.on_halt = on_halt;
  return control;
}

// Hosts take a second; those with an odd number fail after 10 ms.
void every_second_fails(Simulation &run) {
  run.on_start = [&run](HostIndex host, std::uint32_t) {
    run.end_after(host % 2 == 1 ? 10ms : 1000ms, host, host % 2 == 1 ? Status::failed : Status::ok);
  };
}

}  // namespace

TEST_CASE("max-fail: after so many failures nothing is started, and what runs goes on", "[plan]") {
  Simulation run(with_max_fail({2}), own_servers(100), 4);
  every_second_fails(run);
  run.run();
  CHECK(run.plan.why_halted() == "stopped by --max-fail 2: 2 of 100 hosts have failed");
  CHECK(run.plan.stopped_early());
  CHECK(run.starts.size() == 4);
  CHECK(run.records(Status::ok) == 2);
  CHECK(run.stops.empty());
}

TEST_CASE("max-fail: a percentage is of all hosts, and rounded up", "[plan]") {
  Simulation run(with_max_fail({1000, true}), own_servers(11), 1);
  run.on_start = [&](HostIndex host, std::uint32_t) { run.end_after(10ms, host, Status::failed); };
  run.run();
  CHECK(run.starts.size() == 2);
  CHECK(run.plan.why_halted() == "stopped by --max-fail 10%: 2 of 11 hosts have failed");
  Simulation fine(with_max_fail({250, true}), own_servers(100), 1);
  fine.on_start = [&](HostIndex host, std::uint32_t) { fine.end_after(10ms, host, Status::auth); };
  fine.run();
  CHECK(fine.plan.why_halted() == "stopped by --max-fail 2.5%: 3 of 100 hosts have failed");
}

TEST_CASE("max-fail: without it all hosts are started, and one less is not enough", "[plan]") {
  for (const bool has_limit : {false, true}) {
    core::RunControl control;
    if (has_limit) control.max_fail = core::Quantity{51};
    Simulation run(control, own_servers(100), 4);
    every_second_fails(run);
    run.run();
    CHECK(run.starts.size() == 100);
    CHECK(run.plan.progress().failed == 50);
    CHECK_FALSE(run.plan.halted());
  }
}

TEST_CASE("max-fail: hosts that were interrupted have not failed", "[plan]") {
  Simulation run(with_max_fail({1}), own_servers(5), 1);
  run.on_start = [&](HostIndex host, std::uint32_t) {
    run.end_after(10ms, host, Status::interrupted);
  };
  run.run();
  CHECK(run.starts.size() == 5);
  CHECK(run.plan.progress().failed == 0);
}

TEST_CASE("max-fail: an attempt that is repeated is no failure", "[plan]") {
  core::RunControl control = with_max_fail({1});
  control.retries = 1;
  Simulation run(control, own_servers(2), 1);
  run.on_start = [&](HostIndex host, std::uint32_t attempt) {
    if (attempt == 1)
      run.fail_after(10ms, host, Status::timeout, Phase::connect);
    else
      run.end_after(10ms, host);
  };
  run.run();
  CHECK(run.starts.size() == 4);
}

TEST_CASE("on-halt kill: what runs is stopped, as interrupted and for that reason", "[plan]") {
  Simulation run(with_max_fail({2}, core::OnHalt::kill), own_servers(100), 4);
  every_second_fails(run);
  run.run();
  REQUIRE(run.stops.size() == 1);
  CHECK(run.stops[0].status == Status::interrupted);
  CHECK(run.stops[0].why == run.plan.why_halted());
  CHECK(run.records(Status::interrupted) == 2);
  CHECK(run.elapsed() == 10ms);
}

TEST_CASE("on-halt kill: nobody is told when nobody runs", "[plan]") {
  Simulation run(with_max_fail({1}, core::OnHalt::kill), own_servers(100), 1);
  run.on_start = [&](HostIndex host, std::uint32_t) { run.end_after(10ms, host, Status::failed); };
  run.run();
  CHECK(run.starts.size() == 1);
  CHECK(run.stops.empty());
}

TEST_CASE("deadline: when it passes, what runs is stopped and nothing is started", "[plan]") {
  core::RunControl control;
  control.deadline = 10min;
  Simulation run(control, own_servers(10), 3);
  run.on_start = [&](HostIndex host, std::uint32_t) { run.end_after(7min, host); };
  run.run();
  CHECK(run.starts.size() == 6);
  REQUIRE(run.stops.size() == 1);
  CHECK(run.stops[0].status == Status::timeout);
  CHECK(run.stops[0].why == "the deadline of 10m has passed");
  CHECK(run.plan.why_halted() == "the deadline of 10m has passed");
  CHECK(run.plan.stopped_early());
  CHECK(run.elapsed() == 10min);
  control.deadline = 0ms;
  Simulation without(control, own_servers(10), 3);
  without.on_start = [&](HostIndex host, std::uint32_t) { without.end_after(7min, host); };
  without.run();
  CHECK(without.records(Status::ok) == 10);
}

TEST_CASE("deadline: it goes on while the run is paused", "[plan]") {
  core::RunControl control;
  control.deadline = 1min;
  Simulation run(control, own_servers(3));
  run.plan.set_paused(true);
  run.run();
  CHECK(run.elapsed() == 1min);
  CHECK(run.starts.empty());
  CHECK(run.stops.empty());
}

TEST_CASE("deadline: it stops what --on-halt drain lets go on, and what was told is not told twice",
          "[plan]") {
  for (const core::OnHalt on_halt : {core::OnHalt::drain, core::OnHalt::kill}) {
    core::RunControl control = with_max_fail({1}, on_halt);
    control.deadline = 500ms;
    Simulation run(control, own_servers(4), 4);
    every_second_fails(run);
    run.on_stop = [&](const plan::StopRunning &stop) {
      // They take their time.
      for (HostIndex host = 0; host < 4; ++host)
        if (run.runs(host)) run.fail_after(600ms, host, stop.status, Phase::run);
    };
    run.run();
    REQUIRE(run.stops.size() == 1);
    const bool is_drained = on_halt == core::OnHalt::drain;
    CHECK(run.stops[0].status == (is_drained ? Status::timeout : Status::interrupted));
    CHECK(run.plan.why_halted() == "stopped by --max-fail 1: 1 of 4 hosts have failed");
  }
}

TEST_CASE("deadline: a run that ends in time was not stopped early", "[plan]") {
  core::RunControl control;
  control.deadline = 10ms;
  Simulation run(control, own_servers(3));
  run.run();
  CHECK(run.elapsed() == 10ms);
  CHECK(run.records(Status::ok) == 3);
  CHECK_FALSE(run.plan.halted());
}

TEST_CASE("halt: who calls for it is no rule, what runs is waited for, the first reason counts",
          "[plan]") {
  Simulation run(with_max_fail({1}, core::OnHalt::kill), own_servers(10), 2);
  run.on_start = [&](HostIndex host, std::uint32_t) {
    run.end_after((host + 1) * 1s, host, Status::failed);
  };
  run.after(100ms, [&] { run.plan.halt("stopped by SIGINT"); });
  run.run();
  CHECK(run.plan.why_halted() == "stopped by SIGINT");
  CHECK_FALSE(run.plan.stopped_early());
  CHECK(run.starts.size() == 2);
  CHECK(run.stops.empty());
  CHECK(run.elapsed() == 2s);
}

TEST_CASE("halt: hosts that wait to be tried again are given up, each once", "[plan]") {
  core::RunControl control;
  control.retries = 5;
  Simulation run(control, own_servers(4));
  run.on_start = [&](HostIndex host, std::uint32_t) {
    if (host < 3)
      run.fail_after(10ms, host, Status::unreachable, Phase::connect);
    else
      run.end_after(1s, host);
  };
  run.after(100ms, [&] {
    CHECK(run.plan.progress().waiting_to_retry == 3);
    run.plan.halt("stopped by SIGINT");
  });
  run.run();
  CHECK(run.given_up == std::vector<HostIndex>{0, 1, 2});
  CHECK(run.records(Status::unreachable) == 3);
  CHECK(run.plan.progress().failed == 3);
}

TEST_CASE("halt: workers that crash one after the other end the run", "[plan]") {
  Simulation run({}, own_servers(10), 1);
  run.on_start = [&](HostIndex host, std::uint32_t) {
    run.after(10ms, [&run, host] {
      run.end(host, plan_test::outcome(Status::internal, Phase::kex), SIGSEGV);
    });
  };
  run.run();
  CHECK(run.starts.size() == 5);
  CHECK(run.plan.why_halted().find("5 workers have crashed") != std::string::npos);
}

TEST_CASE("skipped: a host for which no worker was made was not started", "[plan]") {
  Simulation run({}, own_servers(3), 1);
  int refused = 0;
  run.on_start = [&](HostIndex host, std::uint32_t attempt) {
    CHECK(attempt == 1);
    if (host == 1 && ++refused == 2) run.plan.halt("stopped by SIGINT");
    if (host == 1)
      run.end(host, plan_test::outcome(Status::skipped, Phase::start));
    else
      run.end_after(10ms, host);
  };
  run.run();
  // Once it is tried again; after the halt it stays where it is.
  CHECK(refused == 2);
  CHECK(run.plan.attempts(1) == 0);
  CHECK(run.plan.progress().not_started == 2);
  CHECK(run.plan.progress().failed == 0);
}
