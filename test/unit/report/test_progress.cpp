// The line of a run that goes on, with a clock that the test moves.
#include <sys/mman.h>
#include <unistd.h>

#include <string>
#include <vector>

#include <catch2/catch_test_macros.hpp>
#include <fmt/format.h>

#include "fanout/console/columns.hpp"
#include "fanout/console/lock.hpp"
#include "fanout/console/output.hpp"
#include "fanout/report/progress.hpp"
#include "fanout/sys/fd.hpp"

using namespace fanout;
using core::HostIndex;
using core::Milliseconds;
using core::TimePoint;
using report::ProgressAccount;

namespace {

constexpr std::uint64_t mega = 1'000'000;

std::vector<core::Host> hosts_named(std::vector<std::string> names) {
  std::vector<core::Host> hosts;
  for (std::string &name : names) hosts.emplace_back().name = std::move(name);
  return hosts;
}

core::Ended ended(HostIndex host, core::Status status, std::uint64_t bytes = 0) {
  core::Ended end;
  end.host = host;
  end.outcome.status = status;
  end.outcome.transfer = core::TransferRecord();
  end.outcome.transfer->bytes = bytes;
  return end;
}

const TimePoint begin{std::chrono::hours(1)};
constexpr std::size_t wide = 200;

TimePoint after(double seconds) {
  return begin + Milliseconds(static_cast<std::int64_t>(seconds * 1000));
}

// A run of a command.
class Commands {
public:
  explicit Commands(const std::vector<core::Host> &hosts)
      : account_(hosts, 0, core::TaskKind::exec) {}
  Commands &start(HostIndex first, HostIndex count, double at) {
    for (HostIndex host = first; host < first + count; ++host)
      account_.observe(core::Started{host}, after(at));
    return *this;
  }
  Commands &end(HostIndex host, double at, core::Status status = core::Status::ok) {
    account_.observe(ended(host, status), after(at));
    return *this;
  }
  Commands &retry(HostIndex host, double at) {
    account_.observe(core::Retrying{host, {}, Milliseconds(1000)}, after(at));
    return *this;
  }
  std::string line(double at, std::size_t columns = wide) {
    return account_.line(after(at), columns);
  }

private:
  ProgressAccount account_;
};

std::vector<core::Host> numbered(int count) {
  std::vector<std::string> names;
  for (int i = 1; i <= count; ++i) names.push_back(fmt::format("web{:02}", i));
  return hosts_named(std::move(names));
}

}  // namespace

// --- commands ---------------------------------------------------------------------------------------------------------

TEST_CASE("progress: of a command it says how many hosts end in a second, and who runs longest",
          "[report]") {
  const auto hosts = numbered(20);
  Commands run(hosts);
  run.start(2, 1, 0).start(0, 2, 0.5).start(3, 5, 1);
  CHECK(run.line(0) == "0 of 20 hosts, 8 running");
  for (const HostIndex host : {0U, 1U, 3U, 4U}) run.end(host, 2);
  run.end(5, 2, core::Status::failed);
  CHECK(run.line(2) == "5 of 20 hosts, 3 running, 1 failed; 2.5/s, 6 s left; slowest web03 2 s");
  run.end(2, 3);
  CHECK(run.line(3.9) == "6 of 20 hosts, 2 running, 1 failed; 1.5/s, 10 s left; slowest web07 2 s");
}

TEST_CASE("progress: before some hosts have ended, nothing is guessed", "[report]") {
  const auto hosts = numbered(10);
  Commands run(hosts);
  run.start(0, 5, 0).end(0, 4).end(1, 4);
  CHECK(run.line(5) == "2 of 10 hosts, 3 running; slowest web03 5 s");
  run.end(2, 5);
  CHECK(run.line(5) == "3 of 10 hosts, 2 running; 36/min, 12 s left; slowest web04 5 s");
}

