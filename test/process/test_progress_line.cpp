// The line of progress on a real terminal, a pseudo terminal whose other end a small screen reads.
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <string>
#include <utility>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include "fanout/console/progress.hpp"
#include "fanout/sys/fd.hpp"
#include "fanout/sys/io.hpp"

namespace {

using namespace fanout;
using console::Output;
using console::ProgressLine;
using core::Stream;

class Terminal {
public:
  Terminal() : master_(sys::UniqueFd::adopt(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC))) {
    REQUIRE(master_);
    REQUIRE(::grantpt(master_.get()) == 0);
    REQUIRE(::unlockpt(master_.get()) == 0);
    slave_ = sys::UniqueFd::adopt(::open(::ptsname(master_.get()), O_RDWR | O_NOCTTY | O_CLOEXEC));
    REQUIRE(slave_);
    resize(80);
  }
  [[nodiscard]] int fd() const { return slave_.get(); }
  void resize(unsigned short columns) const {
    winsize size{24, columns, 0, 0};
    REQUIRE(::ioctl(slave_.get(), TIOCSWINSZ, &size) == 0);
  }
  void stop() const { REQUIRE(::tcflow(slave_.get(), TCOOFF) == 0); }
  void go_on() const { REQUIRE(::tcflow(slave_.get(), TCOON) == 0); }

  // What the screen shows once everything has arrived; no line of these tests is wider than it.
  std::vector<std::string> lines() {
    char buffer[4096];
    while (sys::wait_ready(master_.get(), POLLIN, core::Deadline(core::TimePoint::min()))) {
      const auto got = sys::read_some(master_.get(), buffer, sizeof buffer);
      REQUIRE(got.state == sys::Transfer::State::done);
      received_.append(buffer, got.count);
    }
    return shown();
  }

private:
  [[nodiscard]] std::vector<std::string> shown() const {
    std::vector<std::string> lines{""};
    std::size_t column = 0;
    for (std::size_t i = 0; i < received_.size(); ++i) {
      const char byte = received_[i];
      if (byte == '\r') {
        column = 0;
      } else if (byte == '\n') {
        lines.emplace_back();
      } else if (received_.compare(i, 3, "\x1b[J") == 0) {
        lines.back().resize(column);
        i += 2;
      } else if (received_.compare(i, 4, "\x1b[?7") == 0) {
        i += 4;  // whether lines wrap; none is as wide
      } else {
        if (lines.back().size() <= column) lines.back().resize(column + 1, ' ');
        lines.back()[column++] = byte;
      }
    }
    // Blanks at the end of a line are not to be seen.
    for (std::string &line : lines) line.resize(line.find_last_not_of(' ') + 1);
    return lines;
  }

  sys::UniqueFd master_;
  sys::UniqueFd slave_;
  std::string received_;
};

using Lines = std::vector<std::string>;

// Cut, where a real line would be composed for the width.
ProgressLine::Compose constant(std::string text) {
  return [text = std::move(text)](std::size_t columns) { return text.substr(0, columns); };
}

class Screen {
public:
  Screen() : lock_(console::Lock::create()) { REQUIRE(lock_); }
  Terminal terminal;
  Output output() { return {*lock_, {terminal.fd(), true}, {terminal.fd(), true}}; }

private:
  core::Result<console::Lock> lock_;
};

}  // namespace

TEST_CASE("progress line: output stands above it and nothing of it remains", "[console]") {
  Screen screen;
  Output output = screen.output();
  ProgressLine line(output, ProgressLine::Form::drawn);
  line.draw(constant("1 of 3 hosts, and much more than that"));
  CHECK(screen.terminal.lines() == Lines{"1 of 3 hosts, and much more than that"});
  line.draw(constant("2 of 3 hosts"));
  CHECK(screen.terminal.lines() == Lines{"2 of 3 hosts"});
  REQUIRE(output.write(Stream::out, "== web1 ==\nhello\n"));
  CHECK(screen.terminal.lines() == Lines{"== web1 ==", "hello", ""});
  line.draw(constant("3 of 3 hosts"));
  CHECK(screen.terminal.lines() == Lines{"== web1 ==", "hello", "3 of 3 hosts"});
  REQUIRE(output.write(Stream::err, "fanout: web2: failed\n"));
  line.draw(constant("done"));
  line.erase();
  CHECK(screen.terminal.lines() == Lines{"== web1 ==", "hello", "fanout: web2: failed", ""});
}

TEST_CASE("progress line: it is composed for the width of this moment", "[console]") {
  Screen screen;
  Output output = screen.output();
  ProgressLine line(output, ProgressLine::Form::drawn);
  const std::string text(100, 'x');
  line.draw(constant(text));
  CHECK(screen.terminal.lines() == Lines{std::string(79, 'x')});
  screen.terminal.resize(20);
  line.draw(constant(text));
  CHECK(screen.terminal.lines() == Lines{std::string(19, 'x')});
  screen.terminal.resize(1);
  line.draw(constant(text));
  CHECK(screen.terminal.lines() == Lines{""});
}

TEST_CASE("progress line: a terminal that was stopped is not waited for", "[console]") {
  Screen screen;
  Output output = screen.output();
  ProgressLine line(output, ProgressLine::Form::drawn);
  screen.terminal.stop();
  line.draw(constant("never seen"));
  screen.terminal.go_on();
  line.draw(constant("seen"));
  CHECK(screen.terminal.lines() == Lines{"seen"});
}
