#include <chrono>
#include <string>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include "fanout/report/summary.hpp"

using namespace fanout::report;
using fanout::core::Host;
using fanout::core::HostIndex;
using fanout::core::Milliseconds;
using fanout::core::Outcome;
using fanout::core::RemoteEnd;
using fanout::core::Status;

namespace {

struct Table {
  std::vector<Host> hosts;
  std::vector<Outcome> outcomes;
  std::vector<HostIndex> not_kept;
  std::string sandbox;
  fanout::core::TaskKind task = fanout::core::TaskKind::exec;

  Outcome &add(std::string name, Status status, std::string cause = {}) {
    Host &host = hosts.emplace_back();
    host.name = std::move(name);
    host.address = "10.0.0." + std::to_string(hosts.size());
    Outcome &outcome = outcomes.emplace_back();
    outcome.status = status;
    outcome.cause = std::move(cause);
    return outcome;
  }
  [[nodiscard]] std::string text(Milliseconds elapsed = Milliseconds(1800)) const {
    Summary summary;
    summary.hosts = hosts;
    summary.outcomes = outcomes;
    summary.elapsed = elapsed;
    summary.max_output_bytes = 64U << 20U;
    summary.not_kept = not_kept;
    summary.why_not_kept = "temporary file: No space left on device";
    summary.sandbox_remark = sandbox;
    summary.task = task;
    return format_summary(summary, [this](const std::vector<HostIndex> &members) {
      std::string joined;
      for (const HostIndex host : members) joined += (joined.empty() ? "" : ",") + hosts[host].name;
      return joined;
    });
  }
};

std::size_t count_lines(const std::string &text, const std::string &wanted) {
  std::size_t count = 0;
  for (std::size_t at = 0; (at = text.find(wanted, at)) != std::string::npos; ++at) ++count;
  return count;
}

}  // namespace

