#include "dispatch.hpp"

#include <algorithm>
#include <csignal>
#include <thread>
#include <utility>

#include "fanout/sys/io.hpp"
#include "fanout/sys/process.hpp"
#include "surroundings.hpp"

namespace fanout {

using core::HostIndex;

namespace {

// Enough to keep a processor busy while hosts take their time, few enough that none waits for a second.
constexpr std::size_t beginning_per_processor = 256;
constexpr int starts_between_hearings = 16;

}  // namespace

Dispatch::Dispatch(Task task, std::size_t hosts, pool::Pool &pool, console::Output &output,
                   sys::SignalFd &signals)
    : task_(std::move(task)),
      pool_(pool),
      output_(output),
      signals_(signals),
      plan_(hosts),
      pace_(beginning_per_processor * std::max(1U, std::thread::hardware_concurrency())) {}

void Dispatch::run() {
  const core::TimePoint begin = sys::now();
  while (!plan_.finished()) {
    const bool has_waiting = start_hosts();
    // Hosts that could not even be started have ended already.
    if (plan_.finished()) break;
    hear(has_waiting ? pace_.next(sys::now()) : core::Deadline());
  }
  elapsed_ = std::chrono::duration_cast<core::Milliseconds>(sys::now() - begin);
}

// True when a host could be started but for the pace.
bool Dispatch::start_hosts() {
  int unheard = 0;
  // Signals first, also between two starts: after Ctrl-C no further host may be started.
  for (heed_signals(); pool_.has_room(); heed_signals()) {
    if (!pace_.may_start(sys::now())) return !plan_.halted() && plan_.not_started() > 0;
    const auto host = plan_.next();
    if (!host) return false;
    start(*host);
    // Those that run already want an answer, for instance whether their host key is accepted.
    if (++unheard % starts_between_hearings == 0) hear(core::Deadline(core::TimePoint::min()));
  }
  return false;
}

void Dispatch::hear(core::Deadline deadline) {
  std::vector<core::Event> events = pool_.wait(deadline.or_sooner(refresh_at_));
  task_.woken();
  for (core::Event &event : events)
    if (!task_.admit || task_.admit(event)) handle(event);
  if (task_.refresh) refresh_at_ = task_.refresh(sys::now());
}

void Dispatch::start(HostIndex host) {
  auto job = task_.make_job(host);
  if (job) {
    pace_.started(host, sys::now());
    return pool_.start(std::move(*job));
  }
  core::Outcome outcome;
  outcome.cause = job.error().message;
  handle(core::Started{host});
  handle(core::Ended{host, std::move(outcome)});
}

void Dispatch::handle(const core::Event &event) {
  plan_.observe(event);
  pace_.observe(event);
  if (const auto why = crashes_.observe(event)) halt(*why);
  if (auto shown = task_.observe(event); !shown) {
    say(output_, shown.error().message);
    stop(shown.error().message);
  }
}

void Dispatch::halt(const std::string &why) {
  if (why_halted_.empty()) why_halted_ = why;
  plan_.halt();
  pool_.drop_pending();
}

void Dispatch::stop(const std::string &why) {
  halt(why);
  if (std::exchange(stopping_, true)) return;
  pool_.stop_all(core::Status::interrupted);
}

void Dispatch::heed_signals() {
  while (const auto signal = signals_.next()) heed(*signal);
}

void Dispatch::heed(int signal) {
  if (!interrupted_by_) interrupted_by_ = signal;
  const std::string why = "stopped by SIG" + sys::signal_name(signal);
  const Patience before = patience_;
  patience_ =
      signal == SIGINT && before == Patience::all ? Patience::for_running : Patience::for_stopping;
  if (patience_ == Patience::for_running) {
    halt(why);
    static_cast<void>(output_.write(core::Stream::err, task_.running_text()));
  } else if (before != Patience::for_stopping) {
    stop(why);
  } else {
    // Once more after the remote commands have been told to end: nobody waits for them any longer.
    pool_.kill_all(core::Status::interrupted);
  }
}

}  // namespace fanout
