// The task "fetch the host keys": every family of keys that a server has, each proven by a key exchange of its own.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "fanout/core/deadline.hpp"
#include "fanout/core/outcome.hpp"
#include "fanout/core/result.hpp"
#include "fanout/ssh/dial.hpp"
#include "fanout/ssh/wait.hpp"
#include "parent_link.hpp"

namespace fanout::worker {

struct Keyscan {
  std::vector<ssh::Address> addresses;
  std::string host_key_algorithms;  // comma separated, those of known keys first
  core::Deadline deadline;
  ssh::Wait wait;
  std::function<void(core::Phase)> enter;
  // Gives up files and new sockets. Called once, before the first byte of the server is read.
  std::function<core::Result<void>()> confine;
};

// Connects, and sends the parent one host key for each of Ed25519, ECDSA and RSA that the server has, of those that
// `host_key_algorithms` names. Fills status and peer_address of `outcome`. One key is a success: what hinders the others is
// a note. An error is the reason why there is none, or that the parent said stop.
core::Result<void> run_keyscan(const Keyscan &scan, ParentLink &parent, core::Outcome &outcome);

}  // namespace fanout::worker
