// The console lock and the output stream with real processes: owners that die or stop, children that must not see the
// lock, blocks of several writers in one pipe.
#include <poll.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <string>

#include <catch2/catch_test_macros.hpp>

#include "fanout/console/lock.hpp"
#include "fanout/console/output.hpp"
#include "fanout/sys/io.hpp"
#include "fanout/sys/pipe.hpp"
#include "fanout/sys/process.hpp"

namespace {

using fanout::console::Lock;
using fanout::console::Output;
using fanout::core::Deadline;
using fanout::core::Stream;
using fanout::sys::Child;
using fanout::sys::fork_child;
using fanout::sys::Pipe;

using namespace std::chrono_literals;

Lock make_lock() {
  auto lock = Lock::create();
  REQUIRE(lock);
  return std::move(*lock);
}

Pipe make_pipe() {
  auto pipe = fanout::sys::make_pipe();
  REQUIRE(pipe);
  return std::move(*pipe);
}

Child start(const std::function<int()> &program) {
  auto child = fork_child(program);
  REQUIRE(child);
  return std::move(*child);
}

void say(const Pipe &pipe) { (void)fanout::sys::write_all(pipe.write_end.get(), "."); }

bool heard(const Pipe &pipe, std::chrono::milliseconds patience) {
  if (!fanout::sys::wait_ready(pipe.read_end.get(), POLLIN,
                               Deadline::in(patience, fanout::sys::now())))
    return false;
  char byte = 0;
  return fanout::sys::read_some(pipe.read_end.get(), &byte, 1).count == 1;
}

std::string read_to_end(Pipe &pipe) {
  pipe.write_end.close();
  std::string text;
  char buffer[4096];
  for (;;) {
    const auto got = fanout::sys::read_some(pipe.read_end.get(), buffer, sizeof buffer);
    if (got.state != fanout::sys::Transfer::State::done) return text;
    text.append(buffer, got.count);
  }
}

// A child that takes the lock, says so, and keeps it until it is killed.
Child start_owner(Lock &lock, const Pipe &taken, std::string_view half_line = {},
                  int terminal = -1) {
  return start([&] {
    const Lock::Guard guard(lock);
    if (terminal >= 0) (void)fanout::sys::write_all(terminal, half_line);
    say(taken);
    for (;;) ::pause();
    return 0;
  });
}

bool has_shared_mapping() {
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);)
    if (line.find(" rw-s ") != std::string::npos) return true;
  return false;
}

}  // namespace

TEST_CASE("console lock: whoever comes after an owner that was killed takes it over, once",
          "[console]") {
  Lock lock = make_lock();
  const Pipe taken = make_pipe();
  Child owner = start_owner(lock, taken);
  REQUIRE(heard(taken, 10s));
  owner.signal(SIGKILL);
  CHECK(owner.reap_blocking().signal == SIGKILL);
  {
    const Lock::Guard guard(lock);
    CHECK(guard.took_over());
  }
  const Lock::Guard guard(lock);
  CHECK_FALSE(guard.took_over());
}

TEST_CASE("console lock: it survives any number of dead owners", "[console]") {
  Lock lock = make_lock();
  for (int round = 0; round < 10; ++round) {
    const Pipe taken = make_pipe();
    Child owner = start_owner(lock, taken);
    REQUIRE(heard(taken, 10s));
    owner.signal(SIGKILL);
    owner.reap_blocking();
    const Lock::Guard guard(lock);
    CHECK(guard.took_over());
  }
}

TEST_CASE("console lock: an owner that dies while another waits lets it in", "[console]") {
  Lock lock = make_lock();
  const Pipe taken = make_pipe();
  const Pipe entered = make_pipe();
  Child owner = start_owner(lock, taken);
  REQUIRE(heard(taken, 10s));
  Child waiter = start([&] {
    const Lock::Guard guard(lock);
    say(entered);
    return guard.took_over() ? 0 : 1;
  });
  CHECK_FALSE(heard(entered, 200ms));
  owner.signal(SIGKILL);
  CHECK(heard(entered, 10s));
  CHECK(waiter.reap_blocking().success());
}

TEST_CASE("console lock: an owner that is stopped is waited for, and nothing is taken from it",
          "[console]") {
  Lock lock = make_lock();
  const Pipe taken = make_pipe();
  const Pipe entered = make_pipe();
  Child owner = start([&] {
    {
      const Lock::Guard guard(lock);
      say(taken);
      ::raise(SIGSTOP);
    }
    return 0;
  });
  REQUIRE(heard(taken, 10s));
  Child waiter = start([&] {
    const Lock::Guard guard(lock);
    say(entered);
    return guard.took_over() ? 1 : 0;
  });
  CHECK_FALSE(heard(entered, 300ms));
  owner.signal(SIGCONT);
  CHECK(heard(entered, 10s));
  CHECK(waiter.reap_blocking().success());
  CHECK(owner.reap_blocking().success());
}

