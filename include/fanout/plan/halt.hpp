// What ends a run early, and what then becomes of the hosts that run: --max-fail, --deadline, --on-halt. Pure.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "fanout/core/deadline.hpp"
#include "fanout/core/run_control.hpp"
#include "fanout/plan/plan.hpp"

namespace fanout::plan {

class Halt {
public:
  Halt(const core::RunControl &control, std::size_t hosts, core::TimePoint begin);

  // Only the first reason counts.
  void by_caller(const std::string &why);
  void by_rule(const std::string &why);
  // The record of a host says that it failed.
  void host_failed();
  void look_at_deadline(core::TimePoint now);

  // What is to be done with hosts that run; once.
  std::optional<StopRunning> stop_running();
  // When there may be something new to say.
  [[nodiscard]] core::Deadline next() const;

  [[nodiscard]] bool halted() const { return halted_; }
  [[nodiscard]] bool by_a_rule() const { return by_a_rule_; }
  [[nodiscard]] const std::string &why() const { return why_; }
  [[nodiscard]] std::size_t failed() const { return failed_; }

private:
  void halt(const std::string &why, bool is_rule);

  std::optional<core::Quantity> max_fail_;
  core::OnHalt on_halt_;
  core::Milliseconds limit_;
  core::Deadline deadline_;
  std::size_t hosts_;
  std::size_t failed_ = 0;
  bool halted_ = false;
  bool by_a_rule_ = false;
  bool has_told_ = false;
  std::string why_;
  std::optional<StopRunning> stop_;
};

}  // namespace fanout::plan
