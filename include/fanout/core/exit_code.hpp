// What the program's exit code means. Numbers are only ever added, never changed.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "fanout/core/outcome.hpp"

namespace fanout::core {

enum class ExitCode : std::uint8_t {
  success = 0,
  internal = 1,        // a worker crashed, output could not be written
  usage = 2,           // nobody was contacted
  timed_out = 3,       // a host timed out, or its command was killed by a signal
  unreached = 4,       // name, connection, host key, login, channel
  command_failed = 5,  // a command ended non-zero, or one file failed
  different = 6,       // --expect-same
  stopped_early = 7,   // some hosts were never started
  hangup = 129,
  interrupt = 130,
  terminate = 143,
};

// Everything about a finished run that the exit code depends on.
struct RunEnd {
  std::vector<Outcome> outcomes;      // one per selected host
  bool local_failure = false;         // our own output could not be written
  bool outputs_differ = false;        // only set with --expect-same
  std::optional<int> interrupted_by;  // SIGINT, SIGTERM or SIGHUP
};

// Precedence: signal, 1, 7, 4, 3, 5, 6, 0.
ExitCode exit_code(const RunEnd &end);

// --exit max: where exit_code() says 5, the largest remote exit status instead, so that one host behaves like ssh.
int exit_code_max(const RunEnd &end);

}  // namespace fanout::core
