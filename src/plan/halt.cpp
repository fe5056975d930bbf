#include "fanout/plan/halt.hpp"

#include <utility>

#include <fmt/format.h>

#include "fanout/core/duration.hpp"

namespace fanout::plan {

namespace {

// As it was given: "5", "10%", "2.5%".
std::string format_quantity(const core::Quantity &quantity) {
  if (!quantity.is_share) return std::to_string(quantity.number);
  constexpr std::uint32_t percent = core::whole_share / 100;
  return fmt::format("{}%", static_cast<double>(quantity.number) / percent);
}

}  // namespace

Halt::Halt(const core::RunControl &control, std::size_t hosts, core::TimePoint begin)
    : max_fail_(control.max_fail),
      on_halt_(control.on_halt),
      limit_(control.deadline),
      deadline_(core::Deadline::in(control.deadline, begin)),
      hosts_(hosts) {}

void Halt::halt(const std::string &why, bool is_rule) {
  if (std::exchange(halted_, true)) return;
  by_a_rule_ = is_rule;
  why_ = why;
}

void Halt::by_caller(const std::string &why) { halt(why, false); }

void Halt::by_rule(const std::string &why) {
  if (!halted_ && on_halt_ == core::OnHalt::kill)
    stop_ = StopRunning{core::Status::interrupted, why};
  halt(why, true);
}

void Halt::host_failed() {
  ++failed_;
  if (max_fail_ && failed_ >= max_fail_->of(hosts_))
    by_rule(fmt::format("stopped by --max-fail {}: {} of {} hosts have failed",
                        format_quantity(*max_fail_), failed_, hosts_));
}

void Halt::look_at_deadline(core::TimePoint now) {
  if (!deadline_.passed(now)) return;
  deadline_ = core::Deadline();
  const std::string why =
      fmt::format("the deadline of {} has passed", core::format_duration(limit_));
  halt(why, true);
  // Also when something else has halted the run, which lets them go on.
  if (!stop_) stop_ = StopRunning{core::Status::timeout, why};
}

std::optional<StopRunning> Halt::stop_running() {
  if (!stop_ || std::exchange(has_told_, true)) return std::nullopt;
  return stop_;
}

core::Deadline Halt::next() const { return deadline_; }

}  // namespace fanout::plan
