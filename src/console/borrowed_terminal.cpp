// What is hard: a terminal that was stopped (Ctrl-S) takes nothing for as long as its user likes, and changing its modes or
// writing to it from the background stops the program (SIGTTOU).

#include "borrowed_terminal.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <utility>

#include <fmt/format.h>

#include "fanout/sys/io.hpp"

namespace fanout::console {

using core::ErrorKind;
using core::fail;
using core::Result;
using sys::Transfer;
using sys::UniqueFd;

namespace {

// Callers reserve memory by it, whatever was claimed.
constexpr std::size_t most_lines = 500;
constexpr std::size_t most_columns = 1'000;

constexpr core::Milliseconds patience{2'000};

// While this lives, what is done to the terminal from the background is done, and stops nobody.
class BackgroundAllowed {
public:
  BackgroundAllowed() {
    sigset_t set;
    ::sigemptyset(&set);
    ::sigaddset(&set, SIGTTOU);
    ::pthread_sigmask(SIG_BLOCK, &set, &before_);
  }
  ~BackgroundAllowed() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  BackgroundAllowed(const BackgroundAllowed &) = delete;
  BackgroundAllowed &operator=(const BackgroundAllowed &) = delete;

private:
  sigset_t before_{};
};

// A line feed moves straight down and a tab is not spelt out: what is sent counts on it.
termios modes_for_keys(termios modes) {
  modes.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO | ECHONL | IEXTEN);
  modes.c_lflag |= ISIG;
  modes.c_iflag &= ~static_cast<tcflag_t>(ICRNL | INLCR | IGNCR);
  modes.c_oflag &= ~static_cast<tcflag_t>(ONLCR | OCRNL | ONLRET | TABDLY);
  modes.c_cc[VMIN] = 1;
  modes.c_cc[VTIME] = 0;
  // It would end the program with the terminal as it is.
  modes.c_cc[VQUIT] = _POSIX_VDISABLE;
  return modes;
}

}  // namespace

Result<BorrowedTerminal> BorrowedTerminal::open(const std::string &path) {
  UniqueFd fd = UniqueFd::adopt(::open(path.c_str(), O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK));
  if (!fd) return fail(core::system_error(ErrorKind::usage, "--live: " + path, errno));
  termios before{};
  if (::tcgetattr(fd.get(), &before) != 0)
    return fail(core::system_error(ErrorKind::usage, "--live: " + path, errno));
  return BorrowedTerminal(std::move(fd), before);
}

// A window of 0 is one of which nobody knows the size.
BorrowedTerminal::Size BorrowedTerminal::size() const {
  Size size;
  winsize window{};
  if (::ioctl(fd_.get(), TIOCGWINSZ, &window) != 0) return size;
  if (window.ws_row > 0) size.lines = std::min<std::size_t>(window.ws_row, most_lines);
  if (window.ws_col > 0) size.columns = std::min<std::size_t>(window.ws_col, most_columns);
  return size;
}

// A terminal that is not the one of this session has no jobs.
bool BorrowedTerminal::has_foreground() const {
  const pid_t foreground = ::tcgetpgrp(fd_.get());
  return foreground < 0 || foreground == ::getpgrp();
}

void BorrowedTerminal::apply(const termios &modes) const {
  const BackgroundAllowed allowed;
  // Not after what is still to be printed (TCSADRAIN): that may never be.
  while (::tcsetattr(fd_.get(), TCSANOW, &modes) != 0 && errno == EINTR) {
  }
}

bool BorrowedTerminal::take() {
  if (gone_ || !has_foreground()) {
    taken_ = false;  // whoever has it has set it as they like
    return false;
  }
  // The shell may have had it meanwhile, and has set what it likes.
  if (!taken_) ::tcgetattr(fd_.get(), &before_);
  apply(modes_for_keys(before_));
  taken_ = true;
  return true;
}

void BorrowedTerminal::give_back() {
  if (!std::exchange(taken_, false)) return;
  ::tcflush(fd_.get(), TCIFLUSH);
  apply(before_);
}

void BorrowedTerminal::send(std::string_view bytes) {
  unsent_ += bytes;
  const BackgroundAllowed allowed;
  std::string_view left = unsent_;
  while (!left.empty() && !gone_) {
    const Transfer wrote = sys::write_some(fd_.get(), left);
    if (wrote.state == Transfer::State::would_block) break;
    if (wrote.state != Transfer::State::done) gone_ = true;
    left.remove_prefix(wrote.state == Transfer::State::done ? wrote.count : 0);
  }
  unsent_.erase(0, gone_ ? unsent_.size() : unsent_.size() - left.size());
}

void BorrowedTerminal::settle(int give_up_fd) {
  send({});
  core::Deadline until;
  while (!unsent_.empty()) {
    if (until.never() &&
        (give_up_fd < 0 ||
         sys::wait_ready(give_up_fd, POLLIN, core::Deadline(core::TimePoint::min()))))
      until = core::Deadline::in(patience, sys::now());
    pollfd entries[2] = {{fd_.get(), POLLOUT, 0}, {until.never() ? give_up_fd : -1, POLLIN, 0}};
    ::poll(entries, 2, until.poll_timeout(sys::now()));
    if (entries[0].revents != 0) send({});
    if (until.passed(sys::now())) break;
  }
  unsent_.clear();
}

}  // namespace fanout::console
