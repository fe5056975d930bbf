// The loop of every command that contacts hosts: start what the plan says, hear the workers, heed the user's signals.
// What is done with a host, and what is told of it, is handed in.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "fanout/console/output.hpp"
#include "fanout/core/deadline.hpp"
#include "fanout/core/event.hpp"
#include "fanout/core/result.hpp"
#include "fanout/plan/crashes.hpp"
#include "fanout/plan/plan.hpp"
#include "fanout/plan/start_pace.hpp"
#include "fanout/pool/pool.hpp"
#include "fanout/sys/signals.hpp"

namespace fanout {

class Dispatch {
public:
  struct Task {
    // What the worker of this host is to be told. A failure is that host's end.
    std::function<core::Result<pool::Job>(core::HostIndex)> make_job;
    // Each event once, in order. An error stops the run.
    std::function<core::Result<void>(const core::Event &)> observe;
    // For SIGINT: what is going on, a few lines.
    std::function<std::string()> running_text;
    // Called when wake_on() of the pool may be the reason for which it woke up.
    std::function<void()> woken;
    // May be empty. Asked first of every event: whether it is one for the run. It may be changed, and a worker be started
    // for the host whose end is kept back.
    std::function<bool(core::Event &)> admit = {};
    // May be empty. After the events that came together, and when the time has come that it gave last.
    std::function<core::Deadline(core::TimePoint now)> refresh = {};
  };

  // All are borrowed but the task.
  Dispatch(Task task, std::size_t hosts, pool::Pool &pool, console::Output &output,
           sys::SignalFd &signals);

  // Returns when every host has its record or will not be started any more.
  void run();

  [[nodiscard]] core::Milliseconds elapsed() const { return elapsed_; }
  // Why hosts were not started; empty when all were.
  [[nodiscard]] const std::string &why_halted() const { return why_halted_; }
  [[nodiscard]] std::optional<int> interrupted_by() const { return interrupted_by_; }

private:
  bool start_hosts();
  void start(core::HostIndex host);
  void hear(core::Deadline deadline);
  void handle(const core::Event &event);
  void heed_signals();
  void heed(int signal);
  void halt(const std::string &why);  // starts nothing more
  void stop(const std::string &why);  // and ends what runs

  Task task_;
  pool::Pool &pool_;
  console::Output &output_;
  sys::SignalFd &signals_;
  plan::Plan plan_;
  plan::Crashes crashes_;
  plan::StartPace pace_;
  core::Milliseconds elapsed_{0};
  std::optional<int> interrupted_by_;
  // What signals have left of it: for every host, for those that run, for stopping those.
  enum class Patience { all, for_running, for_stopping };
  Patience patience_ = Patience::all;
  bool stopping_ = false;
  core::Deadline refresh_at_;
  std::string why_halted_;
};

}  // namespace fanout
