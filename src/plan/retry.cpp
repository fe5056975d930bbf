#include "fanout/plan/retry.hpp"

#include <algorithm>
#include <chrono>

namespace fanout::plan {

using core::Milliseconds;
using core::Phase;
using core::Status;

namespace {

bool is_lost_on_the_way(Status status) {
  switch (status) {
    case Status::resolve:
    case Status::unreachable:
    case Status::timeout: return true;
    case Status::ok:
    case Status::failed:
    case Status::host_key:
    case Status::auth:
    case Status::protocol:
    case Status::skipped:
    case Status::interrupted:
    case Status::internal: return false;
  }
  return false;
}

}  // namespace

bool may_be_repeated(const core::Ended &ended, bool password_was_sent) {
  return is_lost_on_the_way(ended.outcome.status) && ended.outcome.phase < Phase::open &&
         ended.worker_signal == 0 && !password_was_sent;
}

bool was_dropped(const core::Outcome &outcome) {
  return outcome.status == Status::unreachable && outcome.phase < Phase::open &&
         outcome.turned_away;
}

Milliseconds BackOff::of_retry(std::uint32_t number) {
  using namespace std::chrono_literals;
  return jittered(1s, 30s, number);
}

Milliseconds BackOff::of_drop(std::uint32_t number) {
  using namespace std::chrono_literals;
  return jittered(100ms, 2s, number);
}

Milliseconds BackOff::jittered(Milliseconds shortest, Milliseconds longest, std::uint32_t number) {
  // Doubled so often it is over any maximum, and fits.
  constexpr std::uint32_t enough = 10;
  const Milliseconds middle = std::min(shortest * (1 << std::min(number - 1, enough)), longest);
  // The upper 53 bits are what a double holds. The distributions of the standard library differ between its makers.
  const double factor = 0.5 + static_cast<double>(random_() >> 11) * 0x1p-53;
  return Milliseconds(static_cast<Milliseconds::rep>(static_cast<double>(middle.count()) * factor));
}

}  // namespace fanout::plan
