// The screen on a real terminal: a pseudo terminal whose other end is read. What it looks like in a terminal program is
// tested with the whole view (test/fleet/test_live.py).
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <csignal>
#include <cstring>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include <catch2/catch_test_macros.hpp>

#include "fanout/console/screen.hpp"
#include "fanout/sys/fd.hpp"
#include "fanout/sys/io.hpp"
#include "fanout/sys/pipe.hpp"

namespace {

using namespace fanout;
using console::Key;
using console::Screen;
using Kind = Key::Kind;

class Terminal {
public:
  Terminal() : master_(sys::UniqueFd::adopt(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC))) {
    REQUIRE(master_);
    REQUIRE(::grantpt(master_.get()) == 0);
    REQUIRE(::unlockpt(master_.get()) == 0);
    slave_ = sys::UniqueFd::adopt(::open(path().c_str(), O_RDWR | O_NOCTTY | O_CLOEXEC));
    REQUIRE(slave_);
    resize(24, 80);
    ::setenv("TERM", "xterm", 1);
  }
  [[nodiscard]] std::string path() const { return ::ptsname(master_.get()); }
  void resize(unsigned short lines, unsigned short columns) const {
    const winsize size{lines, columns, 0, 0};
    REQUIRE(::ioctl(slave_.get(), TIOCSWINSZ, &size) == 0);
  }
  void stop() const { REQUIRE(::tcflow(slave_.get(), TCOOFF) == 0); }
  void go_on() const { REQUIRE(::tcflow(slave_.get(), TCOON) == 0); }
  void type(std::string_view keys) const {
    REQUIRE(::write(master_.get(), keys.data(), keys.size()) == static_cast<ssize_t>(keys.size()));
  }
  [[nodiscard]] termios modes() const {
    termios modes{};
    REQUIRE(::tcgetattr(slave_.get(), &modes) == 0);
    return modes;
  }
  // What has arrived since the last time.
  [[nodiscard]] std::string received() const {
    std::string text;
    char buffer[4096];
    while (sys::wait_ready(master_.get(), POLLIN, core::Deadline(core::TimePoint::min()))) {
      const auto got = sys::read_some(master_.get(), buffer, sizeof buffer);
      REQUIRE(got.state == sys::Transfer::State::done);
      text.append(buffer, got.count);
    }
    return text;
  }

private:
  sys::UniqueFd master_;
  sys::UniqueFd slave_;
};

Screen open_screen(const Terminal &terminal) {
  auto screen = Screen::open(terminal.path());
  REQUIRE(screen);
  return *std::move(screen);
}

bool contains(const std::string &text, std::string_view wanted) {
  return text.find(wanted) != std::string::npos;
}

bool same(const termios &one, const termios &other) {
  return one.c_iflag == other.c_iflag && one.c_oflag == other.c_oflag &&
         one.c_cflag == other.c_cflag && one.c_lflag == other.c_lflag &&
         std::memcmp(one.c_cc, other.c_cc, sizeof one.c_cc) == 0;
}

std::string draw(Screen &screen, const Terminal &terminal, std::string_view text) {
  screen.begin();
  screen.put(0, text, {});
  screen.show();
  return terminal.received();
}

