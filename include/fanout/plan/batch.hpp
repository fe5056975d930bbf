// --batches, --pause-between and --gate: hosts are started in groups, each when the one before has ended. Pure.
#pragma once

#include <cstddef>
#include <vector>

#include "fanout/core/deadline.hpp"
#include "fanout/core/run_control.hpp"

namespace fanout::plan {

class Batches {
public:
  Batches(const core::RunControl &control, std::size_t hosts);

  // How many of the hosts, in their order, belong to this batch or to one before.
  [[nodiscard]] std::size_t end() const { return end_; }
  // One more host of this batch has its record.
  void host_done(core::TimePoint now);

  // This batch is over, and another one is to come: after the pause the gate, and then begin_next().
  [[nodiscard]] bool between() const { return left_ == 0 && number_ < sizes_.size(); }
  [[nodiscard]] core::Deadline pause_until() const { return pause_until_; }
  [[nodiscard]] bool wants_gate() const { return has_gate_ && !gate_is_open_; }
  void gate_opened() { gate_is_open_ = true; }
  void begin_next();

  [[nodiscard]] std::size_t number() const { return number_; }  // from 1
  [[nodiscard]] std::size_t count() const { return sizes_.size(); }

private:
  std::vector<std::size_t> sizes_;
  core::Milliseconds pause_between_;
  bool has_gate_;
  std::size_t number_ = 0;
  std::size_t end_ = 0;
  std::size_t left_ = 0;  // of this batch, without their record
  core::Deadline pause_until_;
  bool gate_is_open_ = false;
};

}  // namespace fanout::plan
