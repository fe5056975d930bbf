#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <csignal>
#include <string>

#include <catch2/catch_test_macros.hpp>

#include "fanout/console/output.hpp"
#include "fanout/console/progress.hpp"
#include "fanout/sys/fd.hpp"
#include "fanout/sys/pipe.hpp"

namespace {

using fanout::console::Lock;
using fanout::console::Output;
using fanout::console::ProgressLine;
using fanout::core::ErrorKind;
using fanout::core::Stream;
using fanout::sys::UniqueFd;

// A file in memory to write to.
class Target {
public:
  Target() : fd_(UniqueFd::adopt(::memfd_create("target", MFD_CLOEXEC))) {}
  [[nodiscard]] int fd() const { return fd_.get(); }
  [[nodiscard]] std::string text() const {
    std::string text(static_cast<std::size_t>(::lseek(fd_.get(), 0, SEEK_END)), '\0');
    const ssize_t count = ::pread(fd_.get(), text.data(), text.size(), 0);
    text.resize(count < 0 ? 0 : static_cast<std::size_t>(count));
    return text;
  }

private:
  UniqueFd fd_;
};

Lock make_lock() {
  auto lock = Lock::create();
  REQUIRE(lock);
  return std::move(*lock);
}

}  // namespace

TEST_CASE("output: each stream goes to its own descriptor, unchanged", "[console]") {
  Lock lock = make_lock();
  const Target out;
  const Target err;
  Output output(lock, {out.fd(), false}, {err.fd(), true});
  CHECK(output.write(Stream::out, "one\n"));
  CHECK(output.write(Stream::err, "two\x1b\n"));
  CHECK(output.write(Stream::out, ""));
  CHECK(output.write(Stream::out, std::string("th\0ree", 6)));
  CHECK(out.text() == std::string("one\nth\0ree", 10));
  CHECK(err.text() == "two\x1b\n");
  CHECK_FALSE(output.is_terminal(Stream::out));
  CHECK(output.is_terminal(Stream::err));
}

TEST_CASE("output: a block is several writes under one lock", "[console]") {
  Lock lock = make_lock();
  const Target out;
  const Target err;
  Output output(lock, {out.fd(), true}, {err.fd(), true});
  {
    Output::Block block(output);
    CHECK(block.write(Stream::out, "a"));
    CHECK(block.write(Stream::err, "b"));
    CHECK(block.write(Stream::out, "c\n"));
  }
  CHECK(output.write(Stream::out, "after\n"));
  CHECK(out.text() == "ac\nafter\n");
  CHECK(err.text() == "b");
}

TEST_CASE("output: it knows whether a line is open, one for each file and one for the terminal",
          "[console]") {
  Lock lock = make_lock();
  const Target target;
  Output files(lock, {target.fd(), false}, {target.fd(), true});
  CHECK_FALSE(files.line_is_open(Stream::out));
  CHECK(files.write(Stream::out, "open"));
  CHECK(files.line_is_open(Stream::out));
  CHECK_FALSE(files.line_is_open(Stream::err));
  CHECK(files.write(Stream::out, ""));
  CHECK(files.line_is_open(Stream::out));
  CHECK(files.write(Stream::out, " and closed\n"));
  CHECK_FALSE(files.line_is_open(Stream::out));
  Output terminal(lock, {target.fd(), true}, {target.fd(), true});
  CHECK(terminal.write(Stream::out, "open"));
  CHECK(terminal.line_is_open(Stream::err));
  CHECK(terminal.write(Stream::err, "\n"));
  CHECK_FALSE(terminal.line_is_open(Stream::out));
}

TEST_CASE("output: a reader that has gone is told once as an error and final", "[console]") {
  std::signal(SIGPIPE, SIG_IGN);
  Lock lock = make_lock();
  auto pipe = fanout::sys::make_pipe();
  REQUIRE(pipe);
  pipe->read_end.close();
  const Target err;
  Output output(lock, {pipe->write_end.get(), false}, {err.fd(), false});
  const auto first = output.write(Stream::out, "text");
  REQUIRE_FALSE(first);
  CHECK(first.error().kind == ErrorKind::local);
  CHECK(first.error().message == "standard output: Broken pipe");
  REQUIRE(output.failure(Stream::out));
  CHECK_FALSE(output.failure(Stream::err));
  CHECK(output.write(Stream::err, "still here\n"));
  CHECK(err.text() == "still here\n");
}

TEST_CASE("output: after a failure nothing more is tried on that stream", "[console]") {
  std::signal(SIGPIPE, SIG_IGN);
  Lock lock = make_lock();
  auto pipe = fanout::sys::make_pipe();
  REQUIRE(pipe);
  // The number of the descriptor gets a new file behind it after the failure; that file must stay empty.
  const Target err;
  const int number = ::dup(pipe->write_end.get());
  pipe->read_end.close();
  Output output(lock, {number, false}, {err.fd(), false});
  CHECK_FALSE(output.write(Stream::out, "text"));
  const Target replacement;
  REQUIRE(::dup2(replacement.fd(), number) == number);
  CHECK_FALSE(output.write(Stream::out, "more"));
  {
    Output::Block block(output);
    CHECK_FALSE(block.write(Stream::out, "and more"));
  }
  CHECK(replacement.text().empty());
  ::close(number);
}

