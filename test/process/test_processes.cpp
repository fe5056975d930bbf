// sys: children with real ends, signals as descriptors, descriptors over sockets.

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <string>

#include <catch2/catch_test_macros.hpp>

#include "fanout/sys/io.hpp"
#include "fanout/sys/limits.hpp"
#include "fanout/sys/passing.hpp"
#include "fanout/sys/pipe.hpp"
#include "fanout/sys/process.hpp"
#include "fanout/sys/shared_page.hpp"
#include "fanout/sys/signals.hpp"
#include "fanout/sys/temporary_file.hpp"
#include "fanout/sys/wiped_memory.hpp"
#include "memory_scan.hpp"

using namespace fanout;
using namespace std::chrono_literals;

namespace {

sys::ProcessStatus end_of(const std::function<int()> &program) {
  auto child = sys::fork_child(program);
  REQUIRE(child);
  return child->reap_blocking();
}

}  // namespace

TEST_CASE("processes: an exit and a death by signal are told apart", "[sys]") {
  CHECK(end_of([] { return 0; }).success());
  CHECK(sys::describe(end_of([] { return 7; })) == "exited with status 7");
  const auto killed = end_of([] { return ::raise(SIGTERM); });
  CHECK_FALSE(killed.success());
  CHECK(sys::describe(killed) == "killed by signal 15 (TERM)");
  CHECK(end_of([]() -> int {
          const rlimit none{0, 0};
          ::setrlimit(RLIMIT_CORE, &none);
          std::abort();
        }).signal == SIGABRT);
}

