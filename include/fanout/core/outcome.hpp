// The one final record of a host.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "fanout/core/status.hpp"
#include "fanout/core/transfer.hpp"

namespace fanout::core {

struct Outcome {
  Status status = Status::internal;
  Phase phase = Phase::start;      // where it ended
  std::optional<int> exit_status;  // of the remote command, when the server reported one
  std::string signal;              // "KILL", without SIG; empty when it did not die of one
  std::string cause;               // one line; empty when ok
  RemoteEnd remote_end = RemoteEnd::none;
  StopMethod stopped_by = StopMethod::none;
  // The server has taken the connection and closed it without a word, or because it has too many that have not logged in
  // (MaxStartups, sshd_config(5)).
  bool turned_away = false;
  std::string peer_address;        // the numeric address that was connected to, if any
  std::uint64_t stdout_bytes = 0;  // received from the host
  std::uint64_t stderr_bytes = 0;
  std::uint64_t dropped_bytes = 0;         // received and counted, but over --max-output
  std::optional<TransferRecord> transfer;  // of put and get, once the host was logged in to
  std::uint32_t attempts = 0;              // to reach it; counted by the parent
  std::array<std::chrono::microseconds, phase_count> phases{};  // time spent in each phase
  std::chrono::microseconds elapsed{0};                         // from start to end
};

// A command that ended with 0 is ok; everything else names what went wrong.
inline bool succeeded(const Outcome &outcome) { return outcome.status == Status::ok; }

}  // namespace fanout::core
