// The child has a process group of its own, which is killed before the child is reaped: until then its number is nobody else's.

#include "fanout/sys/local_command.hpp"

#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <cstring>
#include <utility>

#include <fmt/format.h>

#include "fanout/sys/io.hpp"
#include "fanout/sys/pipe.hpp"

namespace fanout::sys {

using core::Result;

namespace {

constexpr int not_run = 127;  // as shells say it

int run_shell(std::string command, std::vector<std::string> environment, int output) {
  for (std::string &variable : environment) ::putenv(variable.data());
  const int error = become("/bin/sh", {"sh", "-c", std::move(command)}, {output, output});
  (void)write_some(output, fmt::format("/bin/sh: {}\n", std::strerror(error)));
  return not_run;
}

}  // namespace

Result<LocalCommand> LocalCommand::start(const std::string &command,
                                         const std::vector<std::string> &environment) {
  TRY_ASSIGN(Pipe output, make_pipe());
  TRY(set_nonblocking(output.read_end.get()));
  TRY_ASSIGN(Child shell, fork_child([&] {
               close_all_but({output.write_end.get()});
               return run_shell(command, environment, output.write_end.get());
             }));
  return LocalCommand(std::move(shell), std::move(output.read_end));
}

LocalCommand &LocalCommand::operator=(LocalCommand &&other) noexcept {
  if (this == &other) return *this;
  signal(SIGKILL);
  shell_ = std::move(other.shell_);
  output_ = std::move(other.output_);
  return *this;
}

LocalCommand::~LocalCommand() { signal(SIGKILL); }

std::optional<ProcessStatus> LocalCommand::reap() {
  return running() ? shell_.reap() : std::nullopt;
}

}  // namespace fanout::sys
