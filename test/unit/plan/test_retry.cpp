#include <chrono>
#include <csignal>

#include <catch2/catch_test_macros.hpp>

#include "fanout/plan/retry.hpp"
#include "simulation.hpp"

using namespace fanout;
using namespace std::chrono_literals;
using core::HostIndex;
using core::Phase;
using core::Status;
using plan_test::outcome;
using plan_test::own_servers;
using plan_test::Simulation;

TEST_CASE("retry: only what was lost on the way to the login may be repeated", "[plan]") {
  const auto may = [](Status status, Phase phase, int signal = 0, bool sent = false) {
    return plan::may_be_repeated({0, outcome(status, phase), signal}, sent);
  };
  for (const Phase phase :
       {Phase::start, Phase::resolve, Phase::connect, Phase::kex, Phase::verify, Phase::auth})
    for (const Status status : {Status::resolve, Status::unreachable, Status::timeout}) {
      CHECK(may(status, phase));
      CHECK_FALSE(may(status, phase, SIGSEGV));
      CHECK_FALSE(may(status, phase, 0, true));
    }
  for (const Phase phase : {Phase::open, Phase::run, Phase::done})
    for (const Status status : {Status::unreachable, Status::timeout})
      CHECK_FALSE(may(status, phase));
  for (const Status status :
       {Status::ok, Status::failed, Status::host_key, Status::auth, Status::protocol,
        Status::skipped, Status::interrupted, Status::internal})
    CHECK_FALSE(may(status, Phase::auth));
}

TEST_CASE("retry: a host is tried so often again, and not once more", "[plan]") {
  for (const std::uint32_t retries : {0U, 1U, 3U}) {
    core::RunControl control;
    control.retries = retries;
    Simulation run(control, own_servers(2));
    run.on_start = [&](HostIndex host, std::uint32_t) {
      run.fail_after(10ms, host, Status::unreachable, Phase::connect);
    };
    run.run();
    CHECK(run.starts.size() == 2 * (retries + 1));
    CHECK(run.plan.attempts(0) == retries + 1);
    CHECK(run.records(Status::unreachable) == 2);
    CHECK(run.plan.progress().failed == 2);
  }
}

TEST_CASE("retry: what came after the login is never run again", "[plan]") {
  core::RunControl control;
  control.retries = 9;
  Simulation run(control, own_servers(3));
  run.on_start = [&](HostIndex host, std::uint32_t) {
    if (host == 0) run.fail_after(10ms, host, Status::unreachable, Phase::run);
    if (host == 1) run.end_after(10ms, host, Status::timeout);
    if (host == 2)
      run.after(10ms, [&run, host] {
        run.tell(core::PasswordAnswered{host, false});
        run.end(host, outcome(Status::unreachable, Phase::auth));
      });
  };
  run.run();
  CHECK(run.starts.size() == 3);
}

TEST_CASE("retry: the wait doubles from 1 s to 30 s, times 0.5 to 1.5", "[plan]") {
  plan::BackOff back_off(7);
  double smallest = 9;
  double largest = 0;
  for (int i = 0; i < 2000; ++i) {
    const std::uint32_t number = static_cast<std::uint32_t>(i) % 20 + 1;
    const double middle = number <= 5 ? 1000 << (number - 1) : 30000;
    const double factor = static_cast<double>(back_off.of_retry(number).count()) / middle;
    smallest = std::min(smallest, factor);
    largest = std::max(largest, factor);
  }
  CHECK(smallest >= 0.499);
  CHECK(smallest < 0.55);
  CHECK(largest <= 1.5);
  CHECK(largest > 1.45);
  CHECK(back_off.of_retry(4'000'000'000U) <= 45s);
}

TEST_CASE("retry: the wait after a drop doubles from 100 ms to 2 s", "[plan]") {
  plan::BackOff back_off(7);
  for (const auto &[number, middle] :
       {std::pair{1U, 100}, {2U, 200}, {5U, 1600}, {6U, 2000}, {19U, 2000}})
    for (int i = 0; i < 100; ++i) {
      const auto wait = back_off.of_drop(number).count();
      CHECK(wait >= middle / 2);
      CHECK(wait <= middle * 3 / 2);
    }
}

TEST_CASE("retry: no host is started before its wait is over, others meanwhile are", "[plan]") {
  core::RunControl control;
  control.retries = 1;
  Simulation run(control, own_servers(50), 1);
  run.on_start = [&](HostIndex host, std::uint32_t attempt) {
    if (host == 0 && attempt == 1)
      run.fail_after(10ms, host, Status::resolve, Phase::resolve);
    else
      run.end_after(100ms, host);
  };
  run.run();
  const auto again = std::find_if(run.starts.begin(), run.starts.end(),
                                  [](const auto &start) { return start.attempt == 2; });
  REQUIRE(again != run.starts.end());
  CHECK(again->at >= plan_test::begin + 510ms);
  CHECK(again->at <= plan_test::begin + 1610ms);
  CHECK(run.elapsed() == 10ms + 50 * 100ms);
}

TEST_CASE("retry: hosts that were lost together do not come back together", "[plan]") {
  core::RunControl control;
  control.retries = 1;
  Simulation run(control, own_servers(100));
  run.on_start = [&](HostIndex host, std::uint32_t) {
    run.fail_after(10ms, host, Status::unreachable, Phase::connect);
  };
  run.run();
  REQUIRE(run.starts.size() == 200);
  CHECK(run.starts[199].at - run.starts[100].at > 800ms);
}

TEST_CASE("retry: an attempt without a worker leaves the record of the one before", "[plan]") {
  core::RunControl control;
  control.retries = 3;
  Simulation run(control, own_servers(1));
  run.on_start = [&](HostIndex host, std::uint32_t attempt) {
    if (attempt == 1) return run.fail_after(10ms, host, Status::resolve, Phase::resolve);
    run.plan.halt("stopped by SIGINT");
    run.end(host, outcome(Status::skipped, Phase::start));
  };
  run.run();
  CHECK(run.records(Status::resolve) == 1);
  CHECK(run.plan.attempts(0) == 1);
}
