// What the pool tells the rest of the parent about its workers, in the order in which it happened to each host.
//
// For every host: Started first, Ended last and exactly once, whatever became of the worker. A host that is tried again has
// Started and Retrying, in pairs, before that.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "fanout/core/deadline.hpp"
#include "fanout/core/host.hpp"
#include "fanout/core/outcome.hpp"
#include "fanout/core/status.hpp"
#include "fanout/core/transfer.hpp"

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
// The host has printed more than there is here: of an earlier run, whose journal keeps the beginning of what hosts printed.
struct OutputMissing {
  HostIndex host = 0;
  Stream stream = Stream::out;
  std::uint64_t bytes = 0;
  std::string
      sha256;  // 32 raw bytes, of all that the host has printed on this stream; empty when it is not known
};
// A line about the connection for -v; the text comes from or through a worker and is not safe for a terminal.
struct Noted {
  HostIndex host = 0;
  std::string text;
};
// The host has been sent a password, and has taken it or not. A connection that was lost then has not.
struct PasswordAnswered {
  HostIndex host = 0;
  bool accepted = false;
};
// How far a transfer is; now and then, while it goes on.
struct Progressed {
  HostIndex host = 0;
  std::uint64_t done_bytes = 0;   // of content, sent or found unchanged
  std::uint64_t total_bytes = 0;  // known so far
};
// A file of a get stands whole in its place.
struct FileFetched {
  HostIndex host = 0;
  FetchedFile file;
};
struct Ended {
  HostIndex host = 0;
  Outcome outcome;
  int worker_signal = 0;  // that killed its worker (signal(7)), when it was none of ours
};

// An attempt to reach the host has failed, which is not its end: it will be started again. Not told by the pool.
struct Retrying {
  HostIndex host = 0;
  Outcome outcome;  // of that attempt
  Milliseconds again_in{0};
};

using Event = std::variant<Started, PhaseEntered, HostKeyOffered, OutputReceived, OutputMissing,
                           Noted, PasswordAnswered, Progressed, FileFetched, Ended, Retrying>;

HostIndex host_of(const Event &event);

}  // namespace fanout::core
