// Resource limits of a worker: what a process that talks to a stranger may use of this machine.
#pragma once

#include "fanout/core/result.hpp"

namespace fanout::sandbox {

// For the calling process and its children, for good: no core file (setrlimit(2)), no debugger and no reading of its
// memory by other processes of the user (prctl(2), PR_SET_DUMPABLE; a program that a child executes is free again).
core::Result<void> hide_memory();

// For a worker, for good: the above, no gain of rights by exec, no growth of any file, no new
// process (root is not bound by this), 256 MiB more of address space (not in
// sanitizer builds, which reserve terabytes). Open files are not limited here: poll(2) fails under a limit of 0.
core::Result<void> limit_worker();

}  // namespace fanout::sandbox
