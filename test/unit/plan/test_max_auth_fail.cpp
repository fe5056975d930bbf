#include <chrono>

#include <catch2/catch_test_macros.hpp>

#include "simulation.hpp"

using namespace fanout;
using namespace std::chrono_literals;
using core::HostIndex;
using core::Phase;
using core::Status;
using plan_test::outcome;
using plan_test::own_servers;
using plan_test::Simulation;

namespace {

std::vector<plan::HostFacts> with_password(std::size_t hosts, std::uint32_t passwords = 1) {
  auto facts = own_servers(hosts);
  for (std::size_t host = 0; host < hosts; ++host)
    facts[host].password = static_cast<std::uint32_t>(host) % passwords;
  return facts;
}

core::RunControl with_limit(std::uint32_t limit) {
  core::RunControl control;
  control.max_auth_fail = limit;
  return control;
}

void answer_after(Simulation &run, core::Milliseconds delay, HostIndex host, bool accepted) {
  run.after(delay, [&run, host, accepted] {
    if (!run.runs(host)) return;
    run.tell(core::PasswordAnswered{host, accepted});
    if (accepted) run.login(host);
  });
  if (accepted)
    run.end_after(delay * 2, host);
  else
    run.fail_after(delay * 2, host, Status::auth, Phase::auth);
}

}  // namespace

TEST_CASE("max-auth-fail: a wrong password is tried on three accounts, and no fourth", "[plan]") {
  Simulation run(with_limit(3), with_password(1000));
  run.on_start = [&](HostIndex host, std::uint32_t) {
    answer_after(run, (host + 1) * 10ms, host, false);
  };
  run.run();
  CHECK(run.starts.size() == 3);
  CHECK(run.plan.why_halted() ==
        "3 hosts have not taken the same password, and no other has (--max-auth-fail 3)");
  CHECK(run.plan.stopped_early());
  CHECK(run.plan.progress().not_started == 997);
}

TEST_CASE("max-auth-fail: the number is the option's, and 0 is no limit", "[plan]") {
  for (const std::uint32_t limit : {0U, 1U, 5U}) {
    Simulation run(with_limit(limit), with_password(20), 4);
    run.on_start = [&](HostIndex host, std::uint32_t) { answer_after(run, 10ms, host, false); };
    run.run();
    CHECK(run.starts.size() == (limit == 0 ? 20 : limit));
    CHECK(run.plan.halted() == (limit != 0));
  }
}

TEST_CASE("max-auth-fail: once one host has taken it, all others run", "[plan]") {
  Simulation run(with_limit(3), with_password(100));
  run.on_start = [&](HostIndex host, std::uint32_t) { answer_after(run, 10ms, host, host == 1); };
  run.run();
  CHECK(run.starts.size() == 100);
  CHECK(run.most_running > 90);
  // Those that refuse it are just hosts that have failed.
  CHECK_FALSE(run.plan.halted());
}

TEST_CASE("max-auth-fail: every password is judged by itself", "[plan]") {
  Simulation run(with_limit(3), with_password(100, 50));
  run.on_start = [&](HostIndex host, std::uint32_t) { answer_after(run, 10ms, host, false); };
  run.run();
  CHECK(run.starts.size() == 100);
  CHECK_FALSE(run.plan.halted());
}

TEST_CASE("max-auth-fail: who logs in by a key makes room for the next", "[plan]") {
  Simulation run(with_limit(2), with_password(10));
  // Logs in after 10 ms and runs for ten more.
  run.on_start = [&](HostIndex host, std::uint32_t) { run.end_after(20ms, host); };
  run.run();
  CHECK(run.starts[1].at == plan_test::begin);
  CHECK(run.starts[2].at == plan_test::begin + 10ms);
  CHECK(run.elapsed() == 60ms);
}

TEST_CASE("max-auth-fail: refusals count among those that are tried at once", "[plan]") {
  Simulation run(with_limit(3), with_password(10));
  run.on_start = [&](HostIndex host, std::uint32_t) {
    if (host == 0)
      answer_after(run, 10ms, host, false);
    else
      run.end_after(2s, host);
  };
  std::size_t unproven = 0;
  run.after(900ms, [&] { unproven = run.starts.size(); });
  run.run();
  // One has refused it and two may yet.
  CHECK(unproven == 3);
  CHECK(run.records(Status::ok) == 9);
}

TEST_CASE("max-auth-fail: hosts without that password do not wait", "[plan]") {
  auto facts = with_password(10);
  for (std::size_t host = 5; host < 10; ++host) facts[host].password.reset();
  Simulation run(with_limit(1), facts);
  run.run();
  CHECK(run.starts[0].host == 0);
  for (std::size_t i = 1; i < 6; ++i) CHECK(run.starts[i].host == i + 4);
}

TEST_CASE("max-auth-fail: a host that is asked twice has refused once", "[plan]") {
  Simulation run(with_limit(2), with_password(3));
  run.on_start = [&](HostIndex host, std::uint32_t) {
    if (host == 0) run.after(5ms, [&] { run.tell(core::PasswordAnswered{0, false}); });
    answer_after(run, 10ms, host, host != 0);
  };
  run.run();
  CHECK(run.starts.size() == 3);
  CHECK_FALSE(run.plan.halted());
}

TEST_CASE(
    "max-auth-fail: a login that was lost where a password may have been sent is not repeated",
    "[plan]") {
  auto facts = with_password(2);
  facts[1].password.reset();
  core::RunControl control = with_limit(3);
  control.retries = 2;
  Simulation run(control, facts);
  run.on_start = [&run](HostIndex host, std::uint32_t) {
    run.fail_after(10ms, host, Status::timeout, Phase::auth);
  };
  run.run();
  CHECK(run.starts.size() == 1 + 3);
}
