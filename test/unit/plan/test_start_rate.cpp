#include <chrono>

#include <catch2/catch_test_macros.hpp>

#include "fanout/plan/start_rate.hpp"
#include "simulation.hpp"

using namespace fanout;
using namespace std::chrono_literals;
using plan_test::begin;
using plan_test::own_servers;
using plan_test::Simulation;

TEST_CASE("start rate: starts are evenly spaced", "[plan]") {
  core::RunControl control;
  control.start_rate = 4;
  Simulation run(control, own_servers(9));
  run.run();
  REQUIRE(run.starts.size() == 9);
  for (int i = 0; i < 9; ++i)
    CHECK(run.starts[static_cast<std::size_t>(i)].at == begin + i * 250ms);
  Simulation at_once({}, own_servers(9));
  at_once.run();
  CHECK(at_once.starts.back().at == begin);
}

TEST_CASE("start rate: a repeated attempt is a start", "[plan]") {
  core::RunControl control;
  control.start_rate = 1;
  control.retries = 1;
  Simulation run(control, own_servers(3));
  run.on_start = [&](core::HostIndex host, std::uint32_t) {
    run.fail_after(10ms, host, core::Status::unreachable, core::Phase::connect);
  };
  run.run();
  REQUIRE(run.starts.size() == 6);
  CHECK(run.starts[5].at == begin + 5s);
}

TEST_CASE("start rate: small delays are made good, and no second has one more", "[plan]") {
  plan::StartRate rate(1000);
  std::vector<core::TimePoint> starts;
  core::TimePoint now = begin;
  while (now < begin + 3s) {
    // As by poll(2): awake at a full millisecond, and one too late.
    now = begin +
          std::chrono::ceil<std::chrono::milliseconds>(std::max(rate.next(), begin) - begin) + 1ms;
    now = std::max(now, starts.empty() ? begin : starts.back());
    while (rate.next() <= now) {
      rate.started(now);
      starts.push_back(now);
    }
  }
  CHECK(starts.size() > 2950);
  for (std::size_t i = 1000; i < starts.size(); ++i) REQUIRE(starts[i] - starts[i - 1000] >= 1s);
}

TEST_CASE("start rate: time in which nothing could be started is not made good", "[plan]") {
  plan::StartRate rate(10);
  rate.started(begin);
  rate.started(begin + 5s);
  CHECK(rate.next() == begin + 5100ms);
}

TEST_CASE("start rate: none is no limit", "[plan]") {
  plan::StartRate rate(0);
  for (int i = 0; i < 3; ++i) {
    CHECK(rate.next() <= begin);
    rate.started(begin);
  }
}
