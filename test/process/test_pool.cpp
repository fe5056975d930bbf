// The pool with children that are not workers: they sleep, crash, flood, lie, stop, or send half a frame.

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <map>
#include <set>

#include <catch2/catch_test_macros.hpp>

#include "fanout/pool/pool.hpp"
#include "fanout/sys/io.hpp"
#include "fanout/sys/pipe.hpp"
#include "fanout/wire/codec.hpp"

using namespace fanout;
using namespace std::chrono_literals;
using core::HostIndex;
using core::Outcome;
using core::Phase;
using core::Status;
using pool::Pool;

namespace {

using Program = std::function<int(int link)>;

void tell(int fd, const wire::WorkerMessage &message) {
  static_cast<void>(sys::write_all(fd, wire::encode(message)));
}

void tell_ok(int fd, std::string_view output = {}) {
  tell(fd, wire::PhaseMessage{Phase::run});
  Outcome outcome;
  outcome.status = Status::ok;
  outcome.exit_status = 0;
  outcome.remote_end = core::RemoteEnd::exited;
  if (!output.empty()) {
    tell(fd, wire::OutputMessage{core::Stream::out, std::string(output)});
    outcome.stdout_bytes = output.size();
  }
  tell(fd, wire::FinalMessage{outcome});
}

[[noreturn]] void sleep_for_ever() {
  for (;;) ::pause();
}

wire::ParentMessage hear(int fd) {
  wire::FrameReader reader;
  char buffer[256];
  for (;;) {
    sys::wait_ready(fd, POLLIN, {});
    const sys::Transfer got = sys::read_some(fd, buffer, sizeof buffer);
    if (got.state != sys::Transfer::State::done) ::_exit(9);
    reader.feed({buffer, got.count});
    if (auto frame = reader.next(); frame && *frame)
      return wire::decode_parent_message(**frame).value();
  }
}

// The program of each job, by host: what a real job has on its card.
std::map<HostIndex, Program> &programs() {
  static std::map<HostIndex, Program> all;
  return all;
}

pool::Job job(HostIndex host, Program program, pool::WorkerLimits limits = {}) {
  programs()[host] = std::move(program);
  pool::Job made;
  made.host = host;
  made.limits = limits;
  return made;
}

core::Result<sys::Child> launch(const pool::Job &job, const sys::UniqueFd &link) {
  return sys::fork_child([&] {
    sys::close_all_but({link.get()});
    return programs().at(job.host)(link.get());
  });
}

struct Run {
  std::map<HostIndex, Outcome> ended;
  std::map<HostIndex, std::string> output;
  std::map<HostIndex, int> started;
  std::vector<std::string> notes;

  void take(const std::vector<core::Event> &events) {
    for (const core::Event &event : events) {
      const HostIndex host = core::host_of(event);
      if (std::holds_alternative<core::Started>(event)) {
        CHECK_FALSE(ended.contains(host));
        ++started[host];
      }
      if (const auto *out = std::get_if<core::OutputReceived>(&event)) output[host] += out->bytes;
      if (const auto *note = std::get_if<core::Noted>(&event)) notes.push_back(note->text);
      if (const auto *end = std::get_if<core::Ended>(&event)) {
        CHECK(started[host] == 1);
        CHECK_FALSE(ended.contains(host));
        ended[host] = end->outcome;
      }
    }
  }

  void until_all_ended(Pool &pool) {
    const core::Deadline limit = core::Deadline::in(20s, sys::now());
    while (pool.running() > 0) {
      REQUIRE_FALSE(limit.passed(sys::now()));
      take(pool.wait(limit));
    }
    take(pool.wait(core::Deadline(sys::now())));
  }
};

Outcome run_one(Program program, pool::WorkerLimits limits = {}) {
  Pool pool = Pool::create(4, launch).value();
  Run run;
  pool.start(job(0, std::move(program), limits));
  run.until_all_ended(pool);
  REQUIRE(run.ended.size() == 1);
  return run.ended.at(0);
}

std::size_t open_descriptors() {
  std::size_t count = 0;
  DIR *folder = ::opendir("/proc/self/fd");
  while (::readdir(folder) != nullptr) ++count;
  ::closedir(folder);
  return count;
}

bool has_children() { return !(::waitpid(-1, nullptr, WNOHANG) < 0 && errno == ECHILD); }

}  // namespace

