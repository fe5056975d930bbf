#include "output_groups.hpp"

#include <algorithm>
#include <utility>

#include "fanout/report/reason.hpp"
#include "identity.hpp"

namespace fanout::report {

using core::HostIndex;

void OutputGroup::add(HostIndex host, const core::Outcome &outcome) {
  const bool is_first = hosts.empty();
  hosts.push_back(host);
  ++statuses[static_cast<std::size_t>(outcome.status)];
  if (is_comparable(outcome)) ++comparable;
  end_of_one = is_first && !succeeded(outcome) ? describe_end(outcome) : std::string();
}

void OutputGroup::sort() { std::sort(hosts.begin(), hosts.end()); }

void OutputGroups::add(HostIndex host, std::string_view identity, const core::Outcome &outcome,
                       PrintedStream &printed) {
  OutputGroup *&group = by_identity_[std::string(identity)];
  if (group == nullptr) group = &groups_.emplace_back();
  group->add(host, outcome);
  // What was cut off was cut off somewhere: stdout and stderr have the limit in common.
  if (!group->text || printed.text.size() > group->text->size()) {
    group->missing_bytes = printed.missing_bytes;
    group->whose = host;
    group->text.emplace(std::move(printed.text));
  } else {
    printed.text.clear();
  }
}

void OutputGroups::sort() {
  for (OutputGroup &group : groups_) {
    group.sort();
    sorted_.push_back(&group);
  }
  std::sort(sorted_.begin(), sorted_.end(), [](const OutputGroup *a, const OutputGroup *b) {
    if (a->hosts.size() != b->hosts.size()) return a->hosts.size() > b->hosts.size();
    return a->hosts.front() < b->hosts.front();
  });
}

const OutputGroup *OutputGroups::largest_comparable() const {
  // The first of several, in their order.
  const auto largest = std::max_element(
      sorted_.begin(), sorted_.end(),
      [](const OutputGroup *a, const OutputGroup *b) { return a->comparable < b->comparable; });
  return largest == sorted_.end() || (*largest)->comparable == 0 ? nullptr : *largest;
}

const OutputGroup *OutputGroups::find(std::string_view identity) const {
  const auto found = by_identity_.find(std::string(identity));
  return found == by_identity_.end() ? nullptr : found->second;
}

const OutputGroup *OutputGroups::find(HostIndex host) const {
  const auto found = std::find_if(sorted_.begin(), sorted_.end(), [host](const OutputGroup *group) {
    return std::binary_search(group->hosts.begin(), group->hosts.end(), host);
  });
  return found == sorted_.end() ? nullptr : *found;
}

}  // namespace fanout::report
