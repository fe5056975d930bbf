#include "transfer.hpp"

#include <algorithm>
#include <limits>
#include <utility>

#include <fmt/format.h>

#include "exec_task.hpp"
#include "fanout/core/duration.hpp"
#include "fanout/sys/io.hpp"

namespace fanout::worker {

using core::Deadline;
using core::Error;
using core::ErrorKind;
using core::Outcome;
using core::Status;

namespace {

constexpr core::Milliseconds between_reports{200};
constexpr std::uint64_t most_failures_noted = 20;
// For removing what was begun, once the time is over or somebody has said stop.
constexpr core::Milliseconds tidying{2'000};
// With --limit-rate, so that a slow line is an even one.
constexpr std::uint64_t steps_per_second = 16;
constexpr std::uint64_t smallest_step = 1'024;
// A line that was idle may catch up so much at once.
constexpr core::Milliseconds catch_up{100};

}  // namespace

Transfer::Transfer(ssh::Session &session_, ParentLink &parent_, const JobCard &card_,
                   core::TransferRecord &record_)
    : session(session_), parent(parent_), card(card_), record(record_), started_(sys::now()) {
  deadline_ = Deadline::in(card.timeout, started_);
  session.set_deadline(deadline_);
}

void Transfer::expect(std::uint64_t bytes) {
  constexpr std::uint64_t most = std::numeric_limits<std::uint64_t>::max();
  total_bytes_ = bytes > most - total_bytes_ ? most : total_bytes_ + bytes;
}

void Transfer::advance(std::uint64_t bytes) {
  done_bytes_ += std::min(bytes, total_bytes_ - done_bytes_);
  const core::TimePoint now = sys::now();
  if (now - told_ < between_reports) return;
  told_ = now;
  parent.send(wire::ProgressMessage{done_bytes_, total_bytes_});
}

std::size_t Transfer::step(std::size_t largest) const {
  const std::uint64_t limit = card.transfer.limit_bytes_per_second;
  if (limit == 0) return largest;
  return static_cast<std::size_t>(
      std::clamp<std::uint64_t>(limit / steps_per_second, smallest_step, largest));
}

core::TimePoint Transfer::pace(std::uint64_t bytes) {
  if (card.transfer.limit_bytes_per_second == 0) return {};
  const core::TimePoint now = sys::now();
  next_ = std::max(next_, now - catch_up);
  const core::TimePoint free = next_;
  next_ += std::chrono::duration_cast<core::Clock::duration>(std::chrono::duration<double>(
      static_cast<double>(bytes) / static_cast<double>(card.transfer.limit_bytes_per_second)));
  return free;
}

void Transfer::fail(Error error) {
  // What follows from a break is not news.
  if (broken_) return;
  ++failures_;
  if (!failure_)
    failure_ = std::move(error);
  else if (failures_ <= most_failures_noted)
    parent.send(wire::NoteMessage{std::move(error.message)}, Urgency::with_the_next);
}

std::string Transfer::cause() const {
  if (!failure_) return {};
  if (failures_ == 1 || broken_) return failure_->message;
  return fmt::format("{} failures; first: {}", failures_, failure_->message);
}

void Transfer::broken(const Error &why) {
  if (std::exchange(broken_, true)) return;
  // It is not why the host failed, but it was a failure.
  if (failure_) parent.send(wire::NoteMessage{failure_->message}, Urgency::with_the_next);
  Error error = why;
  // What broke first, and not what followed from it, is why the host failed.
  const auto stop = parent.stop();
  if (why.kind == ErrorKind::interrupted)
    error.message = stop && !stop->why.empty() ? stop->why
                    : stop && stop->status == Status::timeout
                        ? fmt::format("timed out after {}", core::format_duration(card.timeout))
                        : std::string("stopped");
  else if (why.kind == ErrorKind::timeout && session_time_is_over())
    error.message = fmt::format("timed out after {}", core::format_duration(card.timeout));
  if (stop && stop->status == Status::timeout) error.kind = ErrorKind::timeout;
  failure_ = std::move(error);
  parent.ignore_stop();
  deadline_ = Deadline::in(tidying, sys::now());
  session.set_deadline(deadline_);
}

bool Transfer::session_time_is_over() const {
  return Deadline::in(card.timeout, started_).passed(sys::now());
}

void Transfer::leave(std::string name) {
  if (record.leftovers.size() < core::max_leftovers) record.leftovers.push_back(std::move(name));
}

void Transfer::conclude(Outcome &outcome) {
  if (failure_) {
    outcome.status = core::status_of(failure_->kind);
    outcome.cause = cause();
    return;
  }
  outcome.status = Status::ok;
  if (card.transfer.then.empty()) return;
  session.set_deadline(Deadline::in(card.connect_timeout, sys::now()));
  auto channel = session.exec(card.transfer.then);
  if (!channel) {
    outcome.status = core::status_of(channel.error().kind);
    outcome.cause = "--then: " + channel.error().message;
    return;
  }
  // Silence is no fault of a command, and the limit of it is that of the transfer.
  run_exec(session, *channel, parent, {.timeout = card.timeout, .stop_grace = card.stop_grace},
           outcome);
}

}  // namespace fanout::worker
