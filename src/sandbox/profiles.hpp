// Which system calls are allowed where: the lists, without the machinery that enforces them (filter.hpp).
#pragma once

#include <cstdint>
#include <vector>

#include "fanout/sandbox/profile.hpp"

namespace fanout::sandbox {

// Argument `index` (from 0), with `mask` applied, must be `value`.
struct ArgumentTest {
  unsigned index;
  std::uint64_t mask;
  std::uint64_t value;
};

// A call by name that is let through if all tests hold. Several rules for one call: if those of any one hold.
// A name that the architecture lacks allows nothing.
struct AllowedCall {
  const char *name;
  std::vector<ArgumentTest> tests = {};
};

// A call that fails with `error` instead of ending the process: libraries make it on the side and live without.
struct RefusedCall {
  const char *name;
  int error;
};

// Every call that stands in neither list ends the process with SIGSYS.
struct CallProfile {
  std::vector<AllowedCall> allowed;
  std::vector<RefusedCall> refused;
};

CallProfile worker_calls(Profile profile);
CallProfile key_holder_calls(bool has_agent);

}  // namespace fanout::sandbox
