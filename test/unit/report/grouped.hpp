// What the tests of merge and diff have in common: hosts whose commands ended by themselves.
#pragma once

#include <string>
#include <utility>

#include "run.hpp"

namespace fanout::report {

inline core::Outcome ended_with(int exit_status) {
  core::Outcome outcome;
  outcome.status = exit_status == 0 ? core::Status::ok : core::Status::failed;
  outcome.exit_status = exit_status;
  outcome.remote_end = core::RemoteEnd::exited;
  outcome.phase = core::Phase::done;
  return outcome;
}

inline core::Outcome timed_out() {
  core::Outcome outcome;
  outcome.status = core::Status::timeout;
  outcome.cause = "took longer than 5 s";
  outcome.remote_end = core::RemoteEnd::killed;
  outcome.phase = core::Phase::run;
  return outcome;
}

// Runs this host from its start to its end.
inline void play(Run &run, core::HostIndex host, const std::string &out,
                 const std::string &err = {}, core::Outcome outcome = ended_with(0)) {
  run.start(host);
  if (!out.empty()) run.out(host, out);
  if (!err.empty()) run.err(host, err);
  run.end(host, std::move(outcome));
}

}  // namespace fanout::report
