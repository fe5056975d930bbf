// The parent's side of its workers. What is hard here: a worker can end in any order of "last frame", "end of link" and
// "process gone", can lie, stop, flood or die half way through a frame, and none of that may cost another host its
// record or this process its time.

#include "fanout/pool/pool.hpp"

#include <algorithm>
#include <csignal>
#include <utility>

#include <fmt/format.h>

#include "fanout/sys/io.hpp"
#include "fanout/sys/pipe.hpp"
#include "fanout/wire/frame.hpp"

namespace fanout::pool {

using core::Deadline;
using core::fail;
using core::HostIndex;
using core::Outcome;
using core::Phase;
using core::RemoteEnd;
using core::Result;
using core::Status;
using core::TimePoint;

namespace {

enum class Source : std::uint64_t { link = 0, process = 1, waker = 2 };

constexpr std::uint64_t tag(HostIndex host, Source source) {
  return std::uint64_t{host} << 2 | static_cast<std::uint64_t>(source);
}

constexpr std::size_t read_bytes = 64 * 1024;
// A link closes with its worker's process, unless a process that is not a worker of ours holds it open.
constexpr core::Milliseconds between_roll_calls{1'000};
constexpr core::Milliseconds worth_giving_back{100};
constexpr core::Milliseconds fork_retry{100};
constexpr int fork_attempts = 10;

std::chrono::microseconds since(TimePoint begin) {
  return std::chrono::duration_cast<std::chrono::microseconds>(sys::now() - begin);
}

}  // namespace

struct Pool::Worker {
  Worker(const Job &job, TimePoint now)
      : host(job.host),
        kind(job.kind),
        protocol(job.kind),
        ladder(job.limits, now),
        started(now),
        phase_started(now) {}

