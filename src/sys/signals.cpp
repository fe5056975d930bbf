#include "fanout/sys/signals.hpp"

#include <sys/signalfd.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

namespace fanout::sys {

using core::ErrorKind;
using core::fail;
using core::Result;
using core::system_error;

Result<SignalFd> SignalFd::open(std::initializer_list<int> signals) {
  sigset_t wanted;
  ::sigemptyset(&wanted);
  for (const int number : signals) {
    struct sigaction current {};
    ::sigaction(number, nullptr, &current);
    if (current.sa_handler != SIG_IGN) ::sigaddset(&wanted, number);
  }
  ::signal(SIGPIPE, SIG_IGN);
  ::signal(SIGCHLD, SIG_DFL);  // inherited as ignored, children would vanish unreaped
  if (::pthread_sigmask(SIG_BLOCK, &wanted, nullptr) != 0)
    return fail(system_error(ErrorKind::local, "pthread_sigmask", errno));
  SignalFd opened;
  opened.fd_ = UniqueFd::adopt(::signalfd(-1, &wanted, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!opened.fd_) return fail(system_error(ErrorKind::local, "signalfd", errno));
  return opened;
}

std::optional<int> SignalFd::next() {
  signalfd_siginfo info{};
  ssize_t got = 0;
  do got = ::read(fd_.get(), &info, sizeof info);
  while (got < 0 && errno == EINTR);
  if (got != static_cast<ssize_t>(sizeof info)) return std::nullopt;
  return static_cast<int>(info.ssi_signo);
}

void hold_back(std::initializer_list<int> signals) {
  sigset_t held;
  ::sigemptyset(&held);
  for (const int number : signals) ::sigaddset(&held, number);
  ::pthread_sigmask(SIG_BLOCK, &held, nullptr);
}

}  // namespace fanout::sys
