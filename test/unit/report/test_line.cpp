#include <string>

#include "run.hpp"

using namespace fanout::report;
using fanout::core::Status;
using namespace std::string_literals;

namespace {

ReportOptions line_form() {
  ReportOptions options;
  options.form = OutputForm::line;
  return options;
}

}  // namespace

TEST_CASE("line: a line is printed when it is complete, with its host", "[report]") {
  Run run({"a", "b"}, line_form());
  run.start_all();
  run.out(0, "one\ntw");
  CHECK(run.stdout_text() == "a: one\n");
  run.out(1, "other\n");
  run.out(0, "o\n");
  CHECK(run.stdout_text() == "a: one\nb: other\na: two\n");
}

TEST_CASE("line: each stream goes to its own descriptor and completes its own lines", "[report]") {
  Run run({"a"}, line_form());
  run.start(0);
  run.out(0, "ou");
  run.err(0, "er");
  run.out(0, "t\n");
  run.err(0, "r\n");
  CHECK(run.stdout_text() == "a: out\n");
  CHECK(run.stderr_text() == "a: err\n");
}

TEST_CASE("line: a line in single bytes is prefixed once", "[report]") {
  Run run({"a"}, line_form());
  run.start(0);
  for (const char byte : "one\ntwo\n"s) run.out(0, std::string(1, byte));
  CHECK(run.stdout_text() == "a: one\na: two\n");
}

TEST_CASE("line: empty lines have their prefix too", "[report]") {
  Run run({"a"}, line_form());
  run.start(0);
  run.out(0, "\n\nx\n\n");
  CHECK(run.stdout_text() == "a: \na: \na: x\na: \n");
}

TEST_CASE("line: a last line without a newline is printed at the end and gets one", "[report]") {
  Run run({"a"}, line_form());
  run.start(0);
  run.out(0, "out");
  run.err(0, "err");
  CHECK(run.stdout_text().empty());
  run.end_ok(0);
  CHECK(run.stdout_text() == "a: out\n");
  CHECK(run.stderr_text() == "a: err\n");
}

TEST_CASE("line: a host cannot forge the name of another", "[report]") {
  Run run({"evil", "web01"}, line_form());
  run.start_all();
  run.out(0, "x\nweb01: all is well\nfanout: 2 hosts, 2 ok\n\rweb01: hidden\n");
  CHECK(run.stdout_text() ==
        "evil: x\nevil: web01: all is well\nevil: fanout: 2 hosts, 2 ok\nevil: \rweb01: hidden\n");
}

TEST_CASE("line: carriage returns and zero bytes pass to a file and are shown on a terminal",
          "[report]") {
  const std::string text = "50%\r100%\0\f\n"s;
  Run file({"a"}, line_form());
  file.start(0);
  file.out(0, text);
  CHECK(file.stdout_text() == "a: " + text);
  Run terminal({"a"}, line_form(), {.terminal = true});
  terminal.start(0);
  terminal.out(0, text);
  CHECK(terminal.stdout_text() == "a: 50%\\r100%\\x00\\x0c\n");
}

TEST_CASE("line: names are aligned on a terminal and nowhere else", "[report]") {
  for (const bool terminal : {true, false}) {
    Run run({"a", "web01"}, line_form(), {.terminal = terminal});
    run.start_all();
    run.out(0, "x\n");
    run.out(1, "y\n");
    CHECK(run.stdout_text() == (terminal ? "a:     x\nweb01: y\n" : "a: x\nweb01: y\n"));
  }
  Run one_long({"a", std::string(60, 'w')}, line_form(), {.terminal = true});
  one_long.start_all();
  one_long.out(0, "x\n");
  CHECK(one_long.stdout_text() == "a: " + std::string(23, ' ') + "x\n");
}

TEST_CASE("line: a line that is longer than the memory for it comes out whole and once",
          "[report]") {
  Run run({"a", "b"}, line_form());
  run.start_all();
  std::string expected[2];
  for (int piece = 0; piece < 400; ++piece)
    for (const fanout::core::HostIndex host : {0U, 1U}) {
      const std::string text(1000, static_cast<char>('a' + piece % 26));
      expected[host] += text;
      run.out(host, text);
    }
  CHECK(run.stdout_text().empty());
  run.out(1, "\nnext\n");
  run.out(0, "\n");
  CHECK(run.stdout_text() == "b: " + expected[1] + "\nb: next\na: " + expected[0] + "\n");
}

TEST_CASE("line: a character that is split between two pieces is whole on a terminal", "[report]") {
  Run run({"a"}, line_form(), {.terminal = true});
  run.start(0);
  run.out(0, "Gr\xc3");
  run.out(0,
          "\xbc\xc3\x9f"
          "e\n\xe6\xbc");
  run.out(0, "\nx\n");
  run.out(0, "\xe6\xbc");
  run.end_ok(0);
  CHECK(run.stdout_text() == "a: Grüße\na: \\xe6\\xbc\na: x\na: \\xe6\\xbc\n");
}

TEST_CASE("line: a host that fails is named when it happens, one that is ok is not", "[report]") {
  Run run({"a", "b", "c"}, line_form());
  run.start_all();
  run.err(0, "last words");
  run.end_with(0, 7);
  run.end_ok(1);
  run.end_as(2, Status::auth, "no key \x1b[1maccepted");
  CHECK(run.stderr_text() ==
        "a: last words\nfanout: a: failed, exit 7\nfanout: c: auth, no key \\x1b[1maccepted\n");
}

TEST_CASE("line: a megabyte of short lines in one piece keeps every line whole", "[report]") {
  Run run({"a"}, line_form());
  run.start(0);
  std::string sent;
  std::string expected;
  for (int line = 0; line < 100'000; ++line) {
    sent += std::to_string(line) + "\n";
    expected += "a: " + std::to_string(line) + "\n";
  }
  run.out(0, sent);
  CHECK(run.stdout_text() == expected);
}
