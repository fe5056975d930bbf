#include "exec_task.hpp"

#include <poll.h>

#include <algorithm>

#include <fmt/format.h>

#include "fanout/core/duration.hpp"
#include "fanout/sys/io.hpp"

namespace fanout::worker {

using core::Deadline;
using core::Outcome;
using core::RemoteEnd;
using core::Result;
using core::Status;

namespace {

// A parent that does not keep up: then the server is not read either, its window closes, and it waits.
constexpr std::size_t backlog_limit_bytes = 256 * 1024;
constexpr std::size_t turn_bytes = 256 * 1024;
constexpr core::Milliseconds after_kill{2'000};
constexpr core::Milliseconds after_close{500};

class Exec {
public:
  Exec(ssh::Session &session, ssh::ExecChannel &channel, ParentLink &parent,
       const ExecLimits &limits, Outcome &outcome)
      : session_(session), channel_(channel), parent_(parent), limits_(limits), outcome_(outcome) {}

  void run();

private:
  enum class Stopping { no, terminated, killed, closing, over };

  [[nodiscard]] bool server_told_end() const {
    return channel_.exit_status() || !channel_.exit_signal().empty();
  }
  void forward(core::Stream stream, std::string_view bytes);
  void send_signal(const char *name, core::TimePoint now);
  void escalate(core::TimePoint now);
  void begin_stop(Status why, core::TimePoint now);
  void record_end();
  void record_stop();
  void record_loss(const core::Error &error);

  ssh::Session &session_;
  ssh::ExecChannel &channel_;
  ParentLink &parent_;
  const ExecLimits &limits_;
  Outcome &outcome_;
  Stopping stopping_ = Stopping::no;
  Status stop_status_ = Status::interrupted;
  Deadline step_;  // while stopping: when the next step is due; before: the command's time
  bool ended_before_stop_ = false;
};

void Exec::forward(core::Stream stream, std::string_view bytes) {
  (stream == core::Stream::out ? outcome_.stdout_bytes : outcome_.stderr_bytes) += bytes.size();
  parent_.send(wire::OutputMessage{stream, std::string(bytes)});
}

// Has a deadline of its own, because in a key exchange even this waits for the server; what follows has none again, or the
// connection could not be read any more when it has passed.
void Exec::send_signal(const char *name, core::TimePoint now) {
  session_.set_deadline(Deadline::in(after_kill, now));
  static_cast<void>(channel_.signal(name));
  session_.set_deadline({});
}

void Exec::begin_stop(Status why, core::TimePoint now) {
  stop_status_ = why;
  parent_.ignore_stop();
  ended_before_stop_ = server_told_end();
  stopping_ = Stopping::terminated;
  step_ = Deadline::in(limits_.stop_grace, now);
  if (limits_.stop_grace.count() <= 0) step_ = Deadline(now);
  // Not every server knows signals, and none confirms them: the exit signal or status is the proof.
  send_signal("TERM", now);
}

void Exec::escalate(core::TimePoint now) {
  switch (stopping_) {
    case Stopping::no: begin_stop(Status::timeout, now); break;
    case Stopping::terminated:
      stopping_ = Stopping::killed;
      step_ = Deadline::in(after_kill, now);
      send_signal("KILL", now);
      break;
    case Stopping::killed:
      stopping_ = Stopping::closing;
      step_ = Deadline::in(after_close, now);
      session_.set_deadline(step_);
      static_cast<void>(channel_.close());
      break;
    case Stopping::closing:
    case Stopping::over: stopping_ = Stopping::over; break;
  }
}

void Exec::run() {
  step_ = Deadline::in(limits_.timeout, sys::now());
  session_.set_deadline({});
  const auto sink = [this](core::Stream stream, std::string_view bytes) { forward(stream, bytes); };
  while (stopping_ != Stopping::over) {
    const bool blocked = parent_.backlog_bytes() >= backlog_limit_bytes;
    if (!blocked) {
      if (auto pumped = channel_.pump(turn_bytes, sink); !pumped) {
        if (stopping_ != Stopping::no) break;
        return record_loss(pumped.error());
      }
      if (channel_.closed()) break;
    }
    core::TimePoint now = sys::now();
    // Told to die and dead: what may still hold the output open is not the command.
    if (stopping_ != Stopping::no && server_told_end())
      step_ = step_.or_sooner(Deadline::in(after_close, now));
    if (parent_.stop() && stopping_ == Stopping::no) begin_stop(parent_.stop()->status, now);
    if (step_.passed(now)) {
      if (stopping_ != Stopping::no && server_told_end()) break;
      escalate(now);
      continue;
    }
    if (blocked) {
      parent_.wait_for_anything(-1, POLLIN, step_);
      // The command's time does not run while its output waits for us.
      if (stopping_ == Stopping::no) step_ = step_.postponed(sys::now() - now);
    } else {
      parent_.wait_for_anything(channel_.fd(), channel_.wanted_events(), step_);
    }
  }
  if (stopping_ == Stopping::no)
    record_end();
  else
    record_stop();
}

void Exec::record_end() {
  outcome_.exit_status = channel_.exit_status();
  outcome_.signal = channel_.exit_signal();
  outcome_.remote_end = server_told_end() ? RemoteEnd::exited : RemoteEnd::unknown;
  if (const std::uint64_t lost = channel_.lost_bytes(); lost > 0) {
    outcome_.status = Status::protocol;
    outcome_.cause = fmt::format(
        "window violated: the server sent {} bytes more than it was allowed, they are lost", lost);
  } else if (!outcome_.signal.empty()) {
    outcome_.status = Status::failed;
    outcome_.cause = fmt::format("killed by signal {}", outcome_.signal);
  } else if (!outcome_.exit_status) {
    outcome_.status = Status::failed;
    outcome_.cause = "no exit status from the server";
  } else if (*outcome_.exit_status != 0) {
    outcome_.status = Status::failed;
    outcome_.cause = fmt::format("exit {}", *outcome_.exit_status);
  } else {
    outcome_.status = Status::ok;
  }
}

void Exec::record_stop() {
  const bool dead = server_told_end();
  outcome_.status = stop_status_;
  outcome_.exit_status = channel_.exit_status();
  outcome_.signal = channel_.exit_signal();
  const bool by_itself = ended_before_stop_ || outcome_.exit_status == 0;
  outcome_.remote_end = !dead       ? RemoteEnd::unknown
                        : by_itself ? RemoteEnd::exited
                                    : RemoteEnd::killed;
  const std::string what =
      stop_status_ == Status::timeout
          ? fmt::format("timed out after {}", core::format_duration(limits_.timeout))
          : std::string("stopped");
  if (ended_before_stop_)
    outcome_.cause = what + "; the command had ended, but something keeps its output open";
  else if (outcome_.exit_status == 0)
    outcome_.cause = what + "; the command ended just then, with status 0";
  else
    outcome_.cause =
        what + (dead ? "; the remote command was killed" : "; the remote command may still run");
}

void Exec::record_loss(const core::Error &error) {
  outcome_.status = core::status_of(error.kind);
  outcome_.exit_status = channel_.exit_status();
  outcome_.signal = channel_.exit_signal();
  outcome_.remote_end = server_told_end() ? RemoteEnd::exited : RemoteEnd::unknown;
  outcome_.cause = error.message + (server_told_end() ? "; its output is incomplete"
                                                      : " while the command ran; it may still run");
}

}  // namespace

void run_exec(ssh::Session &session, ssh::ExecChannel &channel, ParentLink &parent,
              const ExecLimits &limits, Outcome &outcome) {
  Exec(session, channel, parent, limits, outcome).run();
}

}  // namespace fanout::worker
