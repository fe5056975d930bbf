// A worker that has been taken over: it goes the way of an honest one, sandbox included, up to where its server would
// have got hold of it, and then does the worst it can. Which worst is the first word of COMMAND:
//
//     call NAME   the system call of that name in evil_attempts.hpp, after the sandbox closed
//     frames KIND malformed, forbidden or endless messages to the parent
//     slot KIND   requests to the key holder that an honest worker never makes, and then a claim of success
//     shared      counts the memory that it could write and others could read
//
// What came of it is told as output, if it lives to tell.
#pragma once

#include <memory>
#include <string_view>

#include "fanout/core/result.hpp"
#include "fanout/sandbox/confinement.hpp"
#include "fanout/sys/fd.hpp"
#include "fanout/worker/job_card.hpp"

namespace fanout::evil {

class Program {
public:
  core::Result<void> prepare(std::string_view setup);
  int run(const worker::JobCard &card, sys::UniqueFd link, sys::UniqueFd key_slot) const;

private:
  std::unique_ptr<sandbox::Confinement> confinement_;
};

}  // namespace fanout::evil
