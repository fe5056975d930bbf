#include <algorithm>
#include <chrono>
#include <string>

#include <catch2/catch_test_macros.hpp>

#include "fanout/console/columns.hpp"
#include "report/live_lines.hpp"

using namespace fanout;
using core::Phase;
using core::Status;
using core::TaskKind;
using report::Course;
using report::format_row;
using report::lay_out;
using report::LiveLine;
using report::LiveRow;
using report::LiveTable;
using State = LiveRow::State;

namespace {

constexpr core::TimePoint begin{std::chrono::hours(1)};

// As a terminal of one column a byte would show it.
std::string shown(const LiveLine &line) {
  std::string text;
  for (const LiveLine::Piece &piece : line.pieces) {
    text.resize(std::max(text.size(), piece.column), ' ');
    text.replace(piece.column, std::string::npos, piece.text);
  }
  return text;
}

LiveRow running(Phase phase) {
  LiveRow row;
  row.state = State::running;
  row.phase = phase;
  row.began = begin;
  return row;
}

LiveRow ended(Status status, const std::string &reason = {}) {
  LiveRow row;
  row.state = State::ended;
  row.status = status;
  row.phase = Phase::connect;
  row.took = std::chrono::milliseconds(65'500);
  row.reason = reason;
  return row;
}

std::string row_of(const LiveRow &row, std::size_t columns, TaskKind task = TaskKind::exec) {
  return shown(
      format_row("web01", row, task, lay_out(columns, 5), begin + std::chrono::seconds(12)));
}

std::string totals(const Course &course, std::size_t columns) {
  LiveTable::Counts counts;
  counts.hosts = 20;
  counts.running = 7;
  counts.ended = 12;
  counts.failed = 1;
  return shown(format_totals(counts, course, std::chrono::seconds(45), columns));
}

}  // namespace

TEST_CASE("live lines: a row says what a host does, for how long, and what it has said last",
          "[report]") {
  LiveRow row = running(Phase::kex);
  CHECK(row_of(row, 80) == "web01  running      kex          0:12");
  CHECK(row_of(row, 120) == "web01  running      exchanging keys           0:12");
  row.last.feed(core::Stream::out, "hello\tworld\x1b\n");
  CHECK(row_of(row, 80) == "web01  running      kex          0:12  hello world\\x1b");
  CHECK(row_of(LiveRow(), 80) == "web01  waiting");
  CHECK(row_of(ended(Status::ok), 80) == "web01  ok                        1:05");
}

TEST_CASE("live lines: a host that has failed says why, before what it has printed", "[report]") {
  LiveRow row = ended(Status::unreachable, "connect 10.0.0.7:22: Connection refused");
  CHECK(row_of(row, 100) ==
        "web01  unreachable  connecting                1:05  connect 10.0.0.7:22: Connection "
        "refused");
  row = ended(Status::failed, "exit 3");
  row.last.feed(core::Stream::err, "no such file\n");
  CHECK(row_of(row, 80) == "web01  failed       connect      1:05  exit 3: no such file");
}

TEST_CASE("live lines: a transfer says how far it is", "[report]") {
  LiveRow row = running(Phase::run);
  CHECK(row_of(row, 80, TaskKind::put).find("copy ") != std::string::npos);
  row.done_bytes = 450;
  row.total_bytes = 1000;
  CHECK(row_of(row, 80, TaskKind::put).find("copy 45%") != std::string::npos);
  CHECK(row_of(row, 120, TaskKind::get).find("copying files 45%") != std::string::npos);
  CHECK(row_of(row, 80).find("run  ") != std::string::npos);
}

TEST_CASE("live lines: no row is wider than the terminal, and name and state are always there",
          "[report]") {
  LiveRow row = running(Phase::verify);
  row.last.feed(core::Stream::out, std::string(500, 'x'));
  for (std::size_t columns = 1; columns < 300; ++columns) {
    for (const std::size_t name : {1U, 11U, 60U, 255U}) {
      const report::LiveColumns laid = lay_out(columns, name);
      CHECK(laid.name.width >= 4);
      CHECK(laid.state.width >= 7);
      const std::string text =
          shown(format_row(std::string(name, 'n'), row, TaskKind::exec, laid, begin));
      if (columns >= 20) CHECK(text.size() <= columns);
      CHECK(text.find("running") != std::string::npos);
    }
  }
}

TEST_CASE("live lines: a name that is too long is cut, and no wide character in two", "[report]") {
  const report::LiveColumns laid = lay_out(40, 60);
  const LiveLine line =
      format_row("日本日本日本日本日本日本日本日本", LiveRow(), TaskKind::exec, laid, begin);
  CHECK(console::columns(line.pieces.front().text) <= laid.name.width);
  CHECK(line.pieces.front().text.ends_with("..."));
}

TEST_CASE("live lines: the totals say how the run goes", "[report]") {
  CHECK(totals({64, false, false, false, ""}, 80) ==
        "12 of 20 hosts, 7 running, 1 failed  0:45  parallel 64");
  CHECK(totals({64, true, false, false, "batch 2 of 5"}, 80) ==
        "12 of 20 hosts, 7 running, 1 failed  0:45  parallel 64  PAUSED  batch 2 of 5");
  CHECK(totals({64, true, true, false, ""}, 80).ends_with("STARTS NO MORE"));
  CHECK(totals({64, false, false, false, ""}, 20) == "12/20, 7 run, 1 fail  0:45");
  CHECK(totals({64, true, false, false, ""}, 20).starts_with("PAUSED  12/20"));
}

TEST_CASE("live lines: the keys that fit are shown", "[report]") {
  const auto keys = report::keys_of_table(report::LiveOrder::selection, false, false);
  for (std::size_t columns = 0; columns < 200; ++columns)
    CHECK(console::columns(report::fitting(keys, columns)) <= columns);
  CHECK(report::fitting(keys, 80).find("+/- parallel") != std::string::npos);
  CHECK(report::fitting(keys, 20).find("? help") != std::string::npos);
  CHECK(report::fitting(report::keys_of_table(report::LiveOrder::state, true, true), 80)
            .find("p go on") != std::string::npos);
}

TEST_CASE("live lines: times are those of a clock", "[report]") {
  using std::chrono::milliseconds;
  CHECK(report::format_clock(milliseconds(4'900)) == "0:04");
  CHECK(report::format_clock(milliseconds(725'000)) == "12:05");
  CHECK(report::format_clock(milliseconds(3'723'000)) == "1:02:03");
  CHECK(report::format_clock(milliseconds(-5)) == "0:00");
}
