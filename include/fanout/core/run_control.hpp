// How a run goes over its hosts: in which order, how many at a time, how often, and when it ends early.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "fanout/core/deadline.hpp"

namespace fanout::core {

enum class Order : std::uint8_t { fifo, lifo, priority, random };

// Hundredths of a percent.
inline constexpr std::uint32_t whole_share = 10'000;

// So many hosts, or a share of the whole selection.
struct Quantity {
  std::uint32_t number = 0;  // of hosts, or hundredths of a percent
  bool is_share = false;

  // A share of one host or more is never none: it is rounded up.
  [[nodiscard]] constexpr std::size_t of(std::size_t hosts) const {
    if (!is_share) return number;
    return (hosts * number + whole_share - 1) / whole_share;
  }
};

// What becomes of hosts that run when no others are started any more.
enum class OnHalt : std::uint8_t { drain, kill };

struct RunControl {
  Order order = Order::fifo;
  std::optional<std::uint64_t> seed;  // of a random order; drawn, if nobody gave one
  std::vector<Quantity> batches;      // the last repeats; empty: all hosts are one
  std::string gate;                   // local command between two batches; empty: none
  Milliseconds pause_between{0};      // before that
  std::optional<Quantity> max_fail;
  OnHalt on_halt = OnHalt::drain;
  std::uint32_t ok_if = whole_share;  // hundredths of a percent of all hosts
  std::uint32_t start_rate = 0;       // connections started per second; 0 is no limit
  std::uint32_t retries = 0;          // of a connection
  Milliseconds deadline{0};           // of the whole run; 0 is none
  // So many hosts may refuse the same password, and none have taken it, before no further host is started. 0 is no limit.
  std::uint32_t max_auth_fail = 3;
};

}  // namespace fanout::core
