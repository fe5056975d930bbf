#include <optional>
#include <string>

#include "grouped.hpp"

using namespace fanout::report;
using fanout::core::HostIndex;
using namespace std::chrono_literals;
using namespace std::string_literals;

namespace {

ReportOptions comparing() {
  ReportOptions options;
  options.form = OutputForm::diff;
  return options;
}

ReportOptions comparing_with(HostIndex host, const std::string &name) {
  ReportOptions options = comparing();
  options.reference = Reference{name, host, {}};
  return options;
}

ReportOptions comparing_with_file(const std::string &text) {
  ReportOptions options = comparing();
  options.reference = Reference{"expected.txt", std::nullopt, text};
  return options;
}

void finish(Run &run) { REQUIRE(run.report().finish(1s)); }

}  // namespace

TEST_CASE("diff: the largest group whole, of the others what differs from it", "[report]") {
  Run run({"a", "b", "c", "d"}, comparing());
  play(run, 0, "1\ntwo\n3\n", {}, ended_with(2));
  play(run, 1, "1\n2\n3\n");
  play(run, 2, "1\n2\n3\n");
  play(run, 3, "1\n2\n3");
  finish(run);
  CHECK(run.stdout_text() ==
        "== b,c (2 hosts) ==\n1\n2\n3\n"
        "== a: failed, exit 2 ==\n--- b,c\n+++ a\n@@ -1,3 +1,3 @@\n 1\n-2\n+two\n 3\n"
        "== d ==\n--- b,c\n+++ d\n@@ -1,3 +1,3 @@\n 1\n 2\n-3\n+3\n\\ No newline at end of file\n");
}

TEST_CASE("diff: equal outputs are printed once", "[report]") {
  Run run({"a", "b"}, comparing());
  play(run, 0, "1\n");
  play(run, 1, "1\n");
  finish(run);
  CHECK(run.stdout_text() == "== a,b (2 hosts) ==\n1\n");
}

TEST_CASE("diff: a host without output lacks every line", "[report]") {
  Run run({"a", "b", "c"}, comparing());
  play(run, 0, "1\n");
  play(run, 1, "1\n");
  play(run, 2, "");
  finish(run);
  CHECK(run.stdout_text() ==
        "== a,b (2 hosts) ==\n1\n== c: no output ==\n--- a,b\n+++ c\n@@ -1 +0,0 @@\n-1\n");
}

TEST_CASE("diff: when most print nothing, who prints is shown whole", "[report]") {
  Run run({"a", "b", "c"}, comparing());
  play(run, 0, "", "only here\n");
  play(run, 1, "");
  play(run, 2, "");
  finish(run);
  CHECK(run.stdout_text().empty());
  CHECK(run.stderr_text().starts_with("== a (stderr) ==\nonly here\n"));

  Run other({"a", "b", "c"}, comparing());
  play(other, 0, "here\n");
  play(other, 1, "");
  play(other, 2, "");
  finish(other);
  CHECK(other.stdout_text() == "== a ==\nhere\n== b,c (2 hosts): no output ==\n");
}

TEST_CASE("diff: stderr is compared by itself", "[report]") {
  Run run({"a", "b", "c"}, comparing());
  play(run, 0, "x\n", "old\n");
  play(run, 1, "x\n", "old\n");
  play(run, 2, "x\n", "new\n");
  finish(run);
  CHECK(run.stdout_text() == "== a,b,c (3 hosts) ==\nx\n");
  CHECK(
      run.stderr_text().starts_with("== a,b (2 hosts, stderr) ==\nold\n"
                                    "== c (stderr) ==\n--- a,b\n+++ c\n@@ -1 +1 @@\n-old\n+new\n"));
}

TEST_CASE("diff: hosts that were stopped are never what others are compared with", "[report]") {
  Run run({"a", "b", "c"}, comparing());
  play(run, 0, "1\n", {}, timed_out());
  play(run, 1, "1\n", {}, timed_out());
  play(run, 2, "1\n2\n");
  finish(run);
  CHECK(run.stdout_text() ==
        "== c ==\n1\n2\n"
        "== a,b (2 hosts): 2 timeout ==\n--- c\n+++ a,b\n@@ -1,2 +1 @@\n 1\n-2\n");

  Run none({"a", "b"}, comparing());
  play(none, 0, "1\n", {}, timed_out());
  finish(none);
  CHECK(none.stdout_text().starts_with("== a: timeout"));
  CHECK(none.stdout_text().ends_with(" ==\n1\n"));
}

TEST_CASE("diff: against a host", "[report]") {
  Run run({"a", "b", "c"}, comparing_with(2, "c"));
  play(run, 0, "1\n");
  play(run, 1, "1\n");
  play(run, 2, "2\n");
  finish(run);
  CHECK(run.stdout_text() ==
        "== c ==\n2\n== a,b (2 hosts) ==\n--- c\n+++ a,b\n@@ -1 +1 @@\n-2\n+1\n");
}

TEST_CASE("diff: against a host that has no output it is against the largest group, and said",
          "[report]") {
  Run run({"a", "b", "c", "d"}, comparing_with(3, "d"));
  play(run, 0, "1\n");
  play(run, 1, "1\n");
  play(run, 2, "2\n");
  play(run, 3, "2\n", {}, timed_out());
  finish(run);
  CHECK(run.stdout_text() ==
        "== a,b (2 hosts) ==\n1\n"
        "== c,d (2 hosts): 1 timeout ==\n--- a,b\n+++ c,d\n@@ -1 +1 @@\n-1\n+2\n");
  CHECK(run.stderr_text().find("fanout: --diff-against d: it has no output to compare with; "
                               "compared with the largest group\n") != std::string::npos);
}

