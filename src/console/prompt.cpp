// A question on the terminal. What is hard about it: every way out has to put the terminal back, and Ctrl-C, Ctrl-Z and kill
// are such ways. So signals arrive on a descriptor and are waited for together with the terminal, and nothing runs in
// a handler.
#include "fanout/console/prompt.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <utility>

#include "fanout/console/sanitize.hpp"
#include "fanout/sys/io.hpp"

namespace fanout::console {

using core::ErrorKind;
using core::fail;
using core::Result;
using core::Secret;
using core::system_error;
using sys::UniqueFd;

namespace {

constexpr std::array<int, 5> caught_signals{SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP};

sigset_t set_of(const int *first, std::size_t count) {
  sigset_t set;
  sigemptyset(&set);
  for (std::size_t i = 0; i < count; ++i) sigaddset(&set, first[i]);
  return set;
}

sigset_t set_of(int signal) { return set_of(&signal, 1); }

UniqueFd open_terminal(const std::string &path) {
  UniqueFd terminal = UniqueFd::adopt(::open(path.c_str(), O_RDWR | O_NOCTTY | O_CLOEXEC));
  if (terminal && ::isatty(terminal.get()) != 1) terminal.close();
  return terminal;
}

// Also from the background: there tcsetattr(3) raises SIGTTOU, unless it is blocked.
void apply(int terminal, const termios &settings) {
  const sigset_t background = set_of(SIGTTOU);
  sigset_t before;
  ::pthread_sigmask(SIG_BLOCK, &background, &before);
  while (::tcsetattr(terminal, TCSANOW, &settings) != 0 && errno == EINTR) {
  }
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

// While this lives the caught signals arrive on fd() alone. They get their default disposition, because an ignored
// signal need not become pending; before their old one returns, what is pending is taken off.
class CaughtSignals {
public:
  CaughtSignals() {
    const sigset_t set = set_of(caught_signals.data(), caught_signals.size());
    ::pthread_sigmask(SIG_BLOCK, &set, &mask_before_);
    struct sigaction standard {};
    standard.sa_handler = SIG_DFL;
    for (std::size_t i = 0; i < caught_signals.size(); ++i)
      ::sigaction(caught_signals[i], &standard, &actions_before_[i]);
    fd_ = UniqueFd::adopt(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  }
  ~CaughtSignals() {
    while (next() != 0) {
    }
    for (std::size_t i = 0; i < caught_signals.size(); ++i)
      ::sigaction(caught_signals[i], &actions_before_[i], nullptr);
    ::pthread_sigmask(SIG_SETMASK, &mask_before_, nullptr);
  }
  CaughtSignals(const CaughtSignals &) = delete;
  CaughtSignals &operator=(const CaughtSignals &) = delete;

  [[nodiscard]] int fd() const { return fd_.get(); }

  // 0 when none has arrived.
  int next() {
    signalfd_siginfo info{};
    const sys::Transfer got =
        sys::read_some(fd_.get(), reinterpret_cast<char *>(&info), sizeof info);
    return got.state == sys::Transfer::State::done ? static_cast<int>(info.ssi_signo) : 0;
  }

private:
  sigset_t mask_before_{};
  std::array<struct sigaction, caught_signals.size()> actions_before_{};
  UniqueFd fd_;
};

enum class Echo : bool { off, on };

// While this lives the terminal takes a line, and shows what is typed or does not.
class LineMode {
public:
  static Result<LineMode> apply_to(int terminal, Echo echo) {
    termios settings{};
    if (::tcgetattr(terminal, &settings) != 0)
      return fail(system_error(ErrorKind::local, "tcgetattr", errno));
    const termios before = settings;
    settings.c_lflag &= ~static_cast<tcflag_t>(ECHO | ECHOE | ECHOK | ECHONL);
    settings.c_lflag |= ICANON | ISIG;
    if (echo == Echo::on) settings.c_lflag |= ECHO | ECHOE | ECHOK;
    // Discards what was typed ahead: it was meant for something else and might be half of it.
    while (::tcsetattr(terminal, TCSAFLUSH, &settings) != 0)
      if (errno != EINTR) return fail(system_error(ErrorKind::local, "tcsetattr", errno));
    return LineMode(terminal, before);
  }
  LineMode(LineMode &&other) noexcept
      : terminal_(std::exchange(other.terminal_, -1)), before_(other.before_) {}
  ~LineMode() {
    if (terminal_ >= 0) apply(terminal_, before_);
  }

private:
  LineMode(int terminal, const termios &before) : terminal_(terminal), before_(before) {}
  int terminal_;
  termios before_;
};

// Stops this process as Ctrl-Z would have; returns when it is continued.
void suspend() {
  const sigset_t stop = set_of(SIGTSTP);
  ::raise(SIGTSTP);
  ::pthread_sigmask(SIG_UNBLOCK, &stop, nullptr);  // here it takes effect
  ::pthread_sigmask(SIG_BLOCK, &stop, nullptr);
}

// The window was closed. Only the leader of the session is sent a SIGHUP, and reads fail a moment before it comes.
bool has_hung_up(const pollfd &terminal) { return (terminal.revents & POLLHUP) != 0; }

bool has_hung_up(int terminal) {
  pollfd entry{terminal, 0, 0};
  return ::poll(&entry, 1, 0) == 1 && has_hung_up(entry);
}

// The line, or the signal that came instead. The terminal is in canonical mode: a read gives at most one line.
Result<Answer> read_line(int terminal, CaughtSignals &signals) {
  std::array<char, max_answer_bytes> buffer{};
  // Whichever way this is left, nothing of the answer stays on the stack.
  struct Wipe {
    std::array<char, max_answer_bytes> &target;
    ~Wipe() { ::explicit_bzero(target.data(), target.size()); }
  } const wipe{buffer};
  Secret answer;
  for (;;) {
    std::array<pollfd, 2> entries{{{signals.fd(), POLLIN, 0}, {terminal, POLLIN, 0}}};
    if (::poll(entries.data(), entries.size(), -1) < 0) {
      if (errno == EINTR) continue;
      return fail(system_error(ErrorKind::local, "poll", errno));
    }
    if (const int signal = signals.next(); signal != 0) return Interrupted{signal};
    if (has_hung_up(entries[1])) return Interrupted{SIGHUP};
    if (entries[1].revents == 0) continue;
    const ssize_t count = ::read(terminal, buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return fail(ErrorKind::usage, "the terminal gave no answer");
    std::string_view piece(buffer.data(), static_cast<std::size_t>(count));
    const bool complete = piece.ends_with('\n');
    if (complete) piece.remove_suffix(1);
    if (answer.reveal().size() + piece.size() > max_answer_bytes)
      return fail(ErrorKind::usage, "the answer is too long");
    std::string longer;
    longer.reserve(answer.reveal().size() + piece.size());
    longer.append(answer.reveal()).append(piece);
    answer = Secret(std::move(longer));
    if (complete) return answer;
  }
}

Result<Answer> ask(Lock &lock, const std::string &terminal_path, std::string_view lines_before,
                   std::string_view question, Echo echo) {
  const UniqueFd terminal = open_terminal(terminal_path);
  if (!terminal) return fail(ErrorKind::usage, "there is no terminal to ask on");
  const Lock::Guard guard(lock);
  CaughtSignals signals;
  std::string shown = std::string(lines_before) + safe_line(question);
  for (;;) {
    Result<Answer> answer = Interrupted{};
    {
      TRY_ASSIGN(const LineMode line_mode, LineMode::apply_to(terminal.get(), echo));
      if (auto written = sys::write_all(terminal.get(), shown); !written) {
        if (has_hung_up(terminal.get())) return Interrupted{SIGHUP};
        return fail(std::move(written).error());
      }
      answer = read_line(terminal.get(), signals);
      // Where a newline ended the answer and was echoed, the line has ended already. A terminal that has hung up takes
      // nothing, and the answer is what counts.
      const bool line_has_ended =
          echo == Echo::on && answer && std::holds_alternative<Secret>(*answer);
      if (!line_has_ended) static_cast<void>(sys::write_all(terminal.get(), "\n"));
    }
    const auto *interrupted = answer ? std::get_if<Interrupted>(&*answer) : nullptr;
    if (interrupted == nullptr || interrupted->signal != SIGTSTP) return answer;
    suspend();
    shown = safe_line(question);
  }
}

}  // namespace

Result<Answer> ask_secret(Lock &lock, const std::string &terminal, std::string_view question) {
  return ask(lock, terminal, {}, question, Echo::off);
}

Result<YesOrNo> ask_yes_no(Lock &lock, const std::string &terminal, std::string_view question,
                           std::string_view lines_before) {
  const auto answer = ask(lock, terminal, lines_before, question, Echo::on);
  if (!answer && answer.error().kind == ErrorKind::usage) return false;
  if (!answer) return fail(answer.error());
  if (const auto *interrupted = std::get_if<Interrupted>(&*answer)) return *interrupted;
  std::string text(std::get<Secret>(*answer).reveal());
  for (char &c : text)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return text == "y" || text == "yes";
}

bool can_ask(const std::string &terminal) { return static_cast<bool>(open_terminal(terminal)); }

TerminalSettings TerminalSettings::remember(const std::string &path) {
  TerminalSettings remembered;
  remembered.terminal_ = open_terminal(path);
  termios settings{};
  if (remembered.terminal_ && ::tcgetattr(remembered.terminal_.get(), &settings) == 0)
    remembered.settings_ = settings;
  return remembered;
}

void TerminalSettings::put_back() const {
  if (settings_) apply(terminal_.get(), *settings_);
}

}  // namespace fanout::console
