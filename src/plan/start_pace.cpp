#include "fanout/plan/start_pace.hpp"

#include <algorithm>
#include <chrono>

namespace fanout::plan {

using core::TimePoint;

namespace {

constexpr std::chrono::milliseconds longest_connecting{300};
constexpr std::chrono::milliseconds longest_beginning{1000};

}  // namespace

StartPace::StartPace(std::size_t most_at_once, std::size_t hosts)
    : most_at_once_(std::max<std::size_t>(most_at_once, 1)), beginnings_(hosts) {}

void StartPace::leave(Beginning &beginning) {
  if (beginning.counts == Counts::no) return;
  beginning.counts = Counts::no;
  --beginning_;
}

void StartPace::forget(TimePoint now) {
  for (; !connecting_.empty(); connecting_.pop_front()) {
    const Start &oldest = connecting_.front();
    Beginning &beginning = beginnings_[oldest.host];
    if (beginning.start != oldest.number || beginning.counts != Counts::connecting) continue;
    if (now - oldest.at < longest_connecting) break;
    leave(beginning);
  }
  for (; !starts_.empty(); starts_.pop_front()) {
    const Start &oldest = starts_.front();
    Beginning &beginning = beginnings_[oldest.host];
    if (beginning.start != oldest.number || beginning.counts == Counts::no) continue;
    if (now - oldest.at < longest_beginning) break;
    leave(beginning);
  }
}

void StartPace::started(std::uint32_t host, TimePoint now) {
  beginnings_[host] = {next_start_, Counts::connecting};
  ++beginning_;
  starts_.push_back({now, host, next_start_});
  connecting_.push_back({now, host, next_start_});
  ++next_start_;
}

void StartPace::entered(std::uint32_t host, core::Phase phase) {
  Beginning &beginning = beginnings_[host];
  if (phase >= core::Phase::run)
    leave(beginning);
  else if (beginning.counts == Counts::connecting && phase >= core::Phase::kex)
    beginning.counts = Counts::connected;
}

void StartPace::ended(std::uint32_t host) { leave(beginnings_[host]); }

bool StartPace::may_start(TimePoint now) {
  forget(now);
  return beginning_ < most_at_once_;
}

TimePoint StartPace::next(TimePoint now) {
  if (may_start(now)) return now;
  const TimePoint next_begun = starts_.front().at + longest_beginning;
  if (connecting_.empty()) return next_begun;
  return std::min(next_begun, connecting_.front().at + longest_connecting);
}

}  // namespace fanout::plan