TEST_CASE("pool: each host has one record and its own output, never more at once than allowed",
          "[pool]") {
  const std::size_t before = open_descriptors();
  {
    Pool pool = Pool::create(7, launch).value();
    Run run;
    HostIndex next = 0;
    while (next < 60 || pool.running() > 0) {
      while (next < 60 && pool.room() > 0) {
        pool.start(job(next, [next](int link) {
          return tell_ok(link, "output of " + std::to_string(next)), 0;
        }));
        ++next;
        CHECK(pool.running() <= 7);
      }
      run.take(pool.wait(core::Deadline::in(20s, sys::now())));
    }
    REQUIRE(run.ended.size() == 60);
    for (const auto &[host, outcome] : run.ended) {
      CHECK(outcome.status == Status::ok);
      CHECK(run.output[host] == "output of " + std::to_string(host));
      CHECK(outcome.stdout_bytes == run.output[host].size());
    }
  }
  CHECK(open_descriptors() == before);
  CHECK_FALSE(has_children());
}

TEST_CASE(
    "pool: a worker killed in any phase is internal, with signal and phase, and may have left a "
    "command",
    "[pool]") {
  for (const Phase phase : {Phase::start, Phase::resolve, Phase::connect, Phase::kex, Phase::auth,
                            Phase::open, Phase::run}) {
    const Outcome outcome = run_one([phase](int link) -> int {
      if (phase != Phase::start) tell(link, wire::PhaseMessage{phase});
      ::raise(SIGKILL);
      return 0;
    });
    CHECK(outcome.status == Status::internal);
    CHECK(outcome.phase == phase);
    CHECK(outcome.cause.find("worker killed by signal 9 (KILL) while " +
                             std::string(core::describe(phase))) == 0);
    const bool may_run = outcome.cause.find("may still run") != std::string::npos;
    CHECK(may_run == (phase >= Phase::open));
    CHECK((outcome.remote_end == core::RemoteEnd::unknown) == may_run);
  }
}

TEST_CASE("pool: a crash, an exit without a word and an exception are internal", "[pool]") {
  CHECK(run_one([](int) -> int {
          const rlimit none{0, 0};
          ::setrlimit(RLIMIT_CORE, &none);
          ::signal(SIGSEGV, SIG_DFL);  // a sanitizer's handler would write a report of its own
          ::raise(SIGSEGV);
          return 0;
        }).cause == "worker killed by signal 11 (SEGV) while starting");
  CHECK(run_one([](int) { return 3; }).cause == "worker exited with status 3 while starting");
  CHECK(run_one([](int) -> int {
          const rlimit none{0, 0};
          ::setrlimit(RLIMIT_CORE, &none);
          throw 1;
        }).cause == "worker killed by signal 6 (ABRT) while starting");
}

TEST_CASE("pool: output before a death is kept", "[pool]") {
  Pool pool = Pool::create(1, launch).value();
  Run run;
  pool.start(job(0, [](int link) -> int {
    tell(link, wire::PhaseMessage{Phase::run});
    for (int i = 0; i < 100; ++i)
      tell(link, wire::OutputMessage{core::Stream::out, std::string(1024, 'x')});
    ::raise(SIGKILL);
    return 0;
  }));
  run.until_all_ended(pool);
  CHECK(run.output[0].size() == 100 * 1024);
  CHECK(run.ended[0].stdout_bytes == 100 * 1024);
  CHECK(run.ended[0].status == Status::internal);
}

TEST_CASE("pool: killed after its last message, the record is what the message said", "[pool]") {
  const Outcome outcome = run_one([](int link) -> int {
    tell_ok(link);
    ::raise(SIGKILL);
    return 0;
  });
  CHECK(outcome.status == Status::ok);
}

