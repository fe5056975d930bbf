// A coroutine that waits for answers of the server: what is done with one file reads from top to bottom, while hundreds
// of files are under way. Single-threaded; nothing here blocks.
//
// What co_await gives must have a name before it is tested: gcc 12 makes of `if (co_await f(x))` a coroutine that goes on in the
// wrong place when the value is converted to bool there, and evaluates operands of && and || that it should not.
//
// A Task starts when it is awaited, or given to Sftp::start(). It ends by co_return; an exception that leaves it ends the
// process, as anywhere in a worker.
#pragma once

#include <coroutine>
#include <exception>
#include <optional>
#include <utility>

namespace fanout::ssh {

template <class T = void>
class Task;

namespace detail {

struct TaskPromiseBase {
  std::coroutine_handle<> continuation;  // who has been suspended until this one ends

  // A task that ends without having waited has nobody to resume (Task::await_suspend), so that a loop over such tasks takes
  // no stack, whatever the compiler makes of a call in tail position.
  struct FinalAwaiter {
    [[nodiscard]] bool await_ready() const noexcept { return false; }
    template <class Promise>
    void await_suspend(std::coroutine_handle<Promise> ended) const noexcept {
      const std::coroutine_handle<> next = ended.promise().continuation;
      if (next) next.resume();  // which may destroy the task that has ended
    }
    void await_resume() const noexcept {}
  };

  [[nodiscard]] std::suspend_always initial_suspend() const noexcept { return {}; }
  [[nodiscard]] FinalAwaiter final_suspend() const noexcept { return {}; }
  [[noreturn]] void unhandled_exception() const noexcept { std::terminate(); }
};

template <class T>
struct TaskPromise : TaskPromiseBase {
  std::optional<T> value;
  Task<T> get_return_object();
  template <class U = T>
  void return_value(U &&result) {
    value.emplace(std::forward<U>(result));
  }
  T take() { return std::move(*value); }
};

template <>
struct TaskPromise<void> : TaskPromiseBase {
  Task<void> get_return_object();
  void return_void() const noexcept {}
  void take() const noexcept {}
};

}  // namespace detail

template <class T>
class [[nodiscard]] Task {
public:
  using promise_type = detail::TaskPromise<T>;

  Task(Task &&other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  Task &operator=(Task &&other) noexcept {
    if (this != &other) {
      if (handle_) handle_.destroy();
      handle_ = std::exchange(other.handle_, nullptr);
    }
    return *this;
  }
  ~Task() {
    if (handle_) handle_.destroy();
  }

  // For whoever is no coroutine: begins, or goes on with, the task; done() and take() tell how it ended.
  void resume() const { handle_.resume(); }
  [[nodiscard]] bool done() const { return handle_.done(); }
  T take() { return handle_.promise().take(); }

  // co_await: starts the task and goes on when it has ended, with its value.
  [[nodiscard]] bool await_ready() const noexcept { return false; }
  [[nodiscard]] bool await_suspend(std::coroutine_handle<> waiting) const {
    handle_.resume();
    if (handle_.done()) return false;
    handle_.promise().continuation = waiting;
    return true;
  }
  T await_resume() { return take(); }

private:
  friend promise_type;
  explicit Task(std::coroutine_handle<promise_type> handle) : handle_(handle) {}
  std::coroutine_handle<promise_type> handle_;
};

namespace detail {

template <class T>
Task<T> TaskPromise<T>::get_return_object() {
  return Task<T>(std::coroutine_handle<TaskPromise<T>>::from_promise(*this));
}
inline Task<void> TaskPromise<void>::get_return_object() {
  return Task<void>(std::coroutine_handle<TaskPromise<void>>::from_promise(*this));
}

}  // namespace detail

}  // namespace fanout::ssh

// TRY and TRY_ASSIGN (core/result.hpp) for coroutines that return a Result.
#define CO_TRY(expression)                                            \
  do {                                                                \
    if (auto try_result = (expression); !try_result)                  \
      co_return ::tl::make_unexpected(std::move(try_result).error()); \
  } while (false)

#define CO_TRY_ASSIGN(target, expression) \
  CO_TRY_ASSIGN_(FANOUT_CONCAT(try_value_, __LINE__), target, expression)
#define CO_TRY_ASSIGN_(name, target, expression)                       \
  auto name = (expression);                                            \
  if (!name) co_return ::tl::make_unexpected(std::move(name).error()); \
  target = std::move(*name)