TEST_CASE("summary: when all is well it is one line", "[report]") {
  Table table;
  table.add("a", Status::ok);
  CHECK(table.text(Milliseconds(400)) == "fanout: 1 host, 1 ok in 0.4 s\n");
  table.add("b", Status::ok);
  CHECK(table.text(Milliseconds(75'000)) == "fanout: 2 hosts, 2 ok in 1 min 15 s\n");
}

TEST_CASE("summary: a run that was less confined than it could be says so at its end", "[report]") {
  Table table;
  table.add("a", Status::failed, "exit 1");
  table.sandbox = "off, by --sandbox off";
  CHECK(table.text().ends_with("  sandbox  off, by --sandbox off\n"));
}

TEST_CASE("summary: failed hosts are aligned under the counts", "[report]") {
  Table table;
  for (int i = 0; i < 18; ++i) table.add("ok" + std::to_string(i), Status::ok);
  table.add("web11", Status::auth, "no key accepted; the server offers publickey");
  table.add("web3", Status::unreachable, "connect 10.0.0.13:22: Connection refused");
  CHECK(table.text() ==
        "fanout: 20 hosts, 18 ok, 2 failed in 1.8 s\n"
        "  unreachable  web3   connect 10.0.0.13:22: Connection refused\n"
        "  auth         web11  no key accepted; the server offers publickey\n");
}

TEST_CASE("summary: the counts add up to the number of hosts", "[report]") {
  Table table;
  for (int status = 0; status < fanout::core::status_count; ++status)
    table.add("h" + std::to_string(status), static_cast<Status>(status),
              "cause " + std::to_string(status));
  const std::string text = table.text();
  CHECK(text.substr(0, text.find('\n')) ==
        "fanout: 11 hosts, 1 ok, 8 failed, 1 interrupted, 1 skipped in 1.8 s");
  for (int status = 1; status < fanout::core::status_count; ++status)
    CHECK(count_lines(text, "\n  " + std::string(to_string(static_cast<Status>(status))) + " ") ==
          1);
}

TEST_CASE("summary: hosts that failed alike are one line, the largest group of a status first",
          "[report]") {
  Table table;
  const auto fail_with = [&](const std::string &name, int exit_status) {
    table.add(name, Status::failed).exit_status = exit_status;
  };
  fail_with("a", 1);
  fail_with("b", 3);
  fail_with("c", 3);
  table.add("d", Status::failed).signal = "KILL";
  CHECK(table.text() ==
        "fanout: 4 hosts, 0 ok, 4 failed in 1.8 s\n"
        "  failed  b,c  exit 3\n"
        "  failed  a    exit 1\n"
        "  failed  d    killed by signal KILL\n");
}

TEST_CASE("summary: causes that differ by the host's address alone are one line", "[report]") {
  Table table;
  for (int i = 1; i <= 3; ++i)
    table.add("a" + std::to_string(i), Status::unreachable,
              "connect 10.0.0." + std::to_string(i) + ":22: Connection refused");
  table.add("b", Status::unreachable, "connect 10.0.0.4:22: No route to host");
  CHECK(table.text() ==
        "fanout: 4 hosts, 0 ok, 4 failed in 1.8 s\n"
        "  unreachable  a1,a2,a3  connect {address}:22: Connection refused\n"
        "  unreachable  b         connect 10.0.0.4:22: No route to host\n");
}

TEST_CASE("summary: more causes than one wants to read are folded into one line", "[report]") {
  Table table;
  for (int i = 0; i < 57; ++i)
    table.add("h" + std::to_string(i), Status::protocol, "cause " + std::to_string(i));
  const std::string text = table.text();
  CHECK(count_lines(text, "\n  protocol  ") == 21);
  CHECK(text.find("  protocol  h20,h21,") != std::string::npos);
  CHECK(text.substr(text.size() - 21) == "  and 37 more causes\n");
  Table one_more;
  for (int i = 0; i < 21; ++i)
    one_more.add("h" + std::to_string(i), Status::protocol, "cause " + std::to_string(i));
  CHECK(one_more.text().find("  and 1 more cause\n") != std::string::npos);
}

TEST_CASE("summary: causes cannot act on a terminal and cannot make lines", "[report]") {
  Table table;
  table.add("a", Status::auth, "banner \x1b]0;x\a\nfanout: 1 host, 1 ok");
  const std::string text = table.text();
  CHECK(text.find('\x1b') == std::string::npos);
  CHECK(count_lines(text, "\n") == 2);
}

TEST_CASE("summary: a long list of hosts does not move the causes of the others", "[report]") {
  Table table;
  for (int i = 0; i < 20; ++i) table.add("long" + std::to_string(i), Status::timeout, "no answer");
  table.add("a", Status::auth, "no key");
  CHECK(table.text().find("\n  auth     a  no key\n") != std::string::npos);
}

TEST_CASE("summary: output that was not shown and commands that may still run are said",
          "[report]") {
  Table table;
  Outcome &over = table.add("a", Status::ok);
  over.dropped_bytes = 12'300'000;
  Outcome &lost = table.add("b", Status::ok);
  lost.dropped_bytes = 19;
  table.not_kept = {1};
  Outcome &stopped = table.add("c", Status::timeout, "no end after 10s");
  stopped.remote_end = RemoteEnd::unknown;
  CHECK(table.text() ==
        "fanout: 3 hosts, 2 ok, 1 failed in 1.8 s\n"
        "  timeout    c  no end after 10s\n"
        "  truncated  a  12.3 MB of output not shown, over --max-output 64M\n"
        "  truncated  b  19 bytes of output not shown, temporary file: No space left on device\n"
        "  unknown    c  the remote command may still run\n");
}

TEST_CASE("summary: its time grows with the number of hosts and not with its square", "[report]") {
  const auto seconds_for = [](int hosts) {
    Table table;
    for (int i = 0; i < hosts; ++i)
      table.add("host" + std::to_string(i), Status::unreachable,
                "a cause of its own, number " + std::to_string(i));
    const auto before = std::chrono::steady_clock::now();
    CHECK(table.text().size() > static_cast<std::size_t>(hosts));
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - before).count();
  };
  CHECK(seconds_for(1'000) < 1.0);
  CHECK(seconds_for(20'000) < 5.0);
}
