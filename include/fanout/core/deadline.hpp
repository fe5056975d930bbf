// A point on the monotonic clock after which waiting is over. Pure: the time is handed in.
#pragma once

#include <algorithm>
#include <chrono>

namespace fanout::core {

using Clock = std::chrono::steady_clock;
using TimePoint = Clock::time_point;
using Milliseconds = std::chrono::milliseconds;

class Deadline {
public:
  // Never passes.
  constexpr Deadline() = default;
  explicit constexpr Deadline(TimePoint at) : at_(at) {}

  // `after` zero or less means "none", as everywhere on the command line.
  static constexpr Deadline in(Milliseconds after, TimePoint now) {
    return after.count() <= 0 ? Deadline() : Deadline(now + after);
  }

  [[nodiscard]] constexpr bool never() const { return at_ == TimePoint::max(); }
  [[nodiscard]] constexpr bool passed(TimePoint now) const { return !never() && now >= at_; }
  [[nodiscard]] constexpr TimePoint at() const { return at_; }

  // For poll(2) and epoll_wait(2): milliseconds rounded up, 0 when passed, -1 for never.
  [[nodiscard]] constexpr int poll_timeout(TimePoint now) const {
    if (never()) return -1;
    if (now >= at_) return 0;
    const auto left = std::chrono::ceil<Milliseconds>(at_ - now).count();
    return static_cast<int>(std::min<long long>(left, 1'000'000'000));
  }

  [[nodiscard]] constexpr Deadline or_sooner(Deadline other) const {
    return Deadline(std::min(at_, other.at_));
  }
  // For a process that was itself stopped: the time it did not run is not held against others.
  [[nodiscard]] constexpr Deadline postponed(Clock::duration by) const {
    return never() ? *this : Deadline(at_ + by);
  }

private:
  TimePoint at_ = TimePoint::max();
};

}  // namespace fanout::core
