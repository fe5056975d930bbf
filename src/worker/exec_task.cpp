// Two clocks run beside the command: that of its time and that of its silence. Neither runs while its output waits for a
// parent that does not keep up.
#include "exec_task.hpp"

#include <poll.h>

#include <optional>
#include <string>

#include <fmt/format.h>

#include "fanout/core/duration.hpp"
#include "fanout/sys/io.hpp"
#include "remote_stop.hpp"

namespace fanout::worker {

using core::Deadline;
using core::Outcome;
using core::RemoteEnd;
using core::Status;

namespace {

// A parent that does not keep up: then the server is not read either, its window closes, and it waits.
constexpr std::size_t backlog_limit_bytes = 256 * 1024;
constexpr std::size_t turn_bytes = 256 * 1024;

class Exec {
public:
  Exec(ssh::Session &session, ssh::ExecChannel &channel, ParentLink &parent,
       const ExecLimits &limits, Outcome &outcome)
      : session_(session), channel_(channel), parent_(parent), limits_(limits), outcome_(outcome) {}

  void run();

private:
  [[nodiscard]] bool server_told_end() const {
    return channel_.exit_status() || !channel_.exit_signal().empty();
  }
  void forward(core::Stream stream, std::string_view bytes);
  void stop_if_due(core::TimePoint now);
  void stop(Status status, std::string why, core::TimePoint now);
  void wait(bool blocked, core::TimePoint now);
  void record_end();
  void record_loss(const core::Error &error);

  ssh::Session &session_;
  ssh::ExecChannel &channel_;
  ParentLink &parent_;
  const ExecLimits &limits_;
  Outcome &outcome_;
  Deadline time_;     // of the command
  Deadline silence_;  // of its output
  bool heard_ = false;
  std::optional<RemoteStop> stop_;
  Status stop_status_ = Status::interrupted;
  std::string stop_why_;
};

void Exec::forward(core::Stream stream, std::string_view bytes) {
  heard_ = true;
  (stream == core::Stream::out ? outcome_.stdout_bytes : outcome_.stderr_bytes) += bytes.size();
  parent_.send(wire::OutputMessage{stream, std::string(bytes)});
}

void Exec::stop(Status status, std::string why, core::TimePoint now) {
  stop_status_ = status;
  stop_why_ = std::move(why);
  parent_.ignore_stop();
  stop_.emplace(session_, channel_, limits_.stop_grace, now);
}

void Exec::stop_if_due(core::TimePoint now) {
  const auto timed_out = [this] {
    return fmt::format("timed out after {}", core::format_duration(limits_.timeout));
  };
  if (const auto &told = parent_.stop()) {
    const bool timeout = told->status == Status::timeout;
    stop(told->status, !told->why.empty() ? told->why : timeout ? timed_out() : "stopped", now);
  } else if (time_.passed(now)) {
    stop(Status::timeout, timed_out(), now);
  } else if (silence_.passed(now)) {
    stop(Status::timeout,
         fmt::format("no output for {}", core::format_duration(limits_.stall_timeout)), now);
  }
}

void Exec::wait(bool blocked, core::TimePoint now) {
  Deadline until = stop_ ? stop_->until() : time_.or_sooner(silence_);
  if (!blocked) {
    const short events = channel_.wanted_events();
    // There is more to be taken, and room for it: then nobody is waited for.
    if (events == 0) until = Deadline(core::TimePoint::min());
    return parent_.wait_for_anything(channel_.fd(), events, until);
  }
  if (stop_ && stop_->listens()) return parent_.wait_for_anything(channel_.fd(), POLLIN, until);
  parent_.wait_for_anything(-1, POLLIN, until);
  const auto waited = sys::now() - now;
  time_ = time_.postponed(waited);
  silence_ = silence_.postponed(waited);
}

void Exec::run() {
  const core::TimePoint start = sys::now();
  time_ = Deadline::in(limits_.timeout, start);
  silence_ = Deadline::in(limits_.stall_timeout, start);
  session_.set_deadline({});
  const auto sink = [this](core::Stream stream, std::string_view bytes) { forward(stream, bytes); };
  for (;;) {
    const bool blocked = parent_.backlog_bytes() >= backlog_limit_bytes;
    heard_ = false;
    if (!blocked && !channel_.closed()) {
      if (auto pumped = channel_.pump(turn_bytes, sink); !pumped) {
        if (!stop_) return record_loss(pumped.error());
        stop_->lost();
      }
    }
    if (channel_.closed() && !stop_) return record_end();
    const core::TimePoint now = sys::now();
    if (heard_) silence_ = Deadline::in(limits_.stall_timeout, now);
    if (!stop_) stop_if_due(now);
    if (stop_) stop_->turn(heard_ || blocked, now);
    if (stop_ && stop_->over()) break;
    wait(blocked, now);
  }
  outcome_.status = stop_status_;
  stop_->record(stop_why_, outcome_);
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