TEST_CASE("pool: half a frame is internal and says so", "[pool]") {
  const Outcome outcome = run_one([](int link) -> int {
    const std::string frame =
        wire::encode(wire::WorkerMessage(wire::NoteMessage{"a note that is never finished"}));
    static_cast<void>(sys::write_all(link, frame.substr(0, 8)));
    ::raise(SIGKILL);
    return 0;
  });
  CHECK(outcome.status == Status::internal);
  CHECK(outcome.cause == "worker ended while starting: its last message is incomplete");
}

TEST_CASE("pool: a worker that breaks the rules is killed at once and harms nobody else",
          "[pool]") {
  const std::pair<const char *, Program> liars[] = {
      {"random bytes",
       [](int link) -> int {
         static_cast<void>(sys::write_all(link, std::string(4096, '\xff')));
         sleep_for_ever();
       }},
      {"unknown type",
       [](int link) -> int {
         static_cast<void>(sys::write_all(link, wire::encode_frame(99, "x")));
         sleep_for_ever();
       }},
      {"out of order",
       [](int link) -> int {
         tell(link, wire::OutputMessage{core::Stream::out, "before anything ran"});
         sleep_for_ever();
       }},
      {"after the final one",
       [](int link) -> int {
         tell_ok(link);
         tell(link, wire::NoteMessage{"one more thing"});
         sleep_for_ever();
       }},
      {"success without a run",
       [](int link) -> int {
         Outcome outcome;
         outcome.status = Status::ok;
         tell(link, wire::FinalMessage{outcome});
         sleep_for_ever();
       }},
  };
  for (const auto &[name, liar] : liars) {
    INFO(name);
    Pool pool = Pool::create(10, launch).value();
    Run run;
    const auto begin = sys::now();
    pool.start(job(0, liar));
    for (HostIndex host = 1; host < 10; ++host)
      pool.start(job(host, [](int link) { return tell_ok(link, "fine"), 0; }));
    run.until_all_ended(pool);
    CHECK(sys::now() - begin < 5s);
    CHECK(run.ended.at(0).status == Status::internal);
    CHECK(run.ended.at(0).cause.find("bad frame") != std::string::npos);
    for (HostIndex host = 1; host < 10; ++host) {
      CHECK(run.ended.at(host).status == Status::ok);
      CHECK(run.output[host] == "fine");
    }
  }
}

TEST_CASE("pool: a million tiny messages neither fill memory nor keep others waiting", "[pool]") {
  Pool pool = Pool::create(2, launch).value();
  Run run;
  pool.start(job(0, [](int link) -> int {
    const std::string letter =
        wire::encode(wire::WorkerMessage(wire::OutputMessage{core::Stream::out, "x"}));
    std::string letters;
    for (int i = 0; i < 1000; ++i) letters += letter;
    tell(link, wire::PhaseMessage{Phase::run});
    for (int i = 0; i < 1000; ++i) static_cast<void>(sys::write_all(link, letters));
    Outcome outcome;
    outcome.status = Status::ok;
    outcome.exit_status = 0;
    outcome.remote_end = core::RemoteEnd::exited;
    outcome.stdout_bytes = 1'000'000;
    tell(link, wire::FinalMessage{outcome});
    return 0;
  }));
  pool.start(job(1, [](int link) { return tell_ok(link, "fine"), 0; }));
  run.until_all_ended(pool);
  CHECK(run.ended.at(1).status == Status::ok);
  CHECK(run.ended.at(0).status == Status::ok);
}

TEST_CASE("pool: a worker that claims other byte counts than arrived is not ok", "[pool]") {
  const Outcome outcome = run_one([](int link) -> int {
    tell(link, wire::PhaseMessage{Phase::run});
    tell(link, wire::OutputMessage{core::Stream::out, "1234"});
    Outcome claimed;
    claimed.status = Status::ok;
    claimed.exit_status = 0;
    claimed.remote_end = core::RemoteEnd::exited;
    claimed.stdout_bytes = 5;
    tell(link, wire::FinalMessage{claimed});
    return 0;
  });
  CHECK(outcome.status == Status::internal);
  CHECK(outcome.cause == "4 bytes of output arrived, the worker counted 5");
}

