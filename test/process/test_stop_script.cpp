// The script that stops a command, by the shells of this machine, on processes of the test's own. What stands for the server
// is a shell: it starts the command, waits until all of it runs, and starts the script as sshd and dropbear do.
#include <signal.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include <catch2/catch_test_macros.hpp>
#include <fmt/format.h>

#include "fanout/core/deadline.hpp"
#include "worker/shell_words.hpp"
#include "worker/stop_script.hpp"

using namespace fanout;
using namespace fanout::worker;
namespace fs = std::filesystem;

namespace {

// Login shells: bash is not dash, busybox is neither, csh and fish read a command line in their own way. Those that are not
// installed are passed over; FANOUT_TEST_SHELLS names further ones.
std::vector<std::string> login_shells() {
  std::vector<std::string> shells;
  std::vector<std::string> wanted{"/bin/dash",    "/bin/bash", "/bin/busybox", "/usr/bin/zsh",
                                  "/usr/bin/ksh", "/bin/csh",  "/bin/tcsh",    "/usr/bin/fish"};
  std::istringstream more(
      std::getenv("FANOUT_TEST_SHELLS") != nullptr ? std::getenv("FANOUT_TEST_SHELLS") : "");
  for (std::string shell; std::getline(more, shell, ':');) wanted.push_back(shell);
  for (const std::string &shell : wanted)
    if (::access(shell.c_str(), X_OK) == 0)
      shells.push_back(shell.ends_with("busybox") ? shell + " sh" : shell);
  return shells;
}

// Those whose command line has this word.
std::vector<pid_t> processes_with(const std::string &word) {
  std::vector<pid_t> found;
  for (const auto &entry : fs::directory_iterator("/proc")) {
    const std::string name = entry.path().filename();
    if (name.find_first_not_of("0123456789") != std::string::npos) continue;
    std::ostringstream line;
    line << std::ifstream(entry.path() / "cmdline").rdbuf();
    if (line.str().find(word) != std::string::npos) found.push_back(std::stoi(name));
  }
  return found;
}

// A number that no other sleep on this machine has.
class Naps {
public:
  Naps() : seconds_(fmt::format("{}.{:03}", 1000 + ::getpid(), ++count)) {}
  ~Naps() {
    for (const pid_t pid : processes_with(seconds_)) ::kill(pid, SIGKILL);
  }
  Naps(const Naps &) = delete;
  Naps &operator=(const Naps &) = delete;
  // COMMAND with "sleep N" for each @.
  [[nodiscard]] std::string in(std::string command) const {
    for (std::size_t at = 0; (at = command.find('@')) != std::string::npos;)
      command.replace(at, 1, "sleep " + seconds_);
    return command;
  }
  [[nodiscard]] std::string word() const { return seconds_; }

private:
  static int count;
  std::string seconds_;
};
int Naps::count = 0;

enum class Sessions { one_for_all, one_each };  // as dropbear, as sshd

struct Stopped {
  StopAnswer answer;
  std::string text;
};

// Runs `commands` by a server, waits until there are `naps`, and has `shell` run the script.
Stopped stop(const std::string &shell, Sessions sessions, const Naps &naps,
             const std::vector<std::string> &commands, int expected, core::Milliseconds grace) {
  const std::string own = sessions == Sessions::one_each ? "setsid " : "";
  std::string server;
  for (const std::string &command : commands)
    server += own + "sh -c " + worker::quoted(naps.in(command)) + " >/dev/null 2>&1 </dev/null & ";
  server += fmt::format(
      "i=0; until [ $(grep -l -a -s {} /proc/[0-9]*/cmdline | xargs grep -l -a -s ^sleep | wc -l) "
      "-ge {} ] || [ $i = 100 ]; do i=$((i + 1)); sleep 0.02; done; ",
      naps.word(), expected);
  server += own + shell + " -c " + worker::quoted(stop_command(grace)) + "; echo server ends";
  FILE *const pipe = ::popen(("exec setsid -w sh -c " + worker::quoted(server)).c_str(), "r");
  REQUIRE(pipe != nullptr);
  Stopped stopped;
  for (int c = std::fgetc(pipe); c != EOF; c = std::fgetc(pipe))
    stopped.text += static_cast<char>(c);
  ::pclose(pipe);
  stopped.answer = read_stop_answer(stopped.text);
  return stopped;
}

}  // namespace

