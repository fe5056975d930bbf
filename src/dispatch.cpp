#include "dispatch.hpp"

#include <algorithm>
#include <csignal>
#include <thread>
#include <utility>

#include <fmt/format.h>

#include "fanout/core/duration.hpp"
#include "fanout/sys/io.hpp"
#include "fanout/sys/process.hpp"
#include "surroundings.hpp"

namespace fanout {

using core::Deadline;
using core::HostIndex;
using core::Result;

namespace {

// Enough to keep a processor busy while hosts take their time, few enough that none waits for a second.
constexpr std::size_t beginning_per_processor = 256;
constexpr std::size_t starts_between_hearings = 16;

std::size_t most_beginning() {
  return beginning_per_processor * std::max(1U, std::thread::hardware_concurrency());
}

}  // namespace

Result<Signals> Signals::open() {
  TRY_ASSIGN(sys::SignalFd ending, sys::SignalFd::open({SIGINT, SIGTERM, SIGHUP}));
  TRY_ASSIGN(sys::SignalFd steering, sys::SignalFd::open({SIGUSR1, SIGUSR2}));
  return Signals{std::move(ending), std::move(steering)};
}

std::vector<plan::HostFacts> facts_of(const std::vector<core::Host> &hosts) {
  std::vector<plan::HostFacts> facts;
  facts.reserve(hosts.size());
  for (const core::Host &host : hosts)
    facts.push_back({host.settings.priority.value_or(0),
                     fmt::format("{}:{}", host.address, host.port), std::nullopt});
  return facts;
}

Dispatch::Dispatch(Task task, const core::RunControl &control,
                   const std::vector<plan::HostFacts> &hosts, std::uint64_t seed, Tools tools)
    : task_(std::move(task)),
      control_(control),
      pool_(tools.pool),
      output_(tools.output),
      signals_(tools.signals),
      journal_(tools.journal),
      hosts_(hosts.size()),
      begin_(sys::now()),
      plan_(control, hosts, seed, begin_, most_beginning()),
      was_started_(journal_ == nullptr ? 0 : hosts.size()) {}

void Dispatch::run() {
  for (;;) {
    // Signals first, also between two starts: after Ctrl-C no further host may be started.
    heed_signals();
    const auto until = carry_out();
    if (!until) break;
    hear(*until);
  }
  elapsed_ = std::chrono::duration_cast<core::Milliseconds>(sys::now() - begin_);
  if (journal_ != nullptr) journal_skipped();
}

// What the plan wants done, until it wants to hear of the workers; by when, or nothing when it is over.
std::optional<Deadline> Dispatch::carry_out() {
  std::vector<plan::Start> wave;
  // What is started is first written down, and a wave of them costs no more than one.
  const std::size_t largest_wave = journal_ == nullptr ? 1 : starts_between_hearings;
  std::size_t unheard = 0;
  for (;;) {
    const plan::Action action = plan_.next(sys::now(), pool_.room() > wave.size());
    const auto *next = std::get_if<plan::Start>(&action);
    if (next != nullptr) wave.push_back(*next);
    const bool begins_wave = !wave.empty() && (next == nullptr || wave.size() == largest_wave);
    if (begins_wave) {
      unheard += wave.size();
      start(std::exchange(wave, {}));
      // Those that run already want an answer, for instance whether their host key is accepted.
      if (unheard >= starts_between_hearings) {
        hear(Deadline(core::TimePoint::min()));
        unheard = 0;
      }
    }
    if (next != nullptr) continue;
    if (const auto *wait = std::get_if<plan::Wait>(&action)) {
      // The wave may have ended already, if no worker could be made.
      if (begins_wave) continue;
      return wait->until;
    }
    if (std::holds_alternative<plan::Finished>(action)) return std::nullopt;
    if (const auto *due = std::get_if<plan::RunGate>(&action)) run_gate(*due);
    if (const auto *given_up = std::get_if<plan::GiveUp>(&action))
      tell(attempted_.extract(given_up->host).mapped().last);
    if (const auto *stopped = std::get_if<plan::StopRunning>(&action))
      pool_.stop_all(stopped->status, stopped->why);
  }
}

void Dispatch::hear(Deadline deadline) {
  deadline = deadline.or_sooner(refresh_at_).or_sooner(flush_at_);
  if (gate_) deadline = deadline.or_sooner(Deadline(sys::now() + Gate::between_looks));
  // Before the wait, in which it would be tried again.
  if (plan_.halted() && !std::exchange(dropped_pending_, true))
    pool_.drop_pending(plan_.why_halted());
  std::vector<core::Event> events = pool_.wait(deadline);
  task_.woken();
  if (const auto &lost = pool_.why_none_can_start()) halt(lost->message);
  const core::TimePoint now = sys::now();
  for (core::Event &event : events)
    if (!task_.admit || task_.admit(event)) handle(event, now);
  listen_to_gate();
  if (task_.refresh) refresh_at_ = task_.refresh(sys::now());
  if (journal_ == nullptr) return;
  const auto flushed = journal_->flush(sys::now());
  flush_at_ = flushed ? *flushed : Deadline();
  if (!flushed) journalled(core::fail(flushed.error()));
}

// --- hosts ------------------------------------------------------------------------------------------------------------

void Dispatch::start(const std::vector<plan::Start> &wave) {
  if (journal_ != nullptr && !failed_here_) {
    std::vector<report::Journal::Start> lines;
    lines.reserve(wave.size());
    for (const plan::Start &next : wave) {
      lines.push_back({next.host, next.attempt});
      was_started_[next.host] = true;
    }
    journalled(journal_->starting(lines));
  }
  for (const plan::Start &next : wave) {
    heed_signals();
    // Without a journal nobody could tell afterwards that it was started.
    if (!failed_here_ && !plan_.halted()) {
      start(next.host);
      continue;
    }
    core::Outcome skipped;
    skipped.status = core::Status::skipped;
    skipped.cause = plan_.why_halted();
    core::Event not_started = core::Ended{next.host, std::move(skipped)};
    end(not_started, sys::now());
  }
}

void Dispatch::start(HostIndex host) {
  auto job = task_.make_job(host);
  if (job) return pool_.start(std::move(*job));
  tell(core::Started{host});
  // Without its key holder there is no host that could be logged in to.
  if (job.error().kind == core::ErrorKind::internal) halt(job.error().message);
  core::Outcome outcome;
  outcome.cause = job.error().message;
  core::Event not_made = core::Ended{host, std::move(outcome)};
  end(not_made, sys::now());
}

void Dispatch::handle(core::Event &event, core::TimePoint now) {
  if (std::holds_alternative<core::Ended>(event)) return end(event, now);
  plan_.observe(event);
  tell(event);
}

// `event` is an Ended.
void Dispatch::end(core::Event &event, core::TimePoint now) {
  auto &ended = std::get<core::Ended>(event);
  const HostIndex host = ended.host;
  const auto ending = plan_.ended(ended, now);
  const auto before = attempted_.find(host);
  // No worker was made for it this time; what it has is the record of the last one.
  if (ended.outcome.status == core::Status::skipped && before != attempted_.end())
    ended = std::move(before->second.last);
  ended.outcome.attempts = plan_.attempts(host);
  const core::TimePoint began =
      before != attempted_.end() ? before->second.began : now - ended.outcome.elapsed;
  ended.outcome.elapsed = std::chrono::duration_cast<std::chrono::microseconds>(now - began);
  if (before != attempted_.end()) attempted_.erase(before);
  if (ending.is_record) return tell(event);
  tell(core::Retrying{host, ended.outcome, ending.again_in});
  attempted_.emplace(host, Attempted{std::move(ended), began});
}

void Dispatch::tell(const core::Event &event) {
  if (journal_ != nullptr) {
    if (const auto *ended = std::get_if<core::Ended>(&event)) {
      if (ended->outcome.status == core::Status::skipped)
        was_started_[ended->host] = false;
      else
        journalled(journal_->ended(ended->host, ended->outcome));
    }
    if (const auto *retrying = std::get_if<core::Retrying>(&event))
      journalled(journal_->retrying(retrying->host, retrying->outcome));
  }
  if (auto shown = task_.observe(event); !shown) {
    say(output_, shown.error().message);
    halt(shown.error().message);
    stop("stopped after an error on this machine");
  }
}

void Dispatch::journal_skipped() {
  std::vector<HostIndex> skipped;
  for (HostIndex host = 0; host < hosts_; ++host)
    if (!was_started_[host]) skipped.push_back(host);
  if (!skipped.empty()) journalled(journal_->skipped(skipped, plan_.why_halted()));
}

void Dispatch::journalled(const Result<void> &written) {
  if (written || std::exchange(failed_here_, true)) return;
  say(output_, written.error().message);
  // What runs may go on; what would be started could not be accounted for.
  halt(written.error().message);
}

void Dispatch::halt(const std::string &why) { plan_.halt(why); }

void Dispatch::stop(const std::string &why) {
  halt(why);
  if (std::exchange(stopping_, true)) return;
  pool_.stop_all(core::Status::interrupted, why);
}

// --- the gate ---------------------------------------------------------------------------------------------------------

void Dispatch::run_gate(const plan::RunGate &due) {
  const plan::Plan::Progress progress = plan_.progress();
  auto gate = Gate::start(
      control_.gate,
      {fmt::format("FANOUT_BATCH={}", due.ended_batch),
       fmt::format("FANOUT_BATCHES={}", progress.batches), fmt::format("FANOUT_HOSTS={}", hosts_),
       fmt::format("FANOUT_OK={}", progress.ended - progress.failed),
       fmt::format("FANOUT_FAILED={}", progress.failed)},
      output_);
  if (!gate) return plan_.gate_ended(false, gate.error().message);
  gate_.emplace(*std::move(gate));
}

void Dispatch::listen_to_gate() {
  if (!gate_) return;
  // Whatever it would say nobody waits for any longer.
  if (plan_.halted()) gate_->stop(sys::now());
  const auto end = gate_->listen();
  if (!end) return;
  gate_.reset();
  plan_.gate_ended(end->empty(), *end);
}

// --- signals ----------------------------------------------------------------------------------------------------------

void Dispatch::heed_signals() {
  while (const auto signal = signals_.ending.next()) heed(*signal);
  while (const auto signal = signals_.steering.next()) steer(*signal);
}

void Dispatch::heed(int signal) {
  if (!interrupted_by_) interrupted_by_ = signal;
  const std::string why = "stopped by SIG" + sys::signal_name(signal);
  const Patience before = patience_;
  patience_ =
      signal == SIGINT && before == Patience::all ? Patience::for_running : Patience::for_stopping;
  if (patience_ == Patience::for_running) {
    halt(why);
    static_cast<void>(output_.write(core::Stream::err, state_text()));
  } else if (before != Patience::for_stopping) {
    output_.give_up_soon();
    stop(why);
  } else {
    // Once more after the remote commands have been told to end: nobody waits for them any longer.
    if (gate_) gate_->kill();
    pool_.kill_all(core::Status::interrupted);
  }
}

void Dispatch::interrupt() { heed(SIGINT); }

void Dispatch::note_late_signals() {
  while (const auto signal = signals_.ending.next())
    if (!interrupted_by_) interrupted_by_ = signal;
}

void Dispatch::stop_host(HostIndex host, const std::string &why) {
  pool_.stop(host, core::Status::interrupted, why);
}

void Dispatch::steer(int signal) {
  if (signal == SIGUSR2) {
    plan_.set_paused(!plan_.paused());
    say(output_, plan_.paused() ? "paused by SIGUSR2: nothing new is started until the next one"
                                : "goes on");
  }
  if (signal == SIGUSR1) static_cast<void>(output_.write(core::Stream::err, state_text()));
}

// Besides what runs: what the run waits for.
std::string Dispatch::state_text() const {
  const plan::Plan::Progress progress = plan_.progress();
  std::string text = task_.running_text();
  if (progress.batches > 1)
    text += fmt::format("  batch {} of {}\n", progress.batch, progress.batches);
  if (progress.waiting_to_retry > 0)
    text += fmt::format("  {} waiting to be tried again\n", progress.waiting_to_retry);
  if (progress.gate_runs) text += "  the gate runs\n";
  if (!progress.pause_until.never() && !progress.gate_runs)
    text += fmt::format(
        "  the pause between batches ends in {}\n",
        core::describe_duration(core::Milliseconds(progress.pause_until.poll_timeout(sys::now()))));
  if (plan_.paused()) text += "  paused: nothing new is started\n";
  if (plan_.halted()) text += fmt::format("  no more are started: {}\n", plan_.why_halted());
  return text;
}

}  // namespace fanout
