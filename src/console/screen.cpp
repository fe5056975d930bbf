// A sheet of cells on a borrowed terminal, and the signals that say that somebody else wants the terminal. They arrive on
// a descriptor, as all signals of this program: a handler could be called in the middle of a drawing.

#include "fanout/console/screen.hpp"

#include <sys/epoll.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <utility>

#include "borrowed_terminal.hpp"
#include "fanout/sys/epoll.hpp"
#include "fanout/sys/signals.hpp"
#include "sheet.hpp"

namespace fanout::console {

using core::Result;

namespace {

enum Tag : std::uint8_t { from_terminal, from_signals };

sigset_t signals_of_jobs() {
  sigset_t set;
  ::sigemptyset(&set);
  for (const int number : {SIGTSTP, SIGCONT, SIGWINCH}) ::sigaddset(&set, number);
  return set;
}

}  // namespace

struct Screen::State {
  State(BorrowedTerminal of_terminal, Sheet of_sheet, sys::SignalFd of_signals, sys::Epoll of_ready)
      : terminal(std::move(of_terminal)),
        sheet(std::move(of_sheet)),
        signals(std::move(of_signals)),
        ready(std::move(of_ready)) {}
  State(const State &) = delete;
  State &operator=(const State &) = delete;
  ~State();

  void retake();
  void give_back();
  void heed_signals();
  void suspend();
  void listen();

  BorrowedTerminal terminal;
  Sheet sheet;
  sys::SignalFd signals;
  sys::Epoll ready;
  int give_up_fd = -1;
  bool stale = true;
  bool listening = false;  // to the terminal
  bool in_ready = false;
};

Screen::State::~State() {
  give_back();
  // A signal that came last is not one for later.
  while (signals.next()) {
  }
  const sigset_t set = signals_of_jobs();
  ::pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
}

// Where it is somebody else's, a byte that waits for them must not wake us.
void Screen::State::listen() {
  const bool wanted = terminal.is_taken() && !terminal.is_gone() && terminal.has_foreground();
  if (terminal.is_gone() && std::exchange(in_ready, false)) ready.remove(terminal.fd());
  if (in_ready && wanted != listening)
    static_cast<void>(ready.change(terminal.fd(), wanted ? EPOLLIN : 0U, from_terminal));
  listening = wanted;
}

// What it shows may be anything.
void Screen::State::retake() {
  terminal.take();
  sheet.forget_shown();
  stale = true;
  listen();
}

void Screen::State::give_back() {
  if (!terminal.is_taken()) return;
  if (const auto bytes = sheet.leave()) terminal.send(*bytes);
  terminal.settle(give_up_fd);
  terminal.give_back();
  listen();
}

// As Ctrl-Z would have without us.
void Screen::State::suspend() {
  give_back();
  sigset_t stop;
  ::sigemptyset(&stop);
  ::sigaddset(&stop, SIGTSTP);
  ::raise(SIGTSTP);
  ::pthread_sigmask(SIG_UNBLOCK, &stop, nullptr);  // here it takes effect
  ::pthread_sigmask(SIG_BLOCK, &stop, nullptr);
}

void Screen::State::heed_signals() {
  bool away = false;
  while (const auto signal = signals.next()) {
    stale = true;
    if (*signal == SIGTSTP) suspend();
    if (*signal != SIGWINCH) away = true;
  }
  if (away) retake();
}

Screen::Screen(std::unique_ptr<State> state) : state_(std::move(state)) {}
Screen::Screen(Screen &&other) noexcept = default;
Screen::~Screen() = default;

Result<Screen> Screen::open(const std::string &terminal) {
  TRY_ASSIGN(BorrowedTerminal borrowed, BorrowedTerminal::open(terminal));
  const char *term = std::getenv("TERM");
  TRY_ASSIGN(Sheet sheet, Sheet::create(term == nullptr ? "" : term, borrowed.fd()));
  TRY_ASSIGN(sys::Epoll ready, sys::Epoll::create());
  TRY_ASSIGN(sys::SignalFd signals, sys::SignalFd::open({SIGTSTP, SIGCONT, SIGWINCH}));
  auto state = std::make_unique<State>(std::move(borrowed), std::move(sheet), std::move(signals),
                                       std::move(ready));
  TRY(state->ready.add(state->signals.fd(), EPOLLIN, from_signals));
  TRY(state->ready.add(state->terminal.fd(), 0, from_terminal));
  state->in_ready = true;
  state->retake();
  return Screen(std::move(state));
}

void Screen::give_up_on(int fd) { state_->give_up_fd = fd; }

int Screen::fd() const { return state_->ready.fd(); }
std::size_t Screen::lines() const { return state_->sheet.lines(); }
std::size_t Screen::columns() const { return state_->sheet.columns(); }
bool Screen::is_stale() const { return state_->stale; }

void Screen::begin() {
  State &state = *state_;
  const BorrowedTerminal::Size size = state.terminal.size();
  if (size.lines != state.sheet.lines() || size.columns != state.sheet.columns())
    state.sheet.resize(size.lines, size.columns);
  state.sheet.clear();
}

void Screen::put(std::size_t line, std::size_t column, std::string_view text, Look look) {
  state_->sheet.put(line, column, text, look);
}

void Screen::show() {
  State &state = *state_;
  state.stale = true;
  // Whoever got the foreground back without having been stopped is not told of it.
  if (!state.terminal.has_foreground()) return state.listen();
  if (!state.terminal.is_taken()) state.retake();
  if (state.terminal.has_unsent()) state.terminal.send({});
  if (state.terminal.has_unsent()) return;
  if (const auto bytes = state.sheet.draw()) {
    state.terminal.send(*bytes);
    state.stale = state.terminal.has_unsent();
  }
  state.listen();
}

std::optional<Key> Screen::next_key() {
  State &state = *state_;
  state.heed_signals();
  if (!state.terminal.is_taken() || state.terminal.is_gone() || !state.terminal.has_foreground())
    return std::nullopt;
  return state.sheet.next_key();
}

}  // namespace fanout::console
