// When a worker is asked to stop, told to stop, and killed. Pure: the time is handed in.
//
// A worker keeps its own deadlines and says what happened. The ladder is for one that does not: stuck in the resolver,
// stopped, or taken over. Rungs: a stop message (the remote command gets TERM, time, KILL), SIGTERM, SIGKILL. Each
// climbs only when the time of the one before is over. A stopped process gets no SIGTERM, but SIGKILL ends it too.
#pragma once

#include <chrono>
#include <optional>

#include "fanout/core/deadline.hpp"
#include "fanout/core/status.hpp"

namespace fanout::pool {

struct WorkerLimits {
  core::Milliseconds connect_timeout{0};  // start to logged in; 0 is none
  core::Milliseconds run_timeout{0};      // the command; 0 is none
  core::Milliseconds stop_grace{
      5'000};  // that the worker gives the remote command between TERM and KILL
};

class KillLadder {
public:
  enum class Action { none, send_stop, terminate, kill };

  KillLadder(const WorkerLimits &limits, core::TimePoint now);

  // The worker says that it has entered a phase.
  void entered(core::Phase phase, core::TimePoint now);
  // The user wants it to stop; `status` is what its record is to say.
  void stop(core::Status status, core::TimePoint now);
  // Its link has ended, or it broke the rules: there is nothing more to hear from it.
  void expect_end(core::TimePoint now);
  void kill_now(core::TimePoint now);

  // When climb() has something to do; never() when it waits for the worker alone.
  [[nodiscard]] core::Deadline deadline() const { return deadline_; }
  // What is due now. Repeated calls climb on.
  Action climb(core::TimePoint now);
  // This process was itself stopped for a while: nobody is late for that.
  void postpone(core::Clock::duration by) { deadline_ = deadline_.postponed(by); }

  // Why we ended the worker: timeout, or the status given to stop(); nullopt when we did not.
  [[nodiscard]] std::optional<core::Status> reason() const { return reason_; }

private:
  enum class Rung { watching, stop_due, stop_sent, terminated, killed };
  void rise(Rung rung, core::Deadline until);
  [[nodiscard]] core::Milliseconds patience() const;

  WorkerLimits limits_;
  core::Phase phase_ = core::Phase::start;
  Rung rung_ = Rung::watching;
  core::Deadline deadline_;
  std::optional<core::Status> reason_;
};

}  // namespace fanout::pool
