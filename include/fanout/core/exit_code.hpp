// What the program's exit code means. Numbers are only ever added, never changed.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "fanout/core/outcome.hpp"
#include "fanout/core/run_control.hpp"

namespace fanout::core {

enum class ExitCode : std::uint8_t {
  success = 0,
  internal = 1,        // a worker crashed, output could not be written
  usage = 2,           // nobody was contacted
  timed_out = 3,       // a host timed out, or its command was killed by a signal
  unreached = 4,       // name, connection, host key, login, channel
  command_failed = 5,  // a command ended non-zero, or one file failed
  different = 6,       // --expect-same
  stopped_early = 7,   // by a rule: some hosts were never started, or were stopped by it
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
  bool stopped_early = false;         // by a rule of the run's control
  std::uint32_t ok_if = whole_share;  // hundredths of a percent of the hosts that have to be ok
};

// Precedence: signal, 1, 7, 4, 3, 5, 6, 0. With enough hosts that are ok there is no 4, 3 and 5: what is wrong with the
// run as a whole is not made good by them.
ExitCode exit_code(const RunEnd &end);

// --exit max: where exit_code() says 5, the largest remote exit status instead, so that one host behaves like ssh.
int exit_code_max(const RunEnd &end);

}  // namespace fanout::core
