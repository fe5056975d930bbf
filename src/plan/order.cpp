#include "fanout/plan/plan.hpp"

namespace fanout::plan {

std::optional<core::HostIndex> Plan::next() {
  if (halted_ || started_ == count_) return std::nullopt;
  ++running_;
  return static_cast<core::HostIndex>(started_++);
}

void Plan::observe(const core::Event &event) {
  if (std::holds_alternative<core::Ended>(event)) --running_;
}

}  // namespace fanout::plan
