// The lock on the terminal, shared by the processes that are trusted: the parent and the key holder.
//
// A robust process-shared mutex (pthread_mutexattr_setrobust(3)) in an anonymous shared page. It is hidden from workers
// before the first one is forked: whoever can write to a robust mutex can make its next owner write elsewhere.
#pragma once

#include <memory>

#include "fanout/core/result.hpp"
#include "fanout/sys/shared_page.hpp"

namespace fanout::console {

class Lock {
public:
  static core::Result<Lock> create();
  // From here on forked children do not have the page; they must not touch this object.
  core::Result<void> hide_from_children();

  // Blocks, for as long as the other process holds it: the key holder does so while a person types, and text that is
  // written into a question is worse than text that is late. An owner that was stopped (SIGSTOP) is waited for as well.
  // If the last owner died while holding it, the lock is taken over and took_over() of the guard is true: a line
  // may stand unfinished on the terminal. Not recursive: whoever holds a guard writes with its own hands.
  class Guard {
  public:
    explicit Guard(Lock &lock);
    ~Guard();
    Guard(const Guard &) = delete;
    Guard &operator=(const Guard &) = delete;
    [[nodiscard]] bool took_over() const { return took_over_; }

  private:
    Lock &lock_;
    bool held_ = false;
    bool took_over_ = false;
  };

private:
  explicit Lock(sys::SharedPage page) : page_(std::move(page)) {}
  sys::SharedPage page_;
};

}  // namespace fanout::console
