#include "dispatch.hpp"

#include <csignal>
#include <utility>

#include "fanout/sys/io.hpp"
#include "fanout/sys/process.hpp"
#include "surroundings.hpp"

namespace fanout {

using core::HostIndex;

Dispatch::Dispatch(Task task, std::size_t hosts, pool::Pool &pool, console::Output &output,
                   sys::SignalFd &signals)
    : task_(std::move(task)), pool_(pool), output_(output), signals_(signals), plan_(hosts) {}

void Dispatch::run() {
  const core::TimePoint begin = sys::now();
  while (!plan_.finished()) {
    // Signals first, also between two starts: after Ctrl-C no further host may be started.
    for (heed_signals(); pool_.has_room(); heed_signals())
      if (const auto host = plan_.next())
        start(*host);
      else
        break;
    // Hosts that could not even be started have ended already.
    if (plan_.finished()) break;
    const std::vector<core::Event> events = pool_.wait({});
    task_.woken();
    for (const core::Event &event : events) handle(event);
  }
  elapsed_ = std::chrono::duration_cast<core::Milliseconds>(sys::now() - begin);
}

void Dispatch::start(HostIndex host) {
  auto job = task_.make_job(host);
  if (job) return pool_.start(std::move(*job));
  core::Outcome outcome;
  outcome.cause = job.error().message;
  handle(core::Started{host});
  handle(core::Ended{host, std::move(outcome)});
}

void Dispatch::handle(const core::Event &event) {
  plan_.observe(event);
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
