#include "fanout/pool/kill_ladder.hpp"

namespace fanout::pool {

using core::Clock;
using core::Deadline;
using core::Milliseconds;
using core::Phase;
using core::Status;
using core::TimePoint;

namespace {

// What a worker gets beyond its own deadline to say so itself.
constexpr Milliseconds margin{1'000};
// After KILL of the remote command: for the server to confirm, and for us to close the channel.
constexpr Milliseconds after_remote_kill{3'000};
// Before a remote command is asked for there is only a connection to drop.
constexpr Milliseconds before_run{500};
constexpr Milliseconds after_terminate{500};

}  // namespace

KillLadder::KillLadder(const WorkerLimits &limits, TimePoint now) : limits_(limits) {
  entered(Phase::start, now);
}

void KillLadder::entered(Phase phase, TimePoint now) {
  const bool first = phase == Phase::start;
  phase_ = phase;
  // It had not heard of the stop when it asked for the command, and alone can end that.
  if (rung_ == Rung::stop_sent && (phase == Phase::open || phase == Phase::run))
    deadline_ = Deadline(now + patience());
  if (rung_ != Rung::watching) return;
  if (first && limits_.connect_timeout.count() > 0)
    deadline_ = Deadline(now + limits_.connect_timeout + margin);
  // Opening the channel still counts as connecting; from here on the command's own time runs.
  if (phase == Phase::run)
    deadline_ =
        limits_.run_timeout.count() > 0 ? Deadline(now + limits_.run_timeout + margin) : Deadline();
  if (phase == Phase::done) deadline_ = Deadline(now + margin);
}

Milliseconds KillLadder::patience() const {
  return phase_ < Phase::open ? before_run : limits_.stop_grace + after_remote_kill + margin;
}

void KillLadder::rise(Rung rung, Deadline until) {
  rung_ = rung;
  deadline_ = until;
}

void KillLadder::stop(Status status, TimePoint now) {
  if (rung_ != Rung::watching) return;
  reason_ = status;
  rise(Rung::stop_due, Deadline(now));
}

void KillLadder::expect_end(TimePoint now) {
  if (rung_ == Rung::watching || rung_ == Rung::stop_due || rung_ == Rung::stop_sent)
    rise(Rung::stop_sent, Deadline(now + margin));
}

void KillLadder::kill_now(TimePoint now) {
  if (rung_ != Rung::killed) rise(Rung::terminated, Deadline(now));
}

KillLadder::Action KillLadder::climb(TimePoint now) {
  if (!deadline_.passed(now)) return Action::none;
  switch (rung_) {
    case Rung::watching:
      if (phase_ == Phase::run) {
        // It may still be able to end the remote command.
        reason_ = Status::timeout;
        rise(Rung::stop_sent, Deadline(now + patience()));
        return Action::send_stop;
      }
      // It is over its own deadline by the margin and silent. There is nobody to talk to.
      if (!reason_ && phase_ != Phase::done) reason_ = Status::timeout;
      rise(Rung::terminated, Deadline(now + after_terminate));
      return Action::terminate;
    case Rung::stop_due:
      rise(Rung::stop_sent, Deadline(now + patience()));
      return Action::send_stop;
    case Rung::stop_sent:
      rise(Rung::terminated, Deadline(now + after_terminate));
      return Action::terminate;
    case Rung::terminated: rise(Rung::killed, Deadline()); return Action::kill;
    case Rung::killed: break;
  }
  return Action::none;
}

}  // namespace fanout::pool
