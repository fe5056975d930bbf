// Turnstiles that let only so many hosts in at a time, and the lines before them. Pure.
//
// Whoever waits, waits at one turnstile, so all lines are threaded through one array: a line costs nothing until somebody
// stands in it, and a million servers with a host each cost what one with a million does.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <utility>
#include <vector>

namespace fanout::plan {

// Hosts by their place in the order in which they are started.
using Position = std::uint32_t;

class Turnstiles {
public:
  using Number = std::uint32_t;
  static constexpr std::uint32_t no_limit = std::numeric_limits<std::uint32_t>::max();

  explicit Turnstiles(std::size_t hosts) : next_(hosts) {}

  Number add(std::uint32_t limit);
  [[nodiscard]] std::uint32_t limit(Number number) const { return all_[number].limit; }
  [[nodiscard]] std::uint32_t inside(Number number) const { return all_[number].inside; }
  [[nodiscard]] bool has_place(Number number) const {
    return all_[number].inside < all_[number].limit;
  }

  // Whoever is inside stays there, also when there are more than the new limit.
  void set_limit(Number number, std::uint32_t limit);
  void enter(Number number, std::uint32_t hosts = 1) { all_[number].inside += hosts; }
  void leave(Number number);

  // At the end of the line, where there is no place. The host must not wait elsewhere.
  void wait(Number number, Position host);
  // Of those that are first in line where there is a place, the one that comes first in the order. It waits no longer, and is
  // not inside.
  std::optional<Position> take_first();

private:
  static constexpr Position nobody = std::numeric_limits<Position>::max();
  struct Turnstile {
    std::uint32_t limit = 0;
    std::uint32_t inside = 0;
    Position first = nobody;
    Position last = nobody;
    bool is_listed = false;
  };
  void list_if_useful(Number number);

  std::vector<Turnstile> all_;
  std::vector<Position> next_;  // behind each host that waits
  // Turnstiles that had both a place and a line when they were put here, with the first of the line; a heap.
  std::vector<std::pair<Position, Number>> listed_;
};

}  // namespace fanout::plan
