// The task "fetch files from there".
#pragma once

#include "fanout/core/outcome.hpp"
#include "fanout/files/folder.hpp"
#include "fanout/ssh/session.hpp"
#include "fanout/worker/job_card.hpp"
#include "parent_link.hpp"

namespace fanout::worker {

// Writes each REMOTE of card.remote below `folder`, at files::place_of_remote(). Fills status, cause and transfer of
// `outcome`; with a command for after the transfer also what run_exec() fills. With card.wants_list each file that stands
// in its place is told to the parent (wire::FetchedMessage).
void run_get(ssh::Session &session, ParentLink &parent, const JobCard &card, files::Folder &folder,
             core::Outcome &outcome);

}  // namespace fanout::worker
