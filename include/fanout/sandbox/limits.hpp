// Resource limits and privileges of a process that talks to a stranger: what it may use of this machine.
#pragma once

#include "fanout/core/result.hpp"
#include "fanout/sandbox/profile.hpp"

namespace fanout::sandbox {

// For the calling process and its children, for good: no core file (setrlimit(2)), no debugger and no reading of its
// memory by other processes of the user (prctl(2), PR_SET_DUMPABLE; a program that a child executes is free again).
core::Result<void> hide_memory();

// For a worker, for good: the above, no gain of rights by exec, no growth of any file (except for get), no new process
// (root is not bound by this), 256 MiB more of address space (not in sanitizer builds, which reserve terabytes), and no
// capability (capabilities(7)) but that of a superuser to read, for put, or write, for get, files of others.
// Reads /proc/self/statm; without /proc the address space is limited to 1 GiB in all.
core::Result<void> limit_worker(Profile profile = Profile::exec);

// Whether limit_worker() can tell how much address space a worker starts with, that is, whether /proc is mounted.
bool limits_fit_closely();

// The rest, for a worker that has its descriptors: those that it has keep working, and of exec no new one can be made.
core::Result<void> limit_descriptors(Profile profile = Profile::exec);

}  // namespace fanout::sandbox
