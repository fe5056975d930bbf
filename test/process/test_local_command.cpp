// A local shell command: what it has, how it is signalled, and that nothing of it is left.

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include "fanout/sys/io.hpp"
#include "fanout/sys/local_command.hpp"
#include "fanout/sys/pipe.hpp"

using namespace fanout;
using namespace std::chrono_literals;
using sys::LocalCommand;

namespace {

const core::Deadline soon() { return core::Deadline::in(20s, sys::now()); }

// What it prints until it lets go of its output, or until `wanted` is there.
std::string read(const LocalCommand &command, std::string_view wanted = {}) {
  std::string text;
  char buffer[4096];
  const core::Deadline deadline = soon();
  while (wanted.empty() || text.find(wanted) == std::string::npos) {
    if (!sys::wait_ready(command.output_fd(), POLLIN, deadline)) FAIL("it prints no more");
    const auto got = sys::read_some(command.output_fd(), buffer, sizeof buffer);
    if (got.state != sys::Transfer::State::done) break;
    text.append(buffer, got.count);
  }
  return text;
}

LocalCommand start(const std::string &text, const std::vector<std::string> &environment = {}) {
  auto command = LocalCommand::start(text, environment);
  REQUIRE(command);
  return *std::move(command);
}

sys::ProcessStatus end_of(LocalCommand &command) {
  REQUIRE(sys::wait_ready(command.pidfd(), POLLIN, soon()));
  const auto status = command.reap();
  REQUIRE(status);
  return *status;
}

// Its last words are the pid of the shell, and it waits for a very long time.
constexpr const char *waits = "echo $$; while :; do sleep 1000; done";

}  // namespace

TEST_CASE("local command: what it prints on either stream comes, and how it ends", "[sys]") {
  LocalCommand command = start("echo out; echo err >&2; exit 3");
  CHECK(read(command) == "out\nerr\n");
  CHECK(sys::describe(end_of(command)) == "exited with status 3");
  CHECK_FALSE(command.running());
  CHECK_FALSE(command.reap());
}

TEST_CASE("local command: it has our environment, and more or instead of it what it is given",
          "[sys]") {
  ::setenv("FANOUT_TEST_KEPT", "kept", 1);
  ::setenv("FANOUT_TEST_OTHER", "ours", 1);
  LocalCommand command =
      start("echo $FANOUT_TEST_KEPT $FANOUT_TEST_OTHER $FANOUT_TEST_NEW",
            {"FANOUT_TEST_OTHER=theirs", "FANOUT_TEST_NEW=spaces  and 'quotes'"});
  CHECK(read(command) == "kept theirs spaces and 'quotes'\n");
  CHECK(std::string_view(::getenv("FANOUT_TEST_OTHER")) == "ours");
  ::unsetenv("FANOUT_TEST_KEPT");
  ::unsetenv("FANOUT_TEST_OTHER");
  CHECK(end_of(command).success());
}

TEST_CASE("local command: its input is empty, and it has no descriptor of ours", "[sys]") {
  // Not close-on-exec, and no number that a shell would use itself.
  const int ours = ::fcntl(STDIN_FILENO, F_DUPFD, 50);
  REQUIRE(ours >= 50);
  LocalCommand command = start("cat; for fd in /proc/self/fd/*; do echo ${fd##*/}; done");
  const std::string listed = read(command);
  CHECK(listed.find("0\n1\n2\n") == 0);
  CHECK(listed.find("\n" + std::to_string(ours) + "\n") == std::string::npos);
  ::close(ours);
  CHECK(end_of(command).success());
}

TEST_CASE("local command: no signal is ignored or blocked in it", "[sys]") {
  sigset_t all;
  sigset_t before;
  ::sigfillset(&all);
  ::sigprocmask(SIG_BLOCK, &all, &before);
  LocalCommand command = start("grep -E '^Sig(Blk|Ign)' /proc/self/status");
  ::sigprocmask(SIG_SETMASK, &before, nullptr);
  CHECK(read(command) == "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n");
}

TEST_CASE("local command: a signal reaches all of it, and its group is not ours", "[sys]") {
  LocalCommand command = start(
      "trap 'echo heard' TERM; (trap 'echo too; exit' TERM; "
      "echo ready; while :; do sleep 0.01; done) & wait; wait; exit 5");
  read(command, "ready");
  command.signal(SIGTERM);
  const std::string text = read(command);
  CHECK(text.find("heard") != std::string::npos);
  CHECK(text.find("too") != std::string::npos);
  CHECK(end_of(command).exit_status == 5);
}

TEST_CASE("local command: nothing waits for it, and nothing of it is left when it is dropped",
          "[sys]") {
  std::string pid;
  int group = 0;
  {
    LocalCommand command = start(waits);
    group = std::stoi(read(command, "\n"));
    CHECK_FALSE(command.reap());
    char byte = 0;
    CHECK(sys::read_some(command.output_fd(), &byte, 1).state == sys::Transfer::State::would_block);
    CHECK(::kill(-group, 0) == 0);
  }
  // Whoever else was in the group may not be reaped yet, but by us it is not left.
  CHECK((::kill(group, 0) != 0 && errno == ESRCH));
}

TEST_CASE("local command: one that takes the place of another ends it", "[sys]") {
  LocalCommand command = start(waits);
  const int first = std::stoi(read(command, "\n"));
  command = start("echo second");
  CHECK((::kill(first, 0) != 0 && errno == ESRCH));
  CHECK(read(command) == "second\n");
  CHECK(end_of(command).success());
}

TEST_CASE("local command: what it leaves in the background is left alone", "[sys]") {
  auto pipe = sys::make_pipe().value();
  std::string pid;
  {
    LocalCommand command = start("sleep 1000 >/dev/null 2>&1 & echo $!");
    pid = read(command);
    CHECK(end_of(command).success());
  }
  CHECK(::kill(std::stoi(pid), 0) == 0);
  ::kill(std::stoi(pid), SIGKILL);
}

TEST_CASE("local command: one that is too long for the system says so, as one that fails",
          "[sys]") {
  LocalCommand command = start(std::string(1 << 20, ' '));
  CHECK(read(command) == "/bin/sh: Argument list too long\n");
  CHECK(end_of(command).exit_status == 127);
}
