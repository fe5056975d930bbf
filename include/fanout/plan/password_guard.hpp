// --max-auth-fail: a password that is wrong may lock the account that it is tried on, so it is tried on few accounts until
// one has taken it. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "fanout/core/host.hpp"
#include "fanout/plan/plan.hpp"
#include "fanout/plan/turnstile.hpp"

namespace fanout::plan {

class PasswordGuard {
public:
  // Of each password, hosts that have it and run and may still be sent it, plus hosts that have refused it, are never more
  // than `most_refusals`, until it is known to be right. 0 is no limit. `turnstiles` must live as long.
  PasswordGuard(std::uint32_t most_refusals, const std::vector<HostFacts> &hosts,
                const std::vector<core::HostIndex> &order, Turnstiles &turnstiles);

  // Where the host would have to wait if it were to start.
  [[nodiscard]] std::optional<Turnstiles::Number> in_the_way(Position host) const;

  void started(Position host);
  // It will be sent no password any more: it has logged in, or ended.
  void settled(Position host);
  // True: as many hosts as may have refused this password, and none has taken it.
  bool answered(Position host, bool accepted);
  // In any attempt, or in one that has ended in this phase: a worker that was killed there has told nothing of it.
  [[nodiscard]] bool may_have_been_sent(Position host, core::Phase phase) const {
    return hosts_[host].was_sent || (hosts_[host].has_password && phase == core::Phase::auth);
  }

private:
  struct Password {
    Turnstiles::Number turnstile = 0;
    std::uint32_t refusals = 0;
    bool is_right = false;
  };
  static constexpr std::uint32_t none = Turnstiles::no_limit;
  struct Host {
    std::uint32_t password = none;
    bool is_inside = false;
    bool has_password = false;
    bool was_sent = false;
  };

  Turnstiles &turnstiles_;
  std::uint32_t most_refusals_;
  std::vector<Host> hosts_;
  std::vector<Password> passwords_;
};

}  // namespace fanout::plan