TEST_CASE("stop script: every form of a command ends, with all that it has started", "[worker]") {
  struct Case {
    std::string command;
    int naps;
    bool sshd_too;  // an orphan is found in dropbear's one session only
  };
  const std::vector<Case> cases{{"exec @", 1, true},         {"@; true", 1, true},
                                {"@ | @ | cat", 2, true},    {"@ & @ & wait", 2, true},
                                {"(@ &); exec @", 2, false}, {"setsid @ & @", 2, true}};
  for (const std::string &shell : login_shells())
    for (const Case &one : cases)
      for (const Sessions sessions : {Sessions::one_for_all, Sessions::one_each}) {
        if (sessions == Sessions::one_each && !one.sshd_too) continue;
        // The login shell only passes the script on to sh.
        if (shell != login_shells().front() && one.command != "@ | @ | cat") continue;
        CAPTURE(shell, one.command, static_cast<int>(sessions));
        const Naps naps;
        const Stopped stopped =
            stop(shell, sessions, naps, {one.command}, one.naps, core::Milliseconds{2'000});
        CAPTURE(stopped.text);
        CHECK(stopped.answer.begun);
        CHECK(stopped.answer.found.value_or(0) >= one.naps);
        CHECK(stopped.answer.left == 0);
        CHECK(processes_with(naps.word()).empty());
        // The server itself is not touched.
        CHECK(stopped.text.ends_with("server ends\n"));
      }
}

TEST_CASE("stop script: what ignores TERM is killed after the grace", "[worker]") {
  const Naps naps;
  const auto start = core::Clock::now();
  const Stopped stopped = stop("/bin/sh", Sessions::one_for_all, naps, {R"(trap "" TERM; @; @)"}, 1,
                               core::Milliseconds{400});
  CAPTURE(stopped.text);
  CHECK(stopped.answer.left == 0);
  CHECK(core::Clock::now() - start >= core::Milliseconds{400});
  CHECK(processes_with(naps.word()).empty());
}

TEST_CASE("stop script: a program may have any name", "[worker]") {
  const Naps naps;
  const fs::path folder = fs::temp_directory_path() / ("fanout-stop-" + naps.word());
  fs::create_directory(folder);
  // What looks like the rest of the line: state, parent, group and session of somebody else.
  const std::string name = (folder / "a) S 1 1 1\n(").string();
  fs::copy_file(fs::canonical("/bin/sleep"), name);
  const Stopped stopped =
      stop("/bin/sh", Sessions::one_for_all, naps,
           {worker::quoted(name) + " " + naps.word() + " & @; wait"}, 1, core::Milliseconds{2'000});
  fs::remove_all(folder);
  CAPTURE(stopped.text);
  CHECK(stopped.answer.found.value_or(0) == 3);
  CHECK(stopped.answer.left == 0);
  CHECK(processes_with(naps.word()).empty());
}

TEST_CASE("stop script: a connection beside it is not touched", "[worker]") {
  const Naps other;
  FILE *const pipe = ::popen(
      ("exec setsid sh -c " + worker::quoted(other.in("@ & echo ready; wait; true"))).c_str(), "r");
  REQUIRE(pipe != nullptr);
  REQUIRE(std::fgetc(pipe) == 'r');
  const std::size_t before = processes_with(other.word()).size();
  const Naps naps;
  const Stopped stopped =
      stop("/bin/sh", Sessions::one_for_all, naps, {"@; true"}, 1, core::Milliseconds{2'000});
  CHECK(stopped.answer.left == 0);
  CHECK(before >= 2);
  CHECK(processes_with(other.word()).size() == before);
  for (const pid_t pid : processes_with(other.word())) ::kill(pid, SIGKILL);
  ::pclose(pipe);
}

TEST_CASE("stop script: nothing is found where nothing runs, and that is said", "[worker]") {
  const Naps naps;
  const Stopped stopped =
      stop("/bin/sh", Sessions::one_for_all, naps, {}, 0, core::Milliseconds{2'000});
  CAPTURE(stopped.text);
  CHECK(stopped.answer.found == 0);
  CHECK_FALSE(stopped.answer.left);
}

TEST_CASE("stop script: somebody who has adopted it is not taken for the server", "[worker]") {
  // Its session is neither its own nor that of its parent.
  const Naps naps;
  const std::string command = fmt::format(
      "exec setsid -w sh -c {}",
      worker::quoted("sh -c " +
                     worker::quoted(naps.in("@ & sh -c ") +
                                    worker::quoted(stop_command(core::Milliseconds{2'000})) +
                                    "; true") +
                     "; true"));
  FILE *const pipe = ::popen(command.c_str(), "r");
  REQUIRE(pipe != nullptr);
  std::string text;
  // Not to the end: what is not touched holds the pipe open.
  for (int c = 0; text.find("begun\n") == std::string::npos && (c = std::fgetc(pipe)) != EOF;)
    text += static_cast<char>(c);
  CHECK(read_stop_answer(text).begun);
  CHECK_FALSE(read_stop_answer(text).found);
  CHECK_FALSE(processes_with(naps.word()).empty());
  for (const pid_t pid : processes_with(naps.word())) ::kill(pid, SIGKILL);
  ::pclose(pipe);
}