TEST_CASE("processes: a child that was stopped and continued has not ended", "[sys]") {
  auto child = sys::fork_child([] {
    ::raise(SIGSTOP);
    return 4;
  });
  REQUIRE(child);
  ::usleep(50'000);
  CHECK_FALSE(child->reap());
  child->signal(SIGCONT);
  CHECK(child->reap_blocking().exit_status == 4);
}

TEST_CASE("processes: its pidfd becomes readable when a child ends", "[sys]") {
  auto child = sys::fork_child([] { return 0; });
  REQUIRE(child);
  CHECK(sys::wait_ready(child->pidfd(), 1 /* POLLIN */, core::Deadline::in(5s, sys::now())));
  CHECK(child->reap());
}

TEST_CASE(
    "processes: a child starts with default signals, some ignored, none blocked, in its own group",
    "[sys]") {
  sigset_t all;
  ::sigfillset(&all);
  sigset_t before;
  ::sigprocmask(SIG_SETMASK, nullptr, &before);
  ::signal(SIGHUP, SIG_IGN);
  ::sigprocmask(SIG_BLOCK, &all, nullptr);
  const auto status = end_of([] {
    sigset_t blocked;
    ::sigprocmask(SIG_SETMASK, nullptr, &blocked);
    int bad = 0;
    for (int number = 1; number < 32; ++number) bad += ::sigismember(&blocked, number) == 1 ? 1 : 0;
    const auto is = [](int number, auto handler) {
      struct sigaction action {};
      ::sigaction(number, nullptr, &action);
      return action.sa_handler == handler;
    };
    if (!is(SIGHUP, SIG_DFL)) bad += 100;
    for (const int number : {SIGPIPE, SIGUSR1, SIGUSR2})
      if (!is(number, SIG_IGN)) bad += 40;
    if (::getpgrp() != ::getpid()) bad += 50;
    return bad;
  });
  ::sigprocmask(SIG_SETMASK, &before, nullptr);
  ::signal(SIGHUP, SIG_DFL);
  CHECK(status.exit_status == 0);
}

TEST_CASE("processes: a child that reads the terminal stays in our group", "[sys]") {
  const pid_t ours = ::getpgrp();
  auto child =
      sys::fork_child([ours] { return ::getpgrp() == ours ? 0 : 1; }, sys::ProcessGroup::inherited);
  REQUIRE(child);
  CHECK(child->reap_blocking().success());
}

TEST_CASE("processes: that a child has ended is seen without reaping it", "[sys]") {
  auto child = sys::fork_child([]() -> int {
    for (;;) ::pause();
  });
  REQUIRE(child);
  CHECK_FALSE(child->has_ended());
  child->signal(SIGTERM);
  REQUIRE(sys::wait_ready(child->pidfd(), 1 /* POLLIN */, core::Deadline::in(5s, sys::now())));
  CHECK(child->has_ended());
  CHECK(child->has_ended());
  const auto status = child->reap();
  REQUIRE(status);
  CHECK(status->signal == SIGTERM);
  CHECK_FALSE(child->has_ended());
}

TEST_CASE("processes: one that is forgotten to be reaped is killed with its object", "[sys]") {
  pid_t pid = 0;
  {
    auto child = sys::fork_child([]() -> int {
      for (;;) ::pause();
    });
    REQUIRE(child);
    pid = child->pid();
    CHECK(::kill(pid, 0) == 0);
  }
  CHECK(::kill(pid, 0) == -1);
}

TEST_CASE("processes: the title is what ps shows", "[sys]") {
  const auto status = end_of([] {
    std::string arguments = "a-command-with-a-long-enough-name -x --and-an-option";
    char *argv[] = {arguments.data()};
    sys::remember_command_line(1, argv);
    sys::set_process_title("fanout: worker db01");
    std::string name;
    std::getline(std::ifstream("/proc/self/comm"), name);
    return name == "fanout: worker " && std::string(arguments.data()) == "fanout: worker db01" ? 0
                                                                                               : 1;
  });
  CHECK(status.success());
}

TEST_CASE("processes: standard descriptors can be pointed at nothing, and missing ones are filled",
          "[sys]") {
  CHECK(end_of([] {
          if (!sys::null_standard_descriptors()) return 1;
          char byte = 0;
          return ::read(0, &byte, 1) == 0 && ::write(1, "x", 1) == 1 && ::isatty(2) == 0 ? 0 : 2;
        }).success());
  CHECK(end_of([] {
          ::close(0);
          ::close(2);
          if (!sys::open_missing_standard_descriptors()) return 1;
          const int next = ::open("/dev/null", O_RDONLY);
          return next > 2 ? 0 : 2;
        }).success());
}

TEST_CASE("processes: every descriptor but the named ones is closed", "[sys]") {
  CHECK(end_of([] {
          auto one = sys::make_pipe().value();
          auto two = sys::make_pipe().value();
          sys::close_all_but({two.write_end.get(), one.read_end.get()});
          const auto open = [](int fd) { return ::fcntl(fd, F_GETFD) >= 0; };
          return open(one.read_end.get()) && open(two.write_end.get()) &&
                         !open(one.write_end.get()) && !open(two.read_end.get()) && open(0) &&
                         open(2)
                     ? 0
                     : 1;
        }).success());
}

TEST_CASE("signals: they arrive on the descriptor, and one ignored from the start stays ignored",
          "[sys]") {
  CHECK(end_of([] {
          ::signal(SIGHUP, SIG_IGN);
          auto signals = sys::SignalFd::open({SIGINT, SIGHUP}).value();
          ::raise(SIGHUP);
          ::raise(SIGINT);
          if (signals.next() != SIGINT) return 1;
          return signals.next() ? 2 : 0;
        }).success());
}

TEST_CASE("processes: what users send to every process of that name ends no child, and no sibling",
          "[sys]") {
  CHECK(end_of([] {
          ::raise(SIGUSR1);
          ::raise(SIGUSR2);
          return 0;
        }).success());
  auto answers = sys::make_pipe().value();
  // What is forked for us: it says how the signals left it, and is reaped here.
  CHECK(end_of([&] {
          const auto sibling = sys::fork_sibling([&] {
            ::raise(SIGUSR1);
            ::raise(SIGUSR2);
            return sys::write_all(answers.write_end.get(), "alive") ? 0 : 1;
          });
          if (!sibling) return 1;
          const pid_t pid = *sibling;
          const std::string_view bytes(reinterpret_cast<const char *>(&pid), sizeof pid);
          return sys::write_all(answers.write_end.get(), bytes) ? 0 : 2;
        }).success());
  answers.write_end.close();
  std::string text(sizeof(pid_t) + 5, '\0');
  REQUIRE(sys::read_exactly(answers.read_end.get(), text.data(), text.size(),
                            core::Deadline::in(5s, sys::now())));
  CHECK(text.find("alive") != std::string::npos);
  pid_t pid = 0;
  std::memcpy(&pid, text.data() + (text.find("alive") == 0 ? 5 : 0), sizeof pid);
  CHECK(sys::adopt_sibling(pid).reap_blocking().success());
}

TEST_CASE("signals: one that is held back waits until somebody takes it", "[sys]") {
  CHECK(end_of([] {
          ::signal(SIGUSR1, SIG_DFL);
          sys::hold_back({SIGUSR1, SIGUSR2});
          ::raise(SIGUSR1);
          auto signals = sys::SignalFd::open({SIGUSR1, SIGUSR2}).value();
          return signals.next() == SIGUSR1 && !signals.next() ? 0 : 1;
        }).success());
}

TEST_CASE("passing: a descriptor arrives with its bytes and works", "[sys]") {
  auto pair = sys::make_socket_pair().value();
  auto pipe = sys::make_pipe().value();
  REQUIRE(sys::send_with_fd(pair.first.get(), "slot", pipe.write_end.get()));
  char buffer[16];
  auto received = sys::receive_with_fd(pair.second.get(), buffer, sizeof buffer);
  REQUIRE(received);
  CHECK(std::string_view(buffer, received->count) == "slot");
  REQUIRE(received->fd);
  CHECK((::fcntl(received->fd.get(), F_GETFD) & FD_CLOEXEC) != 0);
  REQUIRE(sys::write_all(received->fd.get(), "x"));
  char byte = 0;
  REQUIRE(sys::read_exactly(pipe.read_end.get(), &byte, 1));
  CHECK(byte == 'x');
}

TEST_CASE("shared page: a child sees what we write until the page is hidden", "[sys]") {
  auto page = sys::SharedPage::map().value();
  auto *word = static_cast<volatile int *>(page.address());
  *word = 42;
  CHECK(end_of([word] { return *word == 42 ? (*word = 43, 0) : 1; }).success());
  CHECK(*word == 43);
  REQUIRE(page.hide_from_children());
  CHECK(end_of([address = page.address()] {
          unsigned char present = 0;
          return ::mincore(address, 1, &present) == -1 && errno == ENOMEM ? 0 : 1;
        }).success());
}

TEST_CASE("temporary file: it has no name and takes bytes", "[sys]") {
  auto file = sys::make_temporary_file();
  REQUIRE(file);
  REQUIRE(sys::write_all(file->get(), "kept"));
  char link[256];
  const auto size =
      ::readlink(("/proc/self/fd/" + std::to_string(file->get())).c_str(), link, sizeof link);
  REQUIRE(size > 0);
  CHECK(std::string_view(link, static_cast<std::size_t>(size)).find("(deleted)") !=
        std::string_view::npos);
}

TEST_CASE("files: only regular ones are read, and never more than allowed", "[sys]") {
  CHECK_FALSE(sys::read_file("/dev/zero", 100));
  CHECK_FALSE(sys::read_file("/", 100));
  CHECK_FALSE(sys::read_file("/does/not/exist", 100));
  const std::string name = "/tmp/fanout-test-" + std::to_string(::getpid());
  std::ofstream(name) << "12345";
  CHECK(sys::read_file(name, 5).value() == "12345");
  CHECK_FALSE(sys::read_file(name, 4));
  ::unlink(name.c_str());
  REQUIRE(::mkfifo(name.c_str(), 0600) == 0);
  CHECK_FALSE(sys::read_file(name, 100));  // and it returned
  ::unlink(name.c_str());
}

TEST_CASE("limits: open files can be raised to the hard limit and not beyond", "[sys]") {
  CHECK(end_of([] {
          const rlimit low{20, 100};
          ::setrlimit(RLIMIT_NOFILE, &low);
          if (sys::raise_open_file_limit(50) != 50) return 1;
          if (sys::raise_open_file_limit(40) != 50) return 2;
          return sys::raise_open_file_limit(1000) == 100 ? 0 : 3;
        }).success());
}

TEST_CASE("passing: a packet keeps its ends and brings several descriptors", "[sys]") {
  auto pair = sys::make_packet_socket_pair().value();
  sys::Pipe one = sys::make_pipe().value();
  sys::Pipe two = sys::make_pipe().value();
  const std::array<int, 2> fds{one.write_end.get(), two.write_end.get()};
  REQUIRE(sys::send_packet(pair.first.get(), "first", fds));
  REQUIRE(sys::send_packet(pair.first.get(), "second"));
  char buffer[16];
  auto first = sys::receive_packet(pair.second.get(), buffer, sizeof buffer);
  REQUIRE(first);
  CHECK(std::string_view(buffer, first->count) == "first");
  REQUIRE(first->fds.size() == 2);
  REQUIRE(sys::write_all(first->fds[1].get(), "2"));
  REQUIRE(sys::read_exactly(two.read_end.get(), buffer, 1));
  CHECK(buffer[0] == '2');
  auto second = sys::receive_packet(pair.second.get(), buffer, sizeof buffer);
  REQUIRE(second);
  CHECK(std::string_view(buffer, second->count) == "second");
  CHECK(second->fds.empty());
  pair.first.close();
  const auto end = sys::receive_packet(pair.second.get(), buffer, sizeof buffer);
  REQUIRE(end);
  CHECK(end->count == 0);
}

TEST_CASE("passing: a packet that does not fit is an error and not a part of it", "[sys]") {
  auto pair = sys::make_packet_socket_pair().value();
  REQUIRE(sys::send_packet(pair.first.get(), "longer than that"));
  char buffer[4];
  CHECK_FALSE(sys::receive_packet(pair.second.get(), buffer, sizeof buffer));
}

TEST_CASE("memory: what operator delete is given is overwritten while somebody asks for it",
          "[sys]") {
  if (!memory_scan::makes_sense) SKIP("built with a sanitizer");
  const std::string wanted = memory_scan::disguise("a word that only lives in a freed string");
  {
    const sys::WipeFreedMemory wipe;
    std::string text;
    // Grows, so that its earlier copies are freed on the way.
    for (const char byte : memory_scan::disguise(wanted)) text += byte;
    text += std::string(1000, 'x');
    CHECK(memory_scan::holds(wanted));
  }
  sys::wipe_unused_stack();
  CHECK_FALSE(memory_scan::holds(wanted));
}
