#include <catch2/catch_test_macros.hpp>

#include "fanout/pool/kill_ladder.hpp"

using namespace fanout;
using namespace std::chrono_literals;
using core::Phase;
using core::Status;
using pool::KillLadder;
using Action = pool::KillLadder::Action;

namespace {

const core::TimePoint start = core::TimePoint(1000s);
const pool::WorkerLimits limits{10s, 30s, 5s};

}  // namespace

TEST_CASE("kill ladder: a worker that keeps its deadlines is left alone", "[pool]") {
  KillLadder ladder(limits, start);
  CHECK(ladder.climb(start + 10s) == Action::none);
  ladder.entered(Phase::run, start + 10s);
  CHECK(ladder.climb(start + 40s) == Action::none);
  CHECK_FALSE(ladder.reason());
}

TEST_CASE(
    "kill ladder: a worker silent beyond its connect timeout gets TERM, then KILL, and is a "
    "timeout",
    "[pool]") {
  KillLadder ladder(limits, start);
  ladder.entered(Phase::kex, start + 1s);
  const core::TimePoint late = ladder.deadline().at();
  CHECK(late == start + 11s);
  CHECK(ladder.climb(late) == Action::terminate);
  CHECK(ladder.climb(late) == Action::none);
  CHECK(ladder.climb(late + 500ms) == Action::kill);
  CHECK(ladder.deadline().never());
  CHECK(ladder.reason() == Status::timeout);
}

TEST_CASE("kill ladder: phases before the command do not give more time", "[pool]") {
  KillLadder ladder(limits, start);
  for (const Phase phase :
       {Phase::resolve, Phase::connect, Phase::kex, Phase::verify, Phase::auth, Phase::open})
    ladder.entered(phase, start + 9s);
  CHECK(ladder.deadline().at() == start + 11s);
}

TEST_CASE("kill ladder: a running command has its own time, and the worker time to stop it",
          "[pool]") {
  KillLadder ladder(limits, start);
  ladder.entered(Phase::run, start + 2s);
  CHECK(ladder.climb(start + 32s) == Action::none);
  // Late: it is told, and has the time of grace, because it alone can stop the remote command.
  CHECK(ladder.climb(start + 33s) == Action::send_stop);
  CHECK(ladder.climb(start + 41s) == Action::none);
  CHECK(ladder.climb(start + 42s) == Action::terminate);
  CHECK(ladder.reason() == Status::timeout);
}

TEST_CASE("kill ladder: without timeouts nobody is ever late", "[pool]") {
  KillLadder ladder({0s, 0s, 5s}, start);
  CHECK(ladder.deadline().never());
  ladder.entered(Phase::run, start);
  CHECK(ladder.deadline().never());
}

TEST_CASE("kill ladder: stopping asks first, at once", "[pool]") {
  KillLadder ladder(limits, start);
  ladder.entered(Phase::run, start);
  ladder.stop(Status::interrupted, start + 1s);
  CHECK(ladder.climb(start + 1s) == Action::send_stop);
  CHECK(ladder.climb(start + 6s) == Action::none);  // the remote command has its grace
  const core::TimePoint late = ladder.deadline().at();
  CHECK(late == start + 1s + 5s + 3s + 1s);
  CHECK(ladder.climb(late) == Action::terminate);
  CHECK(ladder.climb(late + 500ms) == Action::kill);
  CHECK(ladder.reason() == Status::interrupted);
}

TEST_CASE("kill ladder: before a command runs, stopping is quick", "[pool]") {
  KillLadder ladder(limits, start);
  ladder.entered(Phase::resolve, start);
  ladder.stop(Status::interrupted, start);
  CHECK(ladder.climb(start) == Action::send_stop);
  CHECK(ladder.climb(start + 500ms) == Action::terminate);
  CHECK(ladder.climb(start + 1s) == Action::kill);
}

TEST_CASE("kill ladder: stopping twice is stopping once", "[pool]") {
  KillLadder ladder(limits, start);
  ladder.stop(Status::interrupted, start);
  CHECK(ladder.climb(start) == Action::send_stop);
  ladder.stop(Status::timeout, start + 100ms);
  CHECK(ladder.climb(start + 100ms) == Action::none);
  CHECK(ladder.reason() == Status::interrupted);
}

TEST_CASE("kill ladder: a worker that has said its last word has a second to go", "[pool]") {
  KillLadder ladder(limits, start);
  ladder.expect_end(start);
  CHECK(ladder.deadline().at() == start + 1s);
  CHECK(ladder.climb(start + 1s) == Action::terminate);
  CHECK_FALSE(ladder.reason());
}

TEST_CASE("kill ladder: kill now is now", "[pool]") {
  KillLadder ladder(limits, start);
  ladder.kill_now(start);
  CHECK(ladder.climb(start) == Action::kill);
  ladder.kill_now(start);
  CHECK(ladder.climb(start) == Action::none);
}

TEST_CASE("kill ladder: time in which we did not run ourselves is not held against the worker",
          "[pool]") {
  KillLadder ladder(limits, start);
  ladder.postpone(30s);
  CHECK(ladder.climb(start + 40s) == Action::none);
  CHECK(ladder.climb(start + 41s) == Action::terminate);
}

TEST_CASE("kill ladder: who has asked for a command has the time to stop it", "[pool]") {
  KillLadder asked(limits, start);
  asked.entered(Phase::open, start);
  asked.stop(Status::interrupted, start);
  CHECK(asked.climb(start) == Action::send_stop);
  CHECK(asked.climb(start + 8s) == Action::none);
  CHECK(asked.climb(start + 9s) == Action::terminate);

  // The stop and its word of the phase have passed each other.
  KillLadder passing(limits, start);
  passing.entered(Phase::auth, start);
  passing.stop(Status::interrupted, start);
  CHECK(passing.climb(start) == Action::send_stop);
  passing.entered(Phase::open, start + 100ms);
  passing.entered(Phase::run, start + 200ms);
  CHECK(passing.climb(start + 9s) == Action::none);
  CHECK(passing.climb(start + 9200ms) == Action::terminate);

  KillLadder only_connected(limits, start);
  only_connected.entered(Phase::auth, start);
  only_connected.stop(Status::interrupted, start);
  CHECK(only_connected.climb(start) == Action::send_stop);
  CHECK(only_connected.climb(start + 1s) == Action::terminate);
}
