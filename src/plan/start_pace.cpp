#include "fanout/plan/start_pace.hpp"

#include <chrono>
#include <variant>

namespace fanout::plan {

using core::Deadline;
using core::TimePoint;

namespace {

constexpr std::chrono::milliseconds longest_connecting{300};
constexpr std::chrono::milliseconds longest_beginning{1000};

}  // namespace

void StartPace::forget(TimePoint now) {
  const auto found = [this](const std::deque<Start> &starts) {
    return beginning_.find(starts.front().host);
  };
  for (; !connecting_.empty(); connecting_.pop_front()) {
    const auto host = found(connecting_);
    const bool counts = host != beginning_.end() && !host->second;
    if (counts && now - connecting_.front().at < longest_connecting) break;
    if (counts) beginning_.erase(host);
  }
  for (; !starts_.empty(); starts_.pop_front()) {
    const auto host = found(starts_);
    const bool counts = host != beginning_.end();
    if (counts && now - starts_.front().at < longest_beginning) break;
    if (counts) beginning_.erase(host);
  }
}

void StartPace::started(core::HostIndex host, TimePoint now) {
  beginning_.emplace(host, false);
  starts_.push_back({now, host});
  connecting_.push_back({now, host});
}

void StartPace::observe(const core::Event &event) {
  if (const auto *entered = std::get_if<core::PhaseEntered>(&event)) {
    const auto host = beginning_.find(entered->host);
    if (host == beginning_.end()) return;
    host->second = entered->phase >= core::Phase::kex;
    if (entered->phase >= core::Phase::run) beginning_.erase(host);
  } else if (const auto *ended = std::get_if<core::Ended>(&event)) {
    beginning_.erase(ended->host);
  }
}

bool StartPace::may_start(TimePoint now) {
  forget(now);
  return beginning_.size() < most_at_once_;
}

Deadline StartPace::next(TimePoint now) {
  if (may_start(now)) return Deadline(now);
  const Deadline next_begun(starts_.front().at + longest_beginning);
  if (connecting_.empty()) return next_begun;
  return next_begun.or_sooner(Deadline(connecting_.front().at + longest_connecting));
}

}  // namespace fanout::plan
