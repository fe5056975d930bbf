#include <chrono>
#include <memory>

#include <catch2/catch_test_macros.hpp>

#include "fanout/plan/server_pace.hpp"
#include "simulation.hpp"

using namespace fanout;
using namespace std::chrono_literals;
using core::HostIndex;
using core::Phase;
using core::Status;
using plan_test::begin;
using plan_test::one_server;
using plan_test::own_servers;
using plan_test::Simulation;

namespace {

// An sshd that drops whoever comes when so many have not logged in (MaxStartups N:100:N+1). It learns a little late that one
// of them has.
class Sshd {
public:
  Sshd(Simulation &run, int most) : run_(run), most_(most) {}

  void connect(HostIndex host) {
    run_.after(1ms, [this, host] { accept(host); });
  }
  [[nodiscard]] int dropped() const { return dropped_; }

private:
  void accept(HostIndex host) {
    if (!run_.runs(host)) return;
    if (starting_ >= most_) {
      ++dropped_;
      return run_.fail_after(1ms, host, Status::unreachable, Phase::kex);
    }
    ++starting_;
    run_.end_after(60ms, host);
    run_.after(32ms, [this] { --starting_; });
  }

  Simulation &run_;
  int most_;
  int starting_ = 0;
  int dropped_ = 0;
};

// The rules alone.
struct Pace {
  explicit Pace(const std::vector<plan::HostFacts> &facts)
      : turnstiles(facts.size()), servers(facts, plan::sequence({}, facts, 1), turnstiles) {}

  // How many more of these hosts could be at their login together.
  std::uint32_t places(plan::Position first, plan::Position end) {
    std::uint32_t count = 0;
    for (plan::Position host = first; host < end && !servers.in_the_way(host); ++host, ++count)
      servers.started(host);
    for (plan::Position host = first; host < first + count; ++host) servers.ended(host);
    return count;
  }

  plan::Turnstiles turnstiles;
  plan::ServerPace servers;
};

// All hosts are one sshd, whatever they are called.
void check_all_succeed(const std::vector<plan::HostFacts> &facts, int most_startups) {
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    Simulation run({}, facts, 64, seed);
    Sshd sshd(run, most_startups);
    run.on_start = [&](HostIndex host, std::uint32_t) { sshd.connect(host); };
    run.run();
    INFO("seed " << seed << ": " << run.starts.size() << " attempts for " << facts.size()
                 << " hosts, of which " << sshd.dropped() << " were dropped, in "
                 << run.elapsed().count() << " ms");
    REQUIRE(run.records(Status::ok) == facts.size());
    CHECK(run.starts.size() == facts.size() + static_cast<std::size_t>(sshd.dropped()));
    CHECK(run.starts.size() < facts.size() * 4);
    CHECK(run.elapsed() < 20s);
  }
}

}  // namespace

TEST_CASE("server pace: eight connections of a server that have not logged in, no more", "[plan]") {
  Simulation run({}, one_server(20));
  run.on_start = [&](HostIndex host, std::uint32_t) { run.end_after(200ms, host); };
  run.run();
  // They log in after 100 ms, and run for as long again.
  CHECK(run.starts[7].at == begin);
  CHECK(run.starts[8].at == begin + 100ms);
  CHECK(run.starts[16].at == begin + 200ms);
  CHECK(run.most_running == 16);
  std::vector<HostIndex> order(20);
  for (HostIndex host = 0; host < 20; ++host) order[host] = host;
  CHECK(run.order() == order);
}

TEST_CASE("server pace: hosts that wait for their server do not hold up others", "[plan]") {
  auto facts = one_server(20);
  for (const auto &fact : own_servers(5)) facts.push_back(fact);
  Simulation run({}, facts);
  run.run();
  for (std::size_t i = 8; i < 13; ++i) {
    CHECK(run.starts[i].at == begin);
    CHECK(run.starts[i].host == i + 12);
  }
}

TEST_CASE("server pace: who waited goes before who comes later in the order", "[plan]") {
  auto facts = one_server(10);
  for (const auto &fact : own_servers(20)) facts.push_back(fact);
  Simulation run({}, facts, 10);
  run.on_start = [&](HostIndex host, std::uint32_t) { run.end_after(10ms, host); };
  run.run();
  // 0 to 7 and two others; then 8 and 9, that had to wait.
  CHECK(run.starts[10].host == 8);
  CHECK(run.starts[11].host == 9);
}

TEST_CASE("server pace: fifty hosts of an sshd with MaxStartups 2:100:3 all succeed", "[plan]") {
  check_all_succeed(one_server(50), 2);
}

TEST_CASE("server pace: so do fifty servers that are one such sshd in secret", "[plan]") {
  check_all_succeed(own_servers(50), 2);
}

TEST_CASE("server pace: an sshd that takes one at a time is given one at a time", "[plan]") {
  check_all_succeed(one_server(30), 1);
}

TEST_CASE("server pace: a host that always closes is given up within seconds", "[plan]") {
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    Simulation run({}, own_servers(1), 64, seed);
    run.on_start = [&](HostIndex host, std::uint32_t) {
      run.fail_after(5ms, host, Status::unreachable, Phase::kex);
    };
    run.run();
    CHECK(run.plan.attempts(0) == 6);
    CHECK(run.records(Status::unreachable) == 1);
    CHECK(run.elapsed() > 1500ms);
    CHECK(run.elapsed() < 4700ms);
  }
}

