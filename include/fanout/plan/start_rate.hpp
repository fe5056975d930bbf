// --start-rate: at most N connections are started in any second, evenly spaced. Pure: is given the time.
#pragma once

#include <cstdint>
#include <deque>

#include "fanout/core/deadline.hpp"

namespace fanout::plan {

class StartRate {
public:
  // 0 is no limit.
  explicit StartRate(std::uint32_t per_second);

  void started(core::TimePoint now);
  // When the next may be started; in the past or now: at once.
  [[nodiscard]] core::TimePoint next() const { return next_; }

private:
  std::uint32_t per_second_;
  core::Clock::duration gap_{};
  core::TimePoint due_ = core::TimePoint::min();  // of the next one, by the even spacing alone
  core::TimePoint next_ = core::TimePoint::min();
  std::deque<core::TimePoint> last_second_;  // the latest starts, at most `per_second_`
};

}  // namespace fanout::plan
