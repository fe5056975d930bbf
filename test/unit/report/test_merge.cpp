#include <string>

#include "grouped.hpp"

using namespace fanout::report;
using fanout::core::HostIndex;
using fanout::core::Stream;
using namespace std::chrono_literals;
using namespace std::string_literals;

namespace {

ReportOptions merging() {
  ReportOptions options;
  options.form = OutputForm::merge;
  return options;
}

Run::Surroundings on_terminal() {
  Run::Surroundings around;
  around.terminal = true;
  return around;
}

void finish(Run &run) { REQUIRE(run.report().finish(1s)); }

}  // namespace

TEST_CASE("merge: nothing is printed before all have ended, then each output once", "[report]") {
  Run run({"a", "b", "c"}, merging());
  play(run, 2, "same\n");
  play(run, 1, "other\n");
  play(run, 0, "same\n");
  CHECK(run.stdout_text().empty());
  finish(run);
  CHECK(run.stdout_text() == "== a,c (2 hosts) ==\nsame\n== b ==\nother\n");
}

TEST_CASE("merge: the largest group comes first, then the one whose first host does", "[report]") {
  Run run({"a", "b", "c", "d", "e"}, merging());
  play(run, 4, "3\n");
  play(run, 3, "2\n");
  play(run, 2, "2\n");
  play(run, 1, "1\n");
  play(run, 0, "3\n");
  finish(run);
  CHECK(run.stdout_text() == "== a,e (2 hosts) ==\n3\n== c,d (2 hosts) ==\n2\n== b ==\n1\n");
}

TEST_CASE("merge: stdout and stderr are grouped by themselves, each to its own stream",
          "[report]") {
  Run run({"a", "b", "c"}, merging());
  play(run, 0, "x\n", "warning\n");
  play(run, 1, "x\n", "other\n");
  play(run, 2, "y\n", "warning\n");
  finish(run);
  CHECK(run.stdout_text() == "== a,b (2 hosts) ==\nx\n== c ==\ny\n");
  CHECK(run.stderr_text().starts_with(
      "== a,c (2 hosts, stderr) ==\nwarning\n== b (stderr) ==\nother\n"));
}

TEST_CASE("merge: who is not ok is counted by status, or told of as in blocks", "[report]") {
  Run run({"a", "b", "c", "d", "e"}, merging());
  play(run, 0, "x\n", {}, ended_with(1));
  play(run, 1, "x\n", {}, ended_with(2));
  play(run, 2, "x\n", {}, timed_out());
  play(run, 3, "x\n");
  play(run, 4, "y\n", "problem\n", ended_with(3));
  finish(run);
  CHECK(run.stdout_text() ==
        "== a,b,c,d (4 hosts): 2 failed, 1 timeout ==\nx\n== e: failed, exit 3 ==\ny\n");
  CHECK(run.stderr_text().starts_with("== e (stderr): failed, exit 3 ==\nproblem\n"));
}

TEST_CASE("merge: hosts without a word stand under one header without text, if another spoke",
          "[report]") {
  Run run({"a", "b", "c", "d", "e", "f"}, merging());
  play(run, 0, "", {}, ended_with(1));
  play(run, 1, "x\n");
  play(run, 2, "");
  play(run, 3, "", {}, timed_out());
  play(run, 4, "", "only there\n");
  finish(run);
  CHECK(run.stdout_text() == "== b ==\nx\n== a,c (2 hosts): no output, 1 failed ==\n");

  Run one({"a", "b"}, merging());
  play(one, 0, "x\n");
  play(one, 1, "", {}, ended_with(3));
  finish(one);
  CHECK(one.stdout_text() == "== a ==\nx\n== b: no output, failed, exit 3 ==\n");

  Run silent({"a", "b"}, merging());
  play(silent, 0, "");
  play(silent, 1, "");
  finish(silent);
  CHECK(silent.stdout_text().empty());
}