TEST_CASE("pool: a worker stopped for ever while connecting is a timeout, others are on time",
          "[pool]") {
  Pool pool = Pool::create(2, launch).value();
  Run run;
  const auto begin = sys::now();
  pool.start(job(0,
                 [](int link) -> int {
                   tell(link, wire::PhaseMessage{Phase::kex});
                   ::raise(SIGSTOP);
                   return 0;
                 },
                 {300ms, 0ms, 0ms}));
  pool.start(job(1, [](int link) { return tell_ok(link), 0; }, {300ms, 0ms, 0ms}));
  run.until_all_ended(pool);
  CHECK(run.ended.at(1).status == Status::ok);
  CHECK(run.ended.at(0).status == Status::timeout);
  CHECK(run.ended.at(0).phase == Phase::kex);
  CHECK(run.ended.at(0).cause ==
        "timed out while exchanging keys; its worker did not end by itself and was killed");
  CHECK(sys::now() - begin < 300ms + 1s + 500ms + 1s);
}

TEST_CASE("pool: a worker stopped for ever while its command runs is a timeout too", "[pool]") {
  const Outcome outcome = run_one(
      [](int link) -> int {
        tell(link, wire::PhaseMessage{Phase::run});
        ::raise(SIGSTOP);
        return 0;
      },
      {0ms, 200ms, 100ms});
  CHECK(outcome.status == Status::timeout);
  CHECK(outcome.remote_end == core::RemoteEnd::unknown);
}

TEST_CASE("pool: one that ends its pipe but not itself is ended, and its last word counts",
          "[pool]") {
  const Outcome outcome = run_one([](int link) -> int {
    tell_ok(link);
    ::close(link);
    sleep_for_ever();
  });
  CHECK(outcome.status == Status::ok);
}

TEST_CASE("pool: stopping asks the worker, which answers with its own record", "[pool]") {
  Pool pool = Pool::create(1, launch).value();
  Run run;
  pool.start(job(0, [](int link) -> int {
    tell(link, wire::PhaseMessage{Phase::run});
    const auto message = hear(link);
    Outcome outcome;
    outcome.status = std::get<wire::StopMessage>(message).status;
    outcome.remote_end = core::RemoteEnd::killed;
    outcome.cause = std::get<wire::StopMessage>(message).why;
    tell(link, wire::FinalMessage{outcome});
    return 0;
  }));
  while (run.started.empty()) run.take(pool.wait(core::Deadline::in(5s, sys::now())));
  pool.stop_all(Status::interrupted, "stopped by SIGTERM");
  run.until_all_ended(pool);
  CHECK(run.ended.at(0).status == Status::interrupted);
  CHECK(run.ended.at(0).remote_end == core::RemoteEnd::killed);
  CHECK(run.ended.at(0).cause == "stopped by SIGTERM");
}

TEST_CASE("pool: a worker that has run a command cannot say that it never came so far", "[pool]") {
  Pool pool = Pool::create(1, launch).value();
  Run run;
  pool.start(job(0, [](int link) -> int {
    for (const Phase phase : {Phase::connect, Phase::kex, Phase::auth, Phase::run})
      tell(link, wire::PhaseMessage{phase});
    Outcome lie;
    lie.status = Status::unreachable;
    lie.phase = Phase::kex;
    lie.turned_away = true;
    lie.cause = "connection closed by the server";
    tell(link, wire::FinalMessage{lie});
    return 0;
  }));
  run.until_all_ended(pool);
  CHECK(run.ended.at(0).status == Status::unreachable);
  CHECK(run.ended.at(0).phase == Phase::run);
  CHECK_FALSE(run.ended.at(0).turned_away);
}