  HostIndex host;
  core::TaskKind kind;
  sys::Child child;
  sys::UniqueFd link;  // closed once it has ended
  wire::FrameReader frames;
  wire::WorkerProtocol protocol;
  KillLadder ladder;
  TimePoint alarm = TimePoint::max();  // its entry in alarms_
  TimePoint started;
  TimePoint phase_started;
  Phase phase = Phase::start;
  std::array<std::chrono::microseconds, core::phase_count> phases{};
  std::uint64_t stdout_bytes = 0;
  std::uint64_t stderr_bytes = 0;
  std::optional<Outcome> final_record;
  std::string fault;        // what rule it broke
  std::string why_stopped;  // by the caller; empty while it was not
};

Pool::Pool(sys::Epoll epoll, std::size_t max_workers, Launch launch)
    : epoll_(std::move(epoll)),
      max_workers_(max_workers),
      launch_(std::move(launch)),
      buffer_(std::make_unique_for_overwrite<char[]>(read_bytes)),
      last_look_(sys::now()),
      roll_called_(last_look_) {}
Pool::Pool(Pool &&) noexcept = default;
Pool::~Pool() = default;

Result<Pool> Pool::create(std::size_t max_workers, Launch launch) {
  TRY_ASSIGN(sys::Epoll epoll, sys::Epoll::create());
  return Pool(std::move(epoll), max_workers, std::move(launch));
}

void Pool::set_max_workers(std::size_t max_workers) {
  max_workers_ = std::max<std::size_t>(1, max_workers);
}

std::size_t Pool::room() const {
  if (!pending_.empty() || workers_.size() >= max_workers_) return 0;
  return max_workers_ - workers_.size();
}

std::size_t Pool::running() const { return workers_.size() + pending_.size(); }

Result<void> Pool::wake_on(int fd) { return epoll_.add(fd, EPOLLIN, tag(0, Source::waker)); }

void Pool::stop_waking_on(int fd) { epoll_.remove(fd); }

void Pool::start(Job job) {
  events_.emplace_back(core::Started{job.host});
  pending_.push_back(std::move(job));
  pending_attempts_ = 0;
  try_pending();
}

void Pool::try_pending() {
  if (pending_.empty()) return;
  Job &job = pending_.front();
  auto launched = launch(job);
  const bool may_pass = !launched && launched.error().kind == core::ErrorKind::local;
  // Nothing of ours has ended since the last job that was tried for so long.
  const bool is_known = may_pass && workers_.empty() && launched.error().message == given_up_on_;
  if (may_pass && !is_known && (!workers_.empty() || ++pending_attempts_ < fork_attempts)) {
    // Whatever ran out comes back when a worker ends; from now on one less at once.
    if (pending_retry_.never() && !workers_.empty()) {
      max_workers_ = workers_.size();
      events_.emplace_back(
          core::Noted{job.host, fmt::format("{}; waiting, with at most {} at once from now on",
                                            launched.error().message, max_workers_)});
    }
    pending_retry_ = Deadline::in(fork_retry, sys::now());
    return;
  }
  if (!launched) {
    if (!may_pass) launch_error_ = launched.error();
    Outcome outcome;
    outcome.cause = launched.error().message;
    events_.emplace_back(core::Ended{job.host, std::move(outcome)});
  }
  given_up_on_ = may_pass ? launched.error().message : std::string();
  pending_.pop_front();
  pending_retry_ = Deadline();
}

Result<void> Pool::launch(const Job &job) {
  TRY_ASSIGN(auto ends, sys::make_nonblocking_socket_pair());
  auto worker = std::make_unique<Worker>(job, sys::now());
  TRY_ASSIGN(worker->child, launch_(job, ends.second));
  worker->link = std::move(ends.first);
  TRY(epoll_.add(worker->link.get(), EPOLLIN, tag(job.host, Source::link)));
  Worker &started = *workers_.emplace(job.host, std::move(worker)).first->second;
  reschedule(started);
  return {};
}

std::vector<core::Event> Pool::wait(Deadline deadline) {
  Deadline until = deadline.or_sooner(pending_retry_);
  if (!alarms_.empty()) until = until.or_sooner(Deadline(alarms_.begin()->first));
  if (!workers_.empty()) until = until.or_sooner(Deadline(roll_called_ + between_roll_calls));
  if (!events_.empty()) until = Deadline(TimePoint::min());

  const TimePoint before = sys::now();
  std::vector<HostIndex> gone;
  for (const auto &[number, events] : epoll_.wait(until)) {
    const auto found = workers_.find(static_cast<HostIndex>(number >> 2));
    switch (static_cast<Source>(number & 3)) {
      case Source::waker: break;
      case Source::link:
        if (found == workers_.end() || !found->second->link) break;
        read_from(*found->second);
        if (!found->second->link && has_ended(*found->second)) gone.push_back(found->first);
        break;
      case Source::process:
        if (found != workers_.end()) gone.push_back(found->first);
        break;
    }
  }
  for (const HostIndex host : gone) reap(*workers_.at(host));

  const TimePoint now = sys::now();
  if (now - roll_called_ >= between_roll_calls) call_the_roll(now);
  give_back_lost_time(before, until, now);
  while (!alarms_.empty() && alarms_.begin()->first <= now)
    act(*workers_.at(alarms_.begin()->second));
  if (pending_retry_.passed(now) || (!pending_.empty() && !gone.empty())) try_pending();
  last_look_ = sys::now();
  return std::exchange(events_, {});
}

// Of one whose link has closed. Mostly it has ended by the time that is seen here; one that has not is watched, and if
// there is no descriptor for that, the roll will tell.
bool Pool::has_ended(Worker &worker) {
  if (worker.child.has_ended()) return true;
  if (worker.child.watch())
    static_cast<void>(epoll_.add(worker.child.pidfd(), EPOLLIN, tag(worker.host, Source::process)));
  return false;
}

void Pool::call_the_roll(TimePoint now) {
  roll_called_ = now;
  if (!sys::any_child_has_ended()) return;
  std::vector<HostIndex> gone;
  for (const auto &[host, worker] : workers_)
    if (worker->child.has_ended()) gone.push_back(host);
  for (const HostIndex host : gone) reap(*workers_.at(host));
}

void Pool::reap(Worker &worker) {
  // A hijacked worker may have forked. As long as it is not reaped, its group's number is its own.
  worker.child.signal_group(SIGKILL);
  const auto status = worker.child.reap();
  if (!status) return;
  // What it wrote lies in the socket, and behind it the end. Whoever else has the other end is not listened to.
  for (std::size_t left = sys::readable_bytes(worker.link.get()) + 1; worker.link && left > 0;) {
    const std::size_t count = read_from(worker);
    left -= std::clamp<std::size_t>(count, 1, left);
  }
  finish(worker, *status);
}

// While we were stopped, or stuck in a write to a slow reader, the workers' time ran and ours did not. What they wrote
// meanwhile has been read now; whoever still owes something gets as long again.
void Pool::give_back_lost_time(TimePoint before, Deadline until, TimePoint now) {
  lost_ += before - last_look_;
  if (!until.never() && now > std::max(before, until.at()))
    lost_ += now - std::max(before, until.at());
  if (lost_ < worth_giving_back) return;
  for (auto &[host, worker] : workers_) {
    worker->ladder.postpone(lost_);
    reschedule(*worker);
  }
  lost_ = {};
}

// How many bytes; 0 when the link had nothing, or has ended.
std::size_t Pool::read_from(Worker &worker) {
  const sys::Transfer got = sys::read_some(worker.link.get(), buffer_.get(), read_bytes);
  if (got.state == sys::Transfer::State::would_block) return 0;
  if (got.state != sys::Transfer::State::done) {
    // Whom we kill ourselves may be in the middle of a word.
    if (worker.frames.in_frame() && worker.fault.empty() && !worker.ladder.reason())
      worker.fault = "its last message is incomplete";
    epoll_.remove(worker.link.get());
    worker.link.close();
    worker.ladder.expect_end(sys::now());
    reschedule(worker);
    return 0;
  }
  if (!worker.fault.empty()) return got.count;  // nothing that it says counts any more
  worker.frames.feed({buffer_.get(), got.count});
  for (;;) {
    auto frame = worker.frames.next();
    if (frame && !*frame) return got.count;
    auto message = frame ? wire::decode_worker_message(**frame) : fail(frame.error());
    const auto allowed = message ? worker.protocol.accept(*message) : fail(message.error());
    if (!allowed) {
      condemn(worker, allowed.error().message);
      return got.count;
    }
    take(worker, std::move(*message));
  }
}

void Pool::condemn(Worker &worker, std::string why) {
  if (!worker.fault.empty()) return;
  worker.fault = std::move(why);
  worker.ladder.kill_now(sys::now());
  act(worker);
}

void Pool::condemn(HostIndex host, std::string why) {
  const auto found = workers_.find(host);
  if (found != workers_.end()) condemn(*found->second, std::move(why));
}

void Pool::take(Worker &worker, wire::WorkerMessage message) {
  const TimePoint now = sys::now();
  if (const auto *phase = std::get_if<wire::PhaseMessage>(&message)) {
    worker.phases[static_cast<std::size_t>(worker.phase)] = since(worker.phase_started);
    worker.phase = phase->phase;
    worker.phase_started = now;
    worker.ladder.entered(phase->phase, now);
    events_.emplace_back(core::PhaseEntered{worker.host, phase->phase});
  } else if (auto *key = std::get_if<wire::HostKeyMessage>(&message)) {
    events_.emplace_back(core::HostKeyOffered{worker.host, std::move(key->blob)});
  } else if (auto *output = std::get_if<wire::OutputMessage>(&message)) {
    (output->stream == core::Stream::out ? worker.stdout_bytes : worker.stderr_bytes) +=
        output->bytes.size();
    events_.emplace_back(
        core::OutputReceived{worker.host, output->stream, std::move(output->bytes)});
  } else if (auto *note = std::get_if<wire::NoteMessage>(&message)) {
    events_.emplace_back(core::Noted{worker.host, std::move(note->text)});
  } else if (const auto *password = std::get_if<wire::PasswordMessage>(&message)) {
    events_.emplace_back(core::PasswordAnswered{worker.host, password->accepted});
  } else if (const auto *progress = std::get_if<wire::ProgressMessage>(&message)) {
    events_.emplace_back(
        core::Progressed{worker.host, progress->done_bytes, progress->total_bytes});
  } else if (auto *fetched = std::get_if<wire::FetchedMessage>(&message)) {
    events_.emplace_back(core::FileFetched{worker.host, std::move(fetched->file)});
  } else if (auto *last = std::get_if<wire::FinalMessage>(&message)) {
    worker.final_record = std::move(last->outcome);
    worker.ladder.expect_end(now);
  }
  reschedule(worker);
}

void Pool::act(Worker &worker) {
  switch (worker.ladder.climb(sys::now())) {
    case KillLadder::Action::none: break;
    case KillLadder::Action::send_stop:
      send(worker.host, wire::StopMessage{worker.ladder.reason().value_or(Status::interrupted),
                                          worker.why_stopped});
      break;
    case KillLadder::Action::terminate: worker.child.signal(SIGTERM); break;
    case KillLadder::Action::kill: worker.child.signal(SIGKILL); break;
  }
  reschedule(worker);
}

void Pool::reschedule(Worker &worker) {
  const TimePoint alarm = worker.ladder.deadline().at();
  if (alarm == worker.alarm) return;
  alarms_.erase({worker.alarm, worker.host});
  worker.alarm = alarm;
  if (alarm != TimePoint::max()) alarms_.emplace(alarm, worker.host);
}

Outcome Pool::outcome_of(const Worker &worker, const sys::ProcessStatus &status) const {
  Outcome outcome;
  const bool runs_a_command = worker.kind == core::TaskKind::exec;
  const std::string_view doing = !runs_a_command && worker.phase == Phase::run
                                     ? std::string_view("copying")
                                     : core::describe(worker.phase);
  const std::uint64_t received = worker.stdout_bytes + worker.stderr_bytes;
  if (worker.final_record && worker.fault.empty()) {
    outcome = *worker.final_record;
    // How far it was is what it has said on its way: who has run a command must not be able to say that it never began.
    outcome.phase = worker.phase;
    outcome.turned_away = outcome.turned_away && worker.phase == Phase::kex;
    if (outcome.status == Status::ok && outcome.stdout_bytes + outcome.stderr_bytes != received) {
      outcome.status = Status::internal;
      outcome.cause = fmt::format("{} bytes of output arrived, the worker counted {}", received,
                                  outcome.stdout_bytes + outcome.stderr_bytes);
    }
  } else {
    outcome.phase = worker.phase;
    outcome.phases = worker.phases;
    outcome.phases[static_cast<std::size_t>(worker.phase)] = since(worker.phase_started);
    if (worker.phase >= Phase::open) outcome.remote_end = RemoteEnd::unknown;
    const auto reason = worker.ladder.reason();
    outcome.status = worker.fault.empty() ? reason.value_or(Status::internal) : Status::internal;
    if (!worker.fault.empty())
      outcome.cause = fmt::format("worker ended while {}: {}", doing, worker.fault);
    else if (reason)
      outcome.cause = fmt::format("{} while {}; its worker did not end by itself and was killed",
                                  !worker.why_stopped.empty()  ? worker.why_stopped
                                  : *reason == Status::timeout ? "timed out"
                                                               : "stopped",
                                  doing);
    else if (!status.exited && status.signal == SIGSYS)
      // The filter of the sandbox ends whoever makes a call that no worker has any use for.
      outcome.cause =
          fmt::format("sandbox: its worker was ended for a forbidden system call while {}", doing);
    else
      outcome.cause = fmt::format("worker {} while {}", sys::describe(status), doing);
    if (runs_a_command && worker.phase >= Phase::open)
      outcome.cause += "; the remote command may still run";
  }
  outcome.stdout_bytes = worker.stdout_bytes;
  outcome.stderr_bytes = worker.stderr_bytes;
  outcome.elapsed = since(worker.started);
  return outcome;
}

void Pool::finish(Worker &worker, const sys::ProcessStatus &status) {
  const HostIndex host = worker.host;
  alarms_.erase({worker.alarm, host});
  core::Ended ended{host, outcome_of(worker, status)};
  const bool killed_by_us = worker.ladder.reason() || !worker.fault.empty();
  if (!status.exited && !killed_by_us) ended.worker_signal = status.signal;
  events_.emplace_back(std::move(ended));
  workers_.erase(host);
}

void Pool::send(HostIndex host, const wire::ParentMessage &message) {
  const auto found = workers_.find(host);
  if (found == workers_.end()) return;
  // A worker that does not read is not waited for; the ladder deals with it.
  if (found->second->link) sys::write_some(found->second->link.get(), wire::encode(message));
}

void Pool::stop_all(Status status, const std::string &why) {
  for (auto &[host, worker] : workers_)
    if (worker->kind != core::TaskKind::clean_up) stop(*worker, status, why);
  drop_pending(why);
}

void Pool::stop(core::HostIndex host, Status status, const std::string &why) {
  const auto found = workers_.find(host);
  if (found != workers_.end() && found->second->kind != core::TaskKind::clean_up)
    stop(*found->second, status, why);
}

void Pool::stop(Worker &worker, Status status, const std::string &why) {
  if (!worker.ladder.reason()) worker.why_stopped = why;
  worker.ladder.stop(status, sys::now());
  act(worker);
}

void Pool::drop_pending(const std::string &why) {
  std::deque<Job> kept;
  for (Job &job : std::exchange(pending_, {})) {
    if (job.kind == core::TaskKind::clean_up) {
      kept.push_back(std::move(job));
      continue;
    }
    Outcome outcome;
    outcome.status = Status::skipped;
    outcome.cause = why;
    events_.emplace_back(core::Ended{job.host, std::move(outcome)});
  }
  pending_ = std::move(kept);
  if (pending_.empty()) pending_retry_ = Deadline();
}

void Pool::kill_all(Status status) {
  const TimePoint now = sys::now();
  for (auto &[host, worker] : workers_) {
    worker->ladder.stop(status, now);
    worker->ladder.kill_now(now);
    act(*worker);
  }
}

}  // namespace fanout::pool
