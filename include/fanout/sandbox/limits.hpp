// Resource limits and privileges of a process that talks to a stranger: what it may use of this machine.
#pragma once

#include <cstddef>
#include <cstdint>

#include "fanout/core/result.hpp"
#include "fanout/sandbox/profile.hpp"

namespace fanout::sandbox {

// For the calling process and its children, for good: no core file (setrlimit(2)), no debugger and no reading of its
// memory by other processes of the user (prctl(2), PR_SET_DUMPABLE; a program that a child executes is free again).
core::Result<void> hide_memory();

// What a process forked from this one may have in all: what this one has, and 256 MiB. Reads /proc/self/statm; without
// /proc it is 1 GiB.
std::uint64_t worker_address_space_bytes();
// Whether that can tell what this process has, that is, whether /proc is mounted.
bool limits_fit_closely();

// For a worker, for good: no core file, no debugger, no gain of rights by exec, no growth of any file (for get the limit of
// its user stays, and a write beyond it fails with EFBIG instead of ending the process), no new process (root is not
// bound by this), so much address space (not in sanitizer builds, which reserve terabytes), and no capability
// (capabilities(7)) but that of a superuser to read, for put, or write, for get, files of others.
core::Result<void> limit_worker(Profile profile, std::uint64_t address_space_bytes);

// The rest, for a worker that has its descriptors: those that it has keep working, and of exec no new one can be made.
// `held` is how many files and folders put was handed: it can open as many others as if it had none.
core::Result<void> limit_descriptors(Profile profile = Profile::exec, std::size_t held = 0);

}  // namespace fanout::sandbox
