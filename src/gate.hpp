// The local command between two batches (--gate): whether the run goes on is its exit status.
#pragma once

#include <csignal>
#include <optional>
#include <string>
#include <vector>

#include "fanout/console/output.hpp"
#include "fanout/core/deadline.hpp"
#include "fanout/core/result.hpp"
#include "fanout/sys/local_command.hpp"

namespace fanout {

class Gate {
public:
  // `variables` are added to its environment, NAME=value. What it prints goes to stderr of `output`, which must outlive it,
  // line by line with "gate: " before it.
  static core::Result<Gate> start(const std::string &command,
                                  const std::vector<std::string> &variables,
                                  console::Output &output);

  // Never blocks; to be called every so often. How it ended, once it has: empty when the gate is open, else "stopped by --gate: exited with status 3".
  std::optional<std::string> listen();

  static constexpr core::Milliseconds between_looks{50};

  // TERM, and KILL after a while; listen() tells its end as always.
  void stop(core::TimePoint now);
  void kill() { command_.signal(SIGKILL); }

private:
  Gate(sys::LocalCommand command, console::Output &output)
      : command_(std::move(command)), output_(&output) {}
  void print_lines(bool all);

  sys::LocalCommand command_;
  console::Output *output_;
  std::string text_;  // what it printed since its last whole line
  core::Deadline kill_at_;
};

}  // namespace fanout
