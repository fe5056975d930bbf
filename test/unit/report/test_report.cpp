#include <fcntl.h>

#include <algorithm>
#include <csignal>
#include <string>

#include "fanout/report/reason.hpp"
#include "fanout/sys/pipe.hpp"
#include "report/printed.hpp"
#include "run.hpp"

using namespace fanout::report;
using fanout::core::Ended;
using fanout::core::ErrorKind;
using fanout::core::Milliseconds;
using fanout::core::Noted;
using fanout::core::Outcome;
using fanout::core::OutputReceived;
using fanout::core::Phase;
using fanout::core::PhaseEntered;
using fanout::core::RemoteEnd;
using fanout::core::Started;
using fanout::core::Status;
using fanout::core::Stream;
using fanout::sys::UniqueFd;

namespace {

ReportOptions form(OutputForm form, int verbosity = 0) {
  ReportOptions options;
  options.form = form;
  options.verbosity = verbosity;
  return options;
}

ReportOptions limited(OutputForm form_wanted, std::uint64_t bytes) {
  ReportOptions options = form(form_wanted);
  options.max_output_bytes = bytes;
  return options;
}

}  // namespace

TEST_CASE("report: there is one record for each host, whatever happened to it", "[report]") {
  Run run({"a", "b", "c", "d"}, form(OutputForm::none));
  CHECK(run.report().outcomes().size() == 4);
  run.start(0);
  run.end_ok(0);
  run.start(1);
  run.end_with(1, 2);
  run.start(2);
  CHECK(run.report().finish(Milliseconds(1000), "3 hosts failed"));
  const auto &outcomes = run.report().outcomes();
  REQUIRE(outcomes.size() == 4);
  CHECK(outcomes[0].status == Status::ok);
  CHECK(outcomes[1].status == Status::failed);
  CHECK(outcomes[2].status == Status::internal);
  CHECK(outcomes[2].cause == "its end was never reported");
  CHECK(outcomes[3].status == Status::skipped);
  CHECK(outcomes[3].cause == "3 hosts failed");
}

TEST_CASE("report: events that contradict each other are refused and change nothing", "[report]") {
  Run run({"a", "b"});
  const auto refused = [&](const fanout::core::Event &event) {
    const auto result = run.observe(event);
    return !result && result.error().kind == ErrorKind::internal;
  };
  CHECK(refused(OutputReceived{0, Stream::out, "early"}));
  CHECK(refused(PhaseEntered{0, Phase::run}));
  CHECK(refused(Started{2}));
  run.start(0);
  CHECK(refused(Started{0}));
  run.end_ok(0);
  CHECK(refused(OutputReceived{0, Stream::out, "late"}));
  CHECK(refused(Noted{0, "late"}));
  Outcome second;
  second.status = Status::failed;
  CHECK(refused(Ended{0, second}));
  CHECK(run.report().outcomes()[0].status == Status::ok);
  CHECK(run.stdout_text().empty());
}

TEST_CASE("report: a host that could not be started has its record too", "[report]") {
  Run run({"a"});
  run.end_as(0, Status::internal, "fork: Resource temporarily unavailable");
  CHECK(run.report().outcomes()[0].status == Status::internal);
  CHECK(run.stderr_text() == "== a: internal, fork: Resource temporarily unavailable ==\n");
}

TEST_CASE("report: bytes are counted here and not believed", "[report]") {
  Run run({"a"});
  run.start(0);
  run.out(0, "12345");
  run.err(0, "123");
  Outcome lying;
  lying.status = Status::ok;
  lying.stdout_bytes = 1'000'000;
  lying.dropped_bytes = 7;
  run.end(0, lying);
  CHECK(run.report().outcomes()[0].stdout_bytes == 5);
  CHECK(run.report().outcomes()[0].stderr_bytes == 3);
  CHECK(run.report().outcomes()[0].dropped_bytes == 0);
}

TEST_CASE("report: without remote output only the summary is written", "[report]") {
  Run run({"a", "b"}, form(OutputForm::none));
  run.start_all();
  run.out(0, "text\n");
  run.err(0, "text\n");
  run.end_ok(0);
  run.end_with(1, 1);
  CHECK(run.stderr_text().empty());
  CHECK(run.report().finish(Milliseconds(100)));
  CHECK(run.stdout_text().empty());
  CHECK(run.stderr_text() == "fanout: 2 hosts, 1 ok, 1 failed in 0.1 s\n  failed  b  exit 1\n");
  CHECK(run.report().outcomes()[0].stdout_bytes == 5);
}

