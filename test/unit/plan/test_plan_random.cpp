// Thousands of runs with random rules, hosts and ends. What holds for every run is checked by Simulation; here are the rules
// that need to know what a host is.
#include <algorithm>
#include <chrono>
#include <map>
#include <random>

#include <catch2/catch_test_macros.hpp>

#include "simulation.hpp"

using namespace fanout;
using namespace std::chrono_literals;
using core::HostIndex;
using core::Milliseconds;
using core::Phase;
using core::Status;
using plan_test::outcome;
using plan_test::Simulation;

namespace {

class Random {
public:
  explicit Random(std::uint64_t seed) : random_(seed) {}
  std::uint32_t below(std::uint32_t end) { return static_cast<std::uint32_t>(random_() % end); }
  bool one_in(std::uint32_t n) { return below(n) == 0; }

private:
  std::mt19937_64 random_;
};

core::Quantity random_quantity(Random &random) {
  if (random.one_in(2)) return {random.below(100) * 100 + 1, true};
  return {random.below(12) + 1, false};
}

core::RunControl random_control(Random &random) {
  core::RunControl control;
  control.order = static_cast<core::Order>(random.below(4));
  if (random.one_in(2))
    for (std::uint32_t i = random.below(3) + 1; i > 0; --i)
      control.batches.push_back(random_quantity(random));
  if (random.one_in(3)) control.gate = "gate";
  if (random.one_in(4)) control.pause_between = Milliseconds(random.below(300));
  if (random.one_in(3)) control.max_fail = random_quantity(random);
  if (random.one_in(2)) control.on_halt = core::OnHalt::kill;
  if (random.one_in(4)) control.start_rate = random.below(60) + 1;
  if (random.one_in(2)) control.retries = random.below(4);
  if (random.one_in(4)) control.deadline = Milliseconds(random.below(5000) + 1);
  control.max_auth_fail = random.below(4);
  return control;
}

std::vector<plan::HostFacts> random_hosts(Random &random) {
  std::vector<plan::HostFacts> hosts(random.below(40) + 1);
  const std::uint32_t servers = random.below(40) + 1;
  const bool passwords = random.one_in(2);
  for (plan::HostFacts &host : hosts) {
    host.priority = static_cast<int>(random.below(5)) - 2;
    host.server = std::to_string(random.below(servers));
    if (passwords && !random.one_in(3)) host.password = random.below(2) + 7;
  }
  return hosts;
}

// A run in which anything happens, and what its rules are held against.
class AnyRun {
public:
  explicit AnyRun(std::uint64_t seed)
      : random_(seed),
        trouble_(random_.below(4)),
        run_(random_control(random_), random_hosts(random_), random_.below(30) + 1, seed) {
    run_.on_start = [this](HostIndex host, std::uint32_t attempt) { start(host, attempt); };
    run_.on_gate = [this](std::size_t) { gate(); };
    run_.on_stop = [this](const plan::StopRunning &stop) { stop_all(stop); };
    if (random_.one_in(4)) pause();
    if (random_.one_in(8)) after(3000, [this] { run_.plan.halt("stopped by SIGINT"); });
  }

  void check() {
    run_.run();
    for (std::size_t i = run_.control.start_rate; i < run_.starts.size() && i > 0; ++i)
      run_.must(run_.control.start_rate == 0 ||
                    run_.starts[i].at - run_.starts[i - run_.control.start_rate].at >= 1s,
                "the rate is held");
    for (HostIndex host = 0; host < run_.hosts.size(); ++host)
      run_.must(run_.plan.attempts(host) <= run_.control.retries + 20, "attempts are bounded");
    run_.check_rules();
  }

private:
  template <class Action>
  void after(std::uint32_t longest, Action action) {
    run_.after(Milliseconds(random_.below(longest)), action);
  }

  void pause() {
    after(500, [this] {
      run_.plan.set_paused(true);
      after(1000, [this] { run_.plan.set_paused(false); });
    });
  }

  void gate() {
    after(400, [this] {
      const bool is_open = !random_.one_in(6);
      run_.end_gate(is_open, is_open ? "" : "stopped by --gate: exit 3");
    });
  }

