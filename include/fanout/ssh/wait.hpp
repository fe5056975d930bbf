// How the SSH code waits. It never polls by itself, because whoever waits must also hear that it is to stop.
#pragma once

#include <functional>

#include "fanout/core/deadline.hpp"
#include "fanout/core/result.hpp"

namespace fanout::ssh {

// Blocks until `fd` has one of the poll(2) `events` or an error state. ErrorKind::timeout when the deadline has passed,
// ErrorKind::interrupted when the worker was told to stop. `fd` may be -1: then only the other two end the wait.
using Wait = std::function<core::Result<void>(int fd, short events, core::Deadline deadline)>;

}  // namespace fanout::ssh
