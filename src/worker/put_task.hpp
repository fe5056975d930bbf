// The task "copy files there".
#pragma once

#include <vector>

#include "fanout/core/outcome.hpp"
#include "fanout/files/source.hpp"
#include "fanout/ssh/session.hpp"
#include "fanout/worker/job_card.hpp"
#include "parent_link.hpp"

namespace fanout::worker {

// Fills status, cause and transfer of `outcome`; with a command for after the transfer also what run_exec() fills.
void run_put(ssh::Session &session, ParentLink &parent, const JobCard &card, files::Source &source,
             core::Outcome &outcome);

}  // namespace fanout::worker