TEST_CASE("progress: nor in the first second", "[report]") {
  const auto hosts = numbered(10);
  Commands run(hosts);
  run.start(0, 5, 0).end(0, 0.1).end(1, 0.1).end(2, 0.1);
  CHECK(run.line(0.9) == "3 of 10 hosts, 2 running");
  CHECK(run.line(1.5) == "3 of 10 hosts, 2 running; 2.0/s, 4 s left; slowest web04 1 s");
}

TEST_CASE("progress: commands that end in waves have one rate", "[report]") {
  const auto hosts = numbered(100);
  Commands run(hosts);
  // Ten at once, a minute each.
  for (HostIndex wave = 0; wave < 5; ++wave) {
    run.start(10 * wave, 10, 60.0 * wave);
    for (int second = 1; second < 60; ++second) {
      const std::string line = run.line(60.0 * wave + second);
      const std::size_t rate = line.find("; ");
      INFO(line);
      if (wave >= 1)
        CHECK((std::stod(line.substr(rate + 2)) >= 5 && line.find("/min") != std::string::npos));
      if (wave >= 3) CHECK(std::stod(line.substr(rate + 2)) >= 7.5);
    }
    for (HostIndex host = 0; host < 10; ++host) run.end(10 * wave + host, 60.0 * (wave + 1));
    CHECK(run.line(60.0 * (wave + 1)).find("; 10/min, ") != std::string::npos);
  }
  CHECK(run.line(300) == "50 of 100 hosts, 0 running; 10/min, 5 min 0 s left");
}

TEST_CASE("progress: the rate of quick commands is that of the last seconds", "[report]") {
  const auto hosts = numbered(1000);
  Commands run(hosts);
  HostIndex host = 0;
  std::string line;
  for (int second = 0; second < 40; ++second)
    for (int i = 0; i < (second < 20 ? 20 : 5); ++i) {
      const double at = second + i / 20.0;
      run.start(host, 1, at).end(host, at + 0.05);
      ++host;
      line = run.line(at + 0.05);
    }
  CHECK(run.line(40) == "500 of 1000 hosts, 0 running; 4.9/s, 1 min 42 s left");
}

TEST_CASE("progress: a slow run is told by the minute or the hour", "[report]") {
  const auto hosts = numbered(8);
  Commands run(hosts);
  run.start(0, 8, 0);
  for (HostIndex host = 0; host < 4; ++host) run.end(host, 7200);
  CHECK(run.line(7200) ==
        "4 of 8 hosts, 4 running; 2.0/h, 2 h 0 min left; slowest web05 2 h 0 min");
}

TEST_CASE("progress: a host that is tried again runs from then on", "[report]") {
  const auto hosts = numbered(3);
  Commands run(hosts);
  run.start(0, 2, 0).retry(0, 5);
  CHECK(run.line(5) == "0 of 3 hosts, 1 running; slowest web02 5 s");
  run.start(0, 1, 6).end(1, 7);
  CHECK(run.line(8) == "1 of 3 hosts, 1 running; slowest web01 2 s");
}

TEST_CASE("progress: a single host is not the slowest of any", "[report]") {
  const auto hosts = numbered(1);
  Commands run(hosts);
  run.start(0, 1, 0);
  CHECK(run.line(5) == "0 of 1 host, 1 running");
}

// --- width ------------------------------------------------------------------------------------------------------------

