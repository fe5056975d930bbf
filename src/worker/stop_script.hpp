// What ends a remote command where channel signals do not reach all of it: a script for the host that needs nothing but a
// POSIX shell, /proc or ps, and kill. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "fanout/core/deadline.hpp"

namespace fanout::worker {

// How a server has to be asked to stop a command, by its identification string (RFC 4253, section 4.2).
enum class StopWay : std::uint8_t {
  signals,  // only by channel signals: they reach the whole process group, or nothing else is safe
  script_then_signals  // its processes are found by the script, and signals are for when that does not run
};
StopWay stop_way(std::string_view identification);

// For the user's login shell, on a second channel of the connection of the command: finds all processes of this connection,
// sends them TERM, waits up to `grace` for their end, sends what is left KILL.
std::string stop_command(core::Milliseconds grace);

// What it has said so far.
struct StopAnswer {
  bool begun = false;        // our script runs, and no forced command
  std::optional<int> found;  // processes, before the first signal; all of them have been sent one
  std::optional<int> left;   // when it has ended
};
StopAnswer read_stop_answer(std::string_view output);

}  // namespace fanout::worker
