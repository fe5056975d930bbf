// The spawner: workers that are children of the caller and know nothing of it.

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <span>
#include <string>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include "fanout/pool/spawner.hpp"
#include "fanout/sys/io.hpp"
#include "fanout/sys/passing.hpp"
#include "fanout/sys/pipe.hpp"
#include "fanout/sys/wiped_memory.hpp"
#include "memory_scan.hpp"

using namespace fanout;
using pool::Spawner;

namespace {

constexpr core::Milliseconds patience{10'000};

using Descriptors = std::vector<sys::UniqueFd>;

std::vector<int> only(const sys::UniqueFd &fd) { return {fd.get()}; }

core::Result<void> nothing_to_prepare(std::string_view) { return {}; }

void tell(const sys::UniqueFd &up, std::string_view text) {
  static_cast<void>(sys::write_all(up.get(), text));
}

// What the worker writes until it closes its pipe.
std::string hear_all(int fd) {
  std::string text;
  char buffer[4096];
  while (sys::wait_ready(fd, POLLIN, core::Deadline::in(patience, sys::now()))) {
    const sys::Transfer got = sys::read_some(fd, buffer, sizeof buffer);
    if (got.state != sys::Transfer::State::done) break;
    text.append(buffer, got.count);
  }
  return text;
}

struct Spawned {
  sys::Child child;
  sys::UniqueFd link;
};

core::Result<Spawned> spawn(Spawner &spawner, std::string_view card,
                            std::span<const int> handed_down = {}) {
  auto ends = sys::make_socket_pair().value();
  TRY_ASSIGN(sys::Child child, spawner.spawn(card, ends.second, handed_down));
  return Spawned{std::move(child), std::move(ends.first)};
}

Spawner start(decltype(Spawner::Program::run) run) {
  return Spawner::start({nothing_to_prepare, {}, std::move(run)}).value();
}

}  // namespace

TEST_CASE("spawner: a worker gets its card and its descriptors", "[pool]") {
  Spawner spawner = start([](std::string_view card, sys::UniqueFd link, Descriptors extra) {
    char byte = 0;
    static_cast<void>(sys::read_exactly(link.get(), &byte, 1));
    tell(link, std::string(card) + byte);
    tell(extra.at(0), "handed down");
    return 7;
  });
  sys::Pipe extra = sys::make_pipe().value();
  auto worker = spawn(spawner, "a card ", only(extra.write_end));
  extra.write_end.close();
  REQUIRE(worker);
  REQUIRE(sys::write_all(worker->link.get(), "!"));
  CHECK(hear_all(worker->link.get()) == "a card !");
  CHECK(hear_all(extra.read_end.get()) == "handed down");
  const sys::ProcessStatus status = worker->child.reap_blocking();
  CHECK(status.exited);
  CHECK(status.exit_status == 7);
}

TEST_CASE("spawner: a worker gets as many descriptors as put may need, in their order, and no more",
          "[pool]") {
  Spawner spawner = start([](std::string_view, sys::UniqueFd link, Descriptors files) {
    int open = 0;
    for (int fd = 3; fd < 1000; ++fd)
      if (::fcntl(fd, F_GETFD) >= 0) ++open;
    // What is written to the first comes out of the last, if they are the two ends of one pipe.
    char byte = 0;
    if (!sys::write_all(files.back().get(), "x") ||
        !sys::read_exactly(files.front().get(), &byte, 1))
      return 1;
    tell(link, std::to_string(files.size()) + " and " +
                   std::to_string(open - static_cast<int>(files.size())));
    return 0;
  });
  const sys::Pipe pipe = sys::make_pipe().value();
  std::vector<int> fds(Spawner::max_handed_down, ::fileno(stdin));
  fds.front() = pipe.read_end.get();
  fds.back() = pipe.write_end.get();
  auto worker = spawn(spawner, "", fds);
  REQUIRE(worker);
  CHECK(hear_all(worker->link.get()) == "240 and 1");  // its link

  fds.push_back(pipe.write_end.get());
  const auto refused = spawn(spawner, "", fds);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().message == "spawner: too many descriptors to hand down");
  fds.resize(2);
  CHECK(spawn(spawner, "", fds));
}

TEST_CASE("spawner: a worker is a child of the caller, in a group of its own", "[pool]") {
  Spawner spawner = start([](std::string_view, sys::UniqueFd link, Descriptors) {
    int death_signal = 0;
    ::prctl(PR_GET_PDEATHSIG, &death_signal);
    tell(link, std::to_string(::getppid()) + " " + (::getpgid(0) == ::getpid() ? "own" : "shared") +
                   " " + std::to_string(death_signal));
    return 0;
  });
  auto worker = spawn(spawner, "");
  REQUIRE(worker);
  CHECK(hear_all(worker->link.get()) ==
        std::to_string(::getpid()) + " own " + std::to_string(SIGKILL));
}

