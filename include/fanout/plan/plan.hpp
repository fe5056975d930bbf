// Which host is next, and when the run is over. Pure: no clock, no process; run.cpp tells it what happened.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "fanout/core/event.hpp"
#include "fanout/core/host.hpp"

namespace fanout::plan {

class Plan {
public:
  // Hosts 0 to count - 1, started in that order.
  explicit Plan(std::size_t count) : count_(count) {}

  // The next host to start; nullopt when there is none, or when nothing new may be started. Each host comes once.
  std::optional<core::HostIndex> next();
  void observe(const core::Event &event);
  // Nothing new is started from here on; what is running goes on.
  void halt() { halted_ = true; }

  [[nodiscard]] bool halted() const { return halted_; }
  // Nothing runs and nothing more will be started.
  [[nodiscard]] bool finished() const { return running_ == 0 && (halted_ || started_ == count_); }
  [[nodiscard]] std::size_t running() const { return running_; }
  [[nodiscard]] std::size_t not_started() const { return count_ - started_; }

private:
  std::size_t count_;
  std::size_t started_ = 0;
  std::size_t running_ = 0;
  bool halted_ = false;
};

}  // namespace fanout::plan
