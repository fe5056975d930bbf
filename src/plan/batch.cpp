#include "fanout/plan/batch.hpp"

#include <algorithm>

#include "fanout/plan/plan.hpp"

namespace fanout::plan {

std::vector<std::size_t> batch_sizes(const core::RunControl &control, std::size_t hosts) {
  std::vector<std::size_t> sizes;
  for (std::size_t left = hosts; left > 0; left -= sizes.back()) {
    const std::size_t last = control.batches.size() - 1;
    const std::size_t wanted =
        control.batches.empty() ? hosts : control.batches[std::min(sizes.size(), last)].of(hosts);
    sizes.push_back(std::clamp<std::size_t>(wanted, 1, left));
  }
  return sizes;
}

Batches::Batches(const core::RunControl &control, std::size_t hosts)
    : sizes_(batch_sizes(control, hosts)),
      pause_between_(control.pause_between),
      has_gate_(!control.gate.empty()) {
  if (!sizes_.empty()) begin_next();
}

void Batches::host_done(core::TimePoint now) {
  if (--left_ == 0 && between()) pause_until_ = core::Deadline::in(pause_between_, now);
}

void Batches::begin_next() {
  left_ = sizes_[number_++];
  end_ += left_;
  gate_is_open_ = false;
}

}  // namespace fanout::plan
