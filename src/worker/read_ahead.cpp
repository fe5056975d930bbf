#include "read_ahead.hpp"

#include <algorithm>
#include <chrono>

namespace fanout::worker {

namespace {

// Below that, what is faster may be chance, and more under way would only wait in the network's queues.
constexpr double worth_it = 1.15;

}  // namespace

bool ReadAhead::came(std::size_t bytes, core::TimePoint now) {
  if (!grows_) return false;
  if (since_ == core::TimePoint{}) {
    since_ = now;  // how long these have taken is not known
    return false;
  }
  measured_ += bytes;
  // Twice the limit is two round trips, if it is what holds the server back.
  if (measured_ < 2 * limit_) return false;
  const double seconds = std::max(std::chrono::duration<double>(now - since_).count(), 1e-6);
  const double rate = static_cast<double>(measured_) / seconds;
  const bool was_full = std::exchange(full_, false);
  measured_ = 0;
  since_ = now;
  if (!was_full) return false;
  grows_ = rate > best_rate_ * worth_it && limit_ < most_bytes;
  best_rate_ = rate;
  if (!grows_) return false;
  limit_ = std::min(2 * limit_, most_bytes);
  return true;
}

}  // namespace fanout::worker
