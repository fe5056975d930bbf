// The task "run a command": from the accepted request to what is known of its end.
#pragma once

#include <optional>
#include <string>

#include "fanout/core/deadline.hpp"
#include "fanout/core/outcome.hpp"
#include "fanout/ssh/session.hpp"
#include "parent_link.hpp"

namespace fanout::worker {

struct ExecLimits {
  core::Milliseconds timeout{0};
  core::Milliseconds stop_grace{5'000};
};

// Forwards the output of a running command to the parent until it has ended, or has been stopped because its time was
// over or the parent said so: TERM, a time of grace, KILL, a short time for the server to confirm, then the channel is
// closed. Fills status, cause, exit, signal, remote_end and the byte counts of `outcome`.
void run_exec(ssh::Session &session, ssh::ExecChannel &channel, ParentLink &parent,
              const ExecLimits &limits, core::Outcome &outcome);

}  // namespace fanout::worker
