// The program is run by its name, not by the descriptor that was checked: a script run as /dev/fd/N would not find what lies
// beside it. The child compares once more right before exec, and the folder is the business of who keeps programs in it.
//
// The program has a process group of its own, so that all of it can be killed; the terminal's signals therefore reach fanout
// only, which has to pass its end on before it takes it.
#include "program.hpp"

#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "fanout/core/deadline.hpp"
#include "fanout/core/duration.hpp"
#include "fanout/sys/io.hpp"
#include "fanout/sys/pipe.hpp"
#include "fanout/sys/process.hpp"
#include "fanout/sys/signals.hpp"

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
  struct stat now {};
  if (stat(file.path.c_str(), &now) != 0) return give_up(errno);
  if (now.st_dev != file.status.st_dev || now.st_ino != file.status.st_ino) return give_up(ESTALE);
  return give_up(sys::become(file.path, {file.path, "--list"}, {output, -1}));
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

// Unblocks what SignalFd::open() blocks: the rest of fanout opens its own, or wants none.
class MaskRestored {
public:
  MaskRestored() { pthread_sigmask(SIG_SETMASK, nullptr, &mask_); }
  MaskRestored(const MaskRestored &) = delete;
  MaskRestored &operator=(const MaskRestored &) = delete;
  // A signal that came after the last look at them is delivered now.
  ~MaskRestored() { pthread_sigmask(SIG_SETMASK, &mask_, nullptr); }

private:
  sigset_t mask_{};
};

// Waits for the program, and for a signal that ends fanout.
class Watch {
public:
  Watch(sys::SignalFd signals, const std::string &path, ProgramLimits limits)
      : signals_(std::move(signals)),
        path_(path),
        limits_(limits),
        deadline_(core::Deadline::in(limits.time, sys::now())) {}

  // Until `fd` is readable; else an error that says why not.
  Result<void> wait(int fd) {
    for (;;) {
      std::array<pollfd, 2> entries{{{fd, POLLIN, 0}, {signals_.fd(), POLLIN, 0}}};
      const int ready = poll(entries.data(), entries.size(), deadline_.poll_timeout(sys::now()));
      const bool broken = ready < 0 && errno != EINTR;  // reading says what is wrong
      // First, or a program that prints without a pause would hide it.
      interrupted_by_ = signals_.next();
      if (interrupted_by_)
        return fail(ErrorKind::usage, fmt::format("{}: interrupted by {}", path_,
                                                  sys::signal_name(*interrupted_by_)));
      if (broken || (ready > 0 && entries[0].revents != 0)) return {};
      if (deadline_.passed(sys::now()))
        return fail(ErrorKind::usage, fmt::format("{}: still runs after {}", path_,
                                                  core::format_duration(limits_.time)));
    }
  }
  [[nodiscard]] std::optional<int> interrupted_by() const { return interrupted_by_; }

private:
  sys::SignalFd signals_;
  const std::string &path_;
  ProgramLimits limits_;
  core::Deadline deadline_;
  std::optional<int> interrupted_by_;
};

// Ends as if nobody had caught the signal, so that a shell sees what happened and ends its loop.
[[noreturn]] void end_by(int number) {
  signal(number, SIG_DFL);
  raise(number);
  // The first process of a container survives its own signals: pid_namespaces(7).
  _exit(128 + number);
}

Result<std::string> read_output(int fd, const std::string &path, ProgramLimits limits,
                                Watch &watch) {
  std::string text;
  std::array<char, 65536> buffer;  // NOLINT: filled by read
  for (;;) {
    TRY(watch.wait(fd));
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
}

// When it returns nothing of the program runs, unless it has ended well.
Result<std::string> run(const OpenedFile &file, ProgramLimits limits, Watch &watch) {
  TRY_ASSIGN(sys::Pipe output, sys::make_pipe());
  TRY_ASSIGN(sys::Pipe problem, sys::make_pipe());
  TRY_ASSIGN(sys::Child child, sys::fork_child([&] {
               return become(file, output.write_end.get(), problem.write_end.get());
             }));
  // Destroyed before `child`, while the number of the group cannot belong to anybody else.
  GroupKiller killer(child.pid());
  output.write_end.close();
  problem.write_end.close();

  TRY_ASSIGN(std::string text, read_output(output.read_end.get(), file.path, limits, watch));
  // It may have closed its output and go on.
  TRY(watch.wait(child.pidfd()));
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

}  // namespace

Result<std::string> run_inventory_program(const OpenedFile &file, ProgramLimits limits) {
  std::optional<int> interrupted_by;
  Result<std::string> output;
  {
    const MaskRestored restored;
    TRY_ASSIGN(sys::SignalFd signals, sys::SignalFd::open({SIGINT, SIGTERM, SIGHUP}));
    Watch watch(std::move(signals), file.path, limits);
    output = run(file, limits, watch);
    interrupted_by = watch.interrupted_by();
  }
  if (interrupted_by) end_by(*interrupted_by);
  return output;
}

}  // namespace fanout::inventory
