// What is to be done on every host of the run.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>

#include "fanout/core/transfer.hpp"

namespace fanout::core {

// libssh2 sends a command in one packet, of 34,724 bytes at most; a round number below that.
inline constexpr std::size_t max_command_bytes = 32'768;

// What a worker is for.
enum class TaskKind : std::uint8_t {
  exec,      // logs in and runs a command
  keyscan,   // fetches the host keys of its host, and does not log in
  put,       // logs in and copies files there
  get,       // logs in and fetches files from there
  clean_up,  // logs in and removes the temporary names that a put has left
};

struct Task {
  std::string command;  // already joined; placeholders not yet replaced
  std::chrono::milliseconds connect_timeout{10'000};  // resolve to authenticated; 0 is none
  std::chrono::milliseconds timeout{0};               // the command; 0 is none
  std::chrono::milliseconds stop_grace{5'000};        // between TERM and KILL of the remote command
  std::uint64_t max_output_bytes = 64ULL << 20;  // per host, both streams together; 0 is no limit
  // No byte in either direction; 0 is none. Of a command that is what it is unless the user says something else.
  std::chrono::milliseconds stall_timeout{60'000};
  TransferOptions transfer;  // placeholders of `then` not yet replaced
};

}  // namespace fanout::core