TEST_CASE("pool: who cleans up is not stopped with the others", "[pool]") {
  Pool pool = Pool::create(2, launch).value();
  Run run;
  const auto works = [](int link) -> int {
    tell(link, wire::PhaseMessage{Phase::connect});
    wire::FrameReader frames;
    Outcome outcome;
    outcome.status = sys::wait_ready(link, POLLIN, core::Deadline::in(500ms, sys::now()))
                         ? Status::interrupted
                         : Status::failed;
    outcome.phase = Phase::connect;
    tell(link, wire::FinalMessage{outcome});
    return 0;
  };
  pool.start(job(0, works));
  pool::Job clean_up = job(1, works);
  clean_up.kind = core::TaskKind::clean_up;
  pool.start(std::move(clean_up));
  while (run.started.size() < 2) run.take(pool.wait(core::Deadline::in(5s, sys::now())));
  pool.stop_all(Status::interrupted, "stopped by SIGTERM");
  run.until_all_ended(pool);
  CHECK(run.ended.at(0).status == Status::interrupted);
  CHECK(run.ended.at(1).status == Status::failed);
}

TEST_CASE(
    "pool: a worker that does not heed a stop is ended within a second when nothing runs remotely",
    "[pool]") {
  for (const bool ignores_term : {false, true}) {
    Pool pool = Pool::create(1, launch).value();
    Run run;
    pool.start(job(0, [ignores_term](int link) -> int {
      if (ignores_term) ::signal(SIGTERM, SIG_IGN);
      tell(link, wire::PhaseMessage{Phase::resolve});
      sleep_for_ever();
    }));
    while (run.started.empty()) run.take(pool.wait(core::Deadline::in(5s, sys::now())));
    run.take(pool.wait(core::Deadline::in(200ms, sys::now())));
    const auto begin = sys::now();
    pool.stop_all(Status::interrupted, "stopped by SIGTERM");
    run.until_all_ended(pool);
    CHECK(sys::now() - begin < 2s);
    CHECK(run.ended.at(0).status == Status::interrupted);
  }
}

TEST_CASE("pool: a verdict reaches the worker that asked, and no other", "[pool]") {
  Pool pool = Pool::create(2, launch).value();
  Run run;
  for (const HostIndex host : {0U, 1U})
    pool.start(job(host, [](int link) -> int {
      tell(link, wire::PhaseMessage{Phase::verify});
      tell(link, wire::HostKeyMessage{"blob"});
      const auto verdict = std::get<wire::VerdictMessage>(hear(link));
      Outcome outcome;
      outcome.status = Status::host_key;
      outcome.cause = verdict.cause;
      tell(link, wire::FinalMessage{outcome});
      return 0;
    }));
  std::set<HostIndex> asked;
  while (asked.size() < 2) {
    const auto events = pool.wait(core::Deadline::in(5s, sys::now()));
    run.take(events);
    for (const auto &event : events)
      if (const auto *offered = std::get_if<core::HostKeyOffered>(&event)) {
        CHECK(offered->blob == "blob");
        asked.insert(offered->host);
      }
  }
  pool.send(1, wire::VerdictMessage{false, Status::host_key, "for one"});
  pool.send(0, wire::VerdictMessage{false, Status::host_key, "for zero"});
  pool.send(77, wire::VerdictMessage{false, Status::host_key, "for nobody"});
  run.until_all_ended(pool);
  CHECK(run.ended.at(0).cause == "for zero");
  CHECK(run.ended.at(1).cause == "for one");
}

TEST_CASE("pool: when the system refuses to fork, the job waits for a worker to end", "[pool]") {
  // In a child, because the limit would stay. Too few descriptors for a second worker.
  auto child = sys::fork_child([]() -> int {
    Pool pool = Pool::create(10, launch).value();
    const rlimit few{static_cast<rlim_t>(open_descriptors()) + 4,
                     static_cast<rlim_t>(open_descriptors()) + 4};
    ::setrlimit(RLIMIT_NOFILE, &few);
    Run run;
    HostIndex next = 0;
    while (next < 12 || pool.running() > 0) {
      while (next < 12 && pool.room() > 0)
        pool.start(job(next++, [](int link) { return tell_ok(link, "fine"), 0; }));
      run.take(pool.wait(core::Deadline::in(5s, sys::now())));
    }
    int bad = run.ended.size() == 12 ? 0 : 1;
    for (const auto &[host, outcome] : run.ended) bad += outcome.status == Status::ok ? 0 : 10;
    if (run.notes.size() != 1) bad += 100;
    return bad;
  });
  REQUIRE(child);
  CHECK(child->reap_blocking().exit_status == 0);
}

