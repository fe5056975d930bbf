// A signal is never answered (RFC 4254, section 6.9): the exit signal or status is the proof, and the end of the output that
// nothing of the command goes on. dropbear signals the shell alone and closes when that has ended, whatever it has left
// behind, so there the script has the word. It goes first: once the shell is dead, its children are harder to find.
#include "remote_stop.hpp"

#include <algorithm>

#include "fanout/sys/io.hpp"

namespace fanout::worker {

using core::Deadline;
using core::RemoteEnd;
using core::StopMethod;

namespace {

constexpr core::Milliseconds after_kill{2'000};
constexpr core::Milliseconds after_close{500};
// A forced command, or a server without room for a second channel, says nothing of our script.
constexpr core::Milliseconds script_begins{1'000};
// Beyond the grace: for what a script has to look through on a large host, twice, and the round trips.
constexpr core::Milliseconds script_ends{2'500};
constexpr core::Milliseconds most{3'000};

}  // namespace

RemoteStop::RemoteStop(ssh::Session &session, ssh::ExecChannel &channel, core::Milliseconds grace,
                       core::TimePoint now)
    : session_(session),
      channel_(channel),
      kill_at_(now + std::max(grace, core::Milliseconds{0})),
      ended_before_(server_told_end()),
      needs_script_(stop_way(session.identification()) == StopWay::script_then_signals) {
  // What follows has its times here. A deadline of the session would end the reading of the connection.
  session_.set_deadline({});
  if (!ended_before_ && needs_script_) {
    side_.emplace(session_, stop_command(grace));
    script_until_ = Deadline::in(script_begins, now);
  } else {
    rely_on_signals(now);
  }
}

// Has a deadline of its own, because in a key exchange even this waits for the server; what follows has none again, or the
// connection could not be read any more when it has passed.
void RemoteStop::send_signal(const char *name, core::TimePoint now) {
  session_.set_deadline(Deadline::in(after_kill, now));
  static_cast<void>(channel_.signal(name));
  session_.set_deadline({});
}

void RemoteStop::rely_on_signals(core::TimePoint now) {
  if (side_) side_->give_up();
  script_until_ = {};
  if (step_ != Step::none) return;
  step_ = Step::terminated;
  next_step_ = Deadline(kill_at_);
  if (!channel_.closed()) send_signal("TERM", now);
}

Deadline RemoteStop::until() const {
  if (side_ && side_->has_more()) return Deadline(core::TimePoint::min());
  return next_step_.or_sooner(script_until_)
      .or_sooner(end_until_)
      .or_sooner(Deadline(kill_at_ + most));
}

void RemoteStop::turn_script(core::TimePoint now) {
  if (!side_ || side_->over()) return;
  const bool begun = answer_.begun;
  if (!side_->turn()) return lost();
  answer_ = read_stop_answer(side_->output());
  if (answer_.begun && !begun) script_until_ = Deadline(kill_at_ + script_ends);
  // With nothing found it has done nothing.
  const bool useless = answer_.found ? *answer_.found == 0 : side_->over();
  if (useless || (!answer_.begun && script_until_.passed(now))) return rely_on_signals(now);
  if (!answer_.left && !side_->over() && !script_until_.passed(now)) return;
  script_until_ = {};
  end_until_ = Deadline::in(after_close, now);
  side_->give_up();
  // Without a last word it was ended itself, or is too late for another try.
  if (answer_.left || channel_.closed()) return;
  send_signal("KILL", now);
  static_cast<void>(channel_.close());
}

void RemoteStop::climb(core::TimePoint now) {
  if (!next_step_.passed(now)) return;
  switch (step_) {
    case Step::none: break;
    case Step::terminated:
      step_ = Step::killed;
      next_step_ = Deadline::in(after_kill, now);
      send_signal("KILL", now);
      break;
    case Step::killed:
      step_ = Step::closing;
      next_step_ = Deadline::in(after_close, now);
      static_cast<void>(channel_.close());
      break;
    case Step::closing: over_ = true; break;
  }
}

void RemoteStop::look_at_end(bool output_moves, core::TimePoint now) {
  const bool script_works = listens() && (script_decides() || step_ == Step::none);
  if (script_works) return;
  // The command is dead: what holds the output open is something else, or a server that is slow.
  const bool dead = server_told_end() || answer_.left;
  if (dead && (output_moves || end_until_.never())) end_until_ = Deadline::in(after_close, now);
  if (channel_.closed() || end_until_.passed(now)) over_ = true;
}

void RemoteStop::turn(bool output_moves, core::TimePoint now) {
  turn_script(now);
  if (!over_) climb(now);
  if (!over_) look_at_end(output_moves, now);
  // Whatever has come in between: the parent is not as patient for ever.
  if (Deadline(kill_at_ + most).passed(now)) over_ = true;
}

void RemoteStop::record(const std::string &why, core::Outcome &outcome) const {
  outcome.exit_status = channel_.exit_status();
  outcome.signal = channel_.exit_signal();
  outcome.remote_end = RemoteEnd::unknown;
  outcome.stopped_by = StopMethod::none;
  if (ended_before_) {
    outcome.remote_end = RemoteEnd::exited;
    outcome.cause = why + "; the command had ended, but something keeps its output open";
    return;
  }
  const bool told = server_told_end();
  const bool ended_well = told && channel_.closed() && outcome.exit_status == 0;
  // Where signals reach the shell alone, its end says nothing of what it has started.
  const bool shell_alone = told && needs_script_ && !script_decides();
  const bool all_ended =
      script_decides() ? script_ended_all() : told && channel_.closed() && !needs_script_;
  if (told && !channel_.closed()) {
    outcome.cause = why + "; its shell was killed, but something still keeps its output open";
  } else if (ended_well && (all_ended || shell_alone)) {
    outcome.remote_end = RemoteEnd::exited;
    outcome.cause = why + "; the command ended just then, with status 0";
  } else if (all_ended) {
    outcome.remote_end = RemoteEnd::killed;
    outcome.stopped_by = script_decides() ? StopMethod::kill_command : StopMethod::channel_signal;
    outcome.cause = why + "; the remote command was killed";
    if (script_decides()) outcome.cause += " (by kill on the host)";
  } else if (shell_alone) {
    outcome.cause = why + "; its shell was killed, but what it has started may still run";
  } else {
    outcome.cause = why + "; the remote command may still run";
  }
}

}  // namespace fanout::worker
