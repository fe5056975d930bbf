// Coroutines that were started and what they wait for, besides answers: whose turn it is. Pure but for the clock.
#pragma once

#include <coroutine>
#include <cstddef>
#include <deque>
#include <functional>
#include <map>
#include <unordered_set>
#include <vector>

#include "fanout/core/deadline.hpp"
#include "fanout/ssh/task.hpp"

namespace fanout::ssh::sftp {

class Schedule {
public:
  Schedule() = default;
  Schedule(const Schedule &) = delete;
  Schedule &operator=(const Schedule &) = delete;
  ~Schedule() { end_all(); }

  void start(Task<void> task);
  [[nodiscard]] std::size_t running() const { return running_.size(); }
  // Ends what was started, wherever it is.
  void end_all();

  // From the loop, never from within whoever wakes it: so the stack is as deep with one that is ready as with thousands.
  void wake(std::coroutine_handle<> waiting) { ready_.push_back(waiting); }
  void when_room(std::coroutine_handle<> waiting) { room_.push_back(waiting); }
  void when(core::TimePoint time, std::coroutine_handle<> waiting) {
    alarms_.emplace(time, waiting);
  }
  void when_fewer(std::size_t count, std::coroutine_handle<> waiting) {
    fewer_.push_back({count, waiting});
  }
  [[nodiscard]] bool somebody_waits_for_room() const { return !room_.empty(); }
  // Whoever waits for room or for a time goes on at once.
  void wake_all();

  // Resumes whoever can go on, until nobody can. `has_room` is asked before each that waits for it.
  void run(const std::function<bool()> &has_room);
  [[nodiscard]] bool has_ready() const { return !ready_.empty(); }
  [[nodiscard]] core::Deadline next_alarm() const {
    return alarms_.empty() ? core::Deadline() : core::Deadline(alarms_.begin()->first);
  }

private:
  struct Root;
  static Root run_to_end(Schedule &schedule, Task<void> task);
  void ended(std::coroutine_handle<> root);

  struct WaitingForFewer {
    std::size_t count;
    std::coroutine_handle<> waiting;
  };
  std::deque<std::coroutine_handle<>> ready_;
  std::deque<std::coroutine_handle<>> room_;
  std::multimap<core::TimePoint, std::coroutine_handle<>> alarms_;
  std::vector<WaitingForFewer> fewer_;
  std::unordered_set<void *> running_;  // frames
};

}  // namespace fanout::ssh::sftp
