// Why a host is not ok, in words. Used by headers, end lines and the summary, so that all of them say the same. Pure.
// The texts contain what servers said: they are not safe for a terminal yet.
#pragma once

#include <string>

#include "fanout/core/host.hpp"
#include "fanout/core/outcome.hpp"

namespace fanout::report {

// Empty for ok. For a command that failed "exit 3", "killed by signal KILL" or "no exit status from the server", else
// the cause; if there is none, what was going on: "while connecting".
std::string reason(const core::Outcome &outcome);

// The reason without what is particular to this host: its name is {host}, its addresses are {address}, fingerprints of
// keys are SHA256:..., numbers of bytes and files and what makes temporary names its own are "...". Hosts that failed
// alike have the same text.
std::string general_reason(const core::Outcome &outcome, const core::Host &host);

// "ok", "failed, exit 3", "unreachable, connect 10.0.0.7:22: Connection refused".
std::string describe_end(const core::Outcome &outcome);

// With the time it took, and of a transfer what was copied: "failed in 2.5 s (connect 12 ms, run 2.4 s): exit 3".
std::string describe_end_in_full(const core::Outcome &outcome);

// The time spent in each phase: "connect 12 ms, kex 31 ms, auth 4 ms, run 1.8 s"; empty if there was none.
std::string describe_phases(const core::Outcome &outcome);

}  // namespace fanout::report
