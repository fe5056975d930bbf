// How many workers may be at their beginning at once. Thousands that connect and exchange keys together starve each other
// and their servers of time, until all of them are late; one after the other, none is.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <vector>

#include "fanout/core/deadline.hpp"
#include "fanout/core/status.hpp"

namespace fanout::plan {

// Pure: is given the time. A worker counts from its start until its command runs or it has ended, but for a second at most,
// and as long as its host has not even accepted the connection for 300 ms at most: then it waits, which costs nobody time.
// So dead hosts hold up the others as long for every `most_at_once` of them, and not until they are given up.
class StartPace {
public:
  // Hosts are numbers below `hosts`, and may be started again when they have ended.
  StartPace(std::size_t most_at_once, std::size_t hosts);

  void started(std::uint32_t host, core::TimePoint now);
  void entered(std::uint32_t host, core::Phase phase);
  void ended(std::uint32_t host);
  bool may_start(core::TimePoint now);
  // When may_start() becomes true by itself; now, if it is.
  core::TimePoint next(core::TimePoint now);

private:
  struct Start {
    core::TimePoint at;
    std::uint32_t host;
    std::uint32_t number;
  };
  enum class Counts : std::uint8_t { no, connecting, connected };
  struct Beginning {
    std::uint32_t start = 0;  // the latest; those before do not count
    Counts counts = Counts::no;
  };
  void forget(core::TimePoint now);
  void leave(Beginning &beginning);

  std::size_t most_at_once_;
  std::vector<Beginning> beginnings_;
  std::size_t beginning_ = 0;  // how many count
  std::uint32_t next_start_ = 0;
  std::deque<Start> starts_;      // all of them, in order; others may still be in it
  std::deque<Start> connecting_;  // the same of those that are not connected
};

}  // namespace fanout::plan
