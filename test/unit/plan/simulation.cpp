#include "simulation.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

#include <catch2/catch_test_macros.hpp>

namespace fanout::plan_test {

using core::HostIndex;
using core::Milliseconds;
using core::Phase;
using core::Status;

std::vector<plan::HostFacts> own_servers(std::size_t hosts) {
  std::vector<plan::HostFacts> facts(hosts);
  for (std::size_t host = 0; host < hosts; ++host) facts[host].server = std::to_string(host);
  return facts;
}

std::vector<plan::HostFacts> one_server(std::size_t hosts) {
  return std::vector<plan::HostFacts>(hosts, plan::HostFacts{0, "10.0.0.1:22", std::nullopt});
}

core::Outcome outcome(Status status, Phase phase) {
  core::Outcome outcome;
  outcome.status = status;
  outcome.phase = phase;
  outcome.turned_away = status == Status::unreachable && phase == Phase::kex;
  return outcome;
}

Simulation::Simulation(core::RunControl wanted, std::vector<plan::HostFacts> facts,
                       std::size_t parallel, std::uint64_t seed)
    : control(std::move(wanted)),
      hosts(std::move(facts)),
      plan(control, hosts, seed, begin, 1'000'000),
      record(hosts.size()),
      parallel_(parallel),
      sequence_(plan::sequence(control, hosts, seed)),
      batch_of_(hosts.size()),
      open_in_batch_(plan::batch_sizes(control, hosts.size())),
      running_(hosts.size()),
      waits_(hosts.size()),
      not_before_(hosts.size(), begin),
      last_(hosts.size()) {
  std::size_t position = 0;
  for (std::size_t batch = 0; batch < open_in_batch_.size(); ++batch)
    for (std::size_t i = 0; i < open_in_batch_[batch]; ++i)
      batch_of_[sequence_[position++]] = batch;
  on_start = [this](HostIndex host, std::uint32_t) { end_after(Milliseconds(10), host); };
  on_gate = [this](std::size_t) { after(Milliseconds(10), [this] { end_gate(true); }); };
  on_stop = [this](const plan::StopRunning &stop) {
    for (HostIndex host = 0; host < hosts.size(); ++host)
      if (running_[host]) end(host, outcome(stop.status, Phase::run));
  };
}

void Simulation::must(bool holds, const char *rule) {
  if (!holds && broken_.empty())
    broken_ = rule + std::string(", at ") + std::to_string((now - begin) / Milliseconds(1)) + " ms";
}

void Simulation::after(Milliseconds delay, std::function<void()> action) {
  later_.push({now + delay, number_++, std::move(action)});
}

void Simulation::login(HostIndex host) {
  for (const Phase phase : {Phase::resolve, Phase::connect, Phase::kex, Phase::verify, Phase::auth,
                            Phase::open, Phase::run})
    tell(core::PhaseEntered{host, phase});
}

void Simulation::end(HostIndex host, core::Outcome outcome, int worker_signal) {
  must(running_[host], "a host ends that runs");
  running_[host] = false;
  --running_now_;
  const core::Ended ended{host, outcome, worker_signal};
  const bool was_halted = plan.halted();
  const auto ending = plan.ended(ended, now);
  const bool skipped = outcome.status == Status::skipped;
  if (!ending.is_record) {
    must(!was_halted, "nothing is tried again after a halt");
    if (!skipped) last_[host] = outcome;
    waits_[host] = true;
    not_before_[host] = now + ending.again_in;
    return;
  }
  // Without a worker its record is the one of the attempt before, if it had one.
  if (skipped && plan.attempts(host) == 0) return;
  must(!record[host], "a host has one record");
  record[host] = skipped ? last_[host] : std::move(outcome);
  --open_in_batch_[batch_of_[host]];
  const Status status = record[host]->status;
  if (status != Status::ok && status != Status::interrupted) ++failed_;
}

void Simulation::end_after(Milliseconds delay, HostIndex host, Status status) {
  after(delay / 2, [this, host] {
    if (running_[host]) login(host);
  });
  after(delay, [this, host, status] {
    if (running_[host]) end(host, outcome(status, Phase::run));
  });
}

void Simulation::fail_after(Milliseconds delay, HostIndex host, Status status, Phase phase) {
  after(delay, [this, host, status, phase] {
    if (!running_[host]) return;
    for (int entered = 1; entered <= static_cast<int>(phase); ++entered)
      tell(core::PhaseEntered{host, static_cast<Phase>(entered)});
    end(host, outcome(status, phase));
  });
}

void Simulation::end_gate(bool is_open, const std::string &why) {
  gate_runs_ = false;
  plan.gate_ended(is_open, why);
}

void Simulation::act(const plan::Start &start) {
  const HostIndex host = start.host;
  must(!running_[host], "a host is started again only when its attempt has ended");
  must(!record[host], "no host is started that has its record");
  must(running_now_ < parallel_, "never more than N at once");
  must(!plan.halted() && !plan.paused() && !gate_runs_, "nothing is started now");
  must(now >= not_before_[host], "the back-off is held");
  must(start.attempt == plan.attempts(host), "attempts are counted");
  must(!control.max_fail || failed_ < control.max_fail->of(hosts.size()),
       "nothing is started after the last failure that --max-fail allows");
  must(control.deadline.count() == 0 || now < begin + control.deadline,
       "nothing is started after the deadline");
  for (std::size_t batch = 0; batch < batch_of_[host]; ++batch)
    must(open_in_batch_[batch] == 0, "a batch begins when the one before has ended");
  running_[host] = true;
  waits_[host] = false;
  most_running = std::max(most_running, ++running_now_);
  starts.push_back({now, host, start.attempt});
  tell(core::Started{host});
  on_start(host, start.attempt);
}

void Simulation::act(const plan::RunGate &gate) {
  must(!gate_runs_ && running_now_ == 0, "a gate runs alone");
  must(gate.ended_batch == gates.size() + 1, "there is one gate after each batch");
  must(gate.ended_batch < open_in_batch_.size(), "there is no gate after the last batch");
  must(!plan.paused() && !plan.halted(), "no gate is begun now");
  for (std::size_t batch = 0; batch < gate.ended_batch; ++batch)
    must(open_in_batch_[batch] == 0, "the gate runs when the batch has ended");
  gate_runs_ = true;
  gates.emplace_back(now, gate.ended_batch);
  on_gate(gate.ended_batch);
}

void Simulation::act(const plan::GiveUp &given) {
  must(plan.halted(), "hosts are given up after a halt alone");
  must(waits_[given.host] && !record[given.host], "who is given up was to be tried again");
  waits_[given.host] = false;
  record[given.host] = last_[given.host];
  given_up.push_back(given.host);
}

void Simulation::act(const plan::StopRunning &stop) {
  must(stops.empty(), "what runs is told once to stop");
  must(running_now_ > 0, "only who runs is told to stop");
  must(plan.halted(), "what runs is stopped after a halt");
  stops.push_back(stop);
  on_stop(stop);
}

void Simulation::act(const plan::Wait &wait) {
  must(wait.until.never() || wait.until.at() > now, "no wait ends in the past");
  core::Deadline until = wait.until;
  if (!later_.empty()) until = until.or_sooner(core::Deadline(later_.top().at));
  must(!until.never(), "the plan does not wait for ever");
  if (until.never()) return;
  if (probes && until.at() - now > std::chrono::nanoseconds(1)) {
    // Just before it: neither earlier than needed nor with something left undone.
    now = until.at() - std::chrono::nanoseconds(1);
    const plan::Action early = plan.next(now, running_now_ < parallel_);
    const auto *still = std::get_if<plan::Wait>(&early);
    must(still != nullptr, "nothing could have been done before the wait was over");
    // Later is possible: who was due has found no place.
    must(still == nullptr || still->until.at() >= wait.until.at(), "no wait becomes shorter");
    if (still == nullptr) return;
  }
  now = until.at();
  while (!later_.empty() && later_.top().at <= now) {
    const auto action = later_.top().action;
    later_.pop();
    action();
  }
}

void Simulation::check_sums() {
  const auto progress = plan.progress();
  must(progress.running == running_now_, "running hosts are counted");
  must(progress.running + progress.waiting_to_retry + progress.not_started + progress.ended ==
           hosts.size(),
       "no host is lost");
}

void Simulation::run() {
  finished_ = false;
  for (int steps = 0; !finished_ && broken_.empty(); ++steps) {
    must(steps < 1'000'000, "a run ends");
    const plan::Action action = plan.next(now, running_now_ < parallel_);
    if (const auto *start = std::get_if<plan::Start>(&action)) act(*start);
    if (const auto *gate = std::get_if<plan::RunGate>(&action)) act(*gate);
    if (const auto *given = std::get_if<plan::GiveUp>(&action)) act(*given);
    if (const auto *stop = std::get_if<plan::StopRunning>(&action)) act(*stop);
    if (const auto *wait = std::get_if<plan::Wait>(&action)) act(*wait);
    finished_ = std::holds_alternative<plan::Finished>(action);
    check_sums();
  }
  must(running_now_ == 0, "it is over when nobody runs");
  for (HostIndex host = 0; host < hosts.size(); ++host) {
    must(!waits_[host] || plan.attempts(host) == 0, "nobody is left who was to be tried again");
    must(record[host].has_value() == (plan.attempts(host) > 0), "who was started has a record");
    must(record[host] || plan.halted(), "without a halt every host has its record");
  }
  check_rules();
}

void Simulation::check_rules() const { CHECK(broken_ == ""); }

std::vector<HostIndex> Simulation::order() const {
  std::vector<HostIndex> order;
  for (const Started &start : starts)
    if (start.attempt == 1) order.push_back(start.host);
  return order;
}

Milliseconds Simulation::elapsed() const {
  return std::chrono::duration_cast<Milliseconds>(now - begin);
}

std::size_t Simulation::records(Status status) const {
  return static_cast<std::size_t>(std::count_if(
      record.begin(), record.end(),
      [status](const auto &outcome) { return outcome && outcome->status == status; }));
}

}  // namespace fanout::plan_test
