#include <sys/mman.h>
#include <unistd.h>

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
const std::string erased = "\r\x1b[K";

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
  line.draw("half");
  CHECK(output.write(Stream::out, "text\n"));
  CHECK(terminal.text() == "\rhalf\x1b[K" + erased + "text\n");
  CHECK(output.write(Stream::err, "more\n"));  // there is none to erase
  CHECK(terminal.text() == "\rhalf\x1b[K" + erased + "text\nmore\n");
}

TEST_CASE("progress line: a file gets nothing of it", "[console]") {
  auto lock = console::Lock::create();
  REQUIRE(lock);
  const Target file;
  const Target terminal;
  Output output(*lock, {file.fd(), false}, {terminal.fd(), true});
  ProgressLine line(output, drawn);
  line.draw("half");
  CHECK(output.write(Stream::out, "text\n"));
  CHECK(file.text() == "text\n");
  CHECK(terminal.text() == "\rhalf\x1b[K");
  line.erase();
  CHECK(terminal.text() == "\rhalf\x1b[K" + erased);
}

TEST_CASE("progress line: it waits for the end of a line that somebody else has begun",
          "[console]") {
  auto lock = console::Lock::create();
  REQUIRE(lock);
  const Target terminal;
  Output output(*lock, {terminal.fd(), true}, {terminal.fd(), true});
  ProgressLine line(output, drawn);
  CHECK(output.write(Stream::out, "open"));
  line.draw("half");
  CHECK(terminal.text() == "open");
  CHECK(output.write(Stream::out, "\n"));
  line.draw("half");
  CHECK(terminal.text() == "open\n\rhalf\x1b[K");
  CHECK_FALSE(output.line_is_open(Stream::err));
}

TEST_CASE("progress line: it is gone with its owner", "[console]") {
  auto lock = console::Lock::create();
  REQUIRE(lock);
  const Target terminal;
  Output output(*lock, {terminal.fd(), true}, {terminal.fd(), true});
  { ProgressLine(output, drawn).draw("half"); }
  CHECK(terminal.text() == "\rhalf\x1b[K" + erased);
}

TEST_CASE("progress line: without a form nothing is written", "[console]") {
  auto lock = console::Lock::create();
  REQUIRE(lock);
  const Target terminal;
  Output output(*lock, {terminal.fd(), true}, {terminal.fd(), true});
  { ProgressLine(output, ProgressLine::Form::none).draw("half"); }
  CHECK(terminal.text().empty());
}