TEST_CASE("output: a full disk is an error and not a loop", "[console]") {
  Lock lock = make_lock();
  const auto full = UniqueFd::adopt(::open("/dev/full", O_WRONLY | O_CLOEXEC));
  REQUIRE(full);
  Output output(lock, {full.get(), false}, {full.get(), false});
  const auto out = output.write(Stream::out, "text");
  REQUIRE_FALSE(out);
  CHECK(out.error().message == "standard output: No space left on device");
  const auto err = output.write(Stream::err, "text");
  REQUIRE_FALSE(err);
  CHECK(err.error().message == "standard error: No space left on device");
}

TEST_CASE("output: what is held comes out in the order in which it was written", "[console]") {
  Lock lock = make_lock();
  const Target terminal;
  Output output(lock, {terminal.fd(), true}, {terminal.fd(), true});
  REQUIRE(output.write(Stream::out, "before\n"));
  REQUIRE(output.hold());
  REQUIRE(output.write(Stream::out, "one\n"));
  REQUIRE(output.write(Stream::err, "two\n"));
  REQUIRE(output.write(Stream::out, ""));
  REQUIRE(output.write(Stream::out, std::string(200'000, 'x') + "\n"));
  REQUIRE(output.write(Stream::err, "last, and open"));
  CHECK(terminal.text() == "before\n");
  CHECK(output.line_is_open(Stream::out));
  output.release();
  const std::string expected =
      "before\none\ntwo\n" + std::string(200'000, 'x') + "\nlast, and open";
  CHECK(terminal.text() == expected);
  REQUIRE(output.write(Stream::err, "\n"));
  output.release();
  CHECK(terminal.text() == expected + "\n");
}

TEST_CASE("output: only what is for a terminal is held", "[console]") {
  Lock lock = make_lock();
  const Target file;
  const Target terminal;
  Output output(lock, {file.fd(), false}, {terminal.fd(), true});
  REQUIRE(output.hold());
  REQUIRE(output.write(Stream::out, "to a file\n"));
  REQUIRE(output.write(Stream::err, "to a terminal\n"));
  CHECK(file.text() == "to a file\n");
  CHECK(terminal.text().empty());
  output.release();
  CHECK(file.text() == "to a file\n");
  CHECK(terminal.text() == "to a terminal\n");
}

TEST_CASE("output: no line of progress is drawn while it is held", "[console]") {
  Lock lock = make_lock();
  const Target terminal;
  Output output(lock, {terminal.fd(), true}, {terminal.fd(), true});
  ProgressLine line(output, ProgressLine::Form::drawn);
  line.draw([](std::size_t) { return "shown"; });
  const std::string drawn = terminal.text();
  CHECK(drawn.find("shown") != std::string::npos);
  REQUIRE(output.hold());
  const std::string erased = terminal.text();
  CHECK(erased.size() > drawn.size());
  line.draw([](std::size_t) { return "not shown"; });
  output.release();
  CHECK(terminal.text() == erased);
}

TEST_CASE(
    "output: what a full disk could not hold is lost and remembered, and what was held comes out",
    "[console]") {
  Lock lock = make_lock();
  const Target terminal;
  Output output(lock, {terminal.fd(), true}, {terminal.fd(), true});
  const Target disk;
  REQUIRE(output.hold(
      [&disk]() -> fanout::core::Result<UniqueFd> { return UniqueFd::adopt(::dup(disk.fd())); }));
  REQUIRE(output.write(Stream::out, "kept\n"));
  // As many bytes as there are and none more; a second head does not fit.
  const auto room = static_cast<off_t>(disk.text().size());
  ::lseek(disk.fd(), room, SEEK_SET);
  rlimit before{};
  REQUIRE(::getrlimit(RLIMIT_FSIZE, &before) == 0);
  std::signal(SIGXFSZ, SIG_IGN);
  const rlimit full{static_cast<rlim_t>(room) + 20, before.rlim_max};
  REQUIRE(::setrlimit(RLIMIT_FSIZE, &full) == 0);
  const auto lost = output.write(Stream::out, "lost, because there is no room for it\n");
  const auto after = output.write(Stream::out, std::string(30, 'x'));
  REQUIRE(::setrlimit(RLIMIT_FSIZE, &before) == 0);
  CHECK(lost);
  CHECK(after);
  REQUIRE(output.lost_while_held());
  CHECK(output.lost_while_held()->message == "temporary file: write: File too large");
  CHECK_FALSE(output.failure(Stream::out));
  REQUIRE(output.write(Stream::err, "the other goes on\n"));
  output.release();
  CHECK(terminal.text() == "kept\nthe other goes on\n");
  CHECK(output.write(Stream::out, "summary\n"));
  CHECK(terminal.text() == "kept\nthe other goes on\nsummary\n");
}

TEST_CASE("output: where no file can be made nothing is held", "[console]") {
  Lock lock = make_lock();
  const Target terminal;
  Output output(lock, {terminal.fd(), true}, {terminal.fd(), true});
  const auto refused = output.hold([]() -> fanout::core::Result<UniqueFd> {
    return fanout::core::fail(ErrorKind::local, "no room");
  });
  REQUIRE_FALSE(refused);
  CHECK(refused.error().message == "no room");
  REQUIRE(output.write(Stream::out, "text\n"));
  CHECK(terminal.text() == "text\n");
}
