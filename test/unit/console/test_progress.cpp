#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>
#include <string>

#include <catch2/catch_test_macros.hpp>

#include "fanout/console/progress.hpp"
#include "fanout/sys/fd.hpp"

namespace {

using namespace fanout;
using console::Output;
using console::ProgressLine;
using core::Stream;

class Target {
public:
  [[nodiscard]] int fd() const { return fd_.get(); }
  [[nodiscard]] std::string text() const {
    std::string text(static_cast<std::size_t>(::lseek(fd_.get(), 0, SEEK_END)), '\0');
    const ssize_t count = ::pread(fd_.get(), text.data(), text.size(), 0);
    text.resize(count < 0 ? 0 : static_cast<std::size_t>(count));
    return text;
  }

private:
  sys::UniqueFd fd_ = sys::UniqueFd::adopt(::memfd_create("target", MFD_CLOEXEC));
};

constexpr auto drawn = ProgressLine::Form::drawn;
const std::string erased = "\r \x1b[J\r";

ProgressLine::Compose saying(std::string text) {
  return [text](std::size_t) { return text; };
}

// What drawing it writes: nothing wraps meanwhile, remains go, and the cursor waits at its beginning.
std::string shown(const std::string &text) { return "\r\x1b[?7l" + text + "\x1b[?7h\x1b[J\r"; }

}  // namespace

TEST_CASE("progress line: shown on a terminal that can erase, and elsewhere when it is asked for",
          "[console]") {
  using Form = ProgressLine::Form;
  using When = ProgressLine::When;
  CHECK(ProgressLine::choose(When::automatic, true, "xterm") == Form::drawn);
  CHECK(ProgressLine::choose(When::automatic, true, "dumb") == Form::none);
  CHECK(ProgressLine::choose(When::automatic, true, "") == Form::none);
  CHECK(ProgressLine::choose(When::automatic, false, "xterm") == Form::none);
  CHECK(ProgressLine::choose(When::always, true, "xterm") == Form::drawn);
  CHECK(ProgressLine::choose(When::always, true, "dumb") == Form::lines);
  CHECK(ProgressLine::choose(When::always, false, "xterm") == Form::lines);
  CHECK(ProgressLine::choose(When::never, true, "xterm") == Form::none);
}

TEST_CASE("progress line: it goes before anything else is written to the terminal", "[console]") {
  auto lock = console::Lock::create();
  REQUIRE(lock);
  const Target terminal;
  Output output(*lock, {terminal.fd(), true}, {terminal.fd(), true});
  ProgressLine line(output, drawn);
  line.draw(saying("half"));
  CHECK(output.write(Stream::out, "text\n"));
  CHECK(terminal.text() == shown("half") + erased + "text\n");
  CHECK(output.write(Stream::err, "more\n"));  // there is none to erase
  CHECK(terminal.text() == shown("half") + erased + "text\nmore\n");
}

TEST_CASE("progress line: a file gets nothing of it", "[console]") {
  auto lock = console::Lock::create();
  REQUIRE(lock);
  const Target file;
  const Target terminal;
  Output output(*lock, {file.fd(), false}, {terminal.fd(), true});
  ProgressLine line(output, drawn);
  line.draw(saying("half"));
  CHECK(output.write(Stream::out, "text\n"));
  CHECK(file.text() == "text\n");
  CHECK(terminal.text() == shown("half"));
  line.erase();
  CHECK(terminal.text() == shown("half") + erased);
}

TEST_CASE("progress line: it waits for the end of a line that somebody else has begun",
          "[console]") {
  auto lock = console::Lock::create();
  REQUIRE(lock);
  const Target terminal;
  Output output(*lock, {terminal.fd(), true}, {terminal.fd(), true});
  ProgressLine line(output, drawn);
  CHECK(output.write(Stream::out, "open"));
  line.draw(saying("half"));
  CHECK(terminal.text() == "open");
  CHECK(output.write(Stream::out, "\n"));
  line.draw(saying("half"));
  CHECK(terminal.text() == "open\n" + shown("half"));
  CHECK_FALSE(output.line_is_open(Stream::err));
}

TEST_CASE("progress line: it is gone with its owner", "[console]") {
  auto lock = console::Lock::create();
  REQUIRE(lock);
  const Target terminal;
  Output output(*lock, {terminal.fd(), true}, {terminal.fd(), true});
  { ProgressLine(output, drawn).draw(saying("half")); }
  CHECK(terminal.text() == shown("half") + erased);
}

TEST_CASE("progress line: without a form nothing is written", "[console]") {
  auto lock = console::Lock::create();
  REQUIRE(lock);
  const Target terminal;
  Output output(*lock, {terminal.fd(), true}, {terminal.fd(), true});
  { ProgressLine(output, ProgressLine::Form::none).draw(saying("half")); }
  CHECK(terminal.text().empty());
}

TEST_CASE("progress line: it is told how wide it may be, and leaves the last column free",
          "[console]") {
  auto lock = console::Lock::create();
  REQUIRE(lock);
  const Target terminal;  // of unknown size, so that it is as wide as the environment says
  REQUIRE(::setenv("COLUMNS", "33", 1) == 0);
  Output output(*lock, {terminal.fd(), true}, {terminal.fd(), true});
  std::size_t told = 0;
  ProgressLine line(output, drawn);
  line.draw([&told](std::size_t columns) {
    told = columns;
    return "half";
  });
  REQUIRE(::unsetenv("COLUMNS") == 0);
  CHECK(told == 32);
}

TEST_CASE("progress line: where nothing fits, nothing is left of the one before", "[console]") {
  auto lock = console::Lock::create();
  REQUIRE(lock);
  const Target terminal;
  Output output(*lock, {terminal.fd(), true}, {terminal.fd(), true});
  ProgressLine line(output, drawn);
  line.draw(saying("half"));
  line.draw(saying(""));
  CHECK(terminal.text() == shown("half") + erased);
  line.draw(saying(""));
  CHECK(terminal.text() == shown("half") + erased);
}

TEST_CASE("progress line: nobody composes a line that cannot be drawn", "[console]") {
  auto lock = console::Lock::create();
  REQUIRE(lock);
  const Target terminal;
  Output output(*lock, {terminal.fd(), true}, {terminal.fd(), true});
  ProgressLine line(output, drawn);
  CHECK(output.write(Stream::out, "open"));
  line.draw([](std::size_t) -> std::string {
    FAIL("it was asked for");
    return {};
  });
}

TEST_CASE("progress line: in a file a line is as long as it is", "[console]") {
  auto lock = console::Lock::create();
  REQUIRE(lock);
  const Target file;
  Output output(*lock, {file.fd(), false}, {file.fd(), false});
  ProgressLine line(output, ProgressLine::Form::lines);
  line.draw([](std::size_t columns) { return std::string(columns > 2000 ? 2000 : 1, 'x'); });
  CHECK(file.text() == std::string(2000, 'x') + "\n");
  line.erase();
  CHECK(file.text() == std::string(2000, 'x') + "\n");
}