TEST_CASE("merge: a last line without a newline gets one, and stays another output", "[report]") {
  Run run({"a", "b"}, merging());
  play(run, 0, "x");
  play(run, 1, "x\n");
  finish(run);
  CHECK(run.stdout_text() == "== a ==\nx\n== b ==\nx\n");
}

TEST_CASE("merge: without headers there are texts alone, of one host its bytes", "[report]") {
  ReportOptions options = merging();
  options.headers = false;
  Run run({"a", "b", "c"}, options);
  play(run, 0, "x");
  play(run, 1, "y");
  play(run, 2, "");
  finish(run);
  CHECK(run.stdout_text() == "x\ny\n");
  Run one({"a"}, options);
  play(one, 0, "x");
  finish(one);
  CHECK(one.stdout_text() == "x");
}

TEST_CASE("merge: masked words do not make a group, and the pattern is printed", "[report]") {
  ReportOptions options = merging();
  options.masking = {true, true, true};
  Run run({"web1", "web2", "web3"}, options);
  play(run, 0, "web1 at 10.0.0.1 is up 3 days\n");
  play(run, 1, "web2 at 10.0.0.2 is up 40 days\n");
  play(run, 2, "web2 is down\n");
  finish(run);
  CHECK(run.stdout_text() ==
        "== web1,web2 (2 hosts) ==\n{host} at {ip} is up {number} days\n"
        "== web3 ==\nweb{number} is down\n");
}

TEST_CASE("merge: texts are made safe on a terminal, headers are in colour", "[report]") {
  ReportOptions options = merging();
  options.colors = {fanout::console::Colors(true), fanout::console::Colors(true)};
  Run run({"a", "b"}, options, on_terminal());
  play(run, 0, "\x1b[2Jx\r\n");
  play(run, 1, "y\n", {}, ended_with(1));
  finish(run);
  CHECK(run.stdout_text() ==
        "\x1b[1m== a ==\x1b[0m\n\\x1b[2Jx\\r\n\x1b[31m== b: failed, exit 1 ==\x1b[0m\ny\n");
  Run piped({"a"}, merging());
  play(piped, 0, "\x1b[2Jx\r\n");
  finish(piped);
  CHECK(piped.stdout_text() == "== a ==\n\x1b[2Jx\r\n");
}

TEST_CASE("merge: on a terminal who differs from most is named at once", "[report]") {
  Run run({"a", "b", "c", "d"}, merging(), on_terminal());
  play(run, 0, "x\n");
  play(run, 1, "y\n");
  CHECK(run.stderr_text().empty());
  play(run, 2, "x\n");
  CHECK(run.stderr_text() == "fanout: b: output differs from that of 2 other hosts\n");
  play(run, 3, "x\n");
  CHECK(run.stderr_text() == "fanout: b: output differs from that of 2 other hosts\n");
  Run piped({"a", "b", "c"}, merging());
  play(piped, 0, "x\n");
  play(piped, 1, "x\n");
  play(piped, 2, "y\n");
  CHECK(piped.stderr_text().empty());
}

TEST_CASE("merge: what is over --max-output still makes outputs different", "[report]") {
  ReportOptions options = merging();
  options.max_output_bytes = 3;
  Run run({"a", "b", "c"}, options);
  play(run, 0, "abcdX");
  play(run, 1, "abcdY");
  play(run, 2, "abcdX");
  finish(run);
  CHECK(run.stdout_text() ==
        "== a,c (2 hosts): 2 bytes more not shown ==\nabc\n== b: 2 bytes more not shown ==\nabc\n");
  CHECK(run.stderr_text().find("[fanout: ") == std::string::npos);
}

TEST_CASE("merge: large texts wait on the disk and come out whole", "[report]") {
  std::string text;
  for (int line = 0; line < 40'000; ++line) text += std::to_string(line) + "\n";
  Run run({"a", "b", "c"}, merging());
  play(run, 0, text);
  play(run, 1, text + "x");
  play(run, 2, text);
  finish(run);
  CHECK(run.stdout_text() == "== a,c (2 hosts) ==\n" + text + "== b ==\n" + text + "x\n");
}