TEST_CASE("progress: what matters least is left out first, and no number is cut", "[report]") {
  const auto hosts = numbered(20);
  Commands run(hosts);
  run.start(0, 20, 0);
  for (HostIndex host = 0; host < 12; ++host) run.end(host, 3);
  run.end(12, 3, core::Status::failed);
  std::vector<std::string> lines;
  for (std::size_t columns = 100; columns > 0; --columns) {
    const std::string line = run.line(3, columns);
    CHECK(console::columns(line) <= columns);
    if (lines.empty() || lines.back() != line) lines.push_back(line);
  }
  CHECK(lines == std::vector<std::string>{
                     "13 of 20 hosts, 7 running, 1 failed; 4.3/s, 2 s left; slowest web14 3 s",
                     "13/20, 7 running, 1 failed; 4.3/s, 2 s left; slowest web14 3 s",
                     "13/20 7 run 1 fail; 4.3/s, 2 s left; slowest web14 3 s",
                     "13/20 7 run 1 fail; 2 s left; slowest web14 3 s",
                     "13/20, 7 running, 1 failed; 2 s left",
                     "13/20 7 run 1 fail; 2 s left",
                     "13/20, 7 running, 1 failed",
                     "13/20 7 run 1 fail",
                     "13/20 1 fail",
                     "13/20",
                     "",
                 });
}

