#include <csignal>

#include <catch2/catch_test_macros.hpp>

#include "fanout/core/exit_code.hpp"

using namespace fanout::core;

namespace {

Outcome with(Status status) {
  Outcome outcome;
  outcome.status = status;
  return outcome;
}

Outcome exited(int status) {
  Outcome outcome = with(status == 0 ? Status::ok : Status::failed);
  outcome.exit_status = status;
  return outcome;
}

Outcome killed() {
  Outcome outcome = with(Status::failed);
  outcome.signal = "KILL";
  return outcome;
}

int code(std::vector<Outcome> outcomes) {
  return static_cast<int>(exit_code({std::move(outcomes), false, false, {}}));
}

}  // namespace

TEST_CASE("exit code: one case for each status of a single host", "[core]") {
  CHECK(code({with(Status::ok)}) == 0);
  CHECK(code({with(Status::internal)}) == 1);
  CHECK(code({with(Status::timeout)}) == 3);
  CHECK(code({with(Status::interrupted)}) == 3);
  CHECK(code({killed()}) == 3);
  for (const Status status :
       {Status::resolve, Status::unreachable, Status::host_key, Status::auth, Status::protocol})
    CHECK(code({with(status)}) == 4);
  CHECK(code({exited(7)}) == 5);
  CHECK(code({with(Status::skipped)}) == 7);
}

TEST_CASE("exit code: differing outputs count only when everything else went well", "[core]") {
  CHECK(exit_code({{with(Status::ok)}, false, true, {}}) == ExitCode::different);
  CHECK(exit_code({{exited(1)}, false, true, {}}) == ExitCode::command_failed);
}

TEST_CASE("exit code: precedence is signal, 1, 7, 4, 3, 5, 6, 0", "[core]") {
  // Weakest first: each with all the weaker ones beside it.
  std::vector<Outcome> outcomes = {with(Status::ok)};
  const auto add = [&](Outcome outcome) {
    outcomes.push_back(std::move(outcome));
    return static_cast<int>(exit_code({outcomes, false, true, {}}));
  };
  CHECK(static_cast<int>(exit_code({outcomes, false, true, {}})) == 6);
  CHECK(add(exited(9)) == 5);
  CHECK(add(with(Status::timeout)) == 3);
  CHECK(add(with(Status::auth)) == 4);
  CHECK(add(with(Status::skipped)) == 7);
  CHECK(add(with(Status::internal)) == 1);
  CHECK(exit_code({outcomes, true, true, SIGINT}) == ExitCode::interrupt);
  CHECK(exit_code({outcomes, true, true, SIGTERM}) == ExitCode::terminate);
  CHECK(exit_code({outcomes, true, true, SIGHUP}) == ExitCode::hangup);
}

TEST_CASE("exit code: output that could not be written is 1 even if every host is ok", "[core]") {
  CHECK(exit_code({{with(Status::ok)}, true, false, {}}) == ExitCode::internal);
}

TEST_CASE("exit code: a run that a rule has stopped is 7 if that kept a host from its end",
          "[core]") {
  RunEnd end{{exited(0), with(Status::interrupted)}, false, false, {}};
  CHECK(exit_code(end) == ExitCode::timed_out);
  end.stopped_early = true;
  CHECK(exit_code(end) == ExitCode::stopped_early);
  end.outcomes = {exited(0), exited(1)};
  CHECK(exit_code(end) == ExitCode::command_failed);
}

TEST_CASE("exit code: enough hosts that are ok make good what failed on others, and nothing else",
          "[core]") {
  RunEnd end{{exited(0), exited(0), exited(0), exited(1)}, false, false, {}};
  const auto with_share = [&end](std::uint32_t share) {
    end.ok_if = share;
    return static_cast<int>(exit_code(end));
  };
  CHECK(with_share(7'500) == 0);
  CHECK(with_share(7'501) == 5);
  CHECK(with_share(0) == 0);
  for (const Status status : {Status::timeout, Status::auth, Status::unreachable}) {
    end.outcomes.back() = with(status);
    CHECK(with_share(7'500) == 0);
    CHECK(with_share(10'000) != 0);
  }
  CHECK(exit_code_max(end) != 0);
  end.outcomes.back() = with(Status::skipped);
  CHECK(with_share(7'500) == 7);
  end.outcomes.back() = with(Status::internal);
  CHECK(with_share(7'500) == 1);
  end.interrupted_by = SIGINT;
  CHECK(with_share(7'500) == 130);
}

TEST_CASE("exit code: the numbers of the signals are those of the shell", "[core]") {
  CHECK(static_cast<int>(ExitCode::interrupt) == 128 + SIGINT);
  CHECK(static_cast<int>(ExitCode::terminate) == 128 + SIGTERM);
  CHECK(static_cast<int>(ExitCode::hangup) == 128 + SIGHUP);
}

TEST_CASE("exit code: --exit max gives the largest remote status in place of 5 only", "[core]") {
  CHECK(exit_code_max({{exited(3), exited(17), exited(0)}, false, false, {}}) == 17);
  CHECK(exit_code_max({{exited(0)}, false, false, {}}) == 0);
  CHECK(exit_code_max({{exited(17), with(Status::auth)}, false, false, {}}) == 4);
  CHECK(exit_code_max({{with(Status::failed)}, false, false, {}}) == 5);
  CHECK(exit_code_max({{exited(256)}, false, false, {}}) == 255);
  CHECK(exit_code_max({{exited(0x7fffffff)}, false, false, {}}) == 255);
}
