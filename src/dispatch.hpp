// The loop of every command that contacts hosts: do what the plan says, hear the workers, heed the user's signals.
// What is done with a host, and what is told of it, is handed in.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "fanout/console/output.hpp"
#include "fanout/core/deadline.hpp"
#include "fanout/core/event.hpp"
#include "fanout/core/result.hpp"
#include "fanout/core/run_control.hpp"
#include "fanout/plan/plan.hpp"
#include "fanout/pool/pool.hpp"
#include "fanout/report/journal.hpp"
#include "fanout/sys/signals.hpp"
#include "gate.hpp"

namespace fanout {

// As events, from before the first question to the user to the end of the run.
struct Signals {
  sys::SignalFd ending;    // SIGINT, SIGTERM, SIGHUP
  sys::SignalFd steering;  // SIGUSR1, SIGUSR2
  static core::Result<Signals> open();
};

// What the plan has to know of hosts; but not of passwords.
std::vector<plan::HostFacts> facts_of(const std::vector<core::Host> &hosts);

class Dispatch {
public:
  struct Task {
    // What the worker of this host is to be told. A failure is that host's end.
    std::function<core::Result<pool::Job>(core::HostIndex)> make_job;
    // Each event once, in order. An error stops the run.
    std::function<core::Result<void>(const core::Event &)> observe;
    // For SIGINT and SIGUSR1: what is going on, a few lines.
    std::function<std::string()> running_text;
    // Called when wake_on() of the pool may be the reason for which it woke up.
    std::function<void()> woken;
    // May be empty. Asked first of every event: whether it is one for the run. It may be changed, and a worker be started
    // for the host whose end is kept back.
    std::function<bool(core::Event &)> admit = {};
    // May be empty. After the events that came together, and when the time has come that it gave last.
    std::function<core::Deadline(core::TimePoint now)> refresh = {};
  };
  // What a run is done by and with; all borrowed.
  struct Tools {
    pool::Pool &pool;
    console::Output &output;
    Signals &signals;
    report::Journal *journal = nullptr;  // none, if nobody asked for one
  };

  Dispatch(Task task, const core::RunControl &control, const std::vector<plan::HostFacts> &hosts,
           std::uint64_t seed, Tools tools);

  // Returns when every host has its record or will not be started any more.
  void run();

  // What signals do, for whoever steers the run otherwise; while it goes on, and from within a call of the task.
  void interrupt();  // as SIGINT
  void toggle_pause() { plan_.set_paused(!plan_.paused()); }
  void stop_host(core::HostIndex host, const std::string &why);
  [[nodiscard]] bool paused() const { return plan_.paused(); }
  [[nodiscard]] bool halted() const { return plan_.halted(); }
  [[nodiscard]] plan::Plan::Progress progress() const { return plan_.progress(); }

  // What became of a write to the journal. After the first that failed nothing new is started.
  void journalled(const core::Result<void> &written);

  [[nodiscard]] core::Milliseconds elapsed() const { return elapsed_; }
  // Why hosts were not started; empty when all were.
  [[nodiscard]] const std::string &why_halted() const { return plan_.why_halted(); }
  // By a rule of the control.
  [[nodiscard]] bool stopped_early() const { return plan_.stopped_early(); }
  [[nodiscard]] std::optional<int> interrupted_by() const { return interrupted_by_; }
  // Signals that came when the run was over, while something was still to be shown of it.
  void note_late_signals();
  // The journal could not be kept.
  [[nodiscard]] bool failed_here() const { return failed_here_; }

private:
  // A host that has not its record yet, after an attempt that failed.
  struct Attempted {
    core::Ended last;
    core::TimePoint began;  // the first
  };

  [[nodiscard]] std::optional<core::Deadline> carry_out();
  void start(const std::vector<plan::Start> &wave);
  void start(core::HostIndex host);
  void hear(core::Deadline deadline);
  void handle(core::Event &event, core::TimePoint now);
  void end(core::Event &event, core::TimePoint now);
  void tell(const core::Event &event);
  void journal_skipped();
  void run_gate(const plan::RunGate &due);
  void listen_to_gate();
  void heed_signals();
  void heed(int signal);
  void steer(int signal);
  [[nodiscard]] std::string state_text() const;
  void halt(const std::string &why);  // starts nothing more
  void stop(const std::string &why);  // and ends what runs

  Task task_;
  const core::RunControl &control_;
  pool::Pool &pool_;
  console::Output &output_;
  Signals &signals_;
  report::Journal *journal_;
  std::size_t hosts_;
  core::TimePoint begin_;
  plan::Plan plan_;
  core::Milliseconds elapsed_{0};
  std::optional<int> interrupted_by_;
  // What signals have left of it: for every host, for those that run, for stopping those.
  enum class Patience { all, for_running, for_stopping };
  Patience patience_ = Patience::all;
  bool stopping_ = false;
  bool dropped_pending_ = false;
  bool failed_here_ = false;
  core::Deadline refresh_at_;
  core::Deadline flush_at_;
  std::optional<Gate> gate_;
  std::map<core::HostIndex, Attempted> attempted_;
  std::vector<bool> was_started_;  // by host, for the journal; what was taken back does not count
};

}  // namespace fanout