TEST_CASE("progress: twenty columns hold the counts of ten thousand hosts", "[report]") {
  const auto hosts = numbered(10'000);
  Commands run(hosts);
  run.start(0, 10'000, 0);
  CHECK(run.line(9, 19) == "0/10000 10000 run");
  for (HostIndex host = 0; host < 9'500; ++host)
    run.end(host, 9, host < 12 ? core::Status::timeout : core::Status::ok);
  CHECK(run.line(9, 19) == "9500/10000 12 fail");
}

TEST_CASE("progress: wide characters of a name count twice", "[report]") {
  const auto hosts = hosts_named({"\u65e5\u672c\u8a9e", "web2"});
  Commands run(hosts);
  run.start(0, 2, 0);
  const std::string line = "0 of 2 hosts, 2 running; slowest \u65e5\u672c\u8a9e 3 s";
  CHECK(run.line(3, 43) == line);
  CHECK(run.line(3, 42) == "0/2, 2 running; slowest \u65e5\u672c\u8a9e 3 s");
}

TEST_CASE("progress: a long name is cut, and the time behind it stays", "[report]") {
  const auto hosts = hosts_named({std::string(200, 'w'), "web2"});
  Commands run(hosts);
  run.start(0, 2, 0);
  CHECK(run.line(3) == "0 of 2 hosts, 2 running; slowest " + std::string(21, 'w') + "... 3 s");
}

TEST_CASE("progress: colours take no room", "[report]") {
  const auto hosts = numbered(20);
  ProgressAccount account(hosts, 0, core::TaskKind::exec, console::Colors(true));
  account.observe(core::Started{0}, begin);
  CHECK(account.line(begin, 24) == "0 of 20 hosts, 1 running");
  account.observe(ended(0, core::Status::failed), begin);
  CHECK(account.line(begin, 34) == "1 of 20 hosts, 0 running, \x1b[31m1 failed\x1b[0m");
  CHECK(account.line(begin, 11) == "1/20 \x1b[31m1 fail\x1b[0m");
}

// --- copies -----------------------------------------------------------------------------------------------------------

TEST_CASE("progress: hosts, bytes, rate, the time that is left and the slowest", "[report]") {
  const auto hosts = hosts_named({"web1", "web2", "web3", "web4"});
  ProgressAccount account(hosts, 100 * mega, core::TaskKind::put);
  CHECK(account.line(begin, wide) == "0 of 4 hosts, 0 running; 0 bytes of 400.0 MB");
  for (const HostIndex host : {0U, 1U, 2U}) account.observe(core::Started{host}, begin);
  account.observe(core::Progressed{0, 60 * mega, 100 * mega}, begin);
  account.observe(core::Progressed{1, 20 * mega, 100 * mega}, begin);
  CHECK(account.line(after(1), wide) ==
        "0 of 4 hosts, 3 running; 80.0 MB of 400.0 MB, 80.0 MB/s, 4 s left; slowest web2 20%");
  account.observe(ended(0, core::Status::ok, 100 * mega), after(2));
  account.observe(ended(1, core::Status::failed), after(2));
  // What the failed host has not got, nobody waits for.
  CHECK(account.line(after(2), wide) ==
        "2 of 4 hosts, 1 running, 1 failed; 120.0 MB of 320.0 MB, 60.0 MB/s, 4 s left");
}

TEST_CASE("progress: a copy of eighty columns still says how far it is", "[report]") {
  const auto hosts = numbered(20);
  ProgressAccount account(hosts, 1'080 * mega, core::TaskKind::put);
  for (HostIndex host = 0; host < 20; ++host) account.observe(core::Started{host}, begin);
  for (HostIndex host = 0; host < 3; ++host)
    account.observe(ended(host, core::Status::ok, 1'080 * mega), after(5));
  account.observe(ended(3, core::Status::failed), after(5));
  account.observe(core::Progressed{4, 50 * mega, 1'080 * mega}, after(5));
  CHECK(account.line(after(10), 79) ==
        "4/20 16 run 1 fail; 3.3 GB of 20.5 GB, 329.0 MB/s, 53 s left; slowest web05 4%");
  CHECK(account.line(after(10), 60) == "4/20, 16 running, 1 failed; 3.3 GB of 20.5 GB, 53 s left");
}

TEST_CASE("progress: where only the hosts can say how much there is, nothing is guessed",
          "[report]") {
  const auto hosts = hosts_named({"web1", "web2"});
  ProgressAccount account(hosts, 0, core::TaskKind::get);
  account.observe(core::Started{0}, begin);
  account.observe(core::Progressed{0, 1 * mega, 4 * mega}, begin);
  CHECK(account.line(begin, wide) == "0 of 2 hosts, 1 running; 1.0 MB; slowest web1 25%");
  account.observe(core::Started{1}, begin);
  account.observe(core::Progressed{1, 0, 4 * mega}, begin);
  CHECK(account.line(begin, wide) == "0 of 2 hosts, 2 running; 1.0 MB of 8.0 MB; slowest web2 0%");
}

TEST_CASE("progress: a total that grows while it goes on is followed", "[report]") {
  const auto hosts = hosts_named({"web1"});
  ProgressAccount account(hosts, 0, core::TaskKind::get);
  account.observe(core::Started{0}, begin);
  account.observe(core::Progressed{0, 1 * mega, 4 * mega}, begin);
  account.observe(core::Progressed{0, 2 * mega, 8 * mega}, begin);
  CHECK(account.line(begin, wide) == "0 of 1 host, 1 running; 2.0 MB of 8.0 MB");
}

TEST_CASE("progress: the rate of a copy is that of the last seconds", "[report]") {
  const auto hosts = hosts_named({"web1"});
  ProgressAccount account(hosts, 10'000 * mega, core::TaskKind::put);
  account.observe(core::Started{0}, begin);
  std::uint64_t done = 0;
  std::string line;
  for (int second = 0; second <= 40; ++second) {
    done += (second < 20 ? 100 : 10) * mega;
    account.observe(core::Progressed{0, done, 10'000 * mega}, after(second));
    line = account.line(after(second), wide);
  }
  CHECK(line.find(", 10.0 MB/s,") != std::string::npos);
}

TEST_CASE("progress: a name cannot do anything to the terminal", "[report]") {
  const auto hosts = hosts_named({"web\x1b[2J", "web2"});
  ProgressAccount account(hosts, mega, core::TaskKind::put);
  account.observe(core::Started{0}, begin);
  account.observe(core::Progressed{0, 0, mega}, begin);
  CHECK(account.line(begin, wide).find('\x1b') == std::string::npos);
  Commands run(hosts);
  run.start(0, 2, 0);
  CHECK(run.line(2) == "0 of 2 hosts, 2 running; slowest web\\x1b[2J 2 s");
}

// --- when it is drawn -------------------------------------------------------------------------------------------------

TEST_CASE("progress: it is drawn ten times a second at most, and as soon as something happened",
          "[report]") {
  const auto hosts = hosts_named({"web1"});
  auto lock = console::Lock::create();
  REQUIRE(lock);
  const auto file = sys::UniqueFd::adopt(::memfd_create("err", MFD_CLOEXEC));
  console::Output output(*lock, {file.get(), true}, {file.get(), true});
  const auto size = [&file] { return ::lseek(file.get(), 0, SEEK_END); };
  report::Progress progress(console::ProgressLine::Form::drawn, hosts, 0, core::TaskKind::exec,
                            output);
  progress.refresh(begin);
  CHECK(progress.wake_at().at() == begin + Milliseconds(300));
  progress.refresh(begin + Milliseconds(299));
  CHECK(size() == 0);
  const TimePoint first = begin + Milliseconds(300);
  progress.refresh(first);
  auto before = size();
  CHECK(before > 0);
  CHECK(progress.wake_at().at() == first + Milliseconds(1000));
  progress.observe(core::Started{0}, first);
  CHECK(progress.wake_at().at() == first + Milliseconds(100));
  progress.refresh(first + Milliseconds(99));
  CHECK(size() == before);
  progress.refresh(first + Milliseconds(100));
  CHECK(size() > before);
  progress.finish();
  before = size();
  CHECK(progress.wake_at().never());
  progress.refresh(begin + Milliseconds(10'000));
  CHECK(size() == before);
}

TEST_CASE("progress: a run that is over in a moment shows none", "[report]") {
  const auto hosts = hosts_named({"web1"});
  auto lock = console::Lock::create();
  REQUIRE(lock);
  const auto file = sys::UniqueFd::adopt(::memfd_create("err", MFD_CLOEXEC));
  console::Output output(*lock, {file.get(), true}, {file.get(), true});
  report::Progress progress(console::ProgressLine::Form::drawn, hosts, 0, core::TaskKind::exec,
                            output);
  progress.refresh(begin);
  progress.observe(core::Started{0}, begin);
  progress.refresh(begin + Milliseconds(100));
  progress.observe(ended(0, core::Status::ok), begin + Milliseconds(200));
  progress.refresh(begin + Milliseconds(200));
  progress.finish();
  CHECK(::lseek(file.get(), 0, SEEK_END) == 0);
}

TEST_CASE("progress: where nothing is to be shown nobody is woken for it", "[report]") {
  const auto hosts = hosts_named({"web1"});
  auto lock = console::Lock::create();
  REQUIRE(lock);
  const auto file = sys::UniqueFd::adopt(::memfd_create("err", MFD_CLOEXEC));
  console::Output output(*lock, {file.get(), false}, {file.get(), false});
  report::Progress progress(console::ProgressLine::Form::none, hosts, mega, core::TaskKind::put,
                            output);
  CHECK(progress.wake_at().never());
  progress.refresh(begin);
  progress.finish();
  CHECK(::lseek(file.get(), 0, SEEK_END) == 0);
}

TEST_CASE("progress: in a file it is a line a second", "[report]") {
  const auto hosts = hosts_named({"web1"});
  auto lock = console::Lock::create();
  REQUIRE(lock);
  const auto file = sys::UniqueFd::adopt(::memfd_create("err", MFD_CLOEXEC));
  console::Output output(*lock, {file.get(), false}, {file.get(), false});
  report::Progress progress(console::ProgressLine::Form::lines, hosts, mega, core::TaskKind::put,
                            output);
  for (int i = 0; i < 23; ++i) {
    progress.observe(core::Started{0}, begin);
    progress.refresh(begin + Milliseconds(100 * i));
  }
  std::string text(4096, '\0');
  text.resize(static_cast<std::size_t>(::pread(file.get(), text.data(), text.size(), 0)));
  CHECK(text ==
        "0 of 1 host, 1 running; 0 bytes of 1.0 MB\n0 of 1 host, 1 running; 0 bytes of 1.0 MB\n");
}
