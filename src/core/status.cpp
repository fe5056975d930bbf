#include "fanout/core/status.hpp"

namespace fanout::core {

std::string_view to_string(Status status) {
  switch (status) {
    case Status::ok: return "ok";
    case Status::failed: return "failed";
    case Status::timeout: return "timeout";
    case Status::resolve: return "resolve";
    case Status::unreachable: return "unreachable";
    case Status::host_key: return "host_key";
    case Status::auth: return "auth";
    case Status::protocol: return "protocol";
    case Status::skipped: return "skipped";
    case Status::interrupted: return "interrupted";
    case Status::internal: return "internal";
  }
  return "internal";
}

std::string_view to_string(Phase phase) {
  switch (phase) {
    case Phase::start: return "start";
    case Phase::resolve: return "resolve";
    case Phase::connect: return "connect";
    case Phase::kex: return "kex";
    case Phase::verify: return "verify";
    case Phase::auth: return "auth";
    case Phase::open: return "open";
    case Phase::run: return "run";
    case Phase::done: return "done";
  }
  return "start";
}

std::string_view describe(Phase phase) {
  switch (phase) {
    case Phase::start: return "starting";
    case Phase::resolve: return "resolving its name";
    case Phase::connect: return "connecting";
    case Phase::kex: return "exchanging keys";
    case Phase::verify: return "checking its host key";
    case Phase::auth: return "logging in";
    case Phase::open: return "opening a session";
    case Phase::run: return "running the command";
    case Phase::done: return "ending";
  }
  return "starting";
}

bool is_failure(Status status) {
  switch (status) {
    case Status::ok:
    case Status::skipped:
    case Status::interrupted: return false;
    case Status::failed:
    case Status::timeout:
    case Status::resolve:
    case Status::unreachable:
    case Status::host_key:
    case Status::auth:
    case Status::protocol:
    case Status::internal: return true;
  }
  return true;
}

std::string_view to_string(RemoteEnd end) {
  switch (end) {
    case RemoteEnd::none: return "none";
    case RemoteEnd::exited: return "exited";
    case RemoteEnd::killed: return "killed";
    case RemoteEnd::unknown: return "unknown";
  }
  return "unknown";
}

std::string_view to_string(StopMethod method) {
  switch (method) {
    case StopMethod::none: return "";
    case StopMethod::channel_signal: return "signal";
    case StopMethod::kill_command: return "kill";
  }
  return "";
}

std::optional<Phase> phase_from_wire(std::uint8_t value) {
  if (value >= phase_count) return std::nullopt;
  return static_cast<Phase>(value);
}

std::optional<Status> status_from_wire(std::uint8_t value) {
  if (value >= status_count) return std::nullopt;
  return static_cast<Status>(value);
}

std::optional<RemoteEnd> remote_end_from_wire(std::uint8_t value) {
  if (value > static_cast<std::uint8_t>(RemoteEnd::unknown)) return std::nullopt;
  return static_cast<RemoteEnd>(value);
}

std::optional<StopMethod> stop_method_from_wire(std::uint8_t value) {
  if (value > static_cast<std::uint8_t>(StopMethod::kill_command)) return std::nullopt;
  return static_cast<StopMethod>(value);
}

Status status_of(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::usage:
    case ErrorKind::local:
    case ErrorKind::internal: return Status::internal;
    case ErrorKind::resolve: return Status::resolve;
    case ErrorKind::unreachable: return Status::unreachable;
    case ErrorKind::host_key: return Status::host_key;
    case ErrorKind::auth: return Status::auth;
    case ErrorKind::protocol: return Status::protocol;
    case ErrorKind::remote: return Status::failed;
    case ErrorKind::timeout: return Status::timeout;
    case ErrorKind::interrupted: return Status::interrupted;
  }
  return Status::internal;
}

}  // namespace fanout::core
