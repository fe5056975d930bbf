// The line of a run that goes on, with a clock that the test moves.
#include <string>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include "fanout/report/progress.hpp"
#include "run.hpp"

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

}  // namespace

TEST_CASE("progress: hosts, bytes, rate, the time that is left and the slowest", "[report]") {
  const auto hosts = hosts_named({"web1", "web2", "web3", "web4"});
  ProgressAccount account(hosts, 100 * mega);
  CHECK(account.line(begin) == "0 of 4 hosts, 0 running; 0 bytes of 400.0 MB");
  for (const HostIndex host : {0U, 1U, 2U}) account.observe(core::Started{host});
  account.observe(core::Progressed{0, 60 * mega, 100 * mega});
  account.observe(core::Progressed{1, 20 * mega, 100 * mega});
  CHECK(account.line(begin + Milliseconds(1000)) ==
        "0 of 4 hosts, 3 running; 80.0 MB of 400.0 MB, 80.0 MB/s, 4.0 s left; slowest web2 20%");
  account.observe(ended(0, core::Status::ok, 100 * mega));
  account.observe(ended(1, core::Status::failed));
  // What the failed host has not got, nobody waits for.
  CHECK(account.line(begin + Milliseconds(2000)) ==
        "2 of 4 hosts, 1 running, 1 failed; 120.0 MB of 320.0 MB, 60.0 MB/s, 4.0 s left");
}

TEST_CASE("progress: where only the hosts can say how much there is, nothing is guessed",
          "[report]") {
  const auto hosts = hosts_named({"web1", "web2"});
  ProgressAccount account(hosts, 0);
  account.observe(core::Started{0});
  account.observe(core::Progressed{0, 1 * mega, 4 * mega});
  CHECK(account.line(begin) == "0 of 2 hosts, 1 running; 1.0 MB; slowest web1 25%");
  account.observe(core::Started{1});
  account.observe(core::Progressed{1, 0, 4 * mega});
  CHECK(account.line(begin) == "0 of 2 hosts, 2 running; 1.0 MB of 8.0 MB; slowest web2 0%");
}

TEST_CASE("progress: a total that grows while it goes on is followed", "[report]") {
  const auto hosts = hosts_named({"web1"});
  ProgressAccount account(hosts, 0);
  account.observe(core::Started{0});
  account.observe(core::Progressed{0, 1 * mega, 4 * mega});
  account.observe(core::Progressed{0, 2 * mega, 8 * mega});
  CHECK(account.line(begin) == "0 of 1 host, 1 running; 2.0 MB of 8.0 MB");
}

TEST_CASE("progress: the rate is that of the last seconds", "[report]") {
  const auto hosts = hosts_named({"web1"});
  ProgressAccount account(hosts, 10'000 * mega);
  account.observe(core::Started{0});
  std::uint64_t done = 0;
  std::string line;
  for (int second = 0; second <= 40; ++second) {
    done += (second < 20 ? 100 : 10) * mega;
    account.observe(core::Progressed{0, done, 10'000 * mega});
    line = account.line(begin + std::chrono::seconds(second));
  }
  CHECK(line.find(", 10.0 MB/s,") != std::string::npos);
}

TEST_CASE("progress: a name cannot do anything to the terminal", "[report]") {
  const auto hosts = hosts_named({"web\x1b[2J", "web2"});
  ProgressAccount account(hosts, mega);
  account.observe(core::Started{0});
  account.observe(core::Progressed{0, 0, mega});
  CHECK(account.line(begin).find('\x1b') == std::string::npos);
}

TEST_CASE("progress: it is drawn ten times a second at most, and as soon as something happened",
          "[report]") {
  const auto hosts = hosts_named({"web1"});
  auto lock = console::Lock::create();
  REQUIRE(lock);
  const auto file = sys::UniqueFd::adopt(::memfd_create("err", MFD_CLOEXEC));
  console::Output output(*lock, {file.get(), true}, {file.get(), true});
  const auto size = [&file] { return ::lseek(file.get(), 0, SEEK_END); };
  report::Progress progress(console::ProgressLine::Form::drawn, hosts, mega, output);
  progress.refresh(begin);
  auto before = size();
  CHECK(before > 0);
  CHECK(progress.wake_at().at() == begin + Milliseconds(1000));
  progress.observe(core::Started{0});
  CHECK(progress.wake_at().at() == begin + Milliseconds(100));
  progress.refresh(begin + Milliseconds(99));
  CHECK(size() == before);
  progress.refresh(begin + Milliseconds(100));
  CHECK(size() > before);
  progress.finish();
  before = size();
  CHECK(progress.wake_at().never());
  progress.refresh(begin + Milliseconds(10'000));
  CHECK(size() == before);
}

TEST_CASE("progress: where nothing is to be shown nobody is woken for it", "[report]") {
  const auto hosts = hosts_named({"web1"});
  auto lock = console::Lock::create();
  REQUIRE(lock);
  const auto file = sys::UniqueFd::adopt(::memfd_create("err", MFD_CLOEXEC));
  console::Output output(*lock, {file.get(), false}, {file.get(), false});
  report::Progress progress(console::ProgressLine::Form::none, hosts, mega, output);
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
  report::Progress progress(console::ProgressLine::Form::lines, hosts, mega, output);
  for (int i = 0; i < 20; ++i) {
    progress.observe(core::Started{0});
    progress.refresh(begin + Milliseconds(100 * i));
  }
  std::string text(4096, '\0');
  text.resize(static_cast<std::size_t>(::pread(file.get(), text.data(), text.size(), 0)));
  CHECK(text ==
        "0 of 1 host, 1 running; 0 bytes of 1.0 MB\n0 of 1 host, 1 running; 0 bytes of 1.0 MB\n");
}