TEST_CASE("diff: against a file, whose text is shown only if a host has printed it", "[report]") {
  Run run({"a", "b"}, comparing_with_file("1\n"));
  play(run, 0, "2\n", "e\n");
  play(run, 1, "1\n", "e\n");
  finish(run);
  CHECK(run.stdout_text() == "== b ==\n1\n== a ==\n--- expected.txt\n+++ a\n@@ -1 +1 @@\n-1\n+2\n");
  // Of stderr the file says nothing.
  CHECK(run.stderr_text().starts_with("== a,b (2 hosts, stderr) ==\ne\n"));

  Run all({"a", "b"}, comparing_with_file("1\n"));
  play(all, 0, "2\n");
  play(all, 1, "2\n");
  finish(all);
  CHECK(all.stdout_text() ==
        "== a,b (2 hosts) ==\n--- expected.txt\n+++ a,b\n@@ -1 +1 @@\n-1\n+2\n");
}

TEST_CASE("diff: masked texts are compared, and a file may hold the masks", "[report]") {
  ReportOptions options = comparing_with_file("{host} {number}\n");
  options.masking = {true, false, true};
  Run run({"web1", "web2", "web3"}, options);
  play(run, 0, "web1 10\n");
  play(run, 1, "web2 2\n");
  play(run, 2, "web2 2\n");
  finish(run);
  CHECK(run.stdout_text() ==
        "== web1,web2 (2 hosts) ==\n{host} {number}\n"
        "== web3 ==\n--- expected.txt\n+++ web3\n@@ -1 +1 @@\n-{host} {number}\n"
        "+web{number} {number}\n");
}

TEST_CASE("diff: of binary and of huge texts it is said that they differ", "[report]") {
  Run run({"a", "b", "c"}, comparing());
  play(run, 0, "x\n");
  play(run, 1, "x\n");
  play(run, 2, "x\0y\n"s);
  finish(run);
  CHECK(run.stdout_text() ==
        "== a,b (2 hosts) ==\nx\n"
        "== c ==\n[fanout: c and a,b differ, and are not compared line by line: 4 bytes and 2 "
        "bytes]\n");

  const std::string huge((std::size_t{16} << 20) + 1, 'x');
  Run large({"a", "b"}, comparing());
  play(large, 0, "x\n");
  play(large, 1, huge);
  finish(large);
  CHECK(large.stdout_text() ==
        "== a ==\nx\n"
        "== b ==\n[fanout: b and a differ, and are not compared line by line: 16.8 MB and 2 "
        "bytes]\n");
}

TEST_CASE("diff: of texts that were cut it is said how far they were compared", "[report]") {
  ReportOptions options = comparing();
  options.max_output_bytes = 4;
  Run run({"a", "b", "c", "d"}, options);
  play(run, 0, "1\n2\n3\n");
  play(run, 1, "1\n2\n3\n");
  play(run, 2, "1\n2\n4\n");
  play(run, 3, "1\nx\n");
  finish(run);
  CHECK(run.stdout_text() ==
        "== a,b (2 hosts): 2 bytes more not shown ==\n1\n2\n"
        "== c: 2 bytes more not shown ==\n[fanout: c and a,b differ beyond what was kept: 6 bytes "
        "and 6 bytes]\n"
        "== d ==\n--- a,b\n+++ d\n@@ -1,2 +1,2 @@\n 1\n-2\n+x\n"
        "[fanout: d and a,b differ, and were compared as far as they were kept: 4 bytes and 6 "
        "bytes]\n");
}

TEST_CASE("diff: on a terminal lines are safe, and in colour by their sign", "[report]") {
  ReportOptions options = comparing();
  options.colors = {fanout::console::Colors(true), fanout::console::Colors(true)};
  Run::Surroundings around;
  around.terminal = true;
  Run run({"a", "b", "c"}, options, around);
  play(run, 0, "1\n2\n");
  play(run, 1, "1\n2\n");
  play(run, 2, "1\n\x1b[2J\r\n");
  finish(run);
  CHECK(run.stdout_text() ==
        "\x1b[1m== a,b (2 hosts) ==\x1b[0m\n1\n2\n\x1b[1m== c ==\x1b[0m\n"
        "\x1b[31m--- a,b\x1b[0m\n\x1b[32m+++ c\x1b[0m\n\x1b[36m@@ -1,2 +1,2 @@\x1b[0m\n"
        " 1\n\x1b[31m-2\x1b[0m\n\x1b[32m+\\x1b[2J\\r\x1b[0m\n");
}

TEST_CASE("diff: without headers the diffs still say whose they are", "[report]") {
  ReportOptions options = comparing();
  options.headers = false;
  Run run({"a", "b", "c"}, options);
  play(run, 0, "1\n");
  play(run, 1, "1\n");
  play(run, 2, "2\n");
  finish(run);
  CHECK(run.stdout_text() == "1\n--- a,b\n+++ c\n@@ -1 +1 @@\n-1\n+2\n");
}
