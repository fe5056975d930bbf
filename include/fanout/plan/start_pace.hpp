// How many workers may be at their beginning at once. Thousands that connect and exchange keys together starve each other
// and their servers of time, until all of them are late; one after the other, none is.
#pragma once

#include <cstddef>
#include <deque>
#include <unordered_map>

#include "fanout/core/deadline.hpp"
#include "fanout/core/event.hpp"

namespace fanout::plan {

// Pure: is given the time. A worker counts from its start until its command runs or it has ended, but for a second at most,
// and as long as its host has not even accepted the connection for 300 ms at most: then it waits, which costs nobody time.
// So dead hosts hold up the others as long for every `most_at_once` of them, and not until they are given up.
class StartPace {
public:
  explicit StartPace(std::size_t most_at_once) : most_at_once_(most_at_once) {}

  void started(core::HostIndex host, core::TimePoint now);
  void observe(const core::Event &event);
  bool may_start(core::TimePoint now);
  // When may_start() becomes true by itself; at once, if it is.
  core::Deadline next(core::TimePoint now);

private:
  struct Start {
    core::TimePoint at;
    core::HostIndex host;
  };
  void forget(core::TimePoint now);

  std::size_t most_at_once_;
  std::unordered_map<core::HostIndex, bool> beginning_;  // those that count; true once connected
  std::deque<Start> starts_;      // all of them, in order; others may still be in it
  std::deque<Start> connecting_;  // the same of those that are not connected
};

}  // namespace fanout::plan
