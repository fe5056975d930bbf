// Fork, reap and signal. What is hard here: between fork and the child's first own line everything of the parent's
// (handlers, masks, buffers, the claim on its other children) is still there, and the parent may die at any instruction.

#include "fanout/sys/process.hpp"

extern "C" {
#include <sys/pidfd.h>  // glibc 2.36 forgot to say that these are C functions
}
#include <fcntl.h>
#include <linux/sched.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <utility>

#include <fmt/format.h>

namespace fanout::sys {

using core::ErrorKind;
using core::fail;
using core::Result;
using core::system_error;

namespace {

// While this lives no signal is delivered to this thread.
class AllSignalsBlocked {
public:
  AllSignalsBlocked() {
    sigset_t all;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ~AllSignalsBlocked() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  AllSignalsBlocked(const AllSignalsBlocked &) = delete;
  AllSignalsBlocked &operator=(const AllSignalsBlocked &) = delete;

private:
  sigset_t before_{};
};

constexpr std::array ignored_by_children{SIGPIPE, SIGUSR1, SIGUSR2};

void reset_signals() {
  for (int number = 1; number < NSIG; ++number)
    ::signal(number, SIG_DFL);  // refused for KILL, STOP and libc's own
  for (const int number : ignored_by_children) ::signal(number, SIG_IGN);
  sigset_t none;
  ::sigemptyset(&none);
  ::pthread_sigmask(SIG_SETMASK, &none, nullptr);
}

enum class Signals { reset, as_they_are };

[[noreturn]] void run_child(pid_t parent, ProcessGroup group, Signals signals,
                            const std::function<int()> &program) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(1);  // it died before the line above
  if (group == ProcessGroup::own) ::setpgid(0, 0);
  if (signals == Signals::reset) reset_signals();
  int status = 1;
  try {
    status = program();
  } catch (...) {
    std::abort();
  }
  ::_exit(status);
}

int wait_for(pid_t pid, siginfo_t &info, int options) {
  int result = 0;
  do result = ::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | options);
  while (result != 0 && errno == EINTR);
  return result;
}

ProcessStatus status_from(const siginfo_t &info) {
  if (info.si_code == CLD_EXITED) return {true, info.si_status, 0, false};
  return {false, 0, info.si_status, info.si_code == CLD_DUMPED};
}

}  // namespace

std::string signal_name(int signal) {
  if (const char *name = ::sigabbrev_np(signal)) return name;
  return fmt::format("signal {}", signal);
}

std::string describe(const ProcessStatus &status) {
  if (status.exited) return fmt::format("exited with status {}", status.exit_status);
  return fmt::format("killed by signal {} ({})", status.signal, signal_name(status.signal));
}

Child::Child(Child &&other) noexcept
    : pid_(std::exchange(other.pid_, 0)), pidfd_(std::move(other.pidfd_)) {}

Child &Child::operator=(Child &&other) noexcept {
  if (this != &other) {
    end();
    pid_ = std::exchange(other.pid_, 0);
    pidfd_ = std::move(other.pidfd_);
  }
  return *this;
}

Child::~Child() { end(); }

void Child::end() {
  if (!running()) return;
  signal(SIGKILL);
  reap_blocking();
}

void Child::signal(int number) const {
  if (running()) ::kill(pid_, number);
}

void Child::signal_group(int number) const {
  if (running()) ::kill(-pid_, number);
}

Result<void> Child::watch() {
  pidfd_ = UniqueFd::adopt(::pidfd_open(pid_, 0));
  if (!pidfd_) return fail(system_error(ErrorKind::local, "pidfd_open", errno));
  return {};
}

bool Child::has_ended() const {
  siginfo_t info{};
  // An error means that somebody else has reaped it.
  return running() && (wait_for(pid_, info, WNOHANG | WNOWAIT) != 0 || info.si_pid != 0);
}

std::optional<ProcessStatus> Child::reap() {
  siginfo_t info{};
  const int result = wait_for(pid_, info, WNOHANG);
  if (result == 0 && info.si_pid == 0) return std::nullopt;
  forget();
  // ECHILD: somebody else reaped it; how it ended is lost, that it ended is not.
  if (result != 0) return ProcessStatus{true, 255, 0, false};
  return status_from(info);
}

ProcessStatus Child::reap_blocking() {
  siginfo_t info{};
  const int result = wait_for(pid_, info, 0);
  forget();
  if (result != 0) return ProcessStatus{true, 255, 0, false};
  return status_from(info);
}

void Child::forget() {
  pid_ = 0;
  pidfd_.close();
}

bool any_child_has_ended() {
  siginfo_t info{};
  return ::waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid != 0;
}

Child adopt_sibling(pid_t pid) {
  // Also from this side: whichever of the two comes first, the group exists when this returns.
  ::setpgid(pid, pid);
  return Child(pid);
}

Result<Child> fork_child(const std::function<int()> &program, ProcessGroup group) {
  const pid_t parent = ::getpid();
  // The parent's handlers must not run in the child before it has reset them.
  const AllSignalsBlocked blocked;
  const pid_t pid = ::fork();
  if (pid < 0) return fail(system_error(ErrorKind::local, "fork", errno));
  if (pid == 0) run_child(parent, group, Signals::reset, program);
  if (group == ProcessGroup::own) ::setpgid(pid, pid);  // as in adopt_sibling()
  Child child(pid);
  TRY(child.watch());
  return child;
}

Result<pid_t> fork_sibling(const std::function<int()> &program) {
  const pid_t parent = ::getppid();
  // All other arguments are zero, so that it does not matter in which order an architecture takes them. No stack means
  // a copy of this one, as fork does.
  const long pid = ::syscall(SYS_clone, CLONE_PARENT | SIGCHLD, 0, 0, 0, 0);
  if (pid < 0) return fail(system_error(ErrorKind::local, "clone", errno));
  if (pid == 0) run_child(parent, ProcessGroup::own, Signals::as_they_are, program);
  return static_cast<pid_t>(pid);
}

int become(const std::string &path, std::vector<std::string> arguments, Outputs outputs) {
  const int null = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  if (null < 0) return errno;
  const std::array<std::pair<int, int>, 3> places{
      {{null, STDIN_FILENO}, {outputs.out, STDOUT_FILENO}, {outputs.err, STDERR_FILENO}}};
  for (const auto &[from, to] : places) {
    if (from < 0) continue;
    // dup2 leaves close-on-exec behind, but does nothing at all when both numbers are the same.
    if (from == to ? ::fcntl(to, F_SETFD, 0) != 0 : ::dup2(from, to) < 0) return errno;
  }
  for (const int number : ignored_by_children)
    ::signal(number, SIG_DFL);  // an ignored signal would stay ignored
  std::vector<char *> words;
  words.reserve(arguments.size() + 1);
  for (std::string &argument : arguments) words.push_back(argument.data());
  words.push_back(nullptr);
  ::execv(path.c_str(), words.data());
  return errno;
}

}  // namespace fanout::sys