TEST_CASE("pool: what a worker has left in a large socket buffer is all read when it has ended",
          "[pool]") {
  // The system's default may be anything (socket(7), wmem_default), and a worker without a sandbox may ask for more.
  const std::string much(6U << 20, 'x');
  Pool pool = Pool::create(1, launch).value();
  pool.start(job(0, [&much](int link) {
    const int size = 16 << 20;
    ::setsockopt(link, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof size);
    tell(link, wire::PhaseMessage{Phase::run});
    for (std::size_t at = 0; at < much.size(); at += 32 * 1024)
      tell(link, wire::OutputMessage{core::Stream::out, much.substr(at, 32 * 1024)});
    Outcome outcome;
    outcome.status = Status::ok;
    outcome.exit_status = 0;
    outcome.remote_end = core::RemoteEnd::exited;
    outcome.stdout_bytes = much.size();
    tell(link, wire::FinalMessage{outcome});
    return 0;
  }));
  // Nobody reads until it has ended, if its buffer can be had.
  const core::Deadline limit = core::Deadline::in(3s, sys::now());
  while (!sys::any_child_has_ended() && !limit.passed(sys::now())) ::usleep(1000);
  Run run;
  run.until_all_ended(pool);
  CHECK(run.ended.at(0).status == Status::ok);
  CHECK(run.output[0] == much);
}

TEST_CASE("pool: when nothing can be forked at all, each host says why", "[pool]") {
  auto child = sys::fork_child([]() -> int {
    Pool pool = Pool::create(10, launch).value();
    const rlimit none{3, 3};
    ::setrlimit(RLIMIT_NOFILE, &none);
    Run run;
    pool.start(job(0, [](int) { return 0; }));
    const core::Deadline limit = core::Deadline::in(5s, sys::now());
    while (!run.ended.contains(0) && !limit.passed(sys::now())) run.take(pool.wait(limit));
    return run.ended.contains(0) && run.ended[0].status == Status::internal &&
                   run.ended[0].cause == "socketpair: Too many open files"
               ? 0
               : 1;
  });
  REQUIRE(child);
  CHECK(child->reap_blocking().exit_status == 0);
}

TEST_CASE("pool: jobs after one that was refused for good are not tried for as long", "[pool]") {
  bool refuses = true;
  int asked = 0;
  Pool pool = Pool::create(
                  64,
                  [&](const pool::Job &job, const sys::UniqueFd &link) -> core::Result<sys::Child> {
                    ++asked;
                    if (refuses) return core::fail(core::ErrorKind::local, "clone: refused");
                    return launch(job, link);
                  })
                  .value();
  Run run;
  HostIndex next = 0;
  const auto fine = [](int link) { return tell_ok(link), 0; };
  const auto run_until = [&](HostIndex last) {
    while (next < last || pool.running() > 0) {
      while (next < last && pool.room() > 0) pool.start(job(next++, fine));
      run.take(pool.wait(core::Deadline::in(5s, sys::now())));
    }
  };
  run_until(1);
  const int tries = asked;
  CHECK(tries > 1);
  run_until(32);
  CHECK(asked == tries + 31);
  refuses = false;
  run_until(33);
  // Once it has been possible again, what is refused may pass again.
  refuses = true;
  run_until(34);
  CHECK(asked == tries + 31 + 1 + tries);
  REQUIRE(run.ended.size() == 34);
  for (const auto &[host, outcome] : run.ended)
    CHECK(outcome.cause == (host == 32 ? "" : "clone: refused"));
}