TEST_CASE("spawner: a worker holds its own descriptors and the null device", "[pool]") {
  const sys::Pipe not_for_it = sys::make_pipe().value();
  Spawner spawner = start([](std::string_view, sys::UniqueFd link, Descriptors) {
    std::string open;
    for (int fd = 0; fd < 256; ++fd)
      if (char target[64] = {}; ::readlink(("/proc/self/fd/" + std::to_string(fd)).c_str(), target,
                                           sizeof target - 1) > 0)
        open += fd < 3 ? std::string(target) + " " : std::string("+");
    tell(link, open);
    return 0;
  });
  auto worker = spawn(spawner, "");
  REQUIRE(worker);
  CHECK(hear_all(worker->link.get()) == "/dev/null /dev/null /dev/null +");
}

TEST_CASE("spawner: no worker has anything of the caller or of another worker in its memory",
          "[pool]") {
  if (!memory_scan::makes_sense) SKIP("built with a sanitizer");
  const std::string later = memory_scan::disguise("what the caller has read since then");
  const std::string other = memory_scan::disguise("the card of another worker");
  const std::string own = memory_scan::disguise("the card of this worker itself");
  const std::string variable = memory_scan::disguise("a secret of the environment");
  {
    const sys::WipeFreedMemory wipe;
    ::setenv("FANOUT_TEST_VARIABLE", memory_scan::disguise(variable).c_str(), 1);
  }
  sys::wipe_unused_stack();
  Spawner spawner = start([&](std::string_view, sys::UniqueFd link, Descriptors) {
    std::string found;
    if (memory_scan::holds(later)) found += "later ";
    if (memory_scan::holds(other)) found += "other ";
    if (memory_scan::holds(variable)) found += "variable ";
    if (memory_scan::holds(own)) found += "own ";
    if (std::getenv("FANOUT_TEST_VARIABLE") != nullptr) found += "getenv ";
    tell(link, found + ".");
    return 0;
  });
  ::unsetenv("FANOUT_TEST_VARIABLE");
  const std::string read_since = memory_scan::disguise(later);
  auto first = spawn(spawner, memory_scan::disguise(other));
  REQUIRE(first);
  hear_all(first->link.get());
  auto second = spawn(spawner, memory_scan::disguise(own));
  REQUIRE(second);
  // That it finds its own card shows that it can see.
  CHECK(hear_all(second->link.get()) == "own .");
  CHECK(read_since.size() == later.size());
}

TEST_CASE("spawner: what is prepared once is there in every worker", "[pool]") {
  std::string prepared;
  Spawner spawner = Spawner::start({[&](std::string_view setup) -> core::Result<void> {
                                      prepared = setup;
                                      return {};
                                    },
                                    {},
                                    [&](std::string_view card, sys::UniqueFd link, Descriptors) {
                                      tell(link, prepared + std::string(card));
                                      return 0;
                                    }})
                        .value();
  REQUIRE(spawner.prepare("prepared "));
  REQUIRE(spawner.await_prepared());
  for (const std::string card : {"one", "two"}) {
    auto worker = spawn(spawner, card);
    REQUIRE(worker);
    CHECK(hear_all(worker->link.get()) == "prepared " + card);
  }
  CHECK(prepared.empty());
}

TEST_CASE("spawner: a preparation that fails is told with its reason", "[pool]") {
  Spawner spawner = Spawner::start({[](std::string_view) -> core::Result<void> {
                                      return core::fail(core::ErrorKind::local, "no sandbox here");
                                    },
                                    {},
                                    [](std::string_view, sys::UniqueFd, Descriptors) { return 0; }})
                        .value();
  REQUIRE(spawner.prepare(""));
  const auto done = spawner.await_prepared();
  REQUIRE_FALSE(done);
  CHECK(done.error().message == "no sandbox here");
}

