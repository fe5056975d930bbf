#include <string>

#include "run.hpp"

using namespace fanout::report;
using fanout::core::Noted;
using fanout::core::Status;
using namespace std::string_literals;

namespace {

ReportOptions without_headers() {
  ReportOptions options;
  options.headers = false;
  return options;
}

}  // namespace

TEST_CASE("block: nothing is printed before the host ends", "[report]") {
  Run run({"a", "b"});
  run.start_all();
  run.out(0, "one\n");
  CHECK(run.stdout_text().empty());
  run.end_ok(0);
  CHECK(run.stdout_text() == "== a ==\none\n");
}

TEST_CASE(
    "block: hosts that print at the same time come out one after the other, in the order of their "
    "ends",
    "[report]") {
  Run run({"a", "b"});
  run.start_all();
  run.out(0, "a1\na");
  run.out(1, "b1\n");
  run.out(0, "2\n");
  run.out(1, "b2\n");
  run.end_ok(1);
  run.end_ok(0);
  CHECK(run.stdout_text() == "== b ==\nb1\nb2\n== a ==\na1\na2\n");
}

TEST_CASE("block: each stream has its own header and goes to its own descriptor", "[report]") {
  Run run({"a"});
  run.start(0);
  run.err(0, "problem\n");
  run.out(0, "result\n");
  run.end_with(0, 3);
  CHECK(run.stdout_text() == "== a: failed, exit 3 ==\nresult\n");
  CHECK(run.stderr_text() == "== a (stderr): failed, exit 3 ==\nproblem\n");
}

TEST_CASE("block: a host that is ok and silent is not mentioned, with -v by its header",
          "[report]") {
  Run quiet({"a"});
  quiet.start(0);
  quiet.end_ok(0);
  CHECK(quiet.stdout_text().empty());
  CHECK(quiet.stderr_text().empty());

  ReportOptions options;
  options.verbosity = 1;
  Run verbose({"a"}, options);
  verbose.start(0);
  verbose.end_ok(0);
  CHECK(verbose.stdout_text() == "== a ==\n");
}

TEST_CASE("block: a host that failed without a word has its header on stderr", "[report]") {
  Run run({"a", "b"});
  run.start_all();
  run.end_as(0, Status::unreachable, "connect 10.0.0.1:22: Connection refused");
  run.end_with(1, 1);
  CHECK(run.stdout_text().empty());
  CHECK(run.stderr_text() ==
        "== a: unreachable, connect 10.0.0.1:22: Connection refused ==\n== b: failed, exit 1 ==\n");
}

TEST_CASE("block: a last line without a newline gets one", "[report]") {
  Run run({"a", "b"});
  run.start_all();
  run.out(0, "no newline");
  run.end_ok(0);
  run.out(1, "newline\n");
  run.end_ok(1);
  CHECK(run.stdout_text() == "== a ==\nno newline\n== b ==\nnewline\n");
}

TEST_CASE("block: without headers the bytes of a single host are untouched", "[report]") {
  Run run({"a"}, without_headers());
  run.start(0);
  const std::string bytes = "\0\r\x1b[1m\xff no newline"s;
  run.out(0, bytes);
  run.end_with(0, 1);
  CHECK(run.stdout_text() == bytes);
  CHECK(run.stderr_text().empty());
}

TEST_CASE("block: the summary begins on a line of its own even where the host left one open",
          "[report]") {
  const std::string summary = "fanout: 1 host, 1 ok in 0.0 s\n";
  for (const bool terminal : {false, true}) {
    Run out({"a"}, without_headers(), {.terminal = terminal});
    out.start(0);
    out.out(0, "open");
    out.end_ok(0);
    CHECK(out.report().finish(fanout::core::Milliseconds(0)));
    CHECK(out.stdout_text() == "open");
    // Two terminals are one screen.
    CHECK(out.stderr_text() == (terminal ? "\n" + summary : summary));

    Run err({"a"}, without_headers(), {.terminal = terminal});
    err.start(0);
    err.err(0, "open");
    err.end_ok(0);
    CHECK(err.report().finish(fanout::core::Milliseconds(0)));
    CHECK(err.stderr_text() == "open\n" + summary);
  }
}

TEST_CASE("block: without headers a line of one host still never continues in another",
          "[report]") {
  Run run({"a", "b"}, without_headers());
  run.start_all();
  run.out(0, "one");
  run.end_ok(0);
  run.out(1, "two");
  run.end_ok(1);
  CHECK(run.stdout_text() == "one\ntwo\n");
}

TEST_CASE("block: on a terminal remote text is made safe, in a file it is unchanged", "[report]") {
  const std::string hostile = "\x1b]0;title\a text\r\n";
  for (const bool terminal : {true, false}) {
    Run run({"a"}, {}, {.terminal = terminal});
    run.start(0);
    run.out(0, hostile);
    run.err(0, hostile);
    run.end_ok(0);
    CHECK(run.stdout_text() ==
          "== a ==\n" + (terminal ? "\\x1b]0;title\\x07 text\\r\n"s : hostile));
    CHECK(run.stderr_text() ==
          "== a (stderr) ==\n" + (terminal ? "\\x1b]0;title\\x07 text\\r\n"s : hostile));
  }
}

TEST_CASE("block: raw text reaches a terminal as it is, but names and causes do not", "[report]") {
  ReportOptions options;
  options.raw = true;
  Run run({"a\x1b[2J"}, options, {.terminal = true});
  run.start(0);
  run.out(0, "\x1b[1mbold\n");
  run.end_as(0, Status::unreachable, "banner \x1b[2J\nof two lines");
  CHECK(run.stdout_text() ==
        "== a\\x1b[2J: unreachable, banner \\x1b[2J\\nof two lines ==\n\x1b[1mbold\n");
}

TEST_CASE("block: a character that is split between two pieces is whole on a terminal",
          "[report]") {
  Run run({"a"}, {}, {.terminal = true});
  run.start(0);
  run.out(0, "Gr\xc3");
  run.out(0,
          "\xbc\xc3\x9f"
          "e \xe6\xbc");
  run.end_ok(0);
  // The last one was never finished.
  CHECK(run.stdout_text() == "== a ==\nGrüße \\xe6\\xbc\n");
}

TEST_CASE("block: what does not fit in memory comes back whole", "[report]") {
  ReportOptions options;
  options.spill = {.text_bytes = 100, .resident_bytes = 1000, .segment_bytes = 256};
  Run run({"a", "b"}, options);
  run.start_all();
  std::string expected[2];
  for (int line = 0; line < 3000; ++line)
    for (const fanout::core::HostIndex host : {0U, 1U}) {
      const std::string text =
          "host " + std::to_string(host) + " line " + std::to_string(line) + "\n";
      expected[host] += text;
      run.out(host, text);
    }
  run.end_ok(0);
  run.end_ok(1);
  CHECK(run.stdout_text() == "== a ==\n" + expected[0] + "== b ==\n" + expected[1]);
}

TEST_CASE("block: what does not fit in memory is made safe across its pieces", "[report]") {
  ReportOptions options;
  options.spill = {.text_bytes = 4, .resident_bytes = 1000, .segment_bytes = 5};
  Run run({"a"}, options, {.terminal = true});
  run.start(0);
  std::string text;
  for (int i = 0; i < 50; ++i) text += "ü漢🙂";
  run.out(0, text);
  run.end_ok(0);
  CHECK(run.stdout_text() == "== a ==\n" + text + "\n");
}
