// The task "remove what a put has left": in a worker of its own, with a connection of its own, after that of the put was
// lost or its worker died.
#pragma once

#include "fanout/core/outcome.hpp"
#include "fanout/files/source.hpp"
#include "fanout/ssh/session.hpp"
#include "fanout/worker/job_card.hpp"
#include "parent_link.hpp"

namespace fanout::worker {

// Looks through the folders that the source has on the host for temporary names with card.token. `ok` when none is left.
void run_clean_up(ssh::Session &session, ParentLink &parent, const JobCard &card,
                  files::Source &source, core::Outcome &outcome);

}  // namespace fanout::worker
