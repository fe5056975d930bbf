#include "outliers.hpp"

#include <algorithm>

namespace fanout::report {

Outliers::Outliers(std::size_t hosts) : enough_(std::clamp<std::size_t>(hosts / 10, 2, 20)) {}

Outliers::Named Outliers::add(core::HostIndex host, std::string_view identity) {
  Group &group = groups_[std::string(identity)];
  ++hosts_;
  ++group.hosts;
  if (group.unnamed.empty()) with_unnamed_.push_back(&group);
  group.unnamed.push_back(host);
  if (largest_ == nullptr || group.hosts > largest_->hosts) largest_ = &group;
  if (largest_->hosts < enough_ || largest_->hosts * 2 <= hosts_) return {};
  // Each host is moved once: as long as the same group is the largest, only that one waits to be named.
  Named named{{}, largest_->hosts};
  for (Group *other : with_unnamed_) {
    if (other == largest_) continue;
    named.hosts.insert(named.hosts.end(), other->unnamed.begin(), other->unnamed.end());
    other->unnamed = {};
  }
  std::erase_if(with_unnamed_, [](const Group *other) { return other->unnamed.empty(); });
  std::sort(named.hosts.begin(), named.hosts.end());
  return named;
}

}  // namespace fanout::report