TEST_CASE("console lock: a second guard in one process does not hang it", "[console]") {
  Lock lock = make_lock();
  const Pipe taken = make_pipe();
  Child child = start([&] {
    const Lock::Guard first(lock);
    { const Lock::Guard second(lock); }
    say(taken);
    for (;;) ::pause();
    return 0;
  });
  REQUIRE(heard(taken, 10s));
  // The inner guard did not give away what the outer one holds: its owner dies with it.
  child.signal(SIGKILL);
  child.reap_blocking();
  CHECK(Lock::Guard(lock).took_over());
}

TEST_CASE("console lock: children do not have the page once it is hidden", "[console]") {
  Lock lock = make_lock();
  REQUIRE(has_shared_mapping());
  CHECK(start([] { return has_shared_mapping() ? 0 : 1; }).reap_blocking().success());
  REQUIRE(lock.hide_from_children());
  CHECK(start([] { return has_shared_mapping() ? 1 : 0; }).reap_blocking().success());
  const auto touched = start([&] {
                         const Lock::Guard guard(lock);
                         return 0;
                       }).reap_blocking();
  CHECK_FALSE(touched.exited);
  CHECK(touched.signal == SIGSEGV);
  CHECK(has_shared_mapping());
  CHECK_FALSE(Lock::Guard(lock).took_over());
}

TEST_CASE("output: the line of an owner that died is finished on the terminal", "[console]") {
  for (const Stream stream : {Stream::err, Stream::out}) {
    Lock lock = make_lock();
    const Pipe taken = make_pipe();
    Pipe terminal = make_pipe();
    Pipe file = make_pipe();
    Child owner = start_owner(lock, taken, "Password: ", terminal.write_end.get());
    REQUIRE(heard(taken, 10s));
    owner.signal(SIGKILL);
    owner.reap_blocking();
    // Standard error is the terminal; standard output goes elsewhere.
    Output output(lock, {file.write_end.get(), false}, {terminal.write_end.get(), true});
    CHECK(output.write(stream, "text\n"));
    CHECK(output.write(Stream::err, "more\n"));
    const std::string finished = "Password: \n";
    CHECK(read_to_end(terminal) ==
          (stream == Stream::err ? finished + "text\nmore\n" : finished + "more\n"));
    CHECK(read_to_end(file) == (stream == Stream::out ? "text\n" : ""));
  }
}

TEST_CASE("output: blocks of two processes never stand inside each other", "[console]") {
  Lock lock = make_lock();
  Pipe pipe = make_pipe();
  const auto write_blocks = [&](char letter) {
    Output output(lock, {pipe.write_end.get(), false}, {pipe.write_end.get(), false});
    for (int number = 0; number < 50; ++number) {
      Output::Block block(output);
      for (int part = 0; part < 20; ++part)
        if (!block.write(part % 2 == 0 ? Stream::out : Stream::err, std::string(100, letter)))
          return 1;
      if (!block.write(Stream::out, "\n")) return 1;
    }
    return 0;
  };
  Child first = start([&] { return write_blocks('a'); });
  Child second = start([&] { return write_blocks('b'); });
  const std::string text = read_to_end(pipe);
  CHECK(first.reap_blocking().success());
  CHECK(second.reap_blocking().success());
  CHECK(text.size() == 2 * 50 * 2001);
  for (std::size_t at = 0; at + 2001 <= text.size(); at += 2001) {
    const std::string expected = std::string(2000, text[at]) + "\n";
    if (text.compare(at, 2001, expected) != 0) FAIL("a torn block at byte " << at);
  }
}

TEST_CASE("output: a reader that is slow gets everything, also through a non-blocking descriptor",
          "[console]") {
  Lock lock = make_lock();
  Pipe pipe = make_pipe();
  REQUIRE(fanout::sys::set_nonblocking(pipe.write_end.get()));
  std::string sent;
  for (int line = 0; line < 100'000; ++line) sent += "line " + std::to_string(line) + "\n";
  Child writer = start([&] {
    Output output(lock, {pipe.write_end.get(), false}, {pipe.write_end.get(), false});
    return output.write(Stream::out, sent) ? 0 : 1;
  });
  CHECK(read_to_end(pipe) == sent);
  CHECK(writer.reap_blocking().success());
}