TEST_CASE("max output: block keeps exactly so many bytes of both streams and says what is missing",
          "[report]") {
  Run run({"a"}, limited(OutputForm::block, 10));
  run.start(0);
  run.out(0, "12345");
  run.err(0, "abc");
  run.out(0, "6789");
  run.err(0, "def");
  run.end_ok(0);
  CHECK(run.stdout_text() == "== a ==\n1234567\n");
  CHECK(run.stderr_text() ==
        "== a (stderr) ==\nabc\n[fanout: a: 5 bytes more not shown, over --max-output 10]\n");
  CHECK(run.report().outcomes()[0].dropped_bytes == 5);
  CHECK(run.report().outcomes()[0].stdout_bytes == 9);
  CHECK(run.report().finish(Milliseconds(0)));
  CHECK(run.stderr_text().find(
            "  truncated  a  5 bytes of output not shown, over --max-output 10\n") !=
        std::string::npos);
}

TEST_CASE("max output: line says at once that it stops, and at the end how much was missing",
          "[report]") {
  Run run({"a"}, limited(OutputForm::line, 10));
  run.start(0);
  run.out(0, "1\n2\n345678901\nmore\n");
  CHECK(run.stdout_text() == "a: 1\na: 2\na: 345678\n");
  CHECK(run.stderr_text() == "[fanout: a: over --max-output 10, more is counted and not shown]\n");
  run.out(0, std::string(2'000'000, 'x'));
  run.end_ok(0);
  CHECK(run.stdout_text() == "a: 1\na: 2\na: 345678\n");
  CHECK(run.stderr_text() ==
        "[fanout: a: over --max-output 10, more is counted and not shown]\n"
        "[fanout: a: 2.0 MB more not shown, over --max-output 10]\n");
}

TEST_CASE("max output: exactly as much as allowed is not too much", "[report]") {
  Run run({"a"}, limited(OutputForm::block, 4));
  run.start(0);
  run.out(0, "123\n");
  run.end_ok(0);
  CHECK(run.stderr_text().empty());
  CHECK(run.report().outcomes()[0].dropped_bytes == 0);
}