  void stop_all(const plan::StopRunning &stop) {
    for (HostIndex host = 0; host < run_.hosts.size(); ++host)
      if (run_.runs(host))
        after(100, [this, host, status = stop.status] {
          if (run_.runs(host)) end(host, outcome(status, Phase::run));
        });
  }

  void start(HostIndex host, std::uint32_t attempt) {
    const plan::HostFacts &facts = run_.hosts[host];
    run_.must(++logging_in_[facts.server] <= 8, "no server has more than eight that log in");
    at_login_[host] = true;
    if (facts.password) {
      auto &password = passwords_[*facts.password];
      ++password.unproven;
      password.hosts[host] = true;
      const std::uint32_t most = run_.control.max_auth_fail;
      run_.must(most == 0 || password.is_right || password.unproven + password.refused <= most,
                "a password is tried on few accounts");
    }
    if (random_.one_in(trouble_ == 0 ? 100 : 20) && attempt < 5) {
      // No worker could be made.
      return end(host, outcome(Status::skipped, Phase::start));
    }
    after(100, [this, host] { go_on(host, Phase::resolve); });
  }

  void go_on(HostIndex host, Phase phase) {
    if (!run_.runs(host)) return;
    run_.tell(core::PhaseEntered{host, phase});
    if (phase == Phase::open) logged_in(host);
    if (phase == Phase::run || (trouble_ > 0 && random_.one_in(9 - 2 * trouble_)))
      return end_in(host, phase);
    const bool is_asked = phase == Phase::auth && run_.hosts[host].password && random_.one_in(2);
    if (is_asked) {
      const bool accepted = random_.one_in(2);
      settle(host, accepted, !accepted);
      run_.tell(core::PasswordAnswered{host, accepted});
      if (!accepted) return end(host, outcome(Status::auth, Phase::auth));
    }
    const auto next = static_cast<Phase>(static_cast<int>(phase) + 1);
    // Often together, as what a worker says comes.
    if (random_.one_in(2)) return go_on(host, next);
    after(60, [this, host, next] { go_on(host, next); });
  }

  void end_in(HostIndex host, Phase phase) {
    constexpr Status any[] = {Status::ok,       Status::ok,         Status::ok,
                              Status::failed,   Status::timeout,    Status::unreachable,
                              Status::internal, Status::interrupted};
    constexpr Status early[] = {Status::timeout, Status::unreachable, Status::unreachable,
                                Status::resolve, Status::host_key};
    const Status status = phase >= Phase::run ? any[random_.below(8)] : early[random_.below(5)];
    after(200, [this, host, phase, status] {
      if (run_.runs(host)) end(host, outcome(status, phase));
    });
  }

  void logged_in(HostIndex host) {
    settle(host, false, false);
    if (std::exchange(at_login_[host], false)) --logging_in_[run_.hosts[host].server];
  }

  void settle(HostIndex host, bool accepted, bool refused) {
    if (!run_.hosts[host].password) return;
    auto &password = passwords_[*run_.hosts[host].password];
    if (!std::exchange(password.hosts[host], false)) return;
    --password.unproven;
    password.is_right = password.is_right || accepted;
    if (refused) ++password.refused;
  }

  void end(HostIndex host, const core::Outcome &how) {
    logged_in(host);
    run_.end(host, how, random_.one_in(300) ? 11 : 0);
  }

  struct Password {
    std::uint32_t unproven = 0;
    std::uint32_t refused = 0;
    bool is_right = false;
    std::map<HostIndex, bool> hosts;
  };

  Random random_;
  std::uint32_t trouble_;
  Simulation run_;
  std::map<std::string, int> logging_in_;
  std::map<HostIndex, bool> at_login_;
  std::map<std::uint32_t, Password> passwords_;
};

}  // namespace

TEST_CASE("plan: whatever happens, every rule holds", "[plan]") {
  for (std::uint64_t seed = 1; seed <= 3000; ++seed) {
    INFO("seed " << seed);
    AnyRun(seed).check();
  }
}
