#include "fanout/core/exit_code.hpp"

#include <algorithm>
#include <csignal>

namespace fanout::core {

namespace {

bool enough_are_ok(const RunEnd &end) {
  if (end.ok_if >= whole_share) return false;
  const auto ok =
      static_cast<std::size_t>(std::count_if(end.outcomes.begin(), end.outcomes.end(), succeeded));
  return ok * whole_share >= end.outcomes.size() * std::size_t{end.ok_if};
}

}  // namespace

ExitCode exit_code(const RunEnd &end) {
  bool internal = end.local_failure;
  bool skipped = false;
  bool stopped = false;
  bool unreached = false;
  bool timed_out = false;
  bool failed = false;
  for (const Outcome &outcome : end.outcomes) switch (outcome.status) {
      case Status::ok: break;
      // A command that died of a signal counts with the timeouts, as in pssh.
      case Status::failed: (outcome.signal.empty() ? failed : timed_out) = true; break;
      case Status::interrupted: stopped = true; [[fallthrough]];
      case Status::timeout: timed_out = true; break;
      case Status::resolve:
      case Status::unreachable:
      case Status::host_key:
      case Status::auth:
      case Status::protocol: unreached = true; break;
      case Status::skipped: skipped = true; break;
      case Status::internal: internal = true; break;
    }
  if (end.interrupted_by) switch (*end.interrupted_by) {
      case SIGTERM: return ExitCode::terminate;
      case SIGHUP: return ExitCode::hangup;
      default: return ExitCode::interrupt;
    }
  if (internal) return ExitCode::internal;
  if (skipped || (stopped && end.stopped_early)) return ExitCode::stopped_early;
  if (!enough_are_ok(end)) {
    if (unreached) return ExitCode::unreached;
    if (timed_out) return ExitCode::timed_out;
    if (failed) return ExitCode::command_failed;
  }
  if (end.outputs_differ) return ExitCode::different;
  return ExitCode::success;
}

int exit_code_max(const RunEnd &end) {
  const ExitCode code = exit_code(end);
  if (code != ExitCode::command_failed) return static_cast<int>(code);
  int largest = 0;
  for (const Outcome &outcome : end.outcomes)
    largest = std::max(largest, outcome.exit_status.value_or(0));
  // A command without an exit status failed all the same.
  if (largest == 0) return static_cast<int>(code);
  // The kernel keeps eight bits: 256 would come out as success.
  return std::min(largest, 255);
}

}  // namespace fanout::core
