// The program is run by its name, not by the descriptor that was checked: a script run as /dev/fd/N would not find what lies
// beside it. The child compares once more right before exec, and the folder is the business of who keeps programs in it.
#include "program.hpp"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>

#include <fmt/format.h>

#include "fanout/core/deadline.hpp"
#include "fanout/core/duration.hpp"
#include "fanout/sys/io.hpp"
#include "fanout/sys/pipe.hpp"
#include "fanout/sys/process.hpp"

namespace fanout::inventory {

namespace {

using core::ErrorKind;
using core::fail;
using core::Result;

// In the child. Writes errno to `problem` if it comes back.
int become(const OpenedFile &file, int output, int problem) {
  const auto give_up = [&](int number) {
    (void)sys::write_some(problem, {reinterpret_cast<const char *>(&number), sizeof number});
    return 127;
  };
  const int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
  // dup2 leaves close-on-exec behind, but does nothing at all when both numbers are the same.
  if (null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(output, STDOUT_FILENO) < 0)
    return give_up(errno);
  if (output == STDOUT_FILENO) fcntl(STDOUT_FILENO, F_SETFD, 0);
  signal(SIGPIPE, SIG_DFL);  // an ignored signal would stay ignored
  struct stat now {};
  if (stat(file.path.c_str(), &now) != 0) return give_up(errno);
  if (now.st_dev != file.status.st_dev || now.st_ino != file.status.st_ino) return give_up(ESTALE);
  // Without a slash it must not be looked for anywhere else, and execv does not.
  std::string path = file.path;
  std::string list = "--list";
  const std::array<char *, 3> arguments{path.data(), list.data(), nullptr};
  execv(path.c_str(), arguments.data());
  return give_up(errno);
}

// Kills the whole process group of the child, unless it has ended well.
class GroupKiller {
public:
  explicit GroupKiller(pid_t group) : group_(group) {}
  GroupKiller(const GroupKiller &) = delete;
  GroupKiller &operator=(const GroupKiller &) = delete;
  ~GroupKiller() {
    if (group_ > 0) kill(-group_, SIGKILL);
  }
  void disarm() { group_ = 0; }

private:
  pid_t group_;
};

Result<std::string> read_output(int fd, const std::string &path, ProgramLimits limits,
                                core::Deadline deadline) {
  std::string text;
  std::array<char, 65536> buffer;  // NOLINT: filled by read
  while (sys::wait_ready(fd, POLLIN, deadline)) {
    const sys::Transfer transfer = sys::read_some(fd, buffer.data(), buffer.size());
    switch (transfer.state) {
      case sys::Transfer::State::done: text.append(buffer.data(), transfer.count); break;
      case sys::Transfer::State::end: return text;
      case sys::Transfer::State::would_block: break;
      case sys::Transfer::State::failed:
        return fail(core::system_error(ErrorKind::usage, "read from " + path, transfer.error));
    }
    if (text.size() > limits.output_bytes)
      return fail(ErrorKind::usage,
                  fmt::format("{}: prints more than {} bytes", path, limits.output_bytes));
  }
  return fail(ErrorKind::usage,
              fmt::format("{}: still runs after {}", path, core::format_duration(limits.time)));
}

}  // namespace

Result<std::string> run_inventory_program(const OpenedFile &file, ProgramLimits limits) {
  TRY_ASSIGN(sys::Pipe output, sys::make_pipe());
  TRY_ASSIGN(sys::Pipe problem, sys::make_pipe());
  const core::Deadline deadline = core::Deadline::in(limits.time, sys::now());
  TRY_ASSIGN(sys::Child child, sys::fork_child([&] {
               return become(file, output.write_end.get(), problem.write_end.get());
             }));
  // Destroyed before `child`, while the number of the group cannot belong to anybody else.
  GroupKiller killer(child.pid());
  output.write_end.close();
  problem.write_end.close();

  TRY_ASSIGN(std::string text, read_output(output.read_end.get(), file.path, limits, deadline));
  // It may have closed its output and go on.
  if (!sys::wait_ready(child.pidfd(), POLLIN, deadline))
    return fail(ErrorKind::usage, fmt::format("{}: still runs after {}", file.path,
                                              core::format_duration(limits.time)));
  int number = 0;
  const sys::Transfer told =
      sys::read_some(problem.read_end.get(), reinterpret_cast<char *>(&number), sizeof number);
  if (told.state == sys::Transfer::State::done && told.count == sizeof number) {
    if (number == ENOEXEC)
      return fail(ErrorKind::usage,
                  fmt::format("{}: is executable but no program: if it is an INI file, chmod -x {}",
                              file.path, file.path));
    return fail(core::system_error(ErrorKind::usage, "run " + file.path, number));
  }
  const sys::ProcessStatus status = child.reap_blocking();
  killer.disarm();
  if (!status.success())
    return fail(ErrorKind::usage, fmt::format("{} --list {}", file.path, sys::describe(status)));
  return text;
}

}  // namespace fanout::inventory
