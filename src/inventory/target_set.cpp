#include <utility>

#include <fmt/format.h>

#include "evaluate.hpp"
#include "names.hpp"

namespace fanout::inventory {

using core::ErrorKind;
using core::fail;
using core::Result;

Result<void> TargetSet::add(Target target) {
  ++additions_;
  const auto [id, added] = names_.intern(target.name);
  if (added) {
    targets_.push_back(std::move(target));
    present_.push_back(true);
    ++size_;
    return {};
  }
  Target &known = targets_[id];
  if (!present_[id]) {
    present_[id] = true;
    ++size_;
    known = std::move(target);
    return {};
  }
  if (!known.user.empty() && !target.user.empty() && known.user != target.user)
    return fail(ErrorKind::usage, fmt::format("{} is asked for twice, as {} and as {}", known.name,
                                              in_quotes(known.user), in_quotes(target.user)));
  if (known.user.empty()) known.user = std::move(target.user);
  if (known.port == 0) known.port = target.port;
  return {};
}

void TargetSet::reserve(std::size_t more) {
  // Not for a few: exact sizes again and again would copy everything each time.
  if (more < targets_.size()) return;
  names_.reserve(names_.size() + more);
  targets_.reserve(targets_.size() + more);
}

void TargetSet::remove(std::string_view name) {
  const auto id = names_.find(name);
  if (!id || !present_[*id]) return;
  present_[*id] = false;
  --size_;
}

bool TargetSet::contains(std::string_view name) const {
  const auto id = names_.find(name);
  return id && present_[*id];
}

void TargetSet::for_each(const std::function<void(const Target &)> &use) const {
  for (std::size_t i = 0; i < targets_.size(); ++i)
    if (present_[i]) use(targets_[i]);
}

std::vector<Target> TargetSet::take() && {
  if (size_ != targets_.size()) {
    std::size_t kept = 0;
    for (std::size_t i = 0; i < targets_.size(); ++i)
      if (present_[i]) {
        if (kept != i) targets_[kept] = std::move(targets_[i]);
        ++kept;
      }
    targets_.resize(kept);
  }
  return std::move(targets_);
}

Result<void> TargetSet::unite(const TargetSet &other) {
  reserve(other.size());
  for (std::size_t i = 0; i < other.targets_.size(); ++i)
    if (other.present_[i]) TRY(add(other.targets_[i]));
  return {};
}

void TargetSet::subtract(const TargetSet &other) {
  other.for_each([&](const Target &target) { remove(target.name); });
}

Result<void> TargetSet::intersect(const TargetSet &other) {
  for (std::size_t i = 0; i < targets_.size(); ++i) {
    if (!present_[i]) continue;
    const auto id = other.names_.find(targets_[i].name);
    if (!id || !other.present_[*id]) {
      present_[i] = false;
      --size_;
    } else {
      TRY(add(other.targets_[*id]));  // for its user
    }
  }
  return {};
}

Result<void> TargetSet::differ(const TargetSet &other) {
  for (std::size_t i = 0; i < other.targets_.size(); ++i) {
    if (!other.present_[i]) continue;
    const Target &target = other.targets_[i];
    if (contains(target.name))
      remove(target.name);
    else
      TRY(add(target));
  }
  return {};
}

}  // namespace fanout::inventory
