#include "sftp_schedule.hpp"

#include <exception>
#include <utility>

#include "fanout/sys/io.hpp"

namespace fanout::ssh::sftp {

// Owns a task that nobody awaits, and frees it and itself when it has ended.
struct Schedule::Root {
  struct promise_type {
    promise_type(Schedule &owner, Task<void> & /*task*/) : schedule(&owner) {}
    Root get_return_object() { return {std::coroutine_handle<promise_type>::from_promise(*this)}; }
    [[nodiscard]] std::suspend_always initial_suspend() const noexcept { return {}; }
    struct Farewell {
      [[nodiscard]] bool await_ready() const noexcept { return false; }
      void await_suspend(std::coroutine_handle<promise_type> root) const noexcept {
        root.promise().schedule->ended(root);
      }
      void await_resume() const noexcept {}
    };
    [[nodiscard]] Farewell final_suspend() const noexcept { return {}; }
    void return_void() const noexcept {}
    [[noreturn]] void unhandled_exception() const noexcept { std::terminate(); }
    Schedule *schedule;
  };
  std::coroutine_handle<promise_type> handle;
};

Schedule::Root Schedule::run_to_end(Schedule & /*schedule*/, Task<void> task) { co_await task; }

void Schedule::start(Task<void> task) {
  const auto root = run_to_end(*this, std::move(task)).handle;
  running_.insert(root.address());
  root.resume();
}

void Schedule::ended(std::coroutine_handle<> root) {
  running_.erase(root.address());
  root.destroy();
  for (std::size_t i = 0; i < fewer_.size();) {
    if (running_.size() < fewer_[i].count) {
      wake(fewer_[i].waiting);
      fewer_[i] = fewer_.back();
      fewer_.pop_back();
    } else {
      ++i;
    }
  }
}

void Schedule::end_all() {
  while (!running_.empty()) {
    const auto frame = running_.begin();
    const auto root = std::coroutine_handle<>::from_address(*frame);
    running_.erase(frame);
    root.destroy();
  }
}

void Schedule::wake_all() {
  ready_.insert(ready_.end(), room_.begin(), room_.end());
  room_.clear();
  for (const auto &[time, waiting] : alarms_) wake(waiting);
  alarms_.clear();
}

void Schedule::run(const std::function<bool()> &has_room) {
  for (;;) {
    if (!ready_.empty()) {
      const std::coroutine_handle<> next = ready_.front();
      ready_.pop_front();
      next.resume();
    } else if (!room_.empty() && has_room()) {
      wake(room_.front());
      room_.pop_front();
    } else if (!alarms_.empty() && alarms_.begin()->first <= sys::now()) {
      wake(alarms_.begin()->second);
      alarms_.erase(alarms_.begin());
    } else {
      return;
    }
  }
}

}  // namespace fanout::ssh::sftp
