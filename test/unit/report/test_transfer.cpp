// What is told of put and get: the second line of the summary, the rows below it, and the line of each host.
#include <string>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include "fanout/report/reason.hpp"
#include "fanout/report/summary.hpp"

using namespace fanout;
using core::HostIndex;
using core::Outcome;
using core::Phase;
using core::Status;
using core::TaskKind;
using core::TransferRecord;

namespace {

constexpr std::uint64_t mega = 1'000'000;

class Table {
public:
  explicit Table(TaskKind task) : task_(task) {}

  Outcome &add(Status status, std::uint64_t files, std::uint64_t bytes, std::uint64_t sent,
               std::uint64_t unchanged) {
    core::Host &host = hosts_.emplace_back();
    host.name = "h" + std::to_string(hosts_.size());
    Outcome &outcome = outcomes_.emplace_back();
    outcome.status = status;
    outcome.transfer = TransferRecord{files, bytes, sent, unchanged, "", "", "sftp", {}};
    outcome.phases[static_cast<std::size_t>(Phase::run)] = std::chrono::seconds(2);
    return outcome;
  }
  Outcome &add_unreached() {
    Outcome &outcome = add(Status::unreachable, 0, 0, 0, 0);
    outcome.transfer.reset();
    outcome.cause = "no route";
    return outcome;
  }
  // Without the first line, which counts hosts.
  [[nodiscard]] std::string text() const {
    report::Summary summary;
    summary.hosts = hosts_;
    summary.outcomes = outcomes_;
    summary.elapsed = core::Milliseconds(4'000);
    summary.task = task_;
    const std::string text = format_summary(summary, [this](const std::vector<HostIndex> &members) {
      std::string joined;
      for (const HostIndex host : members)
        joined += (joined.empty() ? "" : ",") + hosts_[host].name;
      return joined;
    });
    return text.substr(text.find('\n') + 1);
  }

private:
  TaskKind task_;
  std::vector<core::Host> hosts_;
  std::vector<Outcome> outcomes_;
};

}  // namespace

TEST_CASE("transfer: of one host, its files and its own rate", "[report]") {
  Table table(TaskKind::put);
  table.add(Status::ok, 3, 20 * mega, 20 * mega, 0);
  CHECK(table.text() == "  transfer  3 files, 20.0 MB; sent 20.0 MB at 10.0 MB/s\n");
}

TEST_CASE("transfer: of several hosts, what each has and the rate of all together", "[report]") {
  Table table(TaskKind::put);
  for (int i = 0; i < 8; ++i) table.add(Status::ok, 1, 5 * mega, 5 * mega, 0);
  CHECK(table.text() ==
        "  transfer  1 file, 5.0 MB on each of 8 hosts; sent 40.0 MB at 10.0 MB/s\n");
}

TEST_CASE("transfer: hosts that differ are added up", "[report]") {
  Table table(TaskKind::get);
  table.add(Status::ok, 1, 3 * mega, 3 * mega, 0);
  table.add(Status::ok, 2, 5 * mega, 5 * mega, 0);
  CHECK(table.text() == "  transfer  3 files, 8.0 MB on 2 hosts; fetched 8.0 MB at 2.0 MB/s\n");
}

TEST_CASE("transfer: that nothing had to be sent is said plainly", "[report]") {
  Table put(TaskKind::put);
  put.add(Status::ok, 3, 20 * mega, 0, 3);
  CHECK(put.text() == "  transfer  3 files, 20.0 MB; nothing had to be sent, all unchanged\n");
  Table get(TaskKind::get);
  for (int i = 0; i < 2; ++i) get.add(Status::ok, 3, 20 * mega, 0, 3);
  CHECK(get.text() ==
        "  transfer  3 files, 20.0 MB on each of 2 hosts; nothing had to be fetched, all "
        "unchanged\n");
}

TEST_CASE("transfer: what was unchanged on some hosts is counted", "[report]") {
  Table table(TaskKind::put);
  table.add(Status::ok, 3, 8 * mega, 8 * mega, 0);
  table.add(Status::ok, 3, 8 * mega, 0, 3);
  CHECK(table.text() ==
        "  transfer  3 files, 8.0 MB on each of 2 hosts; sent 8.0 MB at 2.0 MB/s; nothing had to "
        "be sent to 1 host; 3 files unchanged\n");
}

TEST_CASE("transfer: files without content are sent all the same", "[report]") {
  Table table(TaskKind::put);
  table.add(Status::ok, 2, 0, 0, 0);
  CHECK(table.text() == "  transfer  2 files, 0 bytes; sent 0 bytes\n");
}

TEST_CASE("transfer: hosts that got nothing are not counted, those that got a part are",
          "[report]") {
  Table table(TaskKind::put);
  table.add(Status::ok, 2, 4 * mega, 4 * mega, 0);
  table.add_unreached();
  Outcome &part = table.add(Status::failed, 1, 2 * mega, 4 * mega, 0);
  part.cause = "write /srv/.b.fanout-0123456789abcdef: No space left on device";
  CHECK(table.text() ==
        "  transfer     3 files, 6.0 MB on 2 hosts; sent 8.0 MB at 2.0 MB/s\n"
        "  failed       h3  write /srv/.b.fanout-0123456789abcdef: No space left on device\n"
        "  unreachable  h2  no route\n");
  Table begun(TaskKind::put);
  begun.add(Status::failed, 0, 0, 5 * mega, 0).cause = "no";
  CHECK(begun.text() ==
        "  transfer  no file is complete; sent 5.0 MB at 2.5 MB/s\n"
        "  failed    h1  no\n");
  Table none(TaskKind::put);
  none.add_unreached();
  CHECK(none.text() == "  unreachable  h1  no route\n");
}

TEST_CASE("transfer: a command has no line of a transfer", "[report]") {
  Table table(TaskKind::exec);
  table.add(Status::ok, 2, 4 * mega, 4 * mega, 0);
  CHECK(table.text().empty());
}

TEST_CASE("transfer: sums that workers have made up do not begin again at 0", "[report]") {
  Table table(TaskKind::put);
  for (int i = 0; i < 2; ++i) table.add(Status::ok, 1, ~0ULL, ~0ULL, 0);
  CHECK(table.text().find("sent 18.4 EB") != std::string::npos);
}

TEST_CASE("transfer: temporary names that are left are listed, the first of them", "[report]") {
  Table table(TaskKind::put);
  for (int i = 0; i < 12; ++i)
    table.add(Status::failed, 0, 0, 1, 0).transfer->leftovers = {"/tmp/.a\x1b" + std::to_string(i)};
  const std::string text = table.text();
  CHECK(text.find("  leftover  h1 ") != std::string::npos);
  CHECK(text.find("/tmp/.a\\x1b0\n") != std::string::npos);
  CHECK(text.find("  leftover  h10") != std::string::npos);
  CHECK(text.find("  leftover  h11,h12  and 2 more names\n") != std::string::npos);
}

TEST_CASE("transfer: by what it was verified, and by what it went where that differs", "[report]") {
  Table table(TaskKind::put);
  for (int i = 0; i < 3; ++i) {
    Outcome &outcome = table.add(Status::ok, 1, mega, mega, 0);
    outcome.transfer->verified_by = i < 2 ? "sha256sum" : "reading back";
  }
  CHECK(table.text().find("  verified  h1,h2  SHA-256 by sha256sum\n") != std::string::npos);
  CHECK(table.text().find("  verified  h3     SHA-256 by reading back\n") != std::string::npos);
  CHECK(table.text().find("method") == std::string::npos);
  Outcome &other = table.add(Status::ok, 1, mega, mega, 0);
  other.transfer->used = "scp";
  CHECK(table.text().find("  method    h4        scp\n") != std::string::npos);
  CHECK(table.text().find("  method    h1,h2,h3  sftp\n") != std::string::npos);
}

TEST_CASE("transfer: what may still run on a host is no command", "[report]") {
  Table table(TaskKind::put);
  table.add(Status::internal, 0, 0, 0, 0).remote_end = core::RemoteEnd::unknown;
  CHECK(table.text().find("  unknown   h1  what was started there may still run\n") !=
        std::string::npos);
}

TEST_CASE("transfer: the line of a host says all that is known", "[report]") {
  Outcome outcome;
  outcome.status = Status::ok;
  outcome.elapsed = std::chrono::milliseconds(2500);
  outcome.phases[static_cast<std::size_t>(Phase::run)] = std::chrono::seconds(2);
  outcome.transfer =
      TransferRecord{3, 30 * mega, 20 * mega, 1, "9f86", "sha256sum", "sftp and tar", {}};
  CHECK(report::describe_end_in_full(outcome) ==
        "ok in 2.5 s (run 2.0 s); 3 files, 30.0 MB, sent 20.0 MB at 10.0 MB/s, 1 unchanged, by "
        "sftp and tar, sha256 9f86, verified by sha256sum");
  outcome.transfer = TransferRecord{3, 30 * mega, 0, 3, "", "", "sftp", {}};
  CHECK(report::describe_end_in_full(outcome) ==
        "ok in 2.5 s (run 2.0 s); 3 files, 30.0 MB, all unchanged, by sftp");
}

TEST_CASE("transfer: a failed command after it is named as that", "[report]") {
  Outcome outcome;
  outcome.status = Status::failed;
  outcome.exit_status = 3;
  outcome.transfer = TransferRecord();
  CHECK(report::reason(outcome) == "the command of --then: exit 3");
}

TEST_CASE("transfer: causes that differ in tokens and counts alone are one", "[report]") {
  core::Host host;
  host.name = "web1";
  const auto general = [&host](std::string cause) {
    Outcome outcome;
    outcome.status = Status::failed;
    outcome.cause = std::move(cause);
    return report::general_reason(outcome, host);
  };
  CHECK(general("open /srv/.x.fanout-0123456789abcdef: Permission denied") ==
        "open /srv/.x.fanout-...: Permission denied");
  CHECK(general("the connection was lost after 4096 of 65536 bytes") ==
        "the connection was lost after ... of ... bytes");
  CHECK(general("3 files failed; first: open /srv/3: Permission denied") ==
        "... files failed; first: open /srv/3: Permission denied");
  CHECK(general("out/web1/etc/motd: No space left on device") ==
        "out/{host}/etc/motd: No space left on device");
  // Not all that looks alike is.
  CHECK(general("open /srv/.x.fanout-resume: exists") == "open /srv/.x.fanout-resume: exists");
  CHECK(general("exit 3") == "exit 3");
  CHECK(general("v12 of it") == "v12 of it");
}