// A key that was typed has arrived when the screen's descriptor is readable.
std::optional<Key> pressed(Screen &screen) {
  REQUIRE(sys::wait_ready(screen.fd(), POLLIN,
                          core::Deadline::in(core::Milliseconds(5'000), sys::now())));
  return screen.next_key();
}

}  // namespace

TEST_CASE("screen: the terminal is taken over and given back as it was", "[console]") {
  const Terminal terminal;
  const termios before = terminal.modes();
  {
    Screen screen = open_screen(terminal);
    const std::string drawn = draw(screen, terminal, "hello");
    CHECK(contains(drawn, "\x1b[?1049h"));
    CHECK_FALSE(contains(drawn, "\x1b[?1034h"));  // nothing is switched that is not switched back
    CHECK(contains(drawn, "hello"));
    const tcflag_t changed = terminal.modes().c_lflag;
    CHECK((changed & (ICANON | ECHO)) == 0);
    CHECK((changed & ISIG) != 0);
  }
  CHECK(contains(terminal.received(), "\x1b[?1049l"));
  CHECK(same(terminal.modes(), before));
}

TEST_CASE("screen: only what has changed is sent", "[console]") {
  const Terminal terminal;
  Screen screen = open_screen(terminal);
  draw(screen, terminal, "web01 is running");
  CHECK(draw(screen, terminal, "web01 is running").empty());
  const std::string changed = draw(screen, terminal, "web01 is resting");
  CHECK_FALSE(changed.empty());
  CHECK_FALSE(contains(changed, "web01"));
}

TEST_CASE(
    "screen: a terminal that was stopped is not waited for, and shows the latest when it goes on",
    "[console]") {
  const Terminal terminal;
  Screen screen = open_screen(terminal);
  draw(screen, terminal, "first");
  CHECK_FALSE(screen.is_stale());
  terminal.stop();
  const auto begin = sys::now();
  for (int i = 0; i < 100; ++i)
    CHECK_FALSE(contains(draw(screen, terminal, std::to_string(i)), "9"));
  CHECK(sys::now() - begin < std::chrono::seconds(2));
  CHECK(screen.is_stale());
  terminal.go_on();
  const std::string seen = draw(screen, terminal, "latest") + draw(screen, terminal, "latest");
  CHECK(contains(seen, "latest"));
  CHECK_FALSE(contains(seen, "98"));
  CHECK_FALSE(screen.is_stale());
}

TEST_CASE("screen: a terminal that takes nothing is given back all the same, in time",
          "[console]") {
  const Terminal terminal;
  const termios before = terminal.modes();
  // Readable from the beginning: signals have come.
  const auto signalled = sys::make_pipe();
  REQUIRE(signalled);
  REQUIRE(sys::write_all(signalled->write_end.get(), "x"));
  auto screen = std::make_unique<Screen>(open_screen(terminal));
  screen->give_up_on(signalled->read_end.get());
  draw(*screen, terminal, "text");
  terminal.stop();
  const auto begin = sys::now();
  screen.reset();
  CHECK(sys::now() - begin < std::chrono::seconds(10));
  CHECK(same(terminal.modes(), before));
}

TEST_CASE("screen: a new size is known at the next drawing, which is a whole one", "[console]") {
  const Terminal terminal;
  Screen screen = open_screen(terminal);
  draw(screen, terminal, "the same text");
  CHECK(screen.columns() == 80);
  CHECK(screen.lines() == 24);
  terminal.resize(5, 20);
  CHECK(contains(draw(screen, terminal, "the same text"), "the same text"));
  CHECK(screen.columns() == 20);
  CHECK(screen.lines() == 5);
  CHECK_FALSE(contains(draw(screen, terminal, std::string(19, 'x') + "yz"), "z"));
  terminal.resize(0, 0);
  draw(screen, terminal, "nobody knows");
  CHECK(screen.columns() == 80);
}

TEST_CASE("screen: a change of the window's size makes it stale", "[console]") {
  const Terminal terminal;
  Screen screen = open_screen(terminal);
  draw(screen, terminal, "text");
  ::raise(SIGWINCH);
  CHECK_FALSE(pressed(screen));
  CHECK(screen.is_stale());
}

TEST_CASE("screen: no wide character is cut in two", "[console]") {
  const Terminal terminal;
  terminal.resize(5, 5);
  Screen screen = open_screen(terminal);
  // Each is two columns wide.
  CHECK(contains(draw(screen, terminal, "日本"), "日本"));
  const std::string cut = draw(screen, terminal, "x日本語");
  CHECK(contains(cut, "x日本"));
  CHECK_FALSE(contains(cut, "語"));
  screen.begin();
  screen.put(1, 4, "日", {});
  screen.put(1, 0, "abcd", {});
  screen.show();
  const std::string edge = terminal.received();
  CHECK(contains(edge, "abcd"));
  CHECK_FALSE(contains(edge, "日"));
}

TEST_CASE("screen: what combines stays with its character, what is broken is a question mark",
          "[console]") {
  const Terminal terminal;
  Screen screen = open_screen(terminal);
  CHECK(contains(draw(screen, terminal, "e\u0301t\u00e9"), "e\u0301t\u00e9"));
  const std::string broken = draw(screen, terminal,
                                  "a\xff"
                                  "b\x1b[31mc\xe6\x97");
  CHECK(contains(broken, "a?b?[31mc??"));
  std::string many = "z";
  for (int i = 0; i < 100; ++i) many += "\u0301";
  CHECK(contains(draw(screen, terminal, many + "end"), "end"));
}

TEST_CASE("screen: highlighted is inverse over the whole width, and styles are colours",
          "[console]") {
  const Terminal terminal;
  Screen screen = open_screen(terminal);
  screen.begin();
  screen.put(0, "selected", {std::nullopt, true});
  screen.put(1, "bad", {console::Style::bad, false});
  screen.show();
  const std::string drawn = terminal.received();
  CHECK(contains(drawn, "7mselected"));
  CHECK(contains(drawn, "31mbad"));
}

TEST_CASE("screen: outside of the sheet nothing happens", "[console]") {
  const Terminal terminal;
  terminal.resize(2, 10);
  Screen screen = open_screen(terminal);
  screen.begin();
  screen.put(2, "below", {});
  screen.put(99999, "below", {});
  screen.put(0, 10, "beside", {});
  screen.put(1, 0, std::string(1000, 'w'), {std::nullopt, true});
  screen.show();
  const std::string drawn = terminal.received();
  CHECK_FALSE(contains(drawn, "below"));
  CHECK_FALSE(contains(drawn, "beside"));
  CHECK(contains(drawn, "wwwwww"));
}

TEST_CASE("screen: keys are told as what they are", "[console]") {
  const Terminal terminal;
  Screen screen = open_screen(terminal);
  draw(screen, terminal, "");
  CHECK_FALSE(screen.next_key());
  const std::pair<const char *, Kind> keys[] = {
      {"\x1bOA", Kind::up},       {"\x1b[A", Kind::up},         {"\x1bOB", Kind::down},
      {"\x1b[5~", Kind::page_up}, {"\x1b[6~", Kind::page_down}, {"\x1bOH", Kind::home},
      {"\x1b[F", Kind::end},      {"\r", Kind::enter},          {"\x1b", Kind::escape},
      {"\x7f", Kind::backspace},  {"\x1bOC", Kind::right},
  };
  for (const auto &[bytes, kind] : keys) {
    terminal.type(bytes);
    const auto key = pressed(screen);
    REQUIRE(key);
    CHECK(key->kind == kind);
    CHECK_FALSE(screen.next_key());
  }
  terminal.type("x\x01日y");
  const auto first = pressed(screen);
  REQUIRE(first);
  CHECK(first->character == 'x');
  const auto second = screen.next_key();
  REQUIRE(second);
  CHECK(second->character == 'y');
}

TEST_CASE("screen: signals are handled as they were before it", "[console]") {
  const Terminal terminal;
  constexpr int numbers[] = {SIGINT, SIGTERM, SIGTSTP, SIGWINCH};
  const auto handler = [](int number) {
    struct sigaction action {};
    ::sigaction(number, nullptr, &action);
    return action.sa_handler;
  };
  std::map<int, sighandler_t> before;
  for (const int number : numbers) before[number] = handler(number);
  CHECK(before[SIGTSTP] == SIG_DFL);
  {
    const Screen screen = open_screen(terminal);
    for (const int number : numbers) CHECK(handler(number) == before[number]);
  }
  for (const int number : numbers) CHECK(handler(number) == before[number]);
  sigset_t blocked;
  ::pthread_sigmask(SIG_SETMASK, nullptr, &blocked);
  CHECK(::sigismember(&blocked, SIGTSTP) == 0);
}

TEST_CASE("screen: what cannot be one is refused, with the reason", "[console]") {
  const Terminal terminal;
  const auto refusal = [](const std::string &path) {
    const auto screen = Screen::open(path);
    REQUIRE_FALSE(screen);
    CHECK(screen.error().kind == core::ErrorKind::usage);
    return screen.error().message;
  };
  CHECK(refusal("/nonexistent/tty") == "--live: /nonexistent/tty: No such file or directory");
  CHECK(refusal("/dev/null") == "--live: /dev/null: Inappropriate ioctl for device");
  ::setenv("TERM", "dumb", 1);
  CHECK(refusal(terminal.path()) ==
        "--live: TERM is 'dumb', a terminal whose cursor cannot be moved");
  ::setenv("TERM", "no-such-terminal", 1);
  CHECK(refusal(terminal.path()) == "--live: TERM is 'no-such-terminal', which is not known here");
  ::unsetenv("TERM");
  CHECK(refusal(terminal.path()) == "--live: TERM is not set");
  CHECK(terminal.received().empty());
}

TEST_CASE("screen: the environment's idea of the size is not believed", "[console]") {
  const Terminal terminal;
  ::setenv("LINES", "7", 1);
  ::setenv("COLUMNS", "9", 1);
  Screen screen = open_screen(terminal);
  screen.begin();
  CHECK(screen.columns() == 80);
  ::unsetenv("LINES");
  ::unsetenv("COLUMNS");
}