TEST_CASE("server pace: --retries apply to a host that was given up", "[plan]") {
  core::RunControl control;
  control.retries = 2;
  Simulation run(control, own_servers(1));
  run.on_start = [&](HostIndex host, std::uint32_t) {
    run.fail_after(5ms, host, Status::unreachable, Phase::kex);
  };
  run.run();
  CHECK(run.plan.attempts(0) == 8);
  CHECK(run.starts[6].at - run.starts[5].at >= 500ms);
}

TEST_CASE("server pace: no host is tried for ever, and all that always close are given up",
          "[plan]") {
  for (const auto &facts : {one_server(40), own_servers(40)}) {
    Simulation run({}, facts);
    run.on_start = [&](HostIndex host, std::uint32_t) {
      run.fail_after(5ms, host, Status::unreachable, Phase::kex);
    };
    run.run();
    CHECK(run.records(Status::unreachable) == 40);
    for (HostIndex host = 0; host < 40; ++host) CHECK(run.plan.attempts(host) <= 20);
    CHECK(run.elapsed() < 30s);
  }
}

TEST_CASE("server pace: a connection that fails otherwise is no drop", "[plan]") {
  Simulation run({}, own_servers(5));
  run.on_start = [&](HostIndex host, std::uint32_t) {
    if (host == 4)
      run.after(5ms, [&run, host] {
        core::Outcome lost = plan_test::outcome(Status::unreachable, Phase::kex);
        lost.turned_away = false;  // it had begun to speak
        run.end(host, lost);
      });
    if (host == 0) run.fail_after(5ms, host, Status::unreachable, Phase::connect);
    if (host == 1) run.fail_after(5ms, host, Status::timeout, Phase::kex);
    if (host == 2) run.fail_after(5ms, host, Status::unreachable, Phase::auth);
    if (host == 3) run.fail_after(5ms, host, Status::protocol, Phase::kex);
  };
  run.run();
  CHECK(run.starts.size() == 5);
}

TEST_CASE("server pace: a server that drops no more gets eight again", "[plan]") {
  Simulation run({}, one_server(200));
  bool has_dropped = false;
  std::size_t logging_in = 0;
  std::size_t most_after = 0;
  run.on_start = [&](HostIndex host, std::uint32_t) {
    ++logging_in;
    if (run.starts.size() > 100) most_after = std::max(most_after, logging_in);
    run.after(10ms, [&] { --logging_in; });
    if (!std::exchange(has_dropped, true))
      run.fail_after(10ms, host, Status::unreachable, Phase::kex);
    else
      run.end_after(20ms, host);
  };
  // Eight, of which one is dropped and seven log in: the limit falls to four, and rises to five.
  std::size_t starts_after_drop = 0;
  run.after(11ms, [&] { starts_after_drop = run.starts.size(); });
  run.run();
  CHECK(starts_after_drop == 13);
  CHECK(most_after == 8);
  CHECK(run.records(Status::ok) == 200);
}

TEST_CASE("server pace: the limit is halved once for all that were in flight together", "[plan]") {
  Pace pace(one_server(30));
  for (plan::Position host = 0; host < 8; ++host) pace.servers.started(host);
  for (plan::Position host = 0; host < 8; ++host) CHECK(pace.servers.dropped(host) == 1U);
  CHECK(pace.places(8, 30) == 4);
  for (plan::Position host = 8; host < 10; ++host) pace.servers.started(host);
  for (plan::Position host = 8; host < 10; ++host) pace.servers.dropped(host);
  CHECK(pace.places(10, 30) == 2);
  pace.servers.started(10);
  pace.servers.dropped(10);
  CHECK(pace.places(11, 30) == 1);
  pace.servers.started(11);
  pace.servers.dropped(11);
  CHECK(pace.places(12, 30) == 1);
}

TEST_CASE("server pace: all servers that have dropped us share a limit, of two at least",
          "[plan]") {
  Pace pace(own_servers(30));
  for (plan::Position host = 0; host < 10; ++host) pace.servers.started(host);
  for (plan::Position host = 0; host < 10; ++host) pace.servers.dropped(host);
  CHECK(pace.places(0, 10) == 4);
  CHECK(pace.places(10, 30) == 20);
  for (int i = 0; i < 3; ++i) {
    pace.servers.started(0);
    pace.servers.dropped(0);
  }
  CHECK(pace.places(0, 10) == 2);
  // As logins succeed it rises again, for all of them.
  for (plan::Position host = 1; host < 9; ++host) {
    pace.servers.started(host);
    pace.servers.logged_in(host);
  }
  CHECK(pace.places(0, 10) == 4);
}

TEST_CASE("server pace: whoever is dropped in company has more chances, but not for ever",
          "[plan]") {
  Pace pace(one_server(2));
  pace.servers.started(0);
  for (std::uint32_t drop = 1; drop < 20; ++drop) {
    pace.servers.started(1);
    REQUIRE(pace.servers.dropped(1) == drop);
  }
  pace.servers.started(1);
  CHECK_FALSE(pace.servers.dropped(1));
}

TEST_CASE("server pace: a thousand hosts that close every connection do not wait for each other",
          "[plan]") {
  Simulation run({}, own_servers(1'100));
  run.on_start = [&run](HostIndex host, std::uint32_t) {
    if (host % 11 == 0)
      run.end_after(50ms, host);
    else
      run.fail_after(200ms, host, Status::unreachable, Phase::kex);
  };
  run.run();
  CHECK(run.records(Status::ok) == 100);
  CHECK(run.records(Status::unreachable) == 1'000);
  CHECK(run.elapsed() < 60s);
  CHECK(run.starts.size() <= 100 + 1'000 * plan::ServerPace::most_lone_drops + 64);
}
