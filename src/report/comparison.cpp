#include "comparison.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace fanout::report {

using core::HostIndex;
using core::Result;

namespace {

// The first host in the order of the selection; they came in that of their ends.
HostIndex first_of(const std::vector<HostIndex> &hosts) {
  return *std::min_element(hosts.begin(), hosts.end());
}

}  // namespace

Comparison::Comparison(Identities &identities, const std::optional<Reference> &reference)
    : identities_(identities) {
  if (!reference) return;
  against_host_ = reference->host;
  if (!reference->host) against_out_ = identities.of_reference();
}

Result<void> Comparison::add(const core::Host &host, HostIndex index, const core::Outcome &outcome,
                             Printed &printed) {
  if (!is_comparable(outcome)) return {};
  const auto out = identities_.of(printed.out, host);
  const auto err = identities_.of(printed.err, host);
  if (!out || !err) {
    groups_[{fmt::format("unread {}", index), {}}].push_back(index);
    return core::fail(out ? err.error() : out.error());
  }
  // A file says what there should be on stdout, and nothing of the other stream.
  groups_[{std::string(*out), std::string(against_out_ ? identity_of_nothing : *err)}].push_back(
      index);
  return {};
}

const Comparison::Pair *Comparison::largest() const {
  const auto found = std::max_element(groups_.begin(), groups_.end(), [](auto &a, auto &b) {
    if (a.second.size() != b.second.size()) return a.second.size() < b.second.size();
    return first_of(a.second) > first_of(b.second);
  });
  return found == groups_.end() ? nullptr : &found->first;
}

const Comparison::Pair *Comparison::find(HostIndex host) const {
  for (const auto &[pair, hosts] : groups_)
    if (std::find(hosts.begin(), hosts.end(), host) != hosts.end()) return &pair;
  return nullptr;
}

Comparison::Verdict Comparison::verdict() const {
  Verdict verdict;
  Pair reference;
  if (against_out_) {
    reference = {*against_out_, std::string(identity_of_nothing)};
  } else {
    const Pair *found = against_host_ ? find(*against_host_) : nullptr;
    verdict.reference_is_missing = against_host_ && found == nullptr;
    if (found == nullptr) found = largest();
    if (found == nullptr) return verdict;
    reference = *found;
  }
  for (const auto &[pair, hosts] : groups_) {
    std::vector<HostIndex> sorted = hosts;
    std::sort(sorted.begin(), sorted.end());
    if (pair == reference)
      verdict.same = std::move(sorted);
    else
      verdict.outliers.push_back(
          {std::move(sorted), pair.first != reference.first, pair.second != reference.second});
  }
  std::sort(verdict.outliers.begin(), verdict.outliers.end(),
            [](const Outlier &a, const Outlier &b) {
              if (a.hosts.size() != b.hosts.size()) return a.hosts.size() > b.hosts.size();
              return a.hosts.front() < b.hosts.front();
            });
  return verdict;
}

}  // namespace fanout::report