TEST_CASE("pool: a job that is tried again still has what it hands down", "[pool]") {
  auto handed = sys::make_pipe().value();
  int asked = 0;
  Pool pool = Pool::create(
                  1,
                  [&](const pool::Job &job, const sys::UniqueFd &link) -> core::Result<sys::Child> {
                    if (++asked < 3) return core::fail(core::ErrorKind::local, "clone: refused");
                    CHECK(job.handed_down.at(0));
                    return launch(job, link);
                  })
                  .value();
  Run run;
  pool::Job made = job(0, [](int link) { return tell_ok(link), 0; });
  made.handed_down.push_back(std::move(handed.write_end));
  pool.start(std::move(made));
  run.until_all_ended(pool);
  CHECK(run.ended.at(0).status == Status::ok);
  // And the parent keeps no copy: this pipe has ended.
  char byte = 0;
  CHECK(sys::read_some(handed.read_end.get(), &byte, 1).state == sys::Transfer::State::end);
}

TEST_CASE("pool: when the parent dies, its workers die", "[pool]") {
  // Descendants of a dead process come to us instead of init, so that none can hide.
  ::prctl(PR_SET_CHILD_SUBREAPER, 1);
  auto ready = sys::make_pipe().value();
  auto parent = sys::fork_child([&]() -> int {
    Pool pool = Pool::create(50, launch).value();
    for (HostIndex host = 0; host < 50; ++host)
      pool.start(job(host, [](int link) -> int {
        tell(link, wire::PhaseMessage{Phase::connect});
        sleep_for_ever();
      }));
    Run run;
    while (run.started.size() < 50) run.take(pool.wait(core::Deadline::in(5s, sys::now())));
    static_cast<void>(sys::write_all(ready.write_end.get(), "r"));
    sleep_for_ever();
  });
  REQUIRE(parent);
  char byte = 0;
  REQUIRE(sys::read_exactly(ready.read_end.get(), &byte, 1, core::Deadline::in(10s, sys::now())));
  parent->signal(SIGKILL);
  parent->reap_blocking();
  const core::Deadline limit = core::Deadline::in(2s, sys::now());
  int reaped = 0;
  while (reaped < 50 && !limit.passed(sys::now())) {
    if (::waitpid(-1, nullptr, WNOHANG) > 0)
      ++reaped;
    else
      ::usleep(1000);
  }
  CHECK(reaped == 50);
  ::prctl(PR_SET_CHILD_SUBREAPER, 0);
}

TEST_CASE("pool: a process that a worker leaves behind neither delays its record nor outlives it",
          "[pool]") {
  ::prctl(PR_SET_CHILD_SUBREAPER, 1);
  const auto begin = sys::now();
  const Outcome outcome = run_one([](int link) -> int {
    if (::fork() == 0) sleep_for_ever();  // with the pipe in its hands
    tell_ok(link);
    return 0;
  });
  CHECK(outcome.status == Status::ok);
  CHECK(sys::now() - begin < 2s);
  CHECK(::waitpid(-1, nullptr, 0) > 0);  // it was killed, and came to us
  ::prctl(PR_SET_CHILD_SUBREAPER, 0);
}

TEST_CASE("pool: a descriptor of the caller wakes it", "[pool]") {
  Pool pool = Pool::create(1, launch).value();
  auto pipe = sys::make_pipe().value();
  REQUIRE(pool.wake_on(pipe.read_end.get()));
  REQUIRE(sys::write_all(pipe.write_end.get(), "x"));
  const auto begin = sys::now();
  CHECK(pool.wait(core::Deadline::in(10s, begin)).empty());
  CHECK(sys::now() - begin < 5s);
}

TEST_CASE("pool: killing all leaves nobody", "[pool]") {
  Pool pool = Pool::create(5, launch).value();
  Run run;
  for (HostIndex host = 0; host < 5; ++host)
    pool.start(job(host, [](int) -> int { sleep_for_ever(); }));
  pool.kill_all(Status::interrupted);
  run.until_all_ended(pool);
  REQUIRE(run.ended.size() == 5);
  for (const auto &[host, outcome] : run.ended) CHECK(outcome.status == Status::interrupted);
  CHECK_FALSE(has_children());
}
