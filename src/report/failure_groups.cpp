#include "failure_groups.hpp"

#include <algorithm>
#include <array>
#include <unordered_map>
#include <utility>

#include "fanout/report/reason.hpp"

namespace fanout::report {

using core::HostIndex;
using core::Outcome;
using core::Status;

namespace {

constexpr std::array reading_order{
    Status::failed, Status::timeout,  Status::resolve,  Status::unreachable, Status::host_key,
    Status::auth,   Status::protocol, Status::internal, Status::interrupted, Status::skipped};

struct Alike {
  FailureGroup group;
  std::string general;
  bool all_the_same = true;

  void add(HostIndex host, std::string reason) {
    if (group.hosts.empty())
      group.cause = std::move(reason);
    else if (reason != group.cause)
      all_the_same = false;
    group.hosts.push_back(host);
  }
};

std::size_t place_of(Status status) {
  return static_cast<std::size_t>(std::find(reading_order.begin(), reading_order.end(), status) -
                                  reading_order.begin());
}

}  // namespace

std::vector<FailureGroup> group_failures(std::span<const core::Host> hosts,
                                         std::span<const Outcome> outcomes) {
  std::vector<Alike> found;
  std::array<std::unordered_map<std::string, std::size_t>, core::status_count> places;
  for (std::size_t i = 0; i < outcomes.size(); ++i) {
    const Outcome &outcome = outcomes[i];
    if (core::succeeded(outcome)) continue;
    std::string general = general_reason(outcome, hosts[i]);
    const auto [place, is_new] =
        places[static_cast<std::size_t>(outcome.status)].try_emplace(general, found.size());
    if (is_new) {
      Alike &alike = found.emplace_back();
      alike.group.status = outcome.status;
      alike.general = std::move(general);
    }
    found[place->second].add(static_cast<HostIndex>(i), reason(outcome));
  }
  std::vector<FailureGroup> groups;
  groups.reserve(found.size());
  for (Alike &alike : found) {
    if (!alike.all_the_same) alike.group.cause = std::move(alike.general);
    groups.push_back(std::move(alike.group));
  }
  std::stable_sort(groups.begin(), groups.end(), [](const auto &a, const auto &b) {
    if (a.status != b.status) return place_of(a.status) < place_of(b.status);
    return a.hosts.size() > b.hosts.size();
  });
  return groups;
}

}  // namespace fanout::report
