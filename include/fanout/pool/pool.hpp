// Runs at most N workers: starts, listens, enforces deadlines, stops, reaps. Knows nothing of SSH, nor of how a process is
// made: that is a function. Lives in the parent, which must be single-threaded.
//
// A worker costs one descriptor: its link, a socket, and once that has closed a pidfd, if it has not ended by then.
//
// A worker is taken for hostile: who it is, is the link it holds; a frame that is too long, unknown or out of order ends
// that worker and no other. For every started host there is one Started and, last, one Ended event, whatever happens.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "fanout/core/event.hpp"
#include "fanout/core/result.hpp"
#include "fanout/core/task.hpp"
#include "fanout/pool/kill_ladder.hpp"
#include "fanout/sys/epoll.hpp"
#include "fanout/sys/fd.hpp"
#include "fanout/sys/process.hpp"
#include "fanout/wire/messages.hpp"

namespace fanout::pool {

struct Job {
  core::HostIndex host = 0;
  WorkerLimits limits;
  core::TaskKind kind = core::TaskKind::exec;  // what its worker may say
  std::string card;                            // what the worker is told; the pool does not look
  // Further descriptors for the worker. The parent's copies are closed when the worker exists, or never will.
  std::vector<sys::UniqueFd> handed_down;
  // And more that many workers get: they stay the caller's, and must live until the job has been started.
  std::vector<int> lent;
};

// Makes the process for a job, which is then a child of the caller, and gives it duplicates of the descriptors: its end of
// the link, which does not block, and what is handed down. ErrorKind::local when the system refuses, which may pass: it is
// called again with the same job. Any other error is for good.
using Launch = std::function<core::Result<sys::Child>(const Job &job, const sys::UniqueFd &link)>;

class Pool {
public:
  // `max_workers` is at least 1; see capacity.hpp for how many the machine carries.
  static core::Result<Pool> create(std::size_t max_workers, Launch launch);
  Pool(Pool &&) noexcept;
  Pool &operator=(Pool &&) = delete;
  ~Pool();  // kills and reaps what still runs

  // How many more workers may be started.
  [[nodiscard]] std::size_t room() const;
  [[nodiscard]] std::size_t running() const;
  [[nodiscard]] std::size_t max_workers() const { return max_workers_; }
  // From now on, at least 1. When more run already, none is started until enough of them have ended.
  void set_max_workers(std::size_t max_workers);

  // Starts a worker. When the system refuses (EAGAIN, ENOMEM, EMFILE) the job waits inside for a worker to end and is
  // tried again, with fewer at once; with none running it is tried for a second and then ends as `internal`, and so do
  // at once those after it that the system refuses with the same words, until one could be started.
  void start(Job job);

  // wait() also returns when this descriptor is readable. It stays the caller's.
  core::Result<void> wake_on(int fd);
  void stop_waking_on(int fd);

  // Blocks until something happened or the deadline has passed. Everything that workers wrote is read before anybody is
  // judged late.
  std::vector<core::Event> wait(core::Deadline deadline);

  // Somebody else has found that this worker breaks the rules: it is killed, and its record will be `internal` with this
  // text, whatever it has said. Nothing if its end has been told.
  void condemn(core::HostIndex host, std::string why);

  // The error of a job that could not be launched for good, which will be that of every other.
  [[nodiscard]] const std::optional<core::Error> &why_none_can_start() const {
    return launch_error_;
  }

  // To a worker that may be gone already.
  void send(core::HostIndex host, const wire::ParentMessage &message);

  // A job for which the system has not been able to fork yet is not started any more: it ends as skipped, and `why`.
  void drop_pending(const std::string &why);

  // Asks every worker to stop; their records will say `status`, and why. Not those that clean up, which have little time as
  // it is.
  void stop_all(core::Status status, const std::string &why);
  // The same for one of them; nothing if it does not run.
  void stop(core::HostIndex host, core::Status status, const std::string &why);
  // SIGKILL to every worker; records of those that had not ended say `status`.
  void kill_all(core::Status status);

private:
  struct Worker;
  explicit Pool(sys::Epoll epoll, std::size_t max_workers, Launch launch);
  void try_pending();
  core::Result<void> launch(const Job &job);
  void condemn(Worker &worker, std::string why);
  void stop(Worker &worker, core::Status status, const std::string &why);
  std::size_t read_from(Worker &worker);
  bool has_ended(Worker &worker);
  void reap(Worker &worker);
  void call_the_roll(core::TimePoint now);
  void give_back_lost_time(core::TimePoint before, core::Deadline until, core::TimePoint now);
  void take(Worker &worker, wire::WorkerMessage message);
  void act(Worker &worker);
  void reschedule(Worker &worker);
  void finish(Worker &worker, const sys::ProcessStatus &status);
  core::Outcome outcome_of(const Worker &worker, const sys::ProcessStatus &status) const;

  sys::Epoll epoll_;
  std::size_t max_workers_;
  Launch launch_;
  std::unique_ptr<char[]>
      buffer_;  // what a read from a worker fills; not one on the stack, cleared at every read
  std::map<core::HostIndex, std::unique_ptr<Worker>> workers_;
  std::set<std::pair<core::TimePoint, core::HostIndex>> alarms_;
  std::deque<Job> pending_;  // the system refused to fork for it; at most one
  core::Deadline pending_retry_;
  int pending_attempts_ = 0;
  std::string
      given_up_on_;  // for what error the last job was given up, when none has been started since
  std::optional<core::Error> launch_error_;
  std::vector<core::Event> events_;
  core::TimePoint last_look_;  // when wait() returned last
  core::TimePoint roll_called_;
  core::Clock::duration lost_{};  // in which nobody listened to the workers
};

}  // namespace fanout::pool
