#include "fanout/plan/password_guard.hpp"

#include <unordered_map>

namespace fanout::plan {

PasswordGuard::PasswordGuard(std::uint32_t most_refusals, const std::vector<HostFacts> &hosts,
                             const std::vector<core::HostIndex> &order, Turnstiles &turnstiles)
    : turnstiles_(turnstiles), most_refusals_(most_refusals), hosts_(hosts.size()) {
  for (Position position = 0; position < order.size(); ++position)
    hosts_[position].has_password = hosts[order[position]].password.has_value();
  if (most_refusals_ == 0) return;
  std::unordered_map<std::uint32_t, std::uint32_t> known;
  for (Position position = 0; position < order.size(); ++position) {
    const auto &password = hosts[order[position]].password;
    if (!password) continue;
    const auto next = static_cast<std::uint32_t>(passwords_.size());
    const auto [found, is_new] = known.try_emplace(*password, next);
    if (is_new) passwords_.push_back({.turnstile = turnstiles_.add(most_refusals_)});
    hosts_[position].password = found->second;
  }
}

std::optional<Turnstiles::Number> PasswordGuard::in_the_way(Position host) const {
  if (hosts_[host].password == none) return std::nullopt;
  const Turnstiles::Number turnstile = passwords_[hosts_[host].password].turnstile;
  if (turnstiles_.has_place(turnstile)) return std::nullopt;
  return turnstile;
}

void PasswordGuard::started(Position host) {
  Host &guarded = hosts_[host];
  if (guarded.password == none) return;
  turnstiles_.enter(passwords_[guarded.password].turnstile);
  guarded.is_inside = true;
}

void PasswordGuard::settled(Position host) {
  Host &guarded = hosts_[host];
  if (!guarded.is_inside) return;
  guarded.is_inside = false;
  turnstiles_.leave(passwords_[guarded.password].turnstile);
}

bool PasswordGuard::answered(Position host, bool accepted) {
  Host &guarded = hosts_[host];
  guarded.was_sent = true;
  if (guarded.password == none) return false;
  Password &password = passwords_[guarded.password];
  if (accepted) {
    password.is_right = true;
    turnstiles_.set_limit(password.turnstile, Turnstiles::no_limit);
  } else if (guarded.is_inside && !password.is_right) {
    // Before it leaves, so that its place is not given to another. (Not inside: asked once more, in another way.)
    turnstiles_.set_limit(password.turnstile, most_refusals_ - ++password.refusals);
  }
  settled(host);
  return !password.is_right && password.refusals == most_refusals_;
}

}  // namespace fanout::plan
