// A system call filter (seccomp(2)): built once from a profile, installed where it is to hold.
#pragma once

#include <linux/filter.h>

#include <vector>

#include "fanout/core/result.hpp"
#include "profiles.hpp"

namespace fanout::sandbox {

using FilterProgram = std::vector<sock_filter>;

// Whether filters can be had that end a process (Linux 4.14): 0, or the errno with which we are refused.
int filters_refusal();

// Whether the calling thread is bound by a filter already, as in many containers.
bool is_filtered();

// A third of a millisecond. ErrorKind::local.
core::Result<FilterProgram> build_filter(const CallProfile &profile);

// Whom it binds; children inherit it. Needs no_new_privs.
enum class Threads { calling, all };
core::Result<void> install_filter(const FilterProgram &program, Threads threads);

}  // namespace fanout::sandbox
