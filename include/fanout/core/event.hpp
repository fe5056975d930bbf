// What the pool tells the rest of the parent about its workers, in the order in which it happened to each host.
//
// For every host: Started first, Ended last and exactly once, whatever became of the worker.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "fanout/core/deadline.hpp"
#include "fanout/core/host.hpp"
#include "fanout/core/outcome.hpp"
#include "fanout/core/status.hpp"

namespace fanout::core {

struct Started {
  HostIndex host = 0;
};
struct PhaseEntered {
  HostIndex host = 0;
  Phase phase = Phase::start;
};
// The worker waits for an answer before it sends anything secret.
struct HostKeyOffered {
  HostIndex host = 0;
  std::string blob;  // the public key as on the wire (RFC 4253, section 6.6)
};
struct OutputReceived {
  HostIndex host = 0;
  Stream stream = Stream::out;
  std::string bytes;  // never empty; split anywhere
};
// A line about the connection for -v; the text comes from or through a worker and is not safe for a terminal.
struct Noted {
  HostIndex host = 0;
  std::string text;
};
struct Ended {
  HostIndex host = 0;
  Outcome outcome;
  int worker_signal = 0;  // that killed its worker (signal(7)), when it was none of ours
};

using Event = std::variant<Started, PhaseEntered, HostKeyOffered, OutputReceived, Noted, Ended>;

HostIndex host_of(const Event &event);

}  // namespace fanout::core
