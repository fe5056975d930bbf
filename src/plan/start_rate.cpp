// Who waits by poll(2) wakes up to a millisecond late. If each start were due a gap after the one before, 1,000 a second would
// become 500: so small delays are made good, and the starts of the last second are counted so that it is never too much.
#include "fanout/plan/start_rate.hpp"

#include <algorithm>
#include <chrono>

namespace fanout::plan {

namespace {

constexpr std::chrono::seconds second{1};
constexpr std::chrono::milliseconds made_good{10};

}  // namespace

StartRate::StartRate(std::uint32_t per_second) : per_second_(per_second) {
  // Rounded up, so that no second has one more.
  if (per_second_ > 0)
    gap_ = (core::Clock::duration(second) + core::Clock::duration(per_second_ - 1)) / per_second_;
}

void StartRate::started(core::TimePoint now) {
  if (per_second_ == 0) return;
  due_ = (due_ < now - made_good ? now : due_) + gap_;
  last_second_.push_back(now);
  if (last_second_.size() > per_second_) last_second_.pop_front();
  next_ = due_;
  if (last_second_.size() == per_second_) next_ = std::max(next_, last_second_.front() + second);
}

}  // namespace fanout::plan