TEST_CASE("max output: it is counted for each host, and 0 is no limit", "[report]") {
  Run each({"a", "b"}, limited(OutputForm::block, 5));
  each.start_all();
  each.out(0, "1234\n");
  each.out(1, "1234\n");
  each.end_ok(0);
  each.end_ok(1);
  CHECK(each.stderr_text().empty());
  Run unlimited({"a"}, limited(OutputForm::block, 0));
  unlimited.start(0);
  unlimited.out(0, std::string(100'000, 'x'));
  unlimited.end_ok(0);
  CHECK(unlimited.stdout_text().size() == 100'000 + std::string("== a ==\n\n").size());
}

TEST_CASE(
    "report: a disk that is full costs the rest of that output, is said and is a failure of ours",
    "[report]") {
  ReportOptions options;
  options.spill.text_bytes = 10;
  const auto open_full = [] {
    return fanout::core::Result<UniqueFd>(UniqueFd::adopt(::open("/dev/full", O_RDWR | O_CLOEXEC)));
  };
  Run run({"a", "b"}, options, {.open_spill = open_full});
  run.start_all();
  run.out(0, "12345\n");
  run.out(0, "this is too long\n");
  run.out(0, "x\n");
  run.out(1, "short\n");
  run.end_ok(0);
  run.end_ok(1);
  CHECK(run.stdout_text() == "== a ==\n12345\n== b ==\nshort\n");
  CHECK(run.stderr_text() ==
        "[fanout: a: 19 bytes more not shown, temporary file: No space left on device]\n");
  REQUIRE(run.report().local_failure());
  CHECK(run.report().local_failure()->kind == ErrorKind::local);
  CHECK(run.report().finish(Milliseconds(0)));
  CHECK(run.stderr_text().find(
            "  truncated  a  19 bytes of output not shown, temporary file: No space left") !=
        std::string::npos);
}

TEST_CASE("report: a standard output that breaks is told once, and records are kept on",
          "[report]") {
  std::signal(SIGPIPE, SIG_IGN);
  for (const OutputForm shape : {OutputForm::block, OutputForm::line}) {
    auto pipe = fanout::sys::make_pipe();
    REQUIRE(pipe);
    pipe->read_end.close();
    Run run({"a", "b"}, form(shape), {.stdout_fd = pipe->write_end.get()});
    run.start_all();
    std::vector<std::string> errors;
    const auto note = [&](const fanout::core::Result<void> &result) {
      if (!result) errors.push_back(result.error().message);
    };
    for (const fanout::core::HostIndex host : {0U, 1U}) {
      note(run.print(host, Stream::out, "text\n"));
      note(run.print(host, Stream::err, "problem\n"));
      note(run.print(host, Stream::out, "text\n"));
      Outcome outcome;
      outcome.status = Status::ok;
      note(run.observe(Ended{host, outcome}));
    }
    note(run.report().finish(Milliseconds(0)));
    CHECK(errors == std::vector<std::string>{"standard output: Broken pipe"});
    REQUIRE(run.report().local_failure());
    CHECK(run.report().local_failure()->message == "standard output: Broken pipe");
    CHECK(run.report().outcomes()[1].status == Status::ok);
    // The other stream goes on, the summary too.
    CHECK(run.stderr_text().find("problem\n") != std::string::npos);
    CHECK(run.stderr_text().find("fanout: 2 hosts, 2 ok in 0.0 s\n") != std::string::npos);
  }
}

TEST_CASE("report: a standard output that is full says so", "[report]") {
  const UniqueFd full = UniqueFd::adopt(::open("/dev/full", O_WRONLY | O_CLOEXEC));
  Run run({"a"}, form(OutputForm::line), {.stdout_fd = full.get()});
  run.start(0);
  const auto result = run.print(0, Stream::out, "text\n");
  REQUIRE_FALSE(result);
  CHECK(result.error().message == "standard output: No space left on device");
}

TEST_CASE("notes: they are written with -v, safe even into a file", "[report]") {
  for (const int verbosity : {0, 1}) {
    Run run({"a"}, form(OutputForm::line, verbosity));
    run.start(0);
    REQUIRE(run.observe(Noted{0, "server says \x1b[2J\nhello"}));
    CHECK(run.stderr_text() == (verbosity == 0 ? "" : "fanout: a: server says \\x1b[2J\\nhello\n"));
  }
}

TEST_CASE("verbosity: once tells how long each host took, twice each step", "[report]") {
  const auto play = [](int verbosity) {
    Run run({"a"}, form(OutputForm::none, verbosity));
    run.start(0);
    REQUIRE(run.observe(PhaseEntered{0, Phase::connect}));
    REQUIRE(run.observe(PhaseEntered{0, Phase::run}));
    Outcome outcome;
    outcome.status = Status::ok;
    outcome.elapsed = std::chrono::milliseconds(1800);
    outcome.phases[static_cast<std::size_t>(Phase::connect)] = std::chrono::milliseconds(12);
    outcome.phases[static_cast<std::size_t>(Phase::run)] = std::chrono::milliseconds(1700);
    run.end(0, outcome);
    return run.stderr_text();
  };
  CHECK(play(0).empty());
  CHECK(play(1) == "fanout: a: ok in 1.8 s (connect 12 ms, run 1.7 s)\n");
  CHECK(play(2) ==
        "fanout: a: starting\nfanout: a: connecting\nfanout: a: running the command\n"
        "fanout: a: ok in 1.8 s (connect 12 ms, run 1.7 s)\n");
}

TEST_CASE("running text: it tells who runs, furthest first, and how many do not", "[report]") {
  Run run({"a", "b", "c", "d", "e"});
  CHECK(run.report().running_text() == "fanout: 0 running, 0 ended, 5 not started\n");
  for (const fanout::core::HostIndex host : {3U, 2U, 1U, 0U}) run.start(host);
  REQUIRE(run.observe(PhaseEntered{0, Phase::run}));
  REQUIRE(run.observe(PhaseEntered{2, Phase::run}));
  REQUIRE(run.observe(PhaseEntered{1, Phase::connect}));
  run.end_ok(3);
  CHECK(run.report().running_text() ==
        "fanout: 3 running, 1 ended, 1 not started\n  running the command  a,c\n  connecting       "
        "    b\n");
}

TEST_CASE("report: a host that is tried again runs twice and ends once", "[report]") {
  ReportOptions options;
  options.verbosity = 1;
  Run run({"a"}, options);
  run.start(0);
  REQUIRE(run.observe(PhaseEntered{0, Phase::connect}));
  Outcome refused;
  refused.status = Status::unreachable;
  refused.cause = "connect 10.0.0.1:22: Connection refused";
  REQUIRE(run.observe(fanout::core::Retrying{0, refused, Milliseconds(1'200)}));
  CHECK_FALSE(run.observe(PhaseEntered{0, Phase::connect}));
  CHECK(run.report().running_text() == "fanout: 0 running, 0 ended, 1 not started\n");
  run.start(0);
  refused.attempts = 2;
  run.end(0, refused);
  Outcome ran = refused;
  ran.phase = Phase::run;
  CHECK(fanout::report::reason(ran).find("attempts") == std::string::npos);
  REQUIRE(run.report().finish(Milliseconds(0)));
  CHECK(run.stderr_text().find("fanout: a: unreachable, connect 10.0.0.1:22: Connection refused; "
                               "again in 1.2 s\n") == 0);
  CHECK(run.stderr_text().find("Connection refused (2 attempts)\n") != std::string::npos);
}

TEST_CASE("finish: what a host without an end has printed is shown", "[report]") {
  Run run({"a"});
  run.start(0);
  run.out(0, "text\n");
  REQUIRE(run.observe(PhaseEntered{0, Phase::run}));
  CHECK(run.report().finish(Milliseconds(0)));
  CHECK(run.stdout_text() == "== a: internal, its end was never reported ==\ntext\n");
  CHECK(run.report().outcomes()[0].remote_end == RemoteEnd::unknown);
}

namespace {

fanout::core::Result<fanout::sys::UniqueFd> no_file() {
  return fanout::core::fail(ErrorKind::local, "no room");
}

}  // namespace

TEST_CASE("report: a copy that cannot be kept takes no line away from who is shown them live",
          "[report]") {
  for (const bool merges : {false, true}) {
    ReportOptions options;
    options.form = OutputForm::line;
    options.merges_too = merges;
    std::uint64_t kept = 0;
    options.keep_printed = [&kept](fanout::core::HostIndex, const Printed &printed) {
      kept = printed.out.text.size();
      CHECK(printed.out.bytes() == 2'000'000);
    };
    Run::Surroundings around;
    around.open_spill = no_file;
    Run run({"a"}, options, around);
    run.start(0);
    for (int i = 0; i < 2'000; ++i) run.out(0, std::string(999, 'x') + "\n");
    run.end_ok(0);
    CHECK(kept <= 16 * 1024);
    const std::string shown = run.stdout_text();
    CHECK(std::count(shown.begin(), shown.end(), '\n') == 2'000);
    // The groups do without, and say so; a journal knows itself.
    CHECK(run.report().local_failure().has_value() == merges);
    CHECK((run.report().outcomes()[0].dropped_bytes > 0) == merges);
  }
}

TEST_CASE("report: for a journal alone the beginning is kept, and nothing is told", "[report]") {
  ReportOptions options;
  options.form = OutputForm::none;
  options.max_output_bytes = 100'000;
  std::uint64_t kept = 0;
  std::uint64_t all = 0;
  options.keep_printed = [&](fanout::core::HostIndex, const Printed &printed) {
    kept = printed.out.text.size();
    all = printed.out.bytes();
    CHECK(printed.out.sha256.size() == 32);
  };
  Run run({"a"}, options);
  run.start(0);
  for (int i = 0; i < 300; ++i) run.out(0, std::string(999, 'x') + "\n");
  run.end_ok(0);
  REQUIRE(run.report().finish(fanout::core::Milliseconds(1)));
  CHECK(kept == 64 * 1024);
  CHECK(all == 300'000);
  CHECK(run.report().outcomes()[0].dropped_bytes == 0);
  CHECK(run.stderr_text() == "fanout: 1 host, 1 ok in 0.0 s\n");
}

TEST_CASE("report: sorted blocks wait for those that were selected before", "[report]") {
  ReportOptions options;
  options.sorted = true;
  Run run({"a", "b", "c", "d"}, options);
  run.start_all();
  run.out(2, "c\n");
  run.end_ok(2);
  CHECK(run.stdout_text().empty());
  run.out(0, "a\n");
  run.end_ok(0);
  CHECK(run.stdout_text() == "== a ==\na\n");
  run.out(1, "b\n");
  run.end_with(1, 3);
  CHECK(run.stdout_text() == "== a ==\na\n== b: failed, exit 3 ==\nb\n== c ==\nc\n");
  run.out(3, "d\n");
  REQUIRE(run.report().finish(fanout::core::Milliseconds(1)));
  CHECK(run.stdout_text().ends_with(
      "== c ==\nc\n== d: internal, its end was never reported ==\nd\n"));
}

TEST_CASE("report: outputs that differ are told in the summary, in every form", "[report]") {
  for (const OutputForm form : {OutputForm::none, OutputForm::line, OutputForm::block}) {
    ReportOptions options;
    options.form = form;
    options.compares = true;
    Run run({"a", "b", "c"}, options);
    run.start_all();
    run.out(0, "x\n");
    run.out(1, "y\n");
    run.out(2, "x\n");
    for (fanout::core::HostIndex host = 0; host < 3; ++host) {
      fanout::core::Outcome outcome;
      outcome.status = fanout::core::Status::ok;
      outcome.remote_end = fanout::core::RemoteEnd::exited;
      run.end(host, outcome);
    }
    REQUIRE(run.report().finish(fanout::core::Milliseconds(1)));
    CHECK(run.report().outputs_differ());
    CHECK(run.stderr_text().ends_with("  differs  b  printed something else than 2 other hosts\n"));
  }
}
