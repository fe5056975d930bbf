// The task "run a command": from the accepted request to what is known of its end.
#pragma once

#include "fanout/core/deadline.hpp"
#include "fanout/core/outcome.hpp"
#include "fanout/ssh/session.hpp"
#include "parent_link.hpp"

namespace fanout::worker {

struct ExecLimits {
  core::Milliseconds timeout{0};
  core::Milliseconds stop_grace{5'000};
  core::Milliseconds stall_timeout{0};  // without a byte of output; 0 is none
};

// Forwards the output of a running command to the parent until it has ended, or has been stopped (remote_stop.hpp) because
// its time was over, it was silent for too long, or the parent said so. Fills status, cause, exit, signal, remote_end,
// stopped_by and the byte counts of `outcome`.
void run_exec(ssh::Session &session, ssh::ExecChannel &channel, ParentLink &parent,
              const ExecLimits &limits, core::Outcome &outcome);

}  // namespace fanout::worker
