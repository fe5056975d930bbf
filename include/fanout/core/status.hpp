// The words that users and scripts see for the state and the end of a host. Words are only ever added, never changed.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "fanout/core/error.hpp"

namespace fanout::core {

enum class Status : std::uint8_t {
  ok,
  failed,  // the command or the transfer
  timeout,
  resolve,
  unreachable,
  host_key,
  auth,
  protocol,
  skipped,  // never started
  interrupted,
  internal,
};
inline constexpr int status_count = 11;

// Where a worker is. The order is the order of a worker's life; it never goes back.
enum class Phase : std::uint8_t { start, resolve, connect, kex, verify, auth, open, run, done };
inline constexpr int phase_count = 9;

// What is known of the remote command when its record closes.
enum class RemoteEnd : std::uint8_t {
  none,     // it was never started
  exited,   // the server reported its exit status, or its death by a signal that was not ours
  killed,   // we stopped it and the server confirmed its death
  unknown,  // it may still run
};

// How we made a remote command end.
enum class StopMethod : std::uint8_t {
  none,            // we did not
  channel_signal,  // by signals over its channel (RFC 4254, section 6.9)
  kill_command,    // by kill(1), run on the host over a second channel
};

enum class Stream : std::uint8_t { out, err };

// What --max-fail, progress and the summary count: neither ok, nor skipped, nor interrupted.
bool is_failure(Status status);

std::string_view to_string(Status status);
std::string_view to_string(Phase phase);  // "resolve", "connect", ... as in JSON
std::string_view describe(Phase phase);   // "resolving", "connecting", ... as in a sentence
std::string_view to_string(RemoteEnd end);
std::string_view to_string(StopMethod method);  // "signal", "kill"; empty for none
std::optional<Phase> phase_from_wire(std::uint8_t value);
std::optional<Status> status_from_wire(std::uint8_t value);
std::optional<RemoteEnd> remote_end_from_wire(std::uint8_t value);
std::optional<StopMethod> stop_method_from_wire(std::uint8_t value);

// The status word of a host whose work ended with an error of this kind.
Status status_of(ErrorKind kind);

}  // namespace fanout::core
