// Additive increase, multiplicative decrease, as everywhere where somebody's capacity is only known by what he drops.
//
// What is in flight when the first connection is dropped was started under the old limit: that more of it is dropped says
// nothing about the new one.
#include "fanout/plan/server_pace.hpp"

#include <algorithm>
#include <bit>
#include <functional>
#include <limits>
#include <string_view>

namespace fanout::plan {

namespace {

// Equal texts to equal small numbers. A table of numbers alone, because it is made for every run and seldom finds anything.
class Numbers {
public:
  explicit Numbers(std::size_t most) : table_(std::bit_ceil(2 * most + 1), none) {}

  // `known` gives back the text of a number; `next` is the number of a new text.
  template <class Known>
  std::uint32_t of(std::string_view text, std::uint32_t next, const Known &known) {
    const std::size_t mask = table_.size() - 1;
    std::size_t place = std::hash<std::string_view>{}(text)&mask;
    while (table_[place] != none && known(table_[place]) != text) place = (place + 1) & mask;
    if (table_[place] == none) table_[place] = next;
    return table_[place];
  }

private:
  static constexpr std::uint32_t none = std::numeric_limits<std::uint32_t>::max();
  std::vector<std::uint32_t> table_;
};

}  // namespace

ServerPace::ServerPace(const std::vector<HostFacts> &hosts,
                       const std::vector<core::HostIndex> &order, Turnstiles &turnstiles)
    : turnstiles_(turnstiles), connections_(hosts.size()) {
  Numbers numbers(hosts.size());
  std::vector<core::HostIndex> first_host;  // of each server
  suspects_.turnstile = turnstiles_.add(most);
  for (Position position = 0; position < order.size(); ++position) {
    const core::HostIndex host = order[position];
    const auto next = static_cast<std::uint32_t>(servers_.size());
    const std::uint32_t server = numbers.of(
        hosts[host].server, next,
        [&](std::uint32_t number) -> std::string_view { return hosts[first_host[number]].server; });
    if (server == next) {
      servers_.push_back({.turnstile = turnstiles_.add(most)});
      first_host.push_back(host);
    }
    connections_[position].server = server;
  }
}

std::optional<Turnstiles::Number> ServerPace::in_the_way(Position host) const {
  const Trust &server = servers_[connections_[host].server];
  if (!turnstiles_.has_place(server.turnstile)) return server.turnstile;
  if (server.is_suspect && !turnstiles_.has_place(suspects_.turnstile)) return suspects_.turnstile;
  return std::nullopt;
}

void ServerPace::started(Position host) {
  Connection &connection = connections_[host];
  const Trust &server = servers_[connection.server];
  turnstiles_.enter(server.turnstile);
  if (server.is_suspect) turnstiles_.enter(suspects_.turnstile);
  connection.number = next_number_++;
  connection.is_logging_in = true;
  connection.is_lone = turnstiles_.inside(server.turnstile) <= fewest &&
                       (!server.is_suspect || is_hopeless() ||
                        turnstiles_.inside(suspects_.turnstile) <= fewest_of_suspects);
}

void ServerPace::leave(Connection &connection) {
  connection.is_logging_in = false;
  const Trust &server = servers_[connection.server];
  turnstiles_.leave(server.turnstile);
  if (server.is_suspect) turnstiles_.leave(suspects_.turnstile);
}

void ServerPace::succeeded(Trust &trust) {
  const std::uint32_t limit = turnstiles_.limit(trust.turnstile);
  if (limit == most || ++trust.logins < limit) return;
  trust.logins = 0;
  turnstiles_.set_limit(trust.turnstile, limit + 1);
}

void ServerPace::logged_in(Position host) {
  Connection &connection = connections_[host];
  if (!connection.is_logging_in) return;
  Trust &server = servers_[connection.server];
  succeeded(server);
  if (server.is_suspect) {
    if (is_hopeless()) turnstiles_.set_limit(suspects_.turnstile, fewest_of_suspects);
    in_vain_ = 0;
    succeeded(suspects_);
  }
  leave(connection);
}

void ServerPace::ended(Position host) {
  if (connections_[host].is_logging_in) leave(connections_[host]);
}

void ServerPace::count_in_vain() {
  if (++in_vain_ == enough_in_vain) turnstiles_.set_limit(suspects_.turnstile, most_of_hopeless);
}

void ServerPace::lower(Trust &trust, std::uint32_t fewest_here, std::uint32_t connection) {
  trust.logins = 0;
  if (connection < trust.lowered_for) return;
  trust.lowered_for = next_number_;
  const std::uint32_t limit = turnstiles_.limit(trust.turnstile);
  turnstiles_.set_limit(trust.turnstile, std::max(fewest_here, limit / 2));
}

std::optional<std::uint32_t> ServerPace::dropped(Position host) {
  Connection &connection = connections_[host];
  if (!connection.is_logging_in) return std::nullopt;
  Trust &server = servers_[connection.server];
  lower(server, fewest, connection.number);
  const bool is_first_of_all = suspects_.lowered_for == 0;
  if (!is_hopeless() && (server.is_suspect || is_first_of_all))
    lower(suspects_, fewest_of_suspects, connection.number);
  if (!server.is_suspect) {
    server.is_suspect = true;
    turnstiles_.enter(suspects_.turnstile, turnstiles_.inside(server.turnstile));
  }
  leave(connection);

  connection.drops = std::min<std::uint8_t>(connection.drops + 1, most_drops);
  if (connection.is_lone && server.is_suspect) count_in_vain();
  if (connection.is_lone)
    connection.lone_drops = std::min<std::uint8_t>(connection.lone_drops + 1, most_lone_drops);
  if (connection.drops == most_drops || connection.lone_drops == most_lone_drops)
    return std::nullopt;
  return connection.drops;
}

}  // namespace fanout::plan