TEST_CASE("spawner: once it is gone nothing can be started, and what runs goes on", "[pool]") {
  Spawner spawner = start([](std::string_view, sys::UniqueFd link, Descriptors) {
    char byte = 0;
    static_cast<void>(sys::read_exactly(link.get(), &byte, 1));
    tell(link, "still here");
    return 0;
  });
  auto worker = spawn(spawner, "");
  REQUIRE(worker);
  REQUIRE(::kill(spawner.pid(), SIGKILL) == 0);
  const auto next = spawn(spawner, "");
  REQUIRE_FALSE(next);
  CHECK(next.error().kind == core::ErrorKind::internal);
  CHECK(next.error().message.starts_with("spawner lost"));
  REQUIRE(sys::write_all(worker->link.get(), "!"));
  CHECK(hear_all(worker->link.get()) == "still here");
}

TEST_CASE("spawner: what the system refused can be tried again with the same descriptors",
          "[pool]") {
  Spawner spawner = start([](std::string_view, sys::UniqueFd link, Descriptors extra) {
    tell(link, "begun");
    tell(extra.at(0), "handed down");
    return 0;
  });
  // From then on it opens nothing of its own.
  REQUIRE(spawner.prepare(""));
  REQUIRE(spawner.await_prepared());
  sys::Pipe extra = sys::make_pipe().value();
  rlimit before{};
  REQUIRE(::prlimit(spawner.pid(), RLIMIT_NOFILE, nullptr, &before) == 0);
  const rlimit none{3, before.rlim_max};  // no room for a descriptor that arrives
  REQUIRE(::prlimit(spawner.pid(), RLIMIT_NOFILE, &none, nullptr) == 0);
  const auto refused = spawn(spawner, "", only(extra.write_end));
  REQUIRE_FALSE(refused);
  CHECK(refused.error().kind == core::ErrorKind::local);
  REQUIRE(::prlimit(spawner.pid(), RLIMIT_NOFILE, &before, nullptr) == 0);
  auto worker = spawn(spawner, "", only(extra.write_end));
  REQUIRE(worker);
  extra.write_end.close();
  CHECK(hear_all(worker->link.get()) == "begun");
  CHECK(hear_all(extra.read_end.get()) == "handed down");
}

TEST_CASE("spawner: one that is stopped for a while is only late", "[pool]") {
  Spawner spawner = start(
      [](std::string_view card, sys::UniqueFd link, Descriptors) { return tell(link, card), 0; });
  const pid_t pid = spawner.pid();
  REQUIRE(::kill(pid, SIGSTOP) == 0);
  auto waker = sys::fork_child([pid] {
    ::sleep(1);
    return ::kill(pid, SIGCONT);
  });
  REQUIRE(waker);
  const auto begin = sys::now();
  auto worker = spawn(spawner, "late");
  REQUIRE(worker);
  CHECK(sys::now() - begin > std::chrono::milliseconds(500));
  CHECK(hear_all(worker->link.get()) == "late");
}

TEST_CASE("spawner: one that does not answer is killed, and never asked again", "[pool]") {
  Spawner spawner = start([](std::string_view, sys::UniqueFd, Descriptors) { return 0; });
  const pid_t pid = spawner.pid();
  // The signal that ends a wait, so that this need not last for the whole of the patience.
  const sys::Pipe signals = sys::make_pipe().value();
  REQUIRE(sys::write_all(signals.write_end.get(), "x"));
  spawner.give_up_on(signals.read_end.get());
  REQUIRE(::kill(pid, SIGSTOP) == 0);
  const auto begin = sys::now();
  for (int i = 0; i < 3; ++i) {
    const auto lost = spawn(spawner, "");
    REQUIRE_FALSE(lost);
    CHECK(lost.error().kind == core::ErrorKind::internal);
    CHECK(lost.error().message == "spawner lost: it does not answer");
  }
  CHECK(sys::now() - begin < std::chrono::seconds(4));
  CHECK(::kill(pid, 0) != 0);
  CHECK(spawner.pid() == 0);
}

TEST_CASE("packets: more descriptors than one may carry are refused", "[sys]") {
  const auto ends = sys::make_packet_socket_pair().value();
  const std::vector<int> fds(sys::max_packet_fds + 1, ends.first.get());
  REQUIRE(sys::send_packet(ends.first.get(), "x", std::span(fds).first(sys::max_packet_fds)));
  const auto sent = sys::send_packet(ends.first.get(), "x", fds);
  REQUIRE_FALSE(sent);
  CHECK(sent.error().kind == core::ErrorKind::internal);
}

TEST_CASE("spawner: it ends with the caller's end of the line", "[pool]") {
  pid_t pid = 0;
  {
    const Spawner spawner = start([](std::string_view, sys::UniqueFd, Descriptors) { return 0; });
    pid = spawner.pid();
    CHECK(::kill(pid, 0) == 0);
  }
  CHECK(::kill(pid, 0) != 0);
}
