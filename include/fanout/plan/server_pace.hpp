// How many connections to one server may be at their login at once. Pure.
//
// A server drops connections when too many have not logged in: sshd at random from 10 on, and all from 100 on
// (MaxStartups 10:30:100, sshd_config(5)), for all its clients together. Eight leave room for others. A server that drops
// one nevertheless gets fewer, and more again as logins succeed.
//
// Servers are told apart by the address that somebody wrote down. Fifty of those can be one sshd, so all servers that have
// dropped a connection are suspects, and share a limit as if they were one. When that has helped nobody for long, it is not
// for their number that they are dropped, and they do not wait for each other any longer.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "fanout/core/host.hpp"
#include "fanout/plan/plan.hpp"
#include "fanout/plan/turnstile.hpp"

namespace fanout::plan {

class ServerPace {
public:
  static constexpr std::uint32_t most = 8;
  static constexpr std::uint32_t fewest = 1;
  static constexpr std::uint32_t fewest_of_suspects = 2;
  // A host that is dropped is tried again, until it was dropped so often with as few others as can be, or so often in all.
  static constexpr std::uint8_t most_lone_drops = 6;
  static constexpr std::uint8_t most_drops = 20;
  // So many drops with as few others as can be, and no suspect logged in to meanwhile: then this many of them at once.
  static constexpr std::uint32_t enough_in_vain = 64;
  static constexpr std::uint32_t most_of_hopeless = 256;

  // Hosts in their order; `turnstiles` must live as long.
  ServerPace(const std::vector<HostFacts> &hosts, const std::vector<core::HostIndex> &order,
             Turnstiles &turnstiles);

  // Where the host would have to wait if it were to start.
  [[nodiscard]] std::optional<Turnstiles::Number> in_the_way(Position host) const;

  void started(Position host);
  void logged_in(Position host);
  // It ended, and was not dropped.
  void ended(Position host);
  // The server has accepted the connection and closed it before it could log in: how often this host was dropped so far, or
  // nothing when that is no reason to try it again.
  std::optional<std::uint32_t> dropped(Position host);

private:
  // What is known of a server, or of all suspects.
  struct Trust {
    Turnstiles::Number turnstile = 0;
    std::uint32_t logins = 0;       // in a row since the limit was changed
    std::uint32_t lowered_for = 0;  // connections before this one do not lower the limit again
    bool is_suspect = false;
  };
  struct Connection {
    std::uint32_t server = 0;
    std::uint32_t number = 0;  // of the latest one, in the order of all
    std::uint8_t drops = 0;
    std::uint8_t lone_drops = 0;
    bool is_logging_in = false;
    bool is_lone = false;  // started when fewer were not possible
  };
  [[nodiscard]] bool is_hopeless() const { return in_vain_ >= enough_in_vain; }
  void count_in_vain();
  void succeeded(Trust &trust);
  void lower(Trust &trust, std::uint32_t fewest_here, std::uint32_t connection);
  void leave(Connection &connection);

  Turnstiles &turnstiles_;
  std::vector<Connection> connections_;
  std::vector<Trust> servers_;
  Trust suspects_;
  std::uint32_t in_vain_ = 0;  // drops since a suspect was logged in to
  std::uint32_t next_number_ = 0;
};

}  // namespace fanout::plan
