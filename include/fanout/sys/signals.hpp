// Signals as readable descriptors: nothing of ours runs in a handler (CVE-2024-6387 is what comes of it).
#pragma once

#include <initializer_list>
#include <optional>

#include "fanout/core/result.hpp"
#include "fanout/sys/fd.hpp"

namespace fanout::sys {

// Blocks `signals` for this process and delivers them on fd() (signalfd(2)). A signal that was ignored when the program
// was started (nohup) stays ignored and is not delivered. SIGPIPE is set to be ignored and SIGCHLD to its default.
// fork_child() undoes all of it in the child.
class SignalFd {
public:
  static core::Result<SignalFd> open(std::initializer_list<int> signals);
  [[nodiscard]] int fd() const { return fd_.get(); }
  std::optional<int> next();  // never blocks

private:
  UniqueFd fd_;
};

// Blocks `signals` for this process: one that comes waits until a SignalFd takes it. fork_child() undoes it in the child.
void hold_back(std::initializer_list<int> signals);

}  // namespace fanout::sys
