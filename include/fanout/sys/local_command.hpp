// A shell command of the user's that runs on this machine, in the parent, beside everything else.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "fanout/core/result.hpp"
#include "fanout/sys/fd.hpp"
#include "fanout/sys/process.hpp"

namespace fanout::sys {

// `/bin/sh -c command` in a process group of its own, so that all of it can be signalled; the terminal's signals therefore do
// not reach it. It has our folder and environment, the null device as standard input, default signals, none of them
// blocked, and no descriptor of ours but the pipe that takes its standard output and error. Nothing here blocks.
class LocalCommand {
public:
  // `environment`: NAME=value, in addition to ours or instead of it. The caller is single-threaded. A shell that cannot be run
  // says why in its output and ends with 127, as a command does that a shell does not find.
  static core::Result<LocalCommand> start(const std::string &command,
                                          const std::vector<std::string> &environment);

  LocalCommand(LocalCommand &&) noexcept = default;
  LocalCommand &operator=(LocalCommand &&other) noexcept;
  // Kills what still runs of it, unless reap() has said how it ended.
  ~LocalCommand();

  // Never blocks, ends when the last process that has it lets go: one left in the background may keep it for longer than
  // the command runs.
  [[nodiscard]] int output_fd() const { return output_.get(); }
  // Readable when the shell has ended; -1 once it is reaped.
  [[nodiscard]] int pidfd() const { return shell_.pidfd(); }
  [[nodiscard]] bool running() const { return shell_.running(); }
  void signal(int number) const {
    shell_.signal_group(number);
  }  // to all of it; nothing once it is reaped
  // How the shell ended, once; nullopt while it runs. What it has left in the background is left alone.
  std::optional<ProcessStatus> reap();

private:
  LocalCommand(Child shell, UniqueFd output)
      : shell_(std::move(shell)), output_(std::move(output)) {}
  Child shell_;
  UniqueFd output_;
};

}  // namespace fanout::sys
