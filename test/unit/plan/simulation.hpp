// A run of a Plan on a virtual clock. It does what the plan says, checks the rules that hold for every run, and remembers what
// happened.
//
// What becomes of a host is up to the test: `on_start` tells what happens from now on, with after(), tell() and end().
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <queue>
#include <string>
#include <vector>

#include "fanout/plan/plan.hpp"

namespace fanout::plan_test {

inline const core::TimePoint begin{std::chrono::seconds(1000)};

// So many hosts, each on a server of its own.
std::vector<plan::HostFacts> own_servers(std::size_t hosts);
// So many hosts of one server.
std::vector<plan::HostFacts> one_server(std::size_t hosts);

// Whoever is unreachable in phase kex has been turned away.
core::Outcome outcome(core::Status status, core::Phase phase);

class Simulation {
public:
  Simulation(core::RunControl control, std::vector<plan::HostFacts> hosts,
             std::size_t parallel = 1000, std::uint64_t seed = 1);

  // --- what a test sets ---
  std::function<void(core::HostIndex host, std::uint32_t attempt)> on_start;
  // By default it opens after 10 ms.
  std::function<void(std::size_t batch)> on_gate;
  // By default all that run end at once, with that status.
  std::function<void(const plan::StopRunning &)> on_stop;
  // Between two moments the plan is asked in vain whether there is really nothing to do.
  bool probes = true;

  // --- what its functions call ---
  void after(core::Milliseconds delay, std::function<void()> action);
  void tell(const core::Event &event) { plan.observe(event); }
  void login(core::HostIndex host);  // all phases, up to run
  void end(core::HostIndex host, core::Outcome outcome, int worker_signal = 0);
  // It logs in after half that time, and ends.
  void end_after(core::Milliseconds delay, core::HostIndex host,
                 core::Status status = core::Status::ok);
  // It ends there without having logged in.
  void fail_after(core::Milliseconds delay, core::HostIndex host, core::Status status,
                  core::Phase phase);

  void end_gate(bool is_open, const std::string &why = "");

  // To the end. Fails the test when a rule was broken, with the first of them.
  void run();

  // --- what has happened ---
  struct Started {
    core::TimePoint at;
    core::HostIndex host;
    std::uint32_t attempt;
  };
  [[nodiscard]] std::vector<core::HostIndex> order() const;  // of first starts
  [[nodiscard]] core::Milliseconds elapsed() const;
  [[nodiscard]] std::size_t records(core::Status status) const;
  [[nodiscard]] bool runs(core::HostIndex host) const { return running_[host]; }
  // The first rule that was broken fails the test, in run() or here.
  void must(bool holds, const char *rule);
  void check_rules() const;

  core::RunControl control;
  std::vector<plan::HostFacts> hosts;
  plan::Plan plan;
  core::TimePoint now = begin;
  std::vector<Started> starts;
  std::vector<std::optional<core::Outcome>> record;
  std::vector<core::HostIndex> given_up;
  std::vector<std::pair<core::TimePoint, std::size_t>> gates;
  std::vector<plan::StopRunning> stops;
  std::size_t most_running = 0;

private:
  struct Later {
    core::TimePoint at;
    std::size_t number;
    std::function<void()> action;
    bool operator>(const Later &other) const {
      return at != other.at ? at > other.at : number > other.number;
    }
  };
  void act(const plan::Start &start);
  void act(const plan::RunGate &gate);
  void act(const plan::GiveUp &host);
  void act(const plan::StopRunning &stop);
  void act(const plan::Wait &wait);
  void check_sums();

  std::size_t parallel_;
  std::vector<core::HostIndex> sequence_;
  std::vector<std::size_t> batch_of_;
  std::vector<std::size_t> open_in_batch_;  // hosts without their record
  std::vector<bool> running_;
  std::vector<bool> waits_;  // to be tried again
  std::vector<core::TimePoint> not_before_;
  std::vector<core::Outcome> last_;
  std::size_t running_now_ = 0;
  std::size_t failed_ = 0;
  bool gate_runs_ = false;
  bool finished_ = false;
  std::size_t number_ = 0;
  std::priority_queue<Later, std::vector<Later>, std::greater<>> later_;
  std::string broken_;
};

}  // namespace fanout::plan_test
